"""What a value of an alert may hold: each check returns what is kept of it, or says why it is refused. Pure; no I/O.

The types here are what `app.evidence` describes an alert by. An amount is text, never a number: JSON's numbers are
binary fractions in many a program, and what one of those made of the amount on its way cannot be seen here. Nothing is
rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app import chain, money, typed
from app.errors import InvalidInput, InvalidText
from app.models import MAX_AMOUNT, Risk
from app.text import is_visible

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")

MAX_OWN_ID = 64
"""Characters in what a source system calls an alert, or a transaction."""


class Refused(ValueError):
    """A value that cannot be kept, in a sentence whose first `{place}` becomes the place where the value stands."""


def _any_text(told: object) -> str:
    if not isinstance(told, str):
        raise Refused("{place} is not a text.")
    try:
        return chain.clean_text("{place}", told)
    except InvalidText as error:
        raise Refused(str(error)) from error


def _text(told: object) -> str:
    text = _any_text(told)
    if not is_visible(text):
        raise Refused("{place} is empty.")
    return text


def _narrative(told: object) -> str:
    try:
        return typed.told("{place}", _any_text(told))
    except InvalidText as error:
        raise Refused(str(error)) from error


def _alert_id(told: object) -> str:
    return _own_id("The alert id", told)


def _transaction_id(told: object) -> str:
    return _own_id("{place}", told)


def _own_id(what: str, told: object) -> str:
    text = _text(told)
    if len(text) > MAX_OWN_ID or not text.isprintable() or text != text.strip():
        raise Refused(f"{what} needs 1 to {MAX_OWN_ID} printable characters, and no space at an end.")
    return text


def _currency(told: object) -> str:
    code = _text(told)
    if code not in money.DECIMALS:
        raise Refused(f"The {{place}} {code[:9]!r} is not the ISO 4217 code of one that has amounts, such as USD.")
    return code


def _risk(told: Any) -> Risk:
    try:
        return Risk(told)
    except ValueError as error:
        raise Refused(f"{{place}} is not one of {', '.join(Risk)}.") from error


def _direction(told: object) -> str:
    if told != "in" and told != "out":
        raise Refused("{place} is not one of in, out.")
    return str(told)


def _amount(told: object) -> str:
    if isinstance(told, int | float) and not isinstance(told, bool):
        raise Refused('{place} is a number. Write it as text such as "9400.00", so that it stays exact.')
    if not isinstance(told, str) or not money.TOLD.fullmatch(told):
        raise Refused('{place} is not an amount such as "9400.00".')
    amount = Decimal(told)
    if reason := money.too_fine(amount):
        raise Refused(f"{{place}} is {reason}.")
    return f"{amount:.2f}"


def _decimal(told: object) -> Decimal:
    """Take the desk's own numbers too: a Decimal is exact."""
    if not isinstance(told, Decimal):
        return Decimal(_amount(told))
    if not told.is_finite() or told.is_signed() or told > MAX_AMOUNT:
        raise Refused(f"The {{place}} lies between 0 and {MAX_AMOUNT:,}.")
    if reason := money.too_fine(told):
        raise Refused(f"{{place}} is {reason}.")
    return told


def _time(told: object) -> str:
    if isinstance(told, str) and _TIME.fullmatch(told):
        try:
            return chain.format_ts(datetime.fromisoformat(told))
        except ValueError:
            pass
    raise Refused("{place} is not a UTC time such as 2026-01-05T15:00:00Z.")


def _day(told: object) -> str:
    if isinstance(told, str) and _DAY.fullmatch(told):
        try:
            return date.fromisoformat(told).isoformat()
        except ValueError:
            pass
    raise Refused("{place} is not a day such as 2026-01-05.")


def _country(told: object) -> str:
    if not isinstance(told, str) or not _COUNTRY.fullmatch(told):
        raise Refused("{place} is not an ISO 3166 code such as US.")
    return told


def one_line(what: str, limit: int) -> BeforeValidator:
    """Return what checks a text that stands on one line, of so many UTF-16 units at most."""

    def check(told: object) -> str:
        text = _text(told)
        try:
            typed.one_line(what, text, limit)
        except InvalidInput as error:
            raise Refused(str(error)) from error
        return text

    return _by(check, min_length=1, max_length=limit)


def _by(check: Callable[[object], str | Decimal], **schema: Any) -> BeforeValidator:
    """Return what checks a field. `schema` is what JSON Schema can say of the check, and refuses nothing more."""
    return BeforeValidator(check, json_schema_input_type=Annotated[str, Field(**schema)])


def _whole(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"


AnyText = Annotated[str, _by(_any_text)]
Text = Annotated[str, _by(_text, min_length=1)]
Narrative = Annotated[str, _by(_narrative, min_length=1)]
AlertId = Annotated[str, _by(_alert_id, min_length=1, max_length=MAX_OWN_ID)]
TransactionId = Annotated[str, _by(_transaction_id, min_length=1, max_length=MAX_OWN_ID)]
Time = Annotated[str, _by(_time, pattern=_whole(_TIME))]
Day = Annotated[str, _by(_day, pattern=_whole(_DAY))]
Amount = Annotated[str, _by(_amount, pattern=_whole(money.TOLD))]
ExactAmount = Annotated[Decimal, _by(_decimal, pattern=_whole(money.TOLD))]
Currency = Annotated[str, _by(_currency, pattern=_whole(_CURRENCY))]
Country = Annotated[str, _by(_country, pattern=_whole(_COUNTRY))]
Direction = Annotated[str, BeforeValidator(_direction, json_schema_input_type=Literal["in", "out"])]
RiskWord = Annotated[Risk, BeforeValidator(_risk, json_schema_input_type=Risk)]
