"""Text that is safe to print: one line, without characters that a terminal acts on.

Names, file contents, arguments and messages of other programs pass through one of these two
functions before they become part of a text for people. go/internal/printable does the same in the
engine; the tests of both read ``tests/golden/quoting.json``.
"""

from __future__ import annotations

import os

__all__ = ["printable", "printable_text"]

_ESCAPED = '"' if os.name == "nt" else '"\\'


def printable(name: str) -> str:
    r"""Return *name* on one line, safe to print on a terminal.

    Quotes, backslashes, unprintable characters (``\"``, ``\n``, ``\x1b``) and undecodable bytes
    (``\xff``) are escaped. On Windows, backslashes are separators and are not escaped.
    """
    if name.isprintable() and not any(c in name for c in _ESCAPED):
        return name
    return "".join("\\" + c if c in _ESCAPED else _character(c) for c in name)


def printable_text(text: str) -> str:
    r"""Return *text* on one line, safe to print on a terminal.

    Like :func:`printable`, but quotes and backslashes stay as they are, so that a text can pass
    through it twice, and can have names in it that are quoted already.
    """
    return text if text.isprintable() else "".join(map(_character, text))


def _character(c: str) -> str:
    if c.isprintable():
        return c
    if "\udc80" <= c <= "\udcff":
        return f"\\x{ord(c) - 0xDC00:02x}"
    return c.encode("unicode_escape", "surrogatepass").decode("ascii")
