"""The rows of the desk and the words its columns may hold. Money is Decimal, times are aware UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

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
    signed_out_at: datetime | None = field(default=None, compare=False)
    """When they signed out last. It says nothing of who somebody is."""


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
    """A case id as a person types it: any letter case, and I, L, O read as 1, 1, 0 (Crockford's base 32)."""
    text = typed.strip().upper()
    prefix, dash, code = text.partition("-")
    return prefix + dash + code.translate(str.maketrans("ILO", "110"))
