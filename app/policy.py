"""Who may do what with a case, in which state, and what it changes. Pure; casework enforces it.

    verb         who                                              from             to
    -----------  -----------------------------------------------  ---------------  ---------
    open         the alert feed, an inactive service user         -                New
    assign       Analyst: to self where nobody owns it, or an     New, In Review   In Review
                 own case to an Analyst or Manager;
                 Manager: any case to an Analyst or Manager
    note         any active user                                  any              same
    decide       the owner or a Manager; rationale required       In Review        Closed
    escalate     the owner, to another Manager, who becomes       In Review        In Review
                 owner; rationale required
    qa           QA or Manager who never owned the case nor       Closed, sampled, Closed
                 decided on it; notes required on a fail          not yet reviewed
    reopen       Manager; reason required                         Closed           In Review
    view         any active user; recorded once a person a day    any              same
                 where the case has a SAR decision
    export       any active user; recorded each time              any              same

Inactive users neither act nor receive cases. An escalated case stays with Managers until one of them assigns it
to an Analyst: that answers the escalation and clears it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app import chain, sampling, typed
from app.errors import InvalidForm, InvalidText, NotAllowed
from app.models import (
    ALERT_FEED,
    COLUMNS,
    Action,
    Case,
    Disposition,
    Event,
    Kind,
    QaResult,
    Risk,
    Role,
    Status,
    User,
    search_text,
)

SERVICE_LEVEL = {Risk.HIGH: timedelta(days=21), Risk.MEDIUM: timedelta(days=30), Risk.LOW: timedelta(days=30)}
"""From the opening of a case to its disposition: the desk's own promise, not a rule of law."""

SAR_CLOCK = timedelta(days=30)
SAR_CLOCK_NO_SUSPECT = timedelta(days=60)
"""Calendar days from the determination to the filing of a SAR; the longer one where no suspect was identified
(31 CFR 1020.320(b)(3))."""


CLOCKS_DIFFER = timedelta(minutes=1)
"""So far apart the clocks of two machines may be, and nobody needs to hear of it."""


class Verb(StrEnum):
    ASSIGN = "assign"
    NOTE = "note"
    DECIDE = "decide"
    ESCALATE = "escalate"
    QA = "qa"
    REOPEN = "reopen"
    VIEW = "view"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb does: its event's action and notes, the case's new column values, further facts for `meta`."""

    action: Action
    notes: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def why_not(verb: Verb, actor: User, case: Case, involved: frozenset[str] = frozenset()) -> str | None:
    """The reason why `actor` may not do this to the case as it is now, as a sentence; None where they may.

    `involved` (see `involved_in`) matters to QA alone.
    """
    if not actor.active:
        return f"{actor.name} is inactive and cannot act."
    return _RULES[verb](actor, case, involved)


def _assign(actor: User, case: Case, _: frozenset[str]) -> str | None:
    if case.status is Status.CLOSED:
        return "The case is closed. A Manager can reopen it."
    if actor.role is Role.QA:
        return "QA reviewers do not work cases, so they cannot assign them."
    if actor.role is Role.ANALYST and case.owner not in (None, actor.user_id):
        return "The case belongs to someone else. Its owner or a Manager can hand it over."
    return None


def _whoever(_actor: User, _case: Case, _: frozenset[str]) -> str | None:
    return None


def _in_review(case: Case) -> str | None:
    if case.status is Status.NEW:
        return "The case is new. Assign it first."
    if case.status is Status.CLOSED:
        return "The case is closed already. A Manager can reopen it."
    return None


def _decide(actor: User, case: Case, _: frozenset[str]) -> str | None:
    if reason := _in_review(case):
        return reason
    if actor.role is not Role.MANAGER and (actor.user_id != case.owner or actor.role is Role.QA):
        return "Only the owner or a Manager can decide on the case."
    return None


def _escalate(actor: User, case: Case, _: frozenset[str]) -> str | None:
    if reason := _in_review(case):
        return reason
    if actor.user_id != case.owner or actor.role is Role.QA:
        return "Only the owner can escalate the case."
    return None


def _qa(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    if case.status is not Status.CLOSED:
        return "Only closed cases are reviewed."
    if not sampling.is_sampled(case.qa_bucket):
        return "The case is not in the QA sample."
    if case.qa_result is not QaResult.NONE:
        return "The case has been reviewed already."
    if actor.role is Role.ANALYST:
        return "Only QA reviewers and Managers review cases."
    if actor.user_id in involved:
        return "You owned the case or decided on it. Someone else has to review it."
    return None


def _reopen(actor: User, case: Case, _: frozenset[str]) -> str | None:
    if actor.role is not Role.MANAGER:
        return "Only a Manager can reopen a case."
    if case.status is not Status.CLOSED:
        return "The case is not closed."
    return None


_RULES: Mapping[Verb, Callable[[User, Case, frozenset[str]], str | None]] = MappingProxyType(
    {
        Verb.ASSIGN: _assign,
        Verb.NOTE: _whoever,
        Verb.DECIDE: _decide,
        Verb.ESCALATE: _escalate,
        Verb.QA: _qa,
        Verb.REOPEN: _reopen,
        Verb.VIEW: _whoever,
        Verb.EXPORT: _whoever,
    }
)


def why_not_take(actor: User) -> str | None:
    """The reason why `actor` may not take the next case that nobody owns, as a sentence; None where they may."""
    if not actor.active:
        return f"{actor.name} is inactive and cannot act."
    return "QA reviewers do not work cases, so they take none." if actor.role is Role.QA else None


def can_receive(actor: User, case: Case, receiver: User) -> bool:
    """Whether `actor` may assign the case to `receiver`."""
    if not receiver.active or receiver.role is Role.QA or receiver.user_id == case.owner:
        return False
    if actor.role is Role.ANALYST and case.owner is None:
        return receiver.user_id == actor.user_id
    return True


def can_take_escalation(actor: User, receiver: User) -> bool:
    """Whether `actor` may escalate to `receiver`."""
    return receiver.active and receiver.role is Role.MANAGER and receiver.user_id != actor.user_id


def involved_in(events: Iterable[Event]) -> frozenset[str]:
    """Everybody who ever owned the case or set a disposition on it."""
    people: set[str] = set()
    for event in events:
        if event.action == Action.DISPOSITION:
            people.add(event.user)
        owners = chain.read_meta(event).get("owner")
        if isinstance(owners, list):
            people.update(owner for owner in owners if isinstance(owner, str))
    return frozenset(people)


def assign(actor: User, case: Case, receiver: User | None) -> Change:
    """Give the case to `receiver`. Raises NotAllowed, or InvalidForm where nobody was chosen."""
    _require(why_not(Verb.ASSIGN, actor, case))
    if receiver is None:
        raise InvalidForm({"receiver": "Choose who is to own the case."})
    if not receiver.active:
        raise NotAllowed(f"{receiver.name} is inactive and cannot receive cases.")
    if receiver.role is Role.QA:
        raise NotAllowed(f"{receiver.name} is a QA reviewer and cannot own cases.")
    if receiver.user_id == case.owner:
        raise NotAllowed(f"{receiver.name} owns the case already.")
    if not can_receive(actor, case, receiver):
        raise NotAllowed("You can take this case yourself; only a Manager can give it to someone else.")
    columns: dict[str, Any] = {"status": Status.IN_REVIEW, "owner": receiver.user_id}
    if receiver.role is Role.ANALYST:
        columns["disposition"] = Disposition.NONE
    return Change(Action.ASSIGN, "", columns)


def note(actor: User, case: Case, text: str) -> Change:
    """Add a note. Raises NotAllowed or InvalidForm."""
    _require(why_not(Verb.NOTE, actor, case))
    with _form() as wrong:
        notes = _text(wrong, "text", "note", text)
    return Change(Action.NOTE, notes)


def decide(
    actor: User,
    case: Case,
    disposition: Disposition,
    rationale: str,
    now: datetime,
    determined_at: date | None = None,
    suspect_known: bool = True,
    *,
    zone: tzinfo = UTC,
    clock: datetime | None = None,
) -> Change:
    """Close the case as SAR or No SAR. Raises NotAllowed or InvalidForm.

    A SAR needs `determined_at`, from which the legal clock runs: a day of the actor's calendar, who is in `zone`. It is
    kept as it is given, as midnight UTC of that date, and `meta` names the zone. A No SAR has none. `now` is the time
    of the event, `clock` the time that it really is, where `now` is ahead of that.
    """
    _require(why_not(Verb.DECIDE, actor, case))
    with _form() as wrong:
        if disposition not in (Disposition.SAR, Disposition.NO_SAR):
            wrong["disposition"] = "Choose a disposition: a case is closed as SAR or as No SAR, or it is escalated."
        notes = _text(wrong, "rationale", "rationale", rationale)
        if disposition is not Disposition.SAR:
            if determined_at is not None:
                wrong["determined_at"] = "Only a SAR has a date of determination."
        elif determined_at is None:
            wrong["determined_at"] = (
                "A SAR needs the date on which suspicion was determined: the filing clock starts there."
            )
        elif refusal := _why_not_determined(case, determined_at, zone, clock or now):
            wrong["determined_at"] = refusal
    columns = {
        "status": Status.CLOSED,
        "disposition": disposition,
        "determined_at": None if determined_at is None else datetime.combine(determined_at, time(), UTC),
        "closed_at": now,
    }
    facts = {} if disposition is Disposition.NO_SAR else {"zone": str(zone)}
    if disposition is Disposition.SAR and not suspect_known:
        facts["suspect"] = "unknown"
    return Change(Action.DISPOSITION, notes, columns, facts)


def _why_not_determined(case: Case, day: date, zone: tzinfo, clock: datetime) -> str | None:
    """The reason why suspicion cannot have been determined on this day of the zone; None where it can."""
    today = _day(clock, zone)
    if datetime.combine(day, time(), UTC) > today:
        return "The date of determination lies in the future."
    if datetime.combine(day, time(), UTC) < min(_day(case.opened_at, zone), today):  # opened ahead: by a wrong clock
        return "The date of determination lies before the case was opened."
    return None


def _day(moment: datetime, zone: tzinfo) -> datetime:
    """The day that the moment falls on in the zone, as a day is kept: as midnight UTC of its date."""
    with suppress(OverflowError):  # at an end of the calendar, where only a damaged time lies
        moment = moment.astimezone(zone)
    return datetime.combine(moment, time(), UTC)


def escalate(actor: User, case: Case, rationale: str, receiver: User | None) -> Change:
    """Hand the case up to another Manager, who becomes its owner. Raises NotAllowed or InvalidForm."""
    _require(why_not(Verb.ESCALATE, actor, case))
    with _form() as wrong:
        notes = _text(wrong, "rationale", "rationale", rationale)
        if receiver is None:
            wrong["escalate_to"] = "Choose which Manager the case is escalated to."
        elif not can_take_escalation(actor, receiver):
            wrong["escalate_to"] = "A case is escalated to another, active Manager."
    columns = {"disposition": Disposition.ESCALATE, "owner": receiver and receiver.user_id}
    return Change(Action.DISPOSITION, notes, columns)


def review(actor: User, case: Case, involved: frozenset[str], result: QaResult, notes: str, now: datetime) -> Change:
    """Record a QA verdict. Raises NotAllowed or InvalidForm."""
    _require(why_not(Verb.QA, actor, case, involved))
    with _form() as wrong:
        if result is QaResult.NONE:
            wrong["result"] = "Choose a verdict: a QA review passes or fails."
        what, blank = ("reason for the fail", None) if result is QaResult.FAIL else ("note", "")
        notes = _text(wrong, "notes", what, notes, blank)
    columns = {"qa_result": result, "qa_reviewer": actor.user_id, "qa_at": now, "qa_notes": notes}
    return Change(Action.QA_PASS if result is QaResult.PASS else Action.QA_FAIL, notes, columns)


def reopen(actor: User, case: Case, reason: str) -> Change:
    """Take a closed case up again; its disposition and QA verdict are cleared. Raises NotAllowed or InvalidForm."""
    _require(why_not(Verb.REOPEN, actor, case))
    with _form() as wrong:
        notes = _text(wrong, "reason", "reason", reason)
    columns = {
        "status": Status.IN_REVIEW,
        "disposition": Disposition.NONE,
        "determined_at": None,
        "closed_at": None,
        "qa_result": QaResult.NONE,
        "qa_reviewer": None,
        "qa_at": None,
        "qa_notes": "",
    }
    return Change(Action.REOPEN, notes, columns)


def has_sar_decision(events: Iterable[Event]) -> bool:
    """Whether a SAR was ever decided on: from then on the case is confidential (31 U.S.C. 5318(g)(2))."""
    made = [chain.read_meta(event).get("disposition") for event in events if event.action == Action.DISPOSITION]
    return any(isinstance(change, list) and change[-1:] == [Disposition.SAR.value] for change in made)


def view_to_record(actor_id: str, events: Sequence[Event], now: datetime) -> bool:
    """Whether a look at the case is one to keep: it has a SAR decision, and this person's first look of the UTC day.

    `now` is what the clock shows. A look that had to be dated later than that says so in `meta`.
    """
    today = chain.format_ts(now)[:10]
    mine = (event for event in events if event.action == Action.VIEW and event.user == actor_id)
    seen = any(str(chain.read_meta(event).get("clock", event.ts)).startswith(today) for event in mine)
    return not seen and has_sar_decision(events)


def ahead(events: Sequence[Event], now: datetime) -> timedelta | None:
    """By how much the newest event is dated ahead of now, where no clocks should differ by so much; else None."""
    try:
        lead = chain.parse_ts(events[-1].ts) - now
    except (IndexError, TypeError, ValueError):  # verification says what is wrong with it
        return None
    return lead if lead > CLOCKS_DIFFER else None


def view(actor: User, case: Case) -> Change:
    """Keep that someone looked at the case. Raises NotAllowed."""
    _require(why_not(Verb.VIEW, actor, case))
    return Change(Action.VIEW, "")


def export(actor: User, case: Case, files: Mapping[str, str], events: int) -> Change:
    """Keep that files with the first `events` events of the case left the desk: name and SHA-256 (hex) of each.

    Raises NotAllowed.
    """
    _require(why_not(Verb.EXPORT, actor, case))
    return Change(Action.EXPORT, "", facts={"events": events, "files": dict(files)})


def may_open(actor: User) -> None:
    """Raises NotAllowed for anyone but the alert feed's service user."""
    if actor.user_id != ALERT_FEED or actor.active:
        raise NotAllowed("Only the alert feed opens cases.")


_UNOPENED: Mapping[str, Any] = {
    column.name: None if column.first is None else column.holds(column.first)
    for column in COLUMNS
    if column.kind is Kind.STATE
}


def new_case(
    case_id: str,
    *,
    customer_id: str,
    customer_name: str,
    typology: str,
    risk: Risk,
    risk_score: int,
    amount: Decimal,
    currency: str,
    opened_at: datetime,
) -> Case:
    """A case before its first event: new, nobody's, and due when the desk's own service level runs out."""
    return Case(
        case_id=case_id,
        customer_id=customer_id,
        customer_name=customer_name,
        typology=typology,
        risk=risk,
        risk_score=risk_score,
        amount=amount,
        currency=currency,
        opened_at=opened_at,
        due_at=due_at(opened_at, risk),
        qa_bucket=sampling.qa_bucket(case_id),
        search=search_text(case_id, customer_id, customer_name, typology),
        event_count=0,
        head_hash=chain.GENESIS,
        **_UNOPENED,
    )


def due_at(opened_at: datetime, risk: Risk) -> datetime:
    """When the desk's own service level runs out."""
    return opened_at + SERVICE_LEVEL[risk]


def is_overdue(case: Case, now: datetime) -> bool:
    """Whether the case is open past its due date, or was closed after it."""
    return (case.closed_at or now) > case.due_at


def sar_due_at(determined_at: datetime, suspect_known: bool) -> datetime:
    """When the SAR has to be filed (31 CFR 1020.320(b)(3))."""
    return determined_at + (SAR_CLOCK if suspect_known else SAR_CLOCK_NO_SUSPECT)


def suspect_known(events: Iterable[Event]) -> bool:
    """Whether the last disposition named a suspect (it does unless it says otherwise)."""
    last = None
    for event in events:
        if event.action == Action.DISPOSITION:
            last = event
    return last is None or chain.read_meta(last).get("suspect") != "unknown"


def determined_in(events: Iterable[Event]) -> str:
    """The zone of whoever decided last on a SAR, whose calendar has its day of determination; empty where unknown."""
    last = ""
    for event in events:
        if event.action == Action.DISPOSITION:
            last = str(chain.read_meta(event).get("zone", ""))
    return last


@contextmanager
def _form() -> Iterator[dict[str, str]]:
    """Collects by its name what is wrong with each field. Raises InvalidForm at the end where there is something."""
    wrong: dict[str, str] = {}
    yield wrong
    if wrong:
        raise InvalidForm(wrong)


def _text(wrong: dict[str, str], field: str, what: str, text: str, blank: str | None = None) -> str:
    """As `written`, but for what is wrong with the text: that joins what is wrong with the other fields."""
    try:
        return typed.written(what, text, blank)
    except InvalidText as error:
        wrong[field] = str(error)
        return ""


def _require(refusal: str | None) -> None:
    if refusal:
        raise NotAllowed(refusal)
