"""What was expected of a customer against what was seen, in sentences of numbers. Pure; no I/O."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from app import money
from app.evidence import Flow

MONTH = 31
"""Days up to which what was seen is held to a whole month's expectation, and not to a part of it."""

DAYS_A_MONTH = Decimal("30.4375")


def against(expected: Decimal | None, moved: Flow, days: int, currency: str) -> str:
    """Return how much moved within so many days, both ends counted, against what was expected to move in a month.

    The larger of money in and out counts, never their sum. What took longer than `MONTH` days is held to as many
    months' expectation. `expected` is None where nobody said it. Empty where no money moved.
    """
    more, less = max(moved.paid_in, moved.paid_out), min(moved.paid_in, moved.paid_out)
    if not more:
        return ""
    is_in = moved.paid_in >= moved.paid_out
    seen = f"{money.text(more, currency)} {'came in' if is_in else 'went out'}"
    within = "on one day" if days == 1 else f"within {days:,} days"
    other = f" {money.text(less, currency)} {'went out' if is_in else 'came in'}, {_part(less / more)} of it."
    return _held(expected, more, days, f"{seen} {within}", currency) + (other if less else "")


def _held(expected: Decimal | None, seen: Decimal, days: int, said: str, currency: str) -> str:
    if expected is None:
        return f"{said}. Nothing is told of what was expected."
    if not expected:
        return f"Nothing was expected to move in a month; {said}."
    usual = f"Expected about {money.text(expected, currency)} a month"
    if days <= MONTH:
        return f"{usual}; {said}, {_times(seen / expected)}."
    share = expected * days / DAYS_A_MONTH
    return (
        f"{usual}, so about {money.text(_rounded(share), currency)} in {days:,} days; {said}, {_times(seen / share)}."
    )


def _times(ratio: Decimal) -> str:
    """Return a ratio of what was seen to what was expected in words, never more exact than an expectation is."""
    if ratio >= 10:
        return f"{ratio.quantize(Decimal(1), ROUND_HALF_UP):,f} times that"
    if ratio >= Decimal("1.05"):
        tenths = ratio.quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{tenths.normalize():f} times that"
    return "about as much" if ratio >= Decimal("0.95") else f"{_part(ratio)} of that"


def _part(ratio: Decimal) -> str:
    """Return a ratio of at most one in percent; all of it only where it is."""
    percent = (100 * ratio).quantize(Decimal(1), ROUND_FLOOR)
    return "less than 1%" if ratio and not percent else f"{percent:f}%"


def _rounded(amount: Decimal) -> Decimal:
    """Return an amount with at most three figures that are not zeros, and no decimals."""
    places = max(amount.adjusted() - 2, 0)
    return amount.quantize(Decimal(1).scaleb(places), ROUND_HALF_UP).quantize(Decimal(1))
