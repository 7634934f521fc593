"""What of a case's life is not up to the desk: how it ends, what comes in meanwhile, the data set's calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.models import Disposition, Risk
from seed.words import Finding


@dataclass(frozen=True, slots=True)
class Ending:
    """What the case comes to: decided up front, so that evidence, notes and rationale agree."""

    verdict: Disposition
    finding: Finding
    escalated: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The data set's own present, when the analyst who left did so, and since when the desk keeps a SAR's filing."""

    end: datetime
    left: datetime
    filings_kept: datetime


class Alert(NamedTuple):
    """What a source system tells, and when."""

    at: datetime
    evidence: dict[str, Any]
    risk: Risk
    risk_score: int
    amount: Decimal


class Prior(NamedTuple):
    """A report that a later one continues."""

    bsa_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """What of the case's life is not up to the desk."""

    alerts: Sequence[Alert]
    """Those that join the case, the oldest first. They all come before the end of the data set."""
    ordinary: frozenset[str]
    """The ids of transactions that a report is not about: the customer's ordinary life."""
    is_prompt: bool
    prior: Prior | None
