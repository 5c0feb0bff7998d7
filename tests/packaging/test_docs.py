"""The documentation is correct: tests it names exist, links lead somewhere, names are all there.

Its examples are run by test_examples.py.
"""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

import checksig
from checksig import errors

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).resolve().parent.parent.parent
PROMISES = ("host-process", "files", "writing")

pytestmark = pytest.mark.skipif(
    not (ROOT / "README.md").exists(), reason="the documentation is not next to the tests"
)


def promises(name: str) -> str:
    """Return the text of a page of promises."""
    return (ROOT / "docs" / "reference" / f"promises-{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PROMISES)
def test_the_tests_that_are_named_exist(page: str) -> None:
    """Every promise names a Python test, Go test or Go fuzz target that exists."""
    text = promises(page)
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        (path,) = (ROOT / "tests").rglob(file)
        source = path.read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"
    go = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "go").rglob("*_test.go"))
    for target in re.findall(r"`((?:Fuzz|Test)\w+)`", text):
        assert f"func {target}(" in go, target


@pytest.mark.parametrize("page", PROMISES)
def test_every_row_names_a_test(page: str) -> None:
    """Every row of the tables of promises names a test."""
    for line in promises(page).splitlines():
        if line.startswith("| ") and not line.startswith(("| hazard", "| what", "| ---")):
            assert re.search(r"`(test_\w+\.py::test_\w+|(?:Fuzz|Test)\w+)`[^|]*\|$", line), line


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    if not (ROOT / "CONTRIBUTING.md").exists():
        pytest.skip("a source distribution does not contain all pages")
    broken: list[str] = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"\w+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_the_exceptions_are_as_listed() -> None:
    """The tree of exceptions on the page is that of the package."""
    text = (ROOT / "docs" / "reference" / "python-api.md").read_text(encoding="utf-8")
    tree = text.partition("```text\nChecksigError")[2].partition("```")[0]
    bases = {"ChecksigError": {"Exception"}}
    above = ["ChecksigError"]
    rows = re.findall(r"^([│ ]*[├└]── )(\w+)(?: \((\w+)\))?", tree, re.MULTILINE)
    for marks, name, other in rows:
        depth = len(marks) // 4
        bases[name] = {above[depth - 1], *filter(None, [other])}
        above[depth:] = [name]
    assert set(bases) == set(errors.__all__)
    for name, listed in bases.items():
        assert {base.__name__ for base in getattr(errors, name).__bases__} == listed, name


def test_the_properties_of_the_json_document_are_up_to_date(tmp_path: Path) -> None:
    """The page is as generated; else run python3 tools/dev.py reference."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_schema.py"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    page = ROOT / "docs" / "reference" / "json-properties.md"
    assert done.stdout.decode().splitlines() == page.read_text(encoding="utf-8").splitlines()


def test_every_public_name_has_a_place_in_the_reference() -> None:
    """The pages about the API describe each name of the package once, and no other."""
    pages = sorted((ROOT / "docs" / "reference" / "api").glob("*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    described = re.findall(r"^::: checksig\.(\w+)$", text, re.MULTILINE)
    assert sorted(described) == sorted([*checksig.__all__, "algorithms"])


def test_links_of_the_package_index() -> None:
    """The description in the metadata has no relative link; each link leads to a file here."""
    metadata = importlib.metadata.metadata("checksig")
    urls = dict(url.split(", ", 1) for url in metadata.get_all("Project-URL") or [])
    assert set(urls) == {"Source", "Documentation", "Changelog", "Issues"}
    assert all(url.startswith(urls["Source"]) for url in urls.values())
    text = str(cast("Message", metadata).get_payload()).replace("\r\n", "\n")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 20
    tag = f"{urls['Source']}/blob/v{metadata['Version']}/"
    for link in [*links, urls["Documentation"], urls["Changelog"]]:
        assert re.match(r"https://", link), link
        name = link.removeprefix(tag).removeprefix(f"{urls['Source']}/blob/main/")
        if name != link and (ROOT / "CONTRIBUTING.md").exists():  # a source distribution lacks it
            assert (ROOT / name.partition("#")[0]).exists(), link
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.strip().replace(tag, "") == readme.strip()


def test_every_attribute_is_described() -> None:
    """Each public attribute of a public class has a docstring, which the reference shows."""
    lacking: list[str] = []
    for name in checksig.__all__:
        cls = getattr(checksig, name)
        if not inspect.isclass(cls) or name == "Options":  # its members are those of verify
            continue
        tree = ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        names = [base.__name__ for base in cls.__mro__ if base.__name__ in classes]
        for node, after in (
            pair for base in names for pair in itertools.pairwise([*classes[base].body, ast.Pass()])
        ):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if not node.target.id.startswith("_") and not described:
                    lacking.append(f"{name}.{node.target.id}")
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                lacking += [] if ast.get_docstring(node) else [f"{name}.{node.name}"]
    assert lacking == []
