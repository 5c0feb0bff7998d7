"""Databases of packages that are written here, for what the real tools do not write; and changes.

Tests get this module as the fixture ``build``: nothing in the folder of tests can be imported.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Tags = dict[int, tuple[int, Any]]

INT16, INT32, STRING, STRINGS, CHAR = 3, 4, 6, 8, 1
_FORMATS = {CHAR: "B", INT16: "H", INT32: "I"}


def header(tags: Mapping[int, tuple[int, Any]]) -> bytes:
    """Return a header of rpm: an index, then the data."""
    index, data = b"", b""
    for tag, (kind, value) in sorted(tags.items()):
        if kind in _FORMATS:
            size = struct.calcsize(_FORMATS[kind])
            data += b"\0" * (-len(data) % size)
            content = struct.pack(f">{len(value)}{_FORMATS[kind]}", *value)
            count = len(value)
        else:
            texts = [value] if kind == STRING else value
            content = b"".join(text + b"\0" for text in texts)
            count = len(texts)
        index += struct.pack(">IIII", tag, kind, len(data), count)
        data += content
    return struct.pack(">II", len(tags), len(data)) + index + data


def tags_of(files: Mapping[str, bytes], name: str = "tool") -> Tags:
    """Return the tags of a package of regular files with the permissions 0644."""
    tags: Tags = {
        1000: (STRING, name.encode()),
        1001: (STRING, b"1"),
        1002: (STRING, b"2"),
        1022: (STRING, b"noarch"),
    }
    if files:
        folders = sorted({file.rpartition("/")[0] + "/" for file in files})
        tags |= {
            1028: (INT32, [len(content) for content in files.values()]),
            1029: (CHAR, [0] * len(files)),
            1030: (INT16, [0o100644] * len(files)),
            1035: (STRINGS, [hashlib.sha256(c).hexdigest().encode() for c in files.values()]),
            1036: (STRINGS, [b""] * len(files)),
            1037: (INT32, [0] * len(files)),
            1045: (INT32, [0xFFFFFFFF] * len(files)),
            1116: (INT32, [folders.index(file.rpartition("/")[0] + "/") for file in files]),
            1117: (STRINGS, [file.rpartition("/")[2].encode() for file in files]),
            1118: (STRINGS, [folder.encode() for folder in folders]),
            5011: (INT32, [8]),
        }
    return tags


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files with the permissions 0644."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)


TABLE = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"


def write_sqlite(root: Path, headers: Sequence[bytes], table: str = TABLE) -> Path:
    """Write rpmdb.sqlite, and return its path."""
    path = root / "var/lib/rpm/rpmdb.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.execute(table)
    if headers:
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(h,) for h in headers])
    database.commit()
    database.close()
    return path


def write_ndb(root: Path, headers: Sequence[bytes]) -> Path:
    """Write Packages.db, and return its path; see rpm's lib/backend/ndb/rpmpkg.c."""
    slots, blobs = b"", b""
    for number, each in enumerate(headers, 1):
        length = 16 + len(each) + 12
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(each)) + each
        blob += b"\0" * (-length % 16)
        blob += struct.pack("<II4s", zlib.adler32(blob), len(each), b"BlbE")
        blocks = len(blob) // 16
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(blobs)) // 16, blocks)
        blobs += blob
    start = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, len(headers) + 1, 0, 0, 0)
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    table = start + slots
    table += free * ((4096 - len(table)) // 16)
    path = root / "usr/lib/sysimage/rpm/Packages.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table + blobs)
    return path


def write_pacman(root: Path, files: Mapping[str, bytes], mtree: bytes | None = None) -> Path:
    """Write pacman's database of one package, and return its folder."""
    folder = root / "var/lib/pacman/local/tool-1-2"
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "ALPM_DB_VERSION").write_text("9\n")
    (folder / "desc").write_text("%NAME%\ntool\n\n%VERSION%\n1-2\n\n")
    names = "".join(f"{name.lstrip('/')}\n" for name in files)
    (folder / "files").write_text(f"%FILES%\n{names}\n")
    if mtree is None:
        mtree = b"#mtree\n/set type=file uid=0 gid=0 mode=644\n" + b"".join(
            f".{name} time=0.0 size={len(content)}".encode()
            + f" sha256digest={hashlib.sha256(content).hexdigest()}\n".encode()
            for name, content in files.items()
        )
    (folder / "mtree").write_bytes(gzip.compress(mtree))
    return folder


def apk_digest(content: bytes) -> str:
    """Return what apk writes after Z: for a file."""
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return "Q1" + base64.b64encode(digest).decode()


def write_apk(root: Path, files: Mapping[str, bytes], more: str = "") -> Path:
    """Write apk's database of one package, and return its path."""
    path = root / "lib/apk/db/installed"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["C:Q1", "P:tool", "V:1-r2", "A:noarch"]
    for name, content in files.items():
        folder, _, last = name.lstrip("/").rpartition("/")
        lines += [f"F:{folder}", f"R:{last}", f"Z:{apk_digest(content)}"]
    path.write_text("\n".join(lines) + f"\n{more}\n")
    return path


def write_conda(root: Path, files: Mapping[str, bytes], **more: Any) -> Path:
    """Write conda's record of one package, and return its path."""
    paths = [
        {
            "_path": name.lstrip("/"),
            "path_type": "hardlink",
            "sha256": hashlib.sha256(content).hexdigest(),
            "sha256_in_prefix": hashlib.sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for name, content in files.items()
    ]
    record = {
        "build": "h_0",
        "build_number": 0,
        "channel": "https://conda.example.org/main",
        "depends": [],
        "files": [path["_path"] for path in paths],
        "name": "tool",
        "paths_data": {"paths": paths, "paths_version": 1},
        "version": "1",
        **more,
    }
    path = root / "conda-meta/tool-1-h_0.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    (path.parent / "history").touch()
    return path


def run_tool(*words: object, ok: bool = True, **options: Any) -> str:
    """Run a package manager, and return what it prints."""
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=100, check=False, **options
    )
    assert done.returncode == 0 or not ok, done.stdout + done.stderr
    return str(done.stdout)


def change(path: Path) -> None:
    """Change the content, not the size."""
    path.write_bytes(b"X" * path.stat().st_size)


def append(path: Path) -> None:
    """Change the size."""
    with path.open("a") as file:
        file.write("more")


def to_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def to_link(path: Path) -> None:
    """Put a link to its content in its place."""
    path.rename(path.parent / "moved")
    path.symlink_to("moved")


def to_fifo(path: Path) -> None:
    """Put a FIFO in its place."""
    path.unlink()
    os.mkfifo(path)


def setuid(path: Path) -> None:
    """Change the permissions."""
    path.chmod(path.stat().st_mode ^ 0o4001)


CHANGES: dict[str, Callable[[Path], None]] = {
    each.__name__: each for each in (change, append, to_folder, to_link, to_fifo, setuid, os.unlink)
}
"""What can happen to a file, by name."""
