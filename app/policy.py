"""Who may do what with a case, in which state, and what it changes. Pure; casework enforces it.

The table is `Verb`; README shows it to whoever uses the desk. A case is opened by the alert feed alone, see `may_open`.
Inactive users neither act nor receive cases. An escalated case stays with Managers until one of them assigns it
to an Analyst: that answers the escalation and clears it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
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


LOOKS = frozenset({Action.VIEW, Action.EXPORT})
"""What changes nothing and adds nothing to what is known of the case."""


def _nothing_else(_actor: User, _case: Case, _involved: frozenset[str]) -> str | None:
    return None


def _another_analysts(actor: User, case: Case, _: frozenset[str]) -> str | None:
    if actor.role is Role.ANALYST and case.owner not in (None, actor.user_id):
        return "The case belongs to someone else. Its owner or a Manager can hand it over."
    return None


def _neither_owner_nor_manager(actor: User, case: Case, _: frozenset[str]) -> str | None:
    return None if actor.role is Role.MANAGER or actor.user_id == case.owner else _OWNER_OR_MANAGER


def _not_the_owner(actor: User, case: Case, _: frozenset[str]) -> str | None:
    return None if actor.user_id == case.owner else _OWNER


def _not_to_review(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    if not sampling.is_sampled(case.qa_bucket):
        return "The case is not in the QA sample."
    if case.qa_result is not QaResult.NONE:
        return "The case has been reviewed already."
    if actor.user_id in involved:
        return "You owned the case or decided on it. Someone else has to review it."
    return None


_OPEN = (Status.NEW, Status.IN_REVIEW)
_OWNER_OR_MANAGER = "Only the owner or a Manager can decide on the case."
_OWNER = "Only the owner can escalate the case."
_NOT_IN_REVIEW: Mapping[Status | Role, str] = {
    Status.NEW: "The case is new. Assign it first.",
    Status.CLOSED: "The case is closed already. A Manager can reopen it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table of verbs. Reasons are sentences for a person; where several hold, the first is told.

    `refuses` comes first: the states of a case in which it cannot be done, and the roles that never do it.
    """

    makes: frozenset[Action]
    """The events that it may append, of which it appends one."""
    passes_over: frozenset[Action]
    """What others may have done since the person saw the case, without their having to look again."""
    to: Status | None = None
    """The state that the case is in afterwards; None leaves it in its own."""
    refuses: Mapping[Status | Role, str] = field(default_factory=dict)
    unless: Callable[[User, Case, frozenset[str]], str | None] = _nothing_else
    """Return why this actor may not do it to this case; the ids are of those involved in it (see `involved_in`)."""


class Verb(Enum):
    """What people do with a case: the table of it."""

    ASSIGN = Rule(
        makes=frozenset({Action.ASSIGN}),
        passes_over=LOOKS | {Action.NOTE},
        to=Status.IN_REVIEW,
        refuses={
            Status.CLOSED: "The case is closed. A Manager can reopen it.",
            Role.QA: "QA reviewers do not work cases, so they cannot assign them.",
        },
        unless=_another_analysts,
    )
    NOTE = Rule(makes=frozenset({Action.NOTE}), passes_over=frozenset(Action))
    DECIDE = Rule(
        makes=frozenset({Action.DISPOSITION}),
        passes_over=LOOKS,
        to=Status.CLOSED,
        refuses={**_NOT_IN_REVIEW, Role.QA: _OWNER_OR_MANAGER},
        unless=_neither_owner_nor_manager,
    )
    ESCALATE = Rule(
        makes=frozenset({Action.DISPOSITION}),
        passes_over=LOOKS,
        refuses={**_NOT_IN_REVIEW, Role.QA: _OWNER},
        unless=_not_the_owner,
    )
    REVIEW = Rule(
        makes=frozenset({Action.QA_PASS, Action.QA_FAIL}),
        passes_over=LOOKS,
        refuses={
            **dict.fromkeys(_OPEN, "Only closed cases are reviewed."),
            Role.ANALYST: "Only QA reviewers and Managers review cases.",
        },
        unless=_not_to_review,
    )
    REOPEN = Rule(
        makes=frozenset({Action.REOPEN}),
        passes_over=LOOKS,
        to=Status.IN_REVIEW,
        refuses={
            **dict.fromkeys((Role.ANALYST, Role.QA), "Only a Manager can reopen a case."),
            **dict.fromkeys(_OPEN, "The case is not closed."),
        },
    )
    VIEW = Rule(makes=frozenset({Action.VIEW}), passes_over=frozenset(Action))
    EXPORT = Rule(makes=frozenset({Action.EXPORT}), passes_over=frozenset(Action))


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb does: its event's action and notes, the case's new column values, further facts for `meta`."""

    action: Action
    notes: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What someone decides on a case, and why.

    A SAR has `determined_at`, the day on which suspicion was determined, in the calendar of `zone`, the decider's, and
    whether a suspect is known. An escalation has in `escalate_to` the id of the Manager whom it goes to.
    """

    disposition: Disposition
    rationale: str
    determined_at: date | None = None
    zone: tzinfo = UTC
    suspect_known: bool = True
    escalate_to: str | None = None


def why_not(verb: Verb, actor: User, case: Case, involved: frozenset[str] = frozenset()) -> str | None:
    """Return why `actor` may not do this to the case as it is now, as a sentence; None where they may.

    `involved` (see `involved_in`) matters to a review alone.
    """
    if not actor.active:
        return f"{actor.name} is inactive and cannot act."
    rule = verb.value
    refused = (reason for what, reason in rule.refuses.items() if what in (case.status, actor.role))
    return next(refused, None) or rule.unless(actor, case, involved)


def why_not_take(actor: User) -> str | None:
    """Return why `actor` may not take the next case that nobody owns, as a sentence; None where they may."""
    if not actor.active:
        return f"{actor.name} is inactive and cannot act."
    return "QA reviewers do not work cases, so they take none." if actor.role is Role.QA else None


def why_not_receive(actor: User, case: Case, receiver: User) -> str | None:
    """Return why `actor`, who may assign the case, may not give it to `receiver`, in a sentence; None: they may."""
    if not receiver.active:
        return f"{receiver.name} is inactive and cannot receive cases."
    if receiver.role is Role.QA:
        return f"{receiver.name} is a QA reviewer and cannot own cases."
    if receiver.user_id == case.owner:
        return f"{receiver.name} owns the case already."
    if actor.role is Role.ANALYST and case.owner is None and receiver.user_id != actor.user_id:
        return "You can take this case yourself; only a Manager can give it to someone else."
    return None


def can_take_escalation(actor: User, receiver: User) -> bool:
    """Tell whether `actor` may escalate to `receiver`."""
    return receiver.active and receiver.role is Role.MANAGER and receiver.user_id != actor.user_id


def involved_in(events: Iterable[Event]) -> frozenset[str]:
    """Return the ids of everybody who ever owned the case or set a disposition on it."""
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
    _require(why_not_receive(actor, case, receiver))
    columns: dict[str, Any] = {"status": Verb.ASSIGN.value.to, "owner": receiver.user_id}
    if receiver.role is Role.ANALYST:
        columns["disposition"] = Disposition.NONE
    return Change(Action.ASSIGN, "", columns)


def note(actor: User, case: Case, text: str) -> Change:
    """Add a note. Raises NotAllowed or InvalidForm."""
    _require(why_not(Verb.NOTE, actor, case))
    with _form() as wrong:
        notes = _text(wrong, "text", "note", text)
    return Change(Action.NOTE, notes)


def decide(actor: User, case: Case, decision: Decision, now: datetime, clock: datetime | None = None) -> Change:
    """Close the case as SAR or No SAR. Raises NotAllowed or InvalidForm.

    A SAR needs the day of its determination, from which the legal clock runs. It is kept as it is given, as midnight
    UTC of that date, and `meta` names the zone. A No SAR has none. `now` is the time of the event, `clock` the time
    that it really is, where `now` is ahead of that.
    """
    _require(why_not(Verb.DECIDE, actor, case))
    is_sar, day = decision.disposition is Disposition.SAR, decision.determined_at
    with _form() as wrong:
        if decision.disposition not in (Disposition.SAR, Disposition.NO_SAR):
            wrong["disposition"] = "Choose a disposition: a case is closed as SAR or as No SAR, or it is escalated."
        notes = _text(wrong, "rationale", "rationale", decision.rationale)
        if not is_sar:
            if day is not None:
                wrong["determined_at"] = "Only a SAR has a date of determination."
        elif day is None:
            wrong["determined_at"] = (
                "A SAR needs the date on which suspicion was determined: the filing clock starts there."
            )
        elif refusal := _why_not_determined(case, day, decision.zone, clock or now):
            wrong["determined_at"] = refusal
    columns = {
        "status": Verb.DECIDE.value.to,
        "disposition": decision.disposition,
        "determined_at": None if day is None else datetime.combine(day, time(), UTC),
        "closed_at": now,
    }
    facts = {"zone": str(decision.zone)} if is_sar else {}
    if is_sar and not decision.suspect_known:
        facts["suspect"] = "unknown"
    return Change(Action.DISPOSITION, notes, columns, facts)


def _why_not_determined(case: Case, day: date, zone: tzinfo, clock: datetime) -> str | None:
    """Return why suspicion cannot have been determined on this day of the zone; None where it can."""
    today = _day(clock, zone)
    if datetime.combine(day, time(), UTC) > today:
        return "The date of determination lies in the future."
    if datetime.combine(day, time(), UTC) < min(_day(case.opened_at, zone), today):  # opened ahead: by a wrong clock
        return "The date of determination lies before the case was opened."
    return None


def _day(moment: datetime, zone: tzinfo) -> datetime:
    """Return the day that the moment falls on in the zone, as a day is kept: as midnight UTC of its date."""
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
    _require(why_not(Verb.REVIEW, actor, case, involved))
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
        "status": Verb.REOPEN.value.to,
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
    """Tell whether a SAR was ever decided on: from then on the case is confidential (31 U.S.C. 5318(g)(2))."""
    made = [chain.read_meta(event).get("disposition") for event in events if event.action == Action.DISPOSITION]
    return any(isinstance(change, list) and change[-1:] == [Disposition.SAR.value] for change in made)


def view_to_record(actor_id: str, events: Sequence[Event], now: datetime) -> bool:
    """Tell whether a look at the case is kept: it has a SAR decision, and this is the person's first of the UTC day.

    `now` is what the clock shows. A look that had to be dated later than that says so in `meta`.
    """
    today = chain.format_ts(now)[:10]
    mine = (event for event in events if event.action == Action.VIEW and event.user == actor_id)
    seen = any(str(chain.read_meta(event).get("clock", event.ts)).startswith(today) for event in mine)
    return not seen and has_sar_decision(events)


def ahead(events: Sequence[Event], now: datetime) -> timedelta | None:
    """Return how far the newest event is dated ahead of now, where no clocks should differ by so much; else None."""
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
    """Let the alert feed's service user open a case. Raises NotAllowed for anyone else."""
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
    """Return a case before its first event: new, nobody's, and due when the desk's own service level runs out."""
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
    """Return when the desk's own service level runs out."""
    return opened_at + SERVICE_LEVEL[risk]


def is_overdue(case: Case, now: datetime) -> bool:
    """Tell whether the case is open past its due date, or was closed after it."""
    return (case.closed_at or now) > case.due_at


def sar_due_at(determined_at: datetime, suspect_known: bool) -> datetime:
    """Return when the SAR has to be filed (31 CFR 1020.320(b)(3))."""
    return determined_at + (SAR_CLOCK if suspect_known else SAR_CLOCK_NO_SUSPECT)


def suspect_known(events: Iterable[Event]) -> bool:
    """Tell whether the last disposition named a suspect (it does unless it says otherwise)."""
    last = None
    for event in events:
        if event.action == Action.DISPOSITION:
            last = event
    return last is None or chain.read_meta(last).get("suspect") != "unknown"


def determined_in(events: Iterable[Event]) -> str:
    """Return the zone of who decided last on a SAR, whose calendar has its day of determination; empty if unknown."""
    last = ""
    for event in events:
        if event.action == Action.DISPOSITION:
            last = str(chain.read_meta(event).get("zone", ""))
    return last


@contextmanager
def _form() -> Iterator[dict[str, str]]:
    """Collect by its name what is wrong with each field. Raises InvalidForm at the end where there is something."""
    wrong: dict[str, str] = {}
    yield wrong
    if wrong:
        raise InvalidForm(wrong)


def _text(wrong: dict[str, str], field: str, what: str, text: str, blank: str | None = None) -> str:
    """Return the text as `written` does; what is wrong with it joins what is wrong with the other fields."""
    try:
        return typed.written(what, text, blank)
    except InvalidText as error:
        wrong[field] = str(error)
        return ""


def _require(refusal: str | None) -> None:
    if refusal:
        raise NotAllowed(refusal)
