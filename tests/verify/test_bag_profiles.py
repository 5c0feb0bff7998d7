"""BagIt profiles, compared with the validator of the specification's authors, bagit_profile."""

from __future__ import annotations

import fnmatch
import importlib
import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from checksig import ManifestError, iter_verify, verify
from checksig.cli import main

if TYPE_CHECKING:
    from pathlib import Path

bagit: Any = importlib.import_module("bagit")  # these two have no types
bagit_profile: Any = importlib.import_module("bagit_profile")

pytestmark = pytest.mark.usefixtures("engine")

IDENTIFIER = "https://example.org/profile.json"
INFO = {
    "BagIt-Profile-Identifier": IDENTIFIER,
    "Source-Organization": "An archive",
    "External-Description": "Bags of the archive",
    "Version": "1",
    "BagIt-Profile-Version": "1.3.0",
}


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Make a bag with two files, two algorithms and tag files of its own."""
    folder = tmp_path / "bag"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "sub" / "b.tif").write_bytes(b"bb")
    logging.getLogger("bagit").disabled = True
    tags = {
        "BagIt-Profile-Identifier": IDENTIFIER,
        "Contact-Name": ["Ann", "Bob"],
        "Source-Organization": "An  archive",
        "Bag-Count": "1 of 1",
    }
    made = bagit.make_bag(str(folder), tags, checksums=["sha256", "md5"])
    (folder / "meta" / "deep").mkdir(parents=True)
    (folder / "meta" / "deep" / "x.xml").write_bytes(b"<x/>")
    (folder / "readme.txt").write_bytes(b"read me")
    made.save(manifests=True)
    return folder


def write(folder: Path, rules: dict[str, Any]) -> Path:
    """Write a profile with these rules."""
    path = folder / "profile.json"
    whole = {"BagIt-Profile-Info": INFO, "Accept-BagIt-Version": ["0.97", "1.0"], **rules}
    path.write_text(json.dumps(whole))
    return path


def reference(bag: Path, profile: Path) -> bool:
    """Return whether the reference accepts the bag; what it calls invalid, it raises."""
    checker = bagit_profile.Profile(IDENTIFIER, profile=json.loads(profile.read_text()))
    return bool(checker.validate(bagit.Bag(str(bag))))


# Each with what is not as the rule says; "" if everything is.
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "no rules": ({}, ""),
    "version": ({"Accept-BagIt-Version": ["0.96"]}, "BagIt-Version"),
    "manifest required": ({"Manifests-Required": ["sha256", "md5"]}, ""),
    "manifest missing": ({"Manifests-Required": ["sha512"]}, "no manifest-sha512.txt"),
    "manifests allowed": ({"Manifests-Allowed": ["md5", "sha256", "sha512"]}, ""),
    "manifest not allowed": ({"Manifests-Allowed": ["sha256"]}, "algorithm md5"),
    "tag manifest missing": ({"Tag-Manifests-Required": ["sha1"]}, "no tagmanifest-sha1.txt"),
    "tag manifest not allowed": ({"Tag-Manifests-Allowed": ["md5"]}, "algorithm sha256"),
    "fetch.txt allowed": ({"Allow-Fetch.txt": False}, ""),
    "tag file there": ({"Tag-Files-Required": ["readme.txt", "meta/deep/x.xml"]}, ""),
    "tag file missing": ({"Tag-Files-Required": ["licence.txt"]}, 'no "licence.txt"'),
    "tag files allowed": ({"Tag-Files-Allowed": ["meta/*", "read?e.txt"]}, ""),
    "by a class": ({"Tag-Files-Allowed": ["meta/*", "[!a-q]eadme.txt"]}, ""),
    "not in a class": ({"Tag-Files-Allowed": ["meta/*", "[a-q]eadme.txt"]}, '"readme.txt" is not'),
    "tag file not allowed": ({"Tag-Files-Allowed": ["*.txt"]}, '"meta/deep/x.xml" is not'),
    "no tag files": ({"Tag-Files-Allowed": []}, '"readme.txt" is not'),
    "label there": ({"Bag-Info": {"Bag-Count": {"required": True}}}, ""),
    "label missing": ({"Bag-Info": {"Bag-Size": {"required": True}}}, 'no "bag-size"'),
    "value": ({"Bag-Info": {"Bag-Count": {"values": ["1 of 1", "2 of 2"]}}}, ""),
    "other value": ({"Bag-Info": {"Bag-Count": {"values": ["2 of 2"]}}}, '"1 of 1"'),
    "repeated": ({"Bag-Info": {"Contact-Name": {"repeatable": True}}}, ""),
    "must not repeat": ({"Bag-Info": {"Contact-Name": {"repeatable": False}}}, "come twice"),
}


@pytest.mark.parametrize("name", RULES)
def test_rules_of_the_reference(bag: Path, tmp_path: Path, name: str) -> None:
    """Each rule is kept or broken as the reference says, and the message names what breaks it."""
    rules, wrong = RULES[name]
    # The reference asks for these, the specification does not.
    needed: dict[str, Any] = {"Bag-Info": {}, "Manifests-Required": [], "Allow-Fetch.txt": True}
    profile = write(tmp_path, {**needed, "Serialization": "optional", **rules})
    assert reference(bag, profile) is not bool(wrong)
    report = verify(bag, bag_profile=profile, check=False)
    causes = [bad.cause for bad in report.bad_lines]
    assert report.ok is not bool(wrong), causes
    assert all(cause.endswith("(BagIt profile)") for cause in causes)
    assert bool(causes) is bool(wrong)
    assert not causes or any(wrong in cause for cause in causes)
    assert verify(bag)


# Patterns, and names that they could match.
PATTERNS = (
    r"[a a[ [] [!] [!a] [^a] []a] [z-a] [!z-a] [a-] [--x] a\* [\]] [a\] [[:alpha:]] [a&&b]"
    r" [a-c-e] * a? [!]a] [z-az] [b-a-c] [!!] [!-a] a**b [é-ü] ? ?? (a|b) ^a$ a.b e/?"
    " [e/b]c"
)
NAMES = r"a b c d - ] ^ ! \ [ [a a[ [] [!] z é ö a\x \] :] && aXb (a|b) ^a$ a.b axb bc e/c"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_patterns(bag: Path, tmp_path: Path) -> None:
    """Patterns match what they match for the reference, which calls Python's fnmatch."""
    names = {f"in {name}" for name in NAMES.split()}
    for name in names:
        path = bag / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    for pattern in PATTERNS.split():
        allowed = ["readme.txt", "meta/*", f"in {pattern}"]
        report = verify(
            bag, bag_profile=write(tmp_path, {"Tag-Files-Allowed": allowed}), check=False
        )
        wrong = {bad.cause for bad in report.bad_lines}
        cause = "{} is not allowed by Tag-Files-Allowed (BagIt profile)"
        assert wrong == {
            cause.format(json.dumps(name, ensure_ascii=False))
            for name in names
            if not fnmatch.fnmatchcase(name, allowed[-1])
        }


# Rules since version 1.4, which the reference does not know, and where it is wrong.
MORE: dict[str, tuple[dict[str, Any], str]] = {
    "fetch.txt required": ({"Fetch.txt-Required": True}, "there is no such file"),
    "empty": ({"Data-Empty": True}, "data/ must be empty"),
    "payload file": ({"Payload-Files-Required": ["data/sub/", "data/a.txt"]}, ""),
    "no payload file": ({"Payload-Files-Required": ["data/c.txt"]}, 'no "data/c.txt"'),
    "no payload folder": ({"Payload-Files-Required": ["data/a.txt/"]}, "is not a folder"),
    "payload allowed": ({"Payload-Files-Allowed": ["data/*.t*"]}, ""),
    "not allowed": ({"Payload-Files-Allowed": ["data/*.txt"]}, '"data/sub/b.tif" is not'),
    "blanks": ({"Bag-Info": {"source-organization": {"values": ["An archive"]}}}, ""),
    "values of each": ({"Bag-Info": {"Contact-Name": {"values": ["Ann"]}}}, '"Bob"'),
    "archive": ({"Serialization": "required", "Accept-Serialization": ["application/zip"]}, ""),
}


@pytest.mark.parametrize("name", MORE)
def test_other_rules(bag: Path, tmp_path: Path, name: str) -> None:
    """Rules of version 1.4, folders, and labels that come several times."""
    rules, wrong = MORE[name]
    report = verify(bag, bag_profile=write(tmp_path, rules), check=False)
    causes = [bad.cause for bad in report.bad_lines]
    assert report.ok is not bool(wrong), causes
    assert bool(causes) is bool(wrong)
    assert all(wrong in cause for cause in causes)


@pytest.mark.parametrize(
    ("tag", "wrong"),
    [("", "no BagIt-Profile-Identifier"), ("BagIt-Profile-Identifier: other", 'is "other", not')],
)
def test_a_bag_of_another_profile(bag: Path, tmp_path: Path, tag: str, wrong: str) -> None:
    """The bag must name the profile."""
    info = bag / "bag-info.txt"
    lines = [line for line in info.read_text().splitlines() if "Profile" not in line]
    info.write_text("\n".join([*lines, tag, ""] if tag else [*lines, ""]))
    bagit.Bag(str(bag)).save(manifests=True)
    report = verify(bag, bag_profile=write(tmp_path, {}), check=False)
    assert len(report.bad_lines) == 1
    assert wrong in report.bad_lines[0].cause


def test_fetch_txt_that_is_not_allowed(bag: Path, tmp_path: Path) -> None:
    """A profile can forbid fetch.txt."""
    (bag / "fetch.txt").write_text("https://example.org/a 1 data/a.txt\n")
    bagit.Bag(str(bag)).save(manifests=True)
    assert verify(bag, bag_profile=write(tmp_path, {"Fetch.txt-Required": True}))
    report = verify(bag, bag_profile=write(tmp_path, {"Allow-Fetch.txt": False}), check=False)
    assert [b.cause for b in report.bad_lines] == ["there must be no such file (BagIt profile)"]


BROKEN = {
    "no JSON": ("{", "not a BagIt profile"),
    "a list": ("[]", "not a BagIt profile"),
    "no identifier": ("{}", "no BagIt-Profile-Identifier"),
    "an unknown rule": ('{"Manifest-Required": ["md5"]}', "Manifest-Required"),
    "an unknown rule for a label": ('{"Bag-Info": {"A": {"regex": "x"}}}', "regex"),
    "a wrong type": ('{"Manifests-Required": "md5"}', "Manifests-Required"),
    "an algorithm": ('{"Manifests-Required": ["md7"]}', 'unknown algorithm "md7"'),
    "serialization": ('{"Serialization": "never"}', "Serialization"),
    "required but not allowed": (
        '{"Tag-Files-Required": ["a"], "Tag-Files-Allowed": ["b"]}',
        "Tag-Files-Allowed excludes",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_profiles_that_are_refused(bag: Path, tmp_path: Path, name: str) -> None:
    """A rule that is not understood could be broken, so it is an error."""
    text, wrong = BROKEN[name]
    path = tmp_path / "profile.json"
    if text.startswith("{") and "}" in text and text != "{}":
        text = json.dumps({"BagIt-Profile-Info": INFO, **json.loads(text)})
    path.write_text(text)
    with pytest.raises(ValueError, match=r"profile\.json: ") as error:
        verify(bag, bag_profile=path)
    assert wrong in str(error.value)


def test_a_relative_path_starts_where_the_call_was_made(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the working folder before the first result chooses no other profile."""
    write(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    results = iter_verify(bag, bag_profile="profile.json")
    monkeypatch.chdir(bag)
    assert all(result.ok for result in results)


def test_there_must_be_a_bag(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Manifests that are no bag's conform to no profile, and neither does a part of one."""
    profile = write(tmp_path, {})
    with pytest.raises(ManifestError, match="there is no bag"):
        verify(bag / "manifest-md5.txt", bag_profile=profile)
    with pytest.raises(ValueError, match="only and bag_profile exclude each other"):
        verify(bag, bag_profile=profile, only=bag / "data")
    with pytest.raises(FileNotFoundError):
        verify(bag, bag_profile=tmp_path / "none.json")
    assert verify(tmp_path, recursive=True, bag_profile=profile)
    assert main([str(bag), "--bag-profile", str(profile)]) == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "SHA256SUMS").write_bytes(b"")
    assert main([str(tmp_path / "other"), "--bag-profile", str(profile)]) == 2
    assert "give the folder that holds bagit.txt" in capsys.readouterr().err
