"""How an alert that comes in is judged: whether it is known, and what it raises where it joins a case. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app import chain, policy
from app.errors import NotAllowed
from app.evidence import Alert
from app.models import ALERT_FEED, Action, Case, Event, Risk, User
from app.policy import Change, Verb

_OF_THE_CASE = ("customer_id", "currency")
"""What an alert that joins has in common with its case."""
_OF_THE_EVENT = frozenset({"case", "told", "clock", *chain.RAISED})
"""What an event's `meta` holds beside what the source told."""


def may_open(actor: User) -> None:
    """Let the alert feed's service user open a case, and join an alert to one. Raises NotAllowed for anyone else."""
    if actor.user_id != ALERT_FEED or actor.active:
        raise NotAllowed("Only the alert feed opens cases.")


def join(actor: User, case: Case, alert: Alert) -> Change:
    """Join an alert to an open case: risk, risk score and amount rise to the alert's where that is higher.

    The case's due date stays, and so do its customer's name and its typology; what the alert tells of them is kept in
    `meta.told`, the name only where it is another. Raises NotAllowed.
    """
    may_open(actor)
    policy.require(Verb.ALERT.value.refuses.get(case.status))
    columns = {
        "risk": max(case.risk, alert.risk, key=list(Risk).index),
        "risk_score": max(case.risk_score, alert.risk_score),
        "amount": max(case.amount, alert.amount),
    }
    told = {name: chain.canonical(getattr(alert, name)) for name in ("typology", *chain.RAISED)}
    if alert.customer_name != case.customer_name:
        told["customer_name"] = alert.customer_name
    return Change(Action.ALERT, "", columns, {**alert.evidence(), "told": told})


def telling(events: Sequence[Event], alert_id: str) -> Event | None:
    """Return the event of a case that tells the alert; None where none does. `events` begin with the `open` event."""
    told = (event for event in events if event.action in (Action.OPEN, Action.ALERT))
    return next((event for event in told if chain.read_meta(event).get("alert_id") == alert_id), None)


def is_told_otherwise(alert: Alert, event: Event, opening: Event) -> bool:
    """Say whether the source tells something else now than in the event that told the alert before.

    `opening` is the `open` event of the case.
    """
    meta, first = chain.read_meta(event), _mapping(chain.read_meta(opening).get("case"))
    facts = _mapping(meta.get("told", meta.get("case")))
    before = {name: value for name, value in meta.items() if name not in _OF_THE_EVENT}
    before |= {"customer_name": first.get("customer_name"), **{name: first.get(name) for name in _OF_THE_CASE}}
    before |= {name: value for name, value in facts.items() if name not in ("due_at", "opened_at", "qa_bucket")}
    now = {name: chain.canonical(getattr(alert, name)) for name in ("customer_name", "typology", *_OF_THE_CASE)}
    now |= {name: chain.canonical(getattr(alert, name)) for name in chain.RAISED}
    return before != {**alert.evidence(), **now}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
