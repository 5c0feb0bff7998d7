"""Manifests that are JSON documents: where their names start, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from checksig import ManifestNotFoundError, Status, update, verify

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"content\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def statement(*names: str) -> dict[str, Any]:
    """Return an in-toto statement about files with CONTENT."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": DIGEST}} for name in names],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }


def envelope(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a DSSE envelope."""
    encoded = base64.b64encode(json.dumps(payload).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": encoded, "signatures": []}


def conda(name: str = "bin/tool") -> dict[str, Any]:
    """Return conda's list of one file."""
    entry = {"_path": name, "path_type": "hardlink", "sha256": DIGEST}
    return {"paths": [entry], "paths_version": 1}


def write(path: Path, document: Any) -> Path:
    """Write a JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def lay(path: Path) -> None:
    """Write a file with CONTENT."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)


@pytest.mark.parametrize(
    ("manifest", "document"),
    [
        ("info/paths.json", conda()),
        ("conda-meta/tool-1-0.json", {"paths_data": conda(), "build": "0"}),
        (
            "streams/v1/download.json",
            {
                "format": "products:1.0",
                "products": {
                    "p": {
                        "versions": {"1": {"items": {"i": {"path": "bin/tool", "sha256": DIGEST}}}}
                    }
                },
            },
        ),
    ],
)
def test_names_start_where_the_manifest_belongs(
    tmp_path: Path, manifest: str, document: Any
) -> None:
    """They start above the manifest's folder only if that folder has the right name."""
    lay(tmp_path / "root/bin/tool")
    report = verify(write(tmp_path / "root" / manifest, document))
    assert report.verified == 1
    elsewhere = write(tmp_path / "root/other/folder" / manifest.rpartition("/")[2], document)
    report = verify(elsewhere, check=False)
    assert [result.status for result in report.failures] == [Status.MISSING]
    lay(elsewhere.parent / "bin/tool")
    assert verify(elsewhere).verified == 1


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "s/../../outside"])
@pytest.mark.parametrize("wrap", [dict, envelope], ids=["statement", "envelope"])
def test_names_do_not_lead_outside(tmp_path: Path, name: str, wrap: Any) -> None:
    """A name that leads outside is refused, inside an envelope too."""
    lay(tmp_path / "outside")
    lay(tmp_path / "in/s/x")
    report = verify(write(tmp_path / "in/a.intoto.json", wrap(statement(name))), check=False)
    (failure,) = report.failures
    assert failure.status is Status.UNREADABLE


def test_an_envelope_is_reported_as_a_signature(tmp_path: Path) -> None:
    """The signature of an envelope is not checked, and the report says so."""
    lay(tmp_path / "a")
    lay(tmp_path / "b")
    lines = [json.dumps(envelope(statement(name))) for name in "ab"]
    (tmp_path / "all.intoto.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = verify(tmp_path)
    assert report.verified == 2
    (manifest,) = report.manifests
    assert (manifest.format, manifest.wrapper) == ("in-toto", "dsse")
    assert manifest.signature == "not checked"


def test_what_is_not_understood_is_reported(tmp_path: Path) -> None:
    """A digest of an unknown algorithm is a bad line; the known one is verified."""
    lay(tmp_path / "a")
    document = statement("a")
    document["subject"][0]["digest"]["whirlpool"] = "00"
    path = write(tmp_path / "a.intoto.json", document)
    report = verify(path, check=False)
    assert (report.ok, report.verified) == (False, 1)
    (bad,) = report.bad_lines
    assert bad.cause == 'unknown algorithm "whirlpool"'


def test_unknown_json_is_refused_at_once(tmp_path: Path) -> None:
    """JSON of no known kind is one bad line, which lists the known kinds."""
    path = write(tmp_path / "x.json", [])
    path.write_text(json.dumps({"rows": list(range(10_000))}, indent=1), encoding="utf-8")
    (bad,) = verify(path, check=False).bad_lines
    assert bad.cause.startswith("JSON that is no known kind of manifest; known: in-toto")


def test_a_folder_with_other_json_has_no_manifest(tmp_path: Path) -> None:
    """JSON is found in a folder only under the name of a manifest."""
    write(tmp_path / "package.json", {"name": "x"})
    write(tmp_path / "tsconfig.json", {})
    with pytest.raises(ManifestNotFoundError):
        verify(tmp_path)


def test_documents_are_not_written(tmp_path: Path) -> None:
    """A document can be verified, but not updated."""
    lay(tmp_path / "root/bin/tool")
    path = write(tmp_path / "root/info/paths.json", conda())
    before = path.read_bytes()
    with pytest.raises(ValueError, match="can be read, but not written"):
        update(path)
    assert path.read_bytes() == before
