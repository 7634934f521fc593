"""Drafts of SARs for tests: of the cases of a seeded data set, and of arbitrary ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from app import chain, evidence, filing, fincen, narrative
from app.filing import Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.models import Case, Event, Risk
from app.new_case import new_case
from seed.generate import Book

FILED_ON = date(2026, 11, 28)
OPENED_AT = datetime(2026, 11, 3, 9, 14, tzinfo=UTC)


class Seeded(NamedTuple):
    case: Case
    events: Sequence[Event]
    kept: evidence.Kept
    draft: Draft
    """As proposed, with the narrative as begun."""


@lru_cache(maxsize=1)
def seeded() -> list[Seeded]:
    """300 cases of demo data, whatever they came to."""
    book = Book(7, date(2026, 11, 20))
    found = []
    for number in range(1, 301):
        case, events = book.case(number)
        kept = evidence.read(events)
        proposed = filing.propose(case, kept)
        draft = replace(proposed, narrative=narrative.begin(case, kept, events, proposed))
        found.append(Seeded(case, events, kept, draft))
    return found


def case_of(**facts: Any) -> Case:
    """A case with the facts of one of structuring; any can be given."""
    usual: dict[str, Any] = {
        "customer_id": "C-00412873",
        "customer_name": "Mark Knight",
        "typology": "Structuring",
        "risk": Risk.HIGH,
        "risk_score": 87,
        "amount": Decimal("65800.00"),
        "currency": "USD",
        "opened_at": OPENED_AT,
    }
    return new_case("AML-7F3KQ2XA", **{**usual, **facts})


def transaction(amount: str, direction: str = "in", **facts: str) -> dict[str, str]:
    """A transaction of an alert; any fact can be given."""
    usual = {"time": "2026-10-05T15:00:00.000000Z", "channel": "wire", "counterparty": "Smith-Gamble", "country": "US"}
    return {**usual, "amount": amount, "direction": direction, **facts}


def opened_with(*transactions: dict[str, str], **facts: Any) -> dict[str, Any]:
    """An `open` event's `meta` with these transactions."""
    return {"alert": "Cash in 3 states", "transactions": list(transactions), **facts}


def kept_with(*transactions: dict[str, str], **facts: Any) -> evidence.Kept:
    """The evidence of a case that was opened with these transactions."""
    return kept_in(opened_with(*transactions, **facts))


def kept_in(opened: Mapping[str, Any]) -> evidence.Kept:
    """The evidence of a case whose `open` event has this `meta`."""
    return evidence.read([Event("", "", "", "open", "", chain.canonical_json(opened), "", "")])


COMPLETE = Draft(
    subjects=(
        Subject("Mark Knight", SubjectRole.SUSPECT, last_name="Knight", first_name="Mark", is_customer=True),
        Subject("Ann Victim", SubjectRole.VICTIM),
        Subject("Rel Ated", SubjectRole.RELATED),
    ),
    activity_types=(fincen.STRUCTURING, fincen.BELOW_CTR),
    instruments=(39, 33),
    amount=Decimal("65800.10"),
    money_in=Decimal("65800.10"),
    money_out=Decimal("22117.00"),
    from_day=date(2026, 10, 5),
    to_day=date(2026, 10, 11),
    narrative="Mark Knight paid in USD 65,800.10 at the branch; USD 4,100.00 a month was expected.",
)
"""Everything that a file needs."""

words = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=160)
"""What people type into a field, on one line."""

days = st.dates(date(1990, 1, 1), date(2026, 11, 20))
amounts = st.decimals(Decimal("0.01"), Decimal("9999999999999.99"), places=2)

subjects = st.builds(
    Subject,
    name=words,
    role=st.sampled_from(SubjectRole),
    kind=st.sampled_from(SubjectKind),
    last_name=words,
    first_name=words,
    other_name=words,
    occupation=words,
    account=words,
    tin=words,
    born=st.none() | st.dates(),
    street=words,
    city=words,
    state=words,
    zip_code=words,
    country=words | st.sampled_from(("US", "CA", "de", "KG")),
    is_customer=st.booleans(),
)
drafts = st.builds(
    Draft,
    subjects=st.lists(subjects, max_size=4).map(tuple),
    activity_types=st.lists(st.sampled_from(sorted(fincen.ACTIVITIES)), unique=True, max_size=6).map(tuple),
    instruments=st.lists(st.sampled_from(sorted(fincen.ASSETS)), unique=True, max_size=6).map(tuple),
    described=st.dictionaries(st.sampled_from(sorted(fincen.OTHER)), words.filter(str.strip)),
    amount=st.none() | amounts,
    amount_usd=st.none() | amounts,
    money_in=amounts,
    money_out=amounts,
    currency=st.sampled_from(("USD", "EUR", "JPY", "KWD")),
    from_day=st.none() | days,
    to_day=st.none() | days,
    kind=st.sampled_from(ReportKind),
    prior_bsa_id=st.from_regex(r"[0-9]{14}", fullmatch=True) | words,
    cumulative=st.none() | amounts,
    key_term=words,
    narrative=st.text(st.characters(codec="utf-8"), max_size=20_000),
)
