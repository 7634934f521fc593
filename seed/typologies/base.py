"""What a typology is made of, and the ledger of transactions that its maker fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from app.chain import format_ts
from app.models import Risk
from seed.draw import DAY, Draw, business_day_after, is_business_day
from seed.people import Branch, Names
from seed.words import Profile, TypologyWords, typology_words

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

HIGH = (0.07, 0.28, 0.65)
MEDIUM_HIGH = (0.10, 0.50, 0.40)
MEDIUM = (0.20, 0.60, 0.20)
LOW_MEDIUM = (0.45, 0.50, 0.05)
"""Odds of Low, Medium, High risk."""


@dataclass(frozen=True, slots=True)
class Customer:
    customer_id: str
    shown: str
    latin: str
    family: str
    contact: str
    """Who speaks for the customer: themselves, or the owner of the business."""
    profile: Profile
    account: str
    since: date
    monthly: int
    branches: tuple[Branch, ...]
    """Those of the customer's state; the first is their own."""


class Ledger:
    """The transactions of one alert as `meta` keeps them."""

    __slots__ = ("_rows", "paid_in", "paid_out")

    def __init__(self) -> None:
        self._rows: list[tuple[datetime, dict[str, str]]] = []
        self.paid_in: list[int] = []
        self.paid_out: list[int] = []

    def credit(
        self, when: datetime, cents: int, channel: str, party: str, country: str = "US", place: str = ""
    ) -> None:
        self.paid_in.append(cents)
        self._add(when, cents, "in", channel, party, country, place)

    def debit(self, when: datetime, cents: int, channel: str, party: str, country: str = "US", place: str = "") -> None:
        self.paid_out.append(cents)
        self._add(when, cents, "out", channel, party, country, place)

    def _add(
        self, when: datetime, cents: int, direction: str, channel: str, party: str, country: str, place: str
    ) -> None:
        row = {
            "time": format_ts(when),
            "amount": f"{cents // 100}.{cents % 100:02d}",
            "direction": direction,
            "channel": channel,
            "counterparty": party,
            "country": country,
        }
        if place:
            row["place"] = place
        self._rows.append((when, row))

    def rows(self) -> list[dict[str, str]]:
        """Return them in order of time."""
        return [row for _, row in sorted(self._rows, key=lambda item: item[0])]

    @property
    def first(self) -> date:
        return min(when for when, _ in self._rows).date()

    @property
    def last(self) -> date:
        return max(when for when, _ in self._rows).date()


@dataclass(slots=True)
class Scene:
    """What a maker works with. It fills `ledger`, and `slots` with what the texts say about it."""

    draw: Draw
    names: Names
    customer: Customer
    first: date
    last: date
    """The look-back, both days included."""
    explained: bool
    """Whether the case ends as No SAR; a maker may then make the pattern that of an innocent look-alike."""
    ledger: Ledger = field(default_factory=Ledger)
    slots: dict[str, str] = field(default_factory=dict)
    counted: int = 0
    """Cents of the activity, where the ledger has the same money on one side more than once; else 0."""

    @property
    def amount(self) -> int:
        """Return cents of the activity counted once: the larger of money in and money out, never their sum."""
        return self.counted or max(sum(self.ledger.paid_in), sum(self.ledger.paid_out))

    def person(self) -> str:
        return self.names.person(self.draw).shown

    def people(self, count: int) -> list[str]:
        return _different(self.person, count)

    def companies(self, count: int) -> list[str]:
        return _different(lambda: self.names.company(self.draw), count)


Maker = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Typology:
    """One pattern: how often, how it looks, and how a desk writes about it.

    `odds` are those of SAR, No SAR and Escalate at the first determination.
    """

    make: Maker
    slots: frozenset[str]
    """What its texts may say beside what those of any case may: `make` fills them."""
    weight: int
    """How many of 100 cases have it."""
    look_back: int
    """Days before the alert that are looked at."""
    risk: tuple[float, float, float]
    odds: tuple[int, int, int]
    again: bool
    """Whether the same customer can come back with it."""
    words: TypologyWords


def typology(
    slots: str,
    *,
    weight: int,
    look_back: int,
    risk: tuple[float, float, float],
    odds: tuple[int, int, int],
    again: bool = True,
) -> Callable[[Maker], Typology]:
    """Make a typology of a maker: its words are in the file beside this one that is called after it.

    Raises UnreadableFile.
    """

    def of(make: Maker) -> Typology:
        own = frozenset(slots.split())
        words = typology_words(Path(__file__).with_name(f"{make.__name__}.toml"), own, look_back)
        return Typology(make, own, weight, look_back, risk, odds, again, words)

    return of


RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)
SCORES = {Risk.LOW: (12, 39), Risk.MEDIUM: (40, 69), Risk.HIGH: (70, 97)}


def _different(make: Callable[[], str], count: int) -> list[str]:
    """`count` different names."""
    found: list[str] = []
    while len(found) < count:
        if (name := make()) not in found:
            found.append(name)
    return found


def fill(template: str, slots: Mapping[str, str]) -> str:
    """Return the text with its slots filled; a name that ends in a period ends the sentence too."""
    return template.format_map(slots).replace("..", ".")


def latin(party: str) -> str:
    """Return a counterparty as an analyst writes it: the Latin half of a name in two scripts."""
    return party.rpartition(" / ")[2]


def money(cents: int) -> str:
    """`$18,450` or `$18,450.25`."""
    return f"${cents // 100:,}" if cents % 100 == 0 else f"${cents // 100:,}.{cents % 100:02d}"


def percent(part: int, whole: int) -> str:
    return f"{(200 * part + whole) // (2 * whole)}%"


def times(part: int, whole: int) -> str:
    """Return how many times `whole` goes into `part`, with one decimal: `3.4`."""
    tenths = (20 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 branch`, `4 branches`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


@lru_cache(maxsize=4096)
def date_text(moment: date) -> str:
    """`Nov 3`."""
    return f"{MONTHS[moment.month - 1]} {moment.day}"


def listed(names: Iterable[str]) -> str:
    """`Ann, Bob and Cy`; names that hold a comma are parted by semicolons."""
    *most, last = names
    if most and any("," in name for name in (*most, last)):
        return "; ".join((*most, last))
    return f"{', '.join(most)} and {last}" if most else last


def biggest(parties: Sequence[str], amounts: Sequence[int]) -> str:
    """Return the counterparty with the largest total."""
    totals: dict[str, int] = {}
    for party, amount in zip(parties, amounts, strict=True):
        totals[party] = totals.get(party, 0) + amount
    return max(totals, key=lambda party: totals[party])


def soon(draw: Draw, start: date, last: date) -> date:
    """Return the day itself, or the next one where both banks are open then and it is in the look-back."""
    following = start + DAY
    return following if is_business_day(following) and following <= last and draw.chance(0.5) else start


def hours_later(draw: Draw, moment: datetime, low: float, high: float) -> datetime:
    return moment + timedelta(seconds=int(3600 * (low + (high - low) * draw.random())))


def settle(draw: Draw, start: date, low: int, high: int) -> date:
    """Return a business day `low` to `high` business days later."""
    return business_day_after(start, draw.between(low, high))
