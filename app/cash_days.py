"""Cash of a business day, against the amount above which a bank reports it. Pure; no I/O.

31 CFR 1010.311 has a report made of currency of more than $10,000; 1010.313 adds up what one person brings, or takes,
in one business day, and counts what comes at night, over a weekend or on a holiday to the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

REPORTED_ABOVE = Decimal(10_000)
"""US dollars."""


@dataclass(frozen=True, slots=True)
class CashDays:
    """Cash that went one way, by business day: how many there are, on how many it is to be reported, the most of one.

    `moved` says whether some of it was counted to the Monday after its weekend.
    """

    days: int
    above: int
    most: Decimal
    moved: bool


def counted(cash: Iterable[tuple[date, Decimal]]) -> CashDays:
    """Return the business days of dollars in cash that went one way; `cash` holds the day and amount of each.

    Days are those of the calendar in which they are given. Holidays and the hours of a branch are not known here.
    """
    totals: defaultdict[date, Decimal] = defaultdict(Decimal)
    moved = False
    for day, amount in cash:
        counts = business_day(day)
        totals[counts] += amount
        moved |= counts != day
    above = sum(total > REPORTED_ABOVE for total in totals.values())
    return CashDays(len(totals), above, max(totals.values(), default=Decimal(0)), moved)


def business_day(day: date) -> date:
    """Return the day that counts: the Monday after where it is a Saturday or Sunday."""
    over = day.weekday() - 4
    return day if over <= 0 or day > date.max - timedelta(days=2) else day + timedelta(days=3 - over)
