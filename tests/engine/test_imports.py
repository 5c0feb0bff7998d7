"""What an import and a first call load: nothing before it is needed."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

import checksig
import checksig._typing
from checksig import Converted, Created, Report, Updated, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Importing any of these takes longer than a call, or than importing the package.
HEAVY = {
    "argparse",
    "asyncio",
    "cffi",
    "concurrent.futures",
    "dataclasses",
    "email",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "tempfile",
    "tqdm",
    "unittest",
    "urllib.parse",
    "xml.etree.ElementTree",
}

ADDED = """
import sys
before = set(sys.modules)
{}
print(*sorted(set(sys.modules) - before))
"""


def test_an_import_loads_nothing_else(python: Callable[..., str]) -> None:
    """Importing checksig loads none of its modules; names load them."""
    added = python(ADDED.format("import checksig")).split()
    assert "checksig" in added
    assert set(added) <= {"checksig", "__future__"}


def test_a_name_loads_no_engine(python: Callable[..., str]) -> None:
    """``from checksig import verify`` loads all that verify() needs but the engine."""
    added = set(python(ADDED.format("from checksig import verify")).split())
    assert {"checksig._verify", "checksig._engine.process", "checksig.report"} <= added
    assert not added & {*HEAVY, "_cffi_backend", "checksig._generate", "checksig.packages.dpkg"}


@pytest.mark.usefixtures("engine")
def test_a_call_loads_nothing_heavy(httpd: Path, python: Callable[..., str]) -> None:
    """A call with either engine, and its report, load no slow module."""
    heavy = HEAVY - ({"tempfile"} if sys.platform == "win32" else set())  # for the pipe
    program = "import checksig; str(checksig.verify(sys.argv[1], check=False).results)"
    added = set(python(ADDED.format(program), httpd).split())
    assert "checksig._verify" in added
    assert not added & heavy


# Each takes several milliseconds, which a command line without options does without.
SLOW = {"argparse", "re", "subprocess", "threading", "typing"}


@pytest.mark.library
def test_paths_alone_load_little(
    httpd: Path, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without options, the command loads neither argparse nor what the engine's process needs."""
    monkeypatch.delenv("CHECKSIG_ENGINE", raising=False)
    program = "import os, checksig.cli; os.chdir(sys.argv[1]); checksig.cli.main(['sha1sum.txt'])"
    added = set(python(ADDED.format(program), httpd).splitlines()[-1].split())
    assert "checksig.cli.verify" in added
    slow = SLOW | {"checksig._engine.process", "checksig.cli.junit", "checksig.packages.installed"}
    assert not added & slow


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["-r", "FOLDER"], {"argparse"}),
        (["--quiet", "FOLDER"], {"argparse"}),
        (["--json", "FOLDER"], {"argparse", "json"}),
    ],
)
def test_the_command_loads_what_it_needs(
    httpd: Path, python: Callable[..., str], words: list[str], allowed: set[str]
) -> None:
    """XML, progress bar and other commands are loaded only when used."""
    words = [str(httpd) if word == "FOLDER" else word for word in words]
    program = f"from checksig.cli import main; main({words!r})"
    added = set(python(ADDED.format(program)).splitlines()[-1].split())
    assert "checksig.cli.verify" in added
    assert added & HEAVY == allowed
    assert not added & {"checksig.cli.create", "checksig.cli.env", "checksig.packages.environment"}


def test_every_name_is_there(python: Callable[..., str]) -> None:
    """All names can be listed, read and imported with a star; others cannot."""
    program = """
import checksig, json
from checksig import *
here = dict(globals())
print(json.dumps([
    [name for name in checksig.__all__ if here[name] is not getattr(checksig, name)],
    sorted({*checksig.__all__, "algorithms", "errors", "report"} - set(dir(checksig))),
    checksig.report.Report is checksig.Report,
    checksig.errors.EngineError is checksig.EngineError,
    hasattr(checksig, "nothing"),
]))
"""
    assert json.loads(python(program)) == [[], [], True, True, False]


class Ours(checksig._typing.NamedTuple):
    """A name."""

    name: str
    number: int = 3

    def twice(self) -> int:
        """Return twice the count."""
        return 2 * self.number


class Theirs(NamedTuple):
    """A name."""

    name: str
    number: int = 3

    def twice(self) -> int:
        """Return twice the count."""
        return 2 * self.number


@pytest.mark.parametrize("cls", [Ours, Theirs])
def test_named_tuples(cls: Any) -> None:
    """The classes are what typing.NamedTuple makes of them."""
    assert cls._fields == ("name", "number")
    assert cls._field_defaults == {"number": 3}
    assert (cls.__module__, cls.__doc__) == (__name__, "A name.")
    assert cls("x") == ("x", 3)
    assert cls("x")._replace(number=5).twice() == 10
    assert repr(cls("x")) == f"{cls.__name__}(name='x', number=3)"
    assert list(cls.__annotations__) == ["name", "number"]
    assert pickle.loads(pickle.dumps(cls("x"))) == ("x", 3)  # noqa: S301
    with pytest.raises(TypeError):
        cls()


def test_records_are_dataclasses(httpd: Path) -> None:
    """The dataclasses module accepts them: fields, replace, copies, subclasses."""
    report = verify(httpd, check=False)
    assert dataclasses.is_dataclass(report)
    names = [field.name for field in dataclasses.fields(report)]
    assert names[:3] == ["path", "manifests", "verified"]
    other = dataclasses.replace(report, path="elsewhere")
    assert (other.path, other.verified, report.path) == ("elsewhere", 9, str(httpd))
    assert other != report
    assert hash(other) != hash(report)
    assert dataclasses.asdict(report)["mismatched"] == 1
    twin = pickle.loads(pickle.dumps(report))  # noqa: S301
    assert twin == report == copy.copy(report)
    assert hash(twin) == hash(report)

    @dataclasses.dataclass(frozen=True)
    class Named(Report):
        title: str = ""

    named = Named(**cast("dict[str, Any]", vars(twin)), title="x")
    assert (named.title, named.verified) == ("x", 9)
    for change in ("path", "something"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(report, change, "x")
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(report, change)


def test_records_are_what_dataclasses_makes() -> None:
    """Text, field order and errors equal those of real dataclasses."""
    classes: tuple[Any, ...] = (Report, Created, Updated, Converted, checksig.PackageReport)
    for cls in classes:
        fields = dataclasses.fields(cls)
        values = [field.name for field in fields]
        record = cls(*values)
        assert [getattr(record, field.name) for field in fields] == values
        assert record == cls(**dict(zip(values, values, strict=True)))
        if cls.__name__ in {"Created", "Updated", "Converted"}:
            shown = (f"{name}={name!r}" for name in values if not name.startswith("_"))
            assert repr(record) == f"{cls.__name__}({', '.join(shown)})"
        assert cls.__match_args__ == tuple(values)
        needed = [field for field in fields if field.default is dataclasses.MISSING]
        for wrong in (values[: len(needed) - 1], [*values, "more"]):
            with pytest.raises(TypeError):
                cls(*wrong)
        with pytest.raises(TypeError):
            cls(*values, **{values[0]: "twice"})
        with pytest.raises(TypeError):
            cls(*values, unknown=1)
