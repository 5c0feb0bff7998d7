"""Make wheels of checksig and all that it needs, from what is installed: wheelhouse.py FOLDER."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import zipfile
from pathlib import Path


def pack(name: str, folder: Path) -> None:
    """Make a wheel from the files of an installed distribution."""
    distribution = importlib.metadata.distribution(name)
    info = distribution.read_text("WHEEL") or ""
    tags = re.findall(r"^Tag: (\S+)$", info, re.MULTILINE)
    title = f"{re.sub('[-_.]+', '_', distribution.name)}-{distribution.version}"
    lines: list[str] = []
    with zipfile.ZipFile(folder / f"{title}-{tags[0]}.whl", "w") as wheel:
        for file in distribution.files or []:
            # Neither what the installer wrote nor what lies outside: commands, the man page.
            written = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}
            compiled = file.suffix == ".pyc" or "__pycache__" in file.parts
            if compiled or ".." in file.parts or file.name in written:
                continue
            wheel.write(str(file.locate()), file.as_posix())
            lines.append(f"{file.as_posix()},,")
        record = f"{title}.dist-info/RECORD"
        wheel.writestr(record, "\n".join([*lines, f"{record},,", ""]))


def is_installed(name: str) -> bool:
    """Whether a distribution is installed; what a marker excludes here is not."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def fill(folder: Path) -> None:
    """Make the wheels; none of an editable install, which has no files of its own."""
    if not any(file.name == "report.py" for file in importlib.metadata.files("checksig") or []):
        return
    # pre-commit installs a package of its own, which setuptools builds.
    names, at = ["checksig", *filter(is_installed, ["setuptools"])], 0
    while at < len(names):
        for requirement in importlib.metadata.requires(names[at]) or []:
            name = re.split(r"[\s;<>=!~\[(]", requirement, maxsplit=1)[0]
            if "extra ==" not in requirement and name not in names and is_installed(name):
                names.append(name)
        pack(names[at], folder)
        at += 1


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
