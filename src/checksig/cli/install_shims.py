"""``checksig install-shims DIR``: scripts that replace the commands of GNU coreutils."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .._printable import printable
from .coreutils import CLOSED_ENV, COMMANDS, engine
from .streams import complain, write

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]

_MARK = "made by checksig install-shims"
"""A comment in each script; only files with it are replaced or removed."""

_MAX_BYTES = 16384
"""More than any shim has; a longer file is something else."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        f"Write scripts into DIR that replace commands of GNU coreutils: {', '.join(COMMANDS)}."
        " To use them, put DIR first in PATH. Other files are never overwritten or removed."
    )
    parser.add_argument(
        "directory", metavar="DIR", help="the folder, which is created if necessary"
    )
    parser.add_argument("--remove", action="store_true", help="remove the scripts from DIR")


def run(options: argparse.Namespace) -> int:
    """Write or remove the scripts, print their names, and return the exit code."""
    folder = Path(options.directory)
    shims = [folder / (f"{name}.cmd" if os.name == "nt" else name) for name in COMMANDS]
    try:
        others = [shim for shim in shims if os.path.lexists(shim) and not _is_ours(shim)]
        if options.remove:
            return _remove([shim for shim in shims if shim not in others])
        for shim in others:
            complain(f"{printable(str(shim))}: not a script of checksig; nothing was written")
        return 2 if others else _write(folder, shims)
    except OSError as error:
        complain(f"{printable(str(error.filename or folder))}: {error.strerror}")
        return 2


def _is_ours(shim: Path) -> bool:
    if shim.is_symlink() or not shim.is_file() or shim.stat().st_size > _MAX_BYTES:
        return False
    return _MARK.encode() in shim.read_bytes()


def _remove(shims: list[Path]) -> int:
    for shim in shims:
        if os.path.lexists(shim):
            shim.unlink()
            write(f"removed {printable(str(shim))}")
    return 0


def _write(folder: Path, shims: list[Path]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for shim in shims:
        _replace(shim, os.fsencode(_text(shim.stem)))
        write(f"wrote {printable(str(shim))}")
    return 0


def _replace(shim: Path, content: bytes) -> None:
    """Replace the file in one step, as the command may be running."""
    descriptor, name = tempfile.mkstemp(dir=shim.parent, prefix=".checksig-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(name, 0o755)  # noqa: S103 - commands are for all users
        os.replace(name, shim)
    except BaseException:
        os.unlink(name)
        raise


def _text(name: str) -> str:
    program = str(Path(engine()).resolve())
    if os.name == "nt":
        escaped = program.replace("%", "%%")
        return f'@rem {_MARK}\r\n@"{escaped}" {name} %*\r\n'
    return f"""\
#!/bin/sh
# {_MARK}
closed=
{{ {{ :; }} 3<&0; }} 2>/dev/null || closed=0
{{ {{ :; }} 3>&1; }} 2>/dev/null || closed=${{closed}}1
{CLOSED_ENV}=$closed exec {shlex.quote(program)} {name} "$@"
"""
