"""Chance and calendar: every draw of the data set comes from here.

Only `random()` and plain arithmetic are used, so the same seed gives the same data on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TypeVar
from zoneinfo import ZoneInfo

import tzdata

T = TypeVar("T")

DAY = timedelta(days=1)
HOLIDAYS = {(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)}
FLOATING_HOLIDAYS = {(1, 0, 3), (2, 0, 3), (9, 0, 1), (10, 0, 2), (11, 3, 4)}
"""Federal holidays: month and day, or month, weekday and which one of the month. Memorial Day is apart."""

with resources.files(tzdata).joinpath("zoneinfo/America/New_York").open("rb") as file:
    EASTERN = ZoneInfo.from_file(file, "America/New_York")
    """US Eastern time as the pinned package has it: a machine's own database may be older, or missing."""

# Multiples of the median of a lognormal distribution at the quantiles 0, 0.05, … 0.95, 1.
SPREAD_50 = (
    *(0.30, 0.44, 0.53, 0.60, 0.66, 0.71, 0.77, 0.82, 0.88, 0.94, 1.00),
    *(1.06, 1.14, 1.21, 1.30, 1.40, 1.52, 1.68, 1.90, 2.28, 3.40),
)
SPREAD_80 = (
    *(0.15, 0.27, 0.36, 0.44, 0.51, 0.58, 0.66, 0.73, 0.82, 0.90, 1.00),
    *(1.11, 1.22, 1.36, 1.52, 1.72, 1.96, 2.29, 2.79, 3.73, 7.00),
)


class Draw:
    """The draws of one case (or of one customer), all from one key."""

    __slots__ = ("random",)

    def __init__(self, key: str) -> None:
        self.random = random.Random(key).random

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        return self.random() < share

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items in the order in which they stand (all of them where there are fewer)."""
        chosen: list[T] = []
        left = len(items)
        for item in items:
            if self.random() * left < count - len(chosen):
                chosen.append(item)
            left -= 1
        return chosen

    def weighted(self, items: Sequence[T], weights: Sequence[float]) -> T:
        """Return an item with odds as its weight; the weights add up to 1 at most, the last item takes the rest."""
        point = self.random()
        for item, weight in zip(items, weights, strict=True):
            point -= weight
            if point < 0:
                return item
        return items[-1]

    def dollars(self, low: int, high: int, step: int = 1) -> int:
        """Return cents of a whole amount from `low` to `high` dollars in steps of `step`."""
        return 100 * step * self.between(-(-low // step), high // step)

    def cents(self, low: int, high: int) -> int:
        """Return cents from `low` to `high` dollars: three in five are whole dollars."""
        amount = self.between(100 * low, 100 * high)
        return amount - amount % 100 if self.random() < 0.6 else amount

    def spread(self, table: Sequence[float], median: int, low: int, high: int) -> int:
        """Return cents of an amount spread like the table around `median` dollars, kept from `low` to `high`."""
        position = self.random() * (len(table) - 1)
        left = int(position)
        factor = table[left] + (table[left + 1] - table[left]) * (position - left)
        return 100 * min(max(int(median * factor), low), high)

    def share(self, amount: int, low: int, high: int) -> int:
        """Return cents that are `low` to `high` percent of `amount`."""
        return amount * self.between(10 * low, 10 * high) // 1000

    def split(self, amount: int, parts: int, swing: int = 20) -> list[int]:
        """`amount` in `parts` that differ by some `swing` percent, all but the last in whole dollars."""
        pieces = []
        for left in range(parts, 1, -1):
            piece = amount * self.between(100 - swing, 100 + swing) // (100 * left)
            pieces.append(piece - piece % 100)
            amount -= pieces[-1]
        return [*pieces, amount]

    def time(self, day: date, start: float, end: float) -> datetime:
        """Return a second between two hours of the day (see `eastern`), as UTC."""
        return eastern(day, start + (end - start) * self.random())


@lru_cache(maxsize=4096)
def midnight(day: date) -> datetime:
    """Return the day's first moment, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def eastern(day: date, hour: float) -> datetime:
    """Return when a clock shows that hour of the day in US Eastern time, as UTC; 25.5 is 1:30 of the next day."""
    return _on_the_hour(day, int(hour)) + timedelta(seconds=int(hour * 3600) % 3600)


@lru_cache(maxsize=8192)
def _on_the_hour(day: date, hour: int) -> datetime:
    """Do as `eastern`: clocks are changed on the hour, so the seconds after it can be added."""
    return (midnight(day).replace(tzinfo=EASTERN) + timedelta(hours=hour)).astimezone(UTC)


@lru_cache(maxsize=4096)
def is_business_day(day: date) -> bool:
    """Say whether the Federal Reserve Banks are open, and so all others.

    A holiday on a Sunday closes them on the Monday after it; one on a Saturday does not close them on the Friday.
    """
    weekday, which, eve = day.weekday(), (day.day + 6) // 7, day - DAY
    fixed = _is_fixed_holiday(day) or (weekday == 0 and _is_fixed_holiday(eve))
    memorial_day = day.month == 5 and weekday == 0 and day.day > 24
    return weekday < 5 and not (fixed or memorial_day or (day.month, weekday, which) in FLOATING_HOLIDAYS)


def _is_fixed_holiday(day: date) -> bool:
    return (day.month, day.day) in HOLIDAYS and (day.month != 6 or day.year >= 2021)  # Juneteenth: Pub. L. 117-17


@lru_cache(maxsize=4096)
def business_days(first: date, last: date) -> tuple[date, ...]:
    days = (first + DAY * number for number in range((last - first).days + 1))
    return tuple(day for day in days if is_business_day(day))


@lru_cache(maxsize=4096)
def business_day_after(day: date, count: int = 1) -> date:
    """Return the business day `count` business days later."""
    while count:
        day += DAY
        count -= is_business_day(day)
    return day
