"""The queue of Triage: filters, orders and pages. The one query that is put together, and only from the constant texts
in this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app import repository
from app.database import PerEngine, Sql, Transaction
from app.models import MAX_SEARCH, Disposition, Risk
from app.rows import Cases
from app.text import normal_form

COUNT_LIMIT = 10_000
"""Counting stops here: a total above it is "10,000+"."""


# --- triage ---


class Order(StrEnum):
    DUE = "due"
    RISK = "risk"
    AMOUNT = "amount"
    AGE = "age"
    SAR_DUE = "sar_due"
    """Lists only what has to be filed by a day; of that, where no SARs are asked for, what has not been filed."""


class Sars(StrEnum):
    """Which SARs a list holds, in the words of its filter."""

    UNDER_WAY = "Under way"
    TO_DRAFT = "To draft"
    TO_APPROVE = "To approve"
    TO_FILE = "To file"
    DUE = "Due in 7 days"
    LATE = "Late"
    FILED = "Filed"
    NOT_KEPT = "Not recorded"
    """Decided before the desk kept filings, and since then nothing was said of it."""


SOON = timedelta(days=7)
"""How long before its last day a SAR counts as due."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What Triage shows. `owner` is a user id.

    `due_before` is the present moment, and keeps what is overdue: open past its due date, or closed after it. `day` is
    the reader's, as midnight UTC: what is due or late among the SARs goes by it.
    """

    owner: str | None = None
    unassigned: bool = False
    risk: Risk | None = None
    typology: str = ""
    disposition: Disposition | None = None
    sars: Sars | None = None
    day: datetime | None = field(default=None, compare=False)
    due_before: datetime | None = None
    search: str = ""
    include_closed: bool = False

    def holds_closed(self, order: Order) -> bool:
        """Say whether closed cases are in the list: where they are asked for, or anything that only they have."""
        decided = self.disposition in (Disposition.SAR, Disposition.NO_SAR)
        return self.include_closed or decided or self.sars is not None or order is Order.SAR_DUE


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page starts: right after this case, or ends: right before it."""

    case_id: str
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """`position` counts the cases before the page; both counts stop at COUNT_LIMIT + 1.

    `first` and `last` are the ids at its ends, of cases that can be read or not; both are empty where there are none.
    """

    cases: Cases
    first: str
    last: str
    total: int
    position: int
    has_previous: bool
    has_next: bool


SELECT_PAGE = "SELECT * FROM cases"
PAGE_CLAUSE = PerEngine(sqlserver="OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY", sqlite="LIMIT ?")
# Counted in the page's own order, so that the page's own index serves it.
SELECT_COUNT = PerEngine(
    sqlserver="SELECT COUNT(*) FROM (SELECT TOP (10001) 1 AS one FROM cases",
    sqlite="SELECT COUNT(*) FROM (SELECT 1 AS one FROM cases",
)
COUNT_CLAUSE = PerEngine(sqlserver=") AS counted", sqlite="LIMIT 10001) AS counted")

# The + keeps SQLite from sorting all of a person's cases where the index of the order holds what the filter asks.
FILTERS: Mapping[str, Sql] = {
    "open": PerEngine(sqlserver="status <> N'Closed'", sqlite="status <> 'Closed'"),
    "owner": PerEngine(sqlserver="owner = ?", sqlite="+owner = ?"),
    "unassigned": PerEngine(sqlserver="owner IS NULL", sqlite="+owner IS NULL"),
    "risk": "risk = ?",
    "due_before": "due_at < ?",
    "late": PerEngine(
        sqlserver="(status <> N'Closed' OR closed_at > due_at)", sqlite="(status <> 'Closed' OR closed_at > due_at)"
    ),
    # Of those that hold the word in their search text, which the index of the order has.
    "typology": PerEngine(
        sqlserver="CHARINDEX(?, search) > 0 AND typology = ?", sqlite="instr(search, ?) > 0 AND +typology = ?"
    ),
    "decided": PerEngine(sqlserver="disposition = ?", sqlite="+disposition = ?"),
    "escalated": PerEngine(
        sqlserver="filing = N'' AND disposition IN (N'SAR', N'Escalate') AND disposition = N'Escalate'",
        sqlite="filing = '' AND disposition IN ('SAR', 'Escalate') AND disposition = 'Escalate'",
    ),
    "to be filed by a day": "sar_due_at IS NOT NULL",
    "not filed": "filed_at IS NULL",
    "search": PerEngine(sqlserver="CHARINDEX(?, search) > 0", sqlite="instr(search, ?) > 0"),
}
# Each says what its index is limited to, word for word, as SQLite asks for it.
SARS: Mapping[Sars, Sql] = {
    Sars.UNDER_WAY: PerEngine(
        sqlserver="filing <> N'' AND filing IN (N'To draft', N'To approve', N'To file')",
        sqlite="filing <> '' AND filing IN ('To draft', 'To approve', 'To file')",
    ),
    Sars.TO_DRAFT: PerEngine(
        sqlserver="filing <> N'' AND filing = N'To draft'", sqlite="filing <> '' AND filing = 'To draft'"
    ),
    Sars.TO_APPROVE: PerEngine(
        sqlserver="filing <> N'' AND filing = N'To approve'", sqlite="filing <> '' AND filing = 'To approve'"
    ),
    Sars.TO_FILE: PerEngine(
        sqlserver="filing <> N'' AND filing = N'To file'", sqlite="filing <> '' AND filing = 'To file'"
    ),
    Sars.DUE: "filed_at IS NULL AND sar_due_at IS NOT NULL AND sar_due_at >= ? AND sar_due_at <= ?",
    Sars.LATE: "filed_at IS NULL AND sar_due_at IS NOT NULL AND sar_due_at < ?",
    Sars.FILED: PerEngine(sqlserver="filing <> N'' AND filing = N'Filed'", sqlite="filing <> '' AND filing = 'Filed'"),
    Sars.NOT_KEPT: PerEngine(
        sqlserver="filing = N'' AND disposition IN (N'SAR', N'Escalate') AND disposition = N'SAR'",
        sqlite="filing = '' AND disposition IN ('SAR', 'Escalate') AND disposition = 'SAR'",
    ),
}
# In the other orders: so many that SQLite had better walk the index of the order than sort them.
FILED_IN_ANOTHER_ORDER = PerEngine(sqlserver="filing = N'Filed'", sqlite="+filing = 'Filed'")
ORDERS = {
    (Order.DUE, False): "ORDER BY due_at, case_id",
    (Order.DUE, True): "ORDER BY due_at DESC, case_id DESC",
    (Order.AGE, False): "ORDER BY opened_at, case_id",
    (Order.AGE, True): "ORDER BY opened_at DESC, case_id DESC",
    (Order.RISK, False): "ORDER BY risk_score DESC, case_id DESC",
    (Order.RISK, True): "ORDER BY risk_score, case_id",
    (Order.AMOUNT, False): "ORDER BY amount DESC, case_id DESC",
    (Order.AMOUNT, True): "ORDER BY amount, case_id",
    (Order.SAR_DUE, False): "ORDER BY sar_due_at, case_id",
    (Order.SAR_DUE, True): "ORDER BY sar_due_at DESC, case_id DESC",
}
"""By order and whether it runs backward. The tie-break runs as the column does, so that the index is used."""

BEYOND = {
    (Order.DUE, False): "due_at >= ? AND (due_at > ? OR case_id > ?)",
    (Order.DUE, True): "due_at <= ? AND (due_at < ? OR case_id < ?)",
    (Order.AGE, False): "opened_at >= ? AND (opened_at > ? OR case_id > ?)",
    (Order.AGE, True): "opened_at <= ? AND (opened_at < ? OR case_id < ?)",
    (Order.RISK, False): "risk_score <= ? AND (risk_score < ? OR case_id < ?)",
    (Order.RISK, True): "risk_score >= ? AND (risk_score > ? OR case_id > ?)",
    (Order.AMOUNT, False): "amount <= ? AND (amount < ? OR case_id < ?)",
    (Order.AMOUNT, True): "amount >= ? AND (amount > ? OR case_id > ?)",
    (Order.SAR_DUE, False): "sar_due_at >= ? AND (sar_due_at > ? OR case_id > ?)",
    (Order.SAR_DUE, True): "sar_due_at <= ? AND (sar_due_at < ? OR case_id < ?)",
}
ORDER_COLUMN = {
    Order.DUE: "due_at",
    Order.AGE: "opened_at",
    Order.RISK: "risk_score",
    Order.AMOUNT: "amount",
    Order.SAR_DUE: "sar_due_at",
}
"""What each order sorts by. A SAR's day alone ever changes, with a decision: else a page that starts after a case stays
where it was."""


def triage_page(tx: Transaction, filters: Filters, order: Order, size: int, keyset: Keyset | None = None) -> Page:
    """A page of the queue. A keyset whose case has no place in the order, or with nothing beyond it, is the first."""
    backward = keyset is not None and keyset.backward
    conditions, parameters = _conditions(tx, filters, order)
    if keyset is not None and (value := _place(tx, keyset.case_id, order)) is not None:
        conditions.append(BEYOND[order, backward])
        parameters += [value, value, keyset.case_id]
    else:
        backward = False
    statement = _statement(SELECT_PAGE, conditions, ORDERS[order, backward], tx.text(PAGE_CLAUSE))
    rows = list(tx.stream(statement, (*parameters, size + 1)))
    if keyset is not None and not rows:
        return triage_page(tx, filters, order, size)
    more, rows = len(rows) > size, rows[:size]
    if backward:
        rows.reverse()
    first, last = (str(rows[end]["case_id"]) if rows else "" for end in (0, -1))
    position = 0
    if rows and keyset is not None:
        value = rows[0][ORDER_COLUMN[order]]
        position = count(tx, filters, order, before=(value, value, first))
    at_end = not (backward or more)
    total = min(position + len(rows) if at_end else count(tx, filters, order), COUNT_LIMIT + 1)
    return Page(Cases(rows), first, last, total, position, has_previous=position > 0, has_next=not at_end)


def next_unassigned(tx: Transaction, after: str | None = None) -> str | None:
    """The id of the case that is due first of those that nobody owns, or of those `after` a case; None at the end."""
    unassigned = Filters(unassigned=True)
    if after is not None:
        return neighbour(tx, unassigned, Order.DUE, after, backward=False)
    return _first(tx, *_conditions(tx, unassigned, Order.DUE), Order.DUE, backward=False)


def neighbour(tx: Transaction, filters: Filters, order: Order, case_id: str, backward: bool) -> str | None:
    """The id of the case that comes next to this one in the queue, which it need not be part of; None at the end."""
    value = _place(tx, case_id, order)
    if value is None:
        return None
    conditions, parameters = _conditions(tx, filters, order)
    beyond = [value, value, case_id]
    return _first(tx, [*conditions, BEYOND[order, backward]], [*parameters, *beyond], order, backward)


SELECT_PLACES = "SELECT case_id FROM cases"
PLACES = 500  # cases at the head of a queue that are counted by place


@dataclass(frozen=True, slots=True)
class Place:
    """A case's neighbours, and its position from 1 on in the first `total` cases, None outside; `is_more` follow."""

    before: str | None
    after: str | None
    position: int | None
    total: int
    is_more: bool


def place(tx: Transaction, filters: Filters, order: Order, case_id: str) -> Place:
    """Return where the case stands among the first PLACES of the queue; its neighbours wherever it stands."""
    conditions, parameters = _conditions(tx, filters, order)
    statement = _statement(SELECT_PLACES, conditions, ORDERS[order, False], tx.text(PAGE_CLAUSE))
    ids = [str(row["case_id"]) for row in tx.stream(statement, (*parameters, PLACES + 1))]
    total, is_more = min(len(ids), PLACES), len(ids) > PLACES
    if case_id not in ids[:PLACES]:
        before, after = (neighbour(tx, filters, order, case_id, back) for back in (True, False))
        return Place(before, after, None, total, is_more)
    at = ids.index(case_id)
    before, after = (ids[one] if 0 <= one < len(ids) else None for one in (at - 1, at + 1))
    return Place(before, after, at + 1, total, is_more)


SELECT_NEXT_TYPOLOGY = "SELECT MIN(typology) AS typology FROM cases WHERE typology > ?"


def typologies(tx: Transaction, limit: int = 200) -> list[str]:
    """Return the typologies of all cases in order, `limit` at most: one look into the index for each."""
    found: list[str] = []
    while len(found) < limit and isinstance(after := tx.fetch_val(SELECT_NEXT_TYPOLOGY, (found or [""])[-1:]), str):
        found.append(after)
    return found


def _place(tx: Transaction, case_id: str, order: Order) -> object | None:
    row = tx.fetch_first(repository.SELECT_CASE, (case_id,))
    return None if row is None else row[ORDER_COLUMN[order]]


def _first(
    tx: Transaction, conditions: Sequence[str], parameters: Sequence[object], order: Order, backward: bool
) -> str | None:
    statement = _statement(SELECT_PAGE, conditions, ORDERS[order, backward], tx.text(PAGE_CLAUSE))
    row = tx.fetch_first(statement, (*parameters, 1))
    return None if row is None else str(row["case_id"])


def count(
    tx: Transaction, filters: Filters, order: Order = Order.DUE, before: tuple[object, object, str] | None = None
) -> int:
    """How many cases pass the filters, counted up to COUNT_LIMIT + 1; or only those `before` a case in the order."""
    conditions, parameters = _conditions(tx, filters, order)
    if before is not None:
        conditions.append(BEYOND[order, True])
        parameters += before
    statement = _statement(tx.text(SELECT_COUNT), conditions, ORDERS[order, False], tx.text(COUNT_CLAUSE))
    return int(tx.fetch_val(statement, parameters))


def _conditions(tx: Transaction, filters: Filters, order: Order) -> tuple[list[str], list[object]]:
    holds_closed = filters.holds_closed(order)
    wanted: list[tuple[Sql, Sequence[object]]] = []
    if not holds_closed:
        wanted.append((FILTERS["open"], ()))
    if order is Order.SAR_DUE:
        wanted.append((FILTERS["to be filed by a day"], ()))
    if filters.sars is Sars.FILED and order is not Order.SAR_DUE:
        wanted.append((FILED_IN_ANOTHER_ORDER, ()))
    elif filters.sars is not None:
        wanted.append((SARS[filters.sars], _days(filters)))
    elif order is Order.SAR_DUE:
        wanted.append((FILTERS["not filed"], ()))
    if filters.unassigned:
        wanted.append((FILTERS["unassigned"], ()))
    if filters.owner is not None:
        wanted.append((FILTERS["owner"], (filters.owner,)))
    if filters.risk is not None:
        wanted.append((FILTERS["risk"], (filters.risk.value,)))
    if filters.disposition is Disposition.ESCALATE:
        wanted.append((FILTERS["escalated"], ()))
    elif filters.disposition is not None:
        wanted.append((FILTERS["decided"], (filters.disposition.value,)))
    if filters.due_before is not None:
        wanted.append((FILTERS["due_before"], (filters.due_before,)))
        if holds_closed:
            wanted.append((FILTERS["late"], ()))
    if filters.typology:
        wanted.append((FILTERS["typology"], (normal_form(filters.typology, MAX_SEARCH), filters.typology)))
    if asked := normal_form(filters.search, MAX_SEARCH):
        wanted.append((FILTERS["search"], (asked,)))
    return [tx.text(sql) for sql, _ in wanted], [value for _, values in wanted for value in values]


def _days(filters: Filters) -> Sequence[object]:
    """Return what the SARs of the filters go by, as SARS asks for it."""
    match filters.sars, filters.day:
        case Sars.DUE, datetime() as day:
            return day, day + SOON
        case Sars.LATE, datetime() as day:
            return (day,)
        case _:
            return ()


def _statement(select: str, conditions: Sequence[str], *rest: str) -> str:
    where = ["WHERE " + "\n  AND ".join(conditions)] if conditions else []
    return "\n".join([select, *where, *rest])
