"""Time the import and the first call: ``first.py FOLDER checksig``, or ``FOLDER grpc PORT``."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def grpc_calls(port: int) -> Iterator[tuple[Callable[[], object], Callable[[str], str]]]:
    """Yield the two calls of the service, made as generated code makes them."""
    import grpc
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.wrappers_pb2 import StringValue

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        nothing = channel.unary_unary(
            "/checksig.Signatures/Nothing",
            request_serializer=Empty.SerializeToString,
            response_deserializer=Empty.FromString,
        )
        check = channel.unary_unary(
            "/checksig.Signatures/CheckSignatures",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        yield lambda: nothing(Empty()), lambda root: check(StringValue(value=root)).value


def main() -> None:
    """Print the seconds of both as JSON."""
    root, way = sys.argv[1:3]
    began = time.perf_counter()
    if way == "checksig":
        import checksig

        checksig.verify  # noqa: B018 - using the name imports the modules

        imported = time.perf_counter()
        checksig.verify(root)
        done = time.perf_counter()
    else:
        import google.protobuf.empty_pb2
        import google.protobuf.wrappers_pb2  # noqa: F401
        import grpc  # noqa: F401

        imported = time.perf_counter()
        with grpc_calls(int(sys.argv[3])) as (_, check_signatures):
            wrong = check_signatures(root)
            done = time.perf_counter()
        if wrong:
            sys.exit("the service does not verify")
    print(json.dumps({"import": imported - began, "first call": done - imported}))


if __name__ == "__main__":
    main()
