"""Manifests brought up to date: only files that changed are read."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checksig import CancelledError, CancelToken, ManifestError, WriteError, create, update, verify

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.usefixtures("engine")

FILES = {"a": b"a", "b": b"bb", "d/c": b"ccc", "d/e": b"eeee"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of FILES with a manifest that is newer by more than a clock tick."""
    folder = tmp_path / "tree"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    time.sleep(0.05)
    create(folder)
    time.sleep(0.05)
    return folder


def listed(folder: Path, manifest: str = "SHA256SUMS") -> dict[str, str]:
    """Return the names and digests of a GNU manifest, in order."""
    lines = (folder / manifest).read_text().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sha256(data: bytes) -> str:
    """Return the hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def test_its_signatures(folder: Path) -> None:
    """A manifest does not list its own signatures, which are made after it, but those of others."""
    for name in ("SHA256SUMS.asc", "SHA256SUMS.sigstore.json", "a.asc", "d/SHA256SUMS.asc"):
        (folder / name).write_bytes(b"signature")
    added = ("a.asc", "d/SHA256SUMS.asc")
    assert update(folder / "SHA256SUMS").added == added
    assert list(listed(folder)) == sorted([*FILES, *added])
    create(folder, overwrite=True)
    assert list(listed(folder)) == sorted([*FILES, *added])
    # It was listed by another program.
    digest = sha256(b"signature")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{digest}  SHA256SUMS.asc\n")
    assert update(folder / "SHA256SUMS").removed == ("SHA256SUMS.asc",)


def test_nothing_changed(folder: Path) -> None:
    """No file is read, the manifest stays, and the unread files are reported."""
    before = (folder / "SHA256SUMS").read_bytes()
    done = update(folder / "SHA256SUMS")
    assert done.unread == ("a", "b", "d/c", "d/e")
    assert (done.bytes_read, done.files, done.ok) == (0, 4, True)
    assert done.added == done.changed == done.removed == done.missing == done.suspect == ()
    assert (folder / "SHA256SUMS").read_bytes() == before


def test_what_changed(folder: Path) -> None:
    """Changed, touched, new and missing files are reported; all are listed in order."""
    (folder / "a").write_bytes(b"A")
    (folder / "b").touch()
    (folder / "a-new").write_bytes(b"n")
    (folder / "d" / "c").unlink()
    done = update(folder / "SHA256SUMS", accept_changed=True)
    assert done.changed == ("a",)
    assert done.added == ("a-new",)
    assert done.missing == ("d/c",)
    assert done.removed == done.suspect == ()
    assert done.unread == ("d/e",)
    assert done.bytes_read == 1 + 2 + 1
    assert not done.ok
    assert listed(folder) == {
        "a": sha256(b"A"),
        "a-new": sha256(b"n"),
        "b": sha256(b"bb"),
        "d/c": sha256(b"ccc"),
        "d/e": sha256(b"eeee"),
    }
    assert list(listed(folder)) == sorted(listed(folder))
    assert [f.name for f in verify(folder, check=False).failures] == ["d/c"]
    done = update(folder / "SHA256SUMS", prune=True)
    assert done.removed == ("d/c",)
    assert done.ok
    assert verify(folder).verified == 4


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell when a status changed")
def test_a_time_that_is_set_back(folder: Path) -> None:
    """A file overwritten with its time set back is noticed, and not taken for a change."""
    before = (folder / "a").stat()
    (folder / "a").write_bytes(b"A")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    manifest = (folder / "SHA256SUMS").read_bytes()
    for accept in (False, True):
        done = update(folder / "SHA256SUMS", accept_changed=accept)
        assert (done.suspect, done.changed, done.written, done.ok) == (("a",), (), False, False)
        assert (folder / "SHA256SUMS").read_bytes() == manifest
    done = update(folder / "SHA256SUMS", accept_suspect=True)
    assert (done.suspect, done.changed, done.written, done.ok) == (("a",), (), True, True)
    assert verify(folder)


def rot(folder: Path) -> None:
    """Put a wrong digest into the manifest without touching the file."""
    manifest = folder / "SHA256SUMS"
    times = manifest.stat()
    manifest.write_text(manifest.read_text().replace(sha256(b"a"), "0" * 64))
    os.utime(manifest, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_all_finds_silent_corruption(folder: Path) -> None:
    """The file is suspect and stays listed as it was."""
    rot(folder)
    assert update(folder / "SHA256SUMS").unread == ("a", "b", "d/c", "d/e")
    done = update(folder / "SHA256SUMS", all=True)
    assert done.suspect == ("a",)
    assert done.unread == done.changed == ()
    assert (done.ok, done.written, done.accepted) == (False, False, False)
    assert listed(folder)["a"] == "0" * 64
    assert done.bytes_read == sum(map(len, FILES.values()))


def test_what_changes_while_a_manifest_is_written(folder: Path) -> None:
    """Files newer than the start of the last update are read again."""
    began = time.time()
    update(folder / "SHA256SUMS", all=True)
    patience = float(os.environ.get("CHECKSIG_TEST_PATIENCE", "1"))
    assert (folder / "SHA256SUMS").stat().st_mtime <= began + patience
    (folder / "a").write_bytes(b"A")
    assert update(folder / "SHA256SUMS").changed == ("a",)


def test_sizes_count_where_they_are_listed(folder: Path) -> None:
    """Listed sizes show a change even if the manifest's time is in the future."""
    manifest = folder / "hashes"
    create(folder, algorithm=["md5", "sha256"], format="hashdeep", output=manifest)
    (folder / "a").write_bytes(b"longer")
    os.utime(manifest, (time.time() + 3600, time.time() + 3600))
    done = update(manifest, exclude=["SHA256SUMS"], accept_changed=True)
    assert done.changed == ("a",)
    assert done.removed == ("SHA256SUMS",)
    assert (done.format, done.algorithms) == ("hashdeep", ("md5", "sha256"))
    assert verify(manifest)


def test_format_and_algorithms_stay(folder: Path) -> None:
    """Comments at the beginning stay as well; others are reported as dropped."""
    (folder / "SHA256SUMS").unlink()
    manifest = create(folder, algorithm=["sha1", "blake2b-256"]).manifest
    text = Path(manifest).read_text()
    Path(manifest).write_text("# made by us\n\n# twice\n" + text + "# the end\n")
    (folder / "b").unlink()
    done = update(manifest, prune=True)
    assert done.format == "bsd"
    assert done.dropped_comments == ("# the end",)
    kept = "".join(line for line in text.splitlines(keepends=True) if "(b)" not in line)
    assert Path(manifest).read_text() == "# made by us\n\n# twice\n" + kept
    assert verify(manifest).verified == 6


def test_comments_of_sfv_stay(folder: Path) -> None:
    """They mean nothing to the lines after them, so that they can be moved to the beginning."""
    (folder / "SHA256SUMS").unlink()
    manifest = folder / "x.sfv"
    create(folder, algorithm="crc32", format="sfv", output=manifest)
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("; made by us\n" + lines[0] + "; about b\n" + "".join(lines[1:]) + ";\n")
    done = update(manifest)
    assert done.dropped_comments == ()
    assert manifest.read_text() == "; made by us\n; about b\n;\n" + "".join(lines)


def test_add_is_a_choice(folder: Path) -> None:
    """Without it only listed files are checked; beside a single file nothing is added."""
    (folder / "new").write_bytes(b"n")
    assert update(folder / "SHA256SUMS", add=False).added == ()
    create(folder / "new")
    assert update(folder / "new.sha256").files == 1
    done = update(folder / "SHA256SUMS")
    assert (done.added, done.skipped) == (("new",), ("new.sha256",))


def test_odd_names(folder: Path) -> None:
    """New names are merged with the listed ones byte by byte."""
    if os.name != "posix":
        pytest.skip("such names need POSIX")
    odd = [b"two\nlines", b"\xff\xfe", b"a\\b", b" x", b"d-/y", b"d.z"]
    for name in odd:
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(name)
    time.sleep(0.05)
    assert sorted(map(os.fsencode, update(folder / "SHA256SUMS").added)) == sorted(odd)
    time.sleep(0.05)
    done = update(folder / "SHA256SUMS")
    assert len(done.unread) == len(odd) + 4
    assert list(map(os.fsencode, done.unread)) == sorted([*odd, *map(os.fsencode, FILES)])
    assert verify(folder)


def test_what_cannot_be_updated(folder: Path) -> None:
    """A bad line, a signature or no entry is an error, and the manifest stays."""
    manifest = folder / "SHA256SUMS"
    good = manifest.read_text()
    signed = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{good}"
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    )
    for text, error, words in (
        (good + "bad\n", ManifestError, "line 5"),
        ("", ManifestError, "lists no file"),
        (signed, WriteError, "is signed"),
        (f"{good}{'0' * 64}  a\n", ManifestError, "contradicts line 1"),
        (f"{good}{'0' * 64}  ../x\n", WriteError, "outside"),
    ):
        manifest.write_text(text)
        with pytest.raises(error, match=words):
            update(manifest)
        assert manifest.read_text() == text
    with pytest.raises(FileNotFoundError):
        update(folder / "none")
    with pytest.raises(ManifestError, match="not a regular file"):
        update(folder)
    with pytest.raises(ValueError, match=r'^unknown format "none"; known: '):
        update(manifest, format="none")


def test_cancel(huge: Path) -> None:
    """The manifest stays, and nothing else is left."""
    cancel = CancelToken()
    with pytest.raises(CancelledError):
        update(huge / "SHA512SUMS", progress=lambda _: cancel.cancel(), cancel=cancel)
    assert sorted(os.listdir(huge)) == ["SHA512SUMS", "huge"]
    assert (huge / "SHA512SUMS").read_text() == f"{'0' * 128}  huge\n"


@pytest.fixture
def run(run: Callable[..., Run], folder: Path) -> Callable[..., Run]:
    """Run ``checksig update`` in the folder."""
    return functools.partial(run, "update", cwd=folder)


def test_the_command(run: Callable[..., Run], folder: Path) -> None:
    """It reports what it did; missing or suspect files make the exit code 1."""
    (folder / "a").write_bytes(b"A")
    (folder / "new").write_bytes(b"n")
    before = (folder / "SHA256SUMS").read_bytes()
    done = run("SHA256SUMS")
    assert done.returncode == 1, done
    lines = done.stdout.splitlines()
    assert lines[:2] == ["CHANGED     a", "ADDED       new"]
    assert lines[2].startswith("NOTE        --accept-changed ")
    assert lines[3].startswith("NOT WRITTEN SHA256SUMS: 5 files, ")
    assert (folder / "SHA256SUMS").read_bytes() == before
    done = run("SHA256SUMS", "--accept-changed")
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[:2] == ["CHANGED     a", "ADDED       new"]
    last = done.stdout.splitlines()[-1]
    assert last.startswith(
        "WRITTEN     SHA256SUMS: 5 files, 3 of them not read again, sha256, gnu ("
    )
    (folder / "b").unlink()
    done = run("SHA256SUMS", "-q")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "MISSING     b")
    assert "missing files stay listed; --prune removes them from the manifest" in done.stdout
    done = run("SHA256SUMS", "--prune", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["removed"]) == (0, True, ["b"])
    assert set(document["unread"]) <= {"a", "new", "d/c", "d/e"}
    (folder / "SHA256SUMS").write_text("bad\n")
    done = run("SHA256SUMS")
    assert done.returncode == 2
    assert done.stderr.startswith("checksig: SHA256SUMS: line 1: ")


TEMPORARY = ".checksig-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp"


def test_a_temporary_file_of_another_run(folder: Path) -> None:
    """It is not listed; one that an older version has listed is removed."""
    manifest = folder / "SHA256SUMS"
    (folder / "d" / TEMPORARY).write_bytes(b"part of a manifest")
    assert update(manifest).added == ()
    with manifest.open("a") as file:
        file.write(f"{sha256(b'part of a manifest')}  d/{TEMPORARY}\n")
    assert update(manifest).removed == (f"d/{TEMPORARY}",)
    assert verify(manifest).verified == 4


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and ..")
def test_a_name_through_a_link(folder: Path) -> None:
    """A name with .. after a link is the file that verify opens, not what the text says."""
    manifest = folder / "SUMS"
    manifest.write_text(f"{sha256(b'old')}  link/../x\n")
    time.sleep(0.05)
    (folder / "far" / "sub").mkdir(parents=True)
    (folder / "far" / "x").write_bytes(b"far")
    (folder / "x").write_bytes(b"near")
    (folder / "link").symlink_to("far/sub")
    update(manifest, add=False, accept_changed=True)
    assert listed(folder, "SUMS") == {"link/../x": sha256(b"far")}
    assert verify(manifest).verified == 1


def test_comments_with_sizes(folder: Path) -> None:
    """Those of Fedora are brought up to date with the digests, and added for new files."""
    manifest = folder / "CHECKSUM"
    (folder / "SHA256SUMS").unlink()
    lines = [f"# {n}: {len(c)} bytes\nSHA256 ({n}) = {sha256(c)}\n" for n, c in FILES.items()]
    manifest.write_text("# Fedora\n" + "".join(lines))
    (folder / "a").write_bytes(b"longer")
    (folder / "d" / "c").write_bytes(b"longer still")
    (folder / "new").write_bytes(b"new")
    done = update(manifest, accept_changed=True)
    assert (done.added, done.changed, done.dropped_comments) == (("new",), ("a", "d/c"), ())
    files = {**FILES, "a": b"longer", "d/c": b"longer still", "new": b"new"}
    lines = [f"# {n}: {len(c)} bytes\nSHA256 ({n}) = {sha256(c)}\n" for n, c in files.items()]
    assert manifest.read_text() == "# Fedora\n" + "".join(lines)
    assert verify(manifest).verified == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the folder's permissions")
def test_hard_links_are_not_broken(folder: Path) -> None:
    """A manifest with several names is an error, and stays as it is."""
    manifest = folder / "SHA256SUMS"
    before = manifest.read_bytes()
    os.link(manifest, folder.parent / "other")
    (folder / "a").write_bytes(b"A")
    with pytest.raises(WriteError, match="has 2 hard links"):
        update(manifest)
    assert manifest.read_bytes() == before
    assert manifest.samefile(folder.parent / "other")


@pytest.mark.skipif(sys.platform != "linux", reason="needs os.setxattr")
def test_owner_mode_and_attributes_stay(folder: Path) -> None:
    """Root keeps the owner, too; nobody's attributes are lost."""
    manifest = folder / "SHA256SUMS"
    manifest.chmod(0o640)
    owner = (54321, 54322) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(manifest, *owner)
    attributes = {"user.comment": b"ours"}
    try:
        os.setxattr(manifest, "user.comment", b"ours")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        attributes = {}
    (folder / "a").write_bytes(b"A")
    assert update(manifest, accept_changed=True).changed == ("a",)
    info = manifest.stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (*owner, 0o640)
    names = os.listxattr(manifest)
    assert {n: os.getxattr(manifest, n) for n in names if n.startswith("user.")} == attributes


def test_changes_are_not_accepted_unasked(folder: Path) -> None:
    """The manifest is left alone, also what else would be updated; each later run says so again."""
    before = (folder / "SHA256SUMS").read_bytes()
    (folder / "a").write_bytes(b"A")
    (folder / "new").write_bytes(b"n")
    (folder / "d" / "c").unlink()
    cases: list[dict[str, Any]] = [{}, {"all": True}, {"prune": True}, {"accept_suspect": True}]
    for options in cases:
        done = update(folder / "SHA256SUMS", **options)
        assert (done.changed, done.added, done.suspect) == (("a",), ("new",), ())
        assert (done.ok, done.written, done.accepted) == (False, False, False)
        assert (folder / "SHA256SUMS").read_bytes() == before
    done = update(folder / "SHA256SUMS", accept_changed=True)
    assert (done.written, done.accepted, done.missing, done.ok) == (True, True, ("d/c",), False)
    assert listed(folder)["a"] == sha256(b"A")


def test_a_dry_run(folder: Path, run: Callable[..., Run]) -> None:
    """It reports what would be done, and touches nothing."""
    (folder / "a").write_bytes(b"A")
    (folder / "new").write_bytes(b"n")
    (folder / "d" / "c").unlink()

    def state() -> list[tuple[str, float, bytes]]:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [(str(path), path.stat().st_mtime, path.read_bytes()) for path in paths]

    before = state()
    folders = folder.stat().st_mtime
    done = update(folder / "SHA256SUMS", dry_run=True, prune=True)
    assert (done.added, done.changed, done.removed) == (("new",), ("a",), ("d/c",))
    assert (done.written, done.accepted, done.ok) == (False, False, False)
    done = update(folder / "SHA256SUMS", dry_run=True, prune=True, accept_changed=True)
    assert (done.written, done.accepted, done.ok, done.files) == (False, True, True, 4)
    shown = run("SHA256SUMS", "--dry-run")
    assert shown.returncode == 1
    assert "NOT WRITTEN SHA256SUMS" in shown.stdout
    shown = run("SHA256SUMS", "-n", "--prune", "--accept-changed")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[:3] == ["CHANGED     a", "ADDED       new", "REMOVED     d/c"]
    assert shown.stdout.splitlines()[3].startswith("PLANNED     SHA256SUMS: 4 files, ")
    document = json.loads(run("SHA256SUMS", "-n", "--json").stdout)
    assert (document["written"], document["ok"], document["changed"]) == (False, False, ["a"])
    assert state() == before
    assert folder.stat().st_mtime == folders


def test_what_create_left_out_is_not_added(folder: Path, run: Callable[..., Run]) -> None:
    """The manifest remembers it in comments, which verify and other tools pass over."""
    manifest = folder / "SHA256SUMS"
    manifest.unlink()
    (folder / "x.tmp").write_bytes(b"x")
    (folder / "cache").mkdir()
    (folder / "cache" / "y").write_bytes(b"y")
    created = create(folder, exclude=["*.tmp", "cache/"])
    assert created.remembered == ("exclude=*.tmp", "exclude=cache/")
    assert (created.not_remembered, created.excluded, created.files) == ((), 2, 4)
    text = manifest.read_text()
    assert text.startswith("# checksig: exclude=*.tmp\n# checksig: exclude=cache/\n")
    assert verify(manifest).verified == 4
    (folder / "z.tmp").write_bytes(b"z")
    (folder / "new").write_bytes(b"n")
    done = update(manifest)
    assert (done.added, done.remembered, done.excluded) == (("new",), created.remembered, 3)
    (folder / "new").unlink()
    shown = run("SHA256SUMS", "--prune")
    assert shown.stdout.splitlines()[:2] == [
        "REMEMBERED  exclude=*.tmp",
        "REMEMBERED  exclude=cache/",
    ]
    assert manifest.read_text() == text
    done = update(manifest, remember=False)
    assert (done.added, done.remembered) == (("cache/y", "x.tmp", "z.tmp"), ())


def test_nothing_is_remembered_where_tools_refuse_comments(
    folder: Path, run: Callable[..., Run]
) -> None:
    """The result says so, and update needs the option again."""
    manifest = folder / "SHA256SUMS"
    manifest.unlink()
    bag = folder / "manifest-sha256.txt"
    done = create(folder, format="bagit", output=bag, exclude=["a"])
    assert (done.remembered, done.not_remembered) == ((), ("exclude=a",))
    assert "#" not in bag.read_text()
    assert create(folder, algorithm="blake3", exclude=["b"]).not_remembered == ("exclude=b",)
    done = create(folder, exclude=["b"], remember=False)
    assert (done.remembered, done.not_remembered) == ((), ())
    assert "#" not in manifest.read_text()
    shown = run("-n", "manifest-sha256.txt")
    assert "ADDED       a" in shown.stdout


def test_a_hostile_manifest_hides_nothing(folder: Path) -> None:
    """What it remembers takes out no entry of an update, and verify does not know it."""
    manifest = folder / "SHA256SUMS"
    good = manifest.read_text()
    (folder / "a").write_bytes(b"tampered")
    for line in ("exclude=*", "exclude=a", "include=b", "path=d", "links=skip"):
        manifest.write_text(f"# checksig: {line}\n{good}")
        report = verify(folder, check=False, extra="fail")
        assert (report.mismatched, report.verified, report.excluded) == (1, 3, 0)
        done = update(manifest, all=True)
        assert done.changed + done.suspect == ("a",)
        assert (done.removed, done.remembered, done.ok) == ((), (line,), False)
    for line in ("path=../other", "path=/etc", "exclude=[", "exclude=%GG", "verify=no"):
        manifest.write_text(f"# checksig: {line}\n{good}")
        with pytest.raises(ManifestError, match="remembers"):
            update(manifest)
        assert update(manifest, remember=False, accept_changed=True, dry_run=True).ok


def test_another_output_is_not_added(folder: Path) -> None:
    """Neither its manifest, nor the folder that it is about."""
    (folder / "SHA256SUMS").unlink()
    other = folder / "other"
    other.mkdir()
    (other / "o").write_bytes(b"o")
    for name in ("d", "other"):
        create(folder / name, output=folder / f"{name}.sha256")
        create(folder / name, output=folder / f"files of {name}")
    everything = create(folder, exclude=["*.sha256", "files of *", "d", "other"]).manifest
    time.sleep(0.05)
    (folder / "d" / "new").write_bytes(b"n")
    (other / "new").write_bytes(b"n")
    for name in ("d.sha256", "files of d"):
        done = update(folder / name)
        assert (done.added, done.changed, done.missing) == (("d/new",), (), ())
    assert update(everything).added == ()
    create(folder, algorithm="md5", exclude=["*.sha256", "SHA256SUMS", "files of *", "[do]*/"])
    assert update(everything).skipped == ("MD5SUMS",)


def test_a_manifest_of_a_bag(tmp_path: Path) -> None:
    """A payload manifest gets files below data/ only, a tag manifest all others."""
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / "data" / "a").write_bytes(b"a")
    payload = bag / "manifest-sha256.txt"
    payload.write_text(f"{hashlib.sha256(b'a').hexdigest()}  data/a\n")
    declaration = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    (bag / "bagit.txt").write_bytes(declaration)
    tags = bag / "tagmanifest-sha256.txt"
    contents = {"bagit.txt": declaration, payload.name: payload.read_bytes()}
    tags.write_text(
        "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in contents.items())
    )
    (bag / "data" / "new").write_bytes(b"n")
    (bag / "notes.txt").write_bytes(b"n")
    assert update(payload).added == ("data/new",)
    assert update(tags, accept_changed=True).added == ("notes.txt",)
    assert verify(bag).verified == 5
    (bag / "bagit.txt").unlink()
    assert update(payload).added == ("notes.txt",)  # the format, but no bag


def test_names_that_start_elsewhere(folder: Path, tmp_path: Path) -> None:
    """A manifest outside its files is updated with relative_to; else nothing is listed wrongly."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "secret").write_bytes(b"s")
    manifest = out / "SUMS"
    create(folder, output=manifest)
    (folder / "new").write_bytes(b"n")
    with pytest.raises(ValueError, match="relative_to"):
        update(manifest)
    done = update(manifest, relative_to=folder)
    assert done.added == ("new",)
    assert verify(manifest, root=folder).verified == 6


def test_include_and_exclude(folder: Path, run: Callable[..., Run]) -> None:
    """Include chooses what is added, exclude also takes out what is listed."""
    manifest = folder / "SHA256SUMS"
    for name in ("x.fq", "y.txt", "d/z.fq"):
        (folder / name).write_bytes(b"n")
    done = update(manifest, include=["*.fq"], exclude=["d"], dry_run=True)
    assert (done.added, done.removed) == (("x.fq",), ("d/c", "d/e"))
    done = update(manifest, include=["*.fq"])
    assert (done.added, done.removed) == (("d/z.fq", "x.fq"), ())
    (folder / "list").write_text("# names\n\n*.txt  \nd\n")
    shown = run("SHA256SUMS", "--exclude-from", "list", "--exclude", "list")
    assert shown.returncode == 0
    assert set(listed(folder)) == {"a", "b", "x.fq"}
