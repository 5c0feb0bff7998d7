"""What an import and a first call load: nothing before it is needed."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

import checksig
import checksig._light
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
    "tomllib",
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


# Together they take longer than the rest of a command line without options.
SLOW = {
    "argparse",
    "binascii",
    "collections",
    "contextlib",
    "enum",
    "functools",
    "itertools",
    "math",
    "operator",
    "re",
    "signal",
    "subprocess",
    "threading",
    "typing",
}


@pytest.mark.library
def test_paths_alone_load_little(
    tree: Callable[..., Path], python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all is as listed, the command loads neither argparse nor the engine's process."""
    monkeypatch.delenv("CHECKSIG_ENGINE", raising=False)
    program = "import os, checksig.cli; os.chdir(sys.argv[1]); checksig.cli.main(['SHA256SUMS'])"
    added = set(python(ADDED.format(program), tree({"a": b"a"})).splitlines()[-1].split())
    assert "checksig.cli.verify" in added
    ours = ("_config", "_files", "_engine.process", "_signed", "cli.junit", "packages.installed")
    assert not added & (SLOW | {f"checksig.{name}" for name in ours})


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
    assert cls(number=5, name="x") == cls._make(["x", 5]) == ("x", 5)
    assert cls("x")._asdict() == {"name": "x", "number": 3}
    parameters = inspect.signature(cls).parameters.values()
    empty = inspect.Parameter.empty
    assert [(each.name, each.default) for each in parameters] == [("name", empty), ("number", 3)]
    assert all("str" in str(each.annotation) or each.name == "number" for each in parameters)
    assert not hasattr(cls("x"), "__dict__")
    assert cls.__match_args__ == ("name", "number")
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        (("x", 3, 4), {}),
        (("x",), {"name": "y"}),
        (("x",), {"other": 1}),
    ]
    for values, named in wrong:
        with pytest.raises(TypeError):
            cls(*values, **named)


@pytest.mark.parametrize("module", [contextlib, checksig._light])
def test_context_managers(module: Any) -> None:
    """They do what those of contextlib do."""
    seen: list[str] = []

    def manager(name: str, *, quiet: bool = False) -> Any:
        """Do something."""
        seen.append(f"begin {name}")
        try:
            yield name.upper()
        except KeyError:
            if not quiet:
                raise
        except OSError as error:
            raise EOFError from error
        finally:
            seen.append("end")

    plain, manager = manager, module.contextmanager(manager)
    assert (manager.__name__, manager.__doc__) == ("manager", "Do something.")
    with manager("a") as value:
        assert value == "A"
    assert seen == ["begin a", "end"]

    def fail(error: type[Exception]) -> None:
        raise error

    with manager("a", quiet=True):
        fail(KeyError)
    for raised, error in ((KeyError, KeyError), (OSError, EOFError), (StopIteration,) * 2):
        with pytest.raises(error), manager("a"):
            fail(raised)
    assert len(seen) == 10
    with module.suppress(KeyError, OSError):
        fail(FileNotFoundError)
    with pytest.raises(ValueError), module.suppress(KeyError):  # noqa: PT011 - one of ours
        fail(ValueError)
    with module.closing(plain("b")) as generator:
        next(generator)
    assert seen[-2:] == ["begin b", "end"]


@pytest.mark.parametrize("module", [functools, checksig._light])
def test_wrappers(module: Any) -> None:
    """They look like the function in them."""

    def original(a: int) -> int:
        """Return it."""
        return a

    def plain(*values: Any) -> Any:
        return original(*values)

    wrapper = module.wraps(original)(plain)
    assert inspect.signature(wrapper) == inspect.signature(original)
    assert (wrapper.__qualname__, wrapper.__doc__) == (original.__qualname__, original.__doc__)


def test_the_outcomes_are_an_enumeration(python: Callable[..., str]) -> None:
    """The class is found where it always was, and in every process."""
    program = """
import enum, pickle, sys
sys.modules["checksig.cli"] = None  # where it is loaded only when it is used
from checksig import Status, report
assert report.Status is Status and issubclass(Status, (str, enum.Enum))
assert pickle.loads(pickle.dumps(Status.MISSING)) is Status("missing") is Status["MISSING"]
print(Status.__module__, len(Status), hasattr(report, "nothing"))
"""
    assert python(program) == "checksig.report 7 False\n"


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
