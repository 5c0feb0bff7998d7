"""``checksig keys FILE...``: list what files of public keys hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import keys
from .._printable import printable
from ..errors import ChecksigError
from .output import error_message
from .streams import complain, write

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "List the keys in files that --trust could name: OpenPGP certificates, public keys of"
        " signify, minisign and SSH, and allowed_signers files. The format, the algorithm, the"
        " fingerprint, when the key was created and expires, and its names are printed."
    )
    action: Any = parser.add_argument("files", metavar="FILE", nargs="+", help="a file of keys")
    action.value_kind = "file"  # for cli/completion.py


def run(options: argparse.Namespace) -> int:
    """Print a line for each key, and one for each of its names."""
    code = 0
    for file in options.files:
        try:
            found = keys(file)
        except (ChecksigError, OSError, ValueError) as error:
            complain(error_message(file, error))
            code = 2
            continue
        for key in found:
            write(str(key))
            for name in key.names:
                write(f"    {printable(name)}")
    return code
