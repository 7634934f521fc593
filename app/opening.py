"""Alerts become cases."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import count
from typing import Any

from app import chain, evidence, money, policy, repository, typed
from app.database import Database, Transaction
from app.errors import (
    InvalidInput,
)
from app.models import (
    ALERT_FEED,
    CASE_COLUMNS,
    CROCKFORD,
    MAX_AMOUNT,
    Case,
    Event,
    Risk,
)

_NOT_EVIDENCE = frozenset({"case", "form", *CASE_COLUMNS})
"""What `meta` says in a sense of its own: evidence under such a name would be read as a change of the case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a case is opened on. `evidence` (alert, window, transactions …) becomes part of the `open` event.

    `alert_id` is the source system's own; empty where the case is opened without one.
    """

    customer_id: str
    customer_name: str
    typology: str
    risk: Risk
    risk_score: int
    amount: Decimal
    currency: str
    evidence: Mapping[str, Any]
    alert_id: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a batch of alerts. `changed` are alerts and their cases, which were opened on other facts."""

    opened: int
    already: int
    changed: Sequence[tuple[str, str]]


def new_case_id() -> str:
    """A case id drawn at random: `AML-` and eight characters of Crockford's base 32."""
    return "AML-" + "".join(secrets.choice(CROCKFORD) for _ in range(8))


def case_ids(alert_id: str) -> Iterator[str]:
    """The ids that the case of a source system's alert may have, the first free one being it.

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
            _check_alert_id(alert)
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


def check_alert(alert: Alert) -> None:
    """Raises InvalidInput where `open_alerts` would refuse the alert."""
    _check_alert_id(alert)
    _opening(next(case_ids(alert.alert_id)), ALERT_FEED, alert)


def _check_alert_id(alert: Alert) -> None:
    alert_id = alert.alert_id
    if not (1 <= len(alert_id) <= 64 and alert_id.isprintable() and alert_id == alert_id.strip()):
        raise InvalidInput("The alert id needs 1 to 64 printable characters, and no space at an end.")


def _opening(case_id: str, actor_id: str, alert: Alert) -> tuple[Case, Event]:
    """A case as it is opened on the alert now. Raises InvalidInput."""
    typed.one_line("customer id", alert.customer_id, 40)
    typed.one_line("customer name", alert.customer_name, 200)
    typed.one_line("typology", alert.typology, 100)
    if not 0 <= alert.risk_score <= 100:
        raise InvalidInput("The risk score lies between 0 and 100.")
    amount = alert.amount
    if not amount.is_finite() or amount.is_signed() or amount > MAX_AMOUNT:
        raise InvalidInput(f"The amount lies between 0 and {MAX_AMOUNT:,}.")
    if alert.currency not in money.DECIMALS:
        raise InvalidInput(
            f"The currency {alert.currency[:9]!r} is not the ISO 4217 code of one that has amounts, such as USD."
        )
    if taken := _NOT_EVIDENCE.intersection(alert.evidence):
        raise InvalidInput(f"The evidence cannot hold {', '.join(sorted(taken))}: the desk's own facts have that name.")
    if len(evidence.transactions(alert.evidence)) != len(evidence.listed(alert.evidence)):
        raise InvalidInput(f"Each transaction needs {', '.join(evidence.TRANSACTION)}; amounts look like 9400.00.")
    for what, told in _amounts(alert):
        if reason := money.why_not(told, alert.currency):
            raise InvalidInput(f"{what} is {reason}.")
    draft = policy.new_case(
        case_id,
        customer_id=alert.customer_id,
        customer_name=alert.customer_name,
        typology=alert.typology,
        risk=alert.risk,
        risk_score=alert.risk_score,
        amount=amount,
        currency=alert.currency,
        opened_at=datetime.now(UTC),
    )
    kept = {**alert.evidence, "alert_id": alert.alert_id} if alert.alert_id else alert.evidence
    try:
        return chain.open_chain(draft, actor_id, kept)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The evidence cannot be written as JSON: {error}.") from error


def _amounts(alert: Alert) -> Iterator[tuple[str, Decimal]]:
    """Each amount in the alert's currency, and where it stands."""
    yield "amount", alert.amount
    for place, row in enumerate(evidence.transactions(alert.evidence)):
        yield f"transactions[{place}].amount", Decimal(row["amount"])
    customer = alert.evidence.get("customer")
    if isinstance(customer, Mapping) and (expected := money.read(customer.get("expected_monthly"))) is not None:
        yield "customer.expected_monthly", expected


def _store(tx: Transaction, case: Case, event: Event) -> None:
    repository.insert_case(tx, case)
    repository.insert_event(tx, event)


def _told(opening: Event) -> dict[str, Any]:
    """What the source said in an `open` event: all but what depends on the id and on the time of the opening."""
    meta = chain.read_meta(opening)
    facts = meta.pop("case", None)
    told = facts.items() if isinstance(facts, dict) else ()
    return {**meta, **{name: value for name, value in told if name not in ("due_at", "opened_at", "qa_bucket")}}
