"""Reads and writes of `case_keys`, by what else than its id a case is found: one function a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app import chain, rows
from app.case_keys import Key, KeyKind, keys_of
from app.database import PerEngine, Transaction

INSERT_KEY = "INSERT INTO case_keys (kind, [key], case_id) VALUES (?, ?, ?)"


def insert_keys(tx: Transaction, case_id: str, keys: Iterable[Key]) -> None:
    """Keep what the case is found by, where it is not kept yet.

    Raises ConstraintBroken where another case has one of the alerts.
    """
    new = set(keys) - keys_of_case(tx, case_id)
    tx.execute_many(INSERT_KEY, ((kind.value, key, case_id) for kind, key in sorted(new)))


def load_keys(tx: Transaction, found: Iterable[tuple[str, Iterable[Key]]]) -> None:
    """Keep keys of cases that have none yet: each case's id with some of them."""
    new = {(kind.value, key, case_id): None for case_id, keys in found for kind, key in keys}
    tx.execute_many(INSERT_KEY, sorted(new))


SELECT_KEYS_OF_CASE = "SELECT kind, [key] FROM case_keys WHERE case_id = ?"


def keys_of_case(tx: Transaction, case_id: str) -> frozenset[Key]:
    """Return what the case is found by, of the kinds that the desk knows."""
    found = tx.stream_tuples(SELECT_KEYS_OF_CASE, (case_id,))
    return frozenset((KeyKind(kind), key) for kind, key in found if kind in set(KeyKind))


SELECT_CASES_WITH = PerEngine(
    sqlserver="""
SELECT case_id, [key] FROM case_keys
WHERE kind = ? AND [key] = ?
ORDER BY case_id
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT case_id, [key] FROM case_keys
WHERE kind = ? AND [key] = ?
ORDER BY case_id
LIMIT ?
""",
)


def cases_with(tx: Transaction, kind: KeyKind, key: str, limit: int) -> list[str]:
    """Return the ids of the cases with this key, `limit` at most, by id. `case_keys.searched` makes it of a text."""
    found = tx.stream_tuples(SELECT_CASES_WITH, (kind.value, key, limit))
    return [case_id for case_id, stored in found if stored == key]  # SQL Server takes "x " for "x"


SELECT_TELLING_EVENTS = PerEngine(
    sqlserver="""
SELECT c.customer_name, e.event_id, e.case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash
FROM (
    SELECT case_id, customer_name FROM cases
    WHERE case_id > ?
    ORDER BY case_id
    OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
) AS c
JOIN case_events AS e ON e.case_id = c.case_id AND e.action IN (N'open', N'alert')
ORDER BY e.case_id, e.event_id
""",
    sqlite="""
SELECT c.customer_name, e.event_id, e.case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash
FROM (SELECT case_id, customer_name FROM cases WHERE case_id > ? ORDER BY case_id LIMIT ?) AS c
CROSS JOIN case_events AS e ON e.case_id = c.case_id AND e.action IN ('open', 'alert')
ORDER BY e.case_id, e.event_id
""",
)
SELECT_LAST_OF_BATCH = PerEngine(
    sqlserver="""
SELECT MAX(case_id) AS last, COUNT(*) AS cases FROM (
    SELECT case_id FROM cases WHERE case_id > ? ORDER BY case_id OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
) AS c
""",
    sqlite="""
SELECT MAX(case_id) AS last, COUNT(*) AS cases FROM (
    SELECT case_id FROM cases WHERE case_id > ? ORDER BY case_id LIMIT ?
) AS c
""",
)
SELECT_KEYS_OF_CASES = "SELECT kind, [key], case_id FROM case_keys WHERE case_id > ? AND case_id <= ?"
SELECT_TAKEN = "SELECT COUNT(*) FROM case_keys WHERE kind = 'alert' AND [key] = ?"


def make_keys(tx: Transaction, after: str, limit: int) -> tuple[str | None, int]:
    """Keep what the next cases by id, `limit` at most, are found by, from their events, as far as it is not kept yet.

    Return the id of the last of them, None where there is none after it; and how many keys were new. Of two cases
    that an older desk opened on one alert, the first by id has its key.
    """
    (batch,) = tx.fetch_all(SELECT_LAST_OF_BATCH, (after, limit))
    if not batch["cases"]:
        return None, 0
    wanted: dict[tuple[str, str, str], None] = {}
    for customer_name, *stored in tx.stream_tuples(SELECT_TELLING_EVENTS, (after, limit)):
        event = chain.event_of(rows.stored_event(stored))
        for kind, key in keys_of(event, chain.show(customer_name)):
            wanted[kind.value, key, event.case_id] = None
    for row in tx.stream_tuples(SELECT_KEYS_OF_CASES, (after, batch["last"])):
        wanted.pop((row[0], row[1], row[2]), None)
    new = _once(tx, sorted(wanted))
    tx.execute_many(INSERT_KEY, new)
    return (batch["last"] if batch["cases"] == limit else None), len(new)


def _once(tx: Transaction, wanted: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return the rows without those of an alert that a case has already."""
    taken: set[str] = set()
    new = []
    for row in wanted:
        kind, key, _ = row
        if kind == KeyKind.ALERT:
            if key in taken or tx.fetch_val(SELECT_TAKEN, (key,)):
                continue
            taken.add(key)
        new.append(row)
    return new


DELETE_INDEX = "DELETE FROM case_keys WHERE case_id > ? AND case_id <= ? AND kind <> 'alert'"


def remake_index(tx: Transaction, after: str, limit: int) -> tuple[str | None, int]:
    """Make the accounts and counterparties of the next cases by id anew from their events, and alerts that are missing.

    Return as `make_keys`.
    """
    (batch,) = tx.fetch_all(SELECT_LAST_OF_BATCH, (after, limit))
    if batch["cases"]:
        tx.execute(DELETE_INDEX, (after, batch["last"]))
    return make_keys(tx, after, limit)
