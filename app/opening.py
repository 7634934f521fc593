"""Alerts become cases, or join the open case of their customer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

from app import alert_query, chain, joining, key_query, repository
from app.case_keys import KeyKind, keys_of
from app.database import Database, Transaction
from app.evidence import Alert
from app.models import CROCKFORD, Case, Event, User
from app.new_case import new_case


@dataclass(slots=True)
class Opened:
    """What became of alerts: cases opened, alerts that joined one, and alerts that were there already.

    `changed` are of the last those that say something else now than before, each with its case, which stays as it is.
    """

    opened: int = 0
    joined: int = 0
    already: int = 0
    changed: list[tuple[str, str]] = field(default_factory=list)


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
        joining.may_open(repository.user(tx, actor_id))
        stored = repository.opening(tx, case.case_id)
        if stored is None or stored.event_hash != event.event_hash:
            _store(tx, case, event)
        return event

    return database.write(work)


def open_alerts(database: Database, actor_id: str, alerts: Sequence[Alert], separate: bool = False) -> Opened:
    """Take in alerts in one transaction: all of them or, whatever is raised, none.

    One that is known changes nothing. Another joins its customer's oldest open case of the same currency, or opens one
    where there is none; with `separate`, each opens its own. Feeds of the same actor wait for one another.
    """

    def work(tx: Transaction) -> Opened:
        repository.lock_user(tx, actor_id)
        actor = repository.user(tx, actor_id)
        joining.may_open(actor)
        return _Intake(tx, actor, separate).take(alerts)

    return database.write(work)


@dataclass(slots=True)
class _Intake:
    """Alerts on their way into cases, in one transaction. What it has read of a case is read once for all of them."""

    tx: Transaction
    actor: User
    separate: bool
    _open: dict[tuple[str, str], tuple[Case, str]] = field(default_factory=dict)
    """By customer and currency: the case that alerts join, and the time of its newest event."""
    _read: tuple[str, list[Event]] = ("", [])
    """The case whose events were read last, and they."""

    def take(self, alerts: Iterable[Alert]) -> Opened:
        done = Opened()
        for alert in alerts:
            named = key_query.cases_with(self.tx, KeyKind.ALERT, alert.alert_id, 1)
            if found := self._known(alert, named):
                case_id, event, opening = found
                done.already += 1
                if joining.is_told_otherwise(alert, event, opening):
                    done.changed.append((alert.alert_id, case_id))
            elif not named and not self.separate and self._join(alert):
                done.joined += 1
            else:
                self._open_case(alert, has_key=not named)
                done.opened += 1
        return done

    def _known(self, alert: Alert, named: Iterable[str]) -> tuple[str, Event, Event] | None:
        """Return the case that has the alert, the event that tells it, and the `open` event; None where it is new.

        The case is the one that its key names or, whatever keys say, the one of its own id.
        """
        for case_id in named:
            events = self._events(case_id)
            if event := joining.telling(events, alert.alert_id):
                return case_id, event, events[0]
        for case_id in case_ids(alert.alert_id):
            opening = repository.opening(self.tx, case_id)
            if opening and joining.telling([opening], alert.alert_id):
                return case_id, opening, opening
            if opening is None and not repository.has_case(self.tx, case_id):
                break
        return None

    def _events(self, case_id: str) -> list[Event]:
        if self._read[0] != case_id:
            self._read = case_id, repository.events(self.tx, case_id)
        return self._read[1]

    def _open_case(self, alert: Alert, has_key: bool) -> None:
        """Open a case under the alert's own id; it has no key where another case has it, which verification tells."""
        case_id = next(one for one in case_ids(alert.alert_id) if not self._is_taken(one))
        case, event = _opening(case_id, self.actor.user_id, alert)
        _store(self.tx, case, event, has_key)
        self._open.setdefault((case.customer_id, case.currency), (case, event.ts))

    def _is_taken(self, case_id: str) -> bool:
        return repository.has_case(self.tx, case_id) or repository.opening(self.tx, case_id) is not None

    def _join(self, alert: Alert) -> bool:
        """Join the alert to its customer's oldest open case; False where there is none that takes an event."""
        of = alert.customer_id, alert.currency
        while to := self._open.get(of) or self._oldest(*of):
            case, newest = to
            change = joining.join(self.actor, case, alert)
            clock = chain.format_ts(datetime.now(UTC))
            ts = max(clock, newest)
            facts = {**change.facts, "clock": clock} if ts > clock else change.facts
            after, event = chain.append(
                case, self.actor.user_id, ts, change.action.value, change.notes, change.columns, facts
            )
            if alert_query.raise_case(self.tx, after, case.head_hash):
                repository.insert_event(self.tx, event)
                key_query.insert_keys(self.tx, case.case_id, keys_of(event, case.customer_name))
                self._open[of] = after, ts
                if self._read[0] == case.case_id:
                    self._read = "", []
                return True
            self._open.pop(of, None)  # somebody works on the case just now: look again
        return False

    def _oldest(self, customer_id: str, currency: str) -> tuple[Case, str] | None:
        """Return the customer's oldest open case that ends where its row says, and the time of its newest event."""
        for case in alert_query.open_cases(self.tx, customer_id, currency):
            newest = alert_query.newest_event(self.tx, case.case_id)
            if newest and newest.event_hash == case.head_hash and chain.is_time(newest.ts):
                return case, newest.ts
        return None


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


def _store(tx: Transaction, case: Case, event: Event, has_key: bool = True) -> None:
    repository.insert_case(tx, case)
    repository.insert_event(tx, event)
    keys = keys_of(event, case.customer_name)
    key_query.load_keys(tx, [(case.case_id, (key for key in keys if has_key or key[0] is not KeyKind.ALERT))])
