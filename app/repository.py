"""Reads and row writes: one function a query, its SQL right above it.

Every function takes the transaction that it is part of. Filters and orders of Triage are the one query that is
put together, and only from the constant texts in this module.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from app import chain, rows
from app.database import PerEngine, Transaction
from app.errors import DatabaseError, UnknownCase, UnknownUser
from app.models import CASE_COLUMNS, COLUMNS, EVENT_COLUMNS, Case, Event, Kind, User
from app.text import folded

MAX_EVENT_ID = 2**63 - 1
UPDATED_COLUMNS = tuple(column for column in COLUMNS if column.kind in (Kind.STATE, Kind.HEAD))
CHAIN_COLUMNS = ("part", *EVENT_COLUMNS, *(name for name in CASE_COLUMNS if name != "case_id"))
"""Of SELECT_ALL_CHAINS: a key, a case and an event have their `case_id` in one place."""
_EVENTS, _CASES, _KEYS = range(3)
"""Its parts."""
_key = rows.taken(CHAIN_COLUMNS, "notes")
_part, _chain_of = rows.taken(CHAIN_COLUMNS, "part"), rows.taken(CHAIN_COLUMNS, "case_id")
_event_part, _case_part = rows.taken(CHAIN_COLUMNS, *EVENT_COLUMNS), rows.taken(CHAIN_COLUMNS, *CASE_COLUMNS)
_event_id, _case_id, _ts = (rows.taken(EVENT_COLUMNS, name) for name in ("event_id", "case_id", "ts"))

# --- users ---

SELECT_USER = "SELECT user_id, name, role, active, signed_out_at FROM users WHERE user_id = ?"


def user(tx: Transaction, user_id: str) -> User:
    """Return the user of this id. Raises UnknownUser."""
    row = tx.fetch_first(SELECT_USER, (user_id,))
    if row is None or row["user_id"] != user_id:  # SQL Server takes "ann " for "ann"
        raise UnknownUser(user_id)
    return rows.user(row)


SELECT_USERS = "SELECT user_id, name, role, active, signed_out_at FROM users ORDER BY user_id"


def users(tx: Transaction) -> list[User]:
    """Return everybody, the inactive too."""
    return [rows.user(row) for row in tx.fetch_all(SELECT_USERS)]


def user_alike(tx: Transaction, user_id: str) -> User:
    """Return the user of this id; else the only one whose id differs by letter case or unseen characters alone.

    Raises UnknownUser where there is none, or more than one, as old databases may hold.
    """
    try:
        return user(tx, user_id)
    except UnknownUser:
        wanted = folded(user_id)
        alike = [person for person in users(tx) if wanted and folded(person.user_id) == wanted]
        if len(alike) != 1:
            raise
        return alike[0]


def user_names(tx: Transaction) -> dict[str, str]:
    """Return the name of each user by id, whatever else stands in their rows: for what leaves as evidence."""
    return {chain.show(row["user_id"]): chain.show(row["name"]) for row in tx.fetch_all(SELECT_USERS)}


INSERT_USER = "INSERT INTO users (user_id, name, role, active) VALUES (?, ?, ?, ?)"


def insert_user(tx: Transaction, person: User) -> None:
    """Store a user. Raises ConstraintBroken where the id is taken."""
    tx.execute(INSERT_USER, (person.user_id, person.name, person.role.value, int(person.active)))


UPDATE_USER_ACTIVE = "UPDATE users SET active = ? WHERE user_id = ?"


def set_active(tx: Transaction, user_id: str, active: bool) -> None:
    """Keep whether the user may act."""
    tx.execute(UPDATE_USER_ACTIVE, (int(active), user_id))


UPDATE_USER_SIGNED_OUT = "UPDATE users SET signed_out_at = ? WHERE user_id = ?"


def set_signed_out(tx: Transaction, user_id: str, moment: datetime) -> None:
    tx.execute(UPDATE_USER_SIGNED_OUT, (moment, user_id))


COUNT_OPEN_CASES_OF = PerEngine(
    sqlserver="SELECT COUNT(*) FROM cases WHERE owner = ? AND status <> N'Closed'",
    sqlite="SELECT COUNT(*) FROM cases WHERE owner = ? AND status <> 'Closed'",
)


def open_cases_of(tx: Transaction, user_id: str) -> int:
    """Count the cases that the user owns and that are not closed."""
    return int(tx.fetch_val(COUNT_OPEN_CASES_OF, (user_id,)))


LOCK_USER = "UPDATE users SET active = active WHERE user_id = ?"


def lock_user(tx: Transaction, user_id: str) -> None:
    """Wait until nobody else holds this lock, and keep it until this transaction ends."""
    tx.execute(LOCK_USER, (user_id,))


# --- cases ---

SELECT_CASE = "SELECT * FROM cases WHERE case_id = ?"


def case(tx: Transaction, case_id: str) -> Case:
    """Return the case of this id. Raises UnknownCase, or BrokenCase where its row cannot be read."""
    row = tx.fetch_first(SELECT_CASE, (case_id,))
    if row is None or row["case_id"] != case_id:
        raise UnknownCase(case_id)
    return rows.case(row)


COUNT_CASE = "SELECT COUNT(*) FROM cases WHERE case_id = ?"


def has_case(tx: Transaction, case_id: str) -> bool:
    """Tell whether the id is taken, be the row readable or not."""
    return bool(tx.fetch_val(COUNT_CASE, (case_id,)))


COUNT_CASES = "SELECT COUNT(*) FROM cases"


def case_count(tx: Transaction) -> int:
    """Count all cases."""
    return int(tx.fetch_val(COUNT_CASES))


SELECT_CUSTOMER_CASES = """
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ?
ORDER BY opened_at DESC, case_id DESC
"""


def other_cases(tx: Transaction, customer_id: str, case_id: str) -> rows.Cases:
    """Return the customer's cases but this one, newest first."""
    return rows.Cases(tx.fetch_all(SELECT_CUSTOMER_CASES, (customer_id, case_id)))


SELECT_PRIOR_SARS = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ? AND disposition = N'SAR'
ORDER BY closed_at DESC, case_id DESC
""",
    sqlite="""
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ? AND disposition = 'SAR'
ORDER BY closed_at DESC, case_id DESC
""",
)


def prior_sars(tx: Transaction, customer_id: str, case_id: str) -> rows.Cases:
    """Return the customer's other cases that are closed as SAR, filed or not, the newest decision first."""
    return rows.Cases(tx.fetch_all(SELECT_PRIOR_SARS, (customer_id, case_id)))


SELECT_BY_BSA_ID = "SELECT case_id FROM cases WHERE bsa_id = ? AND bsa_id <> ''"


def case_of_report(tx: Transaction, bsa_id: str) -> str | None:
    """Return the id of the case whose report FinCEN calls so; None where there is none."""
    row = tx.fetch_first(SELECT_BY_BSA_ID, (bsa_id,))
    return None if row is None else str(row["case_id"])


INSERT_CASE = """
INSERT INTO cases (
    case_id, customer_id, customer_name, typology, risk, risk_score, amount, currency, opened_at, due_at, status,
    owner, disposition, determined_at, closed_at, qa_result, qa_reviewer, qa_at, qa_notes, qa_bucket, search,
    event_count, head_hash, sar_due_at, filing, filed_at, bsa_id
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    NULLIF(?, ''), ?, NULLIF(?, ''), NULLIF(?, ''), ?, NULLIF(?, ''), NULLIF(?, ''), ?, ?, ?,
    ?, ?, NULLIF(?, ''), ?, NULLIF(?, ''), ?
)
"""


def insert_case(tx: Transaction, new: Case) -> None:
    """Store a new case. Raises ConstraintBroken where the id is taken."""
    tx.execute(INSERT_CASE, case_row(new))


def case_row(row: Case) -> tuple[object, ...]:
    """Return the values of INSERT_CASE, which are COLUMNS."""
    return tuple(rows.bound(row, column) for column in COLUMNS)


UPDATE_CASE = """
UPDATE cases
SET status = ?, owner = NULLIF(?, ''), disposition = ?, determined_at = NULLIF(?, ''), closed_at = NULLIF(?, ''),
    qa_result = ?, qa_reviewer = NULLIF(?, ''), qa_at = NULLIF(?, ''), qa_notes = ?, event_count = ?, head_hash = ?,
    sar_due_at = NULLIF(?, ''), filing = ?, filed_at = NULLIF(?, ''), bsa_id = ?
WHERE case_id = ? AND head_hash = ?
"""


def update_case(tx: Transaction, new: Case, seen_head: str) -> bool:
    """Write what a verb changed; False where the case is no longer at `seen_head`, and nothing was written."""
    values = [rows.bound(new, column) for column in UPDATED_COLUMNS]
    changed = tx.execute(UPDATE_CASE, (*values, new.case_id, seen_head))
    if changed not in (0, 1):
        raise DatabaseError(f"The database says that {changed} rows of {new.case_id} were changed instead of one.")
    return changed == 1


LOCK_CASE = "UPDATE cases SET head_hash = head_hash WHERE case_id = ?"


def lock_case(tx: Transaction, case_id: str) -> None:
    """Wait until nobody else is changing the case, and keep others from it until this transaction ends."""
    tx.execute(LOCK_CASE, (case_id,))


SELECT_SEARCH_TEXTS = PerEngine(
    sqlserver="""
SELECT case_id, customer_id, customer_name, typology, search FROM cases
WHERE case_id > ?
ORDER BY case_id
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT case_id, customer_id, customer_name, typology, search FROM cases
WHERE case_id > ?
ORDER BY case_id
LIMIT ?
""",
)
UPDATE_SEARCH_TEXT = "UPDATE cases SET search = ? WHERE case_id = ?"


def renew_search_texts(tx: Transaction, after: str, limit: int) -> str | None:
    """Bring the search texts of the next cases by id, `limit` at most, from the form of before version 3 to today's.

    Return the id of the last of them; None where there is none after it.
    """
    found = tx.fetch_all(SELECT_SEARCH_TEXTS, (after, limit))
    renewed = [(rows.renewed(row), row["case_id"]) for row in found]
    tx.execute_many(
        UPDATE_SEARCH_TEXT, [one for one, row in zip(renewed, found, strict=True) if one[0] != row["search"]]
    )
    return str(found[-1]["case_id"]) if len(found) == limit else None


# --- events ---

SELECT_EVENTS = """
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ?
ORDER BY event_id
"""


def events(tx: Transaction, case_id: str) -> list[Event]:
    """Return a case's events in the order in which they were stored."""
    return [chain.event_of(event) for event in _events_of(tx, case_id)]


def _events_of(tx: Transaction, case_id: str) -> list[chain.StoredEvent]:
    found = tx.stream_tuples(SELECT_EVENTS, (case_id,))
    return [rows.stored_event(row) for row in found if _case_id(row) == case_id]  # SQL Server takes "x " for "x"


SELECT_OPENING = """
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ? AND prev_hash = ?
"""


def opening(tx: Transaction, case_id: str) -> Event | None:
    """Return a case's first event, without reading the others; None where there is none."""
    found = list(tx.stream_tuples(SELECT_OPENING, (case_id, chain.GENESIS)))
    return chain.event_of(rows.stored_event(found[0])) if found else None


INSERT_EVENT = """
INSERT INTO case_events (case_id, ts, [user], action, notes, meta, prev_hash, event_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def insert_event(tx: Transaction, new: Event) -> None:
    """Store an event, to which the store gives its `event_id`."""
    tx.lock_log(exclusive=False)
    _, *values = _event_row(tx, new)
    tx.execute(INSERT_EVENT, values)


LOAD_EVENT = """
INSERT INTO case_events (event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def load(tx: Transaction, cases: Iterable[Case], events: Iterable[Event]) -> None:
    """Store cases and their events as they are, `event_id` included."""
    tx.lock_log(exclusive=False)
    tx.execute_many(INSERT_CASE, map(case_row, cases))
    tx.execute_many(LOAD_EVENT, (_event_row(tx, event) for event in events))


def _event_row(tx: Transaction, new: Event) -> tuple[object, ...]:
    """Return the values of LOAD_EVENT, which are EVENT_COLUMNS."""
    event_id, case_id, ts, *others = new
    return event_id, case_id, tx.ts(ts), *others


# --- the log: all events by event_id ---

SELECT_LAST_EVENT_ID = "SELECT COALESCE(MAX(event_id), 0) FROM case_events"


def last_event_id(tx: Transaction) -> int:
    """Return the highest `event_id`, below which no event can appear any more; hold up who adds events meanwhile."""
    tx.lock_log(exclusive=True)
    return int(tx.fetch_val(SELECT_LAST_EVENT_ID))


SELECT_LOG = """
SELECT event_id, case_id, event_hash FROM case_events WHERE event_id >= ? AND event_id <= ? ORDER BY event_id
"""

LogLine = tuple[int, str, str]
"""An event as the log sees it: event_id, case_id, event_hash."""


def log(tx: Transaction, last: int = MAX_EVENT_ID, first: int = 0) -> Generator[LogLine]:
    """Return every event from the one numbered `first` to that numbered `last`, in `event_id` order, as it comes."""
    return (tuple(row) for row in tx.stream_tuples(SELECT_LOG, (first, last)))


# --- verification ---

# One result, as a connection to SQL Server reads one at a time: the keys of alerts, the cases, their events. The joins
# never match, they only give each part the columns of the others; where events have their notes, alerts have their key.
# The events come last, as they are the most: what comes earlier is merged once more.
SELECT_ALL_CHAINS = """
SELECT
    2 AS part,
    e.event_id, k.case_id AS case_id, e.ts, e.[user], e.action, k.[key] AS notes, e.meta, e.prev_hash, e.event_hash,
    c.customer_id, c.customer_name, c.typology, c.risk, c.risk_score, c.amount, c.currency, c.opened_at, c.due_at,
    c.status, c.owner, c.disposition, c.determined_at, c.closed_at, c.qa_result, c.qa_reviewer, c.qa_at, c.qa_notes,
    c.qa_bucket, c.search, c.event_count, c.head_hash, c.sar_due_at, c.filing, c.filed_at, c.bsa_id
FROM case_keys AS k LEFT JOIN case_events AS e ON e.event_id = NULL LEFT JOIN cases AS c ON c.case_id = NULL
WHERE k.kind = 'alert'
UNION ALL
SELECT
    1,
    e.event_id, c.case_id AS case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash,
    c.customer_id, c.customer_name, c.typology, c.risk, c.risk_score, c.amount, c.currency, c.opened_at, c.due_at,
    c.status, c.owner, c.disposition, c.determined_at, c.closed_at, c.qa_result, c.qa_reviewer, c.qa_at, c.qa_notes,
    c.qa_bucket, c.search, c.event_count, c.head_hash, c.sar_due_at, c.filing, c.filed_at, c.bsa_id
FROM cases AS c LEFT JOIN case_events AS e ON e.event_id = NULL
UNION ALL
SELECT
    0,
    e.event_id, e.case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash,
    c.customer_id, c.customer_name, c.typology, c.risk, c.risk_score, c.amount, c.currency, c.opened_at, c.due_at,
    c.status, c.owner, c.disposition, c.determined_at, c.closed_at, c.qa_result, c.qa_reviewer, c.qa_at, c.qa_notes,
    c.qa_bucket, c.search, c.event_count, c.head_hash, c.sar_due_at, c.filing, c.filed_at, c.bsa_id
FROM case_events AS e LEFT JOIN cases AS c ON c.case_id = NULL
ORDER BY case_id
"""

ALL_CHAINS_BEFORE_VERSION_6 = SELECT_ALL_CHAINS.partition("UNION ALL\n")[2]
ALL_CHAINS_BEFORE_VERSION_4 = ALL_CHAINS_BEFORE_VERSION_6.replace(
    ", " + ", ".join(f"c.{column}" for column in rows.SINCE_VERSION_4), ", NULL" * len(rows.SINCE_VERSION_4)
)

Chain = tuple[str, list[chain.StoredEvent], Mapping[str, Any] | None, Mapping[str, str] | None]
"""What `chain.verify` takes: a case's id, its events in stored order, its row as it stands (None: gone), the keys of
its alerts and whom they name (None: there are none yet)."""


def chains_of(tx: Transaction, case_id: str) -> list[Chain]:
    """Return one chain; where someone put in a second row of the case, that one too, as a chain without events.

    Raises UnknownCase where neither a row nor an event has this id.
    """
    stored = [row for row in tx.stream(SELECT_CASE, (case_id,)) if row["case_id"] == case_id]
    found = _events_of(tx, case_id)
    if not stored and not found:
        raise UnknownCase(case_id)
    first, *others = (rows.recorded(row, tx.found_version) for row in stored) if stored else (None,)
    alerts = _alerts_of(tx, case_id, found) if tx.found_version >= rows.KEYS_SINCE else None
    return [(case_id, found, first, alerts), *((case_id, [], other, None) for other in others)]


SELECT_ALERT_KEYS = "SELECT [key] FROM case_keys WHERE case_id = ? AND kind = 'alert'"
SELECT_CASE_OF_ALERT = "SELECT case_id, [key] FROM case_keys WHERE kind = 'alert' AND [key] = ?"


def _alerts_of(tx: Transaction, case_id: str, events: Iterable[chain.StoredEvent]) -> dict[str, str]:
    """Return the keys of alerts that name the case, and of those that its events tell, with the case that they name.

    Of two cases that an older desk opened on one alert, the key names one, and counts for both.
    """
    alerts = dict.fromkeys((key for (key,) in tx.stream_tuples(SELECT_ALERT_KEYS, (case_id,))), case_id)
    for alert_id in set(chain.alerts_of(events)) - set(alerts):
        named = [row[0] for row in tx.stream_tuples(SELECT_CASE_OF_ALERT, (alert_id,)) if row[1] == alert_id]
        for other in named:
            alerts[alert_id] = case_id if alert_id in chain.alerts_of(_events_of(tx, other)) else other
    return alerts


def events_of(chains: Sequence[Chain]) -> list[Event]:
    """Return the events of the case that `chains_of` read, as `events` returns them."""
    return [chain.event_of(event) for _, events, *_ in chains for event in events]


def all_chains(tx: Transaction) -> Iterator[Chain]:
    """Yield every case that has a row or an event, by case id; hold one case in memory at a time.

    Where someone put in a second row of a case, that one comes too, as a chain without events.
    """
    has_keys = tx.found_version >= rows.KEYS_SINCE
    before = ALL_CHAINS_BEFORE_VERSION_6 if tx.found_version >= 4 else ALL_CHAINS_BEFORE_VERSION_4
    statement = SELECT_ALL_CHAINS if has_keys else before
    for case_id, found in groupby(tx.stream_tuples(statement), key=_chain_of):
        stored: list[chain.StoredEvent] = []
        cases: list[Mapping[str, Any]] = []
        alerts: dict[str, str] = {}
        for values in found:
            part = _part(values)
            if part == _EVENTS:
                stored.append(_event_part(values))
            elif part == _CASES:
                row = dict(zip(CASE_COLUMNS, _case_part(values), strict=True))
                cases.append(rows.recorded(row, tx.found_version))
            else:
                alerts[_key(values)] = case_id
        if stored and isinstance(_ts(stored[0]), datetime):
            stored = [rows.stored_event(event) for event in stored]
        try:
            stored.sort(key=_event_id)
        except TypeError:  # NULL, or values of several types
            stored.sort(key=_order)
        yield case_id, stored, cases[0] if cases else None, alerts if has_keys else None
        for other in cases[1:]:
            yield case_id, [], other, None


def _order(row: chain.StoredEvent) -> tuple[int, Any]:
    """Sort by `event_id`, values of any type as SQLite does: NULL, numbers, texts, blobs."""
    value = _event_id(row)
    if type(value) is int:
        return 1, value
    if isinstance(value, str):
        return 2, value
    if value is None:
        return 0, 0
    return 3 if isinstance(value, bytes) else 1, value
