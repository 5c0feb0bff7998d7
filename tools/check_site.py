#!/usr/bin/env python3
"""Check the documentation site that was built: check_site.py FOLDER.

Every link and anchor leads somewhere, every page can be reached from the first one, and nothing is
loaded from another host: the site works without a network.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """The anchors and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchors and addresses of an element."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if address := values.get(LOADED.get(tag, "")):
            self.loaded.append(address)


def faults(site: Path) -> list[str]:
    """Return what is wrong with the site."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    found: list[str] = []
    reached = {site / "index.html"}
    for path, page in pages.items():
        where = path.relative_to(site)
        found += [f"{where} loads {link}" for link in page.loaded if is_foreign(link)]
        for link in [*page.links, *page.loaded]:
            if is_foreign(link) or urlsplit(link).scheme or path.name == "404.html":
                continue
            target = Path(path.parent, unquote(urlsplit(link).path)).resolve()
            target = path if not urlsplit(link).path else target
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(urlsplit(link).fragment)
            if not target.is_relative_to(site) or not target.exists():
                found.append(f"{where}: {link} leads nowhere")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{where}: {link} has no such anchor")
            reached.add(target)
    found += [
        f"{path.relative_to(site)} cannot be reached" for path in pages if path not in reached
    ]
    for path in sorted(site.rglob("*.css")):
        for link in re.findall(r"url\(([^)]*)\)", path.read_text(encoding="utf-8")):
            if is_foreign(link.strip("\"'")):
                found.append(f"{path.relative_to(site)} loads {link}")
    return [fault for fault in found if not fault.startswith("404.html")]


def is_foreign(link: str) -> bool:
    """Whether a link leads to another host."""
    return link.startswith("//") or urlsplit(link).scheme in {"http", "https"}


def main() -> int:
    """Print the faults of the site in a folder."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    site = Path(sys.argv[1]).resolve()
    if not (site / "index.html").exists():
        sys.exit(f"check_site: there is no site in {site}")
    wrong = faults(site)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(list(site.rglob('*.html')))} pages, {len(wrong)} faults")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
