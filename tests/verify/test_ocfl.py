"""OCFL objects and storage roots (Oxford Common File Layout 1.0 and 1.1)."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checksig import verify
from checksig.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from checksig import Report

pytestmark = pytest.mark.usefixtures("engine")

Inventory = dict[str, Any]


def digest(content: bytes, algorithm: str = "sha512") -> str:
    """Return a digest in hexadecimal."""
    return hashlib.new(algorithm, content).hexdigest()


def version(state: dict[str, list[str]], n: int) -> dict[str, Any]:
    """Return the block of a version."""
    return {
        "created": f"2024-0{n}-02T03:04:05Z",
        "message": f"version {n}",
        "user": {"name": "A Person", "address": "mailto:a@example.org"},
        "state": state,
    }


class Object:
    """An object that is being written: its content, and the inventory of each version."""

    def __init__(
        self, folder: Path, *, spec: str = "1.1", algorithm: str = "sha512", pad: int = 0
    ) -> None:
        self.folder = folder
        self.spec = spec
        self.algorithm = algorithm
        self.pad = pad
        self.inventories: list[Inventory] = []
        self.names: list[str] = []
        folder.mkdir(parents=True)
        (folder / f"0=ocfl_object_{spec}").write_text(f"ocfl_object_{spec}\n")

    def add(self, files: dict[str, bytes], fixity: tuple[str, ...] = ()) -> None:
        """Add a version with these logical files; content that is there already is reused."""
        n = len(self.inventories) + 1
        name = f"v{n:0{self.pad + 1}}" if self.pad else f"v{n}"
        inventory: Inventory = (
            copy.deepcopy(self.inventories[-1])
            if self.inventories
            else {
                "id": "urn:example:1",
                "type": f"https://ocfl.io/{self.spec}/spec/#inventory",
                "digestAlgorithm": self.algorithm,
                "head": "",
                "manifest": {},
                "versions": {},
            }
        )
        state: dict[str, list[str]] = {}
        for logical, content in files.items():
            key = digest(content, self.algorithm)
            if key not in inventory["manifest"]:
                path = f"{name}/content/{logical}"
                inventory["manifest"][key] = [path]
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_bytes(content)
                for other in fixity:
                    block = inventory.setdefault("fixity", {}).setdefault(other, {})
                    block[digest(content, other)] = [path]
            state.setdefault(key, []).append(logical)
        inventory["head"] = name
        inventory["versions"][name] = version(state, n)
        (self.folder / name).mkdir(exist_ok=True)
        self.inventories.append(inventory)
        self.names.append(name)

    def write(self, *, versions: bool = True) -> None:
        """Write the inventories with their sidecars."""
        for name, inventory in zip(self.names, self.inventories, strict=True) if versions else ():
            write_inventory(self.folder / name, inventory)
        write_inventory(self.folder, self.inventories[-1])


def write_inventory(folder: Path, inventory: Inventory | bytes) -> None:
    """Write an inventory with its sidecar."""
    text = inventory if isinstance(inventory, bytes) else json.dumps(inventory, indent=1).encode()
    algorithm = "sha512" if isinstance(inventory, bytes) else inventory.get("digestAlgorithm")
    algorithm = algorithm if algorithm in hashlib.algorithms_available else "sha512"
    (folder / "inventory.json").write_bytes(text)
    sidecar = f"{digest(text, str(algorithm))} inventory.json\n"
    (folder / f"inventory.json.{algorithm}").write_text(sidecar)


def three_versions(folder: Path, **options: Any) -> Object:
    """Write an object of three versions."""
    made = Object(folder, **options)
    made.add({"a.txt": b"a", "sub/b": b"bb", "copy of b": b"bb"}, fixity=("md5", "sha1"))
    made.add({"a.txt": b"changed", "sub/b": b"bb"})
    made.add({"sub/b": b"bb", "empty": b""})
    made.write()
    return made


@pytest.fixture
def made(tmp_path: Path) -> Object:
    """Write an object of three versions."""
    return three_versions(tmp_path / "object")


def problems(report: Report) -> list[str]:
    """Return everything that is wrong, with the files that it is about."""
    found = [f"{Path(r.path).name}: {r.status} {r.detail}" for r in report.failures]
    return found + [f"{Path(b.manifest).name}: {b.cause}" for b in report.bad_lines]


def notes(report: Report) -> list[str]:
    """Return the notes, with the files that they are about."""
    return [f"{Path(m.path).name}: {note}" for m in report.manifests for note in m.notes]


def test_a_whole_object_is_verified(made: Object) -> None:
    """Every inventory, and all content with all its digests, also of older versions."""
    report = verify(made.folder, check=False)
    assert report.ok, report
    assert notes(report) == []
    read = {(Path(r.path).relative_to(made.folder).as_posix(), r.algorithm) for r in report.results}
    content = {"v1/content/a.txt", "v1/content/sub/b"}
    assert read == {
        *((name, a) for name in content for a in ("md5", "sha1", "sha512")),
        ("v2/content/a.txt", "sha512"),
        ("v3/content/empty", "sha512"),
        *((f"{folder}inventory.json", "sha512") for folder in ("", "v1/", "v2/", "v3/")),
    }
    assert {m.format for m in report.manifests} == {"ocfl", "gnu"}


@pytest.mark.parametrize("spec", ["1.0", "1.1"])
@pytest.mark.parametrize("pad", [0, 3])
@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
def test_each_kind_of_object(tmp_path: Path, spec: str, pad: int, algorithm: str) -> None:
    """Versions of the specification, padded names, and both algorithms."""
    made = three_versions(tmp_path / "o", spec=spec, pad=pad, algorithm=algorithm)
    report = verify(made.folder, check=False)
    assert report.ok, report
    codes = {note.split(": ")[1] for note in notes(report)}
    assert codes == {
        *(["W001"] if pad else []),
        *(["W004"] if algorithm == "sha256" else []),
    }


def test_an_object_without_content(tmp_path: Path) -> None:
    """The inventory alone is verified then."""
    made = Object(tmp_path / "o")
    made.add({})
    made.write()
    report = verify(made.folder)
    assert {Path(r.path).name for r in report.results} == {"inventory.json"}


def test_every_byte_counts(made: Object) -> None:
    """A byte of any file changed, or a file removed: not OK."""
    for path in sorted(made.folder.rglob("*")):
        if not path.is_file():
            continue
        before = path.read_bytes()
        if before:
            path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
            assert not verify(made.folder, check=False).ok, path
        path.write_bytes(before + b" ")
        assert not verify(made.folder, check=False).ok, path
        path.unlink()
        is_optional = path.name == "inventory.json" and path.parent != made.folder
        if not is_optional:
            report = verify(made.folder, check=False)
            assert not report.ok, path
        path.write_bytes(before)
    assert verify(made.folder).ok


def root(change: Callable[[Inventory], object]) -> Callable[[Object], None]:
    """Return a function that changes the inventory of the object, and of its last version."""

    def mutate(made: Object) -> None:
        change(made.inventories[-1])
        made.write()

    return mutate


def old(change: Callable[[Inventory], object]) -> Callable[[Object], None]:
    """Return a function that changes the inventory of the first version."""

    def mutate(made: Object) -> None:
        change(made.inventories[0])
        made.write()

    return mutate


def put(*keys: str, value: Any) -> Callable[[Inventory], None]:
    """Return a function that sets a value; None removes it."""

    def change(inventory: Inventory) -> None:
        for key in keys[:-1]:
            inventory = inventory[key]
        if value is None:
            del inventory[keys[-1]]
        else:
            inventory[keys[-1]] = value

    return change


def write(name: str, text: str = "x") -> Callable[[Object], None]:
    """Return a function that writes a file."""

    def mutate(made: Object) -> None:
        path = made.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return mutate


def remove(name: str) -> Callable[[Object], None]:
    """Return a function that removes a file or folder."""

    def mutate(made: Object) -> None:
        path = made.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return mutate


def rename_declaration(name: str) -> Callable[[Object], None]:
    """Return a function that renames the declaration, and makes its text that of its name."""

    def mutate(made: Object) -> None:
        (made.folder / "0=ocfl_object_1.1").unlink()
        (made.folder / f"0={name}").write_text(f"{name}\n")

    return mutate


def paths(change: Callable[[dict[str, list[str]]], object]) -> Callable[[Object], None]:
    """Return a function that changes the manifest of the object's inventory."""
    return root(lambda inventory: change(inventory["manifest"]))


def state(change: Callable[[dict[str, list[str]]], object]) -> Callable[[Object], None]:
    """Return a function that changes the state of the last version."""
    return root(lambda inventory: change(inventory["versions"]["v3"]["state"]))


def link_to_content(made: Object) -> None:
    """Replace content by a link to it."""
    path = made.folder / "v1/content/a.txt"
    path.rename(made.folder.parent / "elsewhere")
    path.symlink_to(made.folder.parent / "elsewhere")


def later_specification(made: Object) -> None:
    """Make the first version's inventory one of a later version than the second's."""
    made.inventories[1]["type"] = "https://ocfl.io/1.0/spec/#inventory"
    made.write()


A, B, EMPTY = digest(b"a"), digest(b"bb"), digest(b"")
UNUSED = digest(b"never used")

# What breaks each rule: the change, and the beginning of the problem.
BAD: dict[str, tuple[Callable[[Object], object], str]] = {
    "a file in the object's folder": (write("SHA256SUMS"), "SHA256SUMS: E001"),
    "a folder in the object's folder": (write("data/x"), "data: E001"),
    "no declaration": (remove("0=ocfl_object_1.1"), "inventory.json: E003"),
    "two declarations": (
        write("0=ocfl_object_1.0", "ocfl_object_1.0\n"),
        "0=ocfl_object_1.1: E003",
    ),
    "an unknown version": (rename_declaration("ocfl_object_2.0"), "0=ocfl_object_2.0: E004"),
    "a declaration with another text": (
        write("0=ocfl_object_1.1", "ocfl_object_1.0\n"),
        "0=ocfl_object_1.1: E007",
    ),
    "no version": (root(put("versions", value={})), "inventory.json: E008"),
    "a version is missing": (root(put("versions", "v2", value=None)), "inventory.json: E010"),
    "a version's folder is missing": (remove("v2"), "v2: E010"),
    "names of versions of several widths": (
        root(lambda i: i["versions"].update({"v02": i["versions"].pop("v2")})),
        "inventory.json: E012",
    ),
    "a last version that is named differently": (
        root(lambda i: i["versions"].update({"v04": i["versions"]["v3"]})),
        "inventory.json: E013",
    ),
    "a file in a version's folder": (write("v1/x"), "x: E015"),
    "a path as contentDirectory": (
        root(put("contentDirectory", value="a/b")),
        "inventory.json: E017",
    ),
    "dots as contentDirectory": (root(put("contentDirectory", value="..")), "inventory.json: E018"),
    "another contentDirectory before": (
        old(put("contentDirectory", value="stuff")),
        "inventory.json: E019",
    ),
    "a contentDirectory that was set later": (
        root(put("contentDirectory", value="stuff")),
        "inventory.json: E019",
    ),
    "another number in a declaration's name": (
        write("1=ocfl_object_1.1"),
        "1=ocfl_object_1.1: E005",
    ),
    "another word in a declaration's name": (write("0=ocfl_obj_1.1"), "0=ocfl_obj_1.1: E006"),
    "the first version is missing": (
        root(put("versions", "v1", value=None)),
        "inventory.json: E009",
    ),
    "a digest that is not in hexadecimal": (
        paths(lambda m: m.update({"x": ["v1/content/x"]})),
        "inventory.json: E031",
    ),
    "content that is not listed": (write("v2/content/new"), "inventory.json: E023"),
    "content that an older inventory does not list": (
        old(put("manifest", A, value=None)),
        "inventory.json: E023",
    ),
    "an empty folder in the content": (
        lambda made: (made.folder / "v1/content/none").mkdir(),
        "none: E024",
    ),
    "MD5 as digestAlgorithm": (
        root(put("digestAlgorithm", value="md5")),
        "inventory.json: E025",
    ),
    "a digestAlgorithm that is unknown": (
        root(put("digestAlgorithm", value="x512")),
        "inventory.json: E025",
    ),
    "not JSON": (
        lambda made: write_inventory(made.folder, b'{"id": "x", '),
        "inventory.json: E033",
    ),
    "a key that is there twice": (
        lambda made: write_inventory(
            made.folder,
            json.dumps(made.inventories[-1]).replace('"head"', '"id": "x", "head"').encode(),
        ),
        "inventory.json: E033",
    ),
    "an SHA-1 digest that is not in hexadecimal": (
        root(put("fixity", "sha1", value={"x": ["v1/content/a.txt"]})),
        "inventory.json: E029",
    ),
    "an SHA-256 digest that is not in hexadecimal": (
        root(put("fixity", "sha256", value={"x": ["v1/content/a.txt"]})),
        "inventory.json: E030",
    ),
    "a BLAKE2b digest that is not in hexadecimal": (
        root(put("fixity", "blake2b-512", value={"x": ["v1/content/a.txt"]})),
        "inventory.json: E032",
    ),
    "a digestAlgorithm that is no text": (
        root(put("digestAlgorithm", value=512)),
        "inventory.json: E039",
    ),
    "no id": (root(put("id", value=None)), "inventory.json: E036"),
    "no head": (root(put("head", value=None)), "inventory.json: E036"),
    "an id that is no text": (root(put("id", value=1)), "inventory.json: E037"),
    "another type than declared": (
        root(put("type", value="https://ocfl.io/1.0/spec/#inventory")),
        "inventory.json: E038",
    ),
    "an unknown type": (
        root(put("type", value="https://ocfl.io/9.0/spec/#inventory")),
        "inventory.json: E038",
    ),
    "another head": (root(put("head", value="v2")), "inventory.json: E040"),
    "no manifest": (root(put("manifest", value=None)), "inventory.json: E041"),
    "content outside the versions": (
        paths(lambda m: m[EMPTY].append("logs/x")),
        "inventory.json: E042",
    ),
    "no versions": (root(put("versions", value=None)), "inventory.json: E043"),
    "versions that are no object": (root(put("versions", value=[])), "inventory.json: E045"),
    "a version that is not listed": (
        lambda made: shutil.copytree(made.folder / "v3", made.folder / "v4"),
        "v4: E046",
    ),
    "a version with another name": (
        root(lambda i: i["versions"].update(one=i["versions"]["v3"])),
        "inventory.json: E046",
    ),
    "a version that is no object": (
        root(put("versions", "v3", value="x")),
        "inventory.json: E047",
    ),
    "no date": (root(put("versions", "v3", "created", value=None)), "inventory.json: E048"),
    "no state": (root(put("versions", "v3", "state", value=None)), "inventory.json: E048"),
    "no time zone": (
        root(put("versions", "v3", "created", value="2024-01-02T03:04:05")),
        "inventory.json: E049",
    ),
    "a date that is none": (
        root(put("versions", "v3", "created", value="2024-02-31T03:04:05Z")),
        "inventory.json: E049",
    ),
    "a state with an unknown digest": (
        state(lambda s: s.update({UNUSED: ["x"]})),
        "inventory.json: E050",
    ),
    "a state that is no object": (
        root(put("versions", "v3", "state", value=[])),
        "inventory.json: E050",
    ),
    "a state without paths": (
        root(put("versions", "v3", "state", B, value="b")),
        "inventory.json: E051",
    ),
    "dots in a logical path": (state(lambda s: s[B].append("x/../y")), "inventory.json: E052"),
    "a slash at the end of a logical path": (
        state(lambda s: s[B].append("x/")),
        "inventory.json: E053",
    ),
    "a user without a name": (
        root(put("versions", "v3", "user", "name", value=None)),
        "inventory.json: E054",
    ),
    "a fixity block without paths": (
        root(put("fixity", "md5", digest(b"a", "md5"), value="x")),
        "inventory.json: E057",
    ),
    "a fixity block with other content": (
        root(lambda i: i["fixity"]["md5"].update({digest(b"x", "md5"): ["v1/content/x"]})),
        "inventory.json: E057",
    ),
    "no sidecar": (remove("inventory.json.sha512"), "inventory.json: E058"),
    "no sidecar of an older inventory": (
        remove("v1/inventory.json.sha512"),
        "inventory.json: E058",
    ),
    "a sidecar by another algorithm": (
        lambda made: (made.folder / "inventory.json.md5").write_text(
            digest((made.folder / "inventory.json").read_bytes(), "md5") + " inventory.json\n"
        ),
        "inventory.json.md5: E059",
    ),
    "a sidecar with another digest": (
        write("inventory.json.sha512", f"{UNUSED} inventory.json\n"),
        "inventory.json.sha512: E060",
    ),
    "a sidecar with a digest alone": (
        lambda made: (made.folder / "inventory.json.sha512").write_text(
            digest((made.folder / "inventory.json").read_bytes()) + "\n"
        ),
        "inventory.json.sha512: E061",
    ),
    "no inventory": (remove("inventory.json"), "inventory.json: E063"),
    "another inventory in the last version": (
        lambda made: write_inventory(
            made.folder / "v3", {**made.inventories[-1], "id": "urn:example:2"}
        ),
        "inventory.json: E064",
    ),
    "another state before": (
        old(lambda i: i["versions"]["v1"]["state"].update({A: ["another"]})),
        "inventory.json: E066",
    ),
    "a file among the extensions": (write("extensions/x"), "x: E067"),
    "a mutable head": (
        write("extensions/0005-mutable-head/head/x"),
        "0005-mutable-head: the content",
    ),
    "a link": (link_to_content, "a.txt: E090"),
    "a link to content": (
        lambda made: (made.folder / "v9").symlink_to(made.folder / "v1"),
        "v9: E090",
    ),
    "a digest without content": (paths(lambda m: m.update({B: []})), "inventory.json: E092"),
    "content with another digest": (write("v2/content/a.txt", "x"), "a.txt: mismatched E092"),
    "content that is missing": (remove("v2/content/a.txt"), "a.txt: missing E092"),
    "another digest in the fixity block": (
        root(lambda i: i["fixity"]["md5"].update({digest(b"x", "md5"): ["v1/content/a.txt"]})),
        "a.txt: mismatched E093",
    ),
    "another digest in an older fixity block": (
        old(put("fixity", value={"md5": {digest(b"x", "md5"): ["v1/content/a.txt"]}})),
        "a.txt: mismatched E093",
    ),
    "another digest in an older manifest": (
        old(lambda i: i["manifest"].update({UNUSED: i["manifest"].pop(A)})),
        "a.txt: mismatched E092",
    ),
    "a message that is no text": (
        root(put("versions", "v3", "message", value=1)),
        "inventory.json: E094",
    ),
    "a logical path in another": (state(lambda s: s[B].append("sub/b/c")), "inventory.json: E095"),
    "a logical path twice": (state(lambda s: s[EMPTY].append("sub/b")), "inventory.json: E095"),
    "a digest twice": (
        paths(lambda m: m.update({B.upper(): m[B]})),
        "inventory.json: E096",
    ),
    "a digest twice in the fixity block": (
        root(lambda i: i["fixity"]["sha1"].update({digest(b"a", "sha1").upper(): []})),
        "inventory.json: E097",
    ),
    "dots in a content path": (
        paths(lambda m: m[EMPTY].append("v1/content/../content/a.txt")),
        "inventory.json: E099",
    ),
    "a slash before a content path": (
        paths(lambda m: m[EMPTY].append("/v3/content/empty")),
        "inventory.json: E100",
    ),
    "a content path twice": (
        paths(lambda m: m[EMPTY].append("v1/content/a.txt")),
        "inventory.json: E101",
    ),
    "an unknown key": (root(put("extra", value=1)), "inventory.json: E102"),
    "an earlier specification": (later_specification, "inventory.json: E103"),
    "padded names that have no room for a zero": (
        root(lambda i: i.update(versions={"v01": i["versions"]["v1"], "v10": i["versions"]["v2"]})),
        "inventory.json: E011",
    ),
    "version 0": (
        root(lambda i: i["versions"].update(v0=i["versions"]["v3"])),
        "inventory.json: E105",
    ),
    "a manifest that is no object": (root(put("manifest", value=[])), "inventory.json: E106"),
    "content that no version uses": (
        paths(lambda m: m.update({UNUSED: ["v1/content/x"]})),
        "inventory.json: E107",
    ),
    "another id before": (old(put("id", value="urn:example:2")), "inventory.json: E110"),
    "a fixity block that is no object": (root(put("fixity", value=[])), "inventory.json: E111"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_breaks_an_object(made: Object, what: str) -> None:
    """The report names the rule and the file."""
    mutate, expected = BAD[what]
    if "link" in what and os.name != "posix":
        pytest.skip("links need a privilege on Windows")
    mutate(made)
    report = verify(made.folder, check=False)
    assert not report.ok
    assert any(line.startswith(expected) for line in problems(report)), problems(report)


def test_a_change_of_algorithm(tmp_path: Path) -> None:
    """An older inventory by another algorithm is verified too, and its state compared."""
    made = Object(tmp_path / "o", algorithm="sha256")
    made.add({"a": b"a", "b": b"a"})
    made.write()
    newer = Object(tmp_path / "n")
    newer.add({"a": b"a", "b": b"a"})
    newer.add({"a": b"a"})
    newer.write()
    write_inventory(newer.folder / "v1", made.inventories[0])
    (newer.folder / "v1/inventory.json.sha512").unlink()
    report = verify(newer.folder)
    assert ("v1/content/a", "sha256") in {(r.name, r.algorithm) for r in report.results}
    made.inventories[0]["versions"]["v1"]["state"] = {digest(b"a", "sha256"): ["a"]}
    write_inventory(newer.folder / "v1", made.inventories[0])
    assert any("E066" in line for line in problems(verify(newer.folder, check=False)))
    made.inventories[0]["manifest"] = {digest(b"x", "sha256"): ["v1/content/a"]}
    write_inventory(newer.folder / "v1", made.inventories[0])
    assert any(
        x.startswith("a: mismatched E092") for x in problems(verify(newer.folder, check=False))
    )


def without_content(made: Object) -> None:
    """Make the last version one that has no content of its own, but a folder for it."""
    made.inventories.pop()
    made.names.pop()
    shutil.rmtree(made.folder / "v3")
    made.add({"a.txt": b"a"})
    made.write()
    (made.folder / "v3/content").mkdir()


def another_id(made: Object) -> None:
    """Change the id in all inventories."""
    for inventory in made.inventories:
        inventory["id"] = "x"
    made.write()


def without_old_inventories(made: Object) -> None:
    """Write the object again, without inventories of versions."""
    shutil.rmtree(made.folder)
    again = Object(made.folder)
    again.add({"a.txt": b"a", "sub/b": b"bb", "copy of b": b"bb"})
    again.add({"a.txt": b"changed", "sub/b": b"bb"})
    again.add({"sub/b": b"bb", "empty": b""})
    again.write(versions=False)


NOTES: dict[str, tuple[Callable[[Object], object], str]] = {
    "another folder in a version": (write("v1/other/x"), "other: W002"),
    "an empty content folder": (without_content, "content: W003"),
    "an id that is no URI": (
        another_id,
        "inventory.json: W005",
    ),
    "no message": (root(put("versions", "v3", "message", value=None)), "inventory.json: line"),
    "no inventories of versions": (
        without_old_inventories,
        "v1: W010",
    ),
    "another date before": (
        old(put("versions", "v1", "created", value="2001-01-01T01:01:01Z")),
        "inventory.json: line",
    ),
    "an extension": (write("extensions/mine/x"), "mine: W013"),
    "an unknown algorithm in the fixity block": (
        root(put("fixity", "x9", value={"00": ["v1/content/a.txt"]})),
        "inventory.json: line",
    ),
}


@pytest.mark.parametrize("what", NOTES)
def test_what_is_worth_a_note(made: Object, what: str) -> None:
    """What the specification advises against is no failure."""
    mutate, expected = NOTES[what]
    mutate(made)
    report = verify(made.folder, check=False)
    assert report.ok, report
    assert not expected or any(line.startswith(expected) for line in notes(report)), notes(report)


def test_a_sidecar_by_itself(made: Object, capsys: pytest.CaptureFixture[str]) -> None:
    """Given as the path, only the inventory is verified, and that is said."""
    (made.folder / "v1/content/a.txt").write_bytes(b"tampered")
    report = verify(made.folder / "inventory.json.sha512")
    assert [Path(r.path).name for r in report.results] == ["inventory.json"]
    assert "part of an OCFL object, which was not checked" in notes(report)[0]
    assert main([str(made.folder / "inventory.json.sha512")]) == 0
    assert "part of an OCFL object, which was not checked" in capsys.readouterr().out
    assert not verify(made.folder / "inventory.json", check=False).ok


def test_content_is_not_searched_for_manifests(tmp_path: Path) -> None:
    """A manifest or a structure in the content is content."""
    made = Object(tmp_path / "o")
    sums = f"{digest(b'none', 'sha256')}  not here\n".encode()
    made.add({"SHA256SUMS": sums, "bagit.txt": b"", "0=ocfl_object_1.0": b"", "oci-layout": b"{}"})
    made.write()
    assert verify(tmp_path, recursive=True).verified == 5


def test_a_folder_of_an_inventory_that_is_not_ocfl(tmp_path: Path) -> None:
    """A file of that name with a sidecar is an ordinary file."""
    (tmp_path / "inventory.json").write_text('{"hosts": []}')
    sidecar = digest(b'{"hosts": []}', "sha256") + "  inventory.json\n"
    (tmp_path / "inventory.json.sha256").write_text(sidecar)
    report = verify(tmp_path)
    assert (report.verified, notes(report)) == (1, [])


def test_files_of_an_object_that_no_inventory_lists(made: Object) -> None:
    """Logs and extensions are not verified, and count as not listed."""
    write("logs/log.txt")(made)
    report = verify(made.folder, extra="report")
    assert [Path(x.path).name for x in report.unlisted] == ["log.txt"]


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Write a storage root with two objects."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "0=ocfl_1.1").write_text("ocfl_1.1\n")
    (folder / "ocfl_layout.json").write_text(
        json.dumps({"extension": "0004-hashed-n-tuple-storage-layout", "description": "x"})
    )
    three_versions(folder / "a" / "b" / "one")
    three_versions(folder / "a" / "c", spec="1.0")
    return folder


def test_a_storage_root(storage: Path) -> None:
    """Its objects are verified with recursive; without it, it is not OK."""
    report = verify(storage, recursive=True)
    assert report.verified == 2 * 12
    report = verify(storage, check=False)
    assert not report.ok
    assert "search the folders below too (recursive)" in problems(report)[0]
    (storage / "a/c/v1/content/a.txt").write_bytes(b"x")
    assert not verify(storage, recursive=True, check=False).ok


ROOTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "an unknown layout": (
        lambda r: (r / "ocfl_layout.json").write_text('{"extension": "x", "description": ""}'),
        "ocfl_layout.json: E071",
    ),
    "a layout without a description": (
        lambda r: (r / "ocfl_layout.json").write_text('{"extension": "x"}'),
        "ocfl_layout.json: E070",
    ),
    "a file in the hierarchy": (lambda r: (r / "a/x").write_bytes(b""), "x: E072"),
    "an empty folder": (lambda r: (r / "a/empty").mkdir(), "empty: E073"),
    "two declarations": (lambda r: (r / "0=ocfl_1.0").write_text("x"), "0=ocfl_1.1: E076"),
    "an unknown version": (
        lambda r: (r / "0=ocfl_1.1").rename(r / "0=ocfl_3.0"),
        "0=ocfl_3.0: E077",
    ),
    "another text": (lambda r: (r / "0=ocfl_1.1").write_text("x"), "0=ocfl_1.1: E080"),
    "a later object": (
        lambda r: (r / "0=ocfl_1.1").rename(r / "0=ocfl_1.0").write_text("ocfl_1.0\n"),
        "one: E081",
    ),
    "a file among the extensions": (
        lambda r: shutil.copytree(r / "a/c/v3", r / "extensions"),
        "inventory.json: E112",
    ),
    "no object": (lambda r: shutil.rmtree(r / "a"), "0=ocfl_1.1: the storage root has no object"),
    "a broken object": (
        lambda r: (r / "a/c/inventory.json").unlink(),
        "inventory.json: E063",
    ),
}


@pytest.mark.parametrize("what", ROOTS)
def test_what_breaks_a_storage_root(storage: Path, what: str) -> None:
    """The report names the rule and the file."""
    mutate, expected = ROOTS[what]
    mutate(storage)
    report = verify(storage, recursive=True, check=False)
    assert not report.ok
    assert any(line.startswith(expected) for line in problems(report)), problems(report)


# The codes that no row has: of rules for programs, of rules that are reported with another code,
# and those that the specification has not assigned.
FOR_PROGRAMS = "E022 E026 E027 E028 E056 E062 E074 E083 E087 E089"
REPORTED_AS_ANOTHER = (
    "E002 E014 E016 E020 E021 E034 E035 E044 E055 E069 E075 E078 E079 E082 E084 E085 E088 E098 "
    "E104 E108"
)
UNASSIGNED = "E065 E068 E086 E091 E109"


def test_every_code_has_a_row() -> None:
    """Each code of the specification's list, E001 to E112, is accounted for."""
    rows = " ".join(expected for _, expected in (*BAD.values(), *ROOTS.values()))
    tested = {word.rstrip(":") for word in rows.split() if word[0] == "E" and word[1:4].isdigit()}
    others = {*FOR_PROGRAMS.split(), *REPORTED_AS_ANOTHER.split(), *UNASSIGNED.split()}
    assert tested | others == {f"E{n:03}" for n in range(1, 113)}
    assert not tested & others
