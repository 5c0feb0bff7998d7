"""The coreutils commands, compared byte by byte with the installed GNU coreutils."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DIGESTS = {
    "md5sum": "md5",
    "sha1sum": "sha1",
    "sha224sum": "sha224",
    "sha256sum": "sha256",
    "sha384sum": "sha384",
    "sha512sum": "sha512",
    "b2sum": "blake2b",
}
COMMANDS = [*DIGESTS, "cksum", "sum"]


def peer_version() -> tuple[int, ...]:
    """Return the version of the installed GNU coreutils, or () where there are none."""
    if sys.platform == "win32" or shutil.which("sha256sum") is None:
        return ()
    printed = subprocess.run(
        ["sha256sum", "--version"], capture_output=True, text=True, timeout=60, check=False
    ).stdout
    found = re.match(r"sha256sum \(GNU coreutils\) (\d+)\.(\d+)", printed)
    return tuple(map(int, found.groups())) if found else ()


PEER = peer_version()
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of POSIX systems"),
    pytest.mark.needs("GNU coreutils 9.1", there=PEER >= (9, 1)),
    pytest.mark.xdist_group("coreutils"),
]


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of a command."""

    name: str
    arguments: tuple[bytes, ...]
    stdin: bytes = b""
    environment: tuple[tuple[str, str], ...] = (("LC_ALL", "C"),)
    merged: bool = False
    """Standard error goes where standard output goes, so that their order shows."""

    def run(self, program: Path, cwd: Path) -> tuple[int, bytes, bytes]:
        """Call *program* by the command's name."""
        done = subprocess.run(
            [self.name.encode(), *self.arguments],
            executable=program,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **dict(self.environment)},
            input=self.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if self.merged else subprocess.PIPE,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr or b""


def peer(name: str) -> Path:
    """Find the installed command."""
    found = shutil.which(name)
    assert found is not None
    return Path(found)


@pytest.fixture(scope="module")
def shims(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the scripts."""
    folder = tmp_path_factory.mktemp("shims")
    subprocess.run([*command, "install-shims", folder], check=True, timeout=60)
    return folder


OLD = PEER < (9, 11)
"""Whether the installed coreutils are older than those that the commands follow."""


def is_changed(case: Case, out: bytes = b"", err: bytes = b"") -> bool:
    """Whether older coreutils than the reference behave differently here."""
    if not OLD:
        return False
    # cksum gained options, algorithms and base64 digests in 9.2, 9.6, 9.8 and 9.10, and lost
    # oddities of its parser, which b2sum shares.
    if case.name in {"cksum", "b2sum"}:
        return True
    # Until 9.6, names with a quote and an unprintable character are quoted differently.
    if any(b"'" in word and re.search(rb"[^ -~]", word) for word in case.arguments):
        return True
    if b"$'" in err and b"\\'" in err:
        return True
    # Until 9.10, --tag after --text overrides it.
    if any(word.startswith(b"--ta") for word in case.arguments):
        return True
    # Until 9.11, --check prints names without quotes.
    checking = any(re.match(rb"-\w*c|--c", word) for word in case.arguments)
    verdict = rb"^(?![\w./-]+: ).*: (?:OK|FAILED)"
    return checking and bool(re.search(verdict, out, re.MULTILINE))


def agree(script: str, ours: tuple[int, bytes, bytes], theirs: tuple[int, bytes, bytes]) -> bool:
    """Whether both behave the same; with older coreutils only the exit code may count."""
    if OLD and re.search(r"cksum|b2sum|full|-c\b|--check", script):
        return ours[0] == theirs[0]
    return ours == theirs


# --- Files, and the manifests that list them ------------------------------------------------

FILES: dict[bytes, bytes] = {
    b"plain": b"plain text\n",
    b"empty": b"",
    b"big": bytes(range(256)) * 3000,
    b"a b": b"1",
    b"new\nline": b"2",
    b"new\nline\\and more\r": b"2",
    b"back\\slash": b"3",
    b"cr\rname": b"4",
    b"caf\xc3\xa9": b"5",
    b"\xff\xfe": b"6",
    b"it's": b"7",
    b"colon:name": b"8",
    b"#hash": b"9",
    b"{": b"10",
    b"-dash": b"11",
    b" lead": b"12",
    b"*lead": b"13",
    b"trail ": b"14",
    b"tab\there": b"15",
    b"f) = x": b"16",
    b"sub/inner": b"17",
    b"long" * 60: b"18",
}
MISSING = [
    b"missing",
    b"mis sing",
    b"it's\n",
    b"it's\n\xe2\x80\x99s",
    b"it\xc3\xa9's",
    b"\n'\n",
    b"~",
    b"a~",
    b"?",
    b"=",
    b"\x7f\x1b",
    b"\xc2\x85",
    b"\xcd\xb8",
    b"\xe2\x80",
    b"\xf0\x9f\x98\x80 \xed\xa0\x80",
    b'dq"$`',
    b"",
    b"plain/below",
    b"sub/none",
    b"x" * 300,
    b"loop",
    b"sub",
    b".",
    b"new\nmissing",
    b"back\\missing",
]
DIRECTORIES = {b"sub", b"."}

DEBRIS = [
    *b"MD5 SHA1 SHA256 BLAKE2b BLAKE2b-8 MD5-8 SHA256-16 CRC SM3 -8 -16".split(),
    *b"( ) = f) (plain) plain".split(),
    *b"\\ \0 # - * \\n 9d e2 269d".split(b" "),
    *(
        b" ",
        b" ",
        b"  ",
        b" *",
        b"\t",
        b"\r",
        b" (",
        b") = ",
        b" (plain) = ",
        b"(plain)= ",
        b"  plain",
    ),
    hashlib.md5(FILES[b"plain"]).hexdigest().encode(),
    hashlib.sha256(FILES[b"plain"]).hexdigest().encode(),
    hashlib.blake2b(FILES[b"plain"]).hexdigest().encode(),
]

ANY_OPTIONS = [
    *b"-c -b -t -w -z -x -q -l -a -r -s -cw -cz -bt -l8 -l7 -lx -amd5 -acrc -ablake2b -".split(),
    *b"--check --ignore-missing --quiet --status --strict --warn --zero --tag --text".split(),
    *b"--ch --ig --q --s --st --sta --str --w --z --t --ta --te --b --un --unt --a --l".split(),
    *b"--binary --untagged --raw --base64 --ra --base --bas --sysv --algorithm --length".split(),
    *b"--length=8 --= --x --tag=1 --check=".split(),
    *b"plain missing --nope=\xff --he=1 --\xc3\xa9".split(),
]
ONLY_FOR_CHECK = b"--ignore-missing --quiet --status --strict --warn -w --ig --qu -z plain".split()
NOT_FOR_CHECK = (
    b"--tag -b -t -z -bz --text --zero -acrc -absd -asysv --debug -l8 -w --strict".split()
)
LENGTHS = [
    *b"-l8 -l7 -lx -l --length=1024 -l520 --length=99999999999999999999 -l-8 -l0 -l+8".split(),
    *b"--length= --length=0x8 --length=010 --length=08 --length=8k --length=\xff --le=16".split(),
    *(b"--length=8 ", b"-l 16", b"-l\t16", b"-l\n", b"--length=it's", "-l\u2019".encode()),
]
ALGORITHMS = [
    *b"-afoo -amd5 -aMD5 -asha -asha25 -acrc -absd --algorithm= --algorithm=sha2 --alg=sm3".split(),
    *b"-asha2 -asha3 -asha3-256 -acrc32b -l256 -l224 -l512".split(),
    *("--algorithm=\u2018\u2019".encode(), b"-a\xff\n\\'?", b"-a\xc2\x85", b"--algorithm=a b"),
]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files."""
    folder = tmp_path_factory.mktemp("field")
    for name, content in FILES.items():
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (folder / "loop").symlink_to("loop")
    return folder


def hexdigest(algorithm: str, bits: int, content: bytes) -> bytes:
    """Hash *content*; for an algorithm that Python lacks (SM3), return a wrong digest."""
    if algorithm in {"sha2", "sha3"}:
        algorithm = f"sha{bits}" if algorithm == "sha2" else f"sha3_{bits}"
    if algorithm == "blake2b":
        return hashlib.blake2b(content, digest_size=bits // 8).hexdigest().encode()
    with contextlib.suppress(ValueError):
        return hashlib.new(algorithm, content).hexdigest().encode()
    return b"5" * 64


def escaped(name: bytes) -> bytes:
    """Write a name as coreutils does."""
    return name.replace(b"\\", rb"\\").replace(b"\n", rb"\n").replace(b"\r", rb"\r")


class Generator:
    """Random cases, the same for the same seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.manifests = 0

    def case(self) -> Case:
        """Make the next case."""
        kind = self.random.choices(["check", "print", "usage"], [6, 3, 4])[0]
        name = self.random.choice(COMMANDS)
        if kind == "check" and name == "sum":
            name = "cksum"
        stdin = self.random.choice([b"", b"standard input\n", bytes(5000)])
        if kind == "check":
            arguments, stdin = self.checking(name, stdin)
        elif kind == "print":
            arguments = self.printing(name)
        else:
            name, arguments = self.misusing(name)
        environment = self.random.choice(
            [
                {"LC_ALL": "C"},
                {"LC_ALL": "C.UTF-8"},
                {"LANG": "C.UTF-8"},
                {"LANG": "xx_XX.UTF-8", "LC_CTYPE": "C.UTF-8"},
                {"LC_ALL": "C", "POSIXLY_CORRECT": ""},
            ]
        )
        return Case(
            name, tuple(arguments), stdin, tuple(environment.items()), self.random.random() < 0.15
        )

    def some(self, choices: list[bytes], most: int) -> list[bytes]:
        """Draw up to that many items."""
        return [self.random.choice(choices) for _ in range(self.random.randint(0, most))]

    def shuffled(self, options: list[bytes], operands: list[bytes]) -> list[bytes]:
        """Put options between the operands, and sometimes ``--`` first."""
        draw = self.random.random()
        if draw < 0.3:
            return [*options, b"--", *operands]
        words = [*options, *(b"./-dash" if name == b"-dash" else name for name in operands)]
        if draw < 0.5:
            for _ in range(3):  # only operands move, as some options have an argument
                words.append(words.pop(0)) if words and words[0][:1] != b"-" else None
        return words

    def operands(self, name: str, options: list[bytes]) -> list[bytes]:
        """Draw files to hash."""
        names = self.some([*FILES, *FILES, *MISSING, b"-"], 5)
        if name == "cksum" and not set(options) & {b"md5", b"sysv", b"-asha1"}:
            # Up to 9.1 a folder has a CRC, of nothing; see test_a_folder_has_no_crc.
            names = [name for name in names if name not in DIRECTORIES]
        return names

    def printing(self, name: str) -> list[bytes]:
        """Draw a case that prints checksums."""
        common = [b"-z", b"--zero", b"--tag"]
        own = {
            "b2sum": [b"-b", b"-t", b"-l8", b"--length=256", b"--len=512", b"-l 16", b"-bz"],
            "cksum": [b"--untagged", b"--algorithm=md5", b"-asm3", b"-acrc"],
            "sum": [b"-r", b"-s", b"--sysv", b"--sys", b"-rs", b"-sr"],
        }.get(name, [b"-b", b"-t", b"--binary", b"--text", b"--bin", b"-bz", b"-tz", b"-zb"])
        options = self.some(own if name == "sum" else [*common, *own], 3)
        if name == "cksum" and self.random.random() < 0.8:
            choice = self.random.choice(
                [
                    [b"-a", b"md5"],
                    [b"-asha1"],
                    [b"-a", b"sysv"],
                    [b"-absd"],
                    [b"--algo", b"sha512"],
                    [b"-a", b"blake2b", b"-l", b"128"],
                    [b"-a", b"sha256"],
                    [b"-a", b"sha224"],
                    [b"-a", b"sha384"],
                    [b"-a", b"sha2", b"-l", b"256"],
                    [b"-asha2", b"-l384", b"--base64"],
                    [b"-a", b"sha3", b"--length=224"],
                    [b"-asha3", b"-l512", b"--untagged", b"--base64"],
                    [b"-asha1", b"--raw"],
                    [b"-acrc32b"],
                    [b"-a", b"md5", b"--untagged", self.random.choice([b"-b", b"-t", b"--text"])],
                ]
            )
            options += choice
        return self.shuffled(options, self.operands(name, options))

    def misusing(self, name: str) -> tuple[str, list[bytes]]:
        """Draw options that do not fit together, and a command for them."""
        theme = self.random.choice(["any", "length", "algorithm", "check", "only for check"])
        if theme == "any":
            return name, self.some(ANY_OPTIONS, 4)
        if theme == "only for check":
            return name, self.some(ONLY_FOR_CHECK, 3)
        if theme == "check":
            return name, [b"-c", *self.some(NOT_FOR_CHECK, 2), b"plain"]
        name = self.random.choice(["cksum", "cksum", "b2sum"])
        words = self.some([b"-ablake2b", b"-a", b"-l", b"plain", b"-c", b"--algorithm"], 1)
        words += self.some(LENGTHS if theme == "length" else ALGORITHMS, 2)
        words += self.some([b"-ablake2b", b"-amd5", b"-l", b"plain", b"-c", b"--length"], 1)
        return name, words

    def checking(self, name: str, stdin: bytes) -> tuple[list[bytes], bytes]:
        """Draw a case that verifies manifests, and its standard input."""
        options = self.some(
            [
                *b"--ignore-missing --quiet --status --strict --warn -w -w --ign --stat".split(),
                *([b"--tag", b"--untagged", b"--debug"] if name == "cksum" else []),
                *([b"-l8"] if name == "b2sum" else []),
            ],
            3,
        )
        options.insert(
            self.random.randint(0, len(options)), self.random.choice([b"-c", b"--check"])
        )
        algorithm = DIGESTS.get(name, "")
        if name == "cksum" and self.random.random() < 0.5:
            algorithm = self.random.choice(
                ["md5", "sha256", "blake2b", "sm3", "sha512", "sha2", "sha3"]
            )
            options += [b"-a", algorithm.encode()]
            if self.random.random() < 0.1:
                options += [b"-l", self.random.choice([b"256", b"384", b"0"])]
        operands: list[bytes] = []
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            draw = self.random.random()
            if draw < 0.1:
                operands.append(
                    self.random.choice([b"missing", b"sub", b"empty", b"big", b"it's\n"])
                )
            elif draw < 0.25:
                stdin = self.manifest(algorithm)
                operands.append(b"-")
            else:
                self.manifests += 1
                manifest = f"manifest {self.manifests}" if draw < 0.4 else f"m{self.manifests}"
                (self.folder / manifest).write_bytes(self.manifest(algorithm))
                operands.append(manifest.encode())
        if operands == [b"-"] and self.random.random() < 0.5:
            operands = []
        return self.shuffled(options, operands), stdin

    def manifest(self, algorithm: str) -> bytes:
        """Draw lines, most often all of one style."""
        styles = self.random.choice([["gnu"], ["tag"], ["one blank"], ["gnu", "tag", "one blank"]])
        if not algorithm and self.random.random() < 0.9:
            styles = ["tag"]
        doubtful = self.random.random() < 0.7
        lines = [
            self.debris()
            if doubtful and self.random.random() < 0.2
            else self.line(algorithm, styles, doubtful)
            for _ in range(self.random.randint(0, 7))
        ]
        text = b"".join(lines)
        return text.removesuffix(b"\n") if self.random.random() < 0.2 else text

    def debris(self) -> bytes:
        """Draw parts of lines in random order."""
        return b"".join(self.some(DEBRIS, 7)) + b"\n"

    def line(self, algorithm: str, styles: list[str], doubtful: bool) -> bytes:
        """Draw one line."""
        draw = self.random.random() if doubtful else 1
        if draw < 0.08:
            return self.random.choice(
                [
                    b"# comment\n",
                    b"\n",
                    b" \t\n",
                    b" # no comment\n",
                    b"nonsense\n",
                    b"\r\n",
                    b"\0\n",
                ]
            )
        if not algorithm or draw < 0.12:
            algorithm = self.random.choice(
                ["md5", "sha1", "sha256", "sha512", "blake2b", "sm3", "crc", "sha2", "sha3"]
            )
        bits = 512
        if algorithm in {"sha2", "sha3"}:
            bits = self.random.choice([224, 256, 384, 512])
        elif self.random.random() < (0.5 if algorithm == "blake2b" else 0.05):
            bits = self.random.choice([8, 64, 256, 504])
        names = [*FILES, *FILES]
        if draw < 0.5:
            names += filter(None, MISSING)
        name = self.random.choice(names)
        digest = self.damaged(hexdigest(algorithm, bits, FILES.get(name, b"")), doubtful)
        line = self.spelt(algorithm, bits, digest, name, self.random.choice(styles))
        if doubtful and self.random.random() < 0.15:
            line = self.mutated(line)
        return line + self.random.choice([b"\n", b"\n", b"\n", b"\r\n"])

    def damaged(self, digest: bytes, doubtful: bool) -> bytes:
        """Change a digest, or how it is written."""
        draw = self.random.random() if doubtful else 1
        if draw < 0.1:
            digest = digest[::-1]
        elif draw < 0.2:
            digest = digest.upper()
        elif draw < 0.25:
            digest = self.random.choice([digest[:-1], digest + b"0", digest[:-1] + b"g", b""])
        if self.random.random() < 0.15:
            with contextlib.suppress(ValueError):
                digest = base64.b64encode(bytes.fromhex(digest.decode()))
        return digest

    def spelt(self, algorithm: str, bits: int, digest: bytes, name: bytes, style: str) -> bytes:
        """Write a line as coreutils, OpenSSL or BSD does."""
        odd = bool(set(name) & set(b"\\\n\r"))
        if odd and self.random.random() < 0.9:
            name = escaped(name)
        mark = b"\\" if odd and self.random.random() < 0.95 else b""
        if style == "gnu":
            return mark + digest + self.random.choice([b"  ", b" *"]) + name
        if style == "one blank":
            return mark + digest + self.random.choice([b" ", b" ", b"\t"]) + name
        tag = "BLAKE2b" if algorithm == "blake2b" else algorithm.upper()
        if algorithm == "sha2" and self.random.random() < 0.7:
            tag = f"SHA{bits}"
        elif bits != 512 or algorithm in {"sha2", "sha3"}:
            length: object = (
                bits
                if self.random.random() < 0.8
                else self.random.choice(
                    [
                        hex(bits),
                        f"0{bits:o}",
                        f"+{bits}",
                        f" {bits}",
                        f"-{bits}",
                        f"{bits}k",
                        0,
                        12,
                        520,
                    ]
                )
            )
            tag += f"-{length}"
        before, after = self.random.choice(
            [(b" (", b") = "), (b" (", b") = "), (b"(", b")= "), (b" (", b")\t= ")]
        )
        return mark + tag.encode() + before + name + after + digest

    def mutated(self, line: bytes) -> bytes:
        """Change a byte."""
        i = self.random.randrange(len(line) + 1)
        piece = self.random.choice(
            [b"", b" ", b"\t", b"\\", b"*", b")", b"(", b"=", b"\0", b"a", b"G", b"-", b"#"]
        )
        return line[:i] + piece + line[i + self.random.randint(0, 1) :]


RARE = [
    Case("b2sum", (b"-l99999999999999999999",)),
    Case("b2sum", (b"--length=1024",)),
    Case("cksum", (b"-acrc", b"-c")),
    Case("sha256sum", (b"--tag", b"-t")),
]

# Each message of coreutils; {} is the command. At least one case must produce each.
MESSAGES = [
    r"^{}: unrecognized option '--",
    r"^{}: invalid option -- '",
    r"^{}: option requires an argument -- '[al]'",
    r"^{}: option '--\w+' requires an argument",
    r"^{}: option '--\w+' doesn't allow an argument",
    r"^{}: option '--.*' is ambiguous; possibilities: '--",
    r"^Try '{} --help' for more information\.$",
    r"^{}: invalid argument '.*' for '--algorithm'$",
    r"^{}: invalid argument \u2018.*\u2019 for \u2018--algorithm\u2019$",
    r"^Valid arguments are:$",
    r"^{}: invalid length: '",
    r"^{}: invalid length: \u2018",
    r"^{}: invalid length: .*: Value too large for defined data type$",
    r"^{}: length is not a multiple of 8$",
    r"^{}: maximum digest length for .BLAKE2b. is 512 bits$",
    r"^{}: --length is only supported with --algorithm blake2b, sha2, or sha3$",
    r"^{}: --algorithm=sha[23] requires specifying --length 224, 256, 384, or 512$",
    r"^{}: digest length for .SHA[23]. must be 224, 256, 384, or 512$",
    r"^{}: --check is not supported with --algorithm={{bsd,sysv,crc,crc32b}}$",
    r"^{}: --base64 and --raw are mutually exclusive$",
    r"^{}: --text mode is only supported with --untagged$",
    r"^{}: the --raw option is not supported with multiple files$",
    r"^{}: --tag does not support --text mode$",
    r"^{}: the --zero option is not supported when verifying checksums$",
    r"^{}: the --tag option is meaningless when verifying checksums$",
    r"^{}: the --binary and --text options are meaningless when verifying checksums$",
    r"^{}: the --ignore-missing option is meaningful only when verifying checksums$",
    r"^{}: the --status option is meaningful only when verifying checksums$",
    r"^{}: the --warn option is meaningful only when verifying checksums$",
    r"^{}: the --quiet option is meaningful only when verifying checksums$",
    r"^{}: the --strict option is meaningful only when verifying checksums$",
    r"^{}: .*: No such file or directory$",
    r"^{}: .*: Is a directory$",
    r"^{}: .*: Not a directory$",
    r"^{}: .*: File name too long$",
    r"^{}: .*: Too many levels of symbolic links$",
    r"^{}: \w+: read error$",
    r"^{}: .*: \d+: improperly formatted SHA256 checksum line$",
    r"^{}: 'standard input': \d+: improperly formatted \w+ checksum line$",
    r"^{}: .*: no properly formatted checksum lines found$",
    r"^{}: 'standard input': no properly formatted checksum lines found$",
    r"^{}: .*: no file was verified$",
    r"^{}: WARNING: 1 line is improperly formatted$",
    r"^{}: WARNING: \d+ lines are improperly formatted$",
    r"^{}: WARNING: 1 listed file could not be read$",
    r"^{}: WARNING: \d+ listed files could not be read$",
    r"^{}: WARNING: 1 computed checksum did NOT match$",
    r"^{}: WARNING: \d+ computed checksums did NOT match$",
]
PRINTED = [
    r": OK$",
    r": FAILED$",
    r": FAILED open or read$",
    r"^'.*'\$'\\n'.*: (OK|FAILED)$",
    r"^SHA3-\d+ \(.*\) = [0-9a-f]+$",
    r"^[0-9a-f]{64}  \S",
    r"^[0-9a-f]{64} \*\S",
    r"^\\[0-9a-f]{64} [ *]new\\nline$",
    r"^BLAKE2b-\d+ \(.*\) = [0-9a-f]+$",
    r"^\\?SHA256 \(.*\) = [0-9a-f]{64}$",
    r"^\d+ \d+$",
    r"^\d{5} +\d+ plain$",
]


@pytest.mark.parametrize("count", [200, pytest.param(4000, marks=pytest.mark.slow)])
def test_random_cases_are_equal_byte_for_byte(field: Path, shims: Path, count: int) -> None:
    """Messages, output and exit codes equal those of the installed coreutils."""
    generator = Generator(20240229, field)
    cases = [*RARE, *(generator.case() for _ in range(count))]
    cases = [case for case in cases if not is_changed(case)]
    assert OLD or len(cases) > count

    def both(case: Case) -> tuple[Any, Any]:
        return case.run(peer(case.name), field), case.run(shims / case.name, field)

    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        answers = list(pool.map(both, cases))
    different = [
        f"{case}\n  coreutils: {theirs}\n  checksig:  {ours}"
        for case, (theirs, ours) in zip(cases, answers, strict=True)
        if theirs != ours and not is_changed(case, theirs[1], theirs[1] + theirs[2])
    ]
    assert not different, f"{len(different)} of {len(cases)}:\n" + "\n".join(different[:10])
    if OLD or count < 4000:
        return
    # The cases must have produced every message and kind of output.
    errors: list[str] = []
    printed: list[str] = []
    for case, (theirs, _) in zip(cases, answers, strict=True):
        if not case.merged:
            printed += theirs[1].decode("latin-1").split("\n")
            text = theirs[2].decode("utf-8", "replace")
            errors += [line.replace(case.name, "{}") for line in text.split("\n")]
    for pattern in MESSAGES:
        wanted = re.compile(pattern.replace("{}", r"\{\}").replace("{{", "{").replace("}}", "}"))
        assert any(map(wanted.search, errors)), f"no case brought about {pattern}"
    for pattern in PRINTED:
        assert any(map(re.compile(pattern).search, printed)), f"no case printed {pattern}"
    assert {theirs[0] for theirs, _ in answers} == {0, 1}


# --- What no table of cases shows -------------------------------------------------------------


def shell(script: str, path: Path, cwd: Path, **environment: str) -> tuple[int, bytes, bytes]:
    """Run a script with the commands from a folder."""
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=cwd,
        env={"LC_ALL": "C", **environment, "PATH": f"{path}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


SCRIPTS = [
    "sha256sum plain > /dev/full",
    "sha256sum plain empty missing > /dev/full",
    "sha256sum -z plain > /dev/full",
    "sha256sum missing > /dev/full",
    "sha256sum plain >&-",
    "sha256sum missing >&-",
    "sha256sum - <&-",
    "sha256sum plain <&-",
    "sha256sum - - plain <&-",
    "md5sum <&- >&-",
    "sha256sum -c <&-",
    "sha256sum plain 2>&-",
    "sha256sum missing 2>&-",
    "sha256sum < sub",
    "sha256sum -c < sub",
    "sha256sum /dev/null",
    "sha256sum /dev/stdin < plain",
    "cat plain | sha256sum /dev/stdin -",
    "(read -r line; sha256sum) < big",
    "sha256sum <(cat plain) | cut -c-64",
    "mkfifo f g; echo 1 > f & echo 2 > g & sha1sum g f plain; rm f g",
    "sha512sum plain big | sha512sum -c -",
    "sha512sum * | sha512sum --check --quiet",
    "b2sum -l 160 --tag * | tee /dev/stderr | b2sum -c",
    "cksum -a sm3 * | cksum -c",
    "md5sum * | tr ' ' '\\t' | md5sum -c",
    "printf '%s\\0' * | xargs -0 sha1sum -z | tr '\\0' '\\n'",
    "find . -type f -print0 | sort -z | xargs -0 sha256sum 2>&1",
    "if ! sha256sum -c --status missing; then echo no; fi",
    "set -o pipefail; yes plain | head -n 20000 | xargs sha256sum | head -n 1; true",
    "env -i sha256sum missing ''",
    "command -v sha256sum > /dev/null && type -t cksum",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_get_the_same_from_the_shims(
    script: str, field: Path, shims: Path, tmp_path: Path
) -> None:
    """Closed or full descriptors and pipes behave as with coreutils."""
    for name in ("plain", "empty", "big"):
        (tmp_path / name).write_bytes(FILES[name.encode()])
    (tmp_path / "sub").mkdir()
    folder = tmp_path if "*" in script or "mkfifo" in script or "find" in script else field
    if "*" in script:
        (tmp_path / "sub").rmdir()
    ours, theirs = (shell(script, path, folder) for path in (shims, peer("sha256sum").parent))
    assert agree(script, ours, theirs), (ours, theirs)


@pytest.mark.parametrize("locale", ["C", pytest.param("C.UTF-8", marks=pytest.mark.slow)])
def test_names_and_arguments_are_quoted_the_same(locale: str, field: Path, shims: Path) -> None:
    """Five thousand missing names and five hundred wrong arguments are quoted the same."""
    generator = random.Random(1)
    pieces = [bytes([c]) for c in range(1, 256) if c != ord("/")]
    pieces += [b"'"] * 30 + [b"a"] * 30 + [b" ", b"\n", b"\\", b"\xc3\xa9", b"\xe2\x80\x99"] * 10
    pieces += [
        chr(c).encode() for c in (0x300, 0x378, 0x2028, 0x200B, 0xE000, 0xFFFD, 0x1F600, 0x10FFFF)
    ]
    if OLD:  # which quote such names differently
        pieces = [piece for piece in pieces if piece != b"'"]

    def word() -> bytes:
        return b"".join(generator.choices(pieces, k=generator.randint(1, 6)))

    names = [b"./-" + word() if i % 9 == 0 else word() for i in range(5000)]
    names = [name for name in names if name not in FILES and name not in {b"-", *DIRECTORIES}]
    cases = [Case("sha256sum", (b"--", *names), environment=(("LC_ALL", locale),))]
    cases += [
        Case(*arguments, environment=(("LC_ALL", locale),))
        for _ in range(250)
        for arguments in (
            ("sha1sum" if OLD else "b2sum", (b"-l" + word(),)),
            ("cksum", (b"--algorithm=" + word(),)) if not OLD else ("md5sum", (b"--" + word(),)),
        )
    ]
    for case in cases:
        ours, theirs = case.run(shims / case.name, field), case.run(peer(case.name), field)
        if ours != theirs:
            different = zip(ours[2].split(b"\n"), theirs[2].split(b"\n"), strict=False)
            assert [pair for pair in different if pair[0] != pair[1]] == []
        assert ours == theirs


def test_the_command_equals_the_shims(field: Path, command: list[str]) -> None:
    """``checksig sha256sum`` gets arguments as bytes, unaffected by Python's settings."""
    missing = [b"\xff\xfe", b"--", b"\xc3\xa9 \xff", b"-dash", b"a b"]
    for environment in ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"LANG": "C"}, {}):
        for name in ("sha256sum", "cksum", "b2sum"):
            ours, theirs = (
                subprocess.run(
                    [*words, *missing],
                    cwd=field,
                    env={"PATH": os.environ["PATH"], **environment},
                    capture_output=True,
                    timeout=60,
                    check=False,
                )
                for words in ([*command, name], [name])
            )
            answers = ((run.returncode, run.stdout, run.stderr) for run in (ours, theirs))
            assert agree(name, *answers), (ours, theirs)
    python = f"{command[0]} sha256sum"
    for redirection in ("plain >&-", "- <&-", "plain > /dev/full", "plain <&- >&-"):
        printed = shell(f"{python} {redirection}", Path("/"), field)
        assert agree(redirection, printed, shell(f"sha256sum {redirection}", Path("/"), field))


def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until *process* ends."""
    try:
        return process.wait(60)
    finally:
        process.kill()


def open_when_read(fifo: Path) -> int:
    """Open a named pipe for writing as soon as it has a reader."""
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"])
@pytest.mark.parametrize("front", ["shim", "command"])
def test_a_signal_ends_it(
    name: str, front: str, shims: Path, command: list[str], tmp_path: Path
) -> None:
    """The parent sees that a signal ended it, and nothing is printed."""
    number = signal.Signals[name]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    words = [str(shims / "sha256sum")] if front == "shim" else [*command, "sha256sum"]
    with subprocess.Popen(
        ["env", "--default-signal", *words, fifo],
        stderr=subprocess.PIPE,
    ) as process:
        descriptor = open_when_read(fifo)
        try:
            process.send_signal(number)
            assert ended(process) == -number
        finally:
            os.close(descriptor)
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize("front", ["shim", "command"])
def test_a_closed_pipe_ends_it(front: str, shims: Path, command: list[str], field: Path) -> None:
    """SIGPIPE ends it, as it ends all of coreutils."""
    words = [str(shims / "sha256sum")] if front == "shim" else [*command, "sha256sum"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*words, "plain"],
            cwd=field,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


def test_lines_are_printed_at_once(shims: Path, field: Path) -> None:
    """Each verdict can be read before the next line is written."""
    digest = hashlib.sha256(FILES[b"plain"]).hexdigest()
    with subprocess.Popen(
        [shims / "sha256sum", "-c"], cwd=field, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(f"{digest}  plain\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == b"plain: OK\n"
        process.stdin.close()
        assert ended(process) == 0


def test_many_files_keep_their_order(shims: Path, tmp_path: Path) -> None:
    """Files that are read in parallel are reported in the order given."""
    for i in range(3000):
        if i % 7:
            (tmp_path / f"{i:04}").write_bytes(bytes([i % 256]) * (i * 37 % 5000))
    (tmp_path / "0700").write_bytes(bytes(20_000_000))
    script = "sha256sum {0000..2999} > sums; LC_ALL=C sha256sum -c sums; md5sum {0000..2999} 2>&1"
    ours = shell(script, shims, tmp_path)
    assert ours[1].count(b"\n") == 2572 + 3000
    assert ours == shell(script, peer("sha256sum").parent, tmp_path)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_and_version(name: str, shims: Path, field: Path) -> None:
    """Both go to standard output with exit code 0; the version names checksig."""
    code, out, err = Case(name, (b"--help", b"--nonsense")).run(shims / name, field)
    assert (code, err) == (0, b"")
    assert out.startswith(f"Usage: {name} [OPTION]... [FILE]...\n".encode())
    theirs = Case(name, (b"--help",)).run(peer(name), field)[1]
    for option in re.findall(rb"^ +(?:-\w, )?(--[a-z-]+)", theirs, re.MULTILINE):
        assert option in out
    code, out, err = Case(name, (b"--version",)).run(shims / name, field)
    assert (code, err) == (0, b"")
    assert re.fullmatch(rf"{name} \(checksig\) \d+\.\d+\S*\n".encode(), out)


def test_a_folder_has_no_crc(shims: Path, field: Path) -> None:
    """It is an error, as in coreutils since 9.2."""
    code, out, err = Case("cksum", (b"sub", b"plain")).run(shims / "cksum", field)
    assert (code, err) == (1, b"cksum: sub: Is a directory\n")
    assert out.endswith(b" 11 plain\n")


def test_a_line_that_is_too_long(shims: Path, field: Path) -> None:
    """A manifest without line ends takes no more memory than another."""
    manifest = b"0" * 5_000_000 + b"\n" + hashlib.sha256(b"").hexdigest().encode() + b"  empty\n"
    code, out, err = Case("sha256sum", (b"-cw",), manifest).run(shims / "sha256sum", field)
    assert (code, out) == (0, b"empty: OK\n")
    assert err.startswith(b"sha256sum: 'standard input': 1: improperly formatted SHA256")


def test_options_of_later_versions(shims: Path, field: Path) -> None:
    """--base64 and --raw of coreutils 9.2, CRC-32B of 9.6, SHA-2 and SHA-3 of 9.8."""

    def cksum(*arguments: str, stdin: bytes = b"") -> bytes:
        words = tuple(map(str.encode, arguments))
        code, out, err = Case("cksum", words, stdin).run(shims / "cksum", field)
        assert (code, err) == (0, b"")
        return out

    tagged = cksum("-a", "sha256", "--base64", "empty")
    assert tagged == b"SHA256 (empty) = 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    untagged = cksum("-a", "sha256", "--base64", "--untagged", "empty")
    assert cksum("-c", stdin=tagged) == b"empty: OK\n"
    assert cksum("-a", "sha256", "-c", stdin=untagged) == b"empty: OK\n"
    assert cksum("-a", "sha2", "-c", stdin=untagged) == b"empty: OK\n"
    for bits in (224, 256, 384, 512):
        sha2 = hashlib.new(f"sha{bits}").hexdigest()
        sha3 = hashlib.new(f"sha3_{bits}").hexdigest()
        lines = f"SHA{bits} (empty) = {sha2}\n".encode(), f"SHA3-{bits} (empty) = {sha3}\n".encode()
        assert cksum("-a", "sha2", f"-l{bits}", "empty") == lines[0]
        assert cksum("-a", "sha3", "-l", str(bits), "empty") == lines[1]
        assert cksum("-c", stdin=b"".join(lines)) == b"empty: OK\n" * 2
    assert cksum("--raw", "-a", "md5", "empty") == hashlib.md5(b"").digest()
    assert cksum("--raw", "-a", "crc", "plain") == int(cksum("plain").split()[0]).to_bytes(4, "big")
    assert cksum("-a", "crc32b", stdin=b"123456789") == b"3421780262 9\n"
    code, _, err = Case("cksum", (b"--raw", b"plain", b"empty")).run(shims / "cksum", field)
    assert (code, err) == (1, b"cksum: the --raw option is not supported with multiple files\n")


# --- The shims themselves ---------------------------------------------------------------------


@pytest.fixture
def install(command: list[str]) -> Callable[..., tuple[int, str, str]]:
    """Run ``checksig install-shims``."""

    def run(*arguments: object) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command, "install-shims", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_shims_come_and_go(install: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Written and removed shims are listed; a second run changes nothing."""
    folder = tmp_path / "a new" / "folder"
    expected = "".join(f"wrote {folder / name}\n" for name in COMMANDS)
    assert install(folder) == (0, expected, "")
    first = {path: path.read_bytes() for path in folder.iterdir()}
    assert sorted(path.name for path in first) == sorted(COMMANDS)
    assert install(folder) == (0, expected, "")
    assert {path: path.read_bytes() for path in folder.iterdir()} == first
    (folder / "cksum").unlink()
    (folder / "other").touch()
    removed = "".join(f"removed {folder / name}\n" for name in COMMANDS if name != "cksum")
    assert install("--remove", folder) == (0, removed, "")
    assert [path.name for path in folder.iterdir()] == ["other"]
    assert install("--remove", folder) == (0, "", "")


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_shims_overwrite_nothing_else(
    kind: str, install: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """If one name is taken, nothing is written; --remove leaves that file alone."""
    folder = tmp_path / "bin"
    folder.mkdir()
    foreign = folder / "sha256sum"
    if kind == "file":
        foreign.write_text("#!/bin/sh\necho mine\n")
    elif kind == "link":
        foreign.symlink_to("/usr/bin/sha256sum")
    else:
        foreign.mkdir()
    code, out, err = install(folder)
    assert (code, out) == (2, "")
    assert err == f"checksig: {foreign}: not a script of checksig; nothing was written\n"
    assert list(folder.iterdir()) == [foreign]
    assert install("--remove", folder) == (0, "", "")
    assert list(folder.iterdir()) == [foreign]


def test_shims_need_a_folder(install: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Where DIR is a file, there is an error and no traceback."""
    file = tmp_path / "file"
    file.touch()
    code, out, err = install(file)
    assert (code, out) == (2, "")
    assert err.startswith("checksig: ")
    assert "Traceback" not in err
