"""What was expected against what was seen, and cash by business day: sentences whose numbers are right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import cash_days, expected, fincen
from app.evidence import Flow


def said(monthly: object, paid_in: object, paid_out: object = 0, days: int = 9) -> str:
    flow = Flow(Decimal(str(paid_in)), Decimal(str(paid_out)), 1, 1)
    return expected.against(None if monthly is None else Decimal(str(monthly)), flow, days, "USD")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ((3000, 65800), "Expected about USD 3,000.00 a month; USD 65,800.00 came in within 9 days, 22 times that."),
        ((3000, 3100), "Expected about USD 3,000.00 a month; USD 3,100.00 came in within 9 days, about as much."),
        ((3000, 2999), "Expected about USD 3,000.00 a month; USD 2,999.00 came in within 9 days, about as much."),
        ((3000, 1000), "Expected about USD 3,000.00 a month; USD 1,000.00 came in within 9 days, 33% of that."),
        ((3000, 1), "Expected about USD 3,000.00 a month; USD 1.00 came in within 9 days, less than 1% of that."),
        ((3000, 6000, 0, 1), "Expected about USD 3,000.00 a month; USD 6,000.00 came in on one day, 2 times that."),
        (
            (3000, 9000, 0, 31),
            "Expected about USD 3,000.00 a month; USD 9,000.00 came in within 31 days, 3 times that.",
        ),
        (
            (15600, 125774, 0, 87),
            "Expected about USD 15,600.00 a month, so about USD 44,600.00 in 87 days; "
            "USD 125,774.00 came in within 87 days, 2.8 times that.",
        ),
        (
            (1000, 900, 2000),
            "Expected about USD 1,000.00 a month; USD 2,000.00 went out within 9 days, 2 times that. "
            "USD 900.00 came in, 45% of it.",
        ),
        (
            (1000, 2000, "1999.99"),
            "Expected about USD 1,000.00 a month; USD 2,000.00 came in within 9 days, 2 times that. "
            "USD 1,999.99 went out, 99% of it.",
        ),
        ((None, 5000), "USD 5,000.00 came in within 9 days. Nothing is told of what was expected."),
        ((0, 5000), "Nothing was expected to move in a month; USD 5,000.00 came in within 9 days."),
        ((3000, 0), ""),
    ],
)
def test_the_sentence_says_what_the_numbers_say(told: tuple[int, ...], sentence: str) -> None:
    assert said(*told) == sentence


@given(
    st.none() | st.decimals(0, Decimal("9999999999999.99"), places=2),
    *(st.decimals(0, Decimal("9999999999999.99"), places=2) for _ in range(2)),
    st.integers(1, 4_000_000),
)
def test_there_is_a_sentence_for_any_numbers_and_none_has_an_exponent(
    monthly: Decimal | None, paid_in: Decimal, paid_out: Decimal, days: int
) -> None:
    sentence = said(monthly, paid_in, paid_out, days)
    assert bool(sentence) is bool(paid_in or paid_out)
    assert "E+" not in sentence
    assert "NaN" not in sentence


def test_cash_adds_up_by_business_day_and_exactly_ten_thousand_is_not_above() -> None:
    friday, saturday, sunday, monday = (date(2026, 1, day) for day in (9, 10, 11, 12))
    found = cash_days.counted([(friday, Decimal(10_000)), (saturday, Decimal(6000)), (sunday, Decimal(2000))])
    assert found == cash_days.CashDays(2, 0, Decimal(10_000), moved=True)
    found = cash_days.counted([(saturday, Decimal(6000)), (sunday, Decimal(2000)), (monday, Decimal("2000.01"))])
    assert found == cash_days.CashDays(1, 1, Decimal("10000.01"), moved=True)
    assert cash_days.business_day(date.max) == date.max


@pytest.mark.parametrize("channel", ["cash", "Cash (branch)", "ATM cash", "night drop", "ATM"])
def test_what_is_cash(channel: str) -> None:
    assert fincen.is_cash(channel)


@pytest.mark.parametrize("channel", ["cashier's check", "check (ATM)", "wire", "VASP", "P2P", "card", "remote"])
def test_what_is_no_cash(channel: str) -> None:
    assert not fincen.is_cash(channel)
