#!/usr/bin/env python3
"""Run a session of noxfile.py with nothing but Python: dev.py SESSION [ARGUMENT...].

Installs nox into .venv first. `dev.py --list` lists the sessions.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main() -> int:
    """Make .venv if needed, then run nox in it."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.version_info < (3, 10):  # noqa: UP036 - no installer has checked this yet
        sys.exit(f"dev.py: Python 3.10 or newer is needed, this is {sys.version.split()[0]}")
    # Without variables that change Python, and with a home folder for caches.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env.setdefault("HOME", os.path.expanduser("~"))
    text = Path(ROOT, "pyproject.toml").read_text(encoding="utf-8")
    nox = re.findall(r'"nox==([^"]+)"', text)[0]
    code = "import sys, importlib.metadata as m; sys.exit(m.version('nox') != sys.argv[1])"
    probe = [PYTHON, "-c", code, nox]
    if not PYTHON.exists() or subprocess.call(probe, stderr=subprocess.DEVNULL, env=env):
        venv = [sys.executable, "-m", "venv", "--clear", ROOT / ".venv"]
        pip = [PYTHON, "-m", "pip", "-q", "--disable-pip-version-check", "install", f"nox=={nox}"]
        if subprocess.call(venv, env=env) or subprocess.call(pip, env=env):
            return 1
    session, *arguments = sys.argv[1:]
    command = [session] if session.startswith("-") else ["--session", session, "--", *arguments]
    return subprocess.call([PYTHON, "-m", "nox", "-f", ROOT / "noxfile.py", *command], env=env)


if __name__ == "__main__":
    sys.exit(main())
