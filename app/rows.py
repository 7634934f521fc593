"""Rows of the store as the desk's own types, and the other way round: by the columns' names, as `models` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from operator import itemgetter
from typing import Any

from app import chain
from app.database import Row, as_money, as_time
from app.errors import BrokenCase, DatabaseError
from app.models import COLUMNS, SEARCHED, Case, Column, Role, User, renewed_search

_NUMBER = (int, float, Decimal)


def taken(columns: Sequence[str], *names: str) -> Callable[[Sequence[Any]], Any]:
    """Return what takes the columns of these names, in their order, out of a row that has `columns`; one bare."""
    return itemgetter(*map(columns.index, names))


def user(row: Row) -> User:
    """Return a row of `users`. Raises DatabaseError where it was changed outside the desk so that it is nobody's."""
    user_id, name, role, signed_out_at = row["user_id"], row["name"], row["role"], row["signed_out_at"]
    try:
        moment = None if signed_out_at is None else as_time(signed_out_at)
        is_read = isinstance(user_id, str) and isinstance(name, str) and role in set(Role)
    except (TypeError, ValueError):
        is_read = False
    if not is_read:
        told = ", ".join(map(chain.show, (user_id, name, role, signed_out_at)))
        raise DatabaseError(
            f"A row of the table users was changed outside the desk, and says: {told}. Correct it there."
        )
    return User(user_id, name, Role(role), bool(row["active"]), moment)


def case(row: Row) -> Case:
    """Return a row of `cases`. Raises BrokenCase."""
    try:
        return Case(**{column.name: _value(column, row[column.name]) for column in COLUMNS})
    except (ValueError, TypeError, InvalidOperation) as error:
        raise BrokenCase(str(row["case_id"]), f"its row cannot be read ({error})") from error


_READ: Mapping[type, Callable[[Any], Any]] = {Decimal: as_money, datetime: as_time, str: lambda text: text}


def _value(column: Column, value: Any) -> Any:
    """Return a column's value as `Case` holds it. Raises ValueError, TypeError or InvalidOperation."""
    if value is None and column.nullable:
        return None
    if column.holds is int:
        if type(value) is not int:
            raise ValueError(f"its {column.name} is {chain.show(value)}")
        return value
    return _READ.get(column.holds, column.holds)(value)


class Cases(list[Case]):
    """Cases as rows hold them; `broken` says of each row that cannot be read why, and keeps nobody from the others."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        super().__init__()
        self.broken: list[BrokenCase] = []
        for row in rows:
            try:
                self.append(case(row))
            except BrokenCase as error:
                self.broken.append(error)


def bound(row: Case, column: Column) -> object:
    """Return a column's value as INSERT_CASE and UPDATE_CASE take it.

    Nothing is an empty text there, which NULLIF turns to NULL: of a bare NULL the driver would ask the server first
    what type it is to have.
    """
    value = getattr(row, column.name)
    if value is None and column.nullable:
        return ""
    return value.value if isinstance(value, StrEnum) else value


def stored_event(row: Sequence[Any]) -> chain.StoredEvent:
    """Return EVENT_COLUMNS with the time as the text that was hashed."""
    event_id, case_id, ts, *others = row
    return (event_id, case_id, chain.format_ts(as_time(ts)), *others) if isinstance(ts, datetime) else row


def _amount(value: Any) -> str:
    """Return the amount with two places; what is not exactly an amount, as Python writes it."""
    if isinstance(value, _NUMBER):
        try:
            exact = Decimal(str(value))
            if (amount := as_money(exact)) == exact:
                return str(amount)
        except InvalidOperation:
            pass
    return repr(value)


def renewed(row: Mapping[str, Any]) -> Any:
    """Return the search text that the row has today, where it has the one of before version 3; else what it has."""
    return renewed_search(row["search"], row["case_id"], *(row[column] for column in SEARCHED))


SINCE_VERSION_4 = ("sar_due_at", "filing", "filed_at", "bsa_id")
"""Columns that a database of before lacks."""

KEYS_SINCE = 6
"""The version from which on every case has its keys."""

_RECORDED: Mapping[type, Callable[[Any], Any]] = {
    Decimal: _amount,
    # A server hands out times; the embedded store has them as the text that `canonical` writes.
    datetime: lambda value: chain.canonical(as_time(value)) if isinstance(value, datetime) else value,
}
_TO_RECORD = [(column.name, _RECORDED[column.holds]) for column in COLUMNS if column.holds in _RECORDED]


def recorded(row: Row, version: int) -> dict[str, Any]:
    """Return a row of `cases` as it stands, each value as `chain.canonical` writes it, or as it is if unreadable.

    The search text of a database of before version 3 stands in today's form, and what a case lacks in one of before
    version 4 as no event had changed it.
    """
    told = dict(row)
    if version < 3:
        told["search"] = renewed(row)
    if version < 4:
        told |= {column: chain.UNOPENED[column] for column in SINCE_VERSION_4}
    for name, read in _TO_RECORD:
        if name in row:
            told[name] = read(row[name])
    return told
