"""Casework judged through a real database: who may do what, what is written, and what is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from app import casework, chain, opening, policy, repository, users, verification
from app.casework import add_note, assign, record_qa, reopen, set_disposition
from app.database import Database
from app.errors import (
    BrokenCase,
    DatabaseBusy,
    InvalidForm,
    InvalidInput,
    NotAllowed,
    StaleCase,
    UnknownCase,
    UnknownUser,
)
from app.models import ALERT_FEED, ALERT_FEED_USER, MAX_TEXT, Case, Disposition, Event, QaResult, Risk, Role, User
from app.policy import Decision, Verb
from tests.conftest import (
    ALERT,
    ANALYST,
    EVIDENCE,
    GONE,
    MANAGER,
    OTHER_ANALYST,
    OTHER_MANAGER,
    OTHER_REVIEWER,
    REVIEWER,
    OpenCase,
    tamper,
)

A, B, M, N, Q, R = (
    person.user_id for person in (ANALYST, OTHER_ANALYST, MANAGER, OTHER_MANAGER, REVIEWER, OTHER_REVIEWER)
)
SAR, NO_SAR, ESCALATE = Disposition.SAR, Disposition.NO_SAR, Disposition.ESCALATE


def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def row_of(desk: Database, case: Case | str) -> Case:
    with desk.snapshot() as tx:
        return repository.case(tx, case if isinstance(case, str) else case.case_id)


def events_of(desk: Database, case: Case | str) -> list[Event]:
    with desk.snapshot() as tx:
        return repository.events(tx, case if isinstance(case, str) else case.case_id)


def meta_of(event: Event) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(event.meta)) if event.meta else {}


def intact(desk: Database, case: Case) -> bool:
    return verification.verify_case(desk, case.case_id).intact


# --- the table ---
#
# Of the people, by the first letter of their id: a owns the cases called "a's", m those called "m's"; b and n are
# the Analyst and the Manager who own nothing, q reviews, x is inactive, f is the alert feed's service user.

ACTORS = {"a": ANALYST, "b": OTHER_ANALYST, "m": MANAGER, "n": OTHER_MANAGER, "q": REVIEWER}
ACTORS |= {"x": GONE, "f": ALERT_FEED_USER}


def given(desk: Database, case: Case, owner: User) -> Case:
    assign(desk, N, case.case_id, owner.user_id, "Knows the branch.")
    return case


def decided(desk: Database, case: Case, owner: User) -> Case:
    given(desk, case, owner)
    set_disposition(desk, owner.user_id, case.case_id, Decision(NO_SAR, "Takings match the tax filings."))
    return case


def escalated(desk: Database, case: Case) -> Case:
    given(desk, case, ANALYST)
    set_disposition(desk, A, case.case_id, Decision(ESCALATE, "Teller may be helping.", escalate_to=M))
    return case


def reviewed(desk: Database, case: Case) -> Case:
    decided(desk, case, ANALYST)
    record_qa(desk, R, case.case_id, QaResult.FAIL, "Same-day aggregation untested.")
    return case


SITUATIONS: dict[str, Callable[[Database, OpenCase], Case]] = {
    "new": lambda desk, opened: opened(),
    "a's": lambda desk, opened: given(desk, opened(), ANALYST),
    "m's": lambda desk, opened: given(desk, opened(), MANAGER),
    "escalated": lambda desk, opened: escalated(desk, opened()),
    "closed": lambda desk, opened: decided(desk, opened(sampled=False), ANALYST),
    "a's sampled": lambda desk, opened: decided(desk, opened(sampled=True), ANALYST),
    "m's sampled": lambda desk, opened: decided(desk, opened(sampled=True), MANAGER),
    "reviewed": lambda desk, opened: reviewed(desk, opened(sampled=True)),
}

TABLE = """
verb         | new   | a's   | m's   | escalated | closed | a's sampled | m's sampled | reviewed
-------------|-------|-------|-------|-----------|--------|-------------|-------------|---------
assign a     | amn   | -     | mn    | mn        | -      | -           | -           | -
assign b     | bmn   | amn   | mn    | mn        | -      | -           | -           | -
assign m     | mn    | amn   | -     | -         | -      | -           | -           | -
assign n     | mn    | amn   | mn    | mn        | -      | -           | -           | -
assign q     | -     | -     | -     | -         | -      | -           | -           | -
assign x     | -     | -     | -     | -         | -      | -           | -           | -
note         | abmnq | abmnq | abmnq | abmnq     | abmnq  | abmnq       | abmnq       | abmnq
SAR          | -     | amn   | mn    | mn        | -      | -           | -           | -
No SAR       | -     | amn   | mn    | mn        | -      | -           | -           | -
escalate m   | -     | a     | -     | -         | -      | -           | -           | -
escalate n   | -     | a     | m     | m         | -      | -           | -           | -
escalate b   | -     | -     | -     | -         | -      | -           | -           | -
escalate q   | -     | -     | -     | -         | -      | -           | -           | -
QA pass      | -     | -     | -     | -         | -      | mnq         | nq          | -
QA fail      | -     | -     | -     | -         | -      | mnq         | nq          | -
reopen       | -     | -     | -     | -         | mn     | mn          | mn          | mn
"""


def column(situation: str) -> dict[str, str]:
    header, _, *rows = ([cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines())
    at = header.index(situation)
    return {row[0]: row[at].strip("-") for row in rows}


def act(desk: Database, verb: str, actor: User, case: Case) -> Event:
    name, _, receiver = verb.partition(" ")
    actor_id, case_id = actor.user_id, case.case_id
    match name:
        case "assign":
            return assign(desk, actor_id, case_id, ACTORS[receiver].user_id, "Knows the branch.")
        case "note":
            return add_note(desk, actor_id, case_id, "A note.")
        case "SAR":
            return set_disposition(desk, actor_id, case_id, Decision(SAR, "Why.", determined_at=today()))
        case "No":
            return set_disposition(desk, actor_id, case_id, Decision(NO_SAR, "Why."))
        case "escalate":
            return set_disposition(
                desk, actor_id, case_id, Decision(ESCALATE, "Why.", escalate_to=ACTORS[receiver].user_id)
            )
        case "QA":
            return record_qa(desk, actor_id, case_id, QaResult(receiver.capitalize()), "Why.")
        case "reopen":
            return reopen(desk, actor_id, case_id, "Why.")
    raise ValueError(verb)


RULES = {
    "assign": Verb.ASSIGN,
    "note": Verb.NOTE,
    "SAR": Verb.DECIDE,
    "No": Verb.DECIDE,
    "escalate": Verb.ESCALATE,
    "QA": Verb.REVIEW,
    "reopen": Verb.REOPEN,
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_casework_table_holds_and_what_it_refuses_writes_nothing(
    desk: Database, open_case: OpenCase, situation: str
) -> None:
    expected, found = column(situation), dict.fromkeys(column(situation), "")
    case = SITUATIONS[situation](desk, open_case)
    for verb in expected:
        for letter, actor in ACTORS.items():
            before, events = row_of(desk, case), events_of(desk, case)
            rule = RULES[verb.split()[0]]
            shown = policy.why_not(rule, actor, before, policy.involved_in(events))
            try:
                event = act(desk, verb, actor, case)
            except (NotAllowed, InvalidForm) as refused:
                assert str(refused)[0].isupper(), refused
                assert str(refused).endswith("."), refused
                assert shown in (None, str(refused)), "a page gives another reason than casework"
                assert (row_of(desk, case), events_of(desk, case)) == (before, events), (verb, letter)
            else:
                assert shown is None, f"{verb}: a page hides from {letter} what casework accepts"
                found[verb] += letter
                stored = events_of(desk, case)
                assert stored[:-1] == events
                assert (stored[-1].user, stored[-1].event_hash) == (actor.user_id, event.event_hash)
                assert intact(desk, case)
                case = SITUATIONS[situation](desk, open_case)
    assert found == expected


@pytest.mark.parametrize("letter", [*"abmnqx"])
def test_only_the_alert_feed_opens_cases(desk: Database, open_case: OpenCase, letter: str) -> None:
    open_case()
    with pytest.raises(NotAllowed, match="Only the alert feed"):
        opening.open_case(desk, ACTORS[letter].user_id, ALERT)
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == 1


def test_an_alert_feed_that_someone_made_active_opens_nothing(desk: Database, open_case: OpenCase) -> None:
    with desk.transaction() as tx:
        tx.execute("UPDATE users SET active = 1 WHERE user_id = ?", (ALERT_FEED,))
    with pytest.raises(NotAllowed):
        open_case()


def test_the_owner_who_has_left_does_nothing_and_a_manager_passes_the_case_on(
    desk: Database, open_case: OpenCase
) -> None:
    case = given(desk, open_case(), ANALYST)
    with desk.transaction() as tx:
        tx.execute("UPDATE users SET active = 0 WHERE user_id = ?", (A,))
    for verb in ("assign b", "note", "SAR", "No SAR", "escalate m"):
        with pytest.raises(NotAllowed, match="is inactive and cannot act"):
            act(desk, verb, ANALYST, case)
    assign(desk, M, case.case_id, B, "Knows the branch.")
    assert row_of(desk, case).owner == B


def test_nobody_escalates_to_a_manager_who_has_left(desk: Database, open_case: OpenCase) -> None:
    with desk.transaction() as tx:
        repository.insert_user(tx, User("y.gone", "Yara Gone", Role.MANAGER, active=False))
    case = given(desk, open_case(), ANALYST)
    with pytest.raises(InvalidForm, match="active Manager"):
        set_disposition(desk, A, case.case_id, Decision(ESCALATE, "Why.", escalate_to="y.gone"))
    with pytest.raises(InvalidForm, match="which Manager"):
        set_disposition(desk, A, case.case_id, Decision(ESCALATE, "Why."))


@pytest.mark.parametrize("how", ["owned", "decided", "escalated"])
def test_who_had_a_part_in_the_case_before_it_was_reopened_does_not_review_it(
    desk: Database, open_case: OpenCase, how: str
) -> None:
    case = open_case(sampled=True)
    case_id = case.case_id
    given(desk, case, MANAGER if how in ("owned", "escalated") else ANALYST)
    if how == "owned":
        assign(desk, N, case_id, A, "Knows the branch.")
    elif how == "escalated":
        set_disposition(desk, M, case_id, Decision(ESCALATE, "Why.", escalate_to=N))
        assign(desk, N, case_id, A, "Knows the branch.")
    set_disposition(desk, M if how == "decided" else A, case_id, Decision(NO_SAR, "Why."))
    reopen(desk, N, case_id, "Why.")
    assign(desk, N, case_id, B, "Knows the branch.")
    set_disposition(desk, B, case_id, Decision(NO_SAR, "Why."))
    with pytest.raises(NotAllowed, match="owned the case or decided on it"):
        record_qa(desk, M, case_id, QaResult.PASS)
    record_qa(desk, Q, case_id, QaResult.PASS)


# --- what is written ---


def test_the_events_of_a_whole_life_say_what_changed_and_nothing_else(desk: Database, open_case: OpenCase) -> None:
    case = open_case(sampled=True)
    case_id, determined = case.case_id, today()
    assign(desk, A, case_id, A, form="f1")
    add_note(desk, B, case_id, "seen")
    set_disposition(desk, A, case_id, Decision(ESCALATE, "up", escalate_to=M), form="f2")
    assign(desk, M, case_id, B, "Knows the branch.")
    set_disposition(desk, B, case_id, Decision(SAR, "split", determined_at=determined, suspect_known=False))
    record_qa(desk, Q, case_id, QaResult.FAIL, "sums off", form="f3")
    reopen(desk, N, case_id, "sums off indeed")
    set_disposition(desk, N, case_id, Decision(NO_SAR, "lawful"))
    record_qa(desk, Q, case_id, QaResult.PASS)
    events = events_of(desk, case)
    assert [event.action for event in events] == [
        "open",
        "assign",
        "note",
        "disposition",
        "assign",
        "disposition",
        "qa_fail",
        "reopen",
        "disposition",
        "qa_pass",
    ]
    sar, failed, closed, passed = (events[i].ts for i in (5, 6, 8, 9))
    day, due = chain.format_ts(determined), chain.format_ts(determined + timedelta(days=60))
    assert [meta_of(event) for event in events[1:]] == [
        {"form": "f1", "owner": [None, A], "status": ["New", "In Review"]},
        {},
        {"disposition": ["", "Escalate"], "form": "f2", "owner": [A, M]},
        {"disposition": ["Escalate", ""], "owner": [M, B]},
        {
            "closed_at": [None, sar],
            "determined_at": [None, day],
            "disposition": ["", "SAR"],
            "filing": ["", "To draft"],
            "sar_due_at": [None, due],
            "status": ["In Review", "Closed"],
            "suspect": "unknown",
            "zone": "UTC",
        },
        {"form": "f3", "qa_at": [None, failed], "qa_result": ["", "Fail"], "qa_reviewer": [None, Q]},
        {
            "closed_at": [sar, None],
            "disposition": ["SAR", ""],
            "filing": ["To draft", ""],
            "qa_at": [failed, None],
            "qa_notes": ["sums off", ""],
            "qa_result": ["Fail", ""],
            "qa_reviewer": [Q, None],
            "status": ["Closed", "In Review"],
        },
        {
            "closed_at": [None, closed],
            "determined_at": [day, None],
            "disposition": ["", "No SAR"],
            "sar_due_at": [due, None],
            "status": ["In Review", "Closed"],
        },
        {"qa_at": [None, passed], "qa_result": ["", "Pass"], "qa_reviewer": [None, Q]},
    ]
    assert [event.notes for event in events] == [
        *("", "", "seen", "up", "Knows the branch.", "split", "sums off", "sums off indeed", "lawful", "")
    ]
    row = row_of(desk, case)
    assert (row.owner, row.event_count, row.head_hash) == (B, len(events), events[-1].event_hash)
    assert (row.closed_at, row.qa_at) == (chain.parse_ts(closed), chain.parse_ts(passed))
    assert intact(desk, case)


def test_the_open_event_holds_the_facts_of_the_case_and_its_evidence(desk: Database, open_case: OpenCase) -> None:
    case = open_case(amount=Decimal("0.1"), risk=Risk.LOW)
    (event,) = events_of(desk, case)
    meta = meta_of(event)
    assert {name: meta[name] for name in EVIDENCE} == EVIDENCE
    assert (meta["case"]["amount"], case.amount) == ("0.10", Decimal("0.10"))
    assert case.due_at - case.opened_at == timedelta(days=30)
    assert (event.user, event.ts) == (ALERT_FEED, chain.format_ts(case.opened_at))
    assert intact(desk, case)


def test_a_reopening_clears_the_closing_and_the_verdict_but_not_the_day_of_determination_and_the_deadline(
    desk: Database, open_case: OpenCase
) -> None:
    case = given(desk, open_case(sampled=True), ANALYST)
    event = set_disposition(desk, A, case.case_id, Decision(SAR, "Why.", determined_at=today()))
    record_qa(desk, Q, case.case_id, QaResult.PASS, "fine")
    row = row_of(desk, case)
    assert (row.determined_at, row.closed_at) == (today(), chain.parse_ts(event.ts))
    reopen(desk, M, case.case_id, "Why.")
    row = row_of(desk, case)
    assert (row.status, row.owner, row.disposition) == ("In Review", A, "")
    assert (row.closed_at, row.filing, row.qa_result, row.qa_reviewer, row.qa_at, row.qa_notes) == (
        *(None, "", "", None, None, ""),
    )
    assert (row.determined_at, row.sar_due_at) == (today(), today() + timedelta(days=30))


@pytest.mark.parametrize(("receiver", "left"), [(A, ""), (B, ""), (N, "Escalate")])
def test_an_escalation_is_answered_by_giving_the_case_to_an_analyst_and_only_so(
    desk: Database, open_case: OpenCase, receiver: str, left: str
) -> None:
    case = escalated(desk, open_case())
    assign(desk, M, case.case_id, receiver, "Knows the branch.")
    assert row_of(desk, case).disposition == left


# --- texts ---


def write_note(desk: Database, case: Case, text: str) -> Event:
    return add_note(desk, Q, case.case_id, text)


def write_rationale(desk: Database, case: Case, text: str) -> Event:
    return set_disposition(desk, A, case.case_id, Decision(NO_SAR, text))


def write_escalation(desk: Database, case: Case, text: str) -> Event:
    return set_disposition(desk, A, case.case_id, Decision(ESCALATE, text, escalate_to=M))


def write_reason(desk: Database, case: Case, text: str) -> Event:
    return reopen(desk, M, case.case_id, text)


def write_failure(desk: Database, case: Case, text: str) -> Event:
    return record_qa(desk, Q, case.case_id, QaResult.FAIL, text)


def write_praise(desk: Database, case: Case, text: str) -> Event:
    return record_qa(desk, Q, case.case_id, QaResult.PASS, text)


WRITERS: dict[str, tuple[str, Callable[[Database, Case, str], Event]]] = {
    "note": ("new", write_note),
    "rationale": ("a's", write_rationale),
    "escalation": ("a's", write_escalation),
    "reason to reopen": ("closed", write_reason),
    "QA fail": ("a's sampled", write_failure),
    "QA pass": ("a's sampled", write_praise),
}
LONGEST = ("é🦊 \n\t" * MAX_TEXT)[: MAX_TEXT - 3] + " \n "


@pytest.mark.parametrize("writer", WRITERS)
def test_ten_thousand_characters_are_kept_to_the_last_space_and_one_more_is_refused(
    desk: Database, open_case: OpenCase, writer: str
) -> None:
    situation, write = WRITERS[writer]
    case = SITUATIONS[situation](desk, open_case)
    events = events_of(desk, case)
    for bad in (LONGEST + "x", "a\u202eb", "a\x00b", "a\x1fb", "a\rb", "a\x85b", "a\ud800b"):
        with pytest.raises(InvalidForm):
            write(desk, case, bad)
    assert events_of(desk, case) == events
    write(desk, case, LONGEST)
    assert events_of(desk, case)[-1].notes == LONGEST
    if writer.startswith("QA"):
        assert row_of(desk, case).qa_notes == LONGEST
    assert intact(desk, case)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("blank", ["", " \t\n", "\u3000", "\u200b\u3164"])
def test_a_blank_text_is_refused_but_for_a_qa_pass(
    desk: Database, open_case: OpenCase, writer: str, blank: str
) -> None:
    situation, write = WRITERS[writer]
    case = SITUATIONS[situation](desk, open_case)
    if writer == "QA pass":
        write(desk, case, blank)
        assert (events_of(desk, case)[-1].notes, row_of(desk, case).qa_notes) == ("", "")
    else:
        with pytest.raises(InvalidForm, match="is empty"):
            write(desk, case, blank)
    assert intact(desk, case)


@pytest.mark.parametrize(
    "text",
    [
        "trailing   ",
        "\n\nlines\n\n",
        "e\u0301 is not é",
        "'; DROP TABLE cases;--",
        '{"status":["New","Closed"]}',
        "ﬁ 👩‍👩‍👧 ١٢ \u200fabc",
        "𠀀\U0010ffff\ufffe",
        "🦊" * MAX_TEXT,
        "漢" * (MAX_TEXT - 1) + " ",
        *("x" * length for length in (999, 1000, 1001, 3999, 4000, 4001, MAX_TEXT)),
    ],
    ids=lambda text: f"{text[:20]!a} of {len(text)}",
)
def test_what_a_person_writes_comes_back_as_written(desk: Database, open_case: OpenCase, text: str) -> None:
    case = given(desk, open_case(sampled=True), ANALYST)
    add_note(desk, A, case.case_id, text)
    set_disposition(desk, A, case.case_id, Decision(NO_SAR, text))
    record_qa(desk, Q, case.case_id, QaResult.FAIL, text)
    assert [event.notes for event in events_of(desk, case)[2:]] == [text] * 3
    assert row_of(desk, case).qa_notes == text
    assert intact(desk, case)


# --- several cases, and the next one ---


def test_several_cases_are_assigned_together_with_an_event_each(desk: Database, open_case: OpenCase) -> None:
    cases = [open_case() for _ in range(3)]
    seen = [(case.case_id, case.head_hash) for case in cases]
    events = casework.assign_all(desk, M, seen, B, "Knows the branch.", form="token")
    assert sorted(event.case_id for event in events) == sorted(case.case_id for case in cases)
    assert [row_of(desk, case).owner for case in cases] == [B, B, B]
    assert casework.assign_all(desk, M, seen, B, "Knows the branch.", form="token") == events_with_ids(desk, events)
    assert verification.verify_database(desk) == verification.Verified(3, 6, ())


def events_with_ids(desk: Database, events: list[Event]) -> list[Event]:
    """The same events as they are stored."""
    return [events_of(desk, event.case_id)[-1] for event in events]


def test_of_several_cases_none_is_assigned_where_one_is_refused(desk: Database, open_case: OpenCase) -> None:
    cases = [open_case() for _ in range(3)]
    seen = [(case.case_id, case.head_hash) for case in cases]
    assign(desk, B, cases[1].case_id, B)
    with pytest.raises(StaleCase) as stale:
        casework.assign_all(desk, A, seen, A)
    assert (stale.value.case_id, [event.action for event in stale.value.since]) == (cases[1].case_id, ["assign"])
    with pytest.raises(NotAllowed, match="belongs to someone else"):
        casework.assign_all(desk, A, [(case.case_id, None) for case in cases], A)
    assert [row_of(desk, case).owner for case in cases] == [None, B, None]
    assert verification.verify_database(desk) == verification.Verified(3, 4, ())


def test_the_next_case_is_the_one_due_first_of_those_that_nobody_owns(desk: Database, open_case: OpenCase) -> None:
    low = open_case(risk=Risk.LOW)
    first, second, third = (open_case() for _ in range(3))
    assign(desk, B, second.case_id, B)
    taken = [casework.take_next(desk, user_id, form=f"form{n}") for n, user_id in enumerate((A, M, A, A))]
    assert [event and (event.case_id, event.user) for event in taken] == [
        (first.case_id, A),
        (third.case_id, M),
        (low.case_id, A),
        None,
    ]
    assert row_of(desk, third).owner == M


def test_a_broken_case_keeps_nobody_from_the_next_one(desk: Database, open_case: OpenCase) -> None:
    first, second, third = (open_case().case_id for _ in range(3))
    for case_id in (first, second):
        tamper(desk, "UPDATE cases SET head_hash = ? WHERE case_id = ?", "0" * 64, case_id)
    event = casework.take_next(desk, A)
    assert event
    assert event.case_id == third
    with pytest.raises(BrokenCase, match=second):
        casework.take_next(desk, A)


@pytest.mark.parametrize("user_id", [Q, GONE.user_id])
def test_who_may_own_no_case_takes_none(desk: Database, open_case: OpenCase, user_id: str) -> None:
    case = open_case()
    with pytest.raises(NotAllowed):
        casework.take_next(desk, user_id)
    assert row_of(desk, case) == case


# --- who looks at a SAR, and what leaves the desk ---


def closed_as(disposition: Disposition, desk: Database, case: Case) -> Case:
    assign(desk, A, case.case_id, A)
    determined = case.opened_at if disposition is SAR else None
    set_disposition(desk, A, case.case_id, Decision(disposition, "As the rationale says.", determined_at=determined))
    return case


def test_a_look_at_a_sar_is_kept_once_a_person_a_day_and_of_no_other_case(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, plain = closed_as(SAR, desk, open_case()), closed_as(NO_SAR, desk, open_case())
    assert casework.record_view(desk, B, plain.case_id) is None
    for user_id in (A, A, R, A, R):
        casework.record_view(desk, user_id, case.case_id)
    assert [(event.user, event.action) for event in events_of(desk, case)[3:]] == [(A, "view"), (R, "view")]
    reopen(desk, M, case.case_id, "Once more.")
    assert casework.record_view(desk, B, case.case_id) is not None
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(casework, "datetime", Clock(itertools.repeat(tomorrow)))
    assert casework.record_view(desk, B, case.case_id) is not None
    assert casework.record_view(desk, B, case.case_id) is None
    with pytest.raises(NotAllowed):
        casework.record_view(desk, GONE.user_id, case.case_id)
    assert verification.verify_database(desk).intact


def test_an_export_is_kept_with_what_left_the_desk(desk: Database, open_case: OpenCase) -> None:
    case = closed_as(NO_SAR, desk, open_case())
    event = casework.record_export(desk, R, case.case_id, {"audit.csv": b"abc"}, 3)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert event and (event.user, event.notes) == (R, "")
    assert json.loads(event.meta) == {"events": 3, "files": {"audit.csv": digest}}
    with pytest.raises(NotAllowed):
        casework.record_export(desk, GONE.user_id, case.case_id, {}, 3)
    assert len(events_of(desk, case)) == 4


def test_the_files_of_a_case_that_takes_no_event_leave_all_the_same_but_not_with_just_anybody(
    desk: Database, open_case: OpenCase
) -> None:
    case = open_case()
    tamper(desk, "UPDATE cases SET head_hash = ? WHERE case_id = ?", "0" * 64, case.case_id)
    assert casework.record_export(desk, A, case.case_id, {"audit.csv": b"abc"}, 1) is None
    with pytest.raises(NotAllowed):
        casework.record_export(desk, GONE.user_id, case.case_id, {"audit.csv": b"abc"}, 1)


# --- what cannot be ---


def test_an_unknown_case_or_person_is_named(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    for verb in ("assign a", "note", "SAR", "No SAR", "escalate m", "QA pass", "reopen"):
        with pytest.raises(UnknownUser, match="nobody"):
            act(desk, verb, User("nobody", "Nobody", Role.MANAGER, active=True), case)
    with pytest.raises(UnknownCase, match="AML-0000000U"):
        add_note(desk, A, "AML-0000000U", "x")
    with pytest.raises(UnknownCase):
        add_note(desk, A, case.case_id.lower(), "x")
    with pytest.raises(UnknownUser, match="nobody"):
        assign(desk, M, case.case_id, "nobody", "Knows the branch.")
    assert len(events_of(desk, case)) == 1


def test_nobody_is_taken_for_another_by_a_space_or_a_letter(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    for asked in (f"{case_id} ", f" {case_id}", case_id.lower()):
        with pytest.raises(UnknownCase):
            add_note(desk, A, asked, "x")
    for asked in (f"{A} ", f" {A}", A.upper()):
        with pytest.raises(UnknownUser):
            add_note(desk, asked, case_id, "x")
        with pytest.raises(UnknownUser):
            assign(desk, M, case_id, asked, "Knows the branch.")
        with pytest.raises(UnknownUser):
            users.deactivate_user(desk, asked)
    assert len(events_of(desk, case_id)) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"amount": Decimal("-0.01")},
        {"amount": Decimal("-0.00")},  # a store has no negative zero: verification would find another amount
        {"amount": Decimal("0.001")},
        {"amount": Decimal("10000000000000.00")},
        {"amount": Decimal("NaN")},
        {"amount": Decimal("Infinity")},
        {"risk_score": 101},
        {"risk_score": -1},
        {"currency": "usd"},
        {"currency": "USD\n"},
        {"currency": "ZZZ"},
        {"currency": "JPY", "amount": Decimal("100.50")},
        {"customer_id": ""},
        {"customer_id": "C" * 41},
        {"customer_name": " "},
        {"customer_name": "\u200b"},
        {"customer_name": "a\x1fb"},
        {"customer_name": "a\r\nb"},
        {"customer_name": "a "},
        {"typology": "T" * 101},
        {"transactions": [{"amount": "9400.00"}]},
        {"amount": float("nan")},
        {"window": Decimal(1)},
        {"alert": "\ud800"},
    ],
    ids=repr,
)
def test_a_case_is_not_opened_on_facts_that_cannot_be_kept(
    desk: Database, open_case: OpenCase, facts: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        open_case(**facts)
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == 0


# --- sent twice ---


def test_a_form_sent_twice_is_answered_with_its_event_and_written_once(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    seen = case.head_hash
    first = assign(desk, A, case.case_id, A, form="token", seen=seen)
    add_note(desk, B, case.case_id, "meanwhile")
    before = events_of(desk, case)
    again = assign(desk, A, case.case_id, A, form="token", seen=seen)  # stale, and not allowed any more: still a repeat
    assert again.event_hash == first.event_hash
    assert events_of(desk, case) == before


def test_a_token_that_someone_else_sent_is_no_answer(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    add_note(desk, A, case.case_id, "mine", form="token")
    with pytest.raises(InvalidInput, match="by someone else"):
        add_note(desk, B, case.case_id, "mine too", form="token")
    assert [event.notes for event in events_of(desk, case)] == ["", "mine"]


def test_a_token_counts_within_its_own_case(desk: Database, open_case: OpenCase) -> None:
    one, other = open_case(), open_case()
    add_note(desk, A, one.case_id, "x", form="token")
    add_note(desk, A, other.case_id, "x", form="token")
    assert len(events_of(desk, other)) == 2


def test_a_refused_form_can_be_sent_again_when_it_holds(desk: Database, open_case: OpenCase) -> None:
    case = given(desk, open_case(), ANALYST)
    with pytest.raises(InvalidForm):
        set_disposition(desk, A, case.case_id, Decision(NO_SAR, " "), form="token")
    set_disposition(desk, A, case.case_id, Decision(NO_SAR, "Why."), form="token")
    assert row_of(desk, case).status == "Closed"


@pytest.mark.parametrize("form", ["a b", "ä", "x" * 65, '"', "\n"])
def test_a_token_that_is_none_of_the_desks_is_refused(desk: Database, open_case: OpenCase, form: str) -> None:
    case = open_case()
    with pytest.raises(InvalidInput):
        add_note(desk, A, case.case_id, "x", form=form)
    assert len(events_of(desk, case)) == 1


# --- what moved on meanwhile ---


def test_who_loses_the_race_for_the_row_judges_anew_and_writes_once(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case()
    update, lost = repository.update_case, [True, True]
    monkeypatch.setattr(repository, "update_case", lambda *row: not (lost and lost.pop()) and update(*row))
    event = add_note(desk, A, case.case_id, "x", form=casework.new_form())
    assert (lost, events_of(desk, case)[1].event_hash) == ([], event.event_hash)
    assert intact(desk, case)


def test_who_loses_every_race_is_told_to_try_again(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case()
    monkeypatch.setattr(repository, "update_case", lambda *row: False)
    with pytest.raises(DatabaseBusy, match="Try again"):
        add_note(desk, A, case.case_id, "x")
    assert len(events_of(desk, case)) == 1


def test_a_note_an_assignment_and_a_decision_differ_in_what_they_pass_over(desk: Database, open_case: OpenCase) -> None:
    case = given(desk, open_case(), ANALYST)
    seen = row_of(desk, case).head_hash
    note = add_note(desk, B, case.case_id, "new evidence")
    with pytest.raises(StaleCase) as stale:
        set_disposition(desk, A, case.case_id, Decision(NO_SAR, "Why."), seen=seen)
    assert [event.event_hash for event in stale.value.since] == [note.event_hash]
    with pytest.raises(StaleCase):
        set_disposition(desk, A, case.case_id, Decision(ESCALATE, "Why.", escalate_to=M), seen=seen)
    assert len(events_of(desk, case)) == 3
    assign(desk, A, case.case_id, B, "Knows the branch.", seen=seen)
    with pytest.raises(StaleCase) as stale:
        assign(desk, M, case.case_id, N, "Knows the branch.", seen=seen)
    assert [event.action for event in stale.value.since] == ["note", "assign"]
    add_note(desk, A, case.case_id, "too late to be stale")
    assert len(events_of(desk, case)) == 5


def test_a_disposition_a_qa_verdict_and_a_reopening_pass_over_looks_and_exports_alone(
    desk: Database, open_case: OpenCase
) -> None:
    case = decided(desk, open_case(sampled=True), ANALYST)
    seen = row_of(desk, case).head_hash
    add_note(desk, B, case.case_id, "new evidence")
    with pytest.raises(StaleCase):
        record_qa(desk, Q, case.case_id, QaResult.PASS, seen=seen)
    with pytest.raises(StaleCase):
        reopen(desk, M, case.case_id, "Why.", seen=seen)
    seen = row_of(desk, case).head_hash
    casework.record_export(desk, R, case.case_id, {}, 4)
    record_qa(desk, Q, case.case_id, QaResult.PASS, seen=seen)
    assert row_of(desk, case).qa_result == "Pass"
    casework.record_export(desk, R, case.case_id, {}, 6)
    with pytest.raises(StaleCase):
        reopen(desk, M, case.case_id, "Why.", seen=seen)
    sar = closed_as(SAR, desk, open_case())
    seen = row_of(desk, sar).head_hash
    casework.record_view(desk, R, sar.case_id)
    reopen(desk, M, sar.case_id, "Why.", seen=seen)
    seen = row_of(desk, sar).head_hash
    casework.record_view(desk, Q, sar.case_id)
    set_disposition(desk, A, sar.case_id, Decision(NO_SAR, "Why."), seen=seen)


@pytest.mark.parametrize("head", ["", chain.GENESIS, "f" * 64, "of another case"])
def test_a_head_that_never_was_is_stale_and_shows_the_whole_case(
    desk: Database, open_case: OpenCase, head: str
) -> None:
    case = open_case()
    if head == "of another case":
        head = open_case().head_hash
    with pytest.raises(StaleCase) as stale:
        assign(desk, A, case.case_id, A, seen=head)
    assert list(stale.value.since) == events_of(desk, case)
    assert row_of(desk, case).owner is None


@pytest.mark.parametrize("head", [chain.GENESIS, "f" * 64])
def test_nothing_is_built_on_a_case_whose_row_names_another_head(
    desk: Database, open_case: OpenCase, head: str
) -> None:
    case = given(desk, open_case(), ANALYST)
    before = events_of(desk, case)
    with desk.transaction() as tx:
        tx.execute("UPDATE cases SET head_hash = ? WHERE case_id = ?", (head, case.case_id))
    for verb in ("assign b", "note", "SAR", "No SAR", "escalate m"):
        with pytest.raises(BrokenCase, match="Verify it"):
            act(desk, verb, ANALYST, case)
    assert events_of(desk, case) == before


# --- time ---


class Clock:
    """Stands in for `datetime` in casework; `ticks` are what it shows, one after the other."""

    def __init__(self, ticks: Iterator[datetime]) -> None:
        self.ticks = ticks

    def now(self, zone: object) -> datetime:
        assert zone is UTC
        return next(self.ticks)


def test_a_clock_that_goes_back_never_backdates_an_event(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 1, 5, 11, 59, 59, 999_999, tzinfo=UTC)
    last, back = noon + timedelta(microseconds=2), timedelta(microseconds=-1)
    ticks = [noon, noon + back, last, last + back, noon + 2 * back]
    clock = Clock(iter(ticks))
    for module in (opening, casework):
        monkeypatch.setattr(module, "datetime", clock)
    monkeypatch.setattr(opening, "new_case_id", lambda: "AML-00000004")  # in the QA sample
    case = open_case()
    assign(desk, A, case.case_id, A)
    add_note(desk, A, case.case_id, "x")
    set_disposition(desk, A, case.case_id, Decision(NO_SAR, "Why."))
    record_qa(desk, Q, case.case_id, QaResult.PASS)
    assert [chain.parse_ts(event.ts) for event in events_of(desk, case)] == [noon, noon, last, last, last]
    row = row_of(desk, case)
    assert (row.closed_at, row.qa_at) == (last, last)
    assert intact(desk, case)


def test_after_an_event_dated_ahead_looks_are_kept_once_a_real_day_and_the_clock_with_them(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    case = closed_as(SAR, desk, open_case())
    today = datetime.now(UTC)
    ahead = today + timedelta(days=90)
    monkeypatch.setattr(casework, "datetime", Clock(iter([ahead])))
    add_note(desk, A, case.case_id, "by a machine whose clock is wrong")
    assert not caplog.records
    days = [today + timedelta(days=number) for number in range(3)]
    for day in days:
        monkeypatch.setattr(casework, "datetime", Clock(itertools.repeat(day)))
        for user_id in (R, R, B):
            casework.record_view(desk, user_id, case.case_id)
    looks = events_of(desk, case)[4:]
    assert [(event.user, meta_of(event)) for event in looks] == [
        (user_id, {"clock": chain.format_ts(day)}) for day in days for user_id in (R, B)
    ]
    assert {event.ts for event in looks} == {chain.format_ts(ahead)}
    assert [record.getMessage() for record in caplog.records][0] == (
        f"{case.case_id}: its newest event is dated 7776000 seconds ahead of this machine's clock"
    )
    assert intact(desk, case)


def test_a_case_that_was_opened_ahead_is_closed_as_sar_on_the_real_day(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr(opening, "datetime", Clock(itertools.repeat(now + timedelta(days=90))))
    case = open_case()
    monkeypatch.setattr(casework, "datetime", Clock(itertools.repeat(now)))
    assign(desk, A, case.case_id, A)
    for days, refused in ((1, "in the future"), (90, "in the future"), (-1, "before the case was opened")):
        with pytest.raises(InvalidForm, match=refused):
            day = now.date() + timedelta(days=days)
            set_disposition(desk, A, case.case_id, Decision(SAR, "Why.", determined_at=day))
    event = set_disposition(desk, A, case.case_id, Decision(SAR, "Why.", determined_at=now.date()))
    row = row_of(desk, case)
    assert (row.determined_at, row.closed_at) == (today(), chain.parse_ts(event.ts))
    assert intact(desk, case)


def test_a_determination_is_kept_as_the_day_of_whoever_gives_it_with_their_zone(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokyo, evening = ZoneInfo("Asia/Tokyo"), datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
    for module in (opening, casework):
        monkeypatch.setattr(module, "datetime", Clock(itertools.repeat(evening)))
    case = given(desk, open_case(), ANALYST)
    event = set_disposition(desk, A, case.case_id, Decision(SAR, "Why.", determined_at=date(2026, 1, 6), zone=tokyo))
    meta = meta_of(event)
    assert (meta["determined_at"], meta["zone"]) == ([None, "2026-01-06T00:00:00.000000Z"], "Asia/Tokyo")
    assert row_of(desk, case).determined_at == datetime(2026, 1, 6, tzinfo=UTC)
    assert intact(desk, case)


def test_a_time_that_was_forged_is_an_error_with_a_sentence_and_nothing_follows_it(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case()
    (event,) = events_of(desk, case)
    forged = replace(event, ts="yesterday")
    monkeypatch.setattr(repository, "events", lambda tx, case_id: [forged])
    with pytest.raises(BrokenCase, match="Verify it"):
        add_note(desk, A, case.case_id, "x")
    monkeypatch.undo()
    assert events_of(desk, case) == [event]
