"""What an alert and a transaction are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app import money

TRANSACTION = ("time", "amount", "direction", "channel", "counterparty", "country")
"""What each transaction of an alert says, all of it text."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the transactions of an alert add up to: money in and out, and how many transactions each."""

    paid_in: Decimal
    paid_out: Decimal
    credits: int
    debits: int

    def net(self, currency: str) -> str:
        """The difference in words; empty where money went one way alone."""
        if not (self.credits and self.debits):
            return ""
        if self.paid_in == self.paid_out:
            return "as much in as out"
        more = "more in than out" if self.paid_in > self.paid_out else "more out than in"
        return f"{money.text(abs(self.paid_in - self.paid_out), currency)} {more}"

    def is_of(self, amount: Decimal) -> str:
        """What an alert's amount is, as far as its transactions say: old alerts may count money twice."""
        if amount == self.paid_in:
            return "money in"
        if amount == self.paid_out:
            return "money out"
        return "money in and out together" if amount == self.paid_in + self.paid_out else "as the alert says"


def listed(opened: Mapping[str, Any]) -> list[Any]:
    """What an `open` event's `meta` lists as transactions, whatever it is."""
    found = opened.get("transactions", [])
    return found if isinstance(found, list) else [None]


def transactions(opened: Mapping[str, Any]) -> list[dict[str, str]]:
    """The transactions of an `open` event's `meta`, those that can be read."""
    rows = [row for row in listed(opened) if isinstance(row, dict)]
    rows = [row for row in rows if all(isinstance(row.get(name), str) for name in TRANSACTION)]
    return [row for row in rows if money.read(row["amount"]) is not None]


def flow(opened: Mapping[str, Any]) -> Flow:
    """What the transactions of an `open` event's `meta` add up to."""
    amounts: dict[str, list[Decimal]] = {"in": [], "out": []}
    for row in transactions(opened):
        amounts.get(row["direction"], []).append(Decimal(row["amount"]))
    paid_in, paid_out = (sum(found, Decimal(0)) for found in amounts.values())
    return Flow(paid_in, paid_out, len(amounts["in"]), len(amounts["out"]))
