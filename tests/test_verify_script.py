"""The verifier that goes with a bundle: it agrees with the desk, says "ok" only of the evidence, and trusts nothing."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from app import chain, sampling
from app.errors import InvalidNote, UnreadableFile
from app.exports import audit_csv
from app.log import merkle, signed_note
from app.log.signed_note import LogProof
from app.models import Event
from tests import hostile, lives
from tests.bundles import (
    EVENTS,
    FILES,
    KEY,
    LEAVES,
    NUMBERS,
    OTHER_KEY,
    OTHER_SAMPLED_ID,
    OTHER_VKEY,
    PROOF,
    TEXTS,
    VKEY,
    ZIP,
    ZIP_NAME,
    files_of,
    page_of,
    placed,
    prove,
    small_attacks,
    tampered,
    zipped,
)
from tests.lives import OTHER_ID, SAMPLED_ID, full_life, rehashed, renumbered

SCRIPT = Path(__file__).parent.parent / "app" / "exports" / "bundle" / "verify.py"


def load() -> ModuleType:
    """By its path, as somebody without the desk has it."""
    spec = importlib.util.spec_from_file_location("verify_script", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load()

Found = tuple[int | None, str, str]
UNSIGNED, NO_HEAD, NO_EVENT = (
    (None, "not signed", "signature"),
    (None, "not in the log", "head"),
    (None, "not in the log", "event_hash"),
)
OTHER_PAGE = (None, "edited", "audit.html")

Check = Callable[..., tuple[str, list[Found], int]]


def verify(
    events: Sequence[Event], proof: str | None = PROOF, key: str | None = VKEY, given: str | None = VKEY
) -> tuple[str, list[Found], int]:
    """Verdict, breaks and number of anchored events."""
    return outcome(script.verify(SAMPLED_ID, list(events), proof, key, given))


def outcome(result: Any) -> tuple[str, list[Found], int]:
    return result.verdict, [found[:3] for found in result.breaks], result.anchored


def read(data: bytes | Mapping[str, bytes], published: str | None = VKEY) -> tuple[str, list[Found], int]:
    """Verify the content of a zip, or the files of a bundle."""
    try:
        files = script.read_zip(data) if isinstance(data, bytes) else data
        return outcome(script.verify_files(files, published, set()))
    except script.Unreadable:
        return "unreadable", [], 0


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Verify a file with this content and name."""
    folder = tmp_path_factory.mktemp("bundles")

    def checked(data: bytes, given: str | None = VKEY, name: str = ZIP_NAME) -> tuple[str, list[Found], int]:
        (folder / name).write_bytes(data)
        return outcome(script.verify_bundle(folder / name, given))

    return checked


def unpacked(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


# --- the verdicts ---


def test_a_bundle_is_ok_with_the_published_key_and_to_be_compared_without(check: Check, tmp_path: Path) -> None:
    assert check(ZIP) == ("ok", [], 10)
    assert check(ZIP, None) == ("compare the key", [], 10)
    assert check(ZIP, f" {VKEY}\n", "bundle.zip") == ("ok", [], 10)
    assert outcome(script.verify_bundle(unpacked(tmp_path, FILES), VKEY)) == ("ok", [], 10)


def test_a_bundle_without_a_proof_or_a_csv_alone_is_not_anchored(check: Check) -> None:
    for key in (VKEY, None):
        assert check(zipped(files_of(EVENTS, None, key))) == ("not anchored", [], 0)
    assert check(FILES[f"audit_{SAMPLED_ID}.csv"], None, f"audit_{SAMPLED_ID}.csv") == ("not anchored", [], 0)
    assert check(FILES[f"audit_{SAMPLED_ID}.csv"], None, "trail.csv") == ("not anchored", [], 0)
    assert check(audit_csv.write_csv(EVENTS[:1]), None, "trail.csv") == ("not anchored", [], 0)
    assert check(FILES[f"audit_{SAMPLED_ID}.csv"], "VKEY", "trail.csv") == ("unreadable", [], 0)
    verdict, breaks, _ = check(FILES[f"audit_{SAMPLED_ID}.csv"], None, f"audit_{OTHER_ID}.csv")
    assert (verdict, (8, "edited", "case_id") in breaks) == ("broken", True)


@pytest.mark.parametrize("number", NUMBERS)
def test_events_after_the_checkpoint_are_said_to_be_not_yet_anchored(number: int) -> None:
    size = EVENTS[number].event_id or 0
    result = script.verify(SAMPLED_ID, EVENTS, prove(EVENTS, size), VKEY, VKEY)
    assert outcome(result) == ("ok", [], number + 1)
    later = [f"event {event.event_id}: not yet anchored" for event in EVENTS[number + 1 :]]
    assert [line for line in result.lines if line.endswith("not yet anchored")] == later
    assert f"anchored up to event {size} in the log desk.example/log of {size}" in result.message


def test_without_cryptography_nothing_is_ok_and_every_other_break_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert verify(EVENTS) == verify(EVENTS, given=None) == ("signature not checked", [], 10)
    forged = PROOF.replace("\u2014 desk.example/log ", "\u2014 desk.example/log AAAA")
    short = PROOF[: PROOF.rindex(" ") + 1] + b64encode(bytes.fromhex(KEY.verifier.key_id) + bytes(63)).decode() + "\n"
    for proof in (forged, short, PROOF + short.splitlines()[-1] + "\n"):
        assert verify(EVENTS, proof) == ("broken", [UNSIGNED], 10)
    assert verify(EVENTS[:-1])[0] == "broken"
    assert verify(EVENTS, prove(EVENTS, key=OTHER_KEY))[0] == "broken"


def test_where_cryptography_has_no_ed25519_nothing_is_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(data: bytes) -> None:
        raise UnsupportedAlgorithm("ed25519")

    monkeypatch.setattr(Ed25519PublicKey, "from_public_bytes", unsupported)
    result = script.verify(SAMPLED_ID, list(EVENTS), PROOF, VKEY, VKEY)
    assert outcome(result) == ("signature not checked", [], 10)
    assert [line[:8].strip() for line in result.lines] == ["ok", "ok", "ok", "SKIPPED", "ok", "ok"]


def test_a_line_says_broken_exactly_where_its_check_failed() -> None:
    def said(events: Sequence[Event], given: str, page: bytes) -> str:
        read = script.read_csv(audit_csv.write_csv(events))
        return " ".join(line[:8].strip() for line in script.verify(SAMPLED_ID, read, PROOF, VKEY, given, page).lines)

    assert said(EVENTS, VKEY, FILES["audit.html"]) == "ok ok ok ok ok ok ok"
    assert said(EVENTS[1:], OTHER_VKEY, b"") == "BROKEN BROKEN BROKEN BROKEN ok ok BROKEN"


# --- the chain: the same breaks as the desk finds ---


@pytest.mark.parametrize("what", hostile.CHAINS)
def test_what_a_forger_writes_for_readers_to_differ_on_is_judged_as_the_desk_judges_it(
    check: Check, what: str, tmp_path: Path
) -> None:
    events, expected = hostile.CHAINS[what]
    data = audit_csv.write_csv(events)
    assert check(data, None, TRAIL) == ("broken" if expected else "not anchored", expected, 0)
    assert [(found.event_id, found.kind.value, found.field) for found in audit_csv.verify_csv(data).breaks] == expected
    if what.startswith("no facts"):
        (tmp_path / TRAIL).write_bytes(data)
        code, said = run(SCRIPT, TRAIL, "--json", folder=tmp_path)
        assert (code, json.loads(said)["breaks"]) == (1, [list(found) for found in expected])


def agreed(case_id: str, events: Sequence[Event]) -> list[Found]:
    """The breaks of events, which the desk finds too."""
    desks = chain.verify_links(case_id, events) + chain.replay(case_id, events)[1]
    verdict, breaks, _ = outcome(script.verify(case_id, list(events)))
    assert breaks == [(found.event_id, found.kind.value, found.field) for found in desks]
    assert verdict == ("broken" if breaks else "not anchored")
    return breaks


OPENING = chain.read_meta(EVENTS[0])


def meta_of(**columns: object) -> str:
    return json.dumps(columns)


metas = st.one_of(
    st.sampled_from(
        ["", "{}", "[]", "null", "{", '{"owner":[NaN,null]}', '{"status":["New","New"],"status":[]}', "{} "]
    ),
    st.builds(
        lambda column, change: meta_of(**{column: change}),
        st.sampled_from(["owner", "status", "qa_notes", "closed_at", "other"]),
        st.one_of(
            st.lists(st.sampled_from(["New", "In Review", "", "a.nguyen", None, 0, True, [], {}]), max_size=3),
            st.sampled_from([None, "New", 1, {"0": "New", "1": "New"}]),
        ),
    ),
    st.builds(
        lambda fact, value: meta_of(**{**OPENING, "case": {**OPENING["case"], fact: value}}),
        st.sampled_from(["qa_bucket", "amount", "extra"]),
        st.sampled_from([0, 3, True, False, None, "0", []]),
    ),
)
values: Mapping[str, st.SearchStrategy[str]] = {
    "ts": st.sampled_from(["2026-01-05T09:14:00.000000Z", "2027-01-01T00:00:00.000000Z", "2026", "٢٠٢٦", ""]),
    "action": st.sampled_from(["open", "note", "assign", "qa_pass", "qa_fail", "Open"]),
    "meta": metas,
}
anything = st.text(st.characters(), max_size=4)


@st.composite
def tampered_lives(draw: st.DrawFn) -> tuple[str, list[Event]]:
    """A life after some edits, removals, swaps and insertions, and perhaps with its hashes made good."""
    life = draw(lives.lives())
    events = list(life.events)
    for _ in range(draw(st.integers(0, 3))):
        if not events:
            break
        at, other = draw(st.integers(0, len(events) - 1)), draw(st.integers(0, len(events) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del events[at]
            case 1:
                events[at], events[other] = events[other], events[at]
            case 2:
                events.insert(at, events[other])
            case 3:
                events[at] = replace(events[at], prev_hash=events[other].event_hash)
            case _:
                column = draw(st.sampled_from(TEXTS))
                events[at] = tampered(events[at], column, draw(values.get(column, anything)))
    if draw(st.booleans()):
        events = renumbered(events)
    return life.case.case_id, rehashed(events) if draw(st.booleans()) else events


@given(tampered_lives())
@settings(max_examples=300)
def test_whatever_was_done_to_a_chain_the_desk_and_the_script_find_the_same(case: tuple[str, list[Event]]) -> None:
    agreed(*case)


def test_every_small_attack_on_every_event_breaks_the_bundle_and_is_found_alike() -> None:
    for what, events in small_attacks():
        breaks = agreed(SAMPLED_ID, events)
        assert breaks or what in ("redone", "swapped", "deleted"), what
        if tuple(events) != EVENTS:
            verdict, found, _ = verify(events)
            assert (verdict, found[: len(breaks)]) == ("broken", breaks), what
            assert breaks or found == [NO_EVENT], what


def test_a_separator_in_a_text_or_a_bucket_that_is_no_number_is_found_though_the_chain_was_rewritten() -> None:
    for name in ("user", "action", "notes", "meta"):
        events = rehashed([*EVENTS[:-1], tampered(EVENTS[-1], name, "Agreed.\x1f")])
        assert (134, "edited", "event_hash") in agreed(SAMPLED_ID, events)
    for bucket in (False, None, "0", 0.0, 1):
        meta = meta_of(**{**OPENING, "case": {**OPENING["case"], "qa_bucket": bucket}})
        events = rehashed([tampered(EVENTS[0], "meta", meta), *EVENTS[1:]])
        assert agreed(SAMPLED_ID, events) == [(8, "edited", "qa_bucket")]


@pytest.mark.parametrize(
    "change",
    [[], ["New"], ["New", "New", "x"], [None, 7], [7, None], ["New", True], {"0": "New", "1": "x"}, "ab", 1, None],
    ids=json.dumps,
)
def test_what_is_not_old_and_new_is_found_and_so_is_what_comes_after_it(change: object) -> None:
    event = tampered(EVENTS[1], "meta", meta_of(status=change, owner=["q.silva", "a.nguyen"]))
    expected = [(22, "edited", "status"), (22, "row differs", "owner")]
    assert agreed(SAMPLED_ID, rehashed([EVENTS[0], event])) == expected


@pytest.mark.parametrize("meta", ["[]", "null", "7", "{}x"])
def test_meta_that_is_no_object_is_found(meta: str) -> None:
    assert agreed(SAMPLED_ID, rehashed([EVENTS[0], tampered(EVENTS[1], "meta", meta)])) == [(22, "edited", "meta")]


def test_every_case_is_dealt_the_bucket_that_the_desk_deals_it() -> None:
    for number in range(64):
        case_id = f"AML-{number * 0x9E3779B1 % (1 << 32):08X}"
        assert script.qa_bucket(case_id) == sampling.qa_bucket(case_id)


def test_how_the_facts_are_ordered_and_how_long_a_number_is_count_as_they_do_for_the_desk() -> None:
    opening = meta_of(**{**OPENING, "case": dict(reversed(OPENING["case"].items()))})
    assert agreed(SAMPLED_ID, rehashed([tampered(EVENTS[0], "meta", opening), *EVENTS[1:]])) == []
    for digits, found in ((4300, []), (4301, [(22, "edited", "meta")])):
        meta = f'{{"form":{"9" * digits}}}'
        assert agreed(SAMPLED_ID, rehashed([EVENTS[0], tampered(EVENTS[1], "meta", meta)])) == found


def test_a_cut_tail_is_found_down_to_the_anchored_event_and_no_further() -> None:
    for length in NUMBERS:
        expected = [NO_EVENT] if length else [(None, "missing", "events"), NO_EVENT]
        assert verify(EVENTS[:length]) == ("broken", expected, 0)
        proof = prove(EVENTS, EVENTS[length].event_id or 0)
        assert verify(EVENTS[: length + 1], proof) == ("ok", [], length + 1)


def test_no_number_in_meta_takes_hours_and_no_nesting_ends_the_program() -> None:
    for meta in (
        "9" * 2_000_000,
        '{"a":-' + "9" * 2_000_000 + "}",
        "[" * 100_000,
        '{"owner":' * 100_000,
        '{"a":1e999}',
    ):
        events = [EVENTS[0], *rehashed([EVENTS[0], replace(EVENTS[1], meta=meta)])[1:]]
        agreed(SAMPLED_ID, events)


# --- the log ---


def test_a_rewritten_case_needs_a_proof_that_the_bank_did_not_sign() -> None:
    forged = placed(rehashed([*EVENTS[:4], replace(EVENTS[4], notes="Nothing to see."), *EVENTS[5:]]))
    assert verify(forged, None) == ("not anchored", [], 0)
    assert verify(forged) == ("broken", [NO_EVENT], 0)
    by_forger = prove(forged, key=OTHER_KEY)
    assert verify(forged, by_forger, OTHER_VKEY, None) == ("compare the key", [], 10)
    assert verify(forged, by_forger, OTHER_VKEY) == ("broken", [(None, "not signed", "key"), UNSIGNED], 10)
    assert verify(forged, by_forger) == ("broken", [UNSIGNED], 10)
    text, _, signatures = PROOF.rpartition("\n\n")
    claims = by_forger.rpartition("\n\n")[0] + "\n\n" + signatures
    assert verify(forged, claims) == ("broken", [UNSIGNED], 10)
    assert text != by_forger.rpartition("\n\n")[0]


def test_a_key_that_is_missing_or_another_is_a_break() -> None:
    other = (None, "not signed", "key")
    assert verify(EVENTS, key=None) == verify(EVENTS, key=OTHER_VKEY) == ("broken", [other], 10)
    assert verify(EVENTS, key=None, given=None) == ("broken", [UNSIGNED], 10)
    assert verify(EVENTS, key=VKEY, given=OTHER_VKEY) == ("broken", [other, UNSIGNED], 10)
    renamed = str(signed_note.signing_key("desk.example/other", bytes(range(32))).verifier)
    assert verify(EVENTS, key=renamed, given=None) == ("broken", [UNSIGNED], 10)
    assert verify(EVENTS, None, OTHER_VKEY) == ("not anchored", [], 0)
    elsewhere = b"\x02" + KEY.verifier.public
    key_id = sha256(b"desk.example/log\n" + elsewhere).hexdigest()[:8]
    for published in ("VKEY", f"desk.example/log+{key_id}+{b64encode(elsewhere).decode()}"):
        assert verify(EVENTS, given=published) == ("unreadable", [], 0)


def test_the_origin_must_be_the_name_of_the_key() -> None:
    text = PROOF.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
    other = KEY.sign(text.replace("desk.example/log", "desk.example/elsewhere"))
    proof = PROOF.partition("\n\n")[0] + "\n\n" + other
    assert verify(EVENTS, proof) == ("broken", [UNSIGNED], 10)


def test_others_may_sign_too_but_a_second_signature_by_the_key_must_be_good() -> None:
    witness = signed_note.signing_key("witness.example", bytes(32))
    text = PROOF.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
    by_witness, by_key = witness.sign(text).split("\n\n")[1], KEY.sign(text + "more\n").split("\n\n")[1]
    assert verify(EVENTS, PROOF + by_witness) == ("ok", [], 10)
    assert verify(EVENTS, PROOF + by_key) == ("broken", [UNSIGNED], 10)


def test_a_proof_from_another_tree_place_or_event_does_not_hold() -> None:
    proof = signed_note.read_proof(PROOF.encode())
    bundle = placed(full_life(OTHER_SAMPLED_ID).events)
    assert verify(EVENTS, prove(bundle)) == ("broken", [NO_EVENT], 0)
    for index in (0, proof.index - 1, proof.index + 1, LEAVES, 10**18):
        assert verify(EVENTS, bytes(replace(proof, index=index)).decode()) == ("broken", [NO_HEAD], 0)
    for hashes in ((), proof.hashes[1:], proof.hashes[:-1], (*proof.hashes, bytes(32)), proof.hashes[::-1]):
        assert verify(EVENTS, bytes(replace(proof, hashes=hashes)).decode()) == ("broken", [NO_HEAD], 0)
    assert verify([*EVENTS, replace(EVENTS[-1], event_id=135)])[2] == 11
    earlier = replace(proof, checkpoint=prove(EVENTS, 190).encode().partition(b"\n\n")[2])
    assert verify(EVENTS, bytes(earlier).decode()) == ("broken", [NO_HEAD], 0)
    inner = replace(proof, event_hash=proof.hashes[0], hashes=proof.hashes[1:])
    assert verify(EVENTS, bytes(inner).decode())[1] == [NO_HEAD, NO_EVENT]


def test_a_proof_has_as_many_hashes_as_its_tree_has_levels_though_the_head_be_right() -> None:
    data = bytes.fromhex(EVENTS[-1].event_hash)
    leaf, other = merkle.leaf_hash(data), bytes(32)
    for index, size, hashes, head in (
        (1, 1, (), leaf),
        (0, 0, (), leaf),
        (0, 2, (), leaf),
        (0, 1, (other,), merkle.node_hash(other, leaf)),
        (0, 1, (other,), merkle.node_hash(leaf, other)),
    ):
        signed = KEY.sign(signed_note.Checkpoint(KEY.verifier.name, size, head).text).encode()
        proof = bytes(LogProof(data, index, hashes, signed)).decode()
        assert verify(EVENTS, proof) == ("broken", [NO_HEAD], 0)


@given(st.integers(1, 70), st.data())
def test_the_head_of_every_tree_is_found_as_the_log_makes_it(size: int, data: st.DataObject) -> None:
    leaves = [sha256(b"%d" % number).digest() for number in range(size)]
    tree = merkle.Tree()
    for leaf in leaves:
        tree.append(leaf)
    place = data.draw(st.integers(0, size - 1))
    hashes = merkle.inclusion_proof(leaves, place, size)
    proof = script.Proof(leaves[place], place, hashes, b"", "", size, b"", [])
    assert script.head_of_tree(proof) == tree.head().hex()


def refuses(proof: bytes) -> bool:
    """Whether the desk reads it."""
    try:
        signed_note.read_checkpoint(signed_note.read_signed_note(signed_note.read_proof(proof).checkpoint))
    except InvalidNote:
        return True
    return False


def one_byte_changes(data: bytes) -> Iterator[bytes]:
    for at, byte in enumerate(data):
        yield data[:at] + bytes([byte ^ 1 << at % 8]) + data[at + 1 :]
        yield data[:at] + data[at + 1 :]
        yield data[:at] + bytes([byte]) + data[at:]


def test_no_byte_of_the_proof_or_the_key_can_change_and_the_desk_refuses_the_same() -> None:
    proof = f"{SAMPLED_ID}.tlog-proof"
    others = {name: data for name, data in FILES.items() if name != "audit.html"}
    for changed in one_byte_changes(FILES[proof]):
        verdict = read({**others, proof: changed})[0]
        assert verdict == ("unreadable" if refuses(changed) else "broken"), changed
    for changed in one_byte_changes(FILES["verifier-key.txt"]):
        for published in (VKEY, None):
            verdict = read({**others, "verifier-key.txt": changed}, published)[0]
            assert verdict in ("unreadable", "broken"), changed


LONG = "A" * 43 + "="
PROOF_LENGTH = len(signed_note.read_proof(PROOF.encode()).hashes)


@pytest.mark.parametrize(
    "proof",
    [
        "",
        PROOF.replace("\n", "\r\n"),
        PROOF.replace("v1", "v2"),
        PROOF.replace("index ", "index 0"),
        PROOF.replace("index ", "index -"),
        PROOF.replace("index ", "index ٣"),
        PROOF.replace("\n200\n", "\n0200\n"),
        PROOF.replace("\n200\n", f"\n{1 << 63}\n"),
        PROOF.replace("\n\n", f"\n{LONG[:-2]}B=\n\n", 1),
        PROOF.replace("\n\n", "\n" + f"{LONG}\n" * (64 - PROOF_LENGTH) + "\n", 1),
        PROOF.replace("\n\n—", "\n\n\n—"),
        PROOF.partition("\n\n—")[0] + "\n\n",
        PROOF + PROOF.splitlines()[-1],
        PROOF + "— witness.example AAAA\n",
        PROOF + (PROOF.splitlines()[-1] + "\n") * 100,
        PROOF.replace("\n\n—", "\n" + "x" * signed_note.MAX_NOTE + "\n\n—"),
        PROOF.replace("\n\n—", "\n\x00\n\n—"),
        PROOF.replace("\n\n—", "\n\ud800\n\n—"),
    ],
    ids=lambda proof: ascii(proof[:40]),
)
def test_a_proof_that_is_not_written_as_one_is_unreadable(proof: str) -> None:
    assert verify(EVENTS, proof) == ("unreadable", [], 0)
    assert refuses(proof.encode("utf-8", "surrogatepass"))


def with_line(line: str) -> str:
    """The proof with a further line in its checkpoint."""
    return PROOF.replace("\n\n—", f"\n{line}\n\n—")


ROOM = signed_note.MAX_NOTE - len(with_line("").encode().partition(b"\n\n")[2])


@pytest.mark.parametrize(
    ("proof", "verdict"),
    [
        (with_line("x" * (ROOM % 2) + "é" * (ROOM // 2)), "broken"),
        (with_line("x" * (ROOM % 2 + 1) + "é" * (ROOM // 2)), "unreadable"),
        (PROOF.replace("\n200\n", f"\n{(1 << 63) - 1}\n"), "broken"),
        *((PROOF + f"— witness.example {b64encode(bytes(size)).decode()}\n", "unreadable") for size in (1, 4)),
        (PROOF + f"— witness.example {b64encode(bytes(5)).decode()}\n", "ok"),
        *((with_line(f"x{character}x"), "broken") for character in " \x7f\x85\xa0\u2028"),
        *((with_line(f"x{chr(code)}x"), "unreadable") for code in range(32) if chr(code) != "\n"),
        *((with_line(f"x{character}x"), "unreadable") for character in "\ud800\udabc\udfff"),
    ],
    ids=lambda text: ascii(text[-90:]),
)
def test_a_proof_is_read_up_to_the_same_edge_as_by_the_desk(proof: str, verdict: str) -> None:
    assert verify(EVENTS, proof)[0] == verdict
    assert refuses(proof.encode("utf-8", "surrogatepass")) is (verdict == "unreadable")


def vkey(name: str, data: bytes = b"\x01" + KEY.verifier.public) -> str:
    key_id = sha256(name.encode() + b"\n" + data).hexdigest()[:8]
    return f"{name}+{key_id}+{b64encode(data).decode()}"


def test_a_key_is_read_where_the_desk_reads_it() -> None:
    for number in range(16):
        assert script.read_key(vkey(f"log{number}")).name == signed_note.read_verifier_key(vkey(f"log{number}")).name
    other_id = VKEY.replace(KEY.verifier.key_id, OTHER_KEY.verifier.key_id)
    for text in (*map(vkey, ("", "a b", "a\u2003b", "a+b", "a\x01b")), other_id, vkey("a", b"\x01" + bytes(30))):
        with pytest.raises(script.Unreadable):
            script.read_key(text)
        with pytest.raises(InvalidNote):
            signed_note.read_verifier_key(text)


@given(st.text())
def test_no_text_is_read_as_a_key_or_proof_by_chance(text: str) -> None:
    for arguments in ((text, VKEY, VKEY), (PROOF, text, VKEY), (PROOF, VKEY, text)):
        assert verify(EVENTS, *arguments) == ("unreadable", [], 0)


# --- the page ---


def test_a_page_of_other_events_proof_or_key_is_a_break(check: Check) -> None:
    clean = FILES["audit.html"]
    edited = (*EVENTS[:2], replace(EVENTS[2], notes="Nothing to see."), *EVENTS[3:])
    pages = [
        b"",
        b"\xff",
        clean + clean,
        clean.replace(b'id="bundle"', b'id="data"'),
        clean.replace(b'"event_id": 8,', b'"event_id": 8.0,'),
        clean.replace(b'{"case_id"', b"[" * 100_000),
        clean.replace(b'"names"', b'"key": NaN, "names"'),
        re.sub(rb"\{.*\}", b"[]", clean, flags=re.DOTALL),
        re.sub(rb"\{.*\}", b"{}", clean, flags=re.DOTALL),
        re.sub(rb"\{.*\}", b'"' + b"9" * 10_000 + b'"', clean, flags=re.DOTALL),
        page_of(SAMPLED_ID, edited, PROOF, VKEY),
        page_of(SAMPLED_ID, EVENTS[:-1], PROOF, VKEY),
        page_of(SAMPLED_ID, EVENTS, None, VKEY),
        page_of(SAMPLED_ID, EVENTS, PROOF, OTHER_VKEY),
        page_of(SAMPLED_ID, EVENTS, PROOF, None),
        page_of(OTHER_ID, EVENTS, PROOF, VKEY),
    ]
    for page in pages:
        assert check(zipped({**FILES, "audit.html": page})) == ("broken", [OTHER_PAGE], 10), page[:200]
    names = clean.replace(b"Anh", b"Ann")
    assert check(zipped({**FILES, "audit.html": names})) == ("ok", [], 10)


# --- reading ---

TRAIL = f"audit_{SAMPLED_ID}.csv"


def test_the_limits_are_those_of_the_desk() -> None:
    assert (script.MAX_FIELD, script.MAX_NOTE, script.MAX_BYTES) == (
        audit_csv.MAX_FIELD,
        signed_note.MAX_NOTE,
        64 << 20,
    )
    csv.field_size_limit(10)
    assert len(script.read_csv(FILES[TRAIL])) == 10


def test_a_csv_is_refused_where_the_desk_refuses_it_and_so_is_every_cut_of_it() -> None:
    life = lives.opened(evidence={"alert": "=cmd|'/c calc'!A1"})
    for text in ("'quoted' \"twice\", comma\nnew line 💶", "=1+1", "''"):
        lives.note(life, text)
    data = audit_csv.write_csv(life.events)
    cuts = (data[:end] for end in range(len(data)))
    doubled = (
        data[:at] + extra + data[at:] for at in range(0, len(data), 3) for extra in (b"'", b'"', b"\r\n", b"\xff")
    )
    for changed in (data, *cuts, *doubled, b"", data + b'"', data.replace(b"\r\n", b"\n"), data[3:], b" " + data[3:]):
        try:
            expected = audit_csv.verify_csv(changed)
        except UnreadableFile:
            with pytest.raises(script.Unreadable):
                script.read_csv(changed)
        else:
            events = script.read_csv(changed)
            verdict, breaks, _ = outcome(script.verify(events[0].case_id, events))
            assert breaks == [(found.event_id, found.kind, found.field) for found in expected.breaks]
            assert verdict == ("broken" if breaks else "not anchored")


@pytest.mark.parametrize("number", ["1", "29", "123456789012345", "1" + "0" * 15, "08", "0", "", "-8"])
def test_a_number_is_read_where_the_desk_reads_it(number: str) -> None:
    data = audit_csv.write_csv(EVENTS[:1]).replace(b'"8","AML', f'"{number}","AML'.encode())
    try:
        expected = audit_csv.read_csv(data)[0].event_id
    except UnreadableFile:
        with pytest.raises(script.Unreadable):
            script.read_csv(data)
    else:
        assert script.read_csv(data)[0].event_id == expected


def test_events_out_of_order_are_unreadable_and_every_formula_is_read_back() -> None:
    for events in ((EVENTS[1], EVENTS[0]), (EVENTS[0], EVENTS[0])):
        with pytest.raises(script.Unreadable):
            script.read_csv(audit_csv.write_csv(events))
    for sign in "=+-@\t\r\n'":
        assert script.read_csv(audit_csv.write_csv([tampered(EVENTS[0], "notes", f"{sign}1")]))[0].notes == f"{sign}1"


def with_flag(data: bytes, flag: int) -> bytes:
    """The zip with a flag set on its first entry, in both places."""
    at = data.index(b"PK\x01\x02")
    return data[:6] + struct.pack("<H", flag) + data[8 : at + 8] + struct.pack("<H", flag) + data[at + 10 :]


def in_two_ways(at: int) -> bytes:
    """The first entry says of itself what the directory does not say of it."""
    return ZIP[:at] + bytes([ZIP[at] ^ 1]) + ZIP[at + 1 :]


def redirected() -> bytes:
    """The directory finds the first entry inside of the last one."""
    first = zipped({TRAIL: FILES[TRAIL]}, level=0).partition(b"PK\x01\x02")[0]
    data = zipped({**FILES, "README.txt": first}, level=0)
    at = data.index(b"PK\x01\x02") + 42
    return data[:at] + struct.pack("<I", data.index(first, 1)) + data[at + 4 :]


def commented() -> bytes:
    packed = io.BytesIO(ZIP)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = b"PK"
    return packed.getvalue()


def with_gap() -> bytes:
    """Something between the last entry and the directory, which is where the end says that it is."""
    at = ZIP.index(b"PK\x01\x02")
    return ZIP[:at] + b"gap" + ZIP[at:-6] + struct.pack("<I", at + 3) + ZIP[-2:]


def hidden_entry() -> bytes:
    """An entry before the others that the directory does not name; its offsets are right."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(TRAIL), b"another")
        archive.filelist.clear()
        archive.NameToInfo.clear()
        for name, data in FILES.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unfinished() -> bytes:
    """Its streams hold all of each file, and do not say that it ends there."""

    class Stream:
        def __init__(self, *_: object) -> None:
            self.made = zlib.compressobj(wbits=-15)

        def compress(self, data: bytes) -> bytes:
            return self.made.compress(data)

        def flush(self) -> bytes:
            return self.made.flush(zlib.Z_SYNC_FLUSH)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "_get_compressor", Stream)
        return zipped(FILES)


def bomb() -> bytes:
    return zipped({**FILES, "README.txt": bytes(script.MAX_BYTES)})


def lying_bomb() -> bytes:
    """Its directory says that the last entry is short."""
    data = bomb()
    return data.replace(struct.pack("<I", script.MAX_BYTES), struct.pack("<I", 10))


ZIPS: Mapping[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no zip": lambda: b"PK\x03\x04" + bytes(100),
    "empty": lambda: zipped({}),
    "no trail": lambda: zipped({name: data for name, data in FILES.items() if name != TRAIL}),
    "stranger": lambda: zipped({**FILES, "setup.exe": b""}),
    "longer name": lambda: zipped({**FILES, "README.txt.exe": b""}),
    "path": lambda: zipped({**FILES, "../README.txt": b""}),
    "folder": lambda: zipped({f"{SAMPLED_ID}/{name}": data for name, data in FILES.items()}),
    "two cases": lambda: zipped({**FILES, f"case_{OTHER_ID}.md": b""}),
    "another case": lambda: zipped(files_of(placed(full_life(OTHER_SAMPLED_ID).events), PROOF, VKEY, OTHER_ID)),
    "encrypted": lambda: with_flag(ZIP, 1),
    "streamed": lambda: with_flag(ZIP, 8),
    "damaged": lambda: ZIP[:200] + bytes([ZIP[200] ^ 1]) + ZIP[201:],
    "stored": lambda: zipped(FILES, zipfile.ZIP_STORED),
    "bzip2": lambda: zipped(FILES, zipfile.ZIP_BZIP2),
    "lzma": lambda: zipped(FILES, zipfile.ZIP_LZMA),
    "before": lambda: b"PK" + ZIP,
    "after": lambda: ZIP + b"PK",
    "comment": commented,
    "redirected": redirected,
    "two methods": lambda: in_two_ways(8),
    "two checksums": lambda: in_two_ways(14),
    "two sizes": lambda: in_two_ways(18),
    "two names": lambda: in_two_ways(30),
    "hidden entry": hidden_entry,
    "gap": with_gap,
    "unfinished": unfinished,
    "bomb": bomb,
    "lying bomb": lying_bomb,
    "key without newline": lambda: zipped({**FILES, "verifier-key.txt": VKEY.encode()}),
    "key before a space": lambda: zipped({**FILES, "verifier-key.txt": f"{VKEY} ".encode()}),
    "two keys": lambda: zipped({**FILES, "verifier-key.txt": f"{VKEY}\n{VKEY}\n".encode()}),
    "proof in Latin-1": lambda: zipped({**FILES, f"{SAMPLED_ID}.tlog-proof": b"\xe9"}),
    "no proof": lambda: zipped({**FILES, f"{SAMPLED_ID}.tlog-proof": b""}),
    "no events": lambda: zipped({**FILES, TRAIL: audit_csv.write_csv([])}),
}


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_that_the_desk_does_not_write_is_unreadable(check: Check, what: str) -> None:
    assert check(ZIPS[what]()) == ("unreadable", [], 0)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_unreadable(check: Check) -> None:
    packed = io.BytesIO(ZIP)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo(TRAIL), FILES[TRAIL], zipfile.ZIP_DEFLATED)
    assert check(packed.getvalue()) == ("unreadable", [], 0)


def test_a_bundle_holds_as_much_as_the_limit_and_not_a_byte_more(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, size = unpacked(tmp_path, FILES), sum(map(len, FILES.values()))
    for limit, verdict in ((size, "ok"), (size - 1, "unreadable")):
        monkeypatch.setattr(script, "MAX_BYTES", limit)
        assert check(ZIP)[0] == script.verify_bundle(folder, VKEY).verdict == verdict


def test_a_bundle_under_the_name_of_another_case_is_unreadable(check: Check) -> None:
    assert check(ZIP, name=f"{OTHER_ID}.zip") == ("unreadable", [], 0)
    assert check(ZIP, name=f"{SAMPLED_ID} (1).zip") == ("ok", [], 10)


def test_a_folder_of_a_second_case_links_or_what_is_no_file_is_refused_and_strangers_are_not_read(
    tmp_path: Path,
) -> None:
    folder = unpacked(tmp_path, FILES)
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    assert outcome(script.verify_bundle(folder, VKEY)) == ("ok", [], 10)
    for name in (f"case_{OTHER_ID}.md", "README.txt"):
        path = folder / name
        path.unlink(missing_ok=True)
        for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to(folder / TRAIL)):
            make(path)
            assert script.verify_bundle(folder, VKEY).verdict == "unreadable"
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / f"case_{OTHER_ID}.md").write_text("")
    assert script.verify_bundle(folder, VKEY).verdict == "unreadable"
    (folder / f"case_{OTHER_ID}.md").unlink()
    assert outcome(script.verify_bundle(folder, VKEY)) == ("ok", [], 10)
    assert script.verify_bundle(folder / "pipe").verdict == "unreadable"
    assert outcome(script.verify_bundle(folder / "nothing")) == ("unreadable", [], 0)
    (folder / TRAIL).unlink()
    assert script.verify_bundle(folder).verdict == "unreadable"


def says_the_same(data: bytes) -> bool:
    """Whether a zip has the events and the proof of the clean one."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return all(archive.read(name) == FILES[name] for name in (TRAIL, f"{SAMPLED_ID}.tlog-proof"))


def test_a_zip_cut_or_changed_in_a_byte_anywhere_is_not_ok_unless_it_says_the_same() -> None:
    for end in range(len(ZIP)):
        assert read(ZIP[:end])[0] == "unreadable"
    for at in range(len(ZIP)):
        changed = ZIP[:at] + bytes([ZIP[at] ^ 1 << at % 8]) + ZIP[at + 1 :]
        assert read(changed)[0] == "unreadable" or says_the_same(changed), at


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """The data with some of it written over, removed or put in; lengths and offsets are hit more than by chance."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.one_of(st.integers(0, len(data)), st.integers(max(0, len(data) - 600), len(data))))
        put = draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"\0\0", b"\xff" * 4, b"PK\x01\x02", b'"', b"\n"]))
        )
        data = data[:at] + put + data[at + draw(st.sampled_from([0, len(put), 1])) :]
    return data


@given(mutations(ZIP))
@settings(max_examples=400)
def test_no_mutation_of_a_zip_is_ok_unless_it_says_the_same(check: Check, data: bytes) -> None:
    assert check(data)[0] != "ok" or says_the_same(data)


@given(st.data())
@settings(max_examples=300)
def test_no_mutation_of_a_file_in_a_bundle_is_ok_unless_it_says_the_same(check: Check, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([TRAIL, f"{SAMPLED_ID}.tlog-proof", "verifier-key.txt", "audit.html"]))
    changed = data.draw(mutations(FILES[name]))
    if check(zipped({**FILES, name: changed}))[0] == "ok":
        assert name == "audit.html" or changed == FILES[name]


@given(
    st.one_of(
        st.binary(), st.binary().map(lambda end: b"PK\x03\x04" + end), st.binary().map(lambda end: ZIP[:60] + end)
    )
)
def test_random_bytes_are_unreadable(check: Check, data: bytes) -> None:
    assert check(data, None) == ("unreadable", [], 0)


# --- on a machine without the desk ---


def run(*arguments: object, folder: Path, options: Sequence[str] = ("-I",), **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *options, *map(str, arguments)],
        cwd=folder,
        env={**environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def test_it_runs_alone_in_an_empty_folder_and_exits_as_it_says(tmp_path: Path) -> None:
    """Without site-packages there is no cryptography."""
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / ZIP_NAME).write_bytes(ZIP)
    (tmp_path / "verify.py").write_bytes(SCRIPT.read_bytes())
    code, said = run("../verify.py", f"../{ZIP_NAME}", "--key", VKEY, folder=here, options=("-I", "-S"))
    assert (code, said.splitlines()[-1].startswith(f"verdict: signature not checked: {SAMPLED_ID}")) == (3, True)
    assert list(here.iterdir()) == []
    code, said = run(SCRIPT, f"../{ZIP_NAME}", "--key", VKEY, folder=here)
    assert (code, said.splitlines()[-1]) == (
        0,
        f"verdict: ok: {SAMPLED_ID}, 10 events, anchored up to event 134 in the log desk.example/log of 200, "
        "signed by the key that you gave",
    )
    code, said = run(SCRIPT, f"../{ZIP_NAME}", folder=here)
    assert (code, f"signed by {VKEY}: compare with the bank's published key (--key)" in said) == (3, True)
    code, said = run(SCRIPT, "nothing.zip", folder=here)
    assert (code, said) == (2, "verdict: unreadable: nothing.zip cannot be read: No such file or directory\n")


def test_without_an_argument_it_checks_the_folder_that_it_lies_in(tmp_path: Path) -> None:
    unpacked(tmp_path, {**FILES, "verify.py": SCRIPT.read_bytes()})
    code, said = run(tmp_path / "verify.py", "--key", VKEY, "--json", folder=Path("/"))
    result = json.loads(said)
    assert result.pop("message").startswith(f"{SAMPLED_ID}, 10 events")
    assert (code, result) == (0, {"verdict": "ok", "breaks": [], "anchored": 10})
    (tmp_path / TRAIL).write_bytes(audit_csv.write_csv(EVENTS[1:]))
    code, said = run(tmp_path / "verify.py", "--key", VKEY, "--json", folder=Path("/"))
    expected = [[22, "missing", "prev_hash"], [22, "edited", "meta"], list(OTHER_PAGE)]
    assert (code, json.loads(said)["breaks"]) == (1, expected)


def test_what_no_hash_covers_is_named_and_not_looked_at(tmp_path: Path) -> None:
    altered = {**FILES, f"case_{SAMPLED_ID}.md": b"", "README.txt": b"\x1b[2JAll is well."}
    result = script.verify_bundle(unpacked(tmp_path, altered), VKEY)
    assert outcome(result) == ("ok", [], 10)
    assert result.lines[-1].startswith(f"SKIPPED README.txt, case_{SAMPLED_ID}.md, verify.py: no hash covers")
    only = {name: FILES[name] for name in (TRAIL, f"{SAMPLED_ID}.tlog-proof", "verifier-key.txt")}
    assert "SKIPPED" not in " ".join(script.verify_files(only, VKEY, set()).lines)
    assert script.verify_files(FILES, "VKEY", set()).lines == []


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_command_that_is_none_is_said_so_in_what_prints(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "\x1b[2J\u202e"
    folder.mkdir()
    copy = folder / "verify\x1b[2J.py"
    copy.write_bytes(SCRIPT.read_bytes())
    for arguments in (
        ["--\x1b[2J\u202e\x85"],
        ["x.zip", "\x1b[2J\r\nverdict: ok\u0142"],
        ["x.zip", "--key"],
        ["--json=\x1b[2J"],
    ):
        done = subprocess.run(
            [sys.executable, copy, *arguments],
            env={"PYTHONIOENCODING": encoding},
            capture_output=True,
            timeout=60,
            check=False,
        )
        said = done.stderr.decode(encoding)
        assert (done.returncode, done.stdout) == (2, b"")
        assert all(line.isprintable() and not line.startswith("verdict") for line in said.split("\n")), said
        assert "verify.py: error: " in said
    code, said = run(copy, "--help", folder=tmp_path, PYTHONIOENCODING=encoding)
    assert (code, said.startswith("usage: verify.py")) == (0, True)


FAKE = "\r\n\x1b[2J\x85\u2028\u202everdict: ok: AML-00000004, signed by the key that you gave\n\x08verdict: ok\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_no_text_in_a_bundle_writes_a_verdict_or_to_the_terminal(tmp_path: Path, encoding: str) -> None:
    faked = [replace(EVENTS[0], notes=FAKE)]
    faked += [replace(event, ts=FAKE, meta=FAKE, user=FAKE, event_hash=FAKE, case_id=FAKE) for event in EVENTS[1:]]
    name = "verdict:\u202eok\x9b"  # the desk makes no such key
    key_id = vkey(name, b"\x01" + OTHER_KEY.verifier.public).split("+")[1]
    key = replace(OTHER_KEY, verifier=replace(OTHER_KEY.verifier, name=name, key_id=key_id))
    (tmp_path / ZIP_NAME).write_bytes(zipped(files_of(faked, prove(EVENTS, key=key), str(key.verifier))))
    (tmp_path / "trail.csv").write_bytes(audit_csv.write_csv([replace(event, case_id=FAKE) for event in EVENTS]))
    (tmp_path / f"{FAKE.replace('/', '')}.zip").write_bytes(b"")
    for path in sorted(tmp_path.iterdir()):
        code, said = run(SCRIPT, path, folder=tmp_path, options=(), PYTHONIOENCODING=encoding)
        *lines, last, end = said.encode().decode(encoding).split("\n")
        assert all(line.isprintable() and not line.startswith("verdict") for line in lines)
        assert (last.startswith(("verdict: broken: ", "verdict: unreadable: ")), end, code in (1, 2)) == (
            True,
            "",
            True,
        )
        assert all(len(line) < 1_000 for line in lines)


def test_a_letter_that_the_terminal_cannot_write_does_not_change_the_exit_code(tmp_path: Path) -> None:
    key = signed_note.signing_key("łódź.example/log", bytes(32))
    (tmp_path / ZIP_NAME).write_bytes(zipped(files_of(EVENTS, prove(EVENTS, key=key), str(key.verifier))))
    code, said = run(SCRIPT, ZIP_NAME, folder=tmp_path, options=(), PYTHONIOENCODING="ascii")
    assert (code, "signed by \\u0142" in said) == (3, True)


def test_it_needs_python_3_9_and_nothing_else() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in imported}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
