"""Who is on the other side of a case's transactions, each once, with what they paid and were paid. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app import case_keys
from app.evidence import Transaction
from app.text import flat


@dataclass(frozen=True, slots=True)
class Counterparty:
    """One name in all its spellings. Amounts are in the case's currency; `first` and `last` are UTC, as the chain's.

    `key` is that of `case_keys`; it and the name are empty where no name is told. `spellings`
    are those that are told, the first one first, `countries` likewise. `rows` are places in what was grouped.
    """

    key: str
    spellings: tuple[str, ...]
    countries: tuple[str, ...]
    credits: int
    debits: int
    paid_in: Decimal
    paid_out: Decimal
    first: str
    last: str
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """Return the name as it was told first."""
        return self.spellings[0]

    @property
    def moved(self) -> Decimal:
        """Return what they paid and were paid together: by it the greatest comes first."""
        return self.paid_in + self.paid_out

    @property
    def net(self) -> Decimal:
        """Return how much more they paid than they were paid; below zero where it is less."""
        return self.paid_in - self.paid_out


def grouped(rows: Sequence[Transaction]) -> list[Counterparty]:
    """Return the counterparties of transactions, those with most money first. One that went neither way is left out."""
    keys: dict[str, str] = {}
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row.direction in ("in", "out"):
            if row.counterparty not in keys:
                keys[row.counterparty] = case_keys.searched(row.counterparty)
            groups.setdefault(keys[row.counterparty], []).append(place)
    found = [_counterparty(key, rows, places) for key, places in groups.items()]
    return sorted(found, key=lambda one: (-one.moved, one.name, one.key))


def _counterparty(key: str, rows: Sequence[Transaction], places: Sequence[int]) -> Counterparty:
    own = [rows[place] for place in places]
    amounts = {way: [Decimal(row.amount) for row in own if row.direction == way] for way in ("in", "out")}
    times = [row.time for row in own]
    return Counterparty(
        key=key,
        spellings=_once(flat(row.counterparty) for row in own) or ("",),
        countries=_once(row.country.strip() for row in own),
        credits=len(amounts["in"]),
        debits=len(amounts["out"]),
        paid_in=sum(amounts["in"], Decimal(0)),
        paid_out=sum(amounts["out"], Decimal(0)),
        first=min(times),
        last=max(times),
        rows=tuple(places),
    )


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))
