"""Alerts become cases."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

from app import chain, key_query, policy, repository
from app.case_keys import keys_of
from app.database import Database, Transaction
from app.evidence import Alert
from app.models import CROCKFORD, Case, Event
from app.new_case import new_case


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a batch of alerts. `changed` are alerts and their cases, which were opened on other facts."""

    opened: int
    already: int
    changed: Sequence[tuple[str, str]]


def new_case_id() -> str:
    """Return a case id drawn at random: `AML-` and eight characters of Crockford's base 32."""
    return "AML-" + "".join(secrets.choice(CROCKFORD) for _ in range(8))


def case_ids(alert_id: str) -> Iterator[str]:
    """Yield the ids that the case of a source system's alert may have, the first free one being it.

    They come from a hash, not from chance, so that an alert that is sent again finds its case by primary key, and of
    two feeds that send it at once only one can open it. There are 2^40 ids: among a million cases, some two
    alerts will share their first one, and the later of them takes its next.
    """
    for number in count():
        digest = sha256(f"alert\x1f{alert_id}\x1f{number}".encode()).digest()
        code = int.from_bytes(digest[:5])
        yield "AML-" + "".join(CROCKFORD[code >> shift & 31] for shift in range(35, -1, -5))


def open_case(database: Database, actor_id: str, alert: Alert) -> Event:
    """Open a case on the alert, under an id drawn at random."""
    case, event = _opening(new_case_id(), actor_id, alert)

    def work(tx: Transaction) -> Event:
        policy.may_open(repository.user(tx, actor_id))
        stored = repository.opening(tx, case.case_id)
        if stored is None or stored.event_hash != event.event_hash:
            _store(tx, case, event)
        return event

    return database.write(work)


def open_alerts(database: Database, actor_id: str, alerts: Callable[[], Iterable[Alert]]) -> Opened:
    """Open a case on each alert that has none yet: on all of them or, whatever is raised, on none.

    `alerts` is asked for them anew whenever the work is begun again. Feeds of the same actor wait for one another.
    """

    def work(tx: Transaction) -> Opened:
        repository.lock_user(tx, actor_id)
        policy.may_open(repository.user(tx, actor_id))
        opened = already = 0
        changed = []
        for alert in alerts():
            for case_id in case_ids(alert.alert_id):
                case, event = _opening(case_id, actor_id, alert)
                taken, stored = repository.has_case(tx, case_id), repository.opening(tx, case_id)
                if stored is not None and chain.read_meta(stored).get("alert_id") == alert.alert_id:
                    already += 1
                    if _told(stored) != _told(event):
                        changed.append((alert.alert_id, case_id))
                    break
                if stored is None and not taken:
                    _store(tx, case, event)
                    opened += 1
                    break
        return Opened(opened, already, changed)

    return database.write(work)


def _opening(case_id: str, actor_id: str, alert: Alert) -> tuple[Case, Event]:
    """Return a case as it is opened on the alert now, and its first event."""
    draft = new_case(
        case_id,
        customer_id=alert.customer_id,
        customer_name=alert.customer_name,
        typology=alert.typology,
        risk=alert.risk,
        risk_score=alert.risk_score,
        amount=alert.amount,
        currency=alert.currency,
        opened_at=datetime.now(UTC),
    )
    return chain.open_chain(draft, actor_id, alert.evidence())


def _store(tx: Transaction, case: Case, event: Event) -> None:
    repository.insert_case(tx, case)
    repository.insert_event(tx, event)
    key_query.insert_keys(tx, case.case_id, keys_of(event, case.customer_name))


def _told(opening: Event) -> dict[str, Any]:
    """Return what the source said in an `open` event: all but what depends on the id and on the time of the opening."""
    meta = chain.read_meta(opening)
    facts = meta.pop("case", None)
    told = facts.items() if isinstance(facts, dict) else ()
    return {**meta, **{name: value for name, value in told if name not in ("due_at", "opened_at", "qa_bucket")}}
