#!/usr/bin/env python3
"""Run checksig and the tools people use over tests/corpus, and write docs/reference/formats.md.

    python tools/matrix.py

Needs the installed checksig, and on PATH coreutils, rhash, shasum and cfv. A tool reads a shape if
it passes the files as they are, and none of them with a byte changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import checksig

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "corpus"
PAGE = ROOT / "docs" / "reference" / "formats.md"
ROWS: dict[str, dict[str, Any]] = json.loads((CORPUS / "rows.json").read_text(encoding="utf-8"))
NOT_LISTED = {"bagit.txt", "bag-info.txt", "tagmanifest-sha256.txt"}

READS, REFUSES, FOOLED = "reads", "refuses", "**passes a tampered file**"
SIBLINGS = ["md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum"]
VERSIONS = {
    "sha256sum": "sha256sum --version",
    "cksum": "cksum --version",
    "rhash": "rhash --version",
    "shasum": "shasum --version",
    "cfv": "cfv --version",
}

FORMATS = """\
gnu: GNU coreutils
Defined by the man page sha256sum(1) and digest.c in the source of GNU coreutils. Two characters
separate digest and name, or one in the whole manifest (a space or a TAB). Lines with tags, as
below, are read in between. This is also read, here and in the formats below whose lines are for
people to read (all but SFV, cfv's CSV and BagIt):
- the algorithm in front of a digest: `sha256:HEX`, `sha256-BASE64` (SRI), `XXH3_HEX` (xxhsum), and
  `?SHA256*` in front of a name (FSUM)
- a heading that names the algorithm of the lines after it, up to the next heading: `# SHA512 HASH`
  (Gentoo), `Hash: SHA512` (.NET), `SHA-256:`, `MD5 sums`. The digests below an unknown algorithm
  are bad lines: their length does not choose another one
- comments that begin with `#`, and those that begin with `;` or `//` unless something in them looks
  like a digest. A comment that could as well be a file whose name begins with the mark is a bad
  line
- with `ignore_text=True` or `--ignore-text`, lines in which nothing looks like a digest

bsd: BSD tags
Defined by the man pages md5(1) of the BSDs and cksum(1) of GNU coreutils; also written by
shasum --tag, b3sum --tag, xxhsum and rhash --bsd, which aligns its tags with spaces. The tag is
read in any spelling. A comment
`# NAME: N bytes`, as in Fedora's files, gives a size.

base64: BSD tags, digests in base64
Written by cksum --base64 of GNU coreutils 9.2. The length distinguishes it from hexadecimal.

openssl: OpenSSL
Defined by the man page openssl-dgst(1), versions 1 and 3. Names are never escaped.

sidecar: A digest alone
Published by Go, Kubernetes and many others: `disc.iso.sha256` and `disc.iso.sha256.txt` are about
`disc.iso`. If the manifest's name does not name a file, this is a bad line. The algorithm may be in
front (`sha256:HEX`, `SHA256 = HEX`), and `-` or `(stdin)` may stand for the name.

print-md: gpg --print-md
The output of gpg --print-md and --print-mds, as Apache and old Maven repositories publish it. The
digest is in groups of two, four or eight digits, and may continue on lines that begin with a space.
A digest that is not complete is one bad line with all its lines. Without a name, the manifest's
own name names the file.

pipe: Pipe table
Used in release notes. Blanks around the name are refused, because they may be padding.

columns: Several digests in a line
Written by rhash with several algorithms. The length of each digest identifies its algorithm, so two
of one length are refused. The first line determines the columns of all others.

sfv: SFV
Written by cksfv, rhash and cfv. CRC-32 (ISO 3309) only; `;` starts a comment.

name-first: Name first
Read by rhash, and written by its --printf. Blanks before the digest are not part of the name.

record: Wheel RECORD
Defined by PyPA's specification "Recording installed projects". RECORD itself, its signatures and
the `.pyc` files of `__pycache__` may have no digest, and are no entries then; any other file
without one is a bad line. Names start from the folder above.

hashdeep: hashdeep
Defined by hashdeep.sourceforge.net. The header names the columns; a column of an unknown algorithm
is a bad line.

get-filehash: PowerShell's Get-FileHash
Defined by Microsoft's reference. A path that a narrow window cut short or broke in two is a bad
line. With `basename=True` the files may be in another folder than the path says.

certutil: Windows certutil
Defined by Microsoft's reference of `certutil -hashfile`. Without its last line it is incomplete.
In other languages the first and the last line are read by their structure.

ena: ENA file report
Defined by the European Nucleotide Archive's portal. Each pair of columns `_ftp` and `_md5` lists
digests; the file's name is the last part of its address. `--columns fastq` (`columns="fastq"`)
verifies the files of these columns only, and [counts](patterns.md#columns-of-ena-file-reports)
the others.

release: Debian Release
Defined by the Debian wiki's DebianRepository/Format. A file is listed once for each algorithm,
with its size.

bagit: BagIt
Defined by RFC 8493. Recognised by the name `manifest-ALGORITHM.txt` or
`tagmanifest-ALGORITHM.txt`; only `%0D`, `%0A` and `%25` are escapes.

dpkg: dpkg
Defined by the man page deb-md5sums(5). Recognised by the name `*.md5sums` and a first file below
`usr/`, `etc/` and similar folders. Names start from `/`, or from `root=` if given.

cfv-csv: cfv's CSV
Written by cfv -t csv and csv4, with the file's size. The lines of csv2 have no digest: they are bad
lines. All lines have the same number of fields, and a comma at the end.

in-toto: in-toto statements
Defined by the in-toto attestation framework, statements v0.1 and v1: SLSA provenance and others.
A statement stands alone or in a DSSE envelope (`wrapper` is "dsse"; its signature is checked on
demand), also in PyPI's form of one (PEP 740), and several may follow one another as JSON Lines. All
digests of a subject are verified; one of an unknown algorithm is a bad line, too, and so is one of
no file, such as `gitCommit`.

sigstore: Sigstore bundles
Defined by sigstore_bundle.proto, versions 0.1 to 0.3; the signature is checked on demand. A bundle
with a statement is read as one; in an OpenSSF model signature (model_signing v1.0) the predicate
lists the files, whose digests must add up to the model's. The bundle of a file is about the file
that it is named after: `disc.iso.sigstore.json` is about `disc.iso`.

conda-paths: conda package
Defined by conda's package specification. Names start from the folder above `info`. The digest of a
softlink is that of the file that it leads to; a softlink to a folder, or to nothing, fails.

conda-meta: conda package, installed
Written by conda, mamba and pixi. Names start from the folder above `conda-meta`.
`sha256_in_prefix`, the digest after installation, takes precedence. `.pyc` files that were created
during installation have no digest, and are no entries; any other file without one is a bad line.

datapackage: Frictionless data package
Defined by the Data Package standard, versions 1 and 2. A hash without an algorithm is MD5. A file
with a URL has the name at the end of it. A resource without a hash, or of several files, is a bad
line.

ro-crate: RO-Crate
Defined by the RO-Crate Metadata Specification. Names are percent-encoded. Every `File` must have a
digest, as `sha256`, `sha512`, `sha1`, `md5` or another algorithm's name.

croissant: Croissant
Defined by MLCommons' Croissant Format Specification. A file with a URL has the name at the end of
it. A `FileSet` and files in an archive are no entries, and a note says that they are not verified.

npm: npm's package-lock.json
Defined by npm, lockfileVersion 1 to 3, also `npm-shrinkwrap.json`. A package's file is the last
part of `resolved`; `integrity` may have several digests. Packages from Git have none, and are bad
lines. Use `--ignore-missing` if not every package was downloaded.

cargo: Cargo's vendored crates
Written by `cargo vendor` as `.cargo-checksum.json` into each crate's folder. The digest of the
package itself is of its archive, which is not in the folder: a note says that it is not verified.

json-map: JSON objects of names and digests
As in the `checksums.json` of Puppet modules (MD5) and of Electron (SHA-256): every value must be a
digest, also with its algorithm in front (`sha256:...`), and one of the first names must have a dot
or a slash, because other things than files have digests, too.

cyclonedx: CycloneDX
Defined by ECMA-424. Components of the type `file` are entries; others, such as libraries, are no
files. If they have digests, a note says "not verified: type=library"; the same applies to digests
of `externalReferences` and `tools`.

spdx: SPDX
Defined by ISO/IEC 5962 (SPDX 2.2 and 2.3) and SPDX 3.0, in JSON. Files are entries. Packages
are not; if they have digests, a note says "not verified: packages". The same applies to
`externalDocumentRefs`.

simplestreams: simplestreams
Used for Ubuntu's cloud images, `products:1.0`. Names start from the folder above `streams/v1`.

distinfo: Lists of ports
Defined by FreeBSD's Porter's Handbook, OpenBSD's bsd.port.mk(5) and NetBSD's pkgsrc guide. Sizes
(`SIZE`, `Size`) belong to the digests of the same name. A size of a file without a digest is a bad
line; so are digests of unknown algorithms, and those of pkgsrc's patches, which are not
of the whole patch. The files lie in a folder of their own: name it with `root=` (`--root`).

gentoo: Gentoo Manifest
Defined by GLEP 74, and GLEP 44 for the older tags. The name of an `AUX` file starts from the folder
`files`; `DIST` files are looked for next to the manifest, or in `root=` (`--root`). What `IGNORE`
and `OPTIONAL` list is not verified, and noted. A digest of an unknown algorithm is a bad line. The
files that a `MANIFEST` file lists are verified if it is read too, with `recursive=True` (`-r`).

dsc: Debian control files
Defined by the man pages dsc(5), deb-changes(5), deb-buildinfo(5) and, for `Sources`, by the Debian
wiki's DebianRepository/Format. The fields `Checksums-ALGORITHM` and `Files` (MD5) of a stanza must
list the same files. Names start from the field `Directory`, if there is one; those of `Sources` lie
in the archive's folder: name it with `root=` (`--root`).

packages: Debian Packages
Defined by the Debian wiki's DebianRepository/Format. Each stanza lists one file, with its size. The
names start from the archive's folder: name it with `root=` (`--root`). A stanza without `Filename`
or without a digest is a bad line.

sum: sum
Defined by GNU coreutils' manual, "sum invocation"; published as Ensembl's CHECKSUMS. The sum has 16
bits. Five digits are the algorithm of BSD, with blocks of 1,024 bytes; `algorithm="sysvsum"` reads
that of System V, with blocks of 512 bytes, and `algorithm="bsdsum"` fewer digits of the other one.
The number of blocks is compared with the file's size.

cksum: cksum
Defined by POSIX, utility cksum. The size is compared, too. Where every CRC has 8 digits, the lines
could be GNU lines with CRC-32: then `cksum` must be in the manifest's name.

table: Tables with a header
Defined by Microsoft's references of Get-FileHash and Export-Csv, and the user's guide of the GDC
Data Transfer Tool; columns are separated by a comma, a TAB or a semicolon (RFC 4180), or by a space
between fields in quotation marks (R's write.table; the `md5sum.txt` of The Carpentries). One column
has the names of the files: path, file, file name, file path, name, key or object. The digests are
in columns named after algorithms (`md5`, `MD5 checksum`, `sha256sum`), or in one column hash,
checksum or digest, next to one that names the algorithm or, without that, known by the length. A
column size, file size, bytes or length is compared. Other columns are skipped, but a row with
something like a digest in one of them is a bad line, except for etag. A row without a digest is a
bad line. In GDC's manifests a file's name is `id/filename`, as its client stores them;
with `basename=True` (`--basename`) the files may be in one folder.

markdown: Markdown
Defined by the GitHub Flavored Markdown Spec, "Tables (extension)". The first row names the
columns, as in [tables](#tables-with-a-header-table); the column of names may also be called
asset, artifact, archive, binary, download, image or package. Back-ticks around a cell, and the
address of a link, do not count. A size in other units, such as `12 MB`, is not compared, and the
command line prints a note. Text around the table, as in release notes, is a bad line unless
`ignore_text=True` (`--ignore-text`); headings are not.

s3-batch: Reports of S3 Batch Operations
Defined by the Amazon S3 User Guide, "Examples: S3 Batch Operations completion reports", for jobs
that compute checksums. Keys are percent-encoded, with "+" for a blank, and start from the
manifest's folder; bucket, version and etag are not compared. A task that failed is a bad line. A
checksum of the type `COMPOSITE` is one of the checksums of an object's parts: it needs their size
(`--part-size`), and is a bad line otherwise.

mtree: mtree
Defined by the man pages mtree(5) of FreeBSD and libarchive, and mtree(8) of NetBSD. Sizes and
digests of files are verified; a file without a digest is a bad line. Types, modes in octal, owners,
groups and the targets of links are compared, and each file, folder, link or device that differs or
is missing is a broken rule. They are not compared with `ignore_attributes=True`
(`--ignore-attributes`), on Windows and in remote roots. What was not, such as times, is in
`unverified`, and the command line prints a note. A missing file is skipped if it is `optional`;
with `nochange` no attribute counts.

jar: JAR
Defined by Oracle's "JAR File Specification", sections "JAR Manifest" and "Signed JAR File". Names
in `META-INF/MANIFEST.MF` start from the folder above `META-INF`. A file without a digest is a bad
line, and so is every file of a JAR that is not signed.

metalink: Metalink
Defined by RFC 5854 (version 4, `*.meta4`) and metalinker.org (version 3, `*.metalink`). Each `hash`
of a file is an entry. Digests of pieces are passed over, because those of the whole file cover the
same bytes; a file that has only pieces is a bad line. Signatures inside are not checked.

repomd: RPM repositories
Written by createrepo_c. `repomd.xml` lists the metadata of a repository and tells nothing about the
packages. Names start from the folder above if the manifest is in a folder `repodata`, and otherwise
from its own. `open-checksum` and `header-checksum` are passed over: they are not about the whole
file as it is listed. A location with `xml:base` is a bad line.

rpm-primary: RPM primary metadata
The uncompressed `primary.xml` of createrepo_c, which lists the packages. Names start as in
`repomd.xml`.

ascmhl: ASC media hash lists
Defined by the ASC MHL Specification 2.0 of the American Society of Cinematographers. Names start
from the folder above if the manifest is in a folder `ascmhl`. A C4 ID is a SHA-512 digest. The
digests of folders are passed over: they are computed from the names and digests of the files, which
are verified. A digest with `action="failed"` is a bad line, because the file was not good when the
list was made.

ascmhl-chain: ASC media hash lists, chain file
The chain file lists the hash lists next to it.

mhl: Media hash lists
Defined by mediahashlist.org, version 1. An `xxhash64` is an unknown algorithm, because its byte
order is not defined; `xxhash64be` is read.

pylock: Python lock files
Defined by PyPA's "pylock.toml Specification" (once PEP 751), version 1.0. The file of a wheel,
sdist or archive is at its `path`, from the lock file's folder. Without one it is called as `name`
says, or as the last part of `url`, and is in the lock file's folder. Every digest is an entry. A
package from `vcs` or `directory` has no digest, and is a bad line, as are keys that the
specification does not have. Use `ignore_missing` if only the wheels for one platform were
downloaded. A document of over 16 MiB, or with over 500,000 keys and values, is refused. pip's
requirements files with `--hash` are not read: a requirement lists the digests of several files, of
which one is enough, and names none.

srcinfo: Arch Linux's .SRCINFO
Written by `makepkg --printsrcinfo`. The n-th digest of an algorithm is that of the n-th `source`,
also with the name of an architecture behind (`sha256sums_x86_64`). A source with `SKIP` is not
verified, and a note says so; one without its digest is a bad line.

apkbuild: Alpine Linux's APKBUILD
The variables `sha512sums`, `sha256sums`, `sha1sums` and `md5sums` of the script are read, and
nothing else.

freebsd: FreeBSD's MANIFEST
Written by FreeBSD's `make-manifest.sh`. The numbers of files in the archives are not verified.

torrent: Torrents
Defined by BEP 3 (version 1), BEP 47 (padding files) and BEP 52 (version 2). Of a torrent with both
versions, both are verified. A single file has the torrent's name; several are in a folder of that
name. Version 1 has digests of pieces of all files in a row. They are compared as one digest for
each file, `btv1-LENGTH` or, if the last piece is padded, `btv1-LENGTH-padded`. A torrent of several
files whose pieces contain parts of more than one file cannot be verified, and is a bad line. SHA-1
is broken: version 1 detects corruption, not tampering. Version 2 has a root for each file, `btv2`.
Symbolic links are bad lines. Pieces must be a power of two from 16 KiB to 64 MiB; a torrent of over
32 MiB is refused, and so is one whose file names have over 256 MiB together.

ocfl: OCFL inventory
Defined by the Oxford Common File Layout 1.0 and 1.1, section 3.5. Recognised by the name
`inventory.json`; in a folder it is read as part of an [OCFL
object](verification.md#ocfl-objects). The manifest block's digests are sha512 or sha256; those of
the fixity block are verified too. JSON is read strictly: a key that is there twice is an error.

oci: OCI image index
Defined by the OCI Image Format Specification 1.1. Recognised by the name `index.json`; in a
folder it is read as part of an [OCI image layout](verification.md#oci-image-layouts). Each
descriptor lists the file `blobs/ALGORITHM/DIGEST` with its size.
"""

HEAD = """\
## Which tool reads what

The table is made by `python tools/matrix.py`, which runs each tool on each manifest of
[tests/corpus](../../tests/corpus): first with the files as they should be, then, for each file,
with one byte of it changed.

- **reads**: accepts the unchanged files, and fails each time a byte is changed.
- **refuses**: fails although the files are as they should be.
- **passes a tampered file**: exits with 0 although a byte of a listed file is changed.

For sha256sum and shasum, the command for the row's algorithm is run (`md5sum --check`,
`shasum -a 512 --check`).

"""

TAIL = """\

## Compression

Manifests compressed by gzip, bzip2, xz or Zstandard are recognised by their first bytes, whatever
their names are, and read to the end of the last member or frame; data that is truncated, damaged,
or followed by anything else is an error. A name loses `.gz`, `.bz2`, `.xz` or `.zst` before it
names an algorithm or a file: `disc.iso.sha256.gz` is about `disc.iso`. To bound memory and time,
these are errors: a window or dictionary of more than 64 MiB (`zstd --long=27`), an xz filter other
than LZMA2, and text of more than 16 MiB that is over 100 times as large as its compressed form.

## Encodings and wrappers

Encodings and wrappers are independent of the format: UTF-8 with a byte order mark, UTF-16 with
one, CRLF; PGP clear-signed text (RFC 9580, section 7) and OpenBSD signify (`signify -S -e`). Lines
around signed text are bad lines, and so is an end before the signature's end.

JSON documents are read strictly: exact keys; two members with one key, text that is not Unicode,
and anything after the document are errors. JSON of no known kind is refused.
"""


def lay(slug: str, folder: Path) -> Path:
    """Put a row's files into a folder, and its manifest, which is returned."""
    row = ROWS[slug]
    for name, content in row["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    manifest = folder / row["manifest"]
    manifest.parent.mkdir(parents=True, exist_ok=True)
    content = (CORPUS / slug / row["manifest"]).read_bytes()
    encoding = row["encoding"]  # of the manifest, which the corpus keeps in UTF-8
    manifest.write_bytes(content.decode().encode(encoding) if encoding else content)
    return manifest


def verified(slug: str, folder: Path) -> checksig.Report:
    """Verify a row with checksig."""
    options = dict(ROWS[slug]["options"])
    if "root" in options:
        options["root"] = folder / options["root"]
    return checksig.verify(folder / ROWS[slug]["manifest"], check=False, **options)


def passes(words: list[str], folder: Path) -> bool:
    """Whether a tool exits with 0."""
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def tools(slug: str, algorithms: set[str]) -> dict[str, Callable[[Path], bool]]:
    """How to ask each tool about a row."""
    manifest = ROWS[slug]["manifest"]
    (algorithm, *others) = sorted(algorithms)
    bits = algorithm.removeprefix("sha").replace("512-256", "512256")
    known = bits in {"1", "224", "256", "384", "512", "512256"} and not others
    sum_tool = "b2sum" if algorithm.startswith("blake2b") else f"{algorithm}sum"
    if others or sum_tool not in SIBLINGS:
        sum_tool = "sha256sum"
    commands = {
        "sha256sum": [sum_tool, "--check", manifest],
        "cksum": ["cksum", "--check", manifest],
        "rhash": ["rhash", "--check", manifest],
        "shasum": ["shasum", *(["-a", bits] if known else []), "--check", manifest],
        "cfv": ["cfv", "-f", manifest],
    }
    asked: dict[str, Callable[[Path], bool]] = {
        "checksig": lambda folder: verified(slug, folder).ok
    }
    for name, words in commands.items():
        asked[name] = lambda folder, words=words: passes(words, folder)  # type: ignore[misc]
    return asked


def judge(slug: str, ask: Callable[[Path], bool]) -> str:
    """What a tool makes of a row."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lay(slug, folder)
        good = ask(folder)
        for name, content in ROWS[slug]["files"].items():
            if name in NOT_LISTED or not content:
                continue
            path = folder / name
            path.write_bytes(b"\0" + content.encode()[1:])
            if ask(folder):
                return FOOLED
            path.write_bytes(content.encode())
    return READS if good else REFUSES


def sample(slug: str) -> str:
    """The beginning of a row's manifest, for a reader."""
    content = (CORPUS / slug / ROWS[slug]["manifest"]).read_bytes()
    lines = content.decode("utf-8-sig").splitlines()
    shown = [line if len(line) <= 100 else line[:99] + "…" for line in lines[:8]]
    return "\n".join(line.rstrip() for line in shown).strip("\n")


def made(row: dict[str, Any]) -> str:
    """How a row's manifest came to be."""
    tool, _, command = row["made"].partition(": ")
    how = f"{tool}: `` {command} ``" if command and len(row["made"]) < 120 else tool
    return f"{how} ({row['note']})" if row["note"] else how


def sections() -> str:
    """A section for each format, with the rows that have it."""
    text = ""
    for block in FORMATS.strip().split("\n\n"):
        head, source = block.split("\n", 1)
        name, title = head.split(": ")
        slugs = [slug for slug, row in ROWS.items() if row["format"] == name]
        text += f"\n## {title} (`{name}`)\n\n{source}\n"
        if slugs:  # else it is shown on another page
            shown = f"```text\n{sample(slugs[0])}\n```\n\n" if name != "torrent" else ""
            text += f"\n{shown}"
        for slug in slugs:
            row = ROWS[slug]
            path = f"../../tests/corpus/{slug}/{row['manifest']}"
            text += f"- {row['shape']}: [{row['manifest']}]({path}), {made(row)}\n"
    return text


def main() -> None:
    """Run every tool over every row and write the page."""
    versions = []
    for name, command in VERSIONS.items():
        done = subprocess.run(command.split(), capture_output=True, text=True, check=True)
        first = done.stdout.splitlines()[0]
        versions.append(first if first[0].isalpha() else f"{name} {first}")
    table, names = "", ["checksig", *VERSIONS]
    counts = dict.fromkeys(names, 0)
    for slug, row in ROWS.items():
        with tempfile.TemporaryDirectory() as scratch:
            lay(slug, Path(scratch))
            algorithms = {result.algorithm for result in verified(slug, Path(scratch)).results}
        found = {name: judge(slug, ask) for name, ask in tools(slug, algorithms).items()}
        for name, word in found.items():
            counts[name] += word == READS
        shape = row["shape"].replace("|", "\\|")
        table += f"| {shape} | {' | '.join(found[name] for name in names)} |\n"
        print(slug, found)
    head = f"| shape | {' | '.join(names)} |\n|{' --- |' * (1 + len(names))}\n"
    total = (
        f"| **rows read, of {len(ROWS)}** | {' | '.join(str(counts[name]) for name in names)} |\n"
    )
    run = f"\nRun with {', '.join(versions)}.\n"
    # What comes before stays: a test compares the names there with those in names.go.
    intro = PAGE.read_text(encoding="utf-8").partition("## Which tool reads what\n")[0]
    PAGE.write_text(intro + HEAD + head + table + total + run + TAIL + sections(), encoding="utf-8")
    sys.exit(counts["checksig"] != len(ROWS))


if __name__ == "__main__":
    main()
