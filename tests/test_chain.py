"""The event hash and the verification. Each tampering test plays one attack and names what must be found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import chain
from app.errors import InvalidText
from app.exports.bundle import verify as script
from app.models import EVENT_COLUMNS, MAX_SEARCH, Action, Break, BreakKind, Disposition, Event, Status
from app.text import normal_form
from tests import hostile, lives
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST
from tests.lives import (
    OTHER_ID,
    SAMPLED_ID,
    Life,
    export,
    filed_life,
    full_life,
    joined_life,
    look,
    rehashed,
    renumbered,
    rewritten,
    typed,
)

GOLDEN = json.loads((Path(__file__).parent / "data" / "chain.json").read_text("utf-8"))["chains"]
NAIVE = datetime(2, 1, 1)  # noqa: DTZ001
HASHED = ("prev_hash", "case_id", "ts", "user", "action", "notes", "meta")

# Made once; no test changes it.
LIFE = full_life()
EVENTS, ROW = tuple(LIFE.events), LIFE.row
NUMBERS = range(len(EVENTS))


def tampered(event: Event, **fields: Any) -> Event:
    """The event as a store might hand it out after someone had their hands in it."""
    return replace(event, **fields)


def with_event(number: int, **fields: Any) -> list[Event]:
    """The life with one event tampered with; `number` counts from 0."""
    return [*EVENTS[:number], tampered(EVENTS[number], **fields), *EVENTS[number + 1 :]]


def row_of(events: Sequence[Event], **columns: Any) -> dict[str, Any]:
    """The row with its head and count set right for these events."""
    return {**ROW, "event_count": len(events), "head_hash": events[-1].event_hash, **columns}


def verify(events: Sequence[Event], row: dict[str, Any] | None = ROW) -> list[Break]:
    return chain.verify(SAMPLED_ID, events, row)


def as_stored(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """The rows of `case_events`."""
    return [tuple(getattr(event, column) for column in EVENT_COLUMNS) for event in events]


def seen(breaks: Sequence[Break], *kinds: BreakKind) -> set[tuple[BreakKind, int | None, str]]:
    """What was found: kind, event and field; only of these kinds, if any are given."""
    return {(found.kind, found.event_id, found.field) for found in breaks if not kinds or found.kind in kinds}


# --- the formula ---


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden[0]["case_id"])
def test_the_golden_vectors_hash_and_link_as_they_always_have(golden: list[dict[str, str]]) -> None:
    events = [Event(**fields, event_id=number) for number, fields in enumerate(golden, 1)]
    for event in events:
        linked = chain.link(*(getattr(event, name) for name in HASHED))
        assert linked == replace(event, event_id=None)
    assert chain.verify_links(events[0].case_id, events) == []


def test_fields_that_run_together_do_not_hash_alike() -> None:
    before, after = ("0" * 64, "AML-1", "t"), ("", "")
    assert chain.event_hash(*before, "ann", "ASSIGN", *after) != chain.event_hash(*before, "annA", "SSIGN", *after)


seven = st.lists(st.text(st.sampled_from("ab\n\x1e\"'|,"), max_size=3), min_size=7, max_size=7)


@given(seven, st.integers(0, 5), st.integers(0, 3))
def test_moving_text_over_the_border_of_two_fields_changes_the_hash(one: list[str], border: int, cut: int) -> None:
    joined = one[border] + one[border + 1]
    other = [*one[:border], joined[:cut], joined[cut:], *one[border + 2 :]]
    assert (chain.event_hash(*one) == chain.event_hash(*other)) is (one == other)


# --- what is kept, and how it is written ---


def test_every_control_character_but_tab_and_newline_and_every_lone_surrogate_is_refused() -> None:
    control = [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDBFF, 0xDC00, 0xDFFF]
    for code in set(control) - {ord("\t"), ord("\n")}:
        with pytest.raises(InvalidText, match=f"U\\+{code:04X}.* at character 2") as refused:
            chain.clean_text("note", "a" + chr(code))
        assert (refused.value.field, refused.value.position) == ("note", 1)


@given(typed)
def test_windows_line_ends_become_newlines_and_nothing_else_changes(text: str) -> None:
    assert chain.clean_text("note", text) == text
    assert chain.clean_text("note", text.replace("\n", "\r\n")) == text


@pytest.mark.parametrize("field", ["case_id", "user", "action", "notes", "meta"])
def test_no_field_of_an_event_carries_a_separator_or_a_carriage_return(field: str) -> None:
    good = {"prev_hash": chain.GENESIS, "case_id": "c", "ts": "t", "user": "u", "action": "a", "notes": "", "meta": ""}
    for bad in ("a\x1fb", "a\rb", "\ud800"):
        with pytest.raises(InvalidText):
            chain.link(**{**good, field: bad})
    event = chain.link(**{**good, field: "a\r\nb"})
    assert getattr(event, field) == "a\nb"
    assert event.event_hash == chain.link(**{**good, field: "a\nb"}).event_hash


moments = st.datetimes(timezones=st.timezones(), min_value=NAIVE, max_value=NAIVE.replace(year=9998))


@given(moments)
def test_a_time_survives_being_written_and_read(moment: datetime) -> None:
    text = chain.format_ts(moment)
    assert chain.parse_ts(text) == moment.astimezone(UTC)
    assert chain.parse_ts(text).utcoffset() == timedelta(0)
    assert chain.format_ts(chain.parse_ts(text)) == text


def test_a_time_has_one_form_and_it_sorts_as_it_reads() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert chain.format_ts(datetime(2026, 1, 5, 14, 44, tzinfo=east)) == "2026-01-05T09:14:00.000000Z"
    for other in (
        "2026-01-05T09:14:00Z",
        "2026-01-05 09:14:00.000000Z",
        "2026-01-05T09:14:00.000000+00:00",
        "2026-01-05T09:14:00.000000Z\n",
        "٢٠٢٦-01-05T09:14:00.000000Z",
        "2026-02-30T09:14:00.000000Z",
    ):
        with pytest.raises(ValueError, match=r"not a UTC time|day is out of range"):
            chain.parse_ts(other)


def test_a_column_is_written_as_its_plain_value_money_with_two_places() -> None:
    values = (None, "x", 7, Status.NEW, Decimal("9.5"), Decimal("1E+3"), lives.OPENED)
    written = [None, "x", 7, "New", "9.50", "1000.00", "2026-01-05T09:14:00.000000Z"]
    assert [chain.canonical(value) for value in values] == written
    assert type(chain.canonical(Status.NEW)) is str


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | typed,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(typed, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(typed, json_values, max_size=4))
def test_canonical_json_is_one_text_for_one_value_and_can_be_kept(value: dict[str, Any]) -> None:
    text = chain.canonical_json(value)
    assert (json.loads(text) if text else {}) == value
    assert chain.canonical_json(dict(reversed(value.items()))) == text
    assert chain.clean_text("details", text) == text


def test_canonical_json_has_sorted_keys_no_spaces_and_no_escapes_and_refuses_what_is_not_read_back() -> None:
    assert chain.canonical_json({"b": [1, None], "a": "Łódź\n"}) == '{"a":"Łódź\\n","b":[1,null]}'
    assert chain.canonical_json({}) == ""
    with pytest.raises(ValueError, match="not JSON compliant"):
        chain.canonical_json({"a": float("nan")})
    deep: list[Any] = [[] for _ in range(600)]
    for _ in range(chain.LEVELS - 2):
        deep = [deep]
    assert chain.read_meta(tampered(EVENTS[0], meta=chain.canonical_json({"a": deep[0]})))
    deeper = deep
    for _ in range(5_000):
        deeper = [deeper]
    for value in ([deep], deeper):
        with pytest.raises(ValueError, match="nests more than 500 deep"):
            chain.canonical_json({"a": value})


def test_an_event_keeps_old_and_new_of_what_it_changed_and_the_notes_of_a_verdict_once() -> None:
    assert [event.meta for event in EVENTS[1:]] == [
        '{"form":"0002","owner":[null,"a.nguyen"],"status":["New","In Review"]}',
        '{"form":"0003"}',
        '{"disposition":["","Escalate"],"form":"0004","owner":["a.nguyen","n.ito"]}',
        '{"closed_at":[null,"2026-01-05T13:14:00.000000Z"],"determined_at":[null,"2026-01-05T00:00:00.000000Z"],'
        '"disposition":["Escalate","SAR"],"filing":["","To draft"],"form":"0005",'
        '"sar_due_at":[null,"2026-03-06T00:00:00.000000Z"],"status":["In Review","Closed"],"suspect":"unknown",'
        '"zone":"UTC"}',
        '{"form":"0006","qa_at":[null,"2026-01-05T14:14:00.000000Z"],"qa_result":["","Fail"],'
        '"qa_reviewer":[null,"q.silva"]}',
        '{"closed_at":["2026-01-05T13:14:00.000000Z",null],"disposition":["SAR",""],"filing":["To draft",""],'
        '"form":"0007","qa_at":["2026-01-05T14:14:00.000000Z",null],'
        '"qa_notes":["The sums do not add up.",""],"qa_result":["Fail",""],"qa_reviewer":["q.silva",null],'
        '"status":["Closed","In Review"]}',
        '{"form":"0008","owner":["n.ito","b.diaz"]}',
        '{"closed_at":[null,"2026-01-05T17:14:00.000000Z"],"determined_at":["2026-01-05T00:00:00.000000Z",null],'
        '"disposition":["","No SAR"],"form":"0009","sar_due_at":["2026-03-06T00:00:00.000000Z",null],'
        '"status":["In Review","Closed"]}',
        '{"form":"000a","qa_at":[null,"2026-01-05T18:14:00.000000Z"],"qa_result":["","Pass"],'
        '"qa_reviewer":[null,"r.kaya"]}',
    ]


def test_looks_and_exports_change_nothing_and_stand_in_the_chain() -> None:
    life = full_life()
    row = {column: value for column, value in life.row.items() if column not in ("event_count", "head_hash")}
    look(life, MANAGER)
    export(life, MANAGER)
    assert [event.meta for event in life.events[-2:]] == [
        '{"form":"000b"}',
        '{"events":11,"files":{"audit_AML-00000004.csv":"' + "ab" * 32 + '"},"form":"000c"}',
    ]
    assert chain.verify(SAMPLED_ID, life.events, life.row) == []
    assert chain.replay(SAMPLED_ID, life.events)[0] == row


# --- clean chains ---


def test_a_full_life_verifies_and_ends_as_its_row_says() -> None:
    assert verify(EVENTS) == []
    filed = filed_life()
    assert chain.verify(SAMPLED_ID, filed.events, filed.row) == []
    joined = joined_life()
    assert chain.verify(SAMPLED_ID, joined.events, joined.row) == []
    done = {event.action for event in (*EVENTS, *filed.events, *joined.events)}
    assert done == {action.value for action in Action} - {"view", "export"}
    assert chain.replay(SAMPLED_ID, EVENTS)[0] == {
        column: value for column, value in ROW.items() if column not in ("event_count", "head_hash")
    }


def test_of_the_keys_of_alerts_those_that_are_right_are_no_break() -> None:
    events = joined_life().events
    told = chain.alerts_of(events)
    first, second, third = told
    alerts = {first: SAMPLED_ID, second: "AML-00000009", third: SAMPLED_ID, "TM-9": SAMPLED_ID}
    found = chain.verify(SAMPLED_ID, events, joined_life().row, alerts)
    assert [(one.kind, one.event_id, one.field) for one in found] == [
        (BreakKind.KEY_DIFFERS, told[second], second),
        (BreakKind.KEY_DIFFERS, None, "TM-9"),
    ]
    assert chain.verify(SAMPLED_ID, events, joined_life().row, dict.fromkeys(told, SAMPLED_ID)) == []


@given(lives.lives())
def test_no_life_that_the_rules_allow_looks_tampered_with(life: Life) -> None:
    assert chain.verify(life.case.case_id, life.events, life.row) == []


# --- what is found is what others find ---


def test_an_event_unpacks_as_its_row_and_is_made_of_it_again() -> None:
    assert [tuple(event) for event in EVENTS] == as_stored(EVENTS)
    assert [chain.event_of(row) for row in as_stored(EVENTS)] == list(EVENTS)


def fold(case_id: str, events: Sequence[Event]) -> dict[str, Any]:
    """The row of a case, of events with which nothing is wrong; without any help of the desk."""
    facts = json.loads(events[0].meta)["case"]
    row = {"case_id": case_id, **facts, **script.NEW_CASE}
    told = " ".join(str(row[c]) for c in ("case_id", "customer_id", "customer_name", "typology"))
    row["search"] = normal_form(told, MAX_SEARCH)
    for event in events[1:]:
        if event.action in ("qa_pass", "qa_fail"):
            row["qa_notes"] = event.notes
        changes = json.loads(event.meta or "{}")
        changing = {*script.NEW_CASE, *(("risk", "risk_score", "amount") if event.action == "alert" else ())}
        row |= {column: changes[column][1] for column in changes if column in changing}
    return {**row, "event_count": len(events), "head_hash": events[-1].event_hash}


ODD: list[object] = [None, "", "x", "open", "note", "qa_pass", SAMPLED_ID, chain.GENESIS, "2026", "a\x1fb"]
ODD += ["\ud800", b"x", b"", 0, 7, True, 7.5, "{}", "[1]"]
ODD += ['{"status":["New","Closed"]}', '{"owner":[null,7]}', '{"form":"0001"}', '{"form":NaN}']
FACTS_ALTERED: list[object] = [None, True, 0, 4.0, "x", [], {}, "C-00412873", 10**25, [10**25]]


@st.composite
def tampered_cases(draw: st.DrawFn) -> tuple[str, list[Event], dict[str, Any] | None]:
    """A life and its row after some tampering with either, and perhaps with hashes or the row made good."""
    life = draw(lives.lives())
    events, row = list(life.events), dict(life.row)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(events) - 1))
        match draw(st.integers(0, 7)):
            case 0:
                name = draw(st.sampled_from([field.name for field in fields(Event) if field.name != "event_id"]))
                events[place] = tampered(events[place], **{name: draw(st.sampled_from(ODD))})
            case 1:
                row[draw(st.sampled_from(sorted(row)))] = draw(st.sampled_from(ODD))
            case 2:
                del row[draw(st.sampled_from(sorted(row)))]
            case 3:
                events[place:place] = [events[draw(st.integers(0, len(events) - 1))]]
            case 4 if len(events) > 1:
                del events[place]
            case 5:
                meta = chain.read_meta(events[0])
                if isinstance(meta.get("case"), dict):
                    meta["case"][draw(st.sampled_from(chain.FACTS))] = draw(st.sampled_from(FACTS_ALTERED))
                    events[0] = tampered(events[0], meta=json.dumps(meta))
            case 6:
                name = draw(st.sampled_from(["ts", "user", "action", "notes", "meta"]))
                events[place] = tampered(events[place], **{name: draw(st.sampled_from(ODD))})
            case _:
                row["event_count"], row["head_hash"] = len(events), events[-1].event_hash
        if draw(st.booleans()):
            try:
                events = rewritten(events)
            except TypeError:  # what cannot be hashed
                continue
            row["event_count"], row["head_hash"] = len(events), events[-1].event_hash
    if draw(st.booleans()):
        row |= chain.replay(life.case.case_id, events)[0]
    return life.case.case_id, events, row if draw(st.integers(0, 9)) else None


@given(tampered_cases())
@settings(max_examples=300)
def test_whatever_was_done_to_a_case_the_desk_finds_what_others_find(
    case: tuple[str, list[Event], dict[str, Any] | None],
) -> None:
    """Of the events, what verify.py finds, in its order; of the row, each column that is not what they fold to."""
    case_id, events, row = case
    breaks = chain.verify(case_id, as_stored(events), row)
    of_events = [(found.event_id, found.kind, found.field) for found in breaks if found.event_id is not None]
    of_row = {found.field for found in breaks if found.event_id is None}
    if no_texts := {e.event_id for e in events for n in (*HASHED, "event_hash") if not isinstance(getattr(e, n), str)}:
        assert no_texts <= {event_id for event_id, kind, _ in of_events if kind == BreakKind.EDITED}
        return  # verify.py reads texts alone
    lines = [script.Event(*stored) for stored in as_stored(events)]
    expected = [found[:3] for found in script.check_chain(case_id, lines) + script.check_changes(case_id, lines)]
    assert of_events == expected
    if row is None:
        assert of_row == {"case"}
    elif not expected:
        folded = fold(case_id, events)
        assert of_row == {column for column in folded if repr(row.get(column, "gone")) != repr(folded[column])}


LONG_SCORE = EVENTS[0].meta.replace('"risk_score":87', f'"risk_score":1{"0" * 25}')
ANOTHER_OWNER = EVENTS[1].meta.replace("[null,", f'["{MANAGER.user_id}",')
FAILED = chain.replay(SAMPLED_ID, EVENTS[:6])[0]
ONE_THING_WRONG: dict[str, tuple[list[Event], dict[str, Any], tuple[object, str, str]]] = {
    "separator": (rehashed(with_event(2, notes="a\x1fb")), {}, (3, "edited", "event_hash")),
    "another case": (rehashed(with_event(9, case_id=OTHER_ID)), {}, (10, "edited", "case_id")),
    "fraction": (with_event(9, event_id=10.0), {}, (10.0, "out of order", "event_id")),
    "no number first": (with_event(0, event_id=None), {}, (2, "out of order", "event_id")),
    "no number last": (with_event(9, event_id=None), {}, (None, "out of order", "event_id")),
    "time": (rehashed(with_event(9, ts=EVENTS[9].ts + "+")), {}, (10, "edited", "ts")),
    "old value": (rehashed(with_event(1, meta=ANOTHER_OWNER)), {}, (2, "row differs", "owner")),
    "verdict": (list(EVENTS[:6]), {**FAILED, "qa_notes": ""}, (None, "row differs", "qa_notes")),
    "long number": (
        rehashed(with_event(0, meta=LONG_SCORE)),
        {"risk_score": 1e25},
        (None, "row differs", "risk_score"),
    ),
}


@pytest.mark.parametrize("what", ONE_THING_WRONG)
def test_the_one_thing_that_is_wrong_is_found_and_nothing_else(what: str) -> None:
    events, columns, wrong = ONE_THING_WRONG[what]
    (found,) = chain.verify(SAMPLED_ID, as_stored(events), row_of(events, **columns))
    assert (found.event_id, found.kind, found.field) == wrong


@pytest.mark.parametrize("what", hostile.CHAINS)
def test_what_a_forger_writes_for_readers_to_differ_on_is_judged_as_by_the_others(what: str) -> None:
    events, expected = hostile.CHAINS[what]
    row = {**ROW, **chain.replay(SAMPLED_ID, events)[0], "event_count": len(events), "head_hash": events[-1].event_hash}
    breaks = chain.verify(SAMPLED_ID, as_stored(events), row)
    assert [(found.event_id, found.kind.value, found.field) for found in breaks] == expected


# --- attacks on one event ---


def changes(value: str) -> list[object]:
    """Other values for a field, one of the same length, and what SQLite hands out where the column holds no text."""
    same_length = value[:-1] + ("0" if value[-1:] != "0" else "1") if value else "x"
    return [value + "x", same_length, "", None, 7, 7.5, value.encode(), value + "\x1f", value + "\ud800"]


@pytest.mark.parametrize("field", [field.name for field in fields(Event) if field.name != "event_id"])
@pytest.mark.parametrize("number", NUMBERS)
def test_an_edited_field_is_found_on_exactly_that_event(number: int, field: str) -> None:
    value = getattr(EVENTS[number], field)
    for other in changes(value):
        if other == value:
            continue
        edited = {found.event_id for found in verify(with_event(number, **{field: other})) if found.kind == "edited"}
        assert edited == {number + 1}, (field, other)


@pytest.mark.parametrize("number", NUMBERS[:-1])
def test_an_edited_text_hash_or_link_is_one_break_with_its_evidence(number: int) -> None:
    event, forged = EVENTS[number], "0" * 63 + "1"
    (found,) = chain.verify_links(SAMPLED_ID, with_event(number, notes="Nothing to see."))
    digest = chain.event_hash(*(getattr(tampered(event, notes="Nothing to see."), name) for name in HASHED))
    assert found == Break(SAMPLED_ID, number + 1, BreakKind.EDITED, "event_hash", digest, event.event_hash)
    (found,) = verify(with_event(number, event_hash=forged))
    assert found == Break(SAMPLED_ID, number + 1, BreakKind.EDITED, "event_hash", event.event_hash, forged)
    (found,) = verify(with_event(number, prev_hash=forged))
    assert found == Break(SAMPLED_ID, number + 1, BreakKind.EDITED, "prev_hash", event.prev_hash, forged)
    (found,) = chain.verify_links(SAMPLED_ID, with_event(number, notes=b"Nothing to see."))
    assert found.expected == "fields that can be hashed"


@pytest.mark.parametrize("number", NUMBERS)
def test_text_moved_from_one_field_to_the_next_is_found(number: int) -> None:
    event = EVENTS[number]
    moved = with_event(number, user=event.user + event.action[0], action=event.action[1:])
    assert (BreakKind.EDITED, number + 1, "event_hash") in seen(verify(moved))


def test_an_edit_with_its_hash_made_good_breaks_the_next_link() -> None:
    event = EVENTS[2]
    forged = chain.link(*(getattr(tampered(event, notes="Nothing to see."), name) for name in HASHED))
    breaks = verify([*EVENTS[:2], replace(forged, event_id=3), *EVENTS[3:]])
    assert seen(breaks) == {(BreakKind.MISSING, 4, "prev_hash")}
    assert (breaks[0].expected, breaks[0].found) == (forged.event_hash, event.event_hash)


def test_a_text_that_no_hash_covers_is_found_even_where_the_hash_was_taken_away_everywhere() -> None:
    last = with_event(9, notes=b"Nothing to see.", event_hash=None)
    assert (BreakKind.EDITED, 10, "event_hash") in seen(verify(last, row_of(last)))
    nobody = [tampered(event, prev_hash=None, event_hash=None, notes=None) for event in EVENTS]
    assert {found[1] for found in seen(verify(nobody, row_of(nobody)), BreakKind.EDITED)} == set(range(1, 11))


def test_a_separator_in_a_text_is_found_though_the_chain_was_rewritten() -> None:
    """With it in a text, one hash would stand for several events."""
    fields = {name: getattr(EVENTS[9], name) for name in HASHED} | {"notes": "Agreed.\x1f{}"}
    events = with_event(9, notes=fields["notes"], event_hash=chain.event_hash(**fields))
    assert (BreakKind.EDITED, 10, "event_hash") in seen(verify(events, row_of(events)))


@pytest.mark.parametrize(
    "meta",
    ["not JSON", "[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[1]", "null", '"text"', "{}", "9" * 5_000],
    ids=["no JSON", "unclosed", "deep", "list", "null", "text", "empty", "huge number"],
)
def test_meta_that_is_no_change_of_the_case_is_found_though_the_chain_was_rewritten(meta: str) -> None:
    events = rewritten(with_event(2, meta=meta))
    assert (BreakKind.EDITED, 3, "meta") in seen(verify(events, row_of(events)))
    events = rewritten(with_event(0, meta=meta))
    assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 1, "meta")}


@pytest.mark.parametrize("around", ["{}", " \t{}\r\n", "{}x", "X{}", "{}{{}}", "{},", "\xa0{}", "\ufeff{}"])
def test_meta_is_read_to_its_end_with_the_space_that_json_allows_and_no_other(around: str) -> None:
    meta = around.format('{"form":"0001"}')
    try:
        told = json.loads(meta)
    except json.JSONDecodeError:
        told = {}
    assert chain.read_meta(tampered(EVENTS[1], meta=meta)) == told


@st.composite
def texts_like_meta(draw: st.DrawFn) -> str:
    """JSON in any spelling, and what is nearly JSON."""
    value = draw(json_values | st.integers(-(2**70), 2**70) | st.floats())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    text = json.dumps({"a": value}, ensure_ascii=draw(st.booleans()), separators=separators)
    if draw(st.booleans()):
        at, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 1))
        put = ["", " ", "1", "-", ".", ",", '"', "{", "}", "e5", '"a":', "0" * 25, "\\ud800", "\ud800", "\u2028"]
        text = text[:at] + draw(st.sampled_from(put)) + text[at + cut :]
    return text


@given(texts_like_meta())
@settings(max_examples=300)
def test_meta_is_read_as_verify_py_reads_it(text: str) -> None:
    assert repr(chain.read_meta(tampered(EVENTS[1], meta=text))) == repr(script.read_meta(text))


def test_no_depth_of_nesting_stops_the_verification() -> None:
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit() + 2):
        nested = "[" * depth + "]" * depth
        events = rewritten(with_event(2, meta=f'{{"status":[{nested},{nested}]}}'))
        found = seen(verify(events, row_of(events)))
        assert found & {(BreakKind.EDITED, 3, "meta"), (BreakKind.EDITED, 3, "status")}, depth


@pytest.mark.parametrize(
    "change",
    ["SAR", None, [], ["In Review"], ["In Review", "Closed", "New"], {"old": "new"}, ["In Review", 7], [["x"], "New"]],
)
def test_a_change_that_is_not_old_and_new_is_found_though_the_chain_was_rewritten(change: object) -> None:
    events = rewritten(with_event(2, meta=chain.canonical_json({"status": change})))
    assert (BreakKind.EDITED, 3, "status") in seen(verify(events, row_of(events)))


def test_not_a_number_in_meta_is_found_though_the_chain_was_rewritten() -> None:
    for constant in ("NaN", "Infinity", "-Infinity"):
        events = rewritten(with_event(2, meta=f'{{"score":{constant}}}'))
        assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 3, "meta")}


def test_a_case_dealt_out_of_the_qa_sample_is_found_though_the_chain_was_rewritten() -> None:
    meta = chain.read_meta(EVENTS[0])
    meta["case"]["qa_bucket"] = 3
    events = rewritten(with_event(0, meta=chain.canonical_json(meta)))
    assert seen(verify(events, row_of(events, qa_bucket=3))) == {(BreakKind.EDITED, 1, "qa_bucket")}
    meta["case"]["qa_bucket"] = False
    events = rewritten(with_event(0, meta=chain.canonical_json(meta)))
    assert seen(verify(events, row_of(events, qa_bucket=False))) == {(BreakKind.EDITED, 1, "qa_bucket")}


def test_a_chain_that_does_not_open_with_every_fact_of_the_case_is_found_though_it_was_rewritten() -> None:
    meta = chain.read_meta(EVENTS[0])
    for case in ({**meta["case"], "owner": "a.nguyen"}, {**meta["case"], "risk": None}, {}, None):
        if case and case["risk"] is None:
            del case["risk"]
        events = rewritten(with_event(0, meta=chain.canonical_json({**meta, "case": case})))
        assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 1, "meta")}
    events = rewritten(with_event(0, action="note"))
    assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 1, "meta")}


def test_a_second_open_event_is_found_though_the_chain_was_rewritten() -> None:
    again = tampered(EVENTS[0], ts=EVENTS[-1].ts)
    events = rewritten([*EVENTS, again])
    assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 11, "meta")}


# --- attacks on the order of events ---


@pytest.mark.parametrize("number", NUMBERS[:-1])
def test_a_deleted_event_is_missed_by_the_one_after_it(number: int) -> None:
    cut = [*EVENTS[:number], *EVENTS[number + 1 :]]
    breaks = seen(verify(cut))
    assert seen(verify(cut), BreakKind.MISSING) == {(BreakKind.MISSING, number + 2, "prev_hash")}
    assert (BreakKind.TRUNCATED, None, "event_count") in breaks
    assert (BreakKind.EDITED, 2, "meta") in breaks or number > 0


def test_a_deleted_event_with_the_numbers_closed_up_is_found_too() -> None:
    breaks = verify(renumbered([*EVENTS[:3], *EVENTS[4:]]), {**ROW, "event_count": 9})
    assert (BreakKind.MISSING, 4, "prev_hash") in seen(breaks)


def test_a_cut_tail_is_found_by_the_head_and_count_of_the_row() -> None:
    for length in NUMBERS[1:]:
        breaks = seen(verify(EVENTS[:length]), BreakKind.TRUNCATED)
        assert breaks == {(BreakKind.TRUNCATED, None, "event_count"), (BreakKind.TRUNCATED, None, "head_hash")}


def test_a_case_without_events_is_found_even_where_its_row_says_there_are_none() -> None:
    nothing = (BreakKind.MISSING, None, "events")
    assert nothing in seen(verify([]))
    assert seen(verify([], {**ROW, "event_count": 0, "head_hash": chain.GENESIS})) == {nothing}


def test_an_inserted_event_is_found_by_the_fork_it_makes() -> None:
    forged = chain.link(EVENTS[2].event_hash, SAMPLED_ID, EVENTS[2].ts, "a.nguyen", "note", "Cleared by Legal.", "")
    breaks = verify(renumbered([*EVENTS[:3], forged, *EVENTS[3:]]))
    assert seen(breaks) == {(BreakKind.FORKED, 5, "prev_hash"), (BreakKind.TRUNCATED, None, "event_count")}


def test_an_event_added_at_the_end_is_found_by_the_row() -> None:
    forged = chain.link(EVENTS[-1].event_hash, SAMPLED_ID, EVENTS[-1].ts, "a.nguyen", "note", "Cleared by Legal.", "")
    breaks = seen(verify(renumbered([*EVENTS, forged])))
    assert breaks == {(BreakKind.TRUNCATED, None, "event_count"), (BreakKind.TRUNCATED, None, "head_hash")}


@pytest.mark.parametrize("number", NUMBERS[:-1])
def test_two_swapped_events_are_out_of_order(number: int) -> None:
    swapped = [*EVENTS[:number], EVENTS[number + 1], EVENTS[number], *EVENTS[number + 2 :]]
    for events in (swapped, renumbered(swapped)):
        ids = {events[at].event_id for at in (number, number + 1)}
        breaks = verify(events)
        assert {(BreakKind.OUT_OF_ORDER, event_id, "prev_hash") for event_id in ids} <= seen(breaks)
        assert (BreakKind.BACKDATED, events[number + 1].event_id, "ts") in seen(breaks)
    assert (BreakKind.OUT_OF_ORDER, number + 1, "event_id") in seen(verify(swapped))


def test_a_duplicated_event_is_a_fork() -> None:
    breaks = verify(renumbered([*EVENTS[:3], EVENTS[2], *EVENTS[3:]]))
    assert seen(breaks, BreakKind.FORKED) == {(BreakKind.FORKED, 4, "prev_hash")}


def test_a_case_id_that_no_case_could_have_is_found_and_can_be_printed() -> None:
    for case_id in (None, 7, SAMPLED_ID.encode(), "", "AML\udcff", SAMPLED_ID + "\n"):
        (found,) = chain.verify(case_id, EVENTS, ROW)
        assert (found.kind, found.field) == (BreakKind.EDITED, "case_id")
        assert str(found).isprintable()
    turned = lives.opened("AML-\u202e")
    (found,) = chain.verify(turned.case.case_id, turned.events, turned.row)
    assert (found.kind, found.field) == (BreakKind.EDITED, "case_id")


def test_two_events_after_the_same_one_are_a_fork() -> None:
    other = Life(LIFE.case, list(EVENTS))
    lives.note(other, "Second thoughts.")
    rival = Life(LIFE.case, list(EVENTS))
    lives.note(rival, "Third thoughts.")
    events = renumbered([*other.events, rival.events[-1]])
    assert seen(verify(events, row_of(events))) == {(BreakKind.FORKED, 12, "prev_hash")}


def test_a_backdated_event_is_found_though_the_chain_was_rewritten() -> None:
    earlier = chain.format_ts(chain.parse_ts(EVENTS[3].ts) - timedelta(microseconds=1))
    events = rewritten(with_event(4, ts=earlier))
    assert seen(verify(events, row_of(events))) == {(BreakKind.BACKDATED, 5, "ts")}


def test_a_time_of_another_form_is_found_though_the_chain_was_rewritten() -> None:
    events = rewritten(with_event(9, ts="2099"))
    assert seen(verify(events, row_of(events))) == {(BreakKind.EDITED, 10, "ts")}


def test_an_event_moved_from_another_case_is_found() -> None:
    other = lives.opened(OTHER_ID)
    lives.assign(other, MANAGER, ANALYST)
    lives.note(other, "Belongs elsewhere.")
    moved = [*EVENTS[:2], other.events[2], *EVENTS[3:]]
    assert {(BreakKind.EDITED, 3, "case_id"), (BreakKind.MISSING, 3, "prev_hash")} <= seen(verify(moved))
    relabelled = [*EVENTS[:2], tampered(other.events[2], case_id=SAMPLED_ID), *EVENTS[3:]]
    assert {(BreakKind.EDITED, 3, "event_hash"), (BreakKind.MISSING, 3, "prev_hash")} <= seen(verify(relabelled))


# --- attacks on the row ---


@pytest.mark.parametrize("column", ROW)
def test_an_edited_column_of_the_row_is_found(column: str) -> None:
    kind = BreakKind.TRUNCATED if column in ("event_count", "head_hash") else BreakKind.ROW_DIFFERS
    value = ROW[column]
    for other in [*changes(str(value)), value.encode() if isinstance(value, str) else str(value)]:
        if other != value:
            assert seen(verify(EVENTS, {**ROW, column: other})) == {(kind, None, column)}, other


@pytest.mark.parametrize("column", ROW)
def test_a_column_that_the_row_lacks_is_found(column: str) -> None:
    kind = BreakKind.TRUNCATED if column in ("event_count", "head_hash") else BreakKind.ROW_DIFFERS
    lacking = {name: value for name, value in ROW.items() if name != column}
    assert seen(verify(EVENTS, lacking)) == {(kind, None, column)}


def test_a_number_of_another_type_in_the_row_is_found() -> None:
    assert seen(verify(EVENTS, {**ROW, "risk_score": 87.0})) == {(BreakKind.ROW_DIFFERS, None, "risk_score")}
    assert seen(verify(EVENTS, {**ROW, "qa_bucket": False})) == {(BreakKind.ROW_DIFFERS, None, "qa_bucket")}


def test_a_row_that_is_gone_is_found() -> None:
    assert seen(verify(EVENTS, None)) == {(BreakKind.ROW_DIFFERS, None, "case")}


def test_an_edited_row_stays_found_after_the_desk_went_on_from_it() -> None:
    """The next event takes its old value from the edited row; the replay knows that it was another."""
    life = lives.opened()
    lives.assign(life, MANAGER, ANALYST)
    life.case = replace(life.case, owner=OTHER_ANALYST.user_id)
    lives.note(life, "Nothing seen.")
    assert seen(chain.verify(SAMPLED_ID, life.events, life.row)) == {(BreakKind.ROW_DIFFERS, None, "owner")}
    lives.assign(life, MANAGER, ANALYST)
    assert seen(chain.verify(SAMPLED_ID, life.events, life.row)) == {(BreakKind.ROW_DIFFERS, 4, "owner")}


def test_a_status_edited_to_reopen_a_case_quietly_stays_found() -> None:
    life = full_life()
    life.case = replace(life.case, status=Status.IN_REVIEW)
    lives.close(life, MANAGER, Disposition.NO_SAR, "Closed once more.")
    breaks = chain.verify(SAMPLED_ID, life.events, life.row)
    assert (BreakKind.ROW_DIFFERS, 11, "status") in seen(breaks)


# --- what cannot be found from inside ---


def test_a_full_rewrite_is_found_by_the_head_of_the_row_and_by_nothing_else() -> None:
    """The formula has no secret: who can write events and row can make a chain that holds.

    A head hash kept elsewhere (an export, a checkpoint) is what finds it.
    """
    events = rewritten(with_event(2, notes="Nothing to see."))
    assert chain.verify_links(SAMPLED_ID, events) == []
    assert seen(verify(events)) == {(BreakKind.TRUNCATED, None, "head_hash")}
    assert verify(events, row_of(events)) == []


def test_a_cut_tail_is_not_found_from_the_events_alone() -> None:
    for length in NUMBERS[1:]:
        assert chain.verify_links(SAMPLED_ID, EVENTS[:length]) == []
        state, breaks = chain.replay(SAMPLED_ID, EVENTS[:length])
        assert breaks == []
        assert verify(EVENTS[:length], {**row_of(EVENTS[:length]), **state}) == []


def test_event_ids_are_outside_the_hash_and_only_have_to_ascend() -> None:
    spread = [replace(event, event_id=number * 10) for number, event in enumerate(EVENTS, 1)]
    assert verify(spread) == []
    assert verify([replace(event, event_id=None) for event in EVENTS]) == []
    spread[4] = replace(spread[4], event_id=spread[3].event_id)
    assert seen(verify(spread)) == {(BreakKind.OUT_OF_ORDER, 40, "event_id")}


# --- the evidence ---


def test_a_break_says_what_was_expected_and_what_was_found_and_stays_one_line() -> None:
    (found,) = verify(EVENTS, {**ROW, "owner": "x\ud800" * 1000})
    assert str(found).startswith(f"{SAMPLED_ID}  case row  row differs  owner: expected b.diaz, found x\\ud800x")
    assert len(str(found)) < 300
    assert verify(EVENTS, {**ROW, "owner": ""})[0].found == "''"
    found = verify(with_event(2, event_hash=None))[0]
    assert str(found) == (f"{SAMPLED_ID}  event 3  edited  event_hash: expected {EVENTS[2].event_hash}, found None")


def test_a_break_names_the_case_the_event_the_row_or_the_log() -> None:
    def shown(case_id: str, event_id: int | None, kind: BreakKind) -> str:
        return str(Break(case_id, event_id, kind, "size", "2", "1"))

    assert shown("AML-1", None, BreakKind.TRUNCATED) == "AML-1  case row  truncated  size: expected 2, found 1"
    assert shown("AML-1", 7, BreakKind.NOT_IN_LOG) == "AML-1  event 7  not in the log  size: expected 2, found 1"
    assert shown("", None, BreakKind.NOT_IN_LOG) == "log  not in the log  size: expected 2, found 1"
    assert shown("", None, BreakKind.UNSIGNED) == "log  not signed  size: expected 2, found 1"
