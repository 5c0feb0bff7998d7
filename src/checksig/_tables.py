"""Results as tables of Apache Arrow and pandas."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame  # pyright: ignore[reportMissingTypeStubs]

    from .report import Report

__all__ = ["load_package", "text_of", "to_arrow", "to_pandas"]

_FIELDS = ("algorithm", "expected", "found", "size")


def to_arrow(report: Report) -> Any:
    """Return a table of the results."""
    pa = load_package("pyarrow", "to_arrow")
    types = {"line": pa.int64(), "size": pa.int64(), "assumed": pa.bool_()}
    types |= {"name_bytes": pa.binary(), "path_bytes": pa.binary()}
    arrays = {
        name: pa.array(values, types.get(name, pa.string()))
        for name, values in _columns(report).items()
    }
    return pa.table(arrays)


def to_pandas(report: Report) -> DataFrame:
    """Return a data frame of the results."""
    pd = load_package("pandas", "to_pandas")
    types = {"line": "int64", "size": "int64", "assumed": "bool"}
    frame: DataFrame = pd.DataFrame(_columns(report)).astype(types)
    return frame


def load_package(package: str, method: str) -> Any:
    """Return a package that *method* needs.

    :raises ImportError: it cannot be imported.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{method}() needs {package}, which cannot be imported: pip install {package}",
            name=package,
        ) from error


def _columns(report: Report) -> dict[str, list[Any]]:
    results = report.results
    paths = [result.path for result in results]
    columns: dict[str, list[Any]] = {
        "name": [text_of(result.name) for result in results],
        "path": list(map(text_of, paths)),
        "status": [result.status.value for result in results],
        **{name: [getattr(result, name) for result in results] for name in _FIELDS},
        "manifest": [text_of(result.manifest) for result in results],
        "line": [result.line for result in results],
        "detail": [text_of(result.detail) for result in results],
        "assumed": [result.assumed for result in results],
        "opened": [text_of(result.opened) for result in results],
        "moved_to": [text_of(result.moved_to) for result in results],
        "evidence": [result.evidence for result in results],
        "name_bytes": [_bytes(result.name) for result in results],
        "path_bytes": list(map(_bytes, paths)),
    }
    return columns


def _bytes(name: str) -> bytes:
    return os.fsencode(name)


def text_of(name: str | None) -> str | None:
    r"""Return *name* as valid Unicode: bytes that are not UTF-8 are shown as ``\xff``."""
    if name is None or name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
