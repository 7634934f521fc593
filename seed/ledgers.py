"""What goes over an account in ordinary life: wages, and the bill of a card. It depends on the customer alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from seed.draw import DAY, Draw, business_day_after, eastern, is_business_day
from seed.people import CARD_NETWORK, EMPLOYERS, Party
from seed.typologies import Customer, Typology
from seed.typologies.base import Entry

WITH_CARD, EMPLOYED = 0.7, 0.8
"""How many have a card, and how many of a trade are on the payroll of its large employer."""

QUIET = ("Dormant account reactivated", "Shell company layering", "Elder exploitation")
"""Typologies whose customers have no ordinary life on the account, or on their savings."""


def ordinary(draw: Draw, customer: Customer, typology: Typology, first: date, last: date) -> list[Entry]:
    """Return the customer's ordinary transactions of those days: the same ones, whichever days are asked for."""
    has_card, bill_day, bill = draw.chance(WITH_CARD), draw.between(3, 26), draw.between(8, 18)
    is_employed, odd_week, share = draw.chance(EMPLOYED), draw.between(0, 1), draw.between(36, 42)
    first = max(first, customer.since + 14 * DAY)
    profile = customer.profile
    if typology.words.name in QUIET or profile.account_type == "Trust account":
        return []
    found: list[Entry] = []
    employer = EMPLOYERS.get(profile.trade)
    if employer and is_employed:
        found += (_wages(customer, employer, day, share) for day in _paydays(first, last, odd_week))
    if has_card:
        percent = bill if profile.kind == "Individual" else bill // 3
        found += (_bill(customer, day, percent) for day in _bill_days(first, last, bill_day))
    return found


def _wages(customer: Customer, employer: Party, day: date, share: int) -> Entry:
    cents = customer.monthly * share // 100 + 17 * (customer.monthly // 100 % 90)
    return _entry(eastern(day, 6.1 + day.day % 7 / 10), cents, True, "ACH", employer)


def _bill(customer: Customer, day: date, percent: int) -> Entry:
    """The bill of a month is as large as the month and the customer have it, and no two are alike."""
    swing = 70 + (37 * day.month + customer.monthly // 10_000) % 61
    cents = min(customer.monthly * percent * swing // 10_000, 900_000) + 11 * day.month
    return _entry(eastern(day, 8.2 + day.month % 5 / 10), cents, False, "ACH", CARD_NETWORK)


def _entry(when: datetime, cents: int, is_credit: bool, channel: str, party: Party) -> Entry:
    return Entry(when, cents, is_credit, channel, party, "US", "", fires=False, counts=False, is_activity=False)


def _paydays(first: date, last: date, odd_week: int) -> Iterator[date]:
    """Every other Friday, or the business day before it where that is a holiday."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() == 4 and ordinal // 7 % 2 == odd_week:
            yield day if is_business_day(day) else day - DAY


def _bill_days(first: date, last: date, bill_day: int) -> Iterator[date]:
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.day == bill_day:
            yield business_day_after(day - DAY)
