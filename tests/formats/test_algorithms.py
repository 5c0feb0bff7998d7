"""Every algorithm, checked by independent tools, and the list of algorithms."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checksig
from checksig import Status, verify

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent

HASHLIB = {
    **dict.fromkeys(["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"]),
    **{f"sha3-{bits}": f"sha3_{bits}" for bits in (224, 256, 384, 512)},
    "sha512-224": "sha512_224",
    "sha512-256": "sha512_256",
    "sm3": "sm3",
    "ripemd160": "ripemd160",
}
"""Algorithms that Python has, by their names there where these are others."""

RHASH = [
    *("crc32", "crc32c", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
    *("sha3-224", "sha3-256", "sha3-384", "sha3-512", "blake2b", "blake2s", "ripemd160"),
]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make files of random lengths and of lengths around block and chunk boundaries."""
    folder = tmp_path_factory.mktemp("samples")
    choose = random.Random(5)
    edges = [0, 1, 63, 64, 65, 127, 128, 129, 239, 240, 241, 1023, 1024, 1025, 8192, 8193]
    more = [choose.randrange(3_000_000) for _ in range(8)]
    for length in [*edges, 1 << 18, (1 << 18) + 1, 4_000_003, *more]:
        (folder / f"{length}.bin").write_bytes(choose.randbytes(length))
    return folder


def lines(samples: Path, digest: Callable[[Path], str]) -> str:
    """Return the lines of a manifest of the samples."""
    return "".join(f"{digest(path)}  {path.name}\n" for path in sorted(samples.glob("*.bin")))


def agrees(samples: Path, algorithm: str, text: str) -> None:
    """Assert that all digests match, and that one wrong digit is found in each."""
    manifest = samples / f"sums.{algorithm}"
    manifest.write_text(text)
    report = verify(manifest, check=False)
    assert report.ok, report
    assert {result.algorithm for result in report.results} == {algorithm}
    assert report.verified == text.count("\n") > 20
    wrong = "".join(f"{'1' if line[0] == '0' else '0'}{line[1:]}\n" for line in text.splitlines())
    manifest.write_text(wrong)
    report = verify(manifest, check=False)
    assert {result.status for result in report.results} == {Status.MISMATCHED}
    assert report.mismatched == text.count("\n")


def output(*command: str | Path) -> str:
    """Return what a tool prints."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("algorithm", HASHLIB)
def test_python_agrees(samples: Path, algorithm: str) -> None:
    """Python's hashlib computes the same."""
    name = HASHLIB[algorithm] or algorithm
    if name not in hashlib.algorithms_available:
        pytest.skip(f"this Python has no {name}")
    agrees(
        samples, algorithm, lines(samples, lambda p: hashlib.new(name, p.read_bytes()).hexdigest())
    )


@pytest.mark.parametrize(("algorithm", "of"), [("crc32", zlib.crc32), ("adler32", zlib.adler32)])
def test_zlib_agrees(samples: Path, algorithm: str, of: Callable[[bytes], int]) -> None:
    """The library zlib computes the same CRC-32 and Adler-32."""
    agrees(samples, algorithm, lines(samples, lambda p: f"{of(p.read_bytes()):08x}"))


def test_crc64nvme_bit_by_bit(samples: Path) -> None:
    """The definition of CRC-64/NVME, bit by bit, gives the same; so does awscrt where it is."""

    def crc(data: bytes) -> int:
        value = 2**64 - 1
        for byte in data:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
        return value ^ (2**64 - 1)

    assert crc(b"123456789") == 0xAE8B14860A799888
    small = [path for path in samples.glob("*.bin") if path.stat().st_size <= 8193]
    manifest = samples / "small.crc64nvme"
    manifest.write_text("".join(f"{crc(p.read_bytes()):016x}  {p.name}\n" for p in small))
    report = verify(manifest)
    assert (report.verified, report.manifests[0].algorithms) == (len(small), ("crc64nvme",))
    try:
        from awscrt.checksums import crc64nvme  # type: ignore[import-not-found]
    except ImportError:
        return
    agrees(samples, "crc64nvme", lines(samples, lambda p: f"{crc64nvme(p.read_bytes()):016x}"))


@pytest.mark.needs("git")
@pytest.mark.parametrize("bits", ["1", "256"])
def test_git_agrees(samples: Path, tmp_path: Path, bits: str) -> None:
    """The program git gives the content the same ID."""
    output("git", "init", "-q", f"--object-format=sha{bits}", tmp_path)
    paths = sorted(samples.glob("*.bin"))
    printed = output("git", "-C", tmp_path, "hash-object", *paths).split()
    text = "".join(f"{each}  {p.name}\n" for each, p in zip(printed, paths, strict=True))
    agrees(samples, f"gitblob-sha{bits}", text)
    tagged = samples / "tagged"
    tagged.write_text(f"GITBLOB-SHA{bits} ({paths[0].name}) = {printed[0]}\n")
    assert verify(tagged).verified == 1
    with paths[0].open("rb") as file:
        assert checksig.digest(file, f"gitblob-sha{bits}") == printed[0]


@pytest.mark.needs("rhash")
@pytest.mark.parametrize("algorithm", RHASH)
def test_rhash_agrees(samples: Path, algorithm: str) -> None:
    """RHash computes the same."""
    printed = output("rhash", "--simple", f"--{algorithm}", *sorted(samples.glob("*.bin")))
    agrees(samples, algorithm, re.sub(r"  .*/", "  ", printed))


@pytest.mark.needs("xxhsum")
@pytest.mark.parametrize(("algorithm", "option"), [("xxh64", "1"), ("xxh128", "2"), ("xxh3", "3")])
def test_xxhsum_agrees(samples: Path, algorithm: str, option: str) -> None:
    """The program xxhsum of xxHash's authors computes the same."""
    tried = subprocess.run(
        ["xxhsum", f"-H{option}"], input=b"", capture_output=True, timeout=60, check=False
    )
    version = subprocess.run(["xxhsum", "--version"], capture_output=True, timeout=60, check=False)
    if tried.returncode and b"xxhsum 0.8.0" in version.stdout + version.stderr:
        pytest.skip(f"xxhsum 0.8.0 does not know -H{option}")

    def digest(path: Path) -> str:
        printed = output("xxhsum", f"-H{option}", "--tag", path)
        assert printed.startswith(algorithm.upper() + " ("), printed
        return printed.rpartition("= ")[2].strip().zfill(32 if algorithm == "xxh128" else 16)

    agrees(samples, algorithm, lines(samples, digest))


@pytest.mark.needs("b3sum")
def test_b3sum_agrees(samples: Path) -> None:
    """The program b3sum of BLAKE3's authors computes the same."""
    agrees(samples, "blake3", lines(samples, lambda p: output("b3sum", "--no-names", p).strip()))


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("algorithm", "name"), [("sha512-256", "sha512-256"), ("sm3", "sm3")])
def test_openssl_agrees(samples: Path, algorithm: str, name: str) -> None:
    """OpenSSL computes the same."""
    printed = output("openssl", "dgst", "-r", f"-{name}", *sorted(samples.glob("*.bin")))
    agrees(samples, algorithm, re.sub(r" \*.*/", "  ", printed))


@pytest.mark.needs("sum", "cksum")
@pytest.mark.parametrize(
    ("algorithm", "command"),
    [("bsdsum", ["sum"]), ("sysvsum", ["sum", "-s"]), ("cksum", ["cksum"])],
)
def test_coreutils_agree(samples: Path, algorithm: str, command: list[str]) -> None:
    """The programs sum and cksum compute the same, and the sizes that they print are compared."""
    printed = output(*command, *sorted(samples.glob("*.bin")))
    text = re.sub(r" [^ ]*/", " ", printed)
    manifest = samples / f"list-of-{algorithm}"
    manifest.write_text(text)
    report = verify(manifest, algorithm=algorithm)
    assert {result.algorithm for result in report.results} == {algorithm}
    assert report.verified == text.count("\n") > 20
    larger = re.sub(r"(?m)^(\d+ +)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}", text)
    manifest.write_text(larger)
    assert verify(manifest, algorithm=algorithm, check=False).mismatched == text.count("\n")
    manifest.write_text(re.sub(r"(?m)^\d", lambda m: str((int(m[0]) + 1) % 6), text))
    report = verify(manifest, algorithm=algorithm, check=False)
    assert not report.ok
    assert report.verified == 0


@pytest.mark.parametrize(("family", "most"), [("blake2b", 64), ("blake2s", 32)])
def test_every_length_of_blake2(tmp_path: Path, family: str, most: int) -> None:
    """BLAKE2 of each length in bytes equals that of Python's hashlib."""
    data = random.Random(most).randbytes(70_001)
    (tmp_path / "data").write_bytes(data)
    compute = getattr(hashlib, family)
    for size in range(1, most + 1):
        name = family if size == most else f"{family}-{8 * size}"
        manifest = tmp_path / f"sums.{family}-{8 * size}"
        manifest.write_text(f"{compute(data, digest_size=size).hexdigest()}  data\n")
        # One of fewer than 128 bits must be asked for by name.
        report = verify(manifest, algorithm=name if size < 16 else None)
        assert [result.algorithm for result in report.results] == [name]


def test_the_list() -> None:
    """The list gives the strength of each algorithm."""
    by_name = {algorithm.name: algorithm for algorithm in checksig.algorithms}
    assert len(by_name) == len(checksig.algorithms) == 29
    strengths = {name: algorithm.strength for name, algorithm in by_name.items()}
    weak = {
        "checksum": {
            *("bsdsum", "sysvsum", "cksum"),
            *("crc32", "crc32c", "adler32", "xxh64", "xxh3", "xxh128"),
            "crc64nvme",
        },
        "broken": {"md5", "sha1", "gitblob-sha1"},
        "short": {"ripemd160"},
    }
    for word, names in weak.items():
        assert {name for name, strength in strengths.items() if strength == word} == names
    assert set(strengths.values()) == {*weak, "strong"}
    for algorithm in checksig.algorithms:
        assert algorithm.secure == (algorithm.strength == "strong") == (algorithm.bits >= 112)
        assert algorithm.name not in algorithm.aliases
    assert by_name["sha3-384"] == ("sha3-384", 48, "strong", 192, True, ())
    assert by_name["sha256"].aliases == ("sha-256", "sha2-256")
    assert (by_name["blake2b"].digest_size, by_name["blake2b"].bits) == (None, 256)
    assert checksig.algorithms is checksig.algorithms


@pytest.mark.usefixtures("engine")
def test_the_list_is_the_same_from_both_engines(python: Callable[..., str]) -> None:
    """The library and the process return the same list."""
    assert python("import checksig; print(checksig.algorithms)") == f"{checksig.algorithms}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.library
def test_only_the_list_itself_starts_the_engine(python: Callable[..., str]) -> None:
    """An import, ``import *`` and ``dir`` do not load the library."""
    program = """
from checksig import *
import checksig
def loaded(): return "libchecksig" in open("/proc/self/maps").read()
assert "algorithms" in dir(checksig)
assert "algorithms" not in globals()
print(loaded())
len(checksig.algorithms)
print(loaded())
"""
    assert python(program).split() == ["False", "True"]


def test_other_attributes_are_missing() -> None:
    """An unknown name raises AttributeError."""
    with pytest.raises(AttributeError, match="has no attribute 'algorithm'"):
        getattr(checksig, "algorithm")  # noqa: B009 - the type checkers know that it is not there


def test_the_command_lists_them(command: list[str]) -> None:
    """The command prints a line for each algorithm."""
    printed = output(*command, "algorithms").splitlines()
    assert [line.split()[0] for line in printed] == [a.name for a in checksig.algorithms]
    words = {line.split()[0]: " ".join(line.split()[1:]) for line in printed}
    assert words["md5"] == "128 broken: no protection against tampering"
    assert words["blake2s"] == "any strong, 128 bits"
    assert words["crc32c"] == "32 detects corruption only"


def test_the_page_lists_them() -> None:
    """The table in the reference equals the engine's."""
    page = ROOT / "docs" / "reference" / "algorithms.md"
    if not page.exists():
        pytest.skip("the documents are not next to the tests")
    rows = re.findall(
        r"^\| `([\w-]+)` \| ([^|]+) \| (\w+)", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [(name, strength) for name, _, strength in rows] == [
        (algorithm.name, algorithm.strength) for algorithm in checksig.algorithms
    ]
    sizes = [size for _, size, _ in rows]
    assert sizes == [
        str(8 * algorithm.digest_size) if algorithm.digest_size else f"8 to {2 * algorithm.bits}"
        for algorithm in checksig.algorithms
    ]
