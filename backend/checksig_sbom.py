"""Write the SBOM of a wheel (CycloneDX, PEP 770) from what Go recorded in the binaries.

A program with the build tag musl is linked with that C library, whose version is not recorded.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "checksig.cdx.json"
LICENCES = {  # of Go modules; a new one also needs a file in LICENSES and its id in pyproject.toml
    "github.com/cespare/xxhash/v2": "MIT",
    "github.com/emmansun/gmsm": "MIT",
    "github.com/klauspost/compress": "BSD-3-Clause",
    "github.com/klauspost/cpuid/v2": "MIT",
    "github.com/pelletier/go-toml/v2": "MIT",
    "github.com/ulikunitz/xz": "BSD-3-Clause",
    "github.com/zeebo/blake3": "CC0-1.0",
    "github.com/zeebo/xxh3": "BSD-2-Clause",
    "golang.org/x/crypto": "BSD-3-Clause",
    "golang.org/x/sys": "BSD-3-Clause",
    "golang.org/x/text": "BSD-3-Clause",
    "musl": "MIT",
    "std": "BSD-3-Clause",
}


def modules(binaries: list[Path]) -> dict[str, str]:
    """Return name and version of Go's library, of each module, and of musl in the binaries."""
    found: dict[str, str] = {}
    for binary in binaries:
        command = ("go", "version", "-m", "-json", str(binary))
        text = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
        facts = json.loads(text)
        found["std"] = facts["GoVersion"].split()[0].removeprefix("go")
        settings = {setting["Key"]: setting["Value"] for setting in facts.get("Settings") or ()}
        if "musl" in settings.get("-tags", "").split(","):
            found["musl"] = ""
        for named in facts.get("Deps") or ():
            module = named.get("Replace") or named
            found[module["Path"]] = module["Version"]
    return found


def component(name: str, version: str) -> dict[str, object]:
    """Return the entry of one library."""
    url = f"pkg:golang/{name}@{version}" if version else f"pkg:generic/{name}"
    return {
        "type": "library",
        "bom-ref": url,
        "name": name,
        **({"version": version} if version else {}),
        "licenses": [{"license": {"id": LICENCES[name]}}],
        "purl": url,
    }


def document(name: str, version: str, binaries: list[Path]) -> str:
    """Return the document; it depends neither on the time nor on the machine."""
    package = f"pkg:pypi/{name}@{version}"
    components = [component(path, number) for path, number in sorted(modules(binaries).items())]
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": package,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": package,
            }
        },
        "components": components,
        "dependencies": [
            {"ref": package, "dependsOn": [part["bom-ref"] for part in components]},
            *({"ref": part["bom-ref"]} for part in components),
        ],
    }
    return json.dumps(content, indent=2) + "\n"
