"""Make the files that are verified, and their manifests: the same bytes on every machine.

``FOLDER/data`` holds the files, in folders of a thousand. For each algorithm there are a manifest
as coreutils writes it and one as hashdeep does, and of both a copy that starts with ``wrong-``,
in which one digest is wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
HASHDEEP = ("md5", "sha1", "sha256")
"""The algorithms of hashdeep that are measured; it has no SHA-512."""

KIB, MIB = 1 << 10, 1 << 20
_MARK = "complete.json"


@dataclass(frozen=True)
class Corpus:
    """Files and manifests on disk."""

    name: str
    folder: Path
    files: int
    size: int
    """The sum of the files' sizes."""

    def manifest(self, algorithm: str, *, wrong: bool = False) -> Path:
        """Return the manifest in the format of coreutils."""
        return self.folder / f"{'wrong-' * wrong}{algorithm}sum.txt"

    def hashdeep(self, algorithm: str, *, wrong: bool = False) -> Path:
        """Return the manifest in the format of hashdeep."""
        return self.folder / f"{'wrong-' * wrong}{algorithm}.hashdeep"


def sizes(name: str, scale: float) -> list[int]:
    """Return the sizes of a corpus' files; *scale* changes their number or size."""

    def scaled(count: int) -> int:
        return max(1, round(count * scale))

    equal = {
        "small": [4 * KIB] * scaled(50_000),
        "medium": [MIB] * scaled(1_000),
        "large": [scaled(512) * MIB] * 4,
        "huge": [scaled(4_096) * MIB],
        "remote": [4 * KIB] * scaled(8_000),
        "tiny": [1],
    }
    if name in equal:
        return equal[name]
    if name != "mixed":
        raise ValueError(name)
    draw = random.Random(name)
    lengths = [round(13 * KIB * draw.lognormvariate(0, 1.6)) for _ in range(scaled(20_000))]
    return [min(length, 8 * MIB) for length in lengths]


CORPORA = {
    "small": "4 KiB each",
    "medium": "1 MiB each",
    "large": "all of one size",
    "mixed": "log-normal sizes, median 13 KiB, sigma 1.6, up to 8 MiB",
}
COLD = ("small", "mixed", "medium", "huge")
"""What is verified from a cold disk."""
DESCRIPTIONS = CORPORA | {
    "huge": "a single file",
    "remote": "4 KiB each, for file systems with latency",
    "tree": "100 bytes each, ten in a folder",
}


def make(
    folder: Path, name: str, lengths: list[int], algorithms: Sequence[str] = ALGORITHMS
) -> Corpus:
    """Make a corpus, unless it exists from an earlier run."""
    corpus = Corpus(
        name, folder / f"{name}-{len(lengths)}-{sum(lengths)}", len(lengths), sum(lengths)
    )
    mark = corpus.folder / _MARK
    expected = {"files": corpus.files, "size": corpus.size, "algorithms": list(algorithms)}
    if mark.is_file() and json.loads(mark.read_text()) == expected:
        return corpus
    shutil.rmtree(corpus.folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, lengths)
    digests = dict(_write_files(corpus.folder / "data", lengths, algorithms))
    for i, algorithm in enumerate(algorithms):
        _write_manifests(corpus, algorithm, {path: found[i] for path, found in digests.items()})
    mark.write_text(json.dumps(expected))
    return corpus


MANIFESTS = 100
"""At least so many folders of a tree have a manifest."""


def make_tree(folder: Path, scale: float) -> Corpus:
    """Make a tree with ten files in each folder, unless it exists; manifests list few of them."""
    files = max(10 * MANIFESTS, 10 * round(10_000 * scale))
    corpus = Corpus("tree", folder / f"tree-{files}", files, 100 * files)
    mark = corpus.folder / _MARK
    if mark.is_file():
        return corpus
    shutil.rmtree(corpus.folder, ignore_errors=True)
    data, content = corpus.folder / "data", b"x" * 100
    digest, folders = hashlib.sha256(content).hexdigest(), files // 10
    for number in range(folders):
        path = data / f"{number // 100:04}" / f"{number:06}"
        path.mkdir(parents=True)
        for name in range(10):
            (path / f"{name}.bin").write_bytes(content)
        if number % (folders // MANIFESTS) == 0:
            (path / "SHA256SUMS").write_text(f"{digest}  0.bin\n")
    (corpus.folder / "SHA256SUMS").write_text(f"{digest}  data/0000/000000/0.bin\n")
    mark.touch()
    return corpus


def _check_space(folder: Path, lengths: list[int]) -> None:
    block = 4 * KIB
    needed = sum(length + block for length in lengths) + 1_000 * len(lengths)
    free = shutil.disk_usage(folder).free
    if free < needed + 256 * MIB:
        sys.exit(f"benchmarks: {needed / 1e9:.1f} GB are needed, and {free / 1e9:.1f} GB are free")
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if available < needed / 4:
        print("benchmarks: the page cache may not hold this corpus", file=sys.stderr)


def _write_files(
    data: Path, lengths: list[int], algorithms: Sequence[str]
) -> Iterator[tuple[Path, list[str]]]:
    """Write the files, and yield the path and digests of each."""
    for number, length in enumerate(lengths):
        path = data / f"{number // 1000:04}" / f"{number:07}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        hashes = [hashlib.new(algorithm) for algorithm in algorithms]
        with path.open("wb") as file:
            for start in range(0, length, MIB):
                seed = f"{length} {number} {start}".encode()
                block = hashlib.shake_128(seed).digest(min(MIB, length - start))
                file.write(block)
                for each in hashes:
                    each.update(block)
        yield path, [each.hexdigest() for each in hashes]


def _write_manifests(corpus: Corpus, algorithm: str, digests: dict[Path, str]) -> None:
    odd = list(digests)[len(digests) // 2]
    for wrong in (False, True):
        if wrong:
            digests[odd] = f"{int(digests[odd][0], 16) ^ 1:x}{digests[odd][1:]}"
        lines = [
            f"{digest}  {path.relative_to(corpus.folder)}\n" for path, digest in digests.items()
        ]
        corpus.manifest(algorithm, wrong=wrong).write_text("".join(lines))
        if algorithm not in HASHDEEP:
            continue
        lines = ["%%%% HASHDEEP-1.0\n", f"%%%% size,{algorithm},filename\n"]
        for path, digest in digests.items():
            lines.append(f"{path.stat().st_size},{digest},{path.relative_to(corpus.folder)}\n")
        corpus.hashdeep(algorithm, wrong=wrong).write_text("".join(lines))
