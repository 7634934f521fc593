"""Reads and row writes: one function a query, its SQL right above it.

Every function takes the transaction that it is part of. Filters and orders of Triage are the one query that is
put together, and only from the constant texts in this module.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any

from app import chain
from app.database import PerEngine, Row, Transaction, as_money, as_time
from app.errors import BrokenCase, DatabaseError, UnknownCase, UnknownUser
from app.models import SEARCHED, Case, Disposition, Event, QaResult, Risk, Role, Status, User, renewed_search
from app.text import folded

CASE_COLUMNS = tuple(field.name for field in fields(Case))
NULLABLE_COLUMNS = {"owner", "determined_at", "closed_at", "qa_reviewer", "qa_at"}
EVENT_COLUMNS = ("event_id", "case_id", "ts", "user", "action", "notes", "meta", "prev_hash", "event_hash")
MAX_EVENT_ID = 2**63 - 1
_NUMBER = (int, float, Decimal)

# --- users ---

SELECT_USER = "SELECT user_id, name, role, active, signed_out_at FROM users WHERE user_id = ?"


def user(tx: Transaction, user_id: str) -> User:
    """Raises UnknownUser."""
    row = tx.fetch_first(SELECT_USER, (user_id,))
    if row is None or row["user_id"] != user_id:  # SQL Server takes "ann " for "ann"
        raise UnknownUser(user_id)
    return _user(row)


SELECT_USERS = "SELECT user_id, name, role, active, signed_out_at FROM users ORDER BY user_id"


def users(tx: Transaction) -> list[User]:
    """Everybody, the inactive too."""
    return [_user(row) for row in tx.fetch_all(SELECT_USERS)]


def user_alike(tx: Transaction, user_id: str) -> User:
    """The user of this id; else the only one whose id differs by letter case or characters that nobody sees alone.

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
    """The name of each user by id, whatever else stands in their rows: for what leaves as evidence."""
    return {chain.show(row["user_id"]): chain.show(row["name"]) for row in tx.fetch_all(SELECT_USERS)}


INSERT_USER = "INSERT INTO users (user_id, name, role, active) VALUES (?, ?, ?, ?)"


def insert_user(tx: Transaction, person: User) -> None:
    tx.execute(INSERT_USER, (person.user_id, person.name, person.role.value, int(person.active)))


UPDATE_USER_ACTIVE = "UPDATE users SET active = ? WHERE user_id = ?"


def set_active(tx: Transaction, user_id: str, active: bool) -> None:
    tx.execute(UPDATE_USER_ACTIVE, (int(active), user_id))


UPDATE_USER_SIGNED_OUT = "UPDATE users SET signed_out_at = ? WHERE user_id = ?"


def set_signed_out(tx: Transaction, user_id: str, moment: datetime) -> None:
    tx.execute(UPDATE_USER_SIGNED_OUT, (moment, user_id))


COUNT_OPEN_CASES_OF = PerEngine(
    sqlserver="SELECT COUNT(*) FROM cases WHERE owner = ? AND status <> N'Closed'",
    sqlite="SELECT COUNT(*) FROM cases WHERE owner = ? AND status <> 'Closed'",
)


def open_cases_of(tx: Transaction, user_id: str) -> int:
    return int(tx.fetch_val(COUNT_OPEN_CASES_OF, (user_id,)))


LOCK_USER = "UPDATE users SET active = active WHERE user_id = ?"


def lock_user(tx: Transaction, user_id: str) -> None:
    """Wait until nobody else holds this lock, and keep it until this transaction ends."""
    tx.execute(LOCK_USER, (user_id,))


# --- cases ---

SELECT_CASE = "SELECT * FROM cases WHERE case_id = ?"


def case(tx: Transaction, case_id: str) -> Case:
    """Raises UnknownCase."""
    row = tx.fetch_first(SELECT_CASE, (case_id,))
    if row is None or row["case_id"] != case_id:
        raise UnknownCase(case_id)
    return _case(row)


COUNT_CASE = "SELECT COUNT(*) FROM cases WHERE case_id = ?"


def has_case(tx: Transaction, case_id: str) -> bool:
    """Whether the id is taken, be the row readable or not."""
    return bool(tx.fetch_val(COUNT_CASE, (case_id,)))


COUNT_CASES = "SELECT COUNT(*) FROM cases"


def case_count(tx: Transaction) -> int:
    return int(tx.fetch_val(COUNT_CASES))


SELECT_CUSTOMER_CASES = """
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ?
ORDER BY opened_at DESC, case_id DESC
"""


def other_cases(tx: Transaction, customer_id: str, case_id: str) -> Cases:
    """The customer's cases but this one, newest first."""
    return Cases(tx.fetch_all(SELECT_CUSTOMER_CASES, (customer_id, case_id)))


INSERT_CASE = """
INSERT INTO cases (
    case_id, customer_id, customer_name, typology, risk, risk_score, amount, currency, opened_at, due_at, status,
    owner, disposition, determined_at, closed_at, qa_result, qa_reviewer, qa_at, qa_notes, qa_bucket, search,
    event_count, head_hash
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    NULLIF(?, ''), ?, NULLIF(?, ''), NULLIF(?, ''), ?, NULLIF(?, ''), NULLIF(?, ''), ?, ?, ?,
    ?, ?
)
"""


def insert_case(tx: Transaction, new: Case) -> None:
    tx.execute(INSERT_CASE, case_row(new))


def case_row(row: Case) -> tuple[object, ...]:
    """The values of INSERT_CASE, which are CASE_COLUMNS."""
    return tuple(_bound(row, column) for column in CASE_COLUMNS)


UPDATE_CASE = """
UPDATE cases
SET status = ?, owner = NULLIF(?, ''), disposition = ?, determined_at = NULLIF(?, ''), closed_at = NULLIF(?, ''),
    qa_result = ?, qa_reviewer = NULLIF(?, ''), qa_at = NULLIF(?, ''), qa_notes = ?, event_count = ?, head_hash = ?
WHERE case_id = ? AND head_hash = ?
"""
UPDATED_COLUMNS = (
    "status",
    "owner",
    "disposition",
    "determined_at",
    "closed_at",
    "qa_result",
    "qa_reviewer",
    "qa_at",
    "qa_notes",
    "event_count",
    "head_hash",
)


def update_case(tx: Transaction, new: Case, seen_head: str) -> bool:
    """Write what a verb changed; False where the case is no longer at `seen_head`, and nothing was written."""
    values = [_bound(new, column) for column in UPDATED_COLUMNS]
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

    Returns the id of the last of them; None where there is none after it.
    """
    rows = tx.fetch_all(SELECT_SEARCH_TEXTS, (after, limit))
    renewed = [(_renewed(row), row["case_id"]) for row in rows]
    tx.execute_many(
        UPDATE_SEARCH_TEXT, [one for one, row in zip(renewed, rows, strict=True) if one[0] != row["search"]]
    )
    return str(rows[-1]["case_id"]) if len(rows) == limit else None


def _renewed(row: Row) -> Any:
    return renewed_search(row["search"], row["case_id"], *(row[column] for column in SEARCHED))


# --- events ---

SELECT_EVENTS = """
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ?
ORDER BY event_id
"""


def events(tx: Transaction, case_id: str) -> list[Event]:
    """A case's events in the order in which they were stored."""
    return [_event(row) for row in tx.stream_tuples(SELECT_EVENTS, (case_id,)) if row[1] == case_id]


SELECT_OPENING = """
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
WHERE case_id = ? AND prev_hash = ?
"""


def opening(tx: Transaction, case_id: str) -> Event | None:
    """A case's first event, without reading the others; None where there is none."""
    found = [_event(row) for row in tx.stream_tuples(SELECT_OPENING, (case_id, chain.GENESIS))]
    return found[0] if found else None


INSERT_EVENT = """
INSERT INTO case_events (case_id, ts, [user], action, notes, meta, prev_hash, event_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def insert_event(tx: Transaction, new: Event) -> None:
    """The store gives it its `event_id`."""
    tx.lock_log(exclusive=False)
    tx.execute(INSERT_EVENT, _event_row(tx, new)[1:])


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
    """The values of EVENT_COLUMNS."""
    ts = tx.ts(new.ts)
    return new.event_id, new.case_id, ts, new.user, new.action, new.notes, new.meta, new.prev_hash, new.event_hash


# --- the log: all events by event_id ---

SELECT_LAST_EVENT_ID = "SELECT COALESCE(MAX(event_id), 0) FROM case_events"


def last_event_id(tx: Transaction) -> int:
    """The highest `event_id`, below which no event can appear any more; holds up who adds events meanwhile."""
    tx.lock_log(exclusive=True)
    return int(tx.fetch_val(SELECT_LAST_EVENT_ID))


SELECT_LOG = "SELECT event_id, case_id, event_hash FROM case_events WHERE event_id <= ? ORDER BY event_id"

LogLine = tuple[int, str, str]
"""An event as the log sees it: event_id, case_id, event_hash."""


def log(tx: Transaction, last: int = MAX_EVENT_ID) -> Generator[LogLine]:
    """Every event up to the one numbered `last`, in `event_id` order, as it comes."""
    return (tuple(row) for row in tx.stream_tuples(SELECT_LOG, (last,)))


# --- verification ---

# One result, as a connection to SQL Server reads one at a time: the joins never match, they only give each half
# the columns of the other.
SELECT_ALL_CHAINS = """
SELECT
    0 AS is_case,
    e.event_id, e.case_id AS case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash,
    c.customer_id, c.customer_name, c.typology, c.risk, c.risk_score, c.amount, c.currency, c.opened_at, c.due_at,
    c.status, c.owner, c.disposition, c.determined_at, c.closed_at, c.qa_result, c.qa_reviewer, c.qa_at, c.qa_notes,
    c.qa_bucket, c.search, c.event_count, c.head_hash
FROM case_events AS e LEFT JOIN cases AS c ON c.case_id = NULL
UNION ALL
SELECT
    1,
    e.event_id, c.case_id, e.ts, e.[user], e.action, e.notes, e.meta, e.prev_hash, e.event_hash,
    c.customer_id, c.customer_name, c.typology, c.risk, c.risk_score, c.amount, c.currency, c.opened_at, c.due_at,
    c.status, c.owner, c.disposition, c.determined_at, c.closed_at, c.qa_result, c.qa_reviewer, c.qa_at, c.qa_notes,
    c.qa_bucket, c.search, c.event_count, c.head_hash
FROM cases AS c LEFT JOIN case_events AS e ON e.event_id = NULL
ORDER BY case_id
"""

Chain = tuple[str, list[chain.StoredEvent], Mapping[str, Any] | None]
"""What `chain.verify` takes: a case's id, its events in stored order, its row as it stands (None: gone)."""


def chains_of(tx: Transaction, case_id: str) -> list[Chain]:
    """One chain; where someone put in a second row of the case, that one too, as a chain without events.

    Raises UnknownCase where neither a row nor an event has this id.
    """
    rows = [row for row in tx.stream(SELECT_CASE, (case_id,)) if row["case_id"] == case_id]
    found = [_hashed(row) for row in tx.stream_tuples(SELECT_EVENTS, (case_id,)) if row[1] == case_id]
    if not rows and not found:
        raise UnknownCase(case_id)
    recorded = [_recorded(row, tx.found_version) for row in rows]
    first, others = (recorded[0], recorded[1:]) if rows else (None, [])
    return [(case_id, found, first), *((case_id, [], row) for row in others)]


def events_of(chains: Sequence[Chain]) -> list[Event]:
    """The events of the case that `chains_of` read, as `events` returns them."""
    return [chain.event_of(event) for _, events, _ in chains for event in events]


def all_chains(tx: Transaction) -> Iterator[Chain]:
    """Every case that has a row or an event, by case id; holds one case in memory at a time.

    Where someone put in a second row of a case, that one comes too, as a chain without events.
    """
    for case_id, found in groupby(tx.stream_tuples(SELECT_ALL_CHAINS), key=itemgetter(2)):
        stored: list[chain.StoredEvent] = []
        rows: list[Mapping[str, Any]] = []
        for values in found:
            if values[0]:
                row = dict(zip(CASE_COLUMNS, (case_id, *values[10:]), strict=True))
                rows.append(_recorded(row, tx.found_version))
            else:
                stored.append(values[1:10])
        if stored and isinstance(stored[0][2], datetime):
            stored = [_hashed(event) for event in stored]
        try:
            stored.sort(key=itemgetter(0))
        except TypeError:  # NULL, or values of several types
            stored.sort(key=_order)
        yield case_id, stored, rows[0] if rows else None
        for other in rows[1:]:
            yield case_id, [], other


# --- QA ---

SELECT_QA_WAITING = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE status = N'Closed' AND qa_bucket = 0 AND qa_result = N''
ORDER BY closed_at, case_id
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT * FROM cases
WHERE status = 'Closed' AND qa_bucket = 0 AND qa_result = ''
ORDER BY closed_at, case_id
LIMIT ?
""",
)


def qa_waiting(tx: Transaction, limit: int) -> Cases:
    """Closed cases of the sample that nobody has reviewed, those closed first at the top."""
    return Cases(tx.stream(SELECT_QA_WAITING, (limit,)))


SELECT_QA_REVIEWED = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE qa_result <> N''
ORDER BY qa_at DESC, case_id DESC
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT * FROM cases
WHERE qa_result <> ''
ORDER BY qa_at DESC, case_id DESC
LIMIT ?
""",
)


def qa_reviewed(tx: Transaction, limit: int) -> Cases:
    """Reviewed cases, the newest verdict at the top."""
    return Cases(tx.stream(SELECT_QA_REVIEWED, (limit,)))


@dataclass(frozen=True, slots=True)
class QaCounts:
    """The sample of closed cases in numbers."""

    waiting: int
    passed: int
    failed: int


COUNT_QA_WAITING = "SELECT COUNT(*) FROM cases WHERE status = 'Closed' AND qa_bucket = 0 AND qa_result = ''"
COUNT_QA_RESULTS = "SELECT qa_result, COUNT(*) AS cases FROM cases WHERE qa_result <> '' GROUP BY qa_result"


def qa_counts(tx: Transaction) -> QaCounts:
    results = {row["qa_result"]: int(row["cases"]) for row in tx.fetch_all(COUNT_QA_RESULTS)}
    return QaCounts(
        waiting=int(tx.fetch_val(COUNT_QA_WAITING)),
        passed=results.get(QaResult.PASS.value, 0),
        failed=results.get(QaResult.FAIL.value, 0),
    )


# --- rows ---


def _user(row: Row) -> User:
    """Raises DatabaseError where the row was changed outside the desk so that it is nobody's."""
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


class Cases(list[Case]):
    """Cases as rows hold them; `broken` says of each row that cannot be read why, and keeps nobody from the others."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        super().__init__()
        self.broken: list[BrokenCase] = []
        for row in rows:
            try:
                self.append(_case(row))
            except BrokenCase as error:
                self.broken.append(error)


def _case(row: Row) -> Case:
    """Raises BrokenCase."""
    try:
        for column in ("risk_score", "qa_bucket", "event_count"):
            if type(row[column]) is not int:
                raise ValueError(f"its {column} is {chain.show(row[column])}")
        return Case(
            case_id=row["case_id"],
            customer_id=row["customer_id"],
            customer_name=row["customer_name"],
            typology=row["typology"],
            risk=Risk(row["risk"]),
            risk_score=row["risk_score"],
            amount=as_money(row["amount"]),
            currency=row["currency"],
            opened_at=as_time(row["opened_at"]),
            due_at=as_time(row["due_at"]),
            status=Status(row["status"]),
            owner=row["owner"],
            disposition=Disposition(row["disposition"]),
            determined_at=None if row["determined_at"] is None else as_time(row["determined_at"]),
            closed_at=None if row["closed_at"] is None else as_time(row["closed_at"]),
            qa_result=QaResult(row["qa_result"]),
            qa_reviewer=row["qa_reviewer"],
            qa_at=None if row["qa_at"] is None else as_time(row["qa_at"]),
            qa_notes=row["qa_notes"],
            qa_bucket=row["qa_bucket"],
            search=row["search"],
            event_count=row["event_count"],
            head_hash=row["head_hash"],
        )
    except (ValueError, TypeError, InvalidOperation) as error:
        raise BrokenCase(str(row["case_id"]), f"its row cannot be read ({error})") from error


def _event(row: Sequence[Any]) -> Event:
    """From EVENT_COLUMNS, `event_id` first."""
    return chain.event_of(_hashed(row))


def _hashed(row: Sequence[Any]) -> chain.StoredEvent:
    """EVENT_COLUMNS with the time as the text that was hashed."""
    if isinstance(row[2], datetime):
        return (*row[:2], chain.format_ts(as_time(row[2])), *row[3:])
    return row


def _order(row: chain.StoredEvent) -> tuple[int, Any]:
    """Sorts by `event_id`, values of any type as SQLite does: NULL, numbers, texts, blobs."""
    value = row[0]
    if type(value) is int:
        return 1, value
    if isinstance(value, str):
        return 2, value
    if value is None:
        return 0, 0
    return 3 if isinstance(value, bytes) else 1, value


def _bound(row: Case, column: str) -> object:
    """A column's value as INSERT_CASE and UPDATE_CASE take it.

    Nothing is an empty text there, which NULLIF turns to NULL: of a bare NULL the driver would ask the server first
    what type it is to have.
    """
    value = getattr(row, column)
    if value is None and column in NULLABLE_COLUMNS:
        return ""
    return value.value if isinstance(value, StrEnum) else value


def _recorded_amount(value: Any) -> str:
    """The amount with two places; anything that is not exactly an amount as Python writes it."""
    if isinstance(value, _NUMBER):
        try:
            exact = Decimal(str(value))
            if (amount := as_money(exact)) == exact:
                return str(amount)
        except InvalidOperation:
            pass
    return repr(value)


def _recorded(row: Row, version: int) -> dict[str, Any]:
    """A row of `cases` as it stands, each value as `chain.canonical` writes it; what cannot be read stays as it is.

    The search text of a database of before version 3 stands in today's form.
    """
    recorded = dict(row)
    if version < 3:
        recorded["search"] = _renewed(row)
    if isinstance(row.get("opened_at"), datetime):  # a server's; the embedded store has them as text
        recorded |= {c: chain.canonical(as_time(value)) for c, value in row.items() if isinstance(value, datetime)}
    if "amount" in row:
        recorded["amount"] = _recorded_amount(row["amount"])
    return recorded
