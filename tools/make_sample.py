#!/usr/bin/env python3
"""Write the sample of the README, tests/data/httpd: ten logs of a web server, and their manifest.

Every run writes the same bytes. httpd-08.log is changed after its digest was taken, as somebody
would who hides a request; so it is the one file that is not as listed.
"""

from __future__ import annotations

import datetime
import hashlib
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "httpd"
LINES = 400
PAGES = {
    "/": 9, "/index.html": 6, "/about": 2, "/docs/": 4, "/docs/install.html": 4,
    "/docs/api.html": 3, "/static/site.css": 7, "/static/app.js": 7,
    "/favicon.ico": 5, "/images/logo.svg": 5,
    "/download/tool-2.4.1.tar.gz": 2, "/search?q=checksum": 1, "/login": 2, "/wp-login.php": 1,
}  # fmt: skip
STATUSES = {200: 86, 304: 8, 301: 2, 404: 3, 500: 1}
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "curl/8.9.1",
    "Wget/1.24.5",
]


def log(day: int, rng: random.Random) -> bytes:
    """Return one day's log in the combined format of Apache httpd."""
    at = datetime.datetime(2026, 3, 1 + day, tzinfo=datetime.timezone.utc)
    lines: list[str] = []
    for _ in range(LINES):
        at += datetime.timedelta(seconds=rng.expovariate(LINES / 86_000))
        host = f"203.0.113.{rng.randrange(1, 255)}"  # RFC 5737: for documentation
        page, status = (rng.choices(list(d), list(d.values()))[0] for d in (PAGES, STATUSES))
        size = "-" if status == 304 else str(rng.randrange(180, 60_000))
        lines.append(
            f'{host} - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET {page} HTTP/1.1" {status} {size} '
            f'"-" "{rng.choice(AGENTS)}"\n'
        )
    return "".join(lines).encode()


def main() -> None:
    """Write the logs, then the manifest, then change one log."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20260301)
    logs = {f"httpd-{day:02}.log": log(day, rng) for day in range(10)}
    manifest = "".join(f"{hashlib.sha1(text).hexdigest()}  {name}\n" for name, text in logs.items())
    logs["httpd-08.log"] = logs["httpd-08.log"].replace(
        b"GET /wp-login.php", b"GET /index.html  ", 1
    )
    for name, text in logs.items():
        (FOLDER / name).write_bytes(text)
    (FOLDER / "sha1sum.txt").write_text(manifest, newline="\n")


if __name__ == "__main__":
    main()
