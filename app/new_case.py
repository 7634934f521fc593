"""A case before its first event. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app import chain, policy, sampling
from app.models import COLUMNS, Case, Kind, Risk, search_text

_FIRST: Mapping[str, Any] = {
    column.name: None if column.first is None else column.holds(column.first)
    for column in COLUMNS
    if column.kind is Kind.STATE
}


def new_case(
    case_id: str,
    *,
    customer_id: str,
    customer_name: str,
    typology: str,
    risk: Risk,
    risk_score: int,
    amount: Decimal,
    currency: str,
    opened_at: datetime,
) -> Case:
    """Return a case before its first event: new, nobody's, and due when the desk's own service level runs out."""
    return Case(
        case_id=case_id,
        customer_id=customer_id,
        customer_name=customer_name,
        typology=typology,
        risk=risk,
        risk_score=risk_score,
        amount=amount,
        currency=currency,
        opened_at=opened_at,
        due_at=policy.due_at(opened_at, risk),
        qa_bucket=sampling.qa_bucket(case_id),
        search=search_text(case_id, customer_id, customer_name, typology),
        event_count=0,
        head_hash=chain.GENESIS,
        **_FIRST,
    )
