"""action.yml: the steps of the GitHub action are run by bash, as GitHub's runner does."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
ACTION = ROOT / "action.yml"

pytestmark = [
    pytest.mark.skipif(not ACTION.exists(), reason="action.yml is not next to the tests"),
    pytest.mark.skipif(sys.platform == "win32", reason="bash of Windows may be that of WSL"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the action brings a newer Python"),
    pytest.mark.needs("bash", "module yaml"),
]


def parse(text: str) -> Any:
    """Parse YAML."""
    import yaml

    return yaml.safe_load(text)


@pytest.fixture
def act(tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:  # noqa: ARG001
    """Run the action's steps in a folder; return the exit code and the output of the last one."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    monkeypatch.setenv("GITHUB_ACTION_PATH", str(ROOT))
    (tmp_path / "temp").mkdir()

    def act(folder: Path, **given: str) -> tuple[int, str]:
        action = parse(ACTION.read_text(encoding="utf-8"))
        assert given.keys() <= action["inputs"].keys()
        values = {f"inputs.{name}": item["default"] for name, item in action["inputs"].items()}
        values |= {f"inputs.{name}": value for name, value in given.items()}
        values["steps.python.outputs.python-path"] = sys.executable
        code, text = 0, ""
        for step in action["runs"]["steps"]:
            if "run" not in step:
                continue
            assert step["shell"] == "bash"
            assert "${{" not in step["run"]  # what is put into a script could be a command
            env = {
                name: re.sub(r"\$\{\{ (\S+) \}\}", lambda match: values[match[1]], text)
                for name, text in step["env"].items()
            }
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            code, text = done.returncode, done.stdout
            if code:
                break
        return code, text

    return act


@pytest.mark.slow
def test_it_verifies(act: Callable[..., Any], tree: Callable[..., Path]) -> None:
    """It installs its own version, verifies the paths with the options, and fails if it must."""
    folder = tree({"a b": b"a", "sub/c": b"c"})
    code, text = act(folder)
    assert (code, "2 entries: 2 verified" in text) == (0, True), text
    (folder / "new").touch()
    code, text = act(folder, path="SHA256SUMS\n\n.\n", args="--extra fail\n--min-strength sha256")
    assert (code, "NOT LISTED" in text) == (1, True), text
    (folder / "a b").write_bytes(b"x")
    code, text = act(folder, path="SHA256SUMS")
    assert (code, "MISMATCHED" in text) == (1, True), text
    code, text = act(folder, path="nothing")
    assert code == 2, text


@pytest.mark.slow
def test_nothing_is_run_that_is_in_a_name(
    act: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    """Paths, options and files of the working folder are never executed, nor taken for options."""
    folder = tree({"a": b"a"}, manifest="--help $(touch hacked).sha256")
    (folder / "checksig").mkdir()
    (folder / "checksig" / "__init__.py").write_text("open('hacked', 'w')")
    (folder / "checksig" / "__main__.py").write_text("")
    code, text = act(folder, path="--help $(touch hacked).sha256", args="--strip 0 `touch hacked`")
    assert code == 2, text  # `touch is no file
    code, text = act(folder, path="--help $(touch hacked).sha256")
    assert (code, "1 entry: 1 verified" in text) == (0, True), text
    assert not (folder / "hacked").exists()


@pytest.mark.slow
def test_a_version_can_be_chosen(act: Callable[..., Any], tree: Callable[..., Path]) -> None:
    """A version that pip cannot find fails the step that installs."""
    folder = tree({"a": b"a"})
    code, text = act(folder, version=importlib.metadata.version("checksig"))
    assert code == 0, text
    code, text = act(folder, version="0.0.0.dev0")
    assert code != 0
    assert "checksig==0.0.0.dev0" in text


def test_its_actions_are_those_of_the_workflows() -> None:
    """Actions are pinned by the same commits as in the workflows, with the version beside."""
    pinned = re.compile(r"uses: (actions/\S+@[0-9a-f]{40} # v[\d.]+)$", re.MULTILINE)
    workflows = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")
    )
    text = ACTION.read_text(encoding="utf-8")
    used = pinned.findall(text)
    assert len(used) == len(re.findall(r"uses:", text)) == 1
    assert set(used) <= set(pinned.findall(workflows))


def test_the_documented_steps_are_valid() -> None:
    """The examples of the documentation use inputs that the action has."""
    inputs = parse(ACTION.read_text(encoding="utf-8"))["inputs"]
    page = (ROOT / "docs" / "guides" / "github-action.md").read_text(encoding="utf-8")
    page += (ROOT / "docs" / "get-started" / "ci.md").read_text(encoding="utf-8")
    steps: list[Any] = []
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        document = parse(block)
        jobs = document.get("jobs", {"": document})
        steps += [step for job in jobs.values() for step in job["steps"]]
    ours = [step for step in steps if step.get("uses", "").startswith("OWNER/REPOSITORY@")]
    assert len(ours) > 2
    for step in ours:
        assert step.get("with", {}).keys() <= inputs.keys()
    for name in inputs:
        assert f"| `{name}` |" in page
