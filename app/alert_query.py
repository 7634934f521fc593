"""What an alert that comes in asks of the store, and what it changes: one function a query, its SQL right above it."""

from __future__ import annotations

from app import chain, rows
from app.database import PerEngine, Transaction
from app.models import COLUMNS, Case, Event, Kind

SELECT_OPEN_CASES = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE customer_id = ? AND currency = ? AND status IN (N'New', N'In Review')
ORDER BY opened_at, case_id
""",
    sqlite="""
SELECT * FROM cases
WHERE customer_id = ? AND currency = ? AND status IN ('New', 'In Review')
ORDER BY opened_at, case_id
""",
)


def open_cases(tx: Transaction, customer_id: str, currency: str) -> list[Case]:
    """Return the customer's open cases of this currency, the oldest first; none whose row cannot be read."""
    found = rows.Cases(tx.stream(SELECT_OPEN_CASES, (customer_id, currency)))
    return [case for case in found if case.customer_id == customer_id]  # SQL Server takes "x " for "x"


SELECT_NEWEST_EVENT = PerEngine(
    sqlserver="""
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ?
ORDER BY event_id DESC
OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY
""",
    sqlite="""
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ?
ORDER BY ts DESC, event_id DESC
LIMIT 1
""",
)


def newest_event(tx: Transaction, case_id: str) -> Event | None:
    """Return a case's newest event, without reading the others; None where there is none."""
    found = list(tx.stream_tuples(SELECT_NEWEST_EVENT, (case_id,)))
    return chain.event_of(rows.stored_event(found[0])) if found else None


ALERTED_COLUMNS = tuple(column for column in COLUMNS if column.kind in (Kind.RAISED, Kind.HEAD))
UPDATE_ALERTED = """
UPDATE cases
SET risk = ?, risk_score = ?, amount = ?, event_count = ?, head_hash = ?
WHERE case_id = ? AND head_hash = ?
"""


def raise_case(tx: Transaction, new: Case, seen_head: str) -> bool:
    """Write what an alert changed; False where the case is no longer at `seen_head`, and nothing was written."""
    values = [rows.bound(new, column) for column in ALERTED_COLUMNS]
    return tx.execute(UPDATE_ALERTED, (*values, new.case_id, seen_head)) == 1
