"""The write verbs. Each is one transaction: judge by `policy`, chain one event, change the case with it.

Each takes the user who acts, and from a page also
  form  a random token of the form that was sent; sent again, the answer is the event it made the first time;
  seen  the head hash of the case as its person saw it; where the case moved on in a way that matters to the verb,
        StaleCase is raised and nothing is written.
They return the event. They raise NotAllowed, InvalidText, StaleCase, UnknownCase, UnknownUser or DatabaseError.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app import chain, policy, repository, sar
from app.database import Database, Transaction
from app.errors import BrokenCase, DatabaseBusy, InvalidInput, NotAllowed, StaleCase
from app.models import (
    CROCKFORD,
    MAX_AMOUNT,
    Action,
    Case,
    Disposition,
    Event,
    QaResult,
    Risk,
    User,
)

ATTEMPTS = 100
"""How often a verb reads and judges anew where others keep changing the case in between."""

NEVER_STALE = frozenset(Action)
PASSES_OVER_NOTES = frozenset({Action.NOTE})
PASSES_OVER_NOTHING: frozenset[Action] = frozenset()

_FORM = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a verb judges: read in its own transaction."""

    tx: Transaction
    actor: User
    case: Case
    events: Sequence[Event]
    now: datetime


def new_form() -> str:
    """A token for a form."""
    return secrets.token_hex(8)


def new_case_id() -> str:
    """A case id drawn at random: `AML-` and eight characters of Crockford's base 32."""
    return "AML-" + "".join(secrets.choice(CROCKFORD) for _ in range(8))


def open_case(
    database: Database,
    actor_id: str,
    *,
    customer_id: str,
    customer_name: str,
    typology: str,
    risk: Risk,
    risk_score: int,
    amount: Decimal,
    currency: str,
    evidence: Mapping[str, Any],
) -> Event:
    """Open a case on an alert. `evidence` (alert, window, transactions …) becomes part of the event."""
    for name, text, limit in (
        ("customer id", customer_id, 40),
        ("customer name", customer_name, 200),
        ("typology", typology, 100),
    ):
        if not text.strip() or len(text) > limit:
            raise InvalidInput(f"The {name} needs 1 to {limit} characters.")
        if chain.clean_text(name, text) != text or text != text.strip():
            raise InvalidInput(f"The {name} has a line break, or a space at an end.")
    if not 0 <= risk_score <= 100:
        raise InvalidInput("The risk score lies between 0 and 100.")
    if not amount.is_finite() or amount.is_signed() or amount > MAX_AMOUNT or amount != round(amount, 2):
        raise InvalidInput(f"The amount lies between 0 and {MAX_AMOUNT:,}, with at most two decimal places.")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise InvalidInput("The currency is an ISO 4217 code such as USD.")
    if len(sar.transactions(evidence)) != len(sar.listed(evidence)):
        raise InvalidInput(f"Each transaction needs {', '.join(sar.TRANSACTION)}; amounts look like 9400.00.")
    case_id, now = new_case_id(), datetime.now(UTC)
    draft = policy.new_case(
        case_id,
        customer_id=customer_id,
        customer_name=customer_name,
        typology=typology,
        risk=risk,
        risk_score=risk_score,
        amount=amount,
        currency=currency,
        opened_at=now,
    )
    try:
        case, event = chain.open_chain(draft, actor_id, evidence)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The evidence cannot be written as JSON: {error}.") from error
    with database.transaction() as tx:
        policy.may_open(repository.user(tx, actor_id))
        repository.insert_case(tx, case)
        repository.insert_event(tx, event)
    return event


def assign(
    database: Database,
    actor_id: str,
    case_id: str,
    receiver_id: str,
    *,
    form: str = "",
    seen: str | None = None,
) -> Event:
    """Give the case to an Analyst or Manager, who becomes its owner."""

    def change(scene: _Scene) -> policy.Change:
        return policy.assign(scene.actor, scene.case, repository.user(scene.tx, receiver_id))

    return _append(database, actor_id, case_id, form, seen, PASSES_OVER_NOTES, frozenset({Action.ASSIGN}), change)


def add_note(database: Database, actor_id: str, case_id: str, text: str, *, form: str = "") -> Event:
    """Add a note; it is never stale."""

    def change(scene: _Scene) -> policy.Change:
        return policy.note(scene.actor, scene.case, text)

    return _append(database, actor_id, case_id, form, None, NEVER_STALE, frozenset({Action.NOTE}), change)


def set_disposition(
    database: Database,
    actor_id: str,
    case_id: str,
    disposition: Disposition,
    rationale: str,
    *,
    determined_at: datetime | None = None,
    suspect_known: bool = True,
    escalate_to: str | None = None,
    form: str = "",
    seen: str | None = None,
) -> Event:
    """Close the case as SAR or No SAR, or escalate it.

    A SAR takes `determined_at` and whether a suspect is known; Escalate takes the Manager it goes to.
    """

    def change(scene: _Scene) -> policy.Change:
        if disposition is Disposition.ESCALATE:
            if escalate_to is None:
                raise NotAllowed("Say which Manager the case is escalated to.")
            receiver = repository.user(scene.tx, escalate_to)
            return policy.escalate(scene.actor, scene.case, rationale, receiver)
        return policy.decide(scene.actor, scene.case, disposition, rationale, scene.now, determined_at, suspect_known)

    return _append(
        database, actor_id, case_id, form, seen, PASSES_OVER_NOTHING, frozenset({Action.DISPOSITION}), change
    )


def record_qa(
    database: Database,
    actor_id: str,
    case_id: str,
    result: QaResult,
    notes: str = "",
    *,
    form: str = "",
    seen: str | None = None,
) -> Event:
    """Record QA's verdict on a closed case of the sample."""

    def change(scene: _Scene) -> policy.Change:
        involved = policy.involved_in(scene.events)
        return policy.review(scene.actor, scene.case, involved, result, notes, scene.now)

    return _append(
        database,
        actor_id,
        case_id,
        form,
        seen,
        PASSES_OVER_NOTHING,
        frozenset({Action.QA_PASS, Action.QA_FAIL}),
        change,
    )


def reopen(
    database: Database, actor_id: str, case_id: str, reason: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Take a closed case up again."""

    def change(scene: _Scene) -> policy.Change:
        return policy.reopen(scene.actor, scene.case, reason)

    return _append(database, actor_id, case_id, form, seen, PASSES_OVER_NOTHING, frozenset({Action.REOPEN}), change)


def _append(
    database: Database,
    actor_id: str,
    case_id: str,
    form: str,
    seen: str | None,
    passes_over: frozenset[Action],
    makes: frozenset[Action],
    judge: Callable[[_Scene], policy.Change],
) -> Event:
    """The one way an event gets onto a case: compare-and-swap on the head, then insert, in one transaction."""
    if form and not _FORM.fullmatch(form):
        raise InvalidInput("The form's token is not one of the desk's.")
    for _ in range(ATTEMPTS):
        with database.transaction() as tx:
            actor = repository.user(tx, actor_id)
            case = repository.case(tx, case_id)
            events = repository.events(tx, case_id)
            if not events or events[-1].event_hash != case.head_hash:
                raise BrokenCase(case_id, "its newest event is not the one that its row names")
            if form and (repeat := _sent_before(events, form)):
                if repeat.user != actor_id or repeat.action not in makes:
                    raise InvalidInput("This form was sent already, by someone else or for another purpose.")
                return repeat
            _check_fresh(case_id, events, seen, passes_over)
            now = _now(case_id, events)
            change = judge(_Scene(tx, actor, case, events, now))
            facts = {**change.facts, "form": form} if form else change.facts
            changed, event = chain.append(
                case, actor.user_id, chain.format_ts(now), change.action.value, change.notes, change.columns, facts
            )
            if repository.update_case(tx, changed, case.head_hash):
                repository.insert_event(tx, event)
                return event
    raise DatabaseBusy(f"{case_id} is being changed by too many people at once. Try again in a moment.")


def _now(case_id: str, events: Sequence[Event]) -> datetime:
    """Now, or the newest event's time where the clock has gone back behind it."""
    try:
        return max(datetime.now(UTC), *(chain.parse_ts(event.ts) for event in events))
    except (TypeError, ValueError) as error:
        raise BrokenCase(case_id, f"an event has a time that the desk never writes ({error})") from error


def _sent_before(events: Sequence[Event], form: str) -> Event | None:
    return next((event for event in events if chain.read_meta(event).get("form") == form), None)


def _check_fresh(case_id: str, events: Sequence[Event], seen: str | None, passes_over: frozenset[Action]) -> None:
    """Raises StaleCase where something that the verb does not pass over came after the head `seen`."""
    if seen is None:
        return
    hashes = [event.event_hash for event in events]
    since = events[hashes.index(seen) + 1 :] if seen in hashes else events
    if seen not in hashes or any(event.action not in passes_over for event in since):
        raise StaleCase(case_id, since)
