"""Which manifests are found, and that each file is read once for all of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import BadLine, Status, averify, iter_verify, verify

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("engine")

posix = pytest.mark.skipif(os.name != "posix", reason="links and rights of POSIX")


def line(algorithm: str, content: bytes, name: str) -> str:
    """Return a GNU line for a file."""
    return f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n"


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """Make a folder with a manifest, and two below it with manifests of their own."""
    for folder, content in (("", b"top"), ("b", b"in b"), ("b/deep", b"in deep")):
        place = tmp_path / "nested" / folder
        place.mkdir()
        (place / "file").write_bytes(content)
        (place / "SHA256SUMS").write_text(line("sha256", content, "file"))
    return tmp_path / "nested"


def names(report: checksig.Report) -> list[str]:
    """Return the paths of the manifests, relative to the folder."""
    return [Path(os.path.relpath(m.path, report.path)).as_posix() for m in report.manifests]


def test_manifests_in_subfolders_are_found_when_asked(nested: Path) -> None:
    """Each is relative to its own folder, and they are sorted."""
    assert verify(nested).entries == 1
    report = verify(nested, recursive=True)
    assert names(report) == ["SHA256SUMS", "b/SHA256SUMS", "b/deep/SHA256SUMS"]
    assert [Path(r.path).read_bytes() for r in report.results] == [b"top", b"in b", b"in deep"]
    (nested / "b" / "deep" / "file").write_bytes(b"changed")
    report = verify(nested, recursive=True, check=False)
    assert [r.path for r in report.failures] == [str(nested / "b" / "deep" / "file")]


def test_a_folder_whose_subfolder_alone_has_a_manifest(nested: Path) -> None:
    """It is a failure unless recursive is given."""
    (nested / "SHA256SUMS").unlink()
    with pytest.raises(checksig.ManifestNotFoundError):
        verify(nested)
    assert verify(nested, recursive=True).verified == 2


@posix
def test_links_to_folders_are_not_followed(nested: Path, tmp_path: Path) -> None:
    """Loops are harmless, and a manifest beyond a link is not found."""
    (nested / "loop").symlink_to(nested)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "SHA256SUMS").write_text("garbage\n")
    (nested / "away").symlink_to(tmp_path / "elsewhere")
    assert len(verify(nested, recursive=True).manifests) == 3


@posix
def test_each_manifest_is_confined_to_its_own_folder(nested: Path) -> None:
    """Names that leave the subfolder are refused, even within the verified folder."""
    (nested / "b" / "up").symlink_to("../file")
    (nested / "b" / "SHA256SUMS").write_text(
        line("sha256", b"top", "../file") + line("sha256", b"top", "up")
    )
    report = verify(nested, recursive=True, check=False)
    assert [(r.name, r.detail) for r in report.failures] == [
        ("../file", "leads outside the manifest's folder"),
        ("up", "leads outside the manifest's folder"),
    ]
    # Also if a manifest above lists the same file, so that both share one read.
    (nested / "SHA256SUMS").write_text(line("sha256", b"top", "b/up"))
    report = verify(nested, recursive=True, check=False)
    assert [(r.name, r.status.value) for r in report.results] == [
        ("b/up", "verified"),
        ("../file", "unreadable"),
        ("up", "unreadable"),
        ("file", "verified"),
    ]


@pytest.mark.library  # a process would be started without rights
@posix
def test_a_subfolder_that_cannot_be_searched_is_a_failure(
    open_folder: Path, python: Callable[..., str]
) -> None:
    """It is never skipped silently."""
    (open_folder / "a").write_bytes(b"a")
    (open_folder / "SHA256SUMS").write_text(line("sha256", b"a", "a"))
    for path in open_folder.iterdir():
        path.chmod(0o644)
    (open_folder / "shut").mkdir(mode=0)
    printed = python(
        """
import os, sys
os.environ["CHECKSIG_ENGINE"] = "library"
import checksig, checksig._verify, checksig._engine.library
checksig._engine.library.load()
if os.getuid() == 0:
    os.setuid(65534)
report = checksig.verify(sys.argv[1], recursive=True, check=False)
print(report.ok, report.verified, report.bad_lines[0], report.manifests[1].format == "")
""",
        open_folder,
    )
    path = open_folder / "shut"
    assert printed == f'False 1 "{path}" - cannot be read: permission denied True\n'


def test_a_file_under_several_algorithms_is_read_once(tmp_path: Path) -> None:
    """One read serves all manifests, and each entry has its result."""
    content = b"x" * 100_000
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(content)
    algorithms = ["md5", "sha1", "sha256", "sha512"]
    for algorithm in algorithms:
        (tmp_path / f"{algorithm.upper()}SUMS").write_text(
            line(algorithm, content, "a") + line(algorithm, content, "./sub//b")
        )
    (tmp_path / "sub" / "SHA256SUMS").write_text(line("sha256", content, "b"))
    report = verify(tmp_path, recursive=True)
    assert (report.entries, report.verified) == (9, 9)
    assert report.bytes_read == 200_000
    assert {m.algorithms for m in report.manifests} == {(a,) for a in algorithms}
    for result in report.results:
        assert result.found == hashlib.new(result.algorithm, content).hexdigest()


def test_one_wrong_digest_among_several_of_a_file(tmp_path: Path) -> None:
    """Only that entry mismatches."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "MD5SUMS").write_text(line("md5", b"a", "a"))
    (tmp_path / "SHA256SUMS").write_text(line("sha256", b"b", "a"))
    report = verify(tmp_path, check=False)
    assert [(r.algorithm, r.status.value) for r in report.results] == [
        ("md5", "verified"),
        ("sha256", "mismatched"),
    ]


@pytest.mark.parametrize("blocks", [False, True])
def test_a_tagged_manifest_of_two_algorithms_reads_once(tmp_path: Path, *, blocks: bool) -> None:
    """The digests may be on adjacent lines or in separate lists."""
    files = [f"f{i}" for i in range(50)]
    tagged: list[tuple[object, ...]] = []
    for i, name in enumerate(files):
        (tmp_path / name).write_text(name)
        for j, algorithm in enumerate(("md5", "sha256")):
            digest = hashlib.new(algorithm, name.encode()).hexdigest()
            text = f"{algorithm.upper()} ({name}) = {digest}\n"
            tagged.append((j, i, text) if blocks else (i, j, text))
    (tmp_path / "CHECKSUMS").write_text("".join(str(text) for _, _, text in sorted(tagged)))
    report = verify(tmp_path)
    assert report.verified == 100
    assert report.bytes_read == sum(len(name) for name in files)
    assert set(report.manifests[0].algorithms) == {"md5", "sha256"}
    assert not report.manifests[0].assumed


def test_duplicates_and_contradictions(tmp_path: Path) -> None:
    """Entries that agree are verified; contradictions are bad lines."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "SHA256SUMS").write_text(line("sha256", b"a", "a") * 600)
    report = verify(tmp_path)
    assert (report.verified, report.manifests[0].algorithms) == (600, ("sha256",))
    (tmp_path / "sub").mkdir()
    (tmp_path / "x.sha256").write_text(line("sha256", b"b", "./a"))
    report = verify(tmp_path, check=False, recursive=True)
    assert (report.verified, report.mismatched) == (600, 1)
    (bad,) = report.bad_lines
    assert bad.cause.startswith(f"contradicts {tmp_path / 'SHA256SUMS'} line 1:")


def test_the_report_says_what_was_assumed(tmp_path: Path) -> None:
    """An algorithm known only by the digests' length is reported."""
    (tmp_path / "a").write_bytes(b"a")
    for name, assumed in (("CHECKSUMS", True), ("SHA256SUMS", False)):
        (tmp_path / name).write_text(line("sha256", b"a", "a"))
        report = verify(tmp_path / name)
        assert report.manifests == (
            checksig.Manifest(str(tmp_path / name), "gnu", ("sha256",), assumed),
        )
        assert [r.assumed for r in report.results] == [assumed]
        assert report.to_dict()["manifests"][0]["assumed"] == assumed


def test_the_report_says_how_a_manifest_is_written(tmp_path: Path) -> None:
    """The encoding and an unchecked signature are reported."""
    (tmp_path / "a").write_bytes(b"a")
    text = line("sha256", b"a", "a")
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    assert verify(tmp_path).manifests[0].encoding == "utf-16le"
    (tmp_path / "SHA256SUMS").write_text(
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}"
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
    )
    (manifest,) = verify(tmp_path).manifests
    assert (manifest.wrapper, manifest.signature) == ("pgp", "not checked")
    assert verify(tmp_path).to_dict()["manifests"][0]["signature"] == "not checked"


def test_the_algorithm_may_be_chosen(tmp_path: Path) -> None:
    """It applies to digests without a tag; another length is a bad line."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "CHECKSUMS").write_text(line("sha3_256", b"a", "a"))
    assert verify(tmp_path, check=False).mismatched == 1
    report = verify(tmp_path, algorithm="sha3-256")
    assert (report.results[0].algorithm, report.results[0].assumed) == ("sha3-256", False)
    assert not verify(tmp_path, algorithm="md5", check=False)


def test_the_format_may_be_chosen(tmp_path: Path) -> None:
    """It overrides the detection."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "SHA256SUMS").write_text(line("sha256", b"a", "a"))
    assert verify(tmp_path, format="gnu").manifests[0].format == "gnu"
    report = verify(tmp_path, format="sfv", check=False)
    assert (report.entries, len(report.bad_lines), report.ok) == (0, 1, False)


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("format", "gun", "gnu"),
        ("format", "", "gnu"),
        ("algorithm", "sha255", "sha256"),
        ("algorithm", "", "sha256"),
        ("min_strength", "strong", "sha256"),
        ("min_strength", "", "sha256"),
        ("extra", "delete", "report"),
        ("extra", "", "report"),
    ],
)
def test_what_is_not_known_is_refused(httpd: Path, option: str, value: str, known: str) -> None:
    """An unknown or empty choice is an error that lists the known ones."""
    with pytest.raises(ValueError, match=known) as caught:
        verify(httpd, **{option: value})  # type: ignore[arg-type]
    assert not isinstance(caught.value, checksig.VerificationError)
    subject = "algorithm" if option == "min_strength" else option  # one text for one mistake
    assert subject in str(caught.value)


def test_options_that_are_wrong_by_themselves(httpd: Path) -> None:
    """Every call refuses them."""
    for call in (verify, iter_verify):
        with pytest.raises(ValueError, match="strip"):
            call(httpd, strip=-1)
        with pytest.raises(ValueError, match="root"):
            call(httpd, root="")
        with pytest.raises(TypeError, match="colour"):
            call(httpd, colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="null byte"):
        verify(httpd, root="a\0b")


def test_weak_algorithms_can_be_refused(tmp_path: Path) -> None:
    """Their entries are unreadable, and no file is read for them."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "MD5SUMS").write_text(line("md5", b"a", "a"))
    report = verify(tmp_path, min_strength="sha256", check=False)
    assert [(r.status, r.detail) for r in report.failures] == [
        (Status.UNREADABLE, "md5 is weaker than sha256")
    ]
    assert report.bytes_read == 0
    (tmp_path / "SHA512SUMS").write_text(line("sha512", b"a", "a"))
    report = verify(tmp_path, min_strength="sha256", check=False)
    assert [(r.algorithm, r.status.value) for r in report.results] == [
        ("md5", "unreadable"),
        ("sha512", "verified"),
    ]
    assert not report.ok
    (tmp_path / "MD5SUMS").unlink()
    assert verify(tmp_path, min_strength="sha256")


def test_another_size_than_listed_is_a_mismatch(tmp_path: Path) -> None:
    """The file is not read, and the report gives the reason."""
    (tmp_path / "a").write_bytes(b"abc")
    digest = hashlib.sha256(b"abc").hexdigest()
    for size, ok in ((3, True), (4, False)):
        (tmp_path / "hashes").write_text(
            "%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n## Invoked from: /\n## \n"
            f"{size},{digest},a\n"
        )
        report = verify(tmp_path / "hashes", check=False)
        assert report.ok is ok
        if not ok:
            (failure,) = report.failures
            assert (failure.status, failure.found) == (Status.MISMATCHED, None)
            assert (failure.detail, report.bytes_read) == ("3 bytes, 4 listed", 0)
            assert str(failure) == f'"{tmp_path / "a"}" - mismatch: 3 bytes, 4 listed'


def test_many_manifests(tmp_path: Path) -> None:
    """300 files in 30 folders have a sidecar each."""
    for i in range(300):
        folder = tmp_path / f"d{i % 30}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{i}").write_text(str(i))
        (folder / f"f{i}.sha1").write_text(line("sha1", str(i).encode(), f"f{i}"))
    report = verify(tmp_path, recursive=True)
    assert (report.verified, len(report.manifests)) == (300, 300)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("limit", [20, 24])
def test_few_descriptors_for_many_folders(
    tmp_path: Path, python: Callable[..., str], limit: int
) -> None:
    """Only a few of a hundred folders are open at once, none by an idle worker."""
    for i in range(100):
        folder = tmp_path / f"d{i}"
        folder.mkdir()
        (folder / "f").write_text(str(i))
        for algorithm in ("md5", "sha1"):
            manifest = folder / f"{algorithm}sum.txt"
            manifest.write_text(line(algorithm, str(i).encode(), "f") * 3)
    program = """
import resource, sys
import checksig, checksig._verify
try:
    import checksig._ffi
except ImportError:
    pass  # cffi does not serve every Python
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]),) * 2)
print(checksig.verify(sys.argv[1], recursive=True, workers=16).summary())
"""
    assert python(program, tmp_path, limit) == "600 entries: 600 verified\n"


def test_every_call_takes_the_options(nested: Path) -> None:
    """verify, iter_verify and averify take the same options."""
    (nested / "more").write_bytes(b"more")
    items = list(iter_verify(nested, recursive=True, extra="fail"))
    assert sorted(type(item).__name__ for item in items) == ["Extra", *["Result"] * 3]
    assert [item.ok for item in items if isinstance(item, checksig.Extra)] == [False]
    assert not any(isinstance(item, BadLine) for item in items)
    report = asyncio.run(averify(nested, recursive=True, extra="report"))
    assert (report.verified, report.extra, report.ok) == (3, 1, True)
