"""Containerfile: an image is built from the wheel by buildah, and its command is run."""

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
CONTAINERFILE = ROOT / "Containerfile"
SUITE = "bookworm"
PYTHON = (3, 11)
"""The version in that suite."""
BASE = "localhost/checksig-test-base"

pytestmark = pytest.mark.skipif(
    not CONTAINERFILE.exists(), reason="Containerfile is not next to the tests"
)


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the file, as pairs of name and arguments."""
    text = CONTAINERFILE.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined)]


def test_the_last_stage_has_no_root_user() -> None:
    """The process is no root user, and nothing of the build but the environment is in the image."""
    found = instructions()
    assert {name for name, _ in found} <= {
        "ARG",
        "FROM",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "WORKDIR",
        "ENTRYPOINT",
    }
    stages = [i for i, (name, _) in enumerate(found) if name == "FROM"]
    last = dict(found[stages[-1] :])
    assert last["USER"].partition(":")[0].isdigit()
    assert last["USER"] != "0:0"
    assert "RUN" not in last
    assert last["COPY"] == "--from=build /opt/checksig /opt/checksig"
    assert last["ENTRYPOINT"] == '["checksig"]'


@pytest.fixture
def buildah(tmp_path: Path) -> Callable[..., str]:
    """Run buildah with a storage of its own; return what it printed."""
    storage = ("--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run"))
    (tmp_path / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def run(*words: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            ["buildah", *storage, "--storage-driver", "vfs", *words],
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout.strip()

    return run


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.timeout(900)
@pytest.mark.needs("buildah", "debootstrap")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may chroot")
def test_the_image(
    tmp_path: Path,
    wheelhouse: Path,
    buildah: Callable[..., str],
    tree: Callable[..., Path],
    needs: Callable[..., None],
) -> None:
    """The image is built from the wheel, and verifies a folder that is mounted."""
    system = Path(os.environ.get("CHECKSIG_TEST_DEBIAN") or tmp_path / "debian")
    if not system.exists():
        packages = "--include=python3,python3-venv"
        command = ["debootstrap", "--variant=minbase", packages, SUITE, str(system)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        needs("a mirror of Debian", there=done.returncode == 0)
    container = buildah("from", "scratch")
    buildah("add", container, system, "/")
    buildah("commit", "--quiet", container, BASE)
    context = tmp_path / "context"
    shutil.copytree(wheelhouse, context / "dist")
    text = CONTAINERFILE.read_text(encoding="utf-8")
    if sys.version_info[:2] == PYTHON:  # the other wheels fit too: no network is needed
        text = text.replace("dist/checksig-*.whl", "dist/*.whl").replace(
            "--no-cache-dir", "--no-cache-dir --no-index --find-links=/wheels"
        )
        assert "--no-index" in text
    (context / "Containerfile").write_text(text)
    build = ("build", "--quiet", "--pull-never", "--build-arg", f"BASE={BASE}", "--tag", "checksig")
    buildah(*build, "--file", context / "Containerfile", context)

    shown = buildah("inspect", "--type", "image", "--format", "{{.OCIv1.Config.User}}", "checksig")
    assert shown == "65532:65532"
    folder = tree({"a": b"a"})
    os.chmod(tmp_path, 0o755)  # noqa: S103 - the user of the container is another one
    image = buildah("from", "--pull-never", "checksig")
    run = ("run", "--network", "none", "--volume", f"{folder}:/data:ro", image, "--")
    assert buildah(*run, "id", "-u") == "65532"
    assert "1 entry: 1 verified" in buildah(*run, "checksig", "--extra", "fail")
    (folder / "a").write_bytes(b"x")
    assert "MISMATCHED" in buildah(*run, "checksig", code=1)
