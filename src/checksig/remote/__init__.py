"""Files in object stores, on servers and in archives, which fsspec reads.

The engine decides what is read, and whether it is good. It asks for descriptions, lists and bytes,
which :mod:`.server` gets from a store of :mod:`.stores`, :mod:`.s3` or :mod:`.http`. Nothing here
is imported before the first remote path is used.
"""

from __future__ import annotations

from .connect import Place, Remote, connect, encode_create, encode_fields, encode_signature

__all__ = ["Place", "Remote", "connect", "encode_create", "encode_fields", "encode_signature"]
