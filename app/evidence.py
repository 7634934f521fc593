"""What an alert and a transaction are: checked once on the way in, read once on the way out. Pure; no I/O.

On the way in, `check` makes an `Alert` of what a source system tells, or says what is wrong with it; a case can be
opened on every `Alert` that there is. `schema` says the same to whoever writes the feed. On the way out, `read` takes
from the `open` event and the `alert` events of a case what they kept, each transaction once. Events were written by
other versions too, and a database may be damaged: what cannot be read is counted, and stops nothing.

Kept are amounts with two places, times with microseconds, line breaks as a line feed; the rest as it is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, field_validator, model_validator
from pydantic.json_schema import GenerateJsonSchema

from app import chain, money
from app import evidence_values as values
from app.errors import InvalidInput
from app.models import CASE_COLUMNS, MAX_TEXT, Action, Event
from app.text import quoted

_SURROGATE = re.compile(r"[\ud800-\udfff]")


# --- what is told ---


class _Told(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Window(_Told):
    """The days that the source system looked back on, both included."""

    from_: values.Day = Field(alias="from", description="The first day.")
    to: values.Day = Field(description="The last day.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ > self.to:
            raise values.Refused("{place} ends before it begins.")
        return self


class Customer(_Told):
    """What is known of the customer. Each key may be left out."""

    kind: values.Text = Field(default_factory=str, description="Such as Individual or Business.")
    business: values.Text = Field(default_factory=str, description="What a business does.")
    occupation: values.Text = Field(default_factory=str, description="What an individual does.")
    account: values.Text = Field(default_factory=str, description="The account, as it may be shown.")
    account_type: values.Text = Field(default_factory=str, description="Such as Personal checking.")
    since: values.Day = Field(default_factory=str, description="The day on which they became a customer.")
    expected_monthly: values.Amount = Field(
        default_factory=str, description="How much was expected to move in a month."
    )


class Transaction(_Told):
    """One movement of money on the customer's account, in the alert's currency. All of it is text."""

    time: values.Time = Field(description="UTC.")
    amount: values.Amount = Field(description="Never negative: `direction` says which way it went.")
    direction: values.Direction = Field(description="in: to the customer; out: from the customer.")
    channel: values.Text = Field(description="Such as cash or wire.")
    counterparty: values.AnyText = Field(description="Who is on the other side; may be empty.")
    country: values.Country = Field(description="An ISO 3166 code of two letters.")
    place: values.AnyText = Field(default_factory=str, description="Such as the branch; may be left out.")
    account: values.AnyText = Field(
        default_factory=str, description="The other side's account, as it may be shown; may be left out."
    )
    id: values.TransactionId = Field(
        default_factory=str,
        description="The source system's own id of it, which no other transaction of the customer has: two alerts that "
        "tell it mean one transaction. May be left out: then those that are alike in all else are one.",
    )


def _never_null(schema: dict[str, Any]) -> None:
    """Let the schema of what may be left out not say that it may be null, too."""
    (schema["$ref"],) = (one["$ref"] for one in schema.pop("anyOf") if "$ref" in one)
    del schema["default"]


class Alert(_Told):
    """An alert of a source system, on which a case is opened, or which joins one.

    A text may hold tabs and line breaks, where it need not stand on one line, but no other control character; one that
    may not be empty has something that can be seen. On one line, a character beyond U+FFFF counts as two. An amount is
    text such as "9400.00" or "9400", never a number. Nothing is rounded: refused are decimals after the second that are
    not zeros (9400.125 KWD; 9400.120 is fine), and a fraction of a currency that has none (100.50 JPY; 100.00 is fine).
    """

    alert_id: values.AlertId = Field(
        description="The source system's own id, printable: an alert that is sent again has its case already."
    )
    customer_id: Annotated[str, values.one_line("customer id", 40)] = Field(
        description="The bank's own id of the customer, on one line."
    )
    customer_name: Annotated[str, values.one_line("customer name", 200)] = Field(
        description="Their whole name, on one line."
    )
    typology: Annotated[str, values.one_line("typology", 100)] = Field(
        description="The pattern, such as Structuring, on one line."
    )
    risk: values.RiskWord = Field(description="How the source system judges it.")
    risk_score: int = Field(ge=0, le=100, description="A whole number.")
    amount: values.ExactAmount = Field(
        description="The activity alerted on, counted once: the larger of money in and money out, never their sum. "
        "It is the source's own statement, kept as it is told."
    )
    currency: values.Currency = Field(
        description="The ISO 4217 code of a currency; not XXX, XTS or a metal, which have no amounts."
    )
    alert: values.Narrative = Field(description=f"What the source system says, up to {MAX_TEXT:,} characters.")
    window: Window | None = Field(default=None, description="May be left out.", json_schema_extra=_never_null)
    customer: Customer = Field(default_factory=Customer, description="May be left out.")
    transactions: Annotated[list[Transaction], FailFast()] = Field(description="May be an empty list.")
    triggered_by: list[values.TransactionId] = Field(
        default_factory=list, description="The ids of the transactions that made the rule fire. May be left out."
    )

    @field_validator("window", mode="before")
    @classmethod
    def _is_not_null(cls, told: object) -> object:
        if told is None:
            raise values.Refused("{place} is not an object.")
        return told

    @model_validator(mode="after")
    def _names_its_transactions(self) -> Self:
        ids = [row.id for row in self.transactions if row.id]
        if twice := [one for one, told in Counter(ids).items() if told > 1]:
            raise values.Refused(f"The transaction id {quoted(twice[0])} comes twice in one alert.")
        if unknown := set(self.triggered_by).difference(ids):
            raise values.Refused(
                f"triggered_by names {quoted(min(unknown))}, which is the id of none of the transactions."
            )
        return self

    @model_validator(mode="after")
    def _is_of_its_currency(self) -> Self:
        if money.DECIMALS[self.currency] < money.KEPT:
            for place, amount in self._amounts():
                if reason := money.why_not(amount, self.currency):
                    raise values.Refused(f"{place} is {reason}.")
        return self

    def _amounts(self) -> Iterator[tuple[str, Decimal]]:
        """Yield each amount in the alert's currency, and where it stands."""
        yield "amount", self.amount
        for number, row in enumerate(self.transactions):
            yield f"transactions[{number}].amount", Decimal(row.amount)
        if self.customer.expected_monthly:
            yield "customer.expected_monthly", Decimal(self.customer.expected_monthly)

    def evidence(self) -> dict[str, Any]:
        """Return what an event keeps beside the case's own columns: the rest of what was told."""
        return self.model_dump(by_alias=True, exclude=set(CASE_COLUMNS), exclude_unset=True)


_TEXTS = [name for name, field in Transaction.model_fields.items() if field.is_required()]
_all_of = attrgetter(*Transaction.model_fields)


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
"""What is wrong, by pydantic's type of the error; a `values.Refused` brings its own sentence."""


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
        more = "more in" if self.paid_in > self.paid_out else "more out"
        return f"{money.text(abs(self.paid_in - self.paid_out), currency)} {more}"

    def is_of(self, amount: Decimal) -> str:
        """Say what an alert's amount is, as far as its transactions tell: old alerts may count money twice."""
        if amount == self.paid_in:
            return "money in"
        if amount == self.paid_out:
            return "money out"
        return "money in and out together" if amount == self.paid_in + self.paid_out else "as the alert says"


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as its event keeps it. What cannot be read in it is empty, or None.

    `at` is the time of the event, as the formula writes it; `window` the first and the last day looked back on, as
    2026-01-05. `rows` and `triggers` are places in `Kept.transactions`: what it told, and what made its rule fire.
    """

    alert_id: str
    text: str
    at: str
    typology: str
    risk: str
    risk_score: int | None
    amount: Decimal | None
    window: tuple[str, str] | None
    rows: tuple[int, ...]
    triggers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a case rests on, as far as its `open` event and its `alert` events can be read."""

    alert: str
    """The text of the first alert."""
    customer: Mapping[str, object]
    """By the events' own keys, which may be others than those of `Customer`; of each the first value that was told."""
    transactions: Sequence[Transaction]
    """Each once, in the order of their times."""
    unread: int
    """How many transactions more there are, which cannot be read."""
    alerts: Sequence[Told]
    """The oldest first."""

    @property
    def triggers(self) -> frozenset[int]:
        """Return the places of the transactions that made a rule fire; none where no feed named any."""
        return frozenset().union(*(told.triggers for told in self.alerts))

    def flow(self) -> Flow:
        """Return what the transactions add up to."""
        return flow_of(self.transactions)


def flow_of(rows: Sequence[Transaction]) -> Flow:
    """Return what transactions add up to."""
    amounts: dict[str, list[Decimal]] = {"in": [], "out": []}
    for row in rows:
        amounts.get(row.direction, []).append(Decimal(row.amount))
    paid_in, paid_out = (sum(found, Decimal(0)) for found in amounts.values())
    return Flow(paid_in, paid_out, len(amounts["in"]), len(amounts["out"]))


def read(events: Sequence[Event]) -> Kept:
    """Return what a case rests on; `events` are those of the case, the oldest first. Raises nothing."""
    telling = [*events[:1], *(event for event in events[1:] if event.action == Action.ALERT)]
    return _merged([(event.ts, chain.read_meta(event)) for event in telling])


def _merged(told: Sequence[tuple[str, Mapping[str, Any]]]) -> Kept:
    """Return what events keep, of each its time and its `meta`.

    Two alerts that tell a transaction of one `id` mean one, as the first of them told it. Those without an id are one
    where all that they say is equal; so often as one alert tells such a one, there are so many.
    """
    customer: dict[str, object] = {}
    rows: list[Transaction] = []
    places: dict[object, list[int]] = {}
    unread = 0
    alerts = []
    for at, kept in told:
        if isinstance(said := kept.get("customer"), dict):
            customer = {**said, **customer}
        listed = kept.get("transactions", [])
        seen: Counter[object] = Counter()
        of_alert: dict[int, str] = {}
        for row in map(_transaction, listed) if isinstance(listed, list) else [None]:
            if row is None:
                unread += 1
                continue
            key = row.id or _all_of(row)
            known = places.setdefault(key, [])
            number = 0 if row.id else seen[key]
            seen[key] += 1
            if number == len(known):
                known.append(len(rows))
                rows.append(row)
            of_alert[known[number]] = row.id
        alerts.append((at, kept, of_alert))
    order = sorted(range(len(rows)), key=lambda place: rows[place].time)
    sorted_to = {place: number for number, place in enumerate(order)}
    return Kept(
        alert=_alert_text(told[0][1]) if told else "",
        customer=customer,
        transactions=[rows[place] for place in order],
        unread=unread,
        alerts=[_told(at, kept, {sorted_to[place]: row_id for place, row_id in of.items()}) for at, kept, of in alerts],
    )


def _told(at: str, kept: Mapping[str, Any], rows: Mapping[int, str]) -> Told:
    """Return the alert of an event; `rows` are the places of its transactions, and the id of each."""
    facts, window, fired = kept.get("told", kept.get("case")), kept.get("window"), kept.get("triggered_by")
    facts = facts if isinstance(facts, dict) else {}
    score = facts.get("risk_score")
    first, last = (_text(window.get(end)) if isinstance(window, dict) else "" for end in ("from", "to"))
    named = [one for one in fired if isinstance(one, str) and one] if isinstance(fired, list) else []
    return Told(
        alert_id=_text(kept.get("alert_id")),
        text=_alert_text(kept),
        at=at,
        typology=_text(facts.get("typology")),
        risk=_text(facts.get("risk")),
        risk_score=score if type(score) is int else None,
        amount=money.read(facts.get("amount")),
        window=(first, last) if first and last else None,
        rows=tuple(sorted(rows)),
        triggers=frozenset(place for place, row_id in rows.items() if row_id in named),
    )


def _alert_text(kept: Mapping[str, Any]) -> str:
    alert = kept.get("alert")
    return "" if alert is None else str(alert)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _transaction(row: object) -> Transaction | None:
    """Return a row of an event, or None where it cannot be read. What else it says stays in the event."""
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in _TEXTS):
        return None
    if money.read(row["amount"]) is None:
        return None
    told = {name: row[name] for name in Transaction.model_fields if isinstance(row.get(name), str)}
    texts = dict.fromkeys(Transaction.model_fields, "") | told  # all of them: pydantic is slow to find a default
    return Transaction.model_construct(**texts)  # past its checks: those of old were others
