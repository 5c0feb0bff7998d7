"""Arch Linux packages: made by makepkg, installed by pacman, and compared with pacman -Qkk."""

from __future__ import annotations

import functools
import gzip
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import ManifestError, ManifestNotFoundError, PackageStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Run = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pacman is for POSIX systems")
needs_pacman = [
    pytest.mark.needs("pacman", "makepkg", "setpriv", "bsdtar"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="pacman installs packages for root"
    ),
    pytest.mark.xdist_group("pacman"),  # whose fixture builds packages
]

PKGBUILD = """
pkgname=(tool empty)
pkgver=1.0
pkgrel=1
epoch=2
arch=(any)
options=(!strip !debug)
package_tool() {
  backup=(etc/changed etc/unchanged)
  install=tool.install
  mkdir -p "$pkgdir/usr/bin" "$pkgdir/etc" "$pkgdir/usr/share/a b" "$pkgdir/usr/share/locale/de"
  echo a > "$pkgdir/usr/bin/a"
  echo su > "$pkgdir/usr/bin/su"
  chmod 755 "$pkgdir/usr/bin/a"
  chmod 4711 "$pkgdir/usr/bin/su"
  ln -s a "$pkgdir/usr/bin/link"
  echo c > "$pkgdir/etc/changed"
  echo c > "$pkgdir/etc/unchanged"
  printf 's' > "$pkgdir/usr/share/a b/"$'\\303\\274 #\\\\x'
  echo de > "$pkgdir/usr/share/locale/de/x"
}
package_empty() {
  :
}
"""


def with_marks(marks: list[Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds *marks*."""
    return lambda function: functools.reduce(lambda f, mark: mark(f), marks, function)


@pytest.fixture(scope="module")
def installed(tool: Callable[..., str]) -> Generator[Path]:
    """Build packages as another user, as makepkg asks for, and install them into a root folder."""
    with tempfile.TemporaryDirectory() as made:  # not pytest's, which only its user can enter
        folder, root = Path(made, "build"), Path(made, "root")
        os.chmod(made, 0o755)  # noqa: S103 - another user builds there
        folder.mkdir()
        (folder / "PKGBUILD").write_text(PKGBUILD)
        (folder / "tool.install").write_text(":\n")
        for each in (folder, *folder.iterdir()):
            shutil.chown(each, "nobody", "nogroup")
        tool(
            *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"),
            *("makepkg", "--nodeps", "--noconfirm"),
            cwd=folder,
            env={**os.environ, "HOME": made, "PKGEXT": ".pkg.tar.gz", "LC_ALL": "C.UTF-8"},
        )
        (root / "var/lib/pacman").mkdir(parents=True)
        (root / "etc").mkdir()
        (root / "etc/pacman.conf").write_text(
            "[options]\nNoExtract = usr/share/locale/* !usr/share/locale/en*\nSigLevel = Never\n"
            "[other]\nNoExtract = *\n"
        )
        packages = sorted(folder.glob("*.pkg.tar.gz"))
        assert len(packages) == 2
        tool(*pacman(root), "--noconfirm", "--noscriptlet", "-U", *packages)
        yield root


def pacman(root: Path) -> list[object]:
    """Return the words that run pacman on this system."""
    return [
        *("pacman", "--root", root, "--dbpath", root / "var/lib/pacman"),
        *("--cachedir", root.parent, "--logfile", "/dev/null", "--hookdir", root / "hooks"),
        *("--config", root / "etc/pacman.conf"),
    ]


@pytest.fixture
def root(installed: Path, tmp_path: Path) -> Path:
    """Copy the root folder, so that a test can change it."""
    made = tmp_path / "root"
    subprocess.run(["cp", "-a", installed, made], check=True, timeout=60)
    return made


@pytest.fixture
def run(run: Callable[..., Run]) -> Callable[..., Run]:
    """Run ``checksig pacman`` outside the source tree."""
    return functools.partial(run, "pacman")


def failed(report: checksig.InstalledReport) -> set[str]:
    """Return the files that failed."""
    reports = [package.report for package in report.packages if package.report is not None]
    return {failure.path for each in reports for failure in each.failures}


def of_pacman(root: Path) -> set[str]:
    """Return the files that pacman -Qkk reports, but for changed configuration files."""
    done = subprocess.run(
        [*map(str, pacman(root)), "-Qkk"],
        capture_output=True,
        timeout=100,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    text = os.fsdecode(done.stdout + done.stderr)
    lines = re.findall(r"^(?:warning: )?\w+: (/.*) \((.*)\)$", text, re.MULTILINE)
    found = {name for name, why in lines if "Modification time" not in why}
    # It does not install this folder, as its name with a slash at its end matches NoExtract, and
    # then misses it.
    return found - {str(root / "usr/share/locale")}


@with_marks(needs_pacman)
def test_an_unchanged_system(root: Path, run: Callable[..., Run]) -> None:
    """Everything is verified, but what NoExtract left out."""
    assert not (root / "usr/share/locale/de/x").exists()
    done = run("--root", root, "-v")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "OK          tool 2:1.0-1: 15 entries: 12 verified, 3 skipped\n" in done.stdout
    assert "OK          empty 2:1.0-1: no files\n" in done.stdout
    assert "left out at the installation: NoExtract = usr/share/locale/*\n" in done.stdout
    assert of_pacman(root) == set()
    (root / "etc/pacman.conf").write_text("[options]\n")
    left_out = {str(root / "usr/share/locale" / name) for name in ("", "de", "de/x")}
    assert failed(checksig.verify_pacman(root=root)) == left_out


FILES = [
    "usr/bin/a",
    "usr/bin/su",
    "usr/share/a b/ü #\\x",
    "etc/changed",
    "var/lib/pacman/local/tool-2:1.0-1/install",
]


@with_marks(needs_pacman)
@pytest.mark.parametrize("how", ["change", "append", "to_folder", "to_link", "setuid", "unlink"])
def test_what_pacman_reports(root: Path, build: Any, how: str) -> None:
    """Whatever happens to a file, pacman -Qkk and checksig report the same ones."""
    for name in FILES:
        build.CHANGES[how](root / name)
    found = failed(checksig.verify_pacman(root=root))
    wanted = {str(root / name) for name in FILES}
    if how in {"change", "append"}:
        wanted.remove(str(root / "etc/changed"))
    if how == "setuid":
        wanted.remove(str(root / FILES[4]))  # whose permissions are those of the package
        assert found == wanted
        assert of_pacman(root) - {str(root / FILES[4])} == wanted
    else:
        assert found == wanted == of_pacman(root)


@with_marks(needs_pacman)
def test_links_and_arguments(root: Path, run: Callable[..., Run]) -> None:
    """A link that leads elsewhere, and packages that are named."""
    (root / "usr/bin/link").unlink()
    (root / "usr/bin/link").symlink_to("su")
    assert failed(checksig.verify_pacman(root=root)) == {str(root / "usr/bin/link")}
    assert of_pacman(root) == {str(root / "usr/bin/link")}
    assert run("--root", root, "tool").returncode == 1
    assert run("--root", root, "tool-2:1.0-1").returncode == 1
    assert run("--root", root, "empty").returncode == 0
    assert run("--root", root, "none").returncode == 2
    assert run("--root", root / "usr").returncode == 2


# --- databases that are made here


FILES_OF_TOOL = {"/usr/bin/a": b"a", "/etc/b": b"bb"}
DIGEST = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of "a"


@pytest.fixture
def made(tmp_path: Path, build: Any) -> Path:
    """Make a system of one package."""
    root = tmp_path / "root"
    build.write_files(root, FILES_OF_TOOL)
    build.write_pacman(root, FILES_OF_TOOL)
    return root


def test_it_is_verified(made: Path) -> None:
    """So whatever is changed below is what fails."""
    assert checksig.verify_pacman(root=made).ok


@pytest.mark.parametrize(
    "line",
    [
        f"usr/bin/a type=file sha256digest={DIGEST}",
        f"./../evil sha256digest={DIGEST}",
        f"./usr/../../evil sha256digest={DIGEST}",
        f"./usr/bin/a sha256digest={DIGEST[1:]}",
        f"./usr/bin/a sha256digest={DIGEST} sha256digest={DIGEST}",
        f"./usr/bin/a sha999digest={DIGEST}",
        f"./usr/bin/a sha256digest={DIGEST} optional",
        f"./usr/bin/a size=x sha256digest={DIGEST}",
        f"./usr/bin/a mode=u+x sha256digest={DIGEST}",
        f"./usr/bin/a type=dir sha256digest={DIGEST}",
        "./usr/bin/a type=tape",
        "./usr/bin/a type=link",
        f"./usr\\057bin/a sha256digest={DIGEST}",
        f"./usr/bin/a\\000 sha256digest={DIGEST}",
        f"./usr/bin/\\q sha256digest={DIGEST}",
        f"./usr/bin/a sha256digest={DIGEST} \\\n    size=1",
        f"/set sha256digest={DIGEST}",
        "..",
        "nonsense",
    ],
)
def test_lines_that_are_not_understood(made: Path, build: Any, line: str) -> None:
    """Each is a failure, though everything else is verified."""
    mtree = f"#mtree\n./usr/bin/a size=1 sha256digest={DIGEST}\n{line}\n"
    build.write_pacman(made, {"/usr/bin/a": b"a"}, mtree.encode())
    (package,) = checksig.verify_pacman(root=made).packages
    assert package.status is PackageStatus.FAILED
    assert package.report is not None
    assert package.report.bad_line_count
    assert package.report.verified >= 1


def test_every_byte_of_mtree(made: Path, build: Any) -> None:
    """No changed byte leads to OK, but in a time or to the same digest."""
    good = f"#mtree\n/set type=file mode=644\n./usr/bin/a time=1.0 size=1 sha256digest={DIGEST}\n"
    for i in range(len(good)):
        bad = good[:i] + chr(ord(good[i]) ^ 0x20) + good[i + 1 :]
        build.write_pacman(made, {"/usr/bin/a": b"a"}, bad.encode())
        ok = checksig.verify_pacman(root=made).ok
        is_time = good.index("1.0") <= i < good.index(" size")
        is_digit = good[i] in "abcdef" and i > good.index("sha256digest=")
        assert not ok or is_time or is_digit, bad


def test_a_record_in_part(made: Path, build: Any) -> None:
    """Files that mtree lacks, files without a digest, no mtree, and one that was cut off."""
    folder = build.write_pacman(made, FILES_OF_TOOL)
    whole = gzip.decompress((folder / "mtree").read_bytes())
    lines = whole.splitlines(keepends=True)
    build.write_pacman(made, FILES_OF_TOOL, b"".join(lines[:-1]))
    (package,) = checksig.verify_pacman(root=made).packages
    assert (package.status, package.problem) == (
        PackageStatus.UNVERIFIABLE,
        "1 files are not in its mtree",
    )
    build.write_pacman(made, FILES_OF_TOOL, whole + b"./usr/bin/a type=file\n")
    (package,) = checksig.verify_pacman(root=made).packages
    assert (package.status, package.undigested) == (PackageStatus.UNVERIFIABLE, 1)
    packed = (folder / "mtree").read_bytes()
    for spoilt in (packed[:-9], packed + b"x", b"", b"#mtree\n", gzip.compress(b"#mtree\nx")):
        (folder / "mtree").write_bytes(spoilt)
        assert checksig.verify_pacman(root=made).packages[0].status is PackageStatus.FAILED
    (folder / "mtree").unlink()
    (package,) = checksig.verify_pacman(root=made).packages
    assert (package.status, package.problem) == (PackageStatus.UNVERIFIABLE, "no mtree")
    (folder / "files").unlink()
    assert checksig.verify_pacman(root=made).packages[0].status is PackageStatus.FAILED
    (folder / "files").write_text("%FILES%\n")
    assert checksig.verify_pacman(root=made).ok  # no files
    with (folder / "mtree").open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb") as bomb:
        for _ in range(65):
            bomb.write(bytes(1 << 20))
    assert not checksig.verify_pacman(root=made).ok


@pytest.mark.parametrize(
    "desc",
    [
        "%NAME%\nother\n\n%VERSION%\n1-2\n",
        "%NAME%\ntool\n",
        "%NAME%\ntool\n\n%VERSION%\n1-2\n\n%NAME%\ntool\n",
        "%NAME%\ntool\nx\n\n%VERSION%\n1-2\n",
        "tool\n",
        "",
    ],
)
def test_a_damaged_desc(made: Path, desc: str) -> None:
    """A package that is not the one that its folder is named after is an error."""
    (made / "var/lib/pacman/local/tool-1-2/desc").write_text(desc)
    with pytest.raises(ManifestError):
        checksig.verify_pacman(root=made)


def test_no_database(tmp_path: Path) -> None:
    """A folder without one, and an empty one."""
    with pytest.raises(ManifestNotFoundError, match="pacman has installed nothing there"):
        checksig.verify_pacman(root=tmp_path)
    local = tmp_path / "var/lib/pacman/local"
    local.mkdir(parents=True)
    (local / "ALPM_DB_VERSION").write_text("9\n")
    with pytest.raises(ManifestNotFoundError, match="no package is installed"):
        checksig.verify_pacman(root=tmp_path)
