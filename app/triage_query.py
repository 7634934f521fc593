"""The queue of Triage: filters, orders and pages. The one query that is put together, and only from the constant texts
in this module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from app import case_keys, chain, key_query, repository
from app.case_keys import KeyKind
from app.database import PerEngine, Row, Sql, Transaction, as_money, as_time
from app.models import MAX_SEARCH, Disposition, Risk, Status, read_case_id
from app.rows import Cases
from app.text import normal_form

COUNT_LIMIT = 10_000
"""Counting stops here: a total above it is "10,000+"."""


# --- triage ---


class Order(StrEnum):
    """A column of `cases` that the queue is sorted by, and which way; each goes the other way too.

    By the day of its SAR lists only what has to be filed by a day; of that, where no SARs are asked for, what has not
    been filed.
    """

    column: str
    descending: bool

    def __new__(cls, word: str, column: str, descending: bool) -> Order:
        order = str.__new__(cls, word)
        order._value_, order.column, order.descending = word, column, descending
        return order

    DUE = "due", "due_at", False
    RISK = "risk", "risk_score", True
    AMOUNT = "amount", "amount", True
    AGE = "age", "opened_at", False
    SAR_DUE = "sar_due", "sar_due_at", False
    LATEST_DUE = "latest_due", "due_at", True
    LOWEST_RISK = "lowest_risk", "risk_score", False
    LEAST_AMOUNT = "least_amount", "amount", False
    NEWEST = "newest", "opened_at", True
    LATEST_SAR_DUE = "latest_sar_due", "sar_due_at", True

    @property
    def by_sar(self) -> bool:
        return self.column == "sar_due_at"

    def runs_down(self, backward: bool) -> bool:
        """Say whether the column falls along the order or, `backward`, against it."""
        return self.descending != backward


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
    """What Triage shows: open cases, unless `status` says which, or `include_closed` all. `owner` is a user id.

    `due_before` is the present moment, and keeps what is overdue: open past its due date, or closed after it. `day` is
    the reader's, as midnight UTC: what is due or late among the SARs goes by it.
    """

    owner: str | None = None
    unassigned: bool = False
    status: Status | None = None
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
        if self.status is not None:
            return self.status is Status.CLOSED
        decided = self.disposition in (Disposition.SAR, Disposition.NO_SAR)
        return self.include_closed or decided or self.sars is not None or order.by_sar


Value = datetime | Decimal | int
"""What a case is sorted by."""


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page starts: right after this case, or ends: right before it.

    `value` is what the case was sorted by when it was listed, which may have changed since; None: what it has now.
    """

    case_id: str
    backward: bool = False
    value: Value | None = None

    def __str__(self) -> str:
        """Return it for the address of a page: `after-AML-7F3KQ2XA~87`."""
        place = f"{'before' if self.backward else 'after'}-{self.case_id}"
        if self.value is None:
            return place
        return f"{place}~{chain.format_ts(self.value) if isinstance(self.value, datetime) else self.value}"


_TOLD: Mapping[str, Callable[[str], Value]] = {"risk_score": int, "amount": Decimal}


def read_keyset(text: str, order: Order) -> Keyset | None:
    """Return the keyset that an address holds; None for anything else."""
    direction, _, place = text.partition("-")
    if direction not in ("after", "before"):
        return None
    case_id, _, told = place.rpartition("~")
    with suppress(ValueError, InvalidOperation):
        return Keyset(case_id, direction == "before", _TOLD.get(order.column, chain.parse_ts)(told))
    return Keyset(place, direction == "before")


@dataclass(frozen=True, slots=True)
class Page:
    """`position` counts the cases before the page; both counts stop at COUNT_LIMIT + 1.

    `before` is where the page before this one ends, `after` where the next one starts, at cases that can be read or
    not; both are None where there are none. `by_id` says that what was searched for is the whole id of the cases, of
    their customer, an alert or an account: they are listed whatever their status.
    """

    cases: Cases
    before: Keyset | None
    after: Keyset | None
    by_id: bool
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
    "closed": PerEngine(sqlserver="status = N'Closed'", sqlite="+status = 'Closed'"),
    "owner": PerEngine(sqlserver="owner = ?", sqlite="+owner = ?"),
    "unassigned": PerEngine(sqlserver="owner IS NULL", sqlite="+owner IS NULL"),
    "assigned": PerEngine(sqlserver="owner IS NOT NULL", sqlite="+owner IS NOT NULL"),
    "risk": "risk = ?",
    "due_before": "due_at < ?",
    "late": PerEngine(
        sqlserver="(status <> N'Closed' OR closed_at > due_at)", sqlite="(status <> 'Closed' OR closed_at > due_at)"
    ),
    # In the order that the index of typologies has.
    "typology": "typology = ?",
    # In another: of those that hold the word in their search text, which the index of the order has.
    "typology in another order": PerEngine(
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
    # In the text, or somebody on the other side of its transactions who has all of it as their name.
    "search and counterparties": PerEngine(
        sqlserver="""(CHARINDEX(?, search) > 0
    OR case_id IN (SELECT case_id FROM case_keys WHERE kind = N'counterparty' AND [key] = ?))""",
        sqlite="""(instr(search, ?) > 0
    OR case_id IN (SELECT case_id FROM case_keys WHERE kind = 'counterparty' AND key = ?))""",
    ),
    "whole id": PerEngine(
        sqlserver="""case_id IN (
    SELECT case_id FROM cases WHERE case_id = ?
    UNION SELECT case_id FROM cases WHERE customer_id IN (?, ?)
    UNION SELECT case_id FROM case_keys WHERE kind = N'alert' AND [key] IN (?, ?)
    UNION SELECT case_id FROM case_keys WHERE kind = N'account' AND [key] = ?)""",
        sqlite="""case_id IN (
    SELECT case_id FROM cases WHERE case_id = ?
    UNION SELECT case_id FROM cases WHERE customer_id IN (?, ?)
    UNION SELECT case_id FROM case_keys WHERE kind = 'alert' AND key IN (?, ?)
    UNION SELECT case_id FROM case_keys WHERE kind = 'account' AND key = ?)""",
    ),
}
# Nobody owns a new case, and somebody each that is in review (`policy.assign`): the indexes of open cases have owners.
STATUSES: Mapping[Status, Sequence[str]] = {
    Status.NEW: ("open", "unassigned"),
    Status.IN_REVIEW: ("open", "assigned"),
    Status.CLOSED: ("closed",),
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
    ("due_at", False): "ORDER BY due_at, case_id",
    ("due_at", True): "ORDER BY due_at DESC, case_id DESC",
    ("opened_at", False): "ORDER BY opened_at, case_id",
    ("opened_at", True): "ORDER BY opened_at DESC, case_id DESC",
    ("risk_score", False): "ORDER BY risk_score, case_id",
    ("risk_score", True): "ORDER BY risk_score DESC, case_id DESC",
    ("amount", False): "ORDER BY amount, case_id",
    ("amount", True): "ORDER BY amount DESC, case_id DESC",
    ("sar_due_at", False): "ORDER BY sar_due_at, case_id",
    ("sar_due_at", True): "ORDER BY sar_due_at DESC, case_id DESC",
}
"""By column and whether it falls. The tie-break runs as the column does, so that one index serves both ways."""

BEYOND = {
    ("due_at", False): "due_at >= ? AND (due_at > ? OR case_id > ?)",
    ("due_at", True): "due_at <= ? AND (due_at < ? OR case_id < ?)",
    ("opened_at", False): "opened_at >= ? AND (opened_at > ? OR case_id > ?)",
    ("opened_at", True): "opened_at <= ? AND (opened_at < ? OR case_id < ?)",
    ("risk_score", False): "risk_score >= ? AND (risk_score > ? OR case_id > ?)",
    ("risk_score", True): "risk_score <= ? AND (risk_score < ? OR case_id < ?)",
    ("amount", False): "amount >= ? AND (amount > ? OR case_id > ?)",
    ("amount", True): "amount <= ? AND (amount < ? OR case_id < ?)",
    ("sar_due_at", False): "sar_due_at >= ? AND (sar_due_at > ? OR case_id > ?)",
    ("sar_due_at", True): "sar_due_at <= ? AND (sar_due_at < ? OR case_id < ?)",
}


def triage_page(tx: Transaction, filters: Filters, order: Order, size: int, keyset: Keyset | None = None) -> Page:
    """A page of the queue. A keyset whose case has no place in the order, or with nothing beyond it, is the first."""
    backward = keyset is not None and keyset.backward
    by_id = _is_whole_id(tx, filters.search)
    conditions, parameters = _conditions(tx, filters, order)
    if keyset is not None and (place := _place(tx, keyset, order)) is not None:
        conditions.append(BEYOND[order.column, order.runs_down(backward)])
        parameters += [place, place, keyset.case_id]
    else:
        backward = False
    statement = _statement(
        SELECT_PAGE, conditions, ORDERS[order.column, order.runs_down(backward)], tx.text(PAGE_CLAUSE)
    )
    rows = list(tx.stream(statement, (*parameters, size + 1)))
    if keyset is not None and not rows:
        return triage_page(tx, filters, order, size)
    more, rows = len(rows) > size, rows[:size]
    if backward:
        rows.reverse()
    position = 0
    if rows and keyset is not None:
        value = rows[0][order.column]
        position = count(tx, filters, order, before=(value, value, str(rows[0]["case_id"])))
    before, after = (_keyset(rows[end], order, backward=end == 0) if rows else None for end in (0, -1))
    at_end = not (backward or more)
    total = min(position + len(rows) if at_end else count(tx, filters, order), COUNT_LIMIT + 1)
    return Page(Cases(rows), before, after, by_id, total, position, has_previous=position > 0, has_next=not at_end)


def next_unassigned(tx: Transaction, after: str | None = None) -> str | None:
    """The id of the case that is due first of those that nobody owns, or of those `after` a case; None at the end."""
    unassigned = Filters(unassigned=True)
    if after is not None:
        return neighbour(tx, unassigned, Order.DUE, after, backward=False)
    return _first(tx, *_conditions(tx, unassigned, Order.DUE), Order.DUE, backward=False)


def neighbour(tx: Transaction, filters: Filters, order: Order, case_id: str, backward: bool) -> str | None:
    """The id of the case that comes next to this one in the queue, which it need not be part of; None at the end."""
    place = _place(tx, Keyset(case_id), order)
    if place is None:
        return None
    conditions, parameters = _conditions(tx, filters, order)
    beyond = [place, place, case_id]
    conditions.append(BEYOND[order.column, order.runs_down(backward)])
    return _first(tx, conditions, [*parameters, *beyond], order, backward)


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
    statement = _statement(SELECT_PLACES, conditions, ORDERS[order.column, order.descending], tx.text(PAGE_CLAUSE))
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


def _place(tx: Transaction, keyset: Keyset, order: Order) -> object | None:
    if keyset.value is not None:
        return keyset.value
    row = tx.fetch_first(repository.SELECT_CASE, (keyset.case_id,))
    return None if row is None else row[order.column]


_READ: Mapping[str, Callable[[Any], Value]] = {"risk_score": int, "amount": as_money}


def _keyset(row: Row, order: Order, backward: bool) -> Keyset:
    """Return where a page begins or ends; without its value where that cannot be read."""
    value = None
    with suppress(ValueError, TypeError, InvalidOperation):
        value = _READ.get(order.column, as_time)(row[order.column])
    return Keyset(str(row["case_id"]), backward, value)


def _first(
    tx: Transaction, conditions: Sequence[str], parameters: Sequence[object], order: Order, backward: bool
) -> str | None:
    along = ORDERS[order.column, order.runs_down(backward)]
    statement = _statement(SELECT_PAGE, conditions, along, tx.text(PAGE_CLAUSE))
    row = tx.fetch_first(statement, (*parameters, 1))
    return None if row is None else str(row["case_id"])


def count(
    tx: Transaction, filters: Filters, order: Order = Order.DUE, before: tuple[object, object, str] | None = None
) -> int:
    """How many cases pass the filters, counted up to COUNT_LIMIT + 1; or only those `before` a case in the order."""
    if before is None and filters.typology and not order.by_sar:
        order = Order.DUE  # how many there are is the same in every order, and this one the index of typologies has
    conditions, parameters = _conditions(tx, filters, order)
    if before is not None:
        conditions.append(BEYOND[order.column, order.runs_down(backward=True)])
        parameters += before
    along = ORDERS[order.column, order.descending]
    statement = _statement(tx.text(SELECT_COUNT), conditions, along, tx.text(COUNT_CLAUSE))
    return int(tx.fetch_val(statement, parameters))


def _is_whole_id(tx: Transaction, text: str) -> bool:
    """Say whether there is a case whose id this is, or its customer's, or that of an alert or account of it."""
    asked = _whole_id(text)
    statement = _statement(SELECT_PAGE, [tx.text(FILTERS["whole id"])])
    return asked is not None and tx.fetch_first(statement, asked) is not None


def _whole_id(text: str) -> Sequence[object] | None:
    """Return what FILTERS["whole id"] asks for; None where nothing is typed that an id can be."""
    typed = text.strip()
    account = case_keys.searched(typed)
    return (read_case_id(typed), *2 * (typed, typed.upper()), account) if account else None


def _conditions(tx: Transaction, filters: Filters, order: Order) -> tuple[list[str], list[object]]:
    by_id = _is_whole_id(tx, filters.search)
    holds_closed = filters.holds_closed(order) or (by_id and filters.status is None)
    wanted: list[tuple[Sql, Sequence[object]]] = []
    if filters.status is not None:
        wanted += [(FILTERS[name], ()) for name in STATUSES[filters.status]]
    elif not holds_closed:
        wanted.append((FILTERS["open"], ()))
    wanted += _of_sars(filters, order)
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
    if filters.typology and order.column == "due_at":
        wanted.append((FILTERS["typology"], (filters.typology,)))
    elif filters.typology:
        word = normal_form(filters.typology, MAX_SEARCH)
        wanted.append((FILTERS["typology in another order"], (word, filters.typology)))
    wanted += _searched(tx, filters.search, by_id)
    return [tx.text(sql) for sql, _ in wanted], [value for _, values in wanted for value in values]


def _searched(tx: Transaction, text: str, by_id: bool) -> Iterator[tuple[Sql, Sequence[object]]]:
    key = case_keys.searched(text)
    if by_id and (asked := _whole_id(text)):
        yield FILTERS["whole id"], asked
    elif key and key_query.cases_with(tx, KeyKind.COUNTERPARTY, key, limit=1):
        yield FILTERS["search and counterparties"], (normal_form(text, MAX_SEARCH), key)
    elif words := normal_form(text, MAX_SEARCH):
        yield FILTERS["search"], (words,)


def _of_sars(filters: Filters, order: Order) -> Iterator[tuple[Sql, Sequence[object]]]:
    if order.by_sar:
        yield FILTERS["to be filed by a day"], ()
    if filters.sars is Sars.FILED and not order.by_sar:
        yield FILED_IN_ANOTHER_ORDER, ()
    elif filters.sars is not None:
        yield SARS[filters.sars], _days(filters)
    elif order.by_sar:
        yield FILTERS["not filed"], ()


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
