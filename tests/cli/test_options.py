"""The option table, and everything that has to agree with it."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import averify, convert, create, iter_verify, update, verify
from checksig._keywords import Options
from checksig._options import FORMATS, OPERATIONS, REQUIRED, TABLE, options_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "options.md"

FUNCTIONS: list[tuple[Callable[..., Any], str]] = [
    (verify, "verify"),
    (iter_verify, "verify"),
    (averify, "verify"),
    (create, "create"),
    (update, "update"),
    (convert, "convert"),
]
OUTPUT = "a path (str, bytes or os.PathLike) or a file object that takes bytes"
OTHERS = {
    *("path", "check", "keep_verified", "config"),
    *("filesystem", "executor", "progress", "cancel"),
}
"""Parameters that are no options."""

each_function = pytest.mark.parametrize(
    ("function", "operation"), FUNCTIONS, ids=lambda value: getattr(value, "__name__", value)
)


def descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """Return the text of each ``:param name:`` in a docstring."""
    doc = inspect.getdoc(function) or ""
    found = re.findall(r"^:param (\w+): (.*?)(?=^:|^\S|\Z)", doc, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


@each_function
def test_signatures(function: Callable[..., Any], operation: str) -> None:
    """Names, order, defaults and annotations are those of the table."""
    parameters = inspect.signature(function).parameters
    options = options_of(operation)
    assert [name for name in parameters if name not in OTHERS] == list(options)
    for name, option in options.items():
        parameter = parameters[name]
        default = inspect.Parameter.empty if option.default == REQUIRED else option.default
        assert parameter.default == default, name
        assert type(parameter.default) is type(default), name
        assert parameter.annotation == option.annotation, name


@each_function
def test_docstrings(function: Callable[..., Any], operation: str) -> None:
    """Each parameter is described, in the order of the signature."""
    found = descriptions(function)
    assert list(found) == list(inspect.signature(function).parameters)
    assert all(text.endswith(".") for text in found.values())
    if operation == "verify":
        common = descriptions(verify)
        assert all(found[name] == common[name] for name in options_of("verify"))


def test_the_typed_dictionary() -> None:
    """`Options` has the options of `verify`."""
    assert {name: option.annotation for name, option in options_of("verify").items()} == {
        name: hint.__forward_arg__.replace('"', "'")
        for name, hint in Options.__annotations__.items()
    }


def test_each_option_once_per_operation() -> None:
    """No operation has two options of one name or one flag."""
    for operation in OPERATIONS:
        rows = [option for option in TABLE if operation in option.operations]
        names = [option.name for option in rows]
        flags = [flag for option in rows for flag in option.flags]
        assert len(set(names)) == len(names)
        assert len(set(flags)) == len(flags)
        assert all(option.help[0].islower() and not option.help.endswith(".") for option in rows)


def test_defaults_without_argparse() -> None:
    """The defaults of a command line that has paths only are those of the parser."""
    from checksig import cli

    command = cli.command_module("verify")
    parser = argparse.ArgumentParser()
    command.configure(parser)
    parsed = vars(parser.parse_args(["x", "y"]))
    defaults = vars(cli.Defaults(command, ["x", "y"]))
    assert {name: defaults[name] for name in parsed} == parsed
    assert vars(cli.Defaults(command, []))["paths"] == parser.parse_args([]).paths


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_command_line(operation: str) -> None:
    """Without arguments, an option has its default; each flag sets the keyword of its name."""
    from checksig.cli.arguments import add_arguments, given

    parser = argparse.ArgumentParser()
    add_arguments(parser, operation)
    required = ["--to=bsd"] if operation == "convert" else []
    keywords = given(parser.parse_args(required), operation)
    for name, option in options_of(operation).items():
        if name in keywords and option.default != REQUIRED:
            assert keywords[name] == option.default, name
    values = {"int": "7", "mapping": "a=b"}
    parsed = {
        "int": 7,
        "mapping": {"a": "b"},
        "algorithms": ["x"],
        "paths": ["x"],
        "patterns": ["x"],
        "names": ["x"],
        "texts": ["x"],
        "keys": ["x"],
        "output": b"x",
    }
    for name, option in options_of(operation).items():
        for flag in option.flags:
            value = option.choices[-1] if option.choices else values.get(option.type, "x")
            words = [flag] if option.type == "bool" else [flag, value]
            keywords = given(parser.parse_args([*required, *words]), operation)
            if option.type == "bool":
                assert keywords[name] is not option.default
            elif option.choices:
                assert keywords[name] == value
            else:
                assert keywords[name] == parsed.get(option.type, "x")


@each_function
def test_a_misspelt_keyword(function: Callable[..., Any], operation: str) -> None:
    """The error names the close option, and no other operation's."""
    option = list(options_of(operation))[-1]
    message = rf"^{function.__name__}\(\) got an unexpected keyword argument '{option}s'; "
    with pytest.raises(TypeError, match=message + rf"did you mean '{option}'\?$"):
        call(function, **{option + "s": 1})
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'qqq'$"):
        call(function, qqq=1)
    others = {option.name for option in TABLE} - set(options_of(operation))
    for name in others - set(inspect.signature(function).parameters):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            call(function, **{name: None})


def test_a_keyword_of_another_function() -> None:
    """The error names the function that has it."""
    with pytest.raises(TypeError, match=r"'part_size'; it is an option of verify\(\)$"):
        call(create, part_size="8MiB")


def test_a_keyword_named_as_on_the_command_line() -> None:
    """The error names the keyword for it, if there is one."""
    with pytest.raises(TypeError, match=r"'force'; did you mean 'overwrite'\?$"):
        call(create, force=True)
    with pytest.raises(TypeError, match=r"'force'$"):
        call(update, force=True)


@pytest.mark.parametrize(
    ("function", "name", "value", "expected"),
    [
        (verify, "recursive", "no", "a bool"),
        (verify, "recursive", 2, "a bool"),
        (verify, "extra", True, "a str"),
        (verify, "root", 3, "a path (str, bytes or os.PathLike)"),
        (verify, "strip", "1", "an int"),
        (verify, "strip", 1.0, "an int"),
        (verify, "remap", "a=b", "a mapping of str or bytes"),
        (verify, "remap", {"a": 1}, "a mapping of str or bytes"),
        (verify, "only", 1, "a path or a sequence of paths (str, bytes or os.PathLike)"),
        (verify, "only", [1], "a path or a sequence of paths (str, bytes or os.PathLike)"),
        (verify, "min_strength", 1, "a str"),
        (verify, "algorithm", 256, "a str"),
        (verify, "format", b"gnu", "a str"),
        (verify, "workers", "2", "an int"),
        (iter_verify, "workers", "2", "an int"),
        (averify, "workers", "2", "an int"),
        (create, "algorithm", 256, "a str or a sequence of str"),
        (create, "algorithm", [256], "a str or a sequence of str"),
        (create, "algorithm", b"md5", "a str or a sequence of str"),
        (verify, "include", 5, "a sequence of str or bytes"),
        (verify, "columns", [5], "a str or a sequence of str"),
        (create, "exclude", 5, "a sequence of str or bytes"),
        (create, "exclude", [5], "a sequence of str or bytes"),
        (create, "output", io.StringIO(), OUTPUT),
        (create, "output", 1, OUTPUT),
        (update, "add", "no", "a bool"),
        (convert, "to", 1, "a str"),
    ],
)
def test_a_wrong_type(
    function: Callable[..., Any], name: str, value: object, expected: str
) -> None:
    """It is refused at once, although the path does not exist."""
    required = {"to": "bsd", "output": "new"} if function is convert else {}
    with pytest.raises(TypeError) as caught:
        call(function, **{**required, name: value})
    assert str(caught.value) == f"{name} must be {expected}, not {value!r}"


def test_a_wrong_type_comes_before_the_first_item() -> None:
    """`iter_verify` raises when it is called; the engine checks names with the first item."""
    with pytest.raises(TypeError, match=r"^workers must be"):
        iter_verify("nowhere", workers="2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^workers must be"):
        iter_verify("nowhere", workers=0)
    items = iter_verify("nowhere", algorithm="none")
    with pytest.raises(ValueError, match=r"^unknown algorithm"):
        next(items)


def call(function: Callable[..., Any], **keywords: Any) -> None:
    """Call a function, and wait for the result of a coroutine."""
    done = function("nowhere", **keywords)
    if inspect.iscoroutine(done):
        asyncio.run(done)


def test_functions_stay_what_they_are() -> None:
    """`averify` is a coroutine function, and names and docstrings are the function's own."""
    assert inspect.iscoroutinefunction(averify)
    assert verify.__name__ == "verify"
    assert (verify.__doc__ or "").startswith("Verify every file")


def test_formats_are_those_of_the_engine(tmp_path: Path) -> None:
    """Completion offers the formats that the engine lists for an unknown one."""
    (tmp_path / "SHA256SUMS").touch()
    with pytest.raises(ValueError, match="known: ") as caught:
        verify(tmp_path, format="none")
    known = str(caught.value).partition("known: ")[2]
    assert sorted(known.split(", ")) == list(FORMATS)


@pytest.mark.parametrize("name", ["sha255", "SHA-255", ""])
def test_one_text_for_an_unknown_algorithm(tmp_path: Path, name: str, command: list[str]) -> None:
    """Whichever option has it, in Python and on the command line."""
    (tmp_path / "a").touch()
    (tmp_path / "SHA256SUMS").touch()
    messages: set[str] = set()
    calls: list[Callable[[], object]] = [
        lambda: verify(tmp_path, algorithm=name),
        lambda: verify(tmp_path, min_strength=name),
        lambda: create(tmp_path, output=tmp_path / "new", algorithm=name),
        lambda: update(tmp_path / "SHA256SUMS", algorithm=name),
        lambda: convert(tmp_path / "SHA256SUMS", "bsd", output=tmp_path / "n", algorithm=name),
    ]
    for each in calls:
        with pytest.raises(ValueError, match="unknown algorithm") as caught:
            each()
        assert type(caught.value) is ValueError
        messages.add(str(caught.value))
    (message,) = messages
    known = ", ".join(algorithm.name for algorithm in checksig.algorithms)
    hint = 'did you mean "sha256"? ' if name else ""
    assert message == f'unknown algorithm "{name}"; {hint}known: {known}'
    done = subprocess.run(
        [*command, "--algorithm", name, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"checksig: {message}\n")


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not next to the tests")
def test_the_reference_is_up_to_date(tmp_path: Path) -> None:
    """Generated again it is the same; else run python3 tools/dev.py reference."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_reference.py"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode().splitlines() == PAGE.read_text(encoding="utf-8").splitlines()


def test_aliases_of_old_names(tmp_path: Path) -> None:
    """What the old names return is what the new ones return."""
    (tmp_path / "a").touch()
    created = create(tmp_path)
    assert created.skipped == created.passed_by == ()
    (tmp_path / "b").touch()
    report = checksig.verify(tmp_path, extra="report")
    assert report.unlisted == report.extras
    assert len(report.unlisted) == report.extra == 1
