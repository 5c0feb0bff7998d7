#!/usr/bin/env python3
"""Make tests/corpus: for every shape of manifest one that its own tool wrote.

Runs on Debian 12 with coreutils, rhash, hashdeep, b3sum, xxhash, openssl, libdigest-sha-perl,
gnupg, signify-openbsd, dpkg and apt-utils, and with cfv, bagit, wheel and pip from a virtual
environment on PATH. What no tool at hand writes is written out here by its documented shape, and
rows.json says so.

    python tools/make_corpus.py [ROW...]

Made anew, a row differs where its tool writes the time, or signs with the key that is made here
for the purpose and thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
WORK = Path(tempfile.gettempdir(), "corpus")  # a fixed name, as hashdeep writes it down

PLAIN = {"a.txt": "one\n", "b c.bin": "two, with a blank in its name", "sub/d.txt": "three\n"}
DISC = {"disc.iso": "an image\n"}
LISTED = "a.txt 'b c.bin' sub/d.txt"
FOLDER = "C:\\dl\\"
BY_HAND = "by hand, after its documentation"


@dataclass
class Row:
    """A manifest of the corpus."""

    shape: str
    manifest: str
    """Its path; what it lists is relative to the folder that this is relative to."""
    format: str
    how: str | Callable[[Row], str]
    """A shell command that prints it, or a function that writes it and says how."""
    version: str = "sha256sum --version"
    files: dict[str, str] = field(default_factory=lambda: dict(PLAIN))
    note: str = ""
    options: dict[str, object] = field(default_factory=dict)
    """What verify() has to be told."""


def run(command: str, **extra: str) -> bytes:
    """Run a shell command in the working folder and give what it prints."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "GNUPGHOME": str(WORK) + ".gpg", **extra}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=WORK,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout


def write(row: Row, content: bytes) -> None:
    """Write the row's manifest."""
    path = WORK / row.manifest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def digest(algorithm: str, content: str) -> str:
    """Compute a digest in hexadecimal."""
    return hashlib.new(algorithm, content.encode()).hexdigest()


def get_file_hash_table(row: Row) -> str:
    """Write the table as Windows PowerShell 5.1 does in a window of 130 columns."""
    lines = [
        "",
        f"{'Algorithm':<16}{'Hash':<71}Path{' ' * 39}",
        f"{'---------':<16}{'----':<71}----{' ' * 39}",
    ]
    for name, content in row.files.items():
        lines.append(f"{'SHA256':<16}{digest('sha256', content).upper():<71}{FOLDER + name:<43}")
    write(row, "\r\n".join([*lines, "", "", ""]).encode())
    return BY_HAND


def get_file_hash_list(row: Row) -> str:
    """Write the list of Format-List."""
    blocks = [
        f"Algorithm : MD5\r\nHash      : {digest('md5', content).upper()}\r\n"
        f"Path      : {FOLDER}{name}\r\n"
        for name, content in row.files.items()
    ]
    write(row, ("\r\n" + "\r\n".join(blocks) + "\r\n\r\n").encode("utf-16"))
    return BY_HAND + ', with ">" of Windows PowerShell 5.1'


def certutil(row: Row) -> str:
    """Write what certutil prints for each file: in Windows 7, or in Windows 10 and later."""
    old = row.note == "Windows 7"
    blocks: list[str] = []
    for name, content in row.files.items():
        shown = (
            bytes.fromhex(digest("sha1", content)).hex(" ") if old else digest("sha256", content)
        )
        title = f"SHA1 hash of file {name}:" if old else f"SHA256 hash of {name}:"
        done = "CertUtil: -hashfile command completed successfully."
        blocks.append("".join(f"{line}\r\n" for line in (title, shown, done)))
    write(row, "".join(blocks).encode())
    return BY_HAND


def ena(row: Row) -> str:
    """Write a file report with single and paired reads."""
    (one, left, right) = row.files
    folder = "ftp.sra.ebi.ac.uk/vol1/fastq/SRR000/"
    md5 = {name: digest("md5", content) for name, content in row.files.items()}
    size = {name: len(content) for name, content in row.files.items()}
    lines = [
        "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes",
        f"SRR000001\t{folder}{one}\t{md5[one]}\t{size[one]}",
        f"SRR000002\t{folder}{left};{folder}{right}\t{md5[left]};{md5[right]}\t{size[left]};{size[right]}",
    ]
    write(row, ("\n".join(lines) + "\n").encode())
    return BY_HAND


def bag(row: Row) -> str:
    """Make a bag with bagit-python."""
    made = run("bagit.py --sha256 --quiet . && pip show bagit 2>/dev/null | grep ^Version: || true")
    row.files = {
        str(path.relative_to(WORK)): path.read_bytes().decode()
        for path in sorted(WORK.rglob("*"))
        if path.is_file() and str(path.relative_to(WORK)) != row.manifest
    }
    return f"bagit-python ({made.decode().strip()}): bagit.py --sha256 ."


def record(row: Row) -> str:
    """Pack a wheel with the tool of that name; pip, which installs it, adds to the RECORD."""
    info = WORK / "pkg-1.0.dist-info"
    info.mkdir()
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n")
    packed = run(
        "rm -rf ../corpus.wheels; mkdir ../corpus.wheels; wheel version; "
        "wheel pack . --dest-dir ../corpus.wheels >&2"
    )
    run("pip install -q --no-index --no-deps --find-links ../corpus.wheels --target t pkg")
    version = run("pip --version").decode().split(" from ")[0]
    tree = WORK / "t"
    write(row, (tree / row.manifest).read_bytes())
    row.files = {
        path.relative_to(tree).as_posix(): path.read_bytes().decode()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.name != "RECORD"
    }
    return f"{packed.decode().strip()}: wheel pack .; {version}: pip install"


ONE_SPACE = "rhash -p '%{sha-256} %p\\n' " + LISTED
KEY = (
    "rm -rf $GNUPGHOME && mkdir -m 700 $GNUPGHOME && gpg -q --batch --passphrase '' "
    "--quick-generate-key 'Corpus <corpus@example.org>' ed25519 && "
)
CLEARSIGN = "gpg -q --batch --clearsign --output - sums; gpgconf --kill gpg-agent"
DEB = (
    "mkdir -p DEBIAN && printf 'Package: tool\\nVersion: 1.0\\nArchitecture: all\\n"
    "Maintainer: x <x@example.org>\\nDescription: x\\n' >DEBIAN/control && "
    "md5sum usr/bin/tool usr/share/doc/tool/copyright >DEBIAN/md5sums && "
    "dpkg-deb --build . ../corpus.deb >&2 && "
    "dpkg-deb --ctrl-tarfile ../corpus.deb | tar xO ./md5sums"
)
RELEASE = (
    "apt-ftparchive -o APT::FTPArchive::Release::Origin=Corpus "
    "-o APT::FTPArchive::Release::Suite=stable release main | "
    "sed -E 's, (binary|Contents), main/\\1,'"
)
PACKAGES = {
    "main/binary-amd64/Packages": "Package: a\n",
    "main/binary-amd64/Release": "Archive: stable\n",
}
FEDORA = (
    'for f in *.iso; do echo "# $f: $(stat -c %s $f) bytes"; sha256sum --tag $f; done >sums && '
)
WINDOWS = {"a.txt": "one\n", "b c.bin": "two\n"}

ROWS = {
    "gnu-text": Row("GNU text", "SHA256SUMS", "gnu", f"sha256sum {LISTED}"),
    "gnu-binary": Row("GNU binary", "sha1sum.txt", "gnu", f"sha1sum -b {LISTED}"),
    "gnu-escaped": Row(
        "GNU escaped",
        "SHA256SUMS",
        "gnu",
        "sha256sum *",
        files={"back\\slash": "1", "line\nfeed": "2", "carriage\rreturn": "3", "plain": "4"},
    ),
    "gnu-upper-case": Row(
        "upper-case digest, missing last newline, `#` comments, blank lines",
        "SHA256SUMS",
        "gnu",
        f"printf '# made by hand\\n\\n'; "
        f"printf %s \"$(sha256sum {LISTED} | sed -E 's,^[0-9a-f]+,\\U&,')\"",
        note="changed by sed",
    ),
    "one-space": Row("one space", "SHA256SUMS", "gnu", ONE_SPACE, "rhash --version"),
    "tab": Row("a TAB", "sums", "gnu", "rhash -p '%{md5}\\t%p\\n' " + LISTED, "rhash --version"),
    "bsd": Row("BSD tag", "CHECKSUM", "bsd", f"sha256sum --tag {LISTED}"),
    "openssl-1": Row(
        "OpenSSL 1",
        "sums.txt",
        "openssl",
        f"openssl dgst -sha256 {LISTED} | sed s,^SHA2-,SHA,",
        "openssl version",
        note="the tag changed to that of version 1 by sed",
    ),
    "openssl-3": Row(
        "OpenSSL 3", "sums.txt", "openssl", f"openssl dgst -sha256 {LISTED}", "openssl version"
    ),
    "length-tag": Row(
        "coreutils length tag, BLAKE2b",
        "CHECKSUMS",
        "bsd",
        f"cksum -a blake2b -l 256 {LISTED}",
        "cksum --version",
    ),
    "length-tag-sha3": Row(
        "coreutils length tag, SHA-3",
        "CHECKSUMS",
        "bsd",
        f"rhash --sha3-256 --bsd {LISTED}",
        "rhash --version",
        note="coreutils writes the same from 9.8 on",
    ),
    "base64": Row(
        "coreutils base64",
        "CHECKSUMS",
        "base64",
        f"rhash --sha256 --bsd --base64 {LISTED}",
        "rhash --version",
        note="coreutils writes the same from 9.2 on",
    ),
    "mixed": Row(
        "mixed algorithms in one tagged file",
        "CHECKSUMS",
        "bsd",
        "for a in md5 sha1 sha384 sm3 blake2b; do cksum -a $a a.txt; done; "
        "cksum -a sha256 'b c.bin'; sha256sum --tag sub/d.txt; sha512sum sub/d.txt",
        "cksum --version",
        note="the last line is sha512sum's without a tag, which cksum --check reads, too",
    ),
    "name-first": Row(
        "name first",
        "sums",
        "name-first",
        "rhash -p '%p  %{sha-256}\\n' " + LISTED,
        "rhash --version",
    ),
    "crlf": Row(
        "CRLF",
        "SHA256SUMS",
        "gnu",
        f"sha256sum {LISTED} | sed 's,$,\\r,'",
        note="line ends changed by sed",
    ),
    "bom": Row(
        "UTF-8 BOM",
        "SHA256SUMS",
        "gnu",
        f"printf '\\xef\\xbb\\xbf'; sha256sum {LISTED} | sed 's,$,\\r,'",
        note="the mark put in front by printf",
    ),
    "utf-16le": Row(
        "UTF-16 LE with BOM",
        "SHA256SUMS",
        "gnu",
        f"printf '\\xff\\xfe'; sha256sum {LISTED} é.txt | sed 's,$,\\r,' | iconv -t UTF-16LE",
        files={**PLAIN, "é.txt": "accent\n"},
        note="encoded by iconv",
    ),
    "utf-16be": Row(
        "UTF-16 BE with BOM",
        "SHA256SUMS",
        "gnu",
        f"printf '\\xfe\\xff'; sha256sum {LISTED} é.txt | iconv -t UTF-16BE",
        files={**PLAIN, "é.txt": "accent\n"},
        note="encoded by iconv",
    ),
    "sidecar": Row(
        "digest only, as a sidecar",
        "disc.iso.sha256",
        "sidecar",
        "sha256sum disc.iso | cut -d' ' -f1",
        files=DISC,
    ),
    "sidecar-space": Row(
        "digest only, with a leading space",
        "disc.iso.sha256",
        "sidecar",
        "openssl dgst -sha256 disc.iso | cut -d= -f2",
        "openssl version",
        files=DISC,
    ),
    "sidecar-stdin": Row(
        "digest only, as `<H> -`", "disc.iso.sha512", "sidecar", "sha512sum <disc.iso", files=DISC
    ),
    "backslash": Row(
        "backslash separators",
        "SHA256SUMS",
        "gnu",
        "sha256sum a.txt sub/d.txt | tr / '\\\\'",
        files={"a.txt": "one\n", "sub/d.txt": "three\n"},
        note="separators changed by tr",
    ),
    "build-prefix": Row(
        "absolute or build-time prefix",
        "SHA256SUMS",
        "gnu",
        "sha256sum a.txt sub/d.txt | sed 's,  ,  /builds/project/dist/,'",
        files={"a.txt": "one\n", "sub/d.txt": "three\n"},
        note="prefix put in by sed",
        options={"remap": {"/builds/project/dist": ""}},
    ),
    "get-filehash": Row(
        "PowerShell Get-FileHash, table",
        "hashes.txt",
        "get-filehash",
        get_file_hash_table,
        files=WINDOWS,
        options={"basename": True},
    ),
    "get-filehash-list": Row(
        "PowerShell Get-FileHash, list",
        "hashes.txt",
        "get-filehash",
        get_file_hash_list,
        files=WINDOWS,
        options={"basename": True},
    ),
    "certutil": Row("Windows certutil", "disc.txt", "certutil", certutil, note="Windows 10"),
    "certutil-7": Row(
        "Windows certutil, of Windows 7", "disc.txt", "certutil", certutil, note="Windows 7"
    ),
    "pipe": Row(
        "pipe table",
        "sums.md",
        "pipe",
        "rhash -p '%{sha-256} | %p\\n' " + LISTED,
        "rhash --version",
    ),
    "pgp-gnu": Row(
        "PGP clear-signed around GNU lines (Node)",
        "SHASUMS256.txt.asc",
        "gnu",
        f"{KEY} shasum -a 256 -- {LISTED} -e.txt >sums && {CLEARSIGN}",
        "gpg --version",
        files={**PLAIN, "-e.txt": "dash\n"},
    ),
    "pgp-bsd": Row(
        "PGP clear-signed around BSD lines (Fedora)",
        "CHECKSUM",
        "bsd",
        KEY + FEDORA + CLEARSIGN,
        "gpg --version",
        files={**DISC, "net.iso": "another image\n"},
    ),
    "signify": Row(
        "OpenBSD signify",
        "SHA256.sig",
        "bsd",
        f"sha256sum --tag {LISTED} >SHA256 && signify-openbsd -G -n -p k.pub -s k.sec && "
        "signify-openbsd -S -e -s k.sec -m SHA256 -x out && cat out",
        "dpkg-query -W signify-openbsd",
    ),
    "sfv-cfv": Row(
        "SFV, of cfv",
        "files.sfv",
        "sfv",
        f"cfv -C -t sfv -f out.sfv {LISTED} >&2; cat out.sfv",
        "cfv --version",
    ),
    "sfv-rhash": Row(
        "SFV, of rhash", "files.sfv", "sfv", f"rhash --sfv {LISTED}", "rhash --version"
    ),
    "hashdeep": Row(
        "hashdeep",
        "audit.txt",
        "hashdeep",
        f"hashdeep -l -c md5,sha1,sha256 {LISTED}",
        "hashdeep -V",
    ),
    "bagit": Row(
        "BagIt",
        "manifest-sha256.txt",
        "bagit",
        bag,
        files={"a.txt": "one\n", "n\rl": "two\n", "50%.txt": "three\n", "tilde%7E": "four\n"},
    ),
    "dpkg": Row(
        "dpkg",
        "var/lib/dpkg/info/tool.md5sums",
        "dpkg",
        DEB,
        "dpkg-deb --version",
        files={"usr/bin/tool": "#!/bin/sh\n", "usr/share/doc/tool/copyright": "MIT\n"},
        options={"root": "."},
    ),
    "release": Row(
        "Debian Release", "Release", "release", RELEASE, "apt-ftparchive --version", files=PACKAGES
    ),
    "inrelease": Row(
        "Debian InRelease",
        "InRelease",
        "release",
        f"{KEY} {RELEASE} >sums && {CLEARSIGN}",
        "gpg --version",
        files=PACKAGES,
        note="apt-ftparchive made the text",
    ),
    "record": Row(
        "wheel RECORD",
        "pkg-1.0.dist-info/RECORD",
        "record",
        record,
        files={"pkg/__init__.py": "", "pkg/a,b.txt": "comma\n", 'pkg/"q".txt': "quotes\n"},
    ),
    "ena": Row(
        "ENA tab-separated",
        "filereport.tsv",
        "ena",
        ena,
        files={"SRR1.fastq.gz": "@1\n", "SRR2_1.fastq.gz": "@2\n", "SRR2_2.fastq.gz": "@3\n"},
    ),
    "ncbi": Row(
        "NCBI",
        "md5checksums.txt",
        "gnu",
        "find . -type f -name 'GCF*' | LC_ALL=C sort | xargs md5sum",
        files={"GCF_0001_genomic.fna.gz": ">1\n", "GCF_0001_genomic.gff.gz": "##gff\n"},
    ),
    "arch": Row(
        "Arch release files",
        "b2sums.txt",
        "gnu",
        "b2sum *.iso",
        "b2sum --version",
        files={"arch.iso": "a\n", "arch-x.iso": "b\n"},
    ),
    "hashicorp": Row(
        "HashiCorp release files",
        "tool_1.2.3_SHA256SUMS",
        "gnu",
        "sha256sum *.zip",
        files={"tool_1.2.3_linux.zip": "zip\n", "tool_1.2.3_darwin.zip": "zap\n"},
    ),
    "debian": Row(
        "Debian and Ubuntu release files", "SHA512SUMS", "gnu", "sha512sum disc.iso", files=DISC
    ),
    "go": Row(
        "Go release files",
        "go1.linux-amd64.tar.gz.sha256",
        "sidecar",
        "printf %s $(sha256sum go1.linux-amd64.tar.gz | cut -c-64)",
        files={"go1.linux-amd64.tar.gz": "gopher\n"},
    ),
    "kubernetes": Row(
        "Kubernetes release files",
        "kubectl.sha512",
        "sidecar",
        "printf %s $(sha512sum kubectl | cut -c-128)",
        files={"kubectl": "helm\n"},
    ),
    "node": Row(
        "Node release files",
        "SHASUMS256.txt",
        "gnu",
        "shasum -a 256 node.tar.gz win-x64/node.exe win-x64/node.lib",
        "shasum --version",
        files={"node.tar.gz": "v8\n", "win-x64/node.exe": "MZ\n", "win-x64/node.lib": "lib\n"},
    ),
    "b3sum": Row("GNU lines of b3sum", "B3SUMS", "gnu", f"b3sum {LISTED}", "b3sum --version"),
    "b2sum-length": Row(
        "GNU lines of b2sum --length", "B2SUMS", "gnu", f"b2sum -l 256 {LISTED}", "b2sum --version"
    ),
    "xxhsum": Row(
        "GNU lines of xxhsum",
        "files.xxh128",
        "gnu",
        f"xxhsum -q -H2 {LISTED}",
        "xxhsum --version 2>&1",
    ),
    "xxhsum-tag": Row(
        "BSD tags of xxhsum", "files.txt", "bsd", f"xxhsum -q -H3 {LISTED}", "xxhsum --version 2>&1"
    ),
    "shasum-tag": Row(
        "BSD tags of shasum, SHA-512/256",
        "files.txt",
        "bsd",
        f"shasum -a 512256 --tag {LISTED}",
        "shasum --version",
    ),
}


def make(slug: str, row: Row) -> dict[str, object]:
    """Make a row's manifest, and what rows.json says of it."""
    for folder in (WORK, CORPUS / slug):
        shutil.rmtree(folder, ignore_errors=True)
    for name, content in row.files.items():
        path = WORK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    if callable(row.how):
        made = row.how(row)
    else:
        write(row, run(row.how))
        version = run(row.version).decode().strip().splitlines()[0].replace("\t", " ")
        tool = row.version.split()[0]
        made = f"{'' if version[0].isalpha() else tool + ' '}{version}: {row.how}"
    target = CORPUS / slug / row.manifest
    target.parent.mkdir(parents=True)
    content = (WORK / row.manifest).read_bytes()
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(content[:2], "")
    # UTF-16 is kept as UTF-8, with its mark, so that its changes can be read in git.
    target.write_bytes(content.decode(encoding).encode() if encoding else content)
    return {
        "shape": row.shape,
        "manifest": row.manifest,
        "format": row.format,
        "made": made,
        "note": row.note,
        "encoding": encoding,
        "options": row.options,
        "files": row.files,
    }


def main() -> None:
    """Make all rows, or those that are named."""
    index = CORPUS / "rows.json"
    rows: dict[str, object] = (
        json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    )
    for slug in sys.argv[1:] or ROWS:
        rows[slug] = make(slug, ROWS[slug])
        print(slug)
    ordered = {slug: rows[slug] for slug in ROWS if slug in rows}
    index.write_text(json.dumps(ordered, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
