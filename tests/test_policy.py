"""The rules on their own; tests/test_casework.py judges the whole table of them through a database."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from app import chain, joining, policy, sar_track, typed
from app.errors import InvalidForm, InvalidText, NotAllowed
from app.models import (
    ALERT_FEED_USER,
    MAX_TEXT,
    Action,
    Case,
    Disposition,
    Event,
    Filing,
    QaResult,
    Risk,
    Role,
    Status,
    User,
)
from app.policy import Decision, Verb
from app.sar_track import Filed
from tests import lives
from tests.conftest import ALERT, ANALYST, GONE, MANAGER, OTHER_ANALYST, OTHER_MANAGER, PEOPLE, REVIEWER
from tests.drafts import COMPLETE
from tests.lives import OPENED, SAMPLED_ID, filed_life, opened

NOW = OPENED + timedelta(days=7)


def a_case(**columns: Any) -> Case:
    return replace(opened(SAMPLED_ID).case, **columns)


def in_review(owner: User) -> Case:
    return a_case(status=Status.IN_REVIEW, owner=owner.user_id)


def closed(owner: User) -> Case:
    return replace(in_review(owner), status=Status.CLOSED, disposition=Disposition.NO_SAR, closed_at=NOW)


def refusal(verb: Any, *arguments: Any) -> str | None:
    try:
        verb(*arguments)
    except (NotAllowed, InvalidForm) as refused:
        return str(refused)
    return None


def lacks(verb: Any, *arguments: Any) -> set[str]:
    """The fields that something is wrong with."""
    with pytest.raises(InvalidForm) as refused:
        verb(*arguments)
    assert str(refused.value) == " ".join(refused.value.fields.values())
    return set(refused.value.fields)


def test_a_page_offers_a_receiver_exactly_where_the_assignment_would_be_accepted() -> None:
    cases = [a_case(), in_review(ANALYST), in_review(MANAGER), in_review(GONE), closed(ANALYST)]
    for actor, case, receiver in itertools.product(PEOPLE, cases, PEOPLE):
        offered = (
            policy.why_not(Verb.ASSIGN, actor, case) is None and policy.why_not_receive(actor, case, receiver) is None
        )
        assert (refusal(policy.assign, actor, case, receiver, "why") is None) is offered, (actor, case.owner, receiver)


def test_a_case_changes_hands_with_a_reason_and_is_taken_from_nobody_without() -> None:
    hand_overs = [(ANALYST, in_review(ANALYST), OTHER_ANALYST), (MANAGER, a_case(), ANALYST)]
    for actor, case, receiver in (*hand_overs, (MANAGER, in_review(ANALYST), MANAGER)):
        assert (
            lacks(policy.assign, actor, case, receiver)
            == lacks(policy.assign, actor, case, receiver, " ")
            == {"reason"}
        )
        assert policy.assign(actor, case, receiver, "On leave.").notes == "On leave."
    assert policy.assign(ANALYST, a_case(), ANALYST).notes == ""


def test_a_page_offers_a_manager_exactly_where_the_escalation_would_be_accepted() -> None:
    gone_manager = User("y.gone", "Yara Gone", Role.MANAGER, active=False)
    cases = [a_case(), in_review(ANALYST), in_review(MANAGER), closed(MANAGER)]
    for actor, case, receiver in itertools.product(PEOPLE, cases, (*PEOPLE, gone_manager)):
        offered = policy.why_not(Verb.ESCALATE, actor, case) is None and policy.can_take_escalation(actor, receiver)
        refused = refusal(policy.escalate, actor, case, "why", receiver) is not None
        assert refused is not offered, (actor, case.owner, receiver)


def test_readme_tells_of_each_verb_what_the_table_says() -> None:
    def listed(words: Iterable[str], of: type[StrEnum], everything: str) -> str:
        held = [word for word in of if word in set(words)]
        return everything if len(held) == len(of) else ", ".join(held)

    told = []
    for line in (Path(__file__).parent.parent / "README.md").read_text("utf-8").split("| Verb |")[1].splitlines()[2:]:
        if not line:
            break
        verb, roles, _, *others = (cell.strip() for cell in line.strip("|").split("|"))
        told.append([verb, roles, *others])
    assert told == [
        [
            verb.name.lower(),
            listed(set(Role) - set(verb.value.refuses), Role, "any"),
            listed(set(Status) - set(verb.value.refuses), Status, "any"),
            verb.value.to or "same",
            listed(verb.value.makes, Action, "anything"),
            listed(verb.value.passes_over, Action, "anything"),
        ]
        for verb in Verb
    ], "edit the table of verbs in README.md"


def test_what_a_verb_appends_and_where_it_leads_is_what_its_row_says() -> None:
    mine, over, nobody = in_review(ANALYST), closed(ANALYST), frozenset[str]()
    changes = [
        (Verb.ALERT, a_case(), joining.join(ALERT_FEED_USER, a_case(), ALERT)),
        (Verb.ASSIGN, a_case(), policy.assign(ANALYST, a_case(), ANALYST)),
        (Verb.NOTE, over, policy.note(REVIEWER, over, "seen")),
        (Verb.DECIDE, mine, policy.decide(ANALYST, mine, Decision(Disposition.NO_SAR, "why"), NOW)),
        (Verb.ESCALATE, mine, policy.escalate(ANALYST, mine, "why", MANAGER)),
        (Verb.REVIEW, over, policy.review(REVIEWER, over, nobody, QaResult.PASS, "", NOW)),
        (Verb.REVIEW, over, policy.review(REVIEWER, over, nobody, QaResult.FAIL, "why", NOW)),
        (Verb.REOPEN, over, policy.reopen(MANAGER, over, "why")),
        (Verb.VIEW, over, policy.view(ANALYST, over)),
        (Verb.EXPORT, over, policy.export(ANALYST, over, {}, 1)),
        *steps_of_a_sar(),
    ]
    for verb in Verb:
        assert {change.action for one, _, change in changes if one is verb} == verb.value.makes, verb
    for verb, case, change in changes:
        assert replace(case, **change.columns).status == (verb.value.to or case.status), verb


def steps_of_a_sar() -> Iterator[tuple[Verb, Case, policy.Change]]:
    def at(filing: Filing, **columns: Any) -> Case:
        return replace(closed(ANALYST), disposition=Disposition.SAR, filing=filing, **columns)

    life = filed_life()
    upto = next(at for at, event in enumerate(life.events) if event.action == Action.SAR_APPROVE)
    events, hashed = life.events[:upto], life.events[upto - 1].event_hash
    to_file, filed = at(Filing.TO_FILE), at(Filing.FILED, filed_at=NOW)
    yield Verb.SAR_DRAFT, at(Filing.TO_DRAFT), sar_track.draft(ANALYST, at(Filing.TO_DRAFT), events, COMPLETE)
    waiting = at(Filing.TO_APPROVE)
    yield Verb.SAR_APPROVE, waiting, sar_track.approve(MANAGER, waiting, events, hashed)
    yield Verb.SAR_RETURN, to_file, sar_track.send_back(MANAGER, to_file, events, "why")
    yield Verb.SAR_FILE, to_file, sar_track.file(ANALYST, to_file, events, Filed(NOW.date(), UTC), NOW)
    yield Verb.SAR_ACKNOWLEDGE, filed, sar_track.acknowledge(ANALYST, filed, [], "1" * 14)
    yield Verb.SAR_REJECT, filed, sar_track.reject(ANALYST, filed, events, ["why"])
    known = replace(filed, bsa_id="1" * 14)
    yield Verb.SAR_AMEND, known, sar_track.amend(ANALYST, known, "why")


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("role", Role)
def test_whoever_is_inactive_may_do_nothing_even_with_an_own_case(verb: Verb, role: Role) -> None:
    actor = replace(ANALYST, role=role, active=False)
    for case in (a_case(), in_review(actor), closed(OTHER_ANALYST)):
        assert policy.why_not(verb, actor, case) == "Anh Nguyễn is inactive and cannot act."


def test_an_analyst_who_became_a_reviewer_no_longer_works_the_cases_they_own() -> None:
    moved = replace(ANALYST, role=Role.QA)
    case = in_review(moved)
    for verb in (Verb.ASSIGN, Verb.DECIDE, Verb.ESCALATE):
        assert policy.why_not(verb, moved, case), verb
    assert policy.why_not(Verb.NOTE, moved, case) is None


def test_involved_are_owners_before_and_after_and_deciders_but_not_who_noted_or_reviewed() -> None:
    life = opened(SAMPLED_ID)
    case, events = life.case, life.events
    changes: list[tuple[User, policy.Change]] = [
        (OTHER_MANAGER, policy.assign(OTHER_MANAGER, case, ANALYST, "why")),
        (OTHER_ANALYST, policy.note(OTHER_ANALYST, case, "seen")),
        (ANALYST, policy.escalate(ANALYST, in_review(ANALYST), "why", MANAGER)),
        (MANAGER, policy.decide(MANAGER, in_review(MANAGER), Decision(Disposition.NO_SAR, "why"), NOW)),
        (REVIEWER, policy.review(REVIEWER, closed(MANAGER), frozenset(), QaResult.PASS, "", NOW)),
        (OTHER_MANAGER, policy.reopen(OTHER_MANAGER, closed(MANAGER), "why")),
    ]
    for actor, change in changes:
        case, event = chain.append(
            case, actor.user_id, chain.format_ts(NOW), change.action, change.notes, change.columns, change.facts
        )
        events.append(event)
    assert policy.involved_in(events) == {ANALYST.user_id, MANAGER.user_id}


@pytest.mark.parametrize("disposition", [Disposition.NONE, Disposition.ESCALATE])
def test_a_case_is_closed_only_as_sar_or_no_sar(disposition: Disposition) -> None:
    assert refusal(policy.decide, ANALYST, in_review(ANALYST), Decision(disposition, "why", NOW), NOW)


@pytest.mark.parametrize("case", [a_case(), in_review(ANALYST)], ids=lambda case: case.status)
def test_only_a_closed_case_is_reviewed_though_it_is_in_the_sample(case: Case) -> None:
    assert policy.why_not(Verb.REVIEW, REVIEWER, case) == "Only closed cases are reviewed."


def test_a_review_without_a_verdict_is_refused() -> None:
    assert refusal(policy.review, REVIEWER, closed(ANALYST), frozenset(), QaResult.NONE, "looks fine", NOW)


def test_all_that_is_wrong_with_a_form_is_told_at_once_and_by_field() -> None:
    mine, long = in_review(ANALYST), "x" * (MAX_TEXT + 1)
    assert lacks(policy.assign, ANALYST, mine, None) == {"receiver", "reason"}
    assert lacks(policy.note, ANALYST, mine, " ") == {"text"}
    assert lacks(policy.decide, ANALYST, mine, Decision(Disposition.NONE, ""), NOW) == {"disposition", "rationale"}
    assert lacks(policy.decide, ANALYST, mine, Decision(Disposition.SAR, long), NOW) == {"rationale", "determined_at"}
    assert lacks(policy.escalate, ANALYST, mine, "", None) == {"rationale", "escalate_to"}
    assert lacks(policy.escalate, ANALYST, mine, "", OTHER_ANALYST) == {"rationale", "escalate_to"}
    theirs, nobody = closed(ANALYST), frozenset[str]()
    assert lacks(policy.review, REVIEWER, theirs, nobody, QaResult.NONE, long, NOW) == {"result", "notes"}
    assert lacks(policy.review, REVIEWER, theirs, nobody, QaResult.FAIL, "", NOW) == {"notes"}
    assert lacks(policy.reopen, MANAGER, closed(ANALYST), "") == {"reason"}


@pytest.mark.parametrize(
    ("disposition", "determined_at", "accepted"),
    [
        (Disposition.SAR, None, False),
        (Disposition.SAR, NOW.date(), True),
        (Disposition.SAR, NOW.date() + timedelta(days=1), False),
        (Disposition.SAR, OPENED.date(), True),
        (Disposition.SAR, OPENED.date() - timedelta(days=1), False),
        (Disposition.NO_SAR, None, True),
        (Disposition.NO_SAR, NOW.date(), False),
    ],
)
def test_a_sar_is_determined_between_the_day_of_opening_and_today_and_a_no_sar_never(
    disposition: Disposition, determined_at: date | None, accepted: bool
) -> None:
    reason = refusal(policy.decide, ANALYST, in_review(ANALYST), Decision(disposition, "why", determined_at), NOW)
    assert (reason is None) is accepted, reason


WEST = timezone(timedelta(hours=-8), "America/Los_Angeles")
EAST = timezone(timedelta(hours=9), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("zone", "opened_at", "clock", "first", "last"),
    [
        (WEST, "2026-01-05T09:00Z", "2026-01-06T00:45Z", "2026-01-05", "2026-01-05"),  # 16:45 there
        (WEST, "2026-01-05T07:59Z", "2026-01-06T08:00Z", "2026-01-04", "2026-01-06"),  # opened on the evening before
        (EAST, "2026-01-05T14:59Z", "2026-01-05T15:00Z", "2026-01-05", "2026-01-06"),  # a minute later it is tomorrow
        (UTC, "2026-01-05T00:00Z", "2026-01-05T23:59Z", "2026-01-05", "2026-01-05"),
        (UTC, "2026-04-05T09:00Z", "2026-01-05T09:00Z", "2026-01-05", "2026-01-05"),  # opened by a clock that was wrong
        (WEST, "0001-01-01T00:00Z", "2026-01-05T09:00Z", "0001-01-01", "2026-01-05"),  # damaged: no such day there
    ],
)
def test_a_day_of_determination_is_judged_by_the_calendar_of_whoever_gives_it(
    zone: tzinfo, opened_at: str, clock: str, first: str, last: str
) -> None:
    case = replace(in_review(ANALYST), opened_at=datetime.fromisoformat(opened_at))
    now = datetime.fromisoformat(clock)

    def decided(day: date) -> policy.Change:
        later = max(now, case.opened_at)  # the event's own time
        return policy.decide(ANALYST, case, Decision(Disposition.SAR, "why", day, zone=zone), later, clock=now)

    for day in map(date.fromisoformat, (first, last)):
        change = decided(day)
        assert change.columns["determined_at"] == datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert change.facts == {"zone": str(zone)}
    with pytest.raises(InvalidForm, match="in the future"):
        decided(date.fromisoformat(last) + timedelta(days=1))
    if first == "0001-01-01":
        return
    with pytest.raises(InvalidForm, match="before the case was opened"):
        decided(date.fromisoformat(first) - timedelta(days=1))


def test_whose_day_a_determination_is_stands_in_the_last_decision() -> None:
    life = opened()
    lives.assign(life, MANAGER, ANALYST)
    assert policy.determined_in(life.events) == ""
    lives.close(life, ANALYST, Disposition.SAR, "why", OPENED, zone=WEST)
    assert policy.determined_in(life.events) == "America/Los_Angeles"
    lives.reopen(life, MANAGER, "why")
    lives.close(life, ANALYST, Disposition.NO_SAR, "why")
    assert policy.determined_in(life.events) == ""


def test_an_event_is_ahead_where_it_is_dated_later_than_clocks_differ() -> None:
    events = opened().events
    assert policy.ahead(events, OPENED - timedelta(days=90)) == timedelta(days=90)
    assert policy.ahead(events, OPENED - timedelta(minutes=1)) is None
    assert policy.ahead(events, OPENED + timedelta(days=90)) is None
    assert policy.ahead([], OPENED) is None
    for damaged in ("soon", 7):
        assert policy.ahead([replace(events[0], ts=damaged)], OPENED) is None  # type: ignore[arg-type]


def test_the_filing_clock_is_30_days_and_60_where_no_suspect_is_known() -> None:
    assert policy.sar_due_at(NOW, suspect_known=True) == NOW + timedelta(days=30)
    assert policy.sar_due_at(NOW, suspect_known=False) == NOW + timedelta(days=60)


def test_a_suspect_is_known_unless_it_is_said_otherwise() -> None:
    assert policy.decide(ANALYST, in_review(ANALYST), Decision(Disposition.SAR, "why", NOW), NOW).facts == {
        "zone": "UTC"
    }


def test_only_the_last_disposition_says_whether_a_suspect_is_known() -> None:
    def decided(known: bool, disposition: Disposition = Disposition.SAR) -> Event:
        determined_at = NOW if disposition is Disposition.SAR else None
        case = in_review(ANALYST)
        change = policy.decide(ANALYST, case, Decision(disposition, "why", determined_at, suspect_known=known), NOW)
        ts = chain.format_ts(NOW)
        return chain.append(case, ANALYST.user_id, ts, change.action, change.notes, change.columns, change.facts)[1]

    assert policy.suspect_known(opened().events)
    assert not policy.suspect_known([decided(True), decided(False), *opened().events])
    assert policy.suspect_known([decided(False), decided(True)])
    assert policy.suspect_known([decided(False), decided(False, Disposition.NO_SAR)])


def test_high_risk_is_due_in_21_days_and_anything_else_in_30() -> None:
    assert {risk: (policy.due_at(OPENED, risk) - OPENED).days for risk in Risk} == {
        Risk.HIGH: 21,
        Risk.MEDIUM: 30,
        Risk.LOW: 30,
    }


def test_a_case_is_overdue_where_it_is_open_past_its_due_date_or_was_closed_after_it() -> None:
    case, second = a_case(due_at=NOW), timedelta(seconds=1)
    assert [policy.is_overdue(case, NOW + after) for after in (-second, 0 * second, second)] == [False, False, True]
    for closed, overdue in ((NOW, False), (NOW + second, True)):
        assert policy.is_overdue(replace(case, closed_at=closed), NOW + 100 * second) is overdue


def test_a_sar_is_due_until_it_is_filed() -> None:
    decided = a_case(sar_due_at=NOW)
    assert [policy.sar_is_due_by(case) for case in (a_case(), decided, replace(decided, filed_at=NOW))] == [
        None,
        NOW,
        None,
    ]


def test_the_limit_counts_characters_after_line_ends_are_made_one() -> None:
    assert typed.written("note", "\r\n" * (MAX_TEXT - 1) + "x") == "\n" * (MAX_TEXT - 1) + "x"
    with pytest.raises(InvalidText, match="10,001 characters long; the limit is 10,000"):
        typed.written("note", "🦊" * (MAX_TEXT + 1))


@pytest.mark.parametrize("blank", ["\u200b", " \u2060\u00ad\n", "\u3164", "\u2800"])
def test_a_text_that_nobody_can_see_is_empty(blank: str) -> None:
    with pytest.raises(InvalidText, match="The rationale is empty"):
        typed.written("rationale", blank)
    assert typed.written("note", blank, "") == ""


@pytest.mark.parametrize("turned", ["\u202e", "\u202a", "\u2066", "\u2069"])
def test_nobody_types_what_turns_words_around_and_a_feed_keeps_it(turned: str) -> None:
    text = f"Payee {turned}gnp.exe"
    with pytest.raises(InvalidText, match=rf"a character \(U\+{ord(turned):04X}\) that makes .* at character 7"):
        typed.written("note", text)
    assert typed.told("alert", text) == text
    assert typed.written("note", "שלום \u200fABC\u200e 👩\u200d🔬") == "שלום \u200fABC\u200e 👩\u200d🔬"


def test_a_case_is_taken_only_by_whom_it_could_be_assigned_to() -> None:
    for person in PEOPLE:
        assert policy.why_not_take(person) is None or policy.why_not(Verb.ASSIGN, person, a_case()) is not None
        assert policy.why_not_take(person) is not None or policy.why_not_receive(person, a_case(), person) is None


def test_a_look_is_kept_from_the_first_sar_decision_on_once_a_person_a_day() -> None:
    life = lives.full_life()
    decided = next(place for place, event in enumerate(life.events) if '"SAR"' in event.meta)
    before, after = life.events[:decided], life.events[: decided + 1]
    now = life.next_hour
    assert not policy.view_to_record(ANALYST.user_id, before, now)
    assert policy.view_to_record(ANALYST.user_id, after, now)
    assert policy.has_sar_decision(life.events), "though it was reopened since, and closed as No SAR"
    lives.look(life, ANALYST)
    now = chain.parse_ts(life.events[-1].ts)
    assert not policy.view_to_record(ANALYST.user_id, life.events, now)
    assert policy.view_to_record(MANAGER.user_id, life.events, now)
    assert policy.view_to_record(ANALYST.user_id, life.events, now + timedelta(days=1))
