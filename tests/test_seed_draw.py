"""The calendar of the demo data: the days on which banks work, and the clocks that their people look at."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from seed.draw import EASTERN, business_day_after, business_days, eastern

CLOSED = {
    2020: "01-01 01-20 02-17 05-25 09-07 10-12 11-11 11-26 12-25",
    2021: "01-01 01-18 02-15 05-31 07-05 09-06 10-11 11-11 11-25",
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-23 12-25",
    2024: "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 09-07 10-12 11-11 11-26 12-25",
}
"""The weekdays on which the Federal Reserve Banks were or are closed, from their published schedules."""


@pytest.mark.parametrize("year", CLOSED)
def test_banks_close_on_the_federal_reserves_holidays_and_on_no_other_weekday(year: int) -> None:
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    closed = {date.fromisoformat(f"{year}-{day}") for day in CLOSED[year].split()}
    assert business_days(first, last) == tuple(day for day in days if day.weekday() < 5 and day not in closed)


def test_the_next_business_day_is_past_a_long_weekend() -> None:
    assert business_day_after(date(2021, 7, 2)) == date(2021, 7, 6)
    assert business_day_after(date(2021, 7, 2), 2) == date(2021, 7, 7)
    assert business_day_after(date(2026, 7, 2)) == date(2026, 7, 3)


@pytest.mark.parametrize(
    ("day", "hour", "utc"),
    [
        (date(2026, 1, 30), 9, "2026-01-30T14:00:00"),
        (date(2025, 8, 4), 9.5, "2025-08-04T13:30:00"),
        (date(2025, 8, 4), 25.5, "2025-08-05T05:30:00"),
        (date(2025, 11, 1), 25, "2025-11-02T05:00:00"),  # the night that has two o'clock an hour late
        (date(2025, 11, 1), 26, "2025-11-02T07:00:00"),
        (date(2025, 3, 8), 25, "2025-03-09T06:00:00"),  # the night that has none
        (date(2025, 3, 8), 27, "2025-03-09T07:00:00"),
        (date(2006, 10, 31), 9, "2006-10-31T14:00:00"),  # before the rules of 2007
    ],
)
def test_hours_are_those_of_clocks_on_the_wall(day: date, hour: float, utc: str) -> None:
    assert eastern(day, hour) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert eastern(day, hour).tzinfo is UTC


def test_the_zone_is_known_by_its_name() -> None:
    assert str(EASTERN) == "America/New_York"
