""".pre-commit-hooks.yaml: the hook, run by the real pre-commit in repositories made here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
HOOKS = ROOT / ".pre-commit-hooks.yaml"

pytestmark = [
    pytest.mark.skipif(not HOOKS.exists(), reason="the hooks are not next to the tests"),
    pytest.mark.needs("git", "module pre_commit"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

# A build backend that hands over the wheel which is tested, in place of a build of minutes.
BACKEND = """
import glob, os, shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    (wheel,) = glob.glob(os.path.join(os.environ["PIP_FIND_LINKS"], "checksig-*.whl"))
    return os.path.basename(shutil.copy(wheel, folder))
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
CONFIG = """
repos:
  - repo: {hooks}
    rev: {commit}
    hooks:
      - id: checksig
        args: {args}
"""


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, without anybody's settings."""
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def hooks(tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:  # noqa: ARG001
    """Make a repository with the hook that installs the wheel; return its path and its commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "hooks"
    folder.mkdir()
    shutil.copy(HOOKS, folder)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(PROJECT)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "hooks")
    return folder, git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tree: Callable[..., Path]) -> Path:
    """Make a repository with data that is as listed."""
    folder = tree({"data/a.bin": b"a", "data/b.bin": b"b"})
    git(folder, "init", "-q")
    return folder


def pre_commit(folder: Path, *words: str) -> tuple[int, str]:
    """Run pre-commit in a repository."""
    git(folder, "add", ".")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=250,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_definition_is_valid() -> None:
    """Pre-commit accepts the file."""
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", HOOKS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_commit_with_a_changed_file_is_refused(
    hooks: tuple[Path, str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook passes while all is as listed, and fails when a listed file changes.

    That only the file changes, and not the manifest, makes no difference.
    """
    path, commit = hooks
    config = CONFIG.format(hooks=path, commit=commit, args="[--extra, report, SHA256SUMS]")
    (repository / ".pre-commit-config.yaml").write_text(config)
    code, text = pre_commit(repository, "run", "--all-files")
    assert (code, "Passed" in text) == (0, True), text
    git(repository, "commit", "-q", "-m", "data")
    pre_commit(repository, "install")
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")  # from now on nothing is installed
    (repository / "data" / "a.bin").write_bytes(b"x")
    git(repository, "add", "data/a.bin")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        git(repository, "commit", "-q", "-m", "change")
    assert "MISMATCHED" in failed.value.stderr + failed.value.stdout
    (repository / "data" / "a.bin").unlink()
    code, text = pre_commit(repository, "run")
    assert (code, "MISSING" in text) == (1, True), text


def test_without_arguments(hooks: tuple[Path, str], repository: Path) -> None:
    """Without arguments the manifests at the top are verified; that there is none is an error."""
    path, commit = hooks
    config = CONFIG.format(hooks=path, commit=commit, args="[]")
    (repository / ".pre-commit-config.yaml").write_text(config)
    code, text = pre_commit(repository, "run", "--all-files")
    assert code == 0, text
    (repository / "SHA256SUMS").rename(repository / "list")
    code, text = pre_commit(repository, "run", "--all-files")
    assert (code, "no checksum manifest" in text) == (1, True), text


def test_as_a_local_hook_from_the_wheel(
    hooks: tuple[Path, str],  # noqa: ARG001
    repository: Path,
) -> None:
    """The documented configuration that installs the wheel works as well."""
    page = (ROOT / "docs" / "guides" / "pre-commit.md").read_text(encoding="utf-8")
    local = next(part for part in page.split("```yaml\n")[1:] if "repo: local" in part)
    config = local.partition("```")[0].replace("tests/data/SHA256SUMS", "SHA256SUMS")
    (repository / ".pre-commit-config.yaml").write_text(config)
    code, text = pre_commit(repository, "run", "--all-files")
    assert (code, "Passed" in text) == (0, True), text
    (repository / "data" / "a.bin").write_bytes(b"x")
    code, text = pre_commit(repository, "run", "--all-files")
    assert (code, "MISMATCHED" in text) == (1, True), text
