"""Other real servers: SSH and nginx, each where it is installed."""

from __future__ import annotations

import getpass
import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = pytest.mark.services

FILES = {"a": b"hello", "d/b": os.urandom(9 << 20), "ä #?": b"odd"}


def fill(folder: Path) -> None:
    """Write a release."""
    lines: list[str] = []
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


@pytest.fixture(params=["paramiko", "sshfs"])
def sftp(  # noqa: PLR0917 - pytest passes them by name
    request: pytest.FixtureRequest,
    tmp_path: Path,
    needs: Any,
    port: Any,
    program: Any,
    running: Any,
) -> Generator[Any]:
    """Run an SSH server for this user, and return a file system of it."""
    needs("module fsspec", f"module {request.param}", "ssh-keygen")
    needs("sshd", there=program("sshd") is not None)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    at = port()
    config = tmp_path / "config"
    config.write_text(
        f"Port {at}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nStrictModes no\nUsePAM no\n"
        "Subsystem sftp internal-sftp\n",
        encoding="utf-8",
    )
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    command = [program("sshd") or "", "-D", "-e", "-f", str(config)]
    with running(command, at, stderr=subprocess.DEVNULL):
        options: dict[str, Any] = {"port": at, "username": getpass.getuser()}
        options["skip_instance_cache"] = True
        if request.param == "paramiko":
            module: Any = pytest.importorskip("fsspec.implementations.sftp")
            key = {"key_filename": str(tmp_path / "user"), "look_for_keys": False}
            yield module.SFTPFileSystem("127.0.0.1", allow_agent=False, **key, **options)
        else:
            module = pytest.importorskip("sshfs")
            keys = {"client_keys": [str(tmp_path / "user")], "known_hosts": None}
            yield module.SSHFileSystem("127.0.0.1", **keys, **options)


@pytest.mark.usefixtures("engine")
def test_sftp(sftp: Any, tmp_path: Path) -> None:
    """Files are read over SSH; links lead no farther than on this machine."""
    folder = tmp_path / "r"
    fill(folder)
    report = verify(str(folder), filesystem=sftp, extra="fail")
    assert (report.verified, report.path) == (3, f"sftp://{folder}")
    (tmp_path / "outside").write_bytes(b"hello")
    (folder / "link").symlink_to(tmp_path / "outside")
    listed: Any = {"link": hashlib.sha256(b"hello").digest()}
    (result,) = verify(listed, root=str(folder), filesystem=sftp, check=False).results
    assert (result.status, result.reason) == (Status.UNREADABLE, "refused")
    (folder / "up").symlink_to("..")
    (folder / "in").symlink_to("a")
    listed = dict.fromkeys(("up/outside", "in"), hashlib.sha256(b"hello").digest())
    report = verify(listed, root=str(folder), filesystem=sftp, check=False)
    assert [result.reason for result in report.results] == ["refused", None]


def test_nginx(tmp_path: Path, needs: Any, port: Any, program: Any, running: Any) -> None:
    """A folder with an index is verified over HTTP."""
    needs("module fsspec", "module aiohttp")
    needs("nginx", there=program("nginx") is not None)
    folder = tmp_path / "r"
    fill(folder)
    tmp_path.chmod(0o755)
    at = port()
    config = tmp_path / "nginx.conf"
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config.write_text(
        f"{user}\ndaemon off;\nmaster_process off;\npid {tmp_path}/pid;\n"
        f"error_log {tmp_path}/errors;\nevents {{}}\nhttp {{ access_log off;\n"
        + "".join(f"{each}_temp_path {tmp_path}/{each};\n" for each in temporary)
        + f"server {{ listen 127.0.0.1:{at}; root {tmp_path}; autoindex on; charset utf-8; }} }}\n",
        encoding="utf-8",
    )
    with running([program("nginx") or "", "-c", str(config), "-p", str(tmp_path)], at):
        report = verify(f"http://127.0.0.1:{at}/r/", extra="fail")
        assert report.verified == 3
        (folder / "a").write_bytes(b"hellx")
        report = verify(f"http://127.0.0.1:{at}/r/SHA256SUMS", check=False)
        assert report.mismatched == 1
