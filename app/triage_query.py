"""The queue of Triage: filters, orders and pages. The one query that is put together, and only from the constant texts
in this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app import repository
from app.database import PerEngine, Sql, Transaction
from app.models import MAX_SEARCH, Risk
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


@dataclass(frozen=True, slots=True)
class Filters:
    """What Triage shows. `owner` is a user id.

    `due_before` is the present moment, and keeps what is overdue: open past its due date, or closed after it.
    """

    owner: str | None = None
    unassigned: bool = False
    risk: Risk | None = None
    due_before: datetime | None = None
    search: str = ""
    include_closed: bool = False


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
    "search": PerEngine(sqlserver="CHARINDEX(?, search) > 0", sqlite="instr(search, ?) > 0"),
}
ORDERS = {
    (Order.DUE, False): "ORDER BY due_at, case_id",
    (Order.DUE, True): "ORDER BY due_at DESC, case_id DESC",
    (Order.AGE, False): "ORDER BY opened_at, case_id",
    (Order.AGE, True): "ORDER BY opened_at DESC, case_id DESC",
    (Order.RISK, False): "ORDER BY risk_score DESC, case_id DESC",
    (Order.RISK, True): "ORDER BY risk_score, case_id",
    (Order.AMOUNT, False): "ORDER BY amount DESC, case_id DESC",
    (Order.AMOUNT, True): "ORDER BY amount, case_id",
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
}
ORDER_COLUMN = {Order.DUE: "due_at", Order.AGE: "opened_at", Order.RISK: "risk_score", Order.AMOUNT: "amount"}
"""What each order sorts by. None of them ever changes, so a page that starts after a case stays where it was."""


def triage_page(tx: Transaction, filters: Filters, order: Order, size: int, keyset: Keyset | None = None) -> Page:
    """A page of the queue. A keyset whose case does not exist, or with nothing beyond it, is the first page."""
    backward = keyset is not None and keyset.backward
    conditions, parameters = _conditions(tx, filters)
    if keyset is not None and (anchor := tx.fetch_first(repository.SELECT_CASE, (keyset.case_id,))):
        value = anchor[ORDER_COLUMN[order]]
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
    return _first(tx, *_conditions(tx, unassigned), Order.DUE, backward=False)


def neighbour(tx: Transaction, filters: Filters, order: Order, case_id: str, backward: bool) -> str | None:
    """The id of the case that comes next to this one in the queue, which it need not be part of; None at the end."""
    anchor = tx.fetch_first(repository.SELECT_CASE, (case_id,))
    if anchor is None:
        return None
    conditions, parameters = _conditions(tx, filters)
    value = anchor[ORDER_COLUMN[order]]
    beyond = [value, value, case_id]
    return _first(tx, [*conditions, BEYOND[order, backward]], [*parameters, *beyond], order, backward)


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
    conditions, parameters = _conditions(tx, filters)
    if before is not None:
        conditions.append(BEYOND[order, True])
        parameters += before
    statement = _statement(tx.text(SELECT_COUNT), conditions, ORDERS[order, False], tx.text(COUNT_CLAUSE))
    return int(tx.fetch_val(statement, parameters))


def _conditions(tx: Transaction, filters: Filters) -> tuple[list[str], list[object]]:
    wanted: list[str] = []
    parameters: list[object] = []
    if not filters.include_closed:
        wanted.append("open")
    if filters.unassigned:
        wanted.append("unassigned")
    if filters.owner is not None:
        wanted.append("owner")
        parameters.append(filters.owner)
    if filters.risk is not None:
        wanted.append("risk")
        parameters.append(filters.risk.value)
    if filters.due_before is not None:
        wanted.append("due_before")
        parameters.append(filters.due_before)
        if filters.include_closed:
            wanted.append("late")
    if asked := normal_form(filters.search, MAX_SEARCH):
        wanted.append("search")
        parameters.append(asked)
    return [tx.text(FILTERS[name]) for name in wanted], parameters


def _statement(select: str, conditions: Sequence[str], *rest: str) -> str:
    where = ["WHERE " + "\n  AND ".join(conditions)] if conditions else []
    return "\n".join([select, *where, *rest])
