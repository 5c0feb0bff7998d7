"""conda environments. No conda can be had from PyPI, so the records are written here."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import ManifestNotFoundError, PackageStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = subprocess.CompletedProcess[str]

FILES = {"/bin/tool": b"a", "/lib/python3/site-packages/tool.py": b"b"}


@pytest.fixture
def prefix(tmp_path: Path, build: Any) -> Path:
    """Make an environment of one package."""
    made = tmp_path / "env"
    build.write_files(made, FILES)
    build.write_conda(made, FILES)
    return made


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig conda`` outside the source tree."""
    return functools.partial(run, "conda")


def package_of(prefix: Path) -> checksig.PackageReport:
    """Verify an environment of one package."""
    (found,) = checksig.verify_conda(prefix=prefix).packages
    return found


def change(prefix: Path, edit: Callable[[Any], None]) -> None:
    """Change the record."""
    path = prefix / "conda-meta/tool-1-h_0.json"
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def test_the_command(prefix: Path, run: Callable[..., Run], build: Any) -> None:
    """The whole environment, one package, and the environment that is active."""
    done = run(prefix, "-v")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "OK          tool 1: 2 entries: 2 verified\n" in done.stdout
    assert run(prefix, "tool").returncode == 0
    assert run(prefix, "none").returncode == 2
    assert run(prefix / "bin").returncode == 2
    build.write_conda(prefix, {}).rename(prefix / "conda-meta/empty-1-h_0.json")
    build.write_conda(prefix, FILES)
    change(prefix, lambda record: record.update(name="other"))
    (prefix / "bin/tool").write_bytes(b"c")
    document = json.loads(run(prefix, "--json").stdout)
    assert [(p["name"], p["status"]) for p in document["packages"]] == [
        ("other", "failed"),
        ("tool", "verified"),
    ]
    assert run(prefix, "tool").returncode == 0
    done = run(prefix, "--junit", prefix / "report.xml")
    assert done.returncode == 1
    assert (prefix / "report.xml").exists()


def test_the_active_environment(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one that CONDA_PREFIX names."""
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    assert checksig.verify_conda().ok
    assert checksig.verify_conda("tool").path == str(prefix)
    monkeypatch.delenv("CONDA_PREFIX")
    with pytest.raises(ManifestNotFoundError, match="no conda environment is active"):
        checksig.verify_conda()


def test_what_was_installed(prefix: Path) -> None:
    """A file with a prefix in it has another digest and size than in the package."""

    def edit(record: Any) -> None:
        (entry, _) = record["paths_data"]["paths"]
        entry.update(
            file_mode="text",
            prefix_placeholder="/opt/placeholder",
            sha256=hashlib.sha256(b"original").hexdigest(),
            size_in_bytes=8,
        )
        record["paths_data"]["paths"].append({"_path": "share/empty", "path_type": "directory"})

    change(prefix, edit)
    assert package_of(prefix).status is PackageStatus.VERIFIED
    (prefix / "bin/tool").write_bytes(b"original")
    found = package_of(prefix)
    assert found.status is PackageStatus.FAILED
    (prefix / "bin/tool").unlink()
    assert package_of(prefix).status is PackageStatus.FAILED


@pytest.mark.skipif(os.name != "posix", reason="about links")
def test_links(prefix: Path, tmp_path: Path) -> None:
    """The digest of a link is that of what it leads to; one that leads outside is refused."""
    (prefix / "bin/link").symlink_to("tool")

    def edit(record: Any) -> None:
        record["paths_data"]["paths"].append(
            {
                "_path": "bin/link",
                "path_type": "softlink",
                "sha256": hashlib.sha256(b"a").hexdigest(),
                "size_in_bytes": 4,
            }
        )

    change(prefix, edit)
    assert package_of(prefix).status is PackageStatus.VERIFIED
    (tmp_path / "outside").write_bytes(b"a")
    (prefix / "bin/link").unlink()
    (prefix / "bin/link").symlink_to(tmp_path / "outside")
    assert package_of(prefix).status is PackageStatus.FAILED


def test_files_without_digests(prefix: Path) -> None:
    """Compiled files of a noarch package are counted; without digests nothing is verified."""
    compiled = {"_path": "lib/python3/site-packages/x.pyc", "path_type": "pyc_file"}
    script = {"_path": "bin/script", "path_type": "unix_python_entry_point"}
    change(prefix, lambda record: record["paths_data"]["paths"].append(compiled))
    found = package_of(prefix)
    assert (found.status, found.undigested) == (PackageStatus.VERIFIED, 1)
    change(prefix, lambda record: record["paths_data"]["paths"].append(script))
    found = package_of(prefix)
    assert (found.status, found.undigested) == (PackageStatus.UNVERIFIABLE, 2)
    assert found.problem == "1 files are recorded without a digest"
    change(prefix, lambda record: record["files"].append("bin/unlisted"))
    found = package_of(prefix)
    assert (found.status, found.problem) == (
        PackageStatus.UNVERIFIABLE,
        "the record lists 1 files without digests",
    )
    change(prefix, lambda record: record["paths_data"].update(paths=[compiled]))
    assert package_of(prefix).status is PackageStatus.UNVERIFIABLE
    change(prefix, lambda record: record.update(files=[]))
    found = package_of(prefix)
    assert (found.status, found.problem) == (
        PackageStatus.UNVERIFIABLE,
        "no file has a digest",
    )
    change(prefix, lambda record: record.pop("paths_data"))
    change(prefix, lambda record: record.update(files=["bin/tool"]))
    found = package_of(prefix)
    assert (found.status, found.problem) == (
        PackageStatus.UNVERIFIABLE,
        "the record lists 1 files without digests",
    )
    assert checksig.verify_conda(prefix=prefix, ignore_unrecorded=True).ok is False
    change(prefix, lambda record: record.update(files=[]))
    assert package_of(prefix).status is PackageStatus.VERIFIED  # it has none


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1" * 10_000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"paths_data": []}',
        b'{"paths_data": {"paths": [1]}}',
        b'{"paths_data": {"paths": [{"_path": []}]}}',
        b'{"paths_data": {"paths": [{}]}}',
        b'{"files": 7, "name": "x", "version": "1"}',
        b'{"name": "x", "version": "1"}',
        b'{"files": [], "name": "x"}',
        b'{"files": [], "name": "x", "version": 1}',
        b'{"files": [[]], "name": "x", "version": "1"}',
        b'{"paths_data": {}, "name": "x", "version": "1"}',
        b'{"paths_data": {"paths": {}}, "name": "x", "version": "1"}',
        b'{"paths_data": {"paths": [7]}, "name": "x", "version": "1"}',
        b'{"paths_data": {"paths": [{"_path": 7}]}, "name": "x", "version": "1"}',
        b'{"files": [], "name": "x", "version": "1", "files": []}',
        b'{"paths_data": {"paths": [{"_path": "bin/tool", "sha256": "0"}], "paths_version": 1}}',
        b'{"paths_data": {"paths": [{"_path": "bin/tool", "sha256": "0"}], "paths_version": 2}}',
        b'{"name": "\x1b[31m", "version": "\\n"',
    ],
)
def test_records_that_are_not_understood(
    prefix: Path, run: Callable[..., Run], content: bytes
) -> None:
    """Each is a failure, and never OK."""
    (prefix / "conda-meta/tool-1-h_0.json").write_bytes(content)
    done = run(prefix, "--ignore-unrecorded")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith("OK")]


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "bin/../../outside", "", "."])
def test_names_that_lead_outside(prefix: Path, tmp_path: Path, name: str) -> None:
    """None is read."""
    (tmp_path / "outside").write_bytes(b"a")
    change(prefix, lambda record: record["paths_data"]["paths"][0].update(_path=name))
    change(prefix, lambda record: record.update(files=[]))
    assert package_of(prefix).status is PackageStatus.FAILED


def test_a_key_that_is_there_twice(prefix: Path) -> None:
    """A record that a reader could take for one without files is not OK."""
    path = prefix / "conda-meta/tool-1-h_0.json"
    text = path.read_text()
    (prefix / "bin/tool").write_bytes(b"changed")
    for more in ('"paths_data": {"paths": [], "paths_version": 1}, ', '"files": [], '):
        for spoilt in (text[:1] + more + text[1:], text[:-1] + ", " + more[:-2] + "}"):
            path.write_text(spoilt)
            assert not checksig.verify_conda(prefix=prefix)
