"""``checksig [verify] PATH...``: verify files against manifests."""

from __future__ import annotations

import argparse

from .. import ChecksigError, verify
from .output import Output, add_options, leave_cache, workers
from .progress import Bar

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Verify files against checksum manifests (sha1sum.txt, SHA256SUMS, ...)."
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a manifest, or a folder that holds manifests"
    )
    add_options(parser, "a PATH")
    workers(parser)
    leave_cache(parser)
    parser.add_argument(
        "--follow-outside",
        action="store_true",
        help="read files outside the manifest's folder too; by default they are refused",
    )
    _add_options(parser)
    parser.add_argument("--no-progress", action="store_true", help="draw no progress bar")


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which files count, and where they are."""
    add = parser.add_argument
    add("-r", "--recursive", action="store_true", help="find manifests in subfolders, too")
    add(
        "--extra",
        choices=("ignore", "report", "fail"),
        default="ignore",
        help="what to do about files that no manifest lists (default: %(default)s)",
    )
    add("--ignore-missing", action="store_true", help="skip entries whose file is missing")
    add("--root", metavar="DIR", help="the folder that names start from, for all manifests")
    add("--strip", type=int, default=0, metavar="N", help="leave out N leading parts of names")
    add("--basename", action="store_true", help="leave out all parts of names but the last")
    add(
        "--remap",
        type=_prefix,
        action="append",
        metavar="FROM=TO",
        help="replace a prefix of names; may be given several times, the longest that fits counts",
    )
    add("--min-strength", metavar="NAME", help="refuse algorithms weaker than this one")
    add("--algorithm", metavar="NAME", help="the algorithm of digests that are not tagged")
    add("--format", metavar="NAME", help="the format of manifests, instead of detecting it")


def run(options: argparse.Namespace) -> int:
    """Verify each path, print what was found, and return the exit code."""
    output = Output(options)
    for path in options.paths:
        _verify(path, options, output)
    return output.end()


def _verify(path: str, options: argparse.Namespace, output: Output) -> None:
    try:
        with Bar(shown=not options.no_progress) as bar:
            report = verify(
                path,
                check=False,
                workers=options.workers,
                leave_cache=options.leave_cache,
                follow_outside=options.follow_outside,
                recursive=options.recursive,
                extra=options.extra,
                ignore_missing=options.ignore_missing,
                root=options.root,
                strip=options.strip,
                basename=options.basename,
                remap=dict(options.remap or ()),
                min_strength=options.min_strength,
                algorithm=options.algorithm,
                format=options.format,
                keep_verified=False,
                progress=bar.update if bar.shown else None,
            )
    except (ChecksigError, OSError, ValueError) as error:
        output.error(path, error)
    else:
        output.report(report)


def _prefix(text: str) -> tuple[str, str]:
    prefix, equals, replacement = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM=TO")
    return prefix, replacement
