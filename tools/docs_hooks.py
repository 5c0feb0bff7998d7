"""What the documentation site needs besides Markdown: a hook of mkdocs and an extension of griffe.

Links out of docs/ lead to the repository. The docstrings' Sphinx roles become links.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).resolve().parent.parent
ROLE = re.compile(r":(?:class|func|meth|attr|exc|mod|data|obj):`~?([^`]+)`")
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
DOCTEST = re.compile(r"(?:^[ \t]*(?:>>>|\.\.\.) .*\n?)+", re.MULTILINE)


def repository() -> str:
    """Return the address of the repository's files, from the project's metadata."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (source,) = re.findall(r'^Source = "([^"]+)"$', project, re.MULTILINE)
    return f"{source}/blob/main/"


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Let links out of docs/ lead to the repository; a link to nothing stays, and is an error."""
    folder = Path(page.file.abs_src_path).parent

    def outside(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / match[2]))
        if re.match(r"\w+:", match[2]) or target.is_relative_to(ROOT / "docs"):
            return match[0]
        if not target.is_relative_to(ROOT) or not target.exists():
            return match[0]
        return f"{match[1]}{repository()}{target.relative_to(ROOT).as_posix()}{match[3]}"

    return LINK.sub(outside, markdown)


def public_names() -> frozenset[str]:
    """Return the names that the package exports, without importing it."""
    module = ast.parse((ROOT / "src/checksig/__init__.py").read_text(encoding="utf-8"))
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset({*ast.literal_eval(node.value), "algorithms"})
    raise LookupError("checksig has no __all__")


class Roles(griffe.Extension):
    """Translate what docstrings have of reStructuredText into Markdown."""

    def __init__(self) -> None:
        super().__init__()
        self._public = public_names()

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Translate the docstring of an object."""
        if obj.docstring is None:
            return
        owner = obj if obj.is_class else obj.parent
        name = owner.name if owner is not None and owner.is_class else ""
        text = DOCTEST.sub(self._fenced, obj.docstring.value)
        obj.docstring.value = ROLE.sub(lambda match: self._link(match[1], name), text)

    @staticmethod
    def _fenced(match: re.Match[str]) -> str:
        code = re.sub(r" *# doctest:.*", "", match[0]).rstrip()
        return f"```pycon\n{code}\n```\n"

    def _link(self, name: str, owner: str) -> str:
        short = name.removeprefix("checksig.")
        if short.partition(".")[0] in self._public:
            return f"[`{short}`][checksig.{short}]"
        if owner in self._public and name.isidentifier() and name.islower():
            return f"[`{name}`][checksig.{owner}.{name}]"
        return f"`{name}`"
