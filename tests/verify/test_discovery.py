"""Which manifests are found, and that each file is read once for all of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import BadLine, Status, averify, iter_verify, verify

if TYPE_CHECKING:
    import subprocess
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


DIGEST = hashlib.sha256(b"data").hexdigest()

FOUND = {
    "SHA256SUMS": "sha256",
    "checksums_sha256.txt": "sha256",
    "checksums-1.2.3.txt": "sha256",
    "sha512.txt": "sha512",
    "SHA-256.txt": "sha256",
    "MD5.txt": "md5",
    "SHA256_SUM": "sha256",
    "SHA512-SUMS.txt": "sha512",
    "shasum.txt": "sha256",
    "a.bin.sha": "sha1",
    "a.bin-sha256": "sha256",
    "hashes.txt": "sha256",
    "sha256sums-signed-build.txt": "sha256",
    "sha256": "sha256",
    "Manifest": "sha256",
    "disc.DIGESTS": "sha512",
}


@pytest.mark.parametrize("name", FOUND)
def test_a_manifest_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    """It is found in its folder, and a changed file is noticed."""
    (tmp_path / "a.bin").write_bytes(b"data")
    (tmp_path / name).write_text(line(FOUND[name], b"data", "a.bin"))
    report = verify(tmp_path)
    assert (names(report), report.verified, report.not_understood) == ([name], 1, ())
    (tmp_path / "a.bin").write_bytes(b"Data")
    assert verify(tmp_path, check=False).mismatched == 1


NO_MANIFESTS = {
    "hashes.txt": b"A hash table maps keys to values.\n",
    "Manifest": b'{"files": ["a", "b"]}\n',
    "MD5.txt": b"RFC 1321: The MD5 Message-Digest Algorithm\n",
    "Release": b"Release 1.2, of a Tuesday\n",
    "tool-sha256": b"\x7fELF\2\1\1\0\0\0\0\0",
    "checksums-1.2.tar.gz": b"\x1f\x8b\x08\0\0\0\0\0",
    "checksums-1.2.3.txt": b"",
    "package-lock.json": b'{"name": "a", "lockfileVersion": 3}',
    "digest": b"one two three\n" * 10_000,
    "hash": bytes(range(256)) * 1_000,
    "a.sum": b"golang.org/x/sys v0.47.0 h1:sb7fiKK2s6PYCMsN1JuQPMYaLtMS5FEcVtuZXgfkw5w=\n",
    "hash.txt": b"name 0123abcd\n",
    "SHA256SUMS.asc": b"-----BEGIN PGP SIGNATURE-----\n\niQ\n=ab\n-----END PGP SIGNATURE-----\n",
    "SHA256SUMS.gpg": b"\x89\x01\x33\x04\x00\x01\x0a\x00",
    "._SHA256SUMS": b"\0\5\x16\7\0\2\0\0Mac OS X        ",
    "md5.py": f"{DIGEST}  missing\n".encode(),
}


@pytest.mark.parametrize("name", NO_MANIFESTS)
def test_a_file_that_is_called_like_a_manifest(tmp_path: Path, name: str) -> None:
    """Its content decides: it is passed over, silently, with and without a manifest next to it."""
    (tmp_path / name).write_bytes(NO_MANIFESTS[name])
    with pytest.raises(checksig.ManifestNotFoundError) as caught:
        verify(tmp_path)
    assert "looks like" not in str(caught.value) or name == "md5.py"
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "a"))
    report = verify(tmp_path)
    assert (names(report), report.not_understood) == (["SHA1SUMS"], ())


NOT_UNDERSTOOD = {
    "hashes.txt": f"these are the digests\n{DIGEST} is that of a\n",
    "checksums.json": f'{{"a": "{DIGEST}"}}',  # other things than files have digests, too
    "hash.txt": f"{DIGEST}\n",  # of which file?
    "tool-sha256": f"{DIGEST}\n",  # tool is not there
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_a_manifest_that_is_not_understood(
    tmp_path: Path, name: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """It is named, in a note or, if nothing else was found, in the error."""
    (tmp_path / name).write_text(NOT_UNDERSTOOD[name])
    shown = f'"{tmp_path / name}"'
    why = f"{shown} looks like one, but could not be understood; to see why: checksig {shown}"
    for more in ([], ["--recursive"], ["--json"]):
        done = run(tmp_path, *more)
        assert done.returncode == 2
        assert why.replace('"', '\\"') in done.stdout if more == ["--json"] else why in done.stderr
    assert run(tmp_path / name).returncode in (1, 2)
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "a"))
    report = verify(tmp_path)
    assert report.not_understood == (str(tmp_path / name),)
    assert report.to_dict()["not_understood"] == [str(tmp_path / name)]
    done = run(tmp_path)
    assert done.returncode == 0
    assert f"{tmp_path / name}: looks like a manifest, but could not be understood" in done.stdout


def test_several_manifests_that_are_not_understood(tmp_path: Path) -> None:
    """The error names the first one, and counts the others."""
    for name, text in NOT_UNDERSTOOD.items():
        (tmp_path / name).write_text(text)
    path = f'"{tmp_path / "checksums.json"}"'
    with pytest.raises(checksig.ManifestNotFoundError) as caught:
        verify(tmp_path)
    assert str(caught.value).endswith(
        f"{path} and 3 more look like one, but could not be understood; to see why: checksig {path}"
    )


def test_a_clear_signed_manifest_is_told_from_a_signature(tmp_path: Path) -> None:
    """Both have the same name."""
    (tmp_path / "a").write_bytes(b"data")
    text = line("sha256", b"data", "a")
    (tmp_path / "SHA256SUMS.asc").write_text(
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}"
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n=abcd\n-----END PGP SIGNATURE-----\n"
    )
    report = verify(tmp_path)
    assert [(m.wrapper, m.algorithms) for m in report.manifests] == [("pgp", ("sha256",))]


def test_a_clear_signed_sidecar_is_about_its_file(tmp_path: Path) -> None:
    """The signature's ending is no part of the file's name."""
    (tmp_path / "disc.iso").write_bytes(b"data")
    (tmp_path / "disc.iso.sha256.asc").write_text(
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{DIGEST}\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n=abcd\n-----END PGP SIGNATURE-----\n"
    )
    assert [r.name for r in verify(tmp_path).results] == ["disc.iso"]


@pytest.mark.parametrize(
    "name",
    ["good.iso.sha1", "good.iso.sha1sum", "good.iso.sha1.txt", "good.iso-sha1", "good.iso.sfv"],
)
@pytest.mark.parametrize("given", ["folder", "manifest"])
def test_a_sidecar_that_lists_another_file(tmp_path: Path, name: str, given: str) -> None:
    """A note says that the file that its name promises was not verified."""
    (tmp_path / "a.txt").write_bytes(b"data")
    sums = [line("sha1", b"data", file) for file in ("a.txt", "./good.iso")]
    if name.endswith(".sfv"):
        sums = [f"{file} {zlib.crc32(b'data'):08x}\n" for file in ("a.txt", "./good.iso")]
    (tmp_path / name).write_text(sums[0])
    path = tmp_path if given == "folder" else tmp_path / name
    (manifest,) = verify(path).manifests
    assert manifest.notes == ()
    (tmp_path / "good.iso").write_bytes(b"data")
    report = verify(path)
    assert report.manifests[0].notes == (
        'lists no digest of "good.iso", which its name promises and which is next to it',
    )
    (tmp_path / name).write_text(sums[0] + sums[1])
    assert verify(path).manifests[0].notes == ()
    assert verify(path, basename=True).manifests[0].notes == ()


@pytest.mark.parametrize("name", ["target/good.iso", "C:\\\\dl\\\\good.iso"])
def test_a_sidecar_with_a_path(tmp_path: Path, name: str) -> None:
    """If its file is next to it, a note says with which option that is verified."""
    (tmp_path / "good.iso").write_bytes(b"data")
    (tmp_path / "good.iso.sha1").write_text(line("sha1", b"data", name))
    report = verify(tmp_path, check=False)
    assert report.missing + report.unreadable == 1
    shown = name.replace("\\", "\\\\")
    note, *_ = report.manifests[0].notes  # another names --follow-outside
    assert note.startswith(
        f'lists "{shown}" instead of "good.iso", which is next to it: --basename'
    )
    assert verify(tmp_path, basename=True).manifests[0].notes == ()


def test_a_sidecar_of_a_folder(tmp_path: Path) -> None:
    """A folder that the name promises has no digest, and files in it are listed."""
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc" / "a").write_bytes(b"data")
    (tmp_path / "disc.sha1").write_text(line("sha1", b"data", "disc/a"))
    assert verify(tmp_path).manifests[0].notes == ()


def test_a_file_that_another_manifest_lists(tmp_path: Path) -> None:
    """The note is about the manifest with the file's name only."""
    (tmp_path / "a.txt").write_bytes(b"data")
    (tmp_path / "good.iso").write_bytes(b"data")
    (tmp_path / "good.iso.sha1").write_text(line("sha1", b"data", "a.txt"))
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "good.iso"))
    first, second = verify(tmp_path).manifests
    assert (first.notes, len(second.notes)) == ((), 1)


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    """Whatever it is called, and if a link leads to it."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "a"))
    for name in ("checksums", "SHA256SUMS", "hashes", "disc.iso.sha256"):
        (tmp_path / name).mkdir()
    if os.name == "posix":
        (tmp_path / "MD5SUMS").symlink_to("checksums")
    assert names(verify(tmp_path)) == ["SHA1SUMS"]
    assert names(verify(tmp_path, recursive=True)) == ["SHA1SUMS"]


@posix
def test_a_special_file_called_like_a_manifest(tmp_path: Path) -> None:
    """A FIFO or a dangling link with an ordinary name is passed over, and never waited for."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "a"))
    os.mkfifo(tmp_path / "Manifest")
    (tmp_path / "Release").symlink_to("nowhere")
    assert names(verify(tmp_path)) == ["SHA1SUMS"]
    os.mkfifo(tmp_path / "SHA256SUMS")  # not an ordinary one
    assert "not a regular file" in str(verify(tmp_path, check=False))


@posix
def test_a_candidate_that_cannot_be_looked_at_is_a_failure(tmp_path: Path) -> None:
    """What leads outside may be a manifest."""
    (tmp_path / "in").mkdir()
    (tmp_path / "hashes.txt").write_text("x")
    (tmp_path / "in" / "hashes.txt").symlink_to("../hashes.txt")
    report = verify(tmp_path / "in", check=False)
    assert [b.cause for b in report.bad_lines] == [
        "cannot be read: leads outside the manifest's folder"
    ]


@pytest.mark.parametrize("name", ["SUMS", "sha256sum.text", "checksum.dat", "sums\x1b[2J.md"])
def test_a_near_miss_is_hinted_at(
    tmp_path: Path, name: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The error names a manifest whose name is not usual, and how to verify it."""
    if os.name != "posix" and "\x1b" in name:
        pytest.skip("no such names here")
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "sum.c").write_text("int sum;\n")
    (tmp_path / name).write_text(line("sha256", b"data", "a"))
    done = run(tmp_path)
    shown = name.replace("\x1b", "\\x1b")
    assert done.returncode == 2
    assert f'"{shown}" looks like one: checksig "{tmp_path / shown}"' in done.stderr
    assert "\x1b" not in done.stderr
    assert verify(tmp_path / name).verified == 1


DATA = {
    "random": bytes(range(256)) * 4_096,
    "zeros": bytes(1 << 20),
    "text": b"It was a dark and stormy night.\n" * 10_000,
    "x": b"x\n" * 100_000,
}


@pytest.mark.parametrize("kind", DATA)
def test_a_data_file_is_no_manifest(
    tmp_path: Path, kind: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Given by its name, it is refused after its first block, with a sentence that helps."""
    path = tmp_path / "disc.iso"
    path.write_bytes(DATA[kind])
    with pytest.raises(checksig.ManifestError, match="not a checksum manifest"):
        verify(path)
    done = run(path)
    assert done.returncode == 2
    assert "no digest of it was found" in done.stderr


def test_a_data_file_with_the_name_of_a_manifest(tmp_path: Path) -> None:
    """In a folder it is a failure, of one line."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_text(line("sha1", b"data", "a"))
    (tmp_path / "SHA256SUMS").write_bytes(DATA["random"])
    report = verify(tmp_path, check=False)
    assert report.verified == 1
    assert [b.cause for b in report.bad_lines] == [
        "cannot be read: not a checksum manifest, but binary data"
    ]


def test_a_manifest_that_continues_with_data(tmp_path: Path) -> None:
    """It began as a manifest, so that the rest are bad lines."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "sums").write_bytes(line("sha1", b"data", "a").encode() + b"\0\n\xff\n\x01x\n")
    report = verify(tmp_path / "sums", check=False)
    assert (report.verified, report.bad_line_count) == (1, 3)


@pytest.fixture
def garbage(tmp_path: Path) -> Path:
    """Make a manifest with one good line and 100,000 bad ones."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "SHA1SUMS").write_bytes(line("sha1", b"data", "a").encode() + b"x\n" * 100_000)
    return tmp_path / "SHA1SUMS"


def test_bad_lines_are_counted_and_bounded(
    garbage: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A report has the first 1,000 and the number of all; iter_verify yields all."""
    report = verify(garbage, check=False)
    assert not report.ok
    assert [bad.line for bad in report.bad_lines] == list(range(2, 1_002))
    assert (report.bad_line_count, report.bad_lines_omitted) == (100_000, 99_000)
    assert "100,000 bad lines" in report.summary()
    assert report.explain().endswith("... and 99,980 more")
    assert report.to_dict()["bad_line_count"] == 100_000
    assert len(report.to_dict()["bad_lines"]) == 1_000
    assert sum(isinstance(item, BadLine) for item in iter_verify(garbage)) == 100_000
    done = run("--junit", garbage.parent / "junit.xml", garbage)
    assert done.returncode == 1
    assert "... and 99,980 more bad lines; --json lists the first 1,000" in done.stdout
    junit = (garbage.parent / "junit.xml").read_text()
    assert (junit.count("<error"), "99,000 more bad lines" in junit) == (1_001, True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux counts it")
def test_memory_does_not_grow_with_bad_lines(tmp_path: Path, python: Callable[..., str]) -> None:
    """A million bad lines need no more memory than one."""
    program = """
import re, sys
from checksig import verify
report = verify(sys.argv[1], check=False)
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]
print(report.bad_line_count, peak)
"""
    (tmp_path / "a").write_bytes(b"data")
    peaks: list[int] = []
    for lines in (1, 1_000_000):
        (tmp_path / "SHA1SUMS").write_bytes(line("sha1", b"data", "a").encode() + b"x\n" * lines)
        count, peak = map(int, python(program, tmp_path).split())
        assert count == lines
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 50_000
