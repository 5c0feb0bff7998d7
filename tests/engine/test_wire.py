"""The Python side of the wire format, with the golden file that Go's tests read too."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checksig import EngineError
from checksig._engine import wire
from checksig._options import OPERATIONS, encode_options, options_of
from checksig.report import BadLine, Key, Manifest, PackedResults, Result, Signer, Status

PATH = Path(__file__).resolve().parent.parent / "golden" / "wire.json"
GOLDEN: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def raw(value: Any) -> Any:
    """Return a value of the golden file, where ``{"hex": ...}`` stands for bytes."""
    if isinstance(value, dict):
        return bytes.fromhex(cast("dict[str, str]", value)["hex"])
    if isinstance(value, list):
        return list(map(raw, cast("list[object]", value)))
    return value


def text(value: Any) -> str:
    """Return a text of the golden file, as decoders return it."""
    data = raw(value)
    return os.fsdecode(data if isinstance(data, bytes) else str(data).encode())


def transport(name: str, value: Any) -> list[tuple[str, bytes]]:
    """Return the fields of an argument that is not in the option table."""
    values: list[Any] = raw(value) if isinstance(value, list) else [raw(value)]
    return [(name, os.fsencode(v) if isinstance(v, (str, bytes)) else b"%d" % v) for v in values]


def names_of(constants: type) -> list[str]:
    """Return the names of the constants of a class."""
    return [name for name in vars(constants) if name.isupper()]


def test_versions_and_codes() -> None:
    """The numbers on both sides are the same."""
    assert GOLDEN["abi"] == wire.ABI
    names = {"refused": Status.UNREADABLE, "too weak": Status.UNREADABLE}
    found = [names.get(name) or Status(name) for name in GOLDEN["statuses"]]
    assert set(found) == set(Status)
    assert GOLDEN["codes"] == names_of(wire.FailureCode)
    assert GOLDEN["changes"][1:] == names_of(wire.Change)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_options(operation: str) -> None:
    """The engine's parser and the option table have the same options, types and bounds."""
    expected = GOLDEN["options"][operation]
    options = {n: option for n, option in options_of(operation).items() if not option.local}
    assert set(options) == set(expected)
    for name, option in options.items():
        found: dict[str, Any] = {"type": "path" if option.type == "output" else option.type}
        if option.bounds:
            found |= {"min": option.bounds[0], "max": option.bounds[1]}
        if option.choices:
            found["choices"] = list(option.choices)
        assert found == expected[name], name


@pytest.mark.parametrize("case", GOLDEN["requests"], ids=lambda case: case["op"])
def test_requests(case: dict[str, Any]) -> None:
    """Arguments become the bytes that the engine parses."""
    operation = case["op"]
    table = options_of(operation)
    fields: list[tuple[str, bytes]] = []
    for name, value in case["arguments"].items():
        if name not in table:
            fields += transport(name, value)
        elif table[name].type == "mapping":
            pairs = {raw(prefix): raw(new) for prefix, new in value}
            fields += encode_options(operation, {name: pairs})
        elif value == "-":  # a file object
            fields += encode_options(operation, {name: io.BytesIO()})
        else:
            fields += encode_options(operation, {name: raw(value)})
    assert wire.encode_request(operation, fields) == bytes.fromhex(case["hex"])


def test_a_null_byte_ends_no_field() -> None:
    """A value that contains one is refused."""
    with pytest.raises(ValueError, match="root contains a null byte"):
        wire.encode_request("verify", encode_options("verify", {"root": "a\0b=c"}))


def result(expected: dict[str, Any], manifests: list[Manifest]) -> Result:
    """Return the result that a record of the golden file describes."""
    short = expected["kind"] == "v"
    reasons = {"refused": "refused", "too weak": "weak"}
    reason: Any = reasons.get(expected.get("status", ""))
    return Result(
        name=text(expected["name"]),
        status=Status.VERIFIED if short else Status("unreadable" if reason else expected["status"]),
        algorithm=text(expected["algorithm"]),
        expected=expected["expected"],
        found=expected["expected"] if short else expected["found"] or None,
        size=expected["bytes_read"],
        manifest=manifests[int(expected["manifest"])].path,
        line=expected["line"],
        detail=None if short else text(expected["detail"]) or None,
        assumed=expected["assumed"],
        opened=None if short else text(expected["opened"]) or None,
        moved_to=None if short else text(expected["moved_to"]) or None,
        reason=reason,
        evidence=evidence(expected),
    )


def evidence(expected: dict[str, Any]) -> Any:
    """Return what the digest of a record of the golden file was computed from."""
    if expected.get("stored"):
        return "stored"
    return "read" if expected["kind"] == "v" or expected["found"] else None


def texts(expected: dict[str, Any]) -> dict[str, Any]:
    """Return a record's fields with decoded texts."""
    return {
        name: text(value) if isinstance(value, (str, dict)) else value
        for name, value in expected.items()
        if name != "kind"
    }


def check_record(  # noqa: C901, PLR0912, PLR0915 - one case for each kind
    kind: str, payload: Any, expected: dict[str, Any], manifests: list[Manifest]
) -> None:
    """Compare a decoded record with the golden file."""
    fields = texts(expected) if kind != "V" else {}
    match kind:
        case "M":
            del fields["index"]
            manifests.append(wire.decode_manifest(payload))
            assert manifests[-1] == Manifest(**fields)
        case "R":
            index, manifest = wire.decode_read(payload, manifests)
            assert (index, list(manifest.algorithms)) == (fields["manifest"], fields["algorithms"])
            assert manifest.assumed is fields["assumed"]
            assert list(manifest.unverified) == fields["unverified"]
        case "E":
            assert wire.decode_entry(payload, manifests) == result(expected, manifests)
        case "V":
            assert isinstance(payload, PackedResults)
            found = [result(entry, manifests) for entry in expected["entries"]]
            assert list(wire.decode_entries(payload, manifests)) == found
            counts = [sum(each.status is status for each in found) for status in Status]
            assert wire.count_entries(payload) == (counts[0], counts[4])
            for each in found:
                if each.manifest == manifests[0].path and each.found and not each.opened:
                    packed = wire.pack_result(each)
                    assert list(wire.decode_entries(packed, manifests)) == [each]
        case "B":
            index, bad = wire.decode_bad_line(payload, manifests)
            assert index == fields["manifest"]
            assert bad == BadLine(
                manifests[index].path, fields["line"], fields["text"], fields["cause"]
            )
            assert bad.code == fields["code"]
        case "I":
            index, manifest = wire.decode_note(payload, manifests)
            assert index == fields["manifest"]
            assert manifest.notes == (f"line {fields['line']}: {fields['text']}",)
        case "T":
            index, manifest = wire.decode_signature(payload, manifests)
            assert index == fields["manifest"]
            file = fields["signature_file"]
            names = ("format", "key", "fingerprint", "identity", "time", "comment")
            log = fields["log_index"]
            signer = Signer(
                **{name: fields[name] for name in names},
                file=file or None,
                issuer=fields["issuer"],
                predicate=fields["predicate"],
                log_index=int(log) if log else None,
            )
            assert manifest.signers == ((signer,) if fields["state"] == 0 else ())
            assert manifest.untrusted is (fields["state"] == 1)
            assert manifest.unchecked == ((file,) if fields["state"] == 2 else ())
        case "Z":
            path, content = wire.decode_bundle(payload)
            assert (os.fsdecode(path), content.decode()) == tuple(fields.values())
        case "K":
            assert wire.decode_key(payload) == Key(
                fields["format"],
                fields["id"],
                fields["fingerprint"],
                fields["algorithm"],
                tuple(map(text, expected["names"])),
                fields["created"],
                fields["expires"],
                fields["authority"],
                fields["problem"] or None,
            )
        case "U":
            moved = fields["moved_from"] or None
            assert payload == [(fields["path"], moved)]
        case "N":
            assert wire.decode_not_understood(payload) == fields["path"]
        case "S":
            assert wire.decode_summary(payload)._asdict() == fields
        case "X":
            message = raw(expected["message"])
            if isinstance(message, bytes):
                fields["message"] = message.decode("utf-8", "backslashreplace")
            assert wire.decode_failure(payload)._asdict() == fields
        case "L":
            name = fields.pop("raw_name") or None
            fields["size"] = None if fields["size"] < 0 else fields["size"]
            fields["manifest"] = manifests[int(fields["manifest"])].path
            assert wire.decode_listed(payload, manifests)._asdict() == {**fields, "listed": name}
        case "J":
            entry = bytes.fromhex(fields.pop("entry"))
            fields["inode"] -= 2**64 if fields["inode"] >= 2**63 else 0
            manifest, *others = fields.values()
            assert wire.decode_planned(payload) == (manifest, entry, *others)
        case "Y":
            state = tuple(fields[name] for name in ("size", "modified", "changed", "inode"))
            assert wire.decode_proof(payload) == wire.Proof(
                fields["status"],
                fields["manifest"],
                bytes.fromhex(fields["entry"]),
                None if state[0] < 0 else state,
                fields["algorithm"],
                bytes.fromhex(fields["digest"]),
                os.fsencode(fields["name"]),
            )
        case "H":
            assert wire.decode_hashed(payload)._asdict() == fields
        case "O":
            assert payload  # Python passes it on as it is
        case "C":
            assert wire.decode_content(payload) == (fields["file"], fields["content"])
        case "F":
            name = os.fsencode(fields["name"])
            assert wire.decode_file(payload) == (fields["change"], name)
        case "P":
            assert wire.decode_odd(payload) == (fields["path"], fields["cause"])
        case "D":
            assert payload == os.fsencode(fields["data"])
        case "W":
            fields["algorithms"] = tuple(fields["algorithms"])
            assert wire.decode_written(payload)._asdict() == fields
        case _:
            fields["aliases"] = tuple(fields["aliases"])
            size = None if fields.pop("variable") else fields["digest_size"]
            fields |= {"digest_size": size, "secure": fields["strength"] == "strong"}
            assert wire.decode_algorithm(payload)._asdict() == fields


def test_batches() -> None:
    """Every kind of record is decoded to what the golden file says."""
    manifests: list[Manifest] = []
    seen: set[str] = set()
    for case in GOLDEN["batches"]:
        data = bytes.fromhex(case["hex"])
        batch = wire.decode_batch(data)
        header = case["header"]
        assert batch.finished is header["finished"] is wire.is_finished(data)
        assert tuple(batch.progress) == tuple(header.values())[1:]
        records = [
            (kind, each)
            for kind, payload in batch.records
            for each in ([[one] for one in payload] if kind == wire.Kind.EXTRA else [payload])
        ]
        for (kind, payload), expected in zip(records, case["records"], strict=True):
            assert chr(kind) == expected["kind"]
            check_record(chr(kind), payload, expected, manifests)
            seen.add(chr(kind))
    assert seen == set("MREVLHCUBITKZNXSFPDWAJYO")


def test_several_packed_records_in_a_batch() -> None:
    """Each is an object of its own, in the order in which they were sent."""
    header = wire.EMPTY_BATCH
    records = [(b"V", b"\0" * 3), (b"S", b""), (b"V", b""), (b"V", b"\1")]
    data = header + b"".join(kind + wire.FRAME.pack(len(p)) + p for kind, p in records)
    found = wire.decode_batch(memoryview(data)).records
    assert [(bytes([kind]), bytes(payload)) for kind, payload in found] == records


def test_several_unlisted_files_in_a_batch() -> None:
    """Successive ones are one record; a name that is longer than its record is an error."""

    def record(path: bytes, moved: bytes = b"") -> bytes:
        payload = wire.FRAME.pack(len(path)) + path + moved
        return b"U" + wire.FRAME.pack(len(payload)) + payload

    note = b"S" + wire.FRAME.pack(0)
    data = record(b"a/\xff") + record(b"b", b"c") + note + record(b"d")
    found = wire.decode_batch(memoryview(wire.EMPTY_BATCH + data)).records
    assert found == [
        (wire.Kind.EXTRA, [(os.fsdecode(b"a/\xff"), None), ("b", "c")]),
        (wire.Kind.SUMMARY, b""),
        (wire.Kind.EXTRA, [("d", None)]),
    ]
    for end in range(1, len(record(b"ab"))):
        with pytest.raises(EngineError):
            wire.decode_batch(wire.EMPTY_BATCH + data + record(b"ab")[:end])
    longer = b"U" + wire.FRAME.pack(5) + wire.FRAME.pack(2) + b"x"
    with pytest.raises(EngineError):
        wire.decode_batch(wire.EMPTY_BATCH + longer + note)


def decode_all(data: bytes) -> None:  # noqa: C901, PLR0912 - one case for each kind
    """Decode a batch and every record in it, as the callers of the engine do."""
    manifests = [Manifest("m", "gnu")]
    for kind, payload in wire.decode_batch(data).records:
        match chr(kind):
            case "M":
                wire.decode_manifest(payload)
            case "R":
                wire.decode_read(payload, manifests)
            case "E":
                wire.decode_entry(payload, manifests)
            case "V":
                list(wire.decode_entries(payload, manifests))
            case "B":
                wire.decode_bad_line(payload, manifests)
            case "T":
                wire.decode_signature(payload, manifests)
            case "Z":
                wire.decode_bundle(payload)
            case "K":
                wire.decode_key(payload)
            case "S":
                wire.decode_summary(payload)
            case "X":
                wire.decode_failure(payload)
            case "L":
                wire.decode_listed(payload, manifests)
            case "H":
                wire.decode_hashed(payload)
            case "C":
                wire.decode_content(payload)
            case "F":
                wire.decode_file(payload)
            case "W":
                wire.decode_written(payload)
            case "P":
                wire.decode_odd(payload)
            case "J":
                wire.decode_planned(payload)
            case "Y":
                wire.decode_proof(payload)
            case "A":
                wire.decode_algorithm(payload)
            case _:
                pass


BATCHES = [bytes.fromhex(case["hex"]) for case in GOLDEN["batches"]]


@pytest.mark.parametrize("batch", BATCHES, ids=range(len(BATCHES)))
def test_each_damaged_byte(batch: bytes) -> None:
    """Every byte changed, and every length: the result is another value or an EngineError."""
    for at in range(len(batch)):
        for value in {0, 1, 0x7F, 0xFF, batch[at] ^ 1, batch[at] ^ 0x80}:
            with contextlib.suppress(EngineError):
                decode_all(batch[:at] + bytes([value]) + batch[at + 1 :])
    for size in range(len(batch)):
        with contextlib.suppress(EngineError):
            decode_all(batch[:size])
    with pytest.raises(EngineError):
        decode_all(batch[:-1])
    with pytest.raises(EngineError):
        decode_all(batch + b"E")


@given(st.data())
def test_random_damage(data: st.DataObject) -> None:
    """Several changes at once, and parts of other batches."""
    batch = bytearray(data.draw(st.sampled_from(BATCHES)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, max(0, len(batch) - 1)))
        size = data.draw(st.sampled_from([0, 1, 4, 8]))
        batch[at : at + size] = data.draw(st.binary(max_size=8))
    with contextlib.suppress(EngineError):
        decode_all(bytes(batch))


@given(st.sampled_from("MREVLHCBTKUXSFDWAJY"), st.binary(max_size=200))
def test_random_records(kind: str, payload: bytes) -> None:
    """Any bytes as the payload of each kind."""
    record = kind.encode() + wire.FRAME.pack(len(payload)) + payload
    with contextlib.suppress(EngineError):
        decode_all(wire.EMPTY_BATCH + record)
