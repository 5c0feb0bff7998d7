"""OCI image layouts (OCI Image Format Specification 1.1)."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checksig import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from checksig import Report

pytestmark = pytest.mark.usefixtures("engine")

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Image:
    """An image layout: an index of an index and a manifest, each with a config and layers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.layer = self.blob(b"a layer", LAYER)
        self.config = self.blob(b"{}", CONFIG)
        self.manifest = self.document(
            {"mediaType": MANIFEST, "config": self.config, "layers": [self.layer]}, MANIFEST
        )
        self.other = self.document(
            {"config": self.config, "layers": [self.blob(b"another", LAYER, "sha512")]}, MANIFEST
        )
        self.nested = self.document({"mediaType": INDEX, "manifests": [self.other]}, INDEX)
        self.index(self.manifest, self.nested)

    def blob(self, content: bytes, media: str, algorithm: str = "sha256") -> dict[str, Any]:
        """Write a blob, and return its descriptor."""
        name = hashlib.new(algorithm, content).hexdigest()
        path = self.folder / "blobs" / algorithm / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": media, "digest": f"{algorithm}:{name}", "size": len(content)}

    def document(self, fields: dict[str, Any], media: str) -> dict[str, Any]:
        """Write a blob that lists others, and return its descriptor."""
        return self.blob(json.dumps({"schemaVersion": 2, **fields}, indent=1).encode(), media)

    def index(self, *listed: dict[str, Any]) -> None:
        """Write the index."""
        text = json.dumps({"schemaVersion": 2, "manifests": listed}, indent=1)
        (self.folder / "index.json").write_text(text)

    def path(self, descriptor: dict[str, Any]) -> Path:
        """Return where a blob is."""
        return self.folder / "blobs" / str(descriptor["digest"]).replace(":", "/")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Write an image layout."""
    return Image(tmp_path / "image")


def problems(report: Report) -> list[str]:
    """Return everything that is wrong, with the files that it is about."""
    found = [f"{r.name}: {r.status}" for r in report.failures]
    return found + [f"{Path(b.manifest).name}: {b.cause}" for b in report.bad_lines]


def test_every_blob_is_verified(image: Image) -> None:
    """What the index lists, and what the documents below list."""
    report = verify(image.folder, extra="fail")
    names = {r.path for r in report.results}
    assert names == {str(p) for p in image.folder.glob("blobs/*/*")}
    assert {m.format for m in report.manifests} == {"oci"}
    assert len(report.manifests) == 4


def test_every_byte_counts(image: Image) -> None:
    """A byte of any blob changed, or a blob removed: not OK."""
    for path in image.folder.glob("blobs/*/*"):
        before = path.read_bytes()
        path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        assert not verify(image.folder, check=False).ok, path
        path.write_bytes(before + b" ")
        assert not verify(image.folder, check=False).ok, path
        path.unlink()
        assert not verify(image.folder, check=False).ok, path
        path.write_bytes(before)
    assert verify(image.folder).ok


def test_a_tampered_document_lists_nothing(image: Image) -> None:
    """What a document says counts only if it has the digest that is its name."""
    fake = image.blob(b"evil", LAYER)
    text = json.dumps({"schemaVersion": 2, "layers": [fake]})
    image.path(image.manifest).write_text(text)
    report = verify(image.folder, check=False)
    assert fake["digest"].split(":")[1] not in {Path(r.name).name for r in report.results}
    assert any("has another sha256 digest than its name" in line for line in problems(report))


@pytest.mark.parametrize("how", ["byte order mark", "utf-16", "gzip"])
def test_an_index_is_read_as_it_is(image: Image, how: str) -> None:
    """What a decoder would read must not be entries whose own documents nobody followed."""
    index = image.folder / "index.json"
    content = index.read_bytes()
    index.write_bytes(
        {
            "byte order mark": codecs.BOM_UTF8 + content,
            "utf-16": content.decode().encode("utf-16"),
            "gzip": gzip.compress(content),
        }[how]
    )
    image.path(image.layer).write_bytes(b"b layer")
    report = verify(image.folder, check=False)
    assert not report.ok
    assert not report.verified


def test_blobs_that_nothing_lists(image: Image) -> None:
    """They are allowed, and found with extra."""
    loose = image.blob(b"loose", LAYER)
    assert verify(image.folder).ok
    report = verify(image.folder, extra="fail", check=False)
    assert [x.path for x in report.unlisted] == [str(image.path(loose))]
    assert not report.ok


def listed(**changes: Any) -> Callable[[Image], object]:
    """Return a function that changes the descriptor of the manifest in the index."""
    return lambda image: image.index(
        {k: v for k, v in {**image.manifest, **changes}.items() if v is not None}
    )


BAD: dict[str, tuple[Callable[[Image], object], str]] = {
    "an unknown version": (
        lambda i: (i.folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}'),
        'oci-layout: unknown imageLayoutVersion "2.0.0"',
    ),
    "a marker that is no JSON": (
        lambda i: (i.folder / "oci-layout").write_text("{"),
        "oci-layout: cannot be read: truncated",
    ),
    "no index": (lambda i: (i.folder / "index.json").unlink(), "index.json: cannot be read"),
    "an empty index": (lambda i: i.index(), "index.json: lists no file"),
    "an index that is no JSON": (
        lambda i: (i.folder / "index.json").write_text('{"schemaVersion": 2, "manifests": ['),
        "index.json: truncated",
    ),
    "a key that is there twice": (
        lambda i: (i.folder / "index.json").write_text('{"manifests": [], "manifests": []}'),
        'index.json: the key "manifests" is there twice',
    ),
    "another schema": (
        lambda i: (i.folder / "index.json").write_text('{"schemaVersion": 1, "manifests": []}'),
        "index.json: schemaVersion is 1",
    ),
    "another size": (listed(size=1), ": mismatched"),
    "no size": (listed(size=None), "index.json: a descriptor without a size"),
    "no digest": (listed(digest=None), "index.json: a descriptor without a digest"),
    **{
        f"{name}, which is not for images": (
            listed(digest=f"{name}:{'0' * length}"),
            f'index.json: unknown algorithm "{name}"',
        )
        for name, length in (("crc32", 8), ("md5", 32), ("sha1", 40), ("xxh3", 16))
    },
    "an unknown algorithm": (listed(digest="md4:00"), 'index.json: unknown algorithm "md4"'),
    "a digest that leads elsewhere": (
        listed(digest="sha256:../../index.json"),
        "index.json: expected an algorithm, a colon",
    ),
    "a digest in upper case": (
        listed(digest="sha256:" + "A" * 64),
        "index.json: expected an algorithm, a colon",
    ),
    "a digest that is too short": (listed(digest="sha256:00"), "index.json: expected a sha256"),
    "a manifest of schema 1": (
        listed(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"),
        "index.json: an image manifest of Docker's schema 1",
    ),
    "other embedded data": (
        listed(data=base64.b64encode(b"x").decode()),
        "index.json: the embedded data has another digest",
    ),
    "no blobs": (
        lambda i: (i.folder / "blobs").rename(i.folder.parent / "blobs"),
        "oci-layout: no folder blobs/",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_breaks_an_image(image: Image, what: str) -> None:
    """The report says what is wrong, and where."""
    mutate, expected = BAD[what]
    mutate(image)
    report = verify(image.folder, check=False)
    assert not report.ok
    assert any(expected in line for line in problems(report)), problems(report)


def test_embedded_data(image: Image) -> None:
    """Content in a descriptor has its digest."""
    config = {**image.config, "data": base64.b64encode(b"{}").decode()}
    image.index(image.document({"config": config, "layers": []}, MANIFEST))
    assert verify(image.folder).verified == 2


def test_a_subject_need_not_be_there(image: Image) -> None:
    """A manifest may refer to another one in another place; that is noted."""
    absent = {**image.layer, "digest": "sha256:" + "0" * 64}
    image.index(image.document({"config": image.config, "layers": [], "subject": absent}, MANIFEST))
    report = verify(image.folder)
    assert any("the subject need not be" in note for m in report.manifests for note in m.notes)


def test_documents_of_docker(image: Image) -> None:
    """The media types of Docker's registry are read too."""
    media = "application/vnd.docker.distribution.manifest.v2+json"
    image.index({**image.manifest, "mediaType": media})
    assert verify(image.folder).verified == 3


def test_an_index_by_itself(image: Image) -> None:
    """Given as the path, only what it lists is verified, and that is said."""
    image.path(image.layer).write_bytes(b"tampered")
    report = verify(image.folder / "index.json")
    assert report.verified == 2
    assert "part of an OCI image layout, which was not checked" in report.manifests[0].notes[0]


def test_other_manifests_in_the_folder_are_read(image: Image) -> None:
    """A list of digests next to an image layout counts."""
    (image.folder / "SHA256SUMS").write_text("0" * 64 + "  index.json\n")
    assert "index.json: mismatched" in problems(verify(image.folder, check=False))


def test_image_layouts_in_subfolders(image: Image) -> None:
    """With recursive, each is verified."""
    image.folder.rename(image.folder.parent / "second")
    Image(image.folder)
    assert len(verify(image.folder.parent, recursive=True).manifests) == 8
