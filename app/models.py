"""The rows of the desk and the words its columns may hold. Money is Decimal, times are aware UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

ALERT_FEED = "alert-feed"
"""The service user that opens cases; inactive, so that nobody can act as it."""

MAX_AMOUNT = Decimal("9999999999999.99")
MAX_TEXT = 10_000
"""Characters in a note, rationale or reason."""

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


class Risk(StrEnum):
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class QaResult(StrEnum):
    NONE = ""
    PASS = "Pass"  # noqa: S105
    FAIL = "Fail"


class Action(StrEnum):
    OPEN = "open"
    ASSIGN = "assign"
    NOTE = "note"
    DISPOSITION = "disposition"
    QA_PASS = "qa_pass"  # noqa: S105
    QA_FAIL = "qa_fail"
    REOPEN = "reopen"
    VIEW = "view"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    name: str
    role: Role
    active: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A row of `cases`: what its events add up to.

    `due_at` is the desk's own service level; `determined_at` is when someone first concluded that there
    is reason to suspect, from which the legal clock runs (31 CFR 1020.320(b)(3)).
    """

    case_id: str
    customer_id: str
    customer_name: str
    typology: str
    risk: Risk
    risk_score: int
    amount: Decimal
    currency: str
    opened_at: datetime
    due_at: datetime
    status: Status
    owner: str | None
    disposition: Disposition
    determined_at: datetime | None
    closed_at: datetime | None
    qa_result: QaResult
    qa_reviewer: str | None
    qa_at: datetime | None
    qa_notes: str
    qa_bucket: int
    search: str
    event_count: int
    head_hash: str


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
        yield from (self.event_id, self.case_id, self.ts, self.user, self.action, self.notes, self.meta)
        yield from (self.prev_hash, self.event_hash)


class BreakKind(StrEnum):
    EDITED = "edited"
    MISSING = "missing"
    FORKED = "forked"
    OUT_OF_ORDER = "out of order"
    BACKDATED = "backdated"
    TRUNCATED = "truncated"
    ROW_DIFFERS = "row differs"
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
        """The event, or what else is to blame."""
        if self.event_id is not None:
            return f"event {self.event_id}"
        if self.case_id:
            return "case row"
        return "bundle" if self.kind is BreakKind.EDITED else "log"

    def __str__(self) -> str:
        case = f"{self.case_id}  " if self.case_id else ""
        return f"{case}{self.where}  {self.kind}  {self.field}: expected {self.expected}, found {self.found}"


ALERT_FEED_USER = User(ALERT_FEED, "Alert feed", Role.ANALYST, active=False)


def search_text(case_id: str, customer_id: str, customer_name: str, typology: str) -> str:
    """What Triage searches in, casefolded, so that a search means the same on every engine."""
    return f"{case_id} {customer_id} {customer_name} {typology}".casefold()


def read_case_id(typed: str) -> str:
    """A case id as a person types it: any letter case, and I, L, O read as 1, 1, 0 (Crockford's base 32)."""
    text = typed.strip().upper()
    prefix, dash, code = text.partition("-")
    return prefix + dash + code.translate(str.maketrans("ILO", "110"))
