"""Finds out that a list of names, which a server sends in pages, would never end.

An honest list may have millions of names in thousands of pages, some of them empty. It has each
name once, and each page continues where no other one has.
"""

from __future__ import annotations

__all__ = ["MOST_NAMES", "EndlessError", "Pages"]

MOST_NAMES = 20_000_000
"""How many names a folder may have."""

_MOST_VAIN = 1000
"""How many pages without a new name may follow one another."""

_WAY = "name the manifest instead of the folder"


class EndlessError(ValueError):
    """A list repeats, or has too many names."""


class Pages:
    """Checks the pages of the list of one folder."""

    def __init__(self) -> None:
        self._vain = 0
        self._names: set[bytes] = set()
        self._tokens: set[str] = set()

    def add(self, names: list[bytes]) -> None:
        """Take the names of a page.

        :raises EndlessError: there are too many, or there was none for many pages.
        """
        before = len(self._names)
        self._names.update(names)
        if len(self._names) > MOST_NAMES:
            raise EndlessError(f"the folder has more than {MOST_NAMES:,} names; {_WAY}")
        self._vain = self._vain + 1 if len(self._names) == before else 0

    def follow(self, token: str | None) -> str:
        """Take what names the next page, and return it.

        :raises EndlessError: it is missing, or has named a page already.
        """
        if not token:
            raise EndlessError("the store says that the list goes on, and not where")
        if token in self._tokens:
            raise EndlessError(f"the store sends a list that begins anew and never ends; {_WAY}")
        if self._vain >= _MOST_VAIN:
            text = f"the store sends a list that goes on without new names for {self._vain} pages"
            raise EndlessError(f"{text}; {_WAY}")
        self._tokens.add(token)
        return token
