"""Amounts of money: which currencies have them, with how many decimals, and how one is written. Pure; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from iso4217 import Currency

DECIMALS: Mapping[str, int] = {
    currency.value: currency.exponent for currency in Currency if currency.exponent is not None
}
"""By its code (ISO 4217), the decimals of each currency. Metals, XDR, XTS and XXX have none said, and are not here."""

KEPT = 2
"""Decimals that the desk keeps of an amount in any currency."""

_WHOLE = "[0-9]{1,13}"
TOLD = re.compile(rf"{_WHOLE}(\.[0-9]{{2,9}})?")
"""How a feed may write an amount: of its decimals, those after the first `KEPT` are zeros."""
_KEPT = re.compile(rf"{_WHOLE}(\.[0-9]{{{KEPT}}})?")


def read(text: object) -> Decimal | None:
    """Return the amount that a text such as `9400.00` or `9400` says; None where it says none."""
    return Decimal(text) if isinstance(text, str) and _KEPT.fullmatch(text) else None


def too_fine(amount: Decimal) -> str | None:
    """Return the reason why the desk cannot keep this finite amount, whatever its currency; None where it can."""
    if amount == round(amount, KEPT):
        return None
    return f"{amount:f}, which two decimals cannot hold; the desk never rounds"


def why_not(amount: Decimal, currency: str) -> str | None:
    """Return the reason why the desk cannot keep this finite amount in its currency; None where it can."""
    if DECIMALS[currency] == 0 and not _is_whole(amount):
        return f"{amount:f}, but {currency} has no decimals"
    return too_fine(amount)


def number(amount: Decimal, currency: str) -> str:
    """Return the amount with its currency's decimals and with commas between thousands.

    With two decimals where the currency is unknown, or where an old case has cents of one that has none.
    """
    decimals = DECIMALS.get(currency, KEPT)
    return f"{amount:,.{decimals if _is_whole(amount) else max(decimals, KEPT)}f}"


def text(amount: Decimal, currency: str) -> str:
    """`USD 9,400.00`."""
    return f"{currency} {number(amount, currency)}"


def told(value: object, currency: str) -> str:
    """Return what an alert tells of a customer; an amount, known by its two decimals, as `text` writes it."""
    amount = read(value) if isinstance(value, str) and "." in value else None
    return str(value) if amount is None else text(amount, currency)


def _is_whole(amount: Decimal) -> bool:
    return amount == amount.to_integral_value()
