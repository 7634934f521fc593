"""The rows of the desk and the words its columns may hold. Money is Decimal, times are aware UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, StrEnum, auto
from operator import attrgetter
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

from app.text import normal_form

ALERT_FEED = "alert-feed"
"""The service user that opens cases; inactive, so that nobody can act as it."""

MAX_AMOUNT = Decimal("9999999999999.99")
MAX_TEXT = 10_000
"""Characters in a note, rationale or reason."""
MAX_SEARCH = 1_200
"""UTF-16 units in what Triage searches in."""
SEARCHED = ("customer_id", "customer_name", "typology")
"""What Triage searches in besides the case id."""

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CASE_ID = re.compile(rf"AML-[{CROCKFORD}]{{8}}")


class Role(StrEnum):
    ANALYST = "Analyst"
    QA = "QA"
    MANAGER = "Manager"


class Status(StrEnum):
    NEW = "New"
    IN_REVIEW = "In Review"
    CLOSED = "Closed"


class Disposition(StrEnum):
    NONE = ""
    NO_SAR = "No SAR"
    SAR = "SAR"
    ESCALATE = "Escalate"


class Filing(StrEnum):
    """Where the SAR of a case closed as SAR stands. Empty too where it was decided before filings were kept."""

    NONE = ""
    TO_DRAFT = "To draft"
    TO_APPROVE = "To approve"
    TO_FILE = "To file"
    FILED = "Filed"


class Risk(StrEnum):
    """The lowest first."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class QaResult(StrEnum):
    NONE = ""
    PASS = "Pass"  # noqa: S105
    FAIL = "Fail"


class Action(StrEnum):
    """What an event says was done: the word that is stored and hashed, and as `label` how people are told it."""

    label: str

    def __new__(cls, word: str, label: str) -> Action:
        action = str.__new__(cls, word)
        action._value_ = word
        action.label = label
        return action

    OPEN = "open", "opened the case"
    ALERT = "alert", "joined an alert to the case"
    ASSIGN = "assign", "assigned the case"
    NOTE = "note", "added a note"
    DISPOSITION = "disposition", "set a disposition"
    QA_PASS = "qa_pass", "passed the case in QA"
    QA_FAIL = "qa_fail", "failed the case in QA"
    REOPEN = "reopen", "reopened the case"
    VIEW = "view", "looked at the case"
    EXPORT = "export", "exported the case"
    SAR_DRAFT = "sar_draft", "drafted the SAR"
    SAR_APPROVE = "sar_approve", "approved the SAR"
    SAR_RETURN = "sar_return", "returned the SAR"
    SAR_FILE = "sar_file", "filed the SAR"
    SAR_ACKNOWLEDGE = "sar_acknowledge", "recorded that FinCEN acknowledged the SAR"
    SAR_REJECT = "sar_reject", "recorded that FinCEN rejected the SAR"
    SAR_AMEND = "sar_amend", "took the SAR up again to amend it"


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    name: str
    role: Role
    active: bool
    signed_out_at: datetime | None = field(default=None, compare=False)
    """When they signed out last. It says nothing of who somebody is."""


class Kind(Enum):
    """What a column of `cases` is to the events of its case."""

    KEY = auto()
    """Names the case."""
    FACT = auto()
    """Said by the `open` event, and never changed."""
    RAISED = auto()
    """Said by the `open` event; a later `alert` event may raise it, and nothing lowers it."""
    DERIVED = auto()
    """Computed from key and facts."""
    STATE = auto()
    """Changed by later events."""
    HEAD = auto()
    """How many events there are, and the hash of the newest."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `cases`: what is said of it beside its field of `Case`, and what COLUMNS reads off that field."""

    kind: Kind
    first: str | None = None
    """Of state: the value before any event has changed it, as `meta` holds it."""
    label: str = ""
    """Of what later events change: what people call it."""
    limit: int = 0
    """The longest text, in characters, or the highest number."""
    is_user: bool = False
    """Whether it holds a user's id."""
    is_day: bool = False
    """Whether of a time its date alone counts: it is midnight UTC, and is never turned into a zone."""

    name: str = ""
    holds: type[Any] = str
    """The type of its values."""
    nullable: bool = False
    """Whether it may be NULL, which is None."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row of `cases`: what its events add up to. Its fields are the columns, in the order of the table.

    Every list of columns in Python comes from here, by COLUMNS; tests/test_columns.py names the texts that have to
    say the same. `due_at` is the desk's own service level; `determined_at` is when someone first concluded that there
    is reason to suspect, from which the legal clock runs (31 CFR 1020.320(b)(3)) until `sar_due_at`. `filed_at` is the
    day on which the SAR was filed first, `bsa_id` what FinCEN calls the newest report that it took.
    """

    case_id: Annotated[str, Column(Kind.KEY, limit=12)]
    customer_id: Annotated[str, Column(Kind.FACT, limit=40)]
    customer_name: Annotated[str, Column(Kind.FACT, limit=200)]
    typology: Annotated[str, Column(Kind.FACT, limit=100)]
    risk: Annotated[Risk, Column(Kind.RAISED, label="risk")]
    risk_score: Annotated[int, Column(Kind.RAISED, label="risk score", limit=100)]
    amount: Annotated[Decimal, Column(Kind.RAISED, label="amount")]
    currency: Annotated[str, Column(Kind.FACT, limit=3)]
    opened_at: Annotated[datetime, Column(Kind.FACT)]
    due_at: Annotated[datetime, Column(Kind.FACT)]
    status: Annotated[Status, Column(Kind.STATE, "New", "status")]
    owner: Annotated[str | None, Column(Kind.STATE, None, "owner", is_user=True)]
    disposition: Annotated[Disposition, Column(Kind.STATE, "", "disposition")]
    determined_at: Annotated[datetime | None, Column(Kind.STATE, None, "suspicion determined", is_day=True)]
    closed_at: Annotated[datetime | None, Column(Kind.STATE, None, "closed")]
    qa_result: Annotated[QaResult, Column(Kind.STATE, "", "QA result")]
    qa_reviewer: Annotated[str | None, Column(Kind.STATE, None, "QA reviewer", is_user=True)]
    qa_at: Annotated[datetime | None, Column(Kind.STATE, None, "QA review")]
    qa_notes: Annotated[str, Column(Kind.STATE, "", "QA notes", limit=MAX_TEXT)]
    qa_bucket: Annotated[int, Column(Kind.FACT, limit=9)]
    search: Annotated[str, Column(Kind.DERIVED, limit=MAX_SEARCH)]
    event_count: Annotated[int, Column(Kind.HEAD, limit=1_000_000_000)]
    head_hash: Annotated[str, Column(Kind.HEAD, limit=64)]
    sar_due_at: Annotated[datetime | None, Column(Kind.STATE, None, "SAR due", is_day=True)]
    filing: Annotated[Filing, Column(Kind.STATE, "", "SAR")]
    filed_at: Annotated[datetime | None, Column(Kind.STATE, None, "SAR filed", is_day=True)]
    bsa_id: Annotated[str, Column(Kind.STATE, "", "BSA id", limit=14)]


def _columns() -> Iterator[Column]:
    for name, hint in get_type_hints(Case, include_extras=True).items():
        annotated, column = get_args(hint)
        types = get_args(annotated) or (annotated,)
        (holds,) = set(types) - {NoneType}
        yield replace(column, name=name, holds=holds, nullable=NoneType in types)


COLUMNS = tuple(_columns())
"""The columns of `cases`, in their order."""
CASE_COLUMNS = tuple(column.name for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class Event:
    """A row of `case_events`, each field as text exactly as it was hashed.

    `ts` is UTC in the form 2026-01-05T09:14:00.000000Z; hashes are lower-case hex; `meta` is empty or
    canonical JSON. `event_id` is the store's own number and is outside the hash; None before it is stored.
    Unpacks as the row does: in the order of the columns, `event_id` first.
    """

    case_id: str
    ts: str
    user: str
    action: str
    notes: str
    meta: str
    prev_hash: str
    event_hash: str
    event_id: int | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter(_in_order(self))


EVENT_COLUMNS = ("event_id", *(field.name for field in fields(Event) if field.name != "event_id"))
"""The columns of `case_events`, in their order."""
_in_order = attrgetter(*EVENT_COLUMNS)


class BreakKind(StrEnum):
    EDITED = "edited"
    MISSING = "missing"
    FORKED = "forked"
    OUT_OF_ORDER = "out of order"
    BACKDATED = "backdated"
    TRUNCATED = "truncated"
    ROW_DIFFERS = "row differs"
    KEY_DIFFERS = "key differs"
    NOT_IN_LOG = "not in the log"
    UNSIGNED = "not signed"


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that is not as it should be. `event_id` is None where no single event is to blame."""

    case_id: str
    event_id: int | None
    kind: BreakKind
    field: str
    expected: str
    found: str

    @property
    def where(self) -> str:
        """Return what is to blame: the event, or whatever else it is."""
        if self.event_id is not None:
            return f"event {self.event_id}"
        if self.case_id:
            return "alert key" if self.kind is BreakKind.KEY_DIFFERS else "case row"
        return "bundle" if self.kind is BreakKind.EDITED else "log"

    def __str__(self) -> str:
        case = f"{self.case_id}  " if self.case_id else ""
        return f"{case}{self.where}  {self.kind}  {self.field}: expected {self.expected}, found {self.found}"


ALERT_FEED_USER = User(ALERT_FEED, "Alert feed", Role.ANALYST, active=False)


def search_text(case_id: str, customer_id: str, customer_name: str, typology: str) -> str:
    """Return what Triage searches in, in the normal form, so that a search means the same on every engine."""
    return normal_form(f"{case_id} {customer_id} {customer_name} {typology}", MAX_SEARCH)


def renewed_search(search: Any, case_id: str, customer_id: str, customer_name: str, typology: str) -> Any:
    """Return the search text that a case has today for the one that it had before version 3: casefolded alone.

    Whatever else it says is returned as it stands, as nobody but the desk ought to have written it.
    """
    if search == f"{case_id} {customer_id} {customer_name} {typology}".casefold():
        return search_text(case_id, customer_id, customer_name, typology)
    return search


def read_case_id(typed: str) -> str:
    """Return the case id that a person typed: any letter case, and I, L, O read as 1, 1, 0 (Crockford's base 32)."""
    text = typed.strip().upper()
    prefix, dash, code = text.partition("-")
    return prefix + dash + code.translate(str.maketrans("ILO", "110"))
