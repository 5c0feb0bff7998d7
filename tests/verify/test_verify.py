"""The functions that verify: what they find, return and raise."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("engine")

posix = pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")

TEXT = "; --ignore-text (ignore_text=True) accepts text"


def test_the_sample_has_one_mismatch(httpd: Path) -> None:
    """The changed one of ten logs is reported with both digests."""
    with pytest.raises(checksig.VerificationError) as caught:
        verify(httpd)
    report = caught.value.report
    assert (report.entries, report.verified, report.mismatched) == (10, 9, 1)
    (failure,) = report.failures
    assert failure.name == "httpd-08.log"
    assert failure.line == 9
    assert failure.found == hashlib.sha1((httpd / "httpd-08.log").read_bytes()).hexdigest()
    assert failure.expected != failure.found


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_every_kind_of_path(httpd: Path, kind: Callable[[str], str | bytes | Path]) -> None:
    """A folder or a manifest as str, bytes or os.PathLike."""
    for path in (httpd, httpd / "sha1sum.txt"):
        report = verify(kind(str(path)), check=False)
        assert report.path == str(path)
        assert [f.name for f in report.failures] == ["httpd-08.log"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("name", ["{}sum.txt", "{}SUMS", "x.{}", "CHECKSUMS"])
def test_every_algorithm(tree: Callable[..., Path], algorithm: str, name: str) -> None:
    """The algorithm comes from the manifest's name, or from the digest's length."""
    folder = tree({"a": b"a", "b": b""}, name.format(algorithm), algorithm)
    report = verify(folder)
    assert report.ok
    assert [r.algorithm for r in report.results] == [algorithm] * 2
    assert [r.found for r in report.results] == [
        hashlib.new(algorithm, c).hexdigest() for c in (b"a", b"")
    ]
    assert [Path(m.path).name for m in report.manifests] == [name.format(algorithm)]


def test_every_failure_is_kept(tree: Callable[..., Path]) -> None:
    """All failures and bad lines are in one report, in order."""
    folder = tree({f"f{i}": b"%d" % i for i in range(6)})
    (folder / "f1").write_bytes(b"changed")
    (folder / "f2").unlink()
    (folder / "f3").unlink()
    (folder / "f3").mkdir()
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"not a line\n" + b"0" * 64 + b"  f5\n" + b"0" * 64 + b"  ../up\n")
    report = verify(folder, check=False)
    assert [(r.name, r.status.value, r.line) for r in report.failures] == [
        ("f1", "mismatched", 2),
        ("f2", "missing", 3),
        ("f3", "unreadable", 4),
        ("f5", "mismatched", 8),
        ("../up", "unreadable", 9),
    ]
    assert [(b.line, b.text, b.cause) for b in report.bad_lines] == [
        (7, "not a line", f"expected a hex digest at the beginning of the line{TEXT}"),
        (8, "f5", "contradicts line 6: another sha256 digest for the same file"),
    ]
    assert [r.line for r in report.results] == [1, 2, 3, 4, 5, 6, 8, 9]
    counts = (report.verified, report.mismatched, report.missing, report.unreadable, report.skipped)
    assert counts == (3, 2, 1, 2, 0)
    assert report.entries == sum(counts)
    assert not report
    details = {r.name: r.detail for r in report.failures}
    assert details["f3"] == "not a regular file"
    assert details["../up"] == "leads outside the manifest's folder"


def test_one_bad_line_is_not_ok(tree: Callable[..., Path]) -> None:
    """One bad line is a failure, even if all files verify."""
    folder = tree({"a": b"a"})
    with (folder / "SHA256SUMS").open("ab") as manifest:
        manifest.write(b"garbage\n")
    with pytest.raises(checksig.VerificationError) as caught:
        verify(folder)
    path = folder / "SHA256SUMS"
    assert str(caught.value) == (
        "1 entry: 1 verified, 1 bad line\n"
        f'"{path}" line 2 - expected a digest and a file name{TEXT}'
    )


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\n\n"])
def test_a_manifest_without_entries_is_not_ok(tree: Callable[..., Path], content: bytes) -> None:
    """Nothing verified is a failure."""
    folder = tree({})
    (folder / "SHA256SUMS").write_bytes(content)
    report = verify(folder, check=False)
    assert not report.ok
    assert [(b.line, b.cause) for b in report.bad_lines] == [(0, "lists no file")]


def test_what_cannot_be_verified_at_all(tmp_path: Path) -> None:
    """Wrong paths and arguments raise; so does a folder without a manifest."""
    with pytest.raises(FileNotFoundError) as caught:
        verify(tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")
    with pytest.raises(checksig.ManifestNotFoundError, match="no checksum manifest"):
        verify(tmp_path, check=False)
    with pytest.raises(ValueError, match="null byte"):
        verify("a\0b")
    with pytest.raises(FileNotFoundError):
        verify("")
    for workers in (0, -1, 1025):
        with pytest.raises(ValueError, match="workers"):
            verify(tmp_path, workers=workers)
    with pytest.raises(TypeError):
        verify(7)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt", reason="a device of POSIX")
def test_a_device_is_no_manifest() -> None:
    """Anything but a regular file is refused at once."""
    with pytest.raises(checksig.ManifestError, match="not a regular file"):
        verify("/dev/zero")


def test_exceptions_are_of_the_expected_kinds() -> None:
    """They derive from ValueError, OSError or RuntimeError."""
    assert issubclass(checksig.VerificationError, (checksig.ChecksigError, ValueError))
    assert issubclass(checksig.VerificationError, ValueError)
    assert issubclass(checksig.ManifestNotFoundError, FileNotFoundError)
    assert issubclass(checksig.ManifestNotFoundError, checksig.ManifestError)
    assert issubclass(checksig.EngineError, RuntimeError)
    assert issubclass(checksig.ForkedError, checksig.EngineError)


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 names only")
def test_names_are_bytes(tmp_path: Path) -> None:
    """Names come back exactly as from os.fsdecode."""
    names = [
        b"\xff\xfe",
        b"new\nline",
        b"back\\slash",
        b"cr\r",
        b" lead",
        b"*star",
        "é".encode(),
        b"-",
    ]
    lines: list[bytes] = []
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(name)
        digest = hashlib.sha256(name).hexdigest().encode()
        escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        lines.append((b"\\" if escaped != name else b"") + digest + b"  " + escaped + b"\n")
    (tmp_path / "SHA256SUMS").write_bytes(b"".join(lines))
    report = verify(tmp_path)
    assert [r.name for r in report.results] == [os.fsdecode(name) for name in names]
    assert all(Path(r.path).read_bytes() == os.fsencode(r.name) for r in report.results)


@posix
def test_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    """The given path may be any bytes as well."""
    folder = os.path.join(os.fsencode(tmp_path), b"d\xff" if sys.platform != "darwin" else b"d")
    os.mkdir(folder)
    Path(os.fsdecode(folder), "a").write_bytes(b"a")
    Path(os.fsdecode(folder), "SHA256SUMS").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    for path in (folder, os.fsdecode(folder)):
        assert verify(path).path == os.fsdecode(folder)


def test_names_may_lead_outside_only_when_asked(tree: Callable[..., Path]) -> None:
    """Names outside the manifest's folder need follow_outside."""
    folder = tree({"in/a": b"a"})
    inner = folder / "in"
    (inner / "SHA256SUMS").write_text(f"{hashlib.sha256(b'up').hexdigest()}  ../up\n")
    (folder / "up").write_bytes(b"up")
    assert [r.status for r in verify(inner, check=False).failures] == [Status.UNREADABLE]
    assert verify(inner, follow_outside=True).verified == 1


def test_several_manifests_in_one_folder(tree: Callable[..., Path]) -> None:
    """Every manifest of a folder counts, and so do its failures."""
    folder = tree({"a": b"a"}, "a.sha256")
    tree({"a": b"a", "b": b"b"}, "MD5SUMS", "md5")
    report = verify(folder)
    assert [Path(m.path).name for m in report.manifests] == ["MD5SUMS", "a.sha256"]
    assert [(r.name, r.algorithm) for r in report.results] == [
        ("a", "md5"),
        ("b", "md5"),
        ("a", "sha256"),
    ]
    (folder / "b").unlink()
    assert [r.name for r in verify(folder, check=False).failures] == ["b"]


def test_keep_verified_false_keeps_the_counts(httpd: Path) -> None:
    """Verified entries are counted but not kept; failures are."""
    report = verify(httpd, check=False, keep_verified=False)
    assert report.entries == 10
    assert [r.name for r in report.results] == ["httpd-08.log"]


@pytest.mark.parametrize("workers", [1, 2, 7, 1024])
def test_workers(httpd: Path, workers: int) -> None:
    """The number of workers does not change the result."""
    report = verify(httpd, check=False, workers=workers)
    assert report.results == verify(httpd, check=False).results


def test_progress_counts_to_the_end(httpd: Path) -> None:
    """Counts rise to the totals."""
    seen: list[checksig.Progress] = []
    report = verify(httpd, check=False, progress=seen.append)
    assert [p.files for p in seen] == sorted(p.files for p in seen)
    assert (seen[-1].files, seen[-1].bytes_read) == (10, report.bytes_read)
    assert report.bytes_read == sum(p.stat().st_size for p in httpd.glob("*.log"))


def test_progress_may_raise(httpd: Path) -> None:
    """An exception in the callback is raised, and later calls work."""

    class StopError(Exception):
        pass

    def stop(_: checksig.Progress) -> None:
        raise StopError

    with pytest.raises(StopError):
        verify(httpd, progress=stop)
    assert verify(httpd, check=False).verified == 9


def test_many_threads_at_once(httpd: Path) -> None:
    """Sixteen concurrent threads get right results."""
    reports: list[checksig.Report] = []
    threads = [
        threading.Thread(target=lambda: reports.append(verify(httpd, check=False)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(r.verified, r.mismatched) for r in reports] == [(9, 1)] * 16


def test_the_working_folder_may_change(tree: Callable[..., Path], tmp_path: Path) -> None:
    """A relative path is resolved when the call starts."""
    tree({f"{i}": b"x" for i in range(300)})
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        report = verify("tree", progress=lambda _: os.chdir(before))
    finally:
        os.chdir(before)
    assert (report.verified, report.path) == (300, "tree")
    assert report.manifests[0].path == os.path.join("tree", "SHA256SUMS")


@pytest.mark.parametrize("algorithms", [("sha256",), ("md5", "sha1", "sha512")])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_large_file_by_itself(tmp_path: Path, algorithms: tuple[str, ...], workers: int) -> None:
    """Several algorithms share one large file among CPUs, with the same results."""
    content = os.urandom(1 << 20) * 5 + b"end"
    (tmp_path / "disc.iso").write_bytes(content)
    for algorithm in algorithms:
        line = f"{hashlib.new(algorithm, content).hexdigest()}  disc.iso\n"
        (tmp_path / f"{algorithm.upper()}SUMS").write_text(line)
    report = verify(tmp_path, workers=workers)
    assert (report.verified, report.bytes_read) == (len(algorithms), len(content))
    with (tmp_path / "disc.iso").open("r+b") as file:
        file.seek(3 << 20)
        file.write(bytes([content[3 << 20] ^ 1]))
    report = verify(tmp_path, check=False, workers=workers)
    assert (report.mismatched, report.bytes_read) == (len(algorithms), len(content))


def test_check_signatures(httpd: Path, tree: Callable[..., Path]) -> None:
    """The article's function: None, or ValueError with `"<path>" - mismatch`."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared whole
        checksig.check_signatures(httpd)
    assert str(caught.value) == f'"{httpd / "httpd-08.log"}" - mismatch'
    assert checksig.check_signatures(tree({"a": b"a"}, "sha1sum.txt", "sha1")) is None  # type: ignore[func-returns-value]
    with pytest.raises(ValueError, match="none"):
        checksig.check_signatures(httpd / "none")
    with pytest.raises(ValueError, match="no checksum manifest"):
        checksig.check_signatures(httpd.parent.parent)
