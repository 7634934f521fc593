"""Who may do what with a case, in which state, and what it changes. Pure; casework enforces it.

The table is `Verb`; README shows it to whoever uses the desk. The alert feed alone opens cases, see `joining.may_open`.
Inactive users neither act nor receive cases. An escalated case stays with Managers until one of them assigns it
to an Analyst: that answers the escalation and clears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from typing import Any

from app import chain, rules, typed
from app.errors import NotAllowed
from app.models import (
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
from app.rules import Rule

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


class Verb(Enum):
    """What is done with a case that is open or was: the table of it."""

    ALERT = Rule(makes=frozenset({Action.ALERT}), passes_over=frozenset(Action), refuses=rules.JOINS)
    ASSIGN = Rule(
        makes=frozenset({Action.ASSIGN}),
        passes_over=LOOKS | {Action.NOTE, Action.ALERT},
        to=Status.IN_REVIEW,
        refuses={
            Status.CLOSED: "The case is closed. A Manager can reopen it.",
            Role.QA: "QA reviewers do not work cases, so they cannot assign them.",
        },
        unless=rules.another_analysts,
    )
    NOTE = Rule(makes=frozenset({Action.NOTE}), passes_over=frozenset(Action))
    DECIDE = Rule(
        makes=frozenset({Action.DISPOSITION}),
        passes_over=LOOKS,
        to=Status.CLOSED,
        refuses={**rules.NOT_IN_REVIEW, Role.QA: rules.OWNER_OR_MANAGER},
        unless=rules.neither_owner_nor_manager,
    )
    ESCALATE = Rule(
        makes=frozenset({Action.DISPOSITION}),
        passes_over=LOOKS,
        refuses={**rules.NOT_IN_REVIEW, Role.QA: rules.OWNER},
        unless=rules.not_the_owner,
    )
    REVIEW = Rule(
        makes=frozenset({Action.QA_PASS, Action.QA_FAIL}),
        passes_over=LOOKS,
        refuses={
            **dict.fromkeys(rules.OPEN, "Only closed cases are reviewed."),
            Role.ANALYST: "Only QA reviewers and Managers review cases.",
        },
        unless=rules.not_to_review,
    )
    REOPEN = Rule(
        makes=frozenset({Action.REOPEN}),
        passes_over=LOOKS,
        to=Status.IN_REVIEW,
        refuses={
            **dict.fromkeys((Role.ANALYST, Role.QA), "Only a Manager can reopen a case."),
            **dict.fromkeys(rules.OPEN, "The case is not closed."),
        },
        unless=rules.filed,
    )
    VIEW = Rule(makes=frozenset({Action.VIEW}), passes_over=frozenset(Action))
    EXPORT = Rule(makes=frozenset({Action.EXPORT}), passes_over=frozenset(Action))
    SAR_DRAFT = Rule(
        makes=frozenset({Action.SAR_DRAFT}),
        passes_over=LOOKS | {Action.NOTE},
        refuses={**rules.NOT_CLOSED, Role.QA: rules.NO_QA},
        unless=rules.sar_at(Filing.NONE, Filing.TO_DRAFT, Filing.TO_APPROVE, Filing.TO_FILE, who=rules.not_their_draft),
    )
    SAR_APPROVE = Rule(
        makes=frozenset({Action.SAR_APPROVE}),
        passes_over=LOOKS,
        refuses={**rules.NOT_CLOSED, **rules.NO_MANAGER},
        unless=rules.sar_at(Filing.TO_APPROVE, who=rules.their_own),
    )
    SAR_RETURN = Rule(
        makes=frozenset({Action.SAR_RETURN}),
        passes_over=LOOKS,
        refuses={**rules.NOT_CLOSED, **rules.NO_MANAGER},
        unless=rules.sar_at(Filing.TO_APPROVE, Filing.TO_FILE, who=rules.their_own),
    )
    SAR_FILE = Rule(
        makes=frozenset({Action.SAR_FILE}),
        passes_over=LOOKS,
        refuses={**rules.NOT_CLOSED, Role.QA: rules.NO_QA},
        unless=rules.sar_at(Filing.NONE, Filing.TO_FILE, who=rules.not_theirs_to_file),
    )
    SAR_ACKNOWLEDGE = Rule(
        makes=frozenset({Action.SAR_ACKNOWLEDGE}),
        passes_over=LOOKS | {Action.NOTE},
        refuses={**rules.NOT_CLOSED, Role.QA: rules.NO_QA},
        unless=rules.sar_at(Filing.FILED, who=rules.acknowledged),
    )
    SAR_REJECT = Rule(
        makes=frozenset({Action.SAR_REJECT}),
        passes_over=LOOKS | {Action.NOTE},
        refuses={**rules.NOT_CLOSED, Role.QA: rules.NO_QA},
        unless=rules.sar_at(Filing.FILED, who=rules.acknowledged),
    )
    SAR_AMEND = Rule(
        makes=frozenset({Action.SAR_AMEND}),
        passes_over=LOOKS,
        refuses={**rules.NOT_CLOSED, Role.QA: rules.NO_QA},
        unless=rules.sar_at(Filing.FILED, who=rules.not_acknowledged),
    )


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
    whether a suspect is known. `source` says who determined it, such as a branch, where that was before the case was
    opened; `later_because` why the day lies after the one of an earlier SAR decision on the case. An escalation has in
    `escalate_to` the id of the Manager whom it goes to.
    """

    disposition: Disposition
    rationale: str
    determined_at: date | None = None
    zone: tzinfo = UTC
    suspect_known: bool = True
    escalate_to: str | None = None
    source: str = ""
    later_because: str = ""


def why_not(verb: Verb, actor: User, case: Case, involved: frozenset[str] = frozenset()) -> str | None:
    """Return why `actor` may not do this to the case as it is now, as a sentence; None where they may.

    `involved` is what `involved_in` returns for the verb.
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


_ON_THE_TRACK = frozenset({Action.SAR_DRAFT, Action.SAR_APPROVE, Action.SAR_RETURN, Action.SAR_FILE, Action.SAR_AMEND})


def involved_in(events: Iterable[Event], verb: Verb = Verb.REVIEW) -> frozenset[str]:
    """Return the ids of those whose part in the case so far matters to the verb; `why_not` takes them.

    To a review: everybody who ever owned the case, set a disposition on it, or drafted, approved, returned, filed or
    amended its SAR. To an approval and a return: who ever decided on the case as SAR or wrote a draft. To a draft: who
    decided on it as SAR last. To any other verb nobody.
    """
    owned, decided, on_track, deciders, drafted = (set[str]() for _ in range(5))
    last: frozenset[str] = frozenset()
    for event in events:
        meta = chain.read_meta(event)
        if event.action == Action.DISPOSITION:
            decided.add(event.user)
            if _sets_sar(meta):
                deciders.add(event.user)
                last = frozenset({event.user})
        elif event.action == Action.SAR_DRAFT:
            drafted.add(event.user)
        if event.action in _ON_THE_TRACK:
            on_track.add(event.user)
        owners = meta.get("owner")
        if isinstance(owners, list):
            owned.update(owner for owner in owners if isinstance(owner, str))
    match verb:
        case Verb.REVIEW:
            return frozenset(owned | decided | on_track)
        case Verb.SAR_APPROVE | Verb.SAR_RETURN:
            return frozenset(deciders | drafted)
        case Verb.SAR_DRAFT:
            return last
    return frozenset()


def _sets_sar(meta: Mapping[str, Any]) -> bool:
    change = meta.get("disposition")
    return isinstance(change, list) and change[-1:] == [Disposition.SAR.value]


def assign(actor: User, case: Case, receiver: User | None, reason: str = "") -> Change:
    """Give the case to `receiver`, with a reason where it is a hand-over. Raises NotAllowed or InvalidForm."""
    require(why_not(Verb.ASSIGN, actor, case))
    columns: dict[str, Any] = {"status": Verb.ASSIGN.value.to}
    with typed.form() as wrong:
        if receiver is None:
            wrong["receiver"] = "Choose who is to own the case."
        else:
            require(why_not_receive(actor, case, receiver))
            columns["owner"] = receiver.user_id
            if receiver.role is Role.ANALYST:
                columns["disposition"] = Disposition.NONE
        blank = None if rules.is_hand_over(actor, case, receiver) else ""
        notes = typed.field(wrong, "reason", "reason", reason, blank)
    return Change(Action.ASSIGN, notes, columns)


def note(actor: User, case: Case, text: str) -> Change:
    """Add a note. Raises NotAllowed or InvalidForm."""
    require(why_not(Verb.NOTE, actor, case))
    with typed.form() as wrong:
        notes = typed.field(wrong, "text", "note", text)
    return Change(Action.NOTE, notes)


def decide(
    actor: User,
    case: Case,
    decision: Decision,
    now: datetime,
    clock: datetime | None = None,
    events: Iterable[Event] = (),
) -> Change:
    """Close the case as SAR or No SAR. Raises NotAllowed or InvalidForm.

    A SAR needs the day of its determination, from which the legal clock runs. It is kept as it is given, as midnight
    UTC of that date, and `meta` names the zone. A No SAR has none. `now` is the time of the event, `clock` the time
    that it really is, where `now` is ahead of that; `events` are those of the case.
    """
    require(why_not(Verb.DECIDE, actor, case))
    is_sar, day = decision.disposition is Disposition.SAR, decision.determined_at
    facts: dict[str, Any] = {}
    with typed.form() as wrong:
        if decision.disposition not in (Disposition.SAR, Disposition.NO_SAR):
            wrong["disposition"] = "Choose a disposition: a case is closed as SAR or as No SAR, or it is escalated."
        notes = typed.field(wrong, "rationale", "rationale", decision.rationale)
        if not is_sar:
            if day is not None:
                wrong["determined_at"] = "Only a SAR has a date of determination."
        elif day is None:
            wrong["determined_at"] = (
                "A SAR needs the date on which suspicion was determined: the filing clock starts there."
            )
        else:
            facts = _determination(wrong, case, decision, day, clock or now, events)
    midnight = None if day is None else datetime.combine(day, time(), UTC)
    columns = {
        "status": Verb.DECIDE.value.to,
        "disposition": decision.disposition,
        "determined_at": midnight,
        "closed_at": now,
        "sar_due_at": midnight and sar_due_at(midnight, decision.suspect_known),
        "filing": Filing.TO_DRAFT if is_sar else Filing.NONE,
    }
    return Change(Action.DISPOSITION, notes, columns, facts)


def _determination(
    wrong: dict[str, str], case: Case, decision: Decision, day: date, clock: datetime, events: Iterable[Event]
) -> dict[str, Any]:
    """Return what `meta` says of the day of determination; what is wrong with it joins what else is wrong."""
    zone, today = decision.zone, as_day(clock, decision.zone)
    source = typed.field(wrong, "source", "source", decision.source, "")
    because = typed.field(wrong, "later_because", "reason for the later day", decision.later_because, "")
    midnight = datetime.combine(day, time(), UTC)
    earlier = min(_determined(events), default="")
    if midnight > today:
        wrong["determined_at"] = "The date of determination lies in the future."
    elif midnight < min(as_day(case.opened_at, zone), today) and not source:  # opened ahead: by a wrong clock
        wrong["determined_at"] = (
            "The date of determination lies before the case was opened. Name the source that knew of it earlier."
        )
    elif earlier and chain.format_ts(midnight) > earlier and not because:
        wrong["later_because"] = (
            f"An earlier decision on this case determined suspicion on {earlier[:10]}. Say why this day is later."
        )
    facts = {"zone": str(zone), "source": source, "later_because": because}
    facts["suspect"] = "" if decision.suspect_known else "unknown"
    return {name: said for name, said in facts.items() if said}


def _determined(events: Iterable[Event]) -> Iterator[str]:
    """Yield the day of determination of each SAR decision so far, as `meta` holds it: a reopening keeps the day."""
    day: Any = None
    for event in events:
        meta = chain.read_meta(event)
        match meta.get("determined_at"):
            case [_, new]:
                day = new
        if event.action == Action.DISPOSITION and _sets_sar(meta) and isinstance(day, str):
            yield day


def as_day(moment: datetime, zone: tzinfo) -> datetime:
    """Return the day that the moment falls on in the zone, as a day is kept: as midnight UTC of its date."""
    with suppress(OverflowError):  # at an end of the calendar, where only a damaged time lies
        moment = moment.astimezone(zone)
    return datetime.combine(moment, time(), UTC)


def escalate(actor: User, case: Case, rationale: str, receiver: User | None) -> Change:
    """Hand the case up to another Manager, who becomes its owner. Raises NotAllowed or InvalidForm."""
    require(why_not(Verb.ESCALATE, actor, case))
    with typed.form() as wrong:
        notes = typed.field(wrong, "rationale", "rationale", rationale)
        if receiver is None:
            wrong["escalate_to"] = "Choose which Manager the case is escalated to."
        elif not can_take_escalation(actor, receiver):
            wrong["escalate_to"] = "A case is escalated to another, active Manager."
    columns = {"disposition": Disposition.ESCALATE, "owner": receiver and receiver.user_id}
    return Change(Action.DISPOSITION, notes, columns)


def review(actor: User, case: Case, involved: frozenset[str], result: QaResult, notes: str, now: datetime) -> Change:
    """Record a QA verdict. Raises NotAllowed or InvalidForm."""
    require(why_not(Verb.REVIEW, actor, case, involved))
    with typed.form() as wrong:
        if result is QaResult.NONE:
            wrong["result"] = "Choose a verdict: a QA review passes or fails."
        what, blank = ("reason for the fail", None) if result is QaResult.FAIL else ("note", "")
        notes = typed.field(wrong, "notes", what, notes, blank)
    columns = {"qa_result": result, "qa_reviewer": actor.user_id, "qa_at": now, "qa_notes": notes}
    return Change(Action.QA_PASS if result is QaResult.PASS else Action.QA_FAIL, notes, columns)


def reopen(actor: User, case: Case, reason: str) -> Change:
    """Take a closed case up again; its disposition, QA verdict and the state of its SAR are cleared.

    The day of determination and the SAR's deadline stay: the legal clock is not stopped by looking again. Raises
    NotAllowed or InvalidForm.
    """
    require(why_not(Verb.REOPEN, actor, case))
    with typed.form() as wrong:
        notes = typed.field(wrong, "reason", "reason", reason)
    columns = {
        "status": Verb.REOPEN.value.to,
        "disposition": Disposition.NONE,
        "closed_at": None,
        "filing": Filing.NONE,
        "qa_result": QaResult.NONE,
        "qa_reviewer": None,
        "qa_at": None,
        "qa_notes": "",
    }
    return Change(Action.REOPEN, notes, columns)


def has_sar_decision(events: Iterable[Event]) -> bool:
    """Tell whether a SAR was ever decided on: from then on the case is confidential (31 U.S.C. 5318(g)(2))."""
    return any(_sets_sar(chain.read_meta(event)) for event in events if event.action == Action.DISPOSITION)


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
    require(why_not(Verb.VIEW, actor, case))
    return Change(Action.VIEW, "")


def export(actor: User, case: Case, files: Mapping[str, str], events: int) -> Change:
    """Keep that files with the first `events` events of the case left the desk: name and SHA-256 (hex) of each.

    Raises NotAllowed.
    """
    require(why_not(Verb.EXPORT, actor, case))
    return Change(Action.EXPORT, "", facts={"events": events, "files": dict(files)})


def due_at(opened_at: datetime, risk: Risk) -> datetime:
    """Return when the desk's own service level runs out."""
    return opened_at + SERVICE_LEVEL[risk]


def is_overdue(case: Case, now: datetime) -> bool:
    """Tell whether the case is open past its due date, or was closed after it."""
    return (case.closed_at or now) > case.due_at


def sar_is_due_by(case: Case) -> datetime | None:
    """Return the day by which the case's SAR has to be filed; None where there is none, or it has been filed."""
    return None if case.filed_at else case.sar_due_at


def sar_due_at(determined_at: datetime, suspect_known: bool) -> datetime:
    """Return when the SAR has to be filed (31 CFR 1020.320(b)(3))."""
    return determined_at + (SAR_CLOCK if suspect_known else SAR_CLOCK_NO_SUSPECT)


def suspect_known(events: Iterable[Event]) -> bool:
    """Tell whether the last decision named a suspect (it does unless it says otherwise)."""
    return _last_decision(events).get("suspect") != "unknown"


def determined_in(events: Iterable[Event]) -> str:
    """Return the zone of who decided last, whose calendar has the day of determination; empty if unknown or no SAR."""
    return str(_last_decision(events).get("zone", ""))


def _last_decision(events: Iterable[Event]) -> Mapping[str, Any]:
    """Return the `meta` of the last decision for or against a SAR, as an escalation leaves day and deadline alone."""
    last: Mapping[str, Any] = {}
    for event in events:
        if event.action == Action.DISPOSITION:
            meta = chain.read_meta(event)
            match meta.get("disposition"):
                case [_, Disposition.SAR | Disposition.NO_SAR]:
                    last = meta
    return last


def require(refusal: str | None) -> None:
    """Raise NotAllowed where there is a reason to refuse."""
    if refusal:
        raise NotAllowed(refusal)
