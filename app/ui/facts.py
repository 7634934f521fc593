"""What is known of a case, in one even block, and of its customer in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from app import filing, money
from app.evidence import Kept
from app.models import Case, Disposition, Status, User
from app.rows import Cases
from app.ui import tables, words

NAMED = 3
"""Reports of before that are named, the newest decision first."""

_CUSTOMER = ("kind", "business", "occupation", "since", "expected_monthly", "account", "account_type")
"""What the feed tells of a customer, in the order in which it is shown; what else it told comes after it."""


def show_case(case: Case, kept: Kept, names: Mapping[str, User], now: datetime) -> None:
    """Draw the facts of a case: whose it is, what its alerts add up to, who has it, when it is due."""
    moved = kept.flow()
    rows: list[tables.Fact] = [
        ("Customer", case.customer_name),
        ("Customer id", case.customer_id),
        ("Typology", case.typology),
        ("Alerted activity", f"{money.text(case.amount, case.currency)} ({moved.is_of(case.amount)})"),
        ("Money in", money.text(moved.paid_in, case.currency) if moved.credits else ""),
        ("Money out", money.text(moved.paid_out, case.currency) if moved.debits else ""),
        ("Net", moved.net(case.currency)),
        ("Owner", words.name_of(case.owner, names)),
        ("Opened", case.opened_at),
        ("Age", words.age(case, now)),
        ("Due", case.due_at),
        ("Closed", case.closed_at),
        ("Suspicion determined", words.day(case.determined_at)),
        ("QA", f"{case.qa_result} by {words.name_of(case.qa_reviewer, names)}" if case.qa_result else ""),
    ]
    tables.facts(rows)


def show_customer(case: Case, kept: Kept, others: Cases, prior_sars: Cases) -> None:
    """Draw the customer as the feed knew them, and how their other cases ended. `prior_sars` are some of `others`."""
    told = {**dict.fromkeys(_CUSTOMER), **kept.customer}
    rows = [_fact(name, value, case) for name, value in told.items() if value is not None and value != ""]
    tables.facts([*rows, ("Other cases", _ended(others)), ("Prior SARs", _reports(prior_sars))])


def _fact(name: str, value: object, case: Case) -> tuple[str, str]:
    label = "Customer since" if name == "since" else name.replace("_", " ").capitalize()
    told = money.told(value, case.currency)
    if name == "since" and (day := filing.read_day(value)) and (age := _age(case.opened_at.date() - day)):
        told += f" (for {age})"
    return label, told


def _age(span: timedelta) -> str:
    """Return how long somebody was a customer, in whole years, months or days; empty where it had not begun."""
    for unit, days in (("year", 365.25), ("month", 30.4375), ("day", 1)):
        if (number := int(span.days / days)) > (unit != "day"):
            return words.count(number, unit)
    return ""


def _ended(others: Cases) -> str:
    """Return how the other cases ended, and how many are open."""
    ends = Counter(case.disposition.value if case.status is Status.CLOSED else "" for case in others)
    listed = (Disposition.SAR, Disposition.NO_SAR, Disposition.NONE)
    return ", ".join(f"{ends[end]:,} {end or 'open'}" for end in listed if ends[end]) or "None"


def _reports(prior_sars: Cases) -> str:
    if not prior_sars:
        return "None"
    more = f" and {len(prior_sars) - NAMED:,} more" if len(prior_sars) > NAMED else ""
    return "; ".join(_report(case) for case in prior_sars[:NAMED]) + more


def _report(case: Case) -> str:
    filed = f"filed {words.day(case.filed_at)}" if case.filed_at else case.filing.value.lower()
    return " ".join(filter(None, (case.case_id, filed, case.bsa_id and f"BSA id {case.bsa_id}")))
