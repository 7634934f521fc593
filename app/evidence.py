"""What an alert and a transaction are: checked once on the way in, read once on the way out. Pure; no I/O.

On the way in, `check` makes an `Alert` of what a source system tells, or says what is wrong with it; a case can be
opened on every `Alert` that there is. `schema` says the same to whoever writes the feed. On the way out, `read` takes
from an `open` event what it kept. Events were written by other versions too, and a database may be damaged: what cannot
be read is counted, and stops nothing.

An amount is text, never a number: JSON's numbers are binary fractions in many a program, and what one of those made of
the amount on its way cannot be seen here. Nothing is rounded. Kept are amounts with two places, times with
microseconds, line breaks as a line feed; the rest as it is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema

from app import chain, money, typed
from app.errors import InvalidInput, InvalidText
from app.models import CASE_COLUMNS, MAX_AMOUNT, MAX_TEXT, Event, Risk
from app.text import is_visible, quoted

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


# --- what a value holds: each check returns what is kept of it ---


class _Refused(ValueError):
    """A value that cannot be kept, in a sentence whose first `{place}` becomes the place where the value stands."""


def _any_text(told: object) -> str:
    if not isinstance(told, str):
        raise _Refused("{place} is not a text.")
    try:
        return chain.clean_text("{place}", told)
    except InvalidText as error:
        raise _Refused(str(error)) from error


def _text(told: object) -> str:
    text = _any_text(told)
    if not is_visible(text):
        raise _Refused("{place} is empty.")
    return text


def _narrative(told: object) -> str:
    try:
        return typed.told("{place}", _any_text(told))
    except InvalidText as error:
        raise _Refused(str(error)) from error


def _alert_id(told: object) -> str:
    text = _text(told)
    if len(text) > 64 or not text.isprintable() or text != text.strip():
        raise _Refused("The alert id needs 1 to 64 printable characters, and no space at an end.")
    return text


def _currency(told: object) -> str:
    code = _text(told)
    if code not in money.DECIMALS:
        raise _Refused(f"The {{place}} {code[:9]!r} is not the ISO 4217 code of one that has amounts, such as USD.")
    return code


def _risk(told: Any) -> Risk:
    try:
        return Risk(told)
    except ValueError as error:
        raise _Refused(f"{{place}} is not one of {', '.join(Risk)}.") from error


def _direction(told: object) -> str:
    if told != "in" and told != "out":
        raise _Refused("{place} is not one of in, out.")
    return str(told)


def _amount(told: object) -> str:
    if isinstance(told, int | float) and not isinstance(told, bool):
        raise _Refused('{place} is a number. Write it as text such as "9400.00", so that it stays exact.')
    if not isinstance(told, str) or not money.TOLD.fullmatch(told):
        raise _Refused('{place} is not an amount such as "9400.00".')
    amount = Decimal(told)
    if reason := money.too_fine(amount):
        raise _Refused(f"{{place}} is {reason}.")
    return f"{amount:.2f}"


def _decimal(told: object) -> Decimal:
    """Take the desk's own numbers too: a Decimal is exact."""
    if not isinstance(told, Decimal):
        return Decimal(_amount(told))
    if not told.is_finite() or told.is_signed() or told > MAX_AMOUNT:
        raise _Refused(f"The {{place}} lies between 0 and {MAX_AMOUNT:,}.")
    if reason := money.too_fine(told):
        raise _Refused(f"{{place}} is {reason}.")
    return told


def _time(told: object) -> str:
    if isinstance(told, str) and _TIME.fullmatch(told):
        try:
            return chain.format_ts(datetime.fromisoformat(told))
        except ValueError:
            pass
    raise _Refused("{place} is not a UTC time such as 2026-01-05T15:00:00Z.")


def _day(told: object) -> str:
    if isinstance(told, str) and _DAY.fullmatch(told):
        try:
            return date.fromisoformat(told).isoformat()
        except ValueError:
            pass
    raise _Refused("{place} is not a day such as 2026-01-05.")


def _country(told: object) -> str:
    if not isinstance(told, str) or not _COUNTRY.fullmatch(told):
        raise _Refused("{place} is not an ISO 3166 code such as US.")
    return told


def _one_line(what: str, limit: int) -> BeforeValidator:
    def check(told: object) -> str:
        text = _text(told)
        try:
            typed.one_line(what, text, limit)
        except InvalidInput as error:
            raise _Refused(str(error)) from error
        return text

    return _by(check, min_length=1, max_length=limit)


def _by(check: Callable[[object], str | Decimal], **schema: Any) -> BeforeValidator:
    """Return what checks a field. `schema` is what JSON Schema can say of the check, and refuses nothing more."""
    return BeforeValidator(check, json_schema_input_type=Annotated[str, Field(**schema)])


def _whole(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"


_AnyText = Annotated[str, _by(_any_text)]
_Text = Annotated[str, _by(_text, min_length=1)]
_Narrative = Annotated[str, _by(_narrative, min_length=1)]
_AlertId = Annotated[str, _by(_alert_id, min_length=1, max_length=64)]
_Time = Annotated[str, _by(_time, pattern=_whole(_TIME))]
_Day = Annotated[str, _by(_day, pattern=_whole(_DAY))]
_Amount = Annotated[str, _by(_amount, pattern=_whole(money.TOLD))]
_Decimal = Annotated[Decimal, _by(_decimal, pattern=_whole(money.TOLD))]
_Currency = Annotated[str, _by(_currency, pattern=_whole(_CURRENCY))]
_Country = Annotated[str, _by(_country, pattern=_whole(_COUNTRY))]
_Direction = Annotated[str, BeforeValidator(_direction, json_schema_input_type=Literal["in", "out"])]
_Risk = Annotated[Risk, BeforeValidator(_risk, json_schema_input_type=Risk)]


# --- what is told ---


class _Told(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Window(_Told):
    """The days that the source system looked back on, both included."""

    from_: _Day = Field(alias="from", description="The first day.")
    to: _Day = Field(description="The last day.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ > self.to:
            raise _Refused("{place} ends before it begins.")
        return self


class Customer(_Told):
    """What is known of the customer. Each key may be left out."""

    kind: _Text = Field(default_factory=str, description="Such as Individual or Business.")
    business: _Text = Field(default_factory=str, description="What a business does.")
    occupation: _Text = Field(default_factory=str, description="What an individual does.")
    account: _Text = Field(default_factory=str, description="The account, as it may be shown.")
    account_type: _Text = Field(default_factory=str, description="Such as Personal checking.")
    since: _Day = Field(default_factory=str, description="The day on which they became a customer.")
    expected_monthly: _Amount = Field(default_factory=str, description="How much was expected to move in a month.")


class Transaction(_Told):
    """One movement of money on the customer's account, in the alert's currency. All of it is text."""

    time: _Time = Field(description="UTC.")
    amount: _Amount = Field(description="Never negative: `direction` says which way it went.")
    direction: _Direction = Field(description="in: to the customer; out: from the customer.")
    channel: _Text = Field(description="Such as cash or wire.")
    counterparty: _AnyText = Field(description="Who is on the other side; may be empty.")
    country: _Country = Field(description="An ISO 3166 code of two letters.")
    place: _AnyText = Field(default_factory=str, description="Such as the branch; may be left out.")


def _never_null(schema: dict[str, Any]) -> None:
    """Let the schema of what may be left out not say that it may be null, too."""
    (schema["$ref"],) = (one["$ref"] for one in schema.pop("anyOf") if "$ref" in one)
    del schema["default"]


class Alert(_Told):
    """An alert of a source system, on which one case is opened.

    A text may hold tabs and line breaks, where it need not stand on one line, but no other control character; one that
    may not be empty has something that can be seen. On one line, a character beyond U+FFFF counts as two. An amount is
    text such as "9400.00" or "9400", never a number. Nothing is rounded: refused are decimals after the second that are
    not zeros (9400.125 KWD; 9400.120 is fine), and a fraction of a currency that has none (100.50 JPY; 100.00 is fine).
    """

    alert_id: _AlertId = Field(
        description="The source system's own id, printable: an alert that is sent again has its case already."
    )
    customer_id: Annotated[str, _one_line("customer id", 40)] = Field(
        description="The bank's own id of the customer, on one line."
    )
    customer_name: Annotated[str, _one_line("customer name", 200)] = Field(description="Their whole name, on one line.")
    typology: Annotated[str, _one_line("typology", 100)] = Field(
        description="The pattern, such as Structuring, on one line."
    )
    risk: _Risk = Field(description="How the source system judges it.")
    risk_score: int = Field(ge=0, le=100, description="A whole number.")
    amount: _Decimal = Field(
        description="The activity alerted on, counted once: the larger of money in and money out, never their sum. "
        "It is the source's own statement, kept as it is told."
    )
    currency: _Currency = Field(
        description="The ISO 4217 code of a currency; not XXX, XTS or a metal, which have no amounts."
    )
    alert: _Narrative = Field(description=f"What the source system says, up to {MAX_TEXT:,} characters.")
    window: Window | None = Field(default=None, description="May be left out.", json_schema_extra=_never_null)
    customer: Customer = Field(default_factory=Customer, description="May be left out.")
    transactions: Annotated[list[Transaction], FailFast()] = Field(description="May be an empty list.")

    @field_validator("window", mode="before")
    @classmethod
    def _is_not_null(cls, told: object) -> object:
        if told is None:
            raise _Refused("{place} is not an object.")
        return told

    @model_validator(mode="after")
    def _is_of_its_currency(self) -> Self:
        if money.DECIMALS[self.currency] < money.KEPT:
            for place, amount in self._amounts():
                if reason := money.why_not(amount, self.currency):
                    raise _Refused(f"{place} is {reason}.")
        return self

    def _amounts(self) -> Iterator[tuple[str, Decimal]]:
        """Yield each amount in the alert's currency, and where it stands."""
        yield "amount", self.amount
        for number, row in enumerate(self.transactions):
            yield f"transactions[{number}].amount", Decimal(row.amount)
        if self.customer.expected_monthly:
            yield "customer.expected_monthly", Decimal(self.customer.expected_monthly)

    def evidence(self) -> dict[str, Any]:
        """Return what the `open` event keeps beside the case's own columns: the rest of what was told."""
        return self.model_dump(by_alias=True, exclude=set(CASE_COLUMNS), exclude_unset=True)


_TEXTS = [name for name, field in Transaction.model_fields.items() if field.is_required()]


# --- on the way in ---


def check(told: object) -> Alert:
    """Return the alert that an object of JSON tells.

    Raises InvalidInput, which names the first thing that is wrong by its place, such as `transactions[3].amount`.
    """
    try:
        return Alert.model_validate(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise InvalidInput(_sentence(told, found)) from error


_SENTENCES = {
    "model_type": "{place} is not an object.",
    "list_type": "{place} is not a list.",
    "int_type": "{place} is not a whole number.",
    "greater_than_equal": "The risk score lies between 0 and 100.",
    "less_than_equal": "The risk score lies between 0 and 100.",
}
"""What is wrong, by pydantic's type of the error; a `_Refused` brings its own sentence."""


def _sentence(told: Any, errors: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong first: of each object its keys before what they hold, the outermost object first."""
    first = errors[0]
    for depth in range(len(first["loc"]) + 1):
        of = first["loc"][:depth]
        inside = [error for error in errors if error["loc"][:-1] == of]
        if unknown := [quoted(str(error["loc"][-1])) for error in inside if error["type"] == "extra_forbidden"]:
            return _unknown(of, unknown)
        if missing := [str(error["loc"][-1]) for error in inside if error["type"] == "missing"]:
            return f"{_place(of) or 'The alert'} lacks {_some(missing)}."
    if first["type"] == "string_unicode":  # half of a character in a key, which no key of ours has
        for step in first["loc"]:
            told = told[step]
        return _unknown(first["loc"], [quoted(key) for key in told if _SURROGATE.search(key)])
    sentence = _SENTENCES.get(first["type"]) or str(first["ctx"]["error"])
    return sentence.replace("{place}", _place(first["loc"]) or "The line", 1)


def _unknown(of: tuple[int | str, ...], keys: list[str]) -> str:
    return f"{_place(of) or 'The alert'} has unknown keys: {_some(keys)}."


def _place(steps: tuple[int | str, ...]) -> str:
    """Return `transactions[3].amount`; of the line as a whole, an empty text."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")


class _Published(GenerateJsonSchema):
    """Without titles, which would only be the keys again."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line of a feed. It refuses nothing that `check` takes."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **Alert.model_json_schema(schema_generator=_Published)}


# --- on the way out ---


@dataclass(frozen=True, slots=True)
class Flow:
    """What the transactions of an alert add up to: money in and out, and how many transactions each."""

    paid_in: Decimal
    paid_out: Decimal
    credits: int
    debits: int

    def net(self, currency: str) -> str:
        """Return the difference in words; an empty text where money went one way alone."""
        if not (self.credits and self.debits):
            return ""
        if self.paid_in == self.paid_out:
            return "as much in as out"
        more = "more in than out" if self.paid_in > self.paid_out else "more out than in"
        return f"{money.text(abs(self.paid_in - self.paid_out), currency)} {more}"

    def is_of(self, amount: Decimal) -> str:
        """Say what an alert's amount is, as far as its transactions tell: old alerts may count money twice."""
        if amount == self.paid_in:
            return "money in"
        if amount == self.paid_out:
            return "money out"
        return "money in and out together" if amount == self.paid_in + self.paid_out else "as the alert says"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a case was opened on, as far as its `open` event can be read."""

    alert: str
    customer: Mapping[str, object]
    """By the event's own keys, which may be others than those of `Customer`."""
    transactions: Sequence[Transaction]
    unread: int
    """How many transactions more there are, which cannot be read."""

    def flow(self) -> Flow:
        """Return what the transactions add up to."""
        amounts: dict[str, list[Decimal]] = {"in": [], "out": []}
        for row in self.transactions:
            amounts.get(row.direction, []).append(Decimal(row.amount))
        paid_in, paid_out = (sum(found, Decimal(0)) for found in amounts.values())
        return Flow(paid_in, paid_out, len(amounts["in"]), len(amounts["out"]))


def read(events: Sequence[Event]) -> Kept:
    """Return what a case was opened on; `events` are those of the case, the oldest first. Raises nothing."""
    return kept_in(chain.read_meta(events[0]) if events else {})


def kept_in(kept: Mapping[str, Any]) -> Kept:
    """Return what the `meta` of an `open` event says a case was opened on. Raises nothing."""
    alert, customer, listed = kept.get("alert"), kept.get("customer"), kept.get("transactions", [])
    rows = [_transaction(row) for row in listed] if isinstance(listed, list) else [None]
    found = [row for row in rows if row is not None]
    return Kept(
        alert="" if alert is None else str(alert),
        customer=customer if isinstance(customer, dict) else {},
        transactions=found,
        unread=len(rows) - len(found),
    )


def _transaction(row: object) -> Transaction | None:
    """Return a row of an `open` event, or None where it cannot be read. What else it says stays in the event."""
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in _TEXTS):
        return None
    if money.read(row["amount"]) is None:
        return None
    texts = {name: row[name] for name in Transaction.model_fields if isinstance(row.get(name), str)}
    return Transaction.model_construct(**texts)  # past its checks: those of old were others
