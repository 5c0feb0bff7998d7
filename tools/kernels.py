#!/usr/bin/env python3
"""Check the kernels of go/internal/multibuffer: on processors that are not here, and for what they cost.

    python3 tools/kernels.py emulate    their tests under QEMU, on older x86-64 models and on arm64
    python3 tools/kernels.py count      their instructions, compared with tools/kernels.txt
    python3 tools/kernels.py count --write

Instructions are counted in what one version of one compiler makes, so they change only when the
source does. Those that valgrind can run are counted as they run; the others (AVX-512 and SHA-NI) as
they stand, which for the same source is as good a watch.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import dev

COMPILER = "ziglang==0.17.0"
KERNELS = dev.ROOT / "go" / "internal" / "multibuffer"
READER = dev.ROOT / "go" / "internal" / "safefs"
COUNTS = Path(__file__).with_suffix(".txt")
BLOCKS = 64

# Without AVX; with AVX2; with every vector but AVX-512. That QEMU 7.2 has no SHA-NI is why the
# machine's own processor has to have it for these kernels to be tested.
MODELS = ("qemu64", "Nehalem", "Haswell", "EPYC-Milan")
# QEMU lacks openat2, without which no name with a "/" is opened in C.
SKIPPED = "^TestFileSetDeclines$"

MAIN = """
#include "multibuffer.h"
#include <stdlib.h>

int main(int argc, char **argv) {
	static uint8_t data[MB_MAX][128 * BLOCKS];
	static mb_state states[MB_MAX];
	mb_state *state[MB_MAX];
	const uint8_t *from[MB_MAX];
	for (int i = 0; i < MB_MAX; i++)
		state[i] = &states[i], from[i] = data[i];
	mb_rows[atoi(argv[argc - 1])].kernel(state, from, BLOCKS);
	return 0;
}
"""


def run(*command: object, cwd: Path = KERNELS, **environment: str) -> str:
    """Run a command that must not fail; the answer is what it prints."""
    words = [str(word) for word in command]
    env = {**dev.go_environment(), **environment}
    done = subprocess.run(words, cwd=cwd, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}failed")
    return done.stdout


def emulate(_options: argparse.Namespace) -> None:
    """Run the tests on every model, and on arm64."""
    with tempfile.TemporaryDirectory() as scratch:
        for folder, selected in ((KERNELS, "."), (READER, "FileSet|Snapshot")):
            amd64, arm64 = Path(scratch, "amd64.test"), Path(scratch, "arm64.test")
            build = (dev.find_go(), "test", "-c", "-o")
            run(*build, amd64, ".", cwd=folder, GOARCH="amd64", CGO_ENABLED="1")
            cross = {"GOARCH": "arm64", "CC": "aarch64-linux-gnu-gcc", "CGO_ENABLED": "1"}
            run(*build, arm64, ".", cwd=folder, **cross)
            emulators: dict[str, tuple[object, ...]] = {
                model: ("qemu-x86_64", "-cpu", model, amd64) for model in MODELS
            }
            emulators["arm64"] = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", arm64)
            for name, command in emulators.items():
                options = ("-test.v", "-test.run", selected, "-test.skip", SKIPPED)
                text = run(*command, *options, cwd=folder)
                kernels = sorted(set(re.findall(r"PASS: TestOfficialVectors/(\S+)", text)))
                if "--- SKIP" in text or not kernels and folder == KERNELS:
                    sys.exit(f"{name}: not everything was tested\n{text}")
                print(f"{name}: {folder.name} passes: {' '.join(kernels)}", flush=True)


def rows() -> list[tuple[str, str]]:
    """Name and symbol of every kernel, in the order of the dispatch table."""
    source = run("cc", "-E", "-P", KERNELS / "dispatch_amd64.c")
    table = source[source.index("mb_rows[] = {") :]
    found = re.findall(r'\{("[^;{}]*?), \w+, \w+, \d+, \d+, (\w+)\}', table)
    if not found:
        sys.exit("dispatch_amd64.c has no rows that are understood")
    return [("".join(re.findall(r'"([^"]*)"', name)), symbol) for name, symbol in found]


def executed(program: Path, index: int, symbol: str) -> int:
    """Instructions of the kernel, for BLOCKS blocks."""
    out = program.with_name("callgrind.out")
    options = ("--tool=callgrind", f"--toggle-collect={symbol}", f"--callgrind-out-file={out}")
    run("valgrind", *options, program, index)
    return int(re.findall(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)[0])


def standing(program: Path, symbol: str) -> int:
    """Instructions in the kernel's code."""
    text = run("objdump", "-d", "--no-show-raw-insn", f"--disassemble={symbol}", program)
    return len(re.findall(r"^\s+[0-9a-f]+:\t(?!nop|cs nop|data16|int3)\S", text, re.MULTILINE))


def measure() -> str:
    """Make the table of counts."""
    dev.make_venv()
    dev.pip("install", COMPILER)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "main.c").write_text(MAIN)
        sources = [path for path in KERNELS.glob("*.c") if not re.search("arm64|unix|cpu", path.name)]
        program = scratch / "kernels"
        target = ("-target", "x86_64-linux-gnu.2.17", "-O2", "-g0", f"-DBLOCKS={BLOCKS}")
        zig = dev.BIN / "python-zig"
        run(zig, "cc", *target, "-I", KERNELS, *sorted(sources), scratch / "main.c", "-o", program)
        lines = {}
        for index, (name, symbol) in enumerate(rows()):
            runs = not re.search("avx512|shani", symbol)
            count = executed(program, index, symbol) if runs else standing(program, symbol)
            lines[symbol] = f"{symbol:28} {name:10} {'executed' if runs else 'standing'} {count:8}"
    return f"# Of {COMPILER} -O2; executed for {BLOCKS} blocks\n" + "\n".join(lines.values()) + "\n"


def count(options: argparse.Namespace) -> None:
    """Compare the counts, or write them."""
    found = measure()
    if options.write:
        COUNTS.write_text(found, encoding="utf-8")
    elif found != COUNTS.read_text(encoding="utf-8"):
        sys.exit(f"{COUNTS.name} has other numbers than these; --write takes them\n{found}")
    print(found, end="")


def main() -> None:
    """Run the sub-command that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    commands.add_parser("emulate").set_defaults(run=emulate)
    counting = commands.add_parser("count")
    counting.add_argument("--write", action="store_true", help="take the numbers as they are")
    counting.set_defaults(run=count)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    os.umask(0o022)
    main()
