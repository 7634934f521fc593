"""The page of a bundle in a real browser: it finds what the desk finds, asks nobody, and shows what was typed."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from app import chain, text
from app.errors import InvalidNote
from app.exports import bundle
from app.exports.bundle import page
from app.log import merkle, signed_note
from app.models import Event
from tests import hostile, lives
from tests.conftest import EVIDENCE, MANAGER, PEOPLE, TRANSACTIONS
from tests.drafts import COMPLETE
from tests.lives import OTHER_ID, SAMPLED_ID, filed_life, full_life, renumbered, rewritten

if TYPE_CHECKING:
    from tests.browser import Chromium, Window

pytest_plugins = ["tests.browser"]

KEY = signed_note.signing_key("bank.example/aml", bytes(range(32)))
OTHER_KEY = signed_note.signing_key("bank.example/aml", bytes(32))
STRANGE_KEY = signed_note.signing_key("forger.example", bytes(32))
VKEY, OTHER_VKEY = str(KEY.verifier), str(OTHER_KEY.verifier)
NAMES = {person.user_id: person.name for person in PEOPLE}
OTHERS = [bytes([number]) * 32 for number in range(11)]
"""Leaves of other cases, before those of the case."""

# Made once; no test changes it.
EVENTS = tuple(full_life().events)
ELEVEN = replace(EVENTS[2], notes=EVENTS[2].notes.replace("Seven", "Eleven"))
NUMBERS = range(len(EVENTS))
TEXTS = ("case_id", "ts", "user", "action", "notes", "meta", "prev_hash", "event_hash")


def edited(event: Event, field: str, value: str) -> Event:
    changed: dict[str, Any] = {field: value}
    return replace(event, **changed)


def proof_of(events: Sequence[Event], anchored: int, key: signed_note.SigningKey = KEY, **changed: Any) -> str:
    """The proof of the event at `anchored` (from 1) in a log of other cases and all these events."""
    leaves = [*OTHERS, *(bytes.fromhex(event.event_hash) for event in events)]
    tree = merkle.Tree()
    for leaf in leaves:
        tree.append(leaf)
    signed = key.sign(signed_note.Checkpoint(key.verifier.name, tree.size, tree.head()).text).encode()
    index = len(OTHERS) + anchored - 1
    proof = signed_note.LogProof(leaves[index], index, tuple(merkle.inclusion_proof(leaves, index, tree.size)), signed)
    return bytes(replace(proof, **changed)).decode()


PROOF = proof_of(EVENTS, 8)


def signed_anew(hashes: int = 63, **changed: Any) -> str:
    """That proof, or its first hashes, with a checkpoint that says something else, signed by the bank's own key."""
    proof = signed_note.read_proof(PROOF.encode())
    told = replace(signed_note.read_checkpoint(signed_note.read_signed_note(proof.checkpoint)), **changed)
    return bytes(replace(proof, hashes=proof.hashes[:hashes], checkpoint=KEY.sign(told.text).encode())).decode()


CUT_SHORT = re.sub(r"(\S{20})\S+\n$", r"\1AA==\n", PROOF)
"""Its signature is."""

Case = tuple[str, Sequence[Event], str | None, str | None, str | None]
"""Its id, events, proof and key as in the page, and the key that is pasted."""


def by_the_desk(case: Case) -> dict[str, Any]:
    """What the desk says of it."""
    case_id, events, proof, key, given = case
    try:
        result = bundle.verify_case(
            case_id,
            events,
            None if proof is None else signed_note.read_proof(proof.encode()),
            None if key is None else signed_note.read_verifier_key(key),
            None if given is None else signed_note.read_verifier_key(given),
        )
    except InvalidNote:
        return {"verdict": "unreadable", "breaks": [], "anchored": 0}
    breaks = [[found.event_id, found.kind.value, found.field] for found in result.breaks]
    return {"verdict": result.verdict.value, "breaks": breaks, "anchored": result.anchored}


def by_the_page(verifier: Page, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the page's script says of each. They go there as ASCII, so that half a surrogate pair arrives."""
    told = [[json.loads(embedded(page.render(*case[:2], NAMES, *case[2:4]))), case[4]] for case in cases]
    script = """async (cases) => {
        const said = [];
        for (const [data, key] of JSON.parse(cases)) {
            const { verdict, breaks, anchored } = await verify(data, key);
            said.push({ verdict, breaks, anchored });
        }
        return said;
    }"""
    said: list[dict[str, Any]] = verifier.evaluate(script, json.dumps(told))
    return said


def embedded(html: str) -> str:
    (data,) = re.findall(r'<script type="application/json" id="bundle">(.*?)</script>', html, re.DOTALL)
    return str(data)


Open = Callable[..., "Window"]


@pytest.fixture
def open_page(browser: Chromium, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from disk, as an examiner does, and waits until it has checked. `before` runs before its script."""
    with ExitStack() as windows:

        def opened(html: str, before: str = "", **options: Any) -> Window:
            file = tmp_path / "audit.html"
            file.write_text(html, "utf-8", newline="\n")
            shown = windows.enter_context(browser.window(**options))
            shown.page.add_init_script(before)
            shown.page.goto(file.as_uri())
            checked(shown.page)
            return shown

        yield opened


def checked(opened: Page) -> None:
    opened.wait_for_function("!/^$|…$/.test(document.getElementById('headline').textContent)")


def paste(opened: Page, key: str) -> str:
    """The verdict's headline with this key in the field."""
    opened.fill("#pasted", key)
    checked(opened)
    return opened.inner_text("#headline")


def marks(opened: Page) -> list[str | None]:
    """Of each event, what the mark beside it says."""
    return [mark.get_attribute("aria-label") for mark in opened.locator("#timeline .mark").all()]


@pytest.fixture(scope="module")
def verifier(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page whose `verify` is called for cases that are not its own."""
    file = tmp_path_factory.mktemp("verifier") / "audit.html"
    file.write_text(page.render(SAMPLED_ID, EVENTS, NAMES, PROOF, VKEY), "utf-8")
    with browser.window() as shown:
        shown.page.goto(file.as_uri())
        checked(shown.page)
        yield shown.page


CLEAN = page.render(SAMPLED_ID, EVENTS, NAMES, PROOF, VKEY)

# --- what an examiner sees ---


def test_a_clean_case_is_ticked_and_only_the_published_key_makes_it_ok(open_page: Open) -> None:
    shown = open_page(CLEAN)
    opened = shown.page
    assert opened.inner_text("#headline") == "Compare the key"
    assert marks(opened) == ["passed"] * len(EVENTS)
    assert opened.locator("#checks .mark.ok").count() == 5
    assert opened.locator("#timeline .tag").all_inner_texts() == [
        "leaf 18 of the log",
        "not yet anchored",
        "not yet anchored",
    ]
    assert opened.locator("#rows tr").count() == len(TRANSACTIONS)
    assert "Zoë Łukasik" in opened.inner_text("#facts")
    assert paste(opened, f"  {VKEY}\n") == "Not altered"
    assert opened.locator("#checks .mark.ok").count() == 6
    for other in (OTHER_VKEY, str(STRANGE_KEY.verifier)):
        assert paste(opened, other) == "Not signed by this key"
    for rubbish in ("rubbish", VKEY[:-1], VKEY.lower(), str(KEY)):
        assert paste(opened, rubbish) == "Compare the key"
        assert "not a whole verifier key" in opened.inner_text("#refused")
        assert opened.get_attribute("#pasted", "aria-invalid") == "true"
    assert paste(opened, "") == "Compare the key"
    assert opened.inner_text("#refused") == ""
    assert [request.split(":")[0] for request in shown.requests] == ["file"]
    assert shown.console == []


def test_a_letter_changed_with_an_editor_makes_a_cross_that_names_the_event(open_page: Open) -> None:
    opened = open_page(CLEAN.replace("Seven deposits", "Eleven deposits")).page
    assert opened.inner_text("#headline") == "Altered"
    assert marks(opened) == ["passed", "passed", "failed", *["passed"] * 7]
    assert opened.locator("#checks a").all_inner_texts() == ["event 3"]
    recomputed = rewritten([*EVENTS[:2], ELEVEN])[2].event_hash
    evidence = opened.inner_text("#timeline .broken .evidence")
    assert re.findall("[0-9a-f]{64}", evidence) == [recomputed, EVENTS[2].event_hash]
    assert paste(opened, VKEY) == "Altered"


def test_the_alerts_of_a_case_are_shown_together_each_transaction_once(open_page: Open) -> None:
    other = {**TRANSACTIONS[0], "time": "2026-01-01T15:00:00.000000Z", "counterparty": "Somebody else"}
    life = lives.joined_life()
    lives.join(
        life, alert="Paid by somebody else", transactions=[other, *TRANSACTIONS[:2]], customer={"kind": "Florist"}
    )
    opened = open_page(page.render(SAMPLED_ID, life.events, {}, proof_of(life.events, len(life.events)), VKEY)).page
    assert marks(opened) == ["passed"] * len(life.events)
    assert opened.locator("#rows .time").all_inner_texts() == [
        f"2026-01-{day:02d} 15:00:00" for day in (1, *range(5, 12))
    ]
    assert (opened.text_content("#text") or "").endswith("\n\nPaid by somebody else")
    assert "Florist" in opened.inner_text("#customer")
    changes = opened.locator("#timeline li:nth-child(2) .changes li").all_inner_texts()
    assert changes[:2] == ["risk score 87 → 88", "amount 65,800.00 → 65,800.01"]


def test_what_people_typed_is_shown_as_typed_and_turns_and_does_nothing(open_page: Open) -> None:
    evil = "</script><script>window.owned = 1</script><!-- <img src=x onerror='window.owned = 1'> & $data \u2028 &lt;"
    told = f"{evil} \u202egnp.exe\u2069"  # as a feed may tell it
    evidence = {
        "alert": told,
        "customer": {"__proto__": evil, "": told},
        "transactions": [{**TRANSACTIONS[0], "channel": told, "place": told}, {"time": 7}, evil],
    }
    life = lives.opened(evidence=evidence, customer_name=evil)
    lives.assign(life, MANAGER, MANAGER)
    lives.note(life, evil)
    names = {MANAGER.user_id: evil, "constructor": evil}
    html = page.render(SAMPLED_ID, life.events, names, proof_of(life.events, 3), VKEY)
    assert json.loads(embedded(html))["names"] == {MANAGER.user_id: evil}
    shown = open_page(html)
    opened = shown.page
    assert marks(opened) == ["passed"] * 3
    assert paste(opened, VKEY) == "Not altered"
    assert opened.locator("#timeline .typed").last.text_content() == evil
    for place in ("#text", "#rows .channel", "#rows .place"):
        assert opened.locator(place).text_content() == text.legible(told), place
    assert not text.BIDIRECTIONAL.search(opened.inner_text("body"))
    assert (opened.text_content("#timeline strong >> nth=1") or "").startswith(evil)
    assert opened.inner_text("#unread") == "Transactions that cannot be read: 2"
    assert opened.evaluate("window.owned") is None
    assert len(shown.requests) == 1
    assert shown.console == []


def test_the_track_of_a_report_is_told_in_words(open_page: Open) -> None:
    life = filed_life()
    opened = open_page(page.render(life.case.case_id, life.events, NAMES, None, None)).page
    told = opened.locator("#timeline li .what").all_inner_texts()
    for event, words in (
        (3, ("drafted the SAR", "people Mark Knight (suspect); Ann Victim (victim); Rel Ated (related)")),
        (4, ("activity types 112, 114", "amount USD 65,800.10", "from 2026-10-05", COMPLETE.narrative)),
        (5, ("returned the SAR", "Name the branch.", "SAR To approve → To draft")),
        (7, ("approved the SAR", "SAR To approve → To file")),
        (8, ("filed the SAR", "way keyed in by hand", "SAR To file → Filed")),
        (9, ("recorded that FinCEN rejected the SAR", "R17: Party first name is missing")),
        (14, ("took the SAR up again to amend it", f"prior bsa id {lives.BSA_ID}")),
    ):
        for said in words:
            assert said in told[event], told[event]


WITHOUT = {
    "crypto.subtle": "Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })",
    "Ed25519": "SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException('', 'NotSupportedError'))",
}


@pytest.mark.parametrize("missing", WITHOUT)
def test_a_browser_that_cannot_check_never_says_ok(missing: str, open_page: Open) -> None:
    opened = open_page(CLEAN, WITHOUT[missing]).page
    assert opened.inner_text("#headline") == "Signature not checked"
    if opened.is_visible("#pasted"):
        assert paste(opened, VKEY) == "Signature not checked"
    assert opened.locator("#verdict.ok").count() == 0
    said, cut = by_the_page(opened, [(SAMPLED_ID, EVENTS, proof, VKEY, VKEY) for proof in (PROOF, CUT_SHORT)])
    assert cut["verdict"] == ("broken" if missing == "Ed25519" else "signature not checked")
    assert said == {"verdict": "signature not checked", "breaks": [], "anchored": 8 if missing == "Ed25519" else 0}


UNREADABLE = {
    '"case_id"': '"case',
    '{"event_id": 3,': '{"event_id": 1000000000000000,',
    '{"event_id": 4,': '{"event_id": "4",',
    '"user": "m.okafor"': '"user": null',
    '"key": "bank': '"key": "tank',
    "c2sp.org/tlog-proof@v1": "c2sp.org/tlog-proof@v2",
    'id="bundle"': 'id="bungle"',
}


def test_data_that_cannot_be_read_are_called_so(open_page: Open) -> None:
    opened = open_page(CLEAN).page
    for told, edited in UNREADABLE.items():
        assert told in CLEAN
        opened.set_content(CLEAN.replace(told, edited, 1))
        checked(opened)
        assert opened.inner_text("#headline") == "Unreadable", edited
        assert opened.inner_text("#sentence")
        assert opened.locator(".mark.ok").count() == 0


def test_without_a_proof_or_a_script_the_page_says_that_little_is_known(open_page: Open, browser: Chromium) -> None:
    opened = open_page(page.render(SAMPLED_ID, EVENTS, NAMES, None, VKEY)).page
    assert opened.inner_text("#headline") == "Not anchored"
    assert opened.locator("#checks .mark.open").count() == 3
    with browser.window(java_script_enabled=False) as shown:
        shown.page.goto(opened.url)
        assert "Nothing has been checked" in shown.page.inner_text("body")


def test_the_page_fits_a_telephone_and_prints_with_its_verdict(open_page: Open) -> None:
    life = lives.opened(evidence={**EVIDENCE, "alert": "x" * 400}, customer_name="y" * 200)
    lives.note(life, "z" * 400, MANAGER)
    events = [life.events[0], replace(life.events[1], notes="Z" * 400)]
    for html in (CLEAN, page.render(SAMPLED_ID, events, {MANAGER.user_id: "w" * 99}, proof_of(events, 2), VKEY)):
        shown = open_page(html, viewport={"width": 360, "height": 740})
        assert shown.page.evaluate("document.documentElement.scrollWidth") == 360
        shown.page.emulate_media(media="print", color_scheme="dark")
        assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert shown.page.is_visible("#fingerprint")
        assert not shown.page.is_visible("#pasted")
        headline = shown.page.inner_text("#headline")
        assert f"({headline})".encode() in shown.page.pdf(outline=True, tagged=True)


def test_a_page_has_the_same_bytes_each_time_and_says_one_event_a_line() -> None:
    assert page.render(SAMPLED_ID, EVENTS, dict(reversed(NAMES.items())), PROOF, VKEY) == CLEAN
    data = embedded(CLEAN)
    assert [json.loads(line.strip().rstrip(","))["event_id"] for line in data.splitlines()[5:-1]] == [
        event.event_id for event in EVENTS
    ]
    assert not re.search("[<>&]", data)


# --- what the desk finds, the page finds ---


def _attacks() -> dict[str, Case]:
    """Each with the bank's key pasted: whatever else is right, it is broken."""
    other = lives.opened(OTHER_ID)
    for words in ("It", "belongs", "elsewhere."):
        lives.note(other, words)
    forged = chain.link(EVENTS[2].event_hash, SAMPLED_ID, EVENTS[2].ts, "a.nguyen", "note", "Cleared by Legal.", "")
    rival = chain.link(EVENTS[8].event_hash, SAMPLED_ID, EVENTS[9].ts, "a.nguyen", "note", "Second thoughts.", "")
    early = replace(EVENTS[4], ts=EVENTS[3].ts.replace("T12", "T11"))
    again = rewritten([*EVENTS[:2], ELEVEN, *EVENTS[3:]])
    chains: dict[str, Sequence[Event]] = {
        "nothing left": [],
        "an insertion": renumbered([*EVENTS[:3], forged, *EVENTS[3:]]),
        "a fork": renumbered([*EVENTS, rival]),
        "a cut before the anchored event": EVENTS[:7],
        "a backdated event": rewritten([*EVENTS[:4], early, *EVENTS[5:]]),
        "a full rewrite": again,
        "another case": other.events,
        "another case's event": [*EVENTS[:2], other.events[2], *EVENTS[3:]],
        "a separator under a hash of its own": hashed_as("Agreed.\x1f{}", "Agreed.\x1f{}"),
        "half a character, hashed as browsers write it": hashed_as("\ud800", "\ufffd"),
        "times that are none": [*EVENTS[:8], replace(EVENTS[8], ts="😀"), replace(EVENTS[9], ts="\ue000")],
        "a number twice": [*EVENTS[:4], replace(EVENTS[4], event_id=4), *EVENTS[5:]],
    }
    for number in NUMBERS[:-1]:
        after = EVENTS[number + 1 :]
        chains[f"event {number + 1} deleted"] = [*EVENTS[:number], *after]
        chains[f"event {number + 1} swapped"] = [*EVENTS[:number], after[0], EVENTS[number], *after[1:]]
        chains[f"event {number + 1} doubled"] = renumbered([*EVENTS[: number + 1], *EVENTS[number:]])
    for number in NUMBERS:
        for name in TEXTS:
            for value in _changed(getattr(EVENTS[number], name)):
                event = edited(EVENTS[number], name, value)
                chains[f"{name} of event {number + 1} is {value!r}"] = [*EVENTS[:number], event, *EVENTS[number + 1 :]]
    attacks: dict[str, Case] = {what: (SAMPLED_ID, events, PROOF, VKEY, VKEY) for what, events in chains.items()}
    leaf = merkle.leaf_hash(bytes.fromhex(EVENTS[7].event_hash))
    bad = bytes.fromhex(KEY.verifier.key_id) + bytes(64)
    proofs = {
        "a proof of another log": proof_of(again, 8),
        "a proof of another event of the log": proof_of(EVENTS, -3),
        "a proof at another place": proof_of(EVENTS, 8, index=17),
        "a proof beyond the log": proof_of(EVENTS, 8, index=1 << 62),
        "a proof without hashes": proof_of(EVENTS, 8, hashes=()),
        "a proof of too many hashes": proof_of(EVENTS, 8, hashes=(bytes(32),) * 63),
        "a checkpoint signed by another": proof_of(EVENTS, 8, OTHER_KEY),
        "a checkpoint signed by a stranger": proof_of(EVENTS, 8, STRANGE_KEY),
        "a size that was not signed": PROOF.replace("\n21\n", "\n22\n"),
        "a good signature and a bad one": PROOF + f"— {KEY.verifier.name} {b64encode(bad).decode()}\n",
        "a leaf as the head of many": signed_anew(0, head=leaf),
        "a leaf beyond a tree of one": signed_anew(0, head=leaf, size=1),
        "a checkpoint of another log": signed_anew(origin="bank.example/other"),
        "a signature cut short": CUT_SHORT,
    }
    attacks |= {what: (SAMPLED_ID, EVENTS, proof, VKEY, VKEY) for what, proof in proofs.items()}
    attacks["a key of the forger's"] = (SAMPLED_ID, again, proof_of(again, 8, OTHER_KEY), OTHER_VKEY, VKEY)
    attacks["no key in the page"] = (SAMPLED_ID, EVENTS, PROOF, None, VKEY)
    attacks["no key at all"] = (SAMPLED_ID, EVENTS, PROOF, None, None)
    attacks["the name of another case"] = (OTHER_ID, EVENTS, PROOF, VKEY, VKEY)
    return attacks


def hashed_as(notes: str, hashed: str) -> list[Event]:
    """The last event with these notes, and a hash that is right if they are taken for the others."""
    last = replace(EVENTS[-1], notes=hashed)
    digest = chain.event_hash(last.prev_hash, last.case_id, last.ts, last.user, last.action, last.notes, last.meta)
    return [*EVENTS[:-1], replace(last, notes=notes, event_hash=digest)]


def _changed(value: str) -> list[str]:
    letter = "0" if value[-1:] != "0" else "1"
    return [value[:-1] + letter, value + "\x1f", value + "\ud800"]


def test_each_attack_is_found_as_the_desk_finds_it(verifier: Page) -> None:
    attacks = _attacks()
    said = dict(zip(attacks, by_the_page(verifier, list(attacks.values())), strict=True))
    assert said == {what: by_the_desk(case) for what, case in attacks.items()}
    assert {what for what, one in said.items() if one["verdict"] != "broken"} == set()


def test_a_proof_holds_for_a_size_as_the_desk_says(verifier: Page) -> None:
    cases: list[Case] = [(SAMPLED_ID, EVENTS, signed_anew(size=size), VKEY, VKEY) for size in range(70)]
    said = by_the_page(verifier, cases)
    assert said == [by_the_desk(case) for case in cases]
    assert {one["verdict"] for one in said} == {"ok", "broken"}


def test_a_proof_that_is_not_written_as_one_is_unreadable(verifier: Page) -> None:
    head, _, checkpoint = PROOF.partition("\n\n")
    garbage = [
        "",
        "x",
        "c2sp.org/tlog-proof@v1\n\n",
        PROOF[:-1],
        PROOF + "\n",
        PROOF.replace("\n", "\r\n"),
        PROOF.replace("index 18", "index 018"),
        PROOF.replace("index 18", "index -1"),
        PROOF.replace("extra ", "extra  "),
        f"{head}\n{'A' * 43}\n\n{checkpoint}",
        f"{head}\n{'A' * 42}B=\n\n{checkpoint}",
        head + f"\n{'A' * 43}=" * 63 + f"\n\n{checkpoint}",
        PROOF.replace("\n21\n", "\n9223372036854775808\n"),
        PROOF.replace("\n21\n", "\n\n21\n"),
        PROOF.replace("— ", "- "),
        PROOF[: PROOF.index("— ")],
        PROOF.replace("— ", "— \u3000"),
        PROOF.replace("bank.example/aml\n", "bank.example/aml\t\n"),
    ]
    cases: list[Case] = [(SAMPLED_ID, EVENTS, proof, VKEY, VKEY) for proof in garbage]
    other_type = b"\x02" + KEY.verifier.public
    key_id = sha256(KEY.verifier.name.encode() + b"\n" + other_type).hexdigest()[:8]
    of_other_type = f"{KEY.verifier.name}+{key_id}+{b64encode(other_type).decode()}"
    for pasted in ("", "rubbish", VKEY[:-1], VKEY + "A", VKEY.replace("aml", "am1"), of_other_type):
        cases.append((SAMPLED_ID, EVENTS, PROOF, VKEY, pasted))
    said = by_the_page(verifier, cases)
    assert said == [by_the_desk(case) for case in cases]
    assert {one["verdict"] for one in said} == {"unreadable"}


def test_around_a_pasted_key_what_is_a_space_to_the_desk_does_not_count(verifier: Page) -> None:
    around = ["{}", " {}\n", "\t{}\r\n", "\x1f{}\x85", "\u2028{}\u3000", "\ufeff{}", "{}\u200b", "{} x", "\0{}"]
    cases: list[Case] = [(SAMPLED_ID, EVENTS, PROOF, VKEY, pasted.format(VKEY)) for pasted in around]
    said = by_the_page(verifier, cases)
    assert said == [by_the_desk(case) for case in cases]
    assert [one["verdict"] for one in said] == ["ok"] * 5 + ["unreadable"] * 4


def test_what_a_forger_writes_for_readers_to_differ_on_is_judged_as_the_desk_judges_it(verifier: Page) -> None:
    cases: list[Case] = [(SAMPLED_ID, events, None, None, None) for events, _ in hostile.CHAINS.values()]
    for (what, (_, breaks)), said in zip(hostile.CHAINS.items(), by_the_page(verifier, cases), strict=True):
        verdict = "broken" if breaks else "not anchored"
        assert said == {"verdict": verdict, "breaks": [list(found) for found in breaks], "anchored": 0}, what


@st.composite
def tampered(draw: st.DrawFn) -> Case:
    """Any life, to which anything may have been done; with any proof and key."""
    life = draw(lives.lives())
    events = list(life.events)
    numbers = st.integers(0, 40)
    for _ in range(draw(st.integers(0, 3))):
        at, other = (draw(numbers) % max(len(events), 1) for _ in "12")
        match draw(st.integers(0, 6)) if events else 6:
            case 0:
                del events[at]
            case 1:
                events.insert(other, events[at])
            case 2:
                events[at], events[other] = events[other], events[at]
            case 3:
                events = renumbered(events)
            case 4 | 5:
                name = draw(st.sampled_from(TEXTS))
                value = getattr(events[other], name)
                value = draw(st.sampled_from([value, *_changed(value), "\ue000", "😀"]))
                events[at] = edited(events[at], name, value)
            case _:
                events = rewritten(events)
    proven = draw(st.sampled_from([life.events, events]))
    proof = None
    if draw(st.booleans()) and proven and all(re.fullmatch("[0-9a-f]{64}", event.event_hash) for event in proven):
        signer = draw(st.sampled_from([KEY, KEY, OTHER_KEY]))
        changes: list[dict[str, Any]] = [{}, {}, {}, {"index": draw(numbers)}, {"hashes": (bytes(32),)}]
        proof = proof_of(proven, draw(st.integers(1, len(proven))), signer, **draw(st.sampled_from(changes)))
    keys = st.sampled_from([VKEY, VKEY, OTHER_VKEY, None])
    return life.case.case_id, events, proof, draw(keys), draw(keys)


@given(st.lists(tampered(), min_size=1, max_size=3))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_done_to_any_life_desk_and_page_agree(verifier: Page, cases: list[Case]) -> None:
    assert by_the_page(verifier, cases) == [by_the_desk(case) for case in cases]
