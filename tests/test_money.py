"""An amount is one of its currency, is never rounded, and is written with as many decimals as its currency has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app import money


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("9400.00", "USD", "USD 9,400.00"),
        ("9400.50", "EUR", "EUR 9,400.50"),
        ("9400.00", "JPY", "JPY 9,400"),
        ("9400.12", "KWD", "KWD 9,400.120"),
        ("9400.00", "CLF", "CLF 9,400.0000"),
        ("9999999999999.99", "USD", "USD 9,999,999,999,999.99"),
        ("100.50", "JPY", "JPY 100.50"),  # an old case: it shows what it holds
        ("9400.00", "ZZZ", "ZZZ 9,400.00"),
        ("NaN", "USD", "USD NaN"),  # of a damaged database
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency_and_loses_none(
    amount: str, currency: str, written: str
) -> None:
    assert money.text(Decimal(amount), currency) == written


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XTS", "XAU", "XDR", "usd", "USD\n", ""])
def test_what_has_no_amounts_is_no_currency(code: str) -> None:
    assert code not in money.DECIMALS


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        ("9400.125", "KWD", "9400.125, which two decimals cannot hold; the desk never rounds"),
        ("9400.120", "KWD", None),
        ("100.50", "JPY", "100.50, but JPY has no decimals"),
        ("100.00", "JPY", None),
        ("0.001", "USD", "0.001, which two decimals cannot hold; the desk never rounds"),
        ("9999999999999.99", "USD", None),
    ],
)
def test_an_amount_that_cannot_be_kept_as_it_is_says_why(amount: str, currency: str, reason: str | None) -> None:
    assert money.why_not(Decimal(amount), currency) == reason


def test_of_what_is_told_of_a_customer_amounts_alone_are_written_as_such() -> None:
    told = {value: money.told(value, "JPY") for value in ("5000.00", "5000", "2019-03-01", "****1234", "x")}
    assert told == {"5000.00": "JPY 5,000"} | {value: value for value in ("5000", "2019-03-01", "****1234", "x")}
    assert money.told(None, "USD") == "None"
