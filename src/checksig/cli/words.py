"""What the words after ``checksig verify`` are: manifests, folders, files and digests."""

from __future__ import annotations

import os
import stat

from .._source import is_remote
from .._typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MANIFESTS", "UsageError", "Words", "sort_words"]

_STREAM = "-"
"""The word for a manifest on standard input."""

_HEX = r"[0-9A-Fa-f]+"
_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_TAGGED = r"([A-Za-z][A-Za-z0-9_/-]*)[:-]([A-Za-z0-9+/]+={0,2})"

_URL_BASE64 = r"[A-Za-z0-9+/_-]+"

_LINE = r"\s*(?:([A-Za-z][A-Za-z0-9_/-]*)\s*(?:\(.*\))?\s*[:=]\s*)?([0-9A-Fa-f]+)(?:\s.*)?"

_SHORT_HEX = {8, 16}
"""The lengths of digests that a file's name may have by chance."""

_LONG_HEX = {32, 40, 48, 56, 64, 96, 128}
_PADDING = {24: 2, 28: 1, 40: 2, 44: 1, 64: 0, 88: 2}
"""How many ``=`` a digest in base64 ends with, by its length."""

_UNPADDED = {length - pad: pad for length, pad in _PADDING.items() if length > 40}
"""How many ``=`` are left out, by the length without them."""

MANIFESTS = {
    f"{name}SUMS" for name in ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "B2")
}
"""Names that no other files have; the engine need not look into these first."""

_MIN_CUT = 28
"""A missing file whose name is hex, and longer than this, was meant to be a digest."""

_LENGTHS = {*_LONG_HEX, *_SHORT_HEX, *_PADDING}


class UsageError(ValueError):
    """The words do not belong together; the message says what to write instead."""


class Words(NamedTuple):
    """The words of a command line, each in one of these lists."""

    sources: list[str]
    """Manifests, folders and streams of which everything is verified, or only ``files``."""
    files: list[str]
    """Files to verify; with no source, by the manifests beside them."""
    digests: list[str]
    """Digests of the only one of ``files``, which can be standard input."""
    unclear: list[str]
    """Those of ``files`` that hold digests, but begin like no manifest."""


def sort_words(words: Sequence[str], *, are_manifests: bool) -> Words:
    """Return what *words* are.

    A word with the form of a digest is one, whatever files there are: otherwise a file of that name
    could take its place. Write ``./NAME`` for such a file.

    :param are_manifests: Files are manifests, because an option says so.
    :raises UsageError: they do not belong together.
    """
    digests = [word for word in words if _is_digest(word)]
    if len(digests) == len(words) and all(map(os.path.lexists, words)):
        digests = []
    others = [word for word in words if word not in digests]
    for word in others:
        if len(word) > _MIN_CUT and not os.path.lexists(word) and _is_hex(word):
            text = f"there is no such file, and no digest has {len(word)} hex digits: was it cut?"
            raise UsageError(f"{word}: {text}")
        meant = _digest_in(word) if len(word) > _MIN_CUT and len(words) > 1 else ""
        if meant and not os.path.lexists(word):
            from .._printable import printable

            text = f"there is no such file; if the digest in it is meant, give {meant}"
            raise UsageError(f"{printable(word)}: {text}")
    if not digests:
        return _sort_paths(others, are_manifests=are_manifests)
    if len(others) != 1:
        what = "several files" if others else "no file"
        raise UsageError(
            f"{digests[0]}: a digest, with {what}; write checksig FILE DIGEST, and ./NAME for a"
            " file whose name has the form of a digest"
        )
    if os.path.isdir(others[0]):
        raise UsageError(f"{others[0]}: not a file, which the digest {digests[0]} could be about")
    return Words([], others, [text for word in digests for text in word.split()], [])


def _is_hex(word: str) -> bool:
    import re

    return bool(re.fullmatch(_HEX, word))


def _digest_in(word: str) -> str:
    """Return the digest of *word* if that is a line of a manifest or the like; otherwise nothing.

    Pages show digests as ``SHA256: 9f86…``, with a name, in groups, or in the base64 of addresses.
    """
    import re

    grouped = re.sub(r"^0[xX]|[\s:]", "", word)
    if word[2] == "-":  # not in a UUID
        grouped = grouped.replace("-", "")
    if _is_hex(grouped) and len(grouped) in _LONG_HEX:
        return grouped
    if re.fullmatch(_URL_BASE64, word) and len(word) in _UNPADDED:
        return word.translate({ord("-"): "+", ord("_"): "/"}) + "=" * _UNPADDED[len(word)]
    line = re.fullmatch(_LINE, word)
    if line is None or len(line[2]) not in _LONG_HEX:
        return ""
    tagged = f"{line[1]}:{line[2]}"
    return tagged if line[1] and _is_one_digest(tagged) else line[2]


def _is_digest(word: str) -> bool:
    """Whether *word* has the form of a digest, or of several."""
    parts = word.split()
    if len(parts) > 1 and max(map(len, parts)) <= max(_SHORT_HEX):
        return False  # the groups of one
    return bool(parts) and all(map(_is_one_digest, parts))


def _is_one_digest(word: str) -> bool:
    if len(word) not in _LENGTHS and ":" not in word and "-" not in word:
        return False
    import re  # here, as it takes longer than to verify a file

    whole = re.sub("-[1-9][0-9]{0,4}$", "", word)  # of parts, see verify(part_size=)
    if re.fullmatch(_HEX, whole) and len(whole) in _LONG_HEX:
        return True
    if re.fullmatch(_HEX, word) and len(word) in _SHORT_HEX:
        return not os.path.lexists(word)
    if re.fullmatch(_BASE64, word) and _PADDING.get(len(word)) == word.count("="):
        return True
    tagged = re.fullmatch(_TAGGED, word)
    if tagged is None or len(tagged[2]) < min(_SHORT_HEX):
        return False
    from .._algorithms import find, load

    name = find(tagged[1]).partition("-")[0]
    return any(name in {each.name, each.name.partition("-")[0]} for each in load())


def _sort_paths(words: Sequence[str], *, are_manifests: bool) -> Words:
    kinds = {word: _kind(word) for word in words}
    regular = [word for word, kind in kinds.items() if kind == "file"]
    unclear: list[str] = []
    if are_manifests:
        kinds.update(dict.fromkeys(regular, "source"))
    doubtful = [word for word in regular if os.path.basename(word) not in MANIFESTS]
    kinds.update({word: "source" for word in regular if word not in doubtful})
    if doubtful and not are_manifests:
        from .._engine.wire import Content
        from .._files import recognise

        for word, content in zip(doubtful, recognise(doubtful), strict=True):
            if content == Content.MANIFEST:
                kinds[word] = "source"
            elif content == Content.UNKNOWN:
                unclear.append(word)
    sources = [word for word in words if kinds[word] == "source"]
    if len(sources) != 1:  # what is missing is an error of its own
        sources = [word for word in words if kinds[word] != "file"]
    files = [word for word in words if word not in sources]
    return Words(sources, files, [], unclear)


def _kind(word: str) -> str:
    """Return ``source``, ``file`` or ``missing``."""
    if word == _STREAM or is_remote(word):
        return "source"
    try:
        mode = os.stat(word).st_mode
    except OSError:
        return "missing"
    return "file" if stat.S_ISREG(mode) else "source"
