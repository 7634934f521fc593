"""What a typology is made of, and the ledger of transactions that its maker fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from app.chain import format_ts
from app.models import Risk
from seed.draw import DAY, EASTERN, Draw, business_day_after, eastern, is_business_day
from seed.names import Cast
from seed.people import Branch, Party
from seed.words import Profile, TypologyWords, typology_words

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

MORNING = 7
"""US Eastern hour before which nobody moves money on a telephone."""
P2P_LIMIT = 350_000
"""Cents that may be sent from person to person in one go."""

MINUTE = timedelta(minutes=1)

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


@dataclass(slots=True)
class Entry:
    """A transaction on the customer's account."""

    when: datetime
    cents: int
    is_credit: bool
    channel: str
    party: Party
    country: str
    place: str
    fires: bool
    """Whether it is one of those that make the typology's rule fire."""
    counts: bool
    """Whether it is money that the activity is counted by: not what passes once more, nor anybody's wages."""
    is_activity: bool = True
    """Whether it is what the alert is about; else it is the customer's ordinary life."""
    row: dict[str, str] = field(default_factory=dict)
    """How `meta` keeps it, once the ledger is sealed."""

    @property
    def id(self) -> str:
        return self.row["id"]

    def seal(self, transaction_id: str) -> None:
        self.row = {
            "id": transaction_id,
            "time": format_ts(self.when),
            "amount": f"{self.cents // 100}.{self.cents % 100:02d}",
            "direction": "in" if self.is_credit else "out",
            "channel": self.channel,
            "counterparty": self.party.name,
            "country": self.country,
        }
        if self.party.account:
            self.row["account"] = self.party.account
        if self.place:
            self.row["place"] = self.place


class Ledger:
    """The transactions of one account, from which its alerts are cut."""

    __slots__ = ("entries",)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)

    def credit(
        self,
        when: datetime,
        cents: int,
        channel: str,
        party: Party | str,
        country: str = "US",
        place: str = "",
        *,
        fires: bool = True,
        counts: bool = True,
    ) -> None:
        party = Party(party) if isinstance(party, str) else party
        self.entries.append(Entry(when, cents, True, channel, party, country, place, fires, counts))

    def debit(
        self,
        when: datetime,
        cents: int,
        channel: str,
        party: Party | str,
        country: str = "US",
        place: str = "",
        *,
        fires: bool = True,
        counts: bool = True,
    ) -> None:
        party = Party(party) if isinstance(party, str) else party
        self.entries.append(Entry(when, cents, False, channel, party, country, place, fires, counts))

    def seal(self, number: int) -> None:
        """Put them in the order of time and give each the id that the bank knows it by."""
        self.entries.sort(key=lambda entry: entry.when)
        for place, entry in enumerate(self.entries, start=1):
            entry.seal(f"T{number:07d}{place:02d}")

    def between(self, first: date, last: date) -> Ledger:
        """Return those of the days from `first` to `last` (UTC)."""
        return Ledger(entry for entry in self.entries if first <= entry.when.date() <= last)

    @property
    def paid_in(self) -> list[int]:
        """Return the cents of each credit of the activity, in the order in which they stand."""
        return [entry.cents for entry in self.entries if entry.is_credit and entry.is_activity]

    @property
    def paid_out(self) -> list[int]:
        return [entry.cents for entry in self.entries if not entry.is_credit and entry.is_activity]

    @property
    def amount(self) -> int:
        """Return cents of the activity counted once: the larger of money in and money out, never their sum."""
        counted = [entry for entry in self.entries if entry.counts and entry.is_activity]
        paid_in = sum(entry.cents for entry in counted if entry.is_credit)
        return max(paid_in, sum(entry.cents for entry in counted) - paid_in)

    @property
    def first(self) -> date:
        """Return the day of the activity's first transaction."""
        return min(entry.when for entry in self.entries if entry.is_activity).date()

    @property
    def last(self) -> date:
        return max(entry.when for entry in self.entries if entry.is_activity).date()


@dataclass(frozen=True, slots=True)
class Feed:
    """Money that another customer of the bank sends: what one ledger has as a debit, the other has as a credit."""

    when: datetime
    cents: int
    channel: str
    sender: Party


@dataclass(slots=True)
class Scene:
    """What a maker works with. It fills `ledger`, and `slots` with what the texts say about it."""

    draw: Draw
    cast: Cast
    customer: Customer
    first: date
    last: date
    """The look-back, both days included."""
    explained: bool
    """Whether the case ends as No SAR; a maker may then make the pattern that of an innocent look-alike."""
    hubs: tuple[Party, ...] = ()
    """Whom the members of a ring have in common, for those makers that can belong to one."""
    feeds: Sequence[Feed] = ()
    """What other members of a ring pay in, for the maker of their hub."""
    ledger: Ledger = field(default_factory=Ledger)
    slots: dict[str, str] = field(default_factory=dict)

    def person(self) -> str:
        return self.cast.person().shown

    def people(self, count: int) -> list[str]:
        return [self.person() for _ in range(count)]

    def payer(self) -> str:
        """Return a firm that pays the customer: of the kind of the profile where nothing is wrong."""
        what = self.customer.profile.payer if self.explained else ""
        return self.cast.firm(what) if what else self.cast.company()

    def payee(self) -> str:
        """Return a firm that the customer pays."""
        what = self.customer.profile.payee if self.explained else ""
        return self.cast.firm(what) if what else self.cast.company()

    def companies(self, count: int) -> list[str]:
        return [self.cast.company() for _ in range(count)]


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
    """Return a moment so many hours later at which people are awake (US Eastern time)."""
    found = moment + timedelta(seconds=int(3600 * (low + (high - low) * draw.random())))
    hour = found.astimezone(EASTERN).hour
    if hour >= MORNING:
        return found
    evening = eastern(moment.astimezone(EASTERN).date(), 22.5)
    return moment + (evening - moment) * (0.2 + 0.8 * draw.random())


def by_hand(channel: str, cents: int) -> str:
    """Return the channel, or another one where the amount is above what banks let people send by it in one go."""
    if channel == "P2P" and cents > P2P_LIMIT:
        return "RTP"
    return channel


def settle(draw: Draw, start: date, low: int, high: int) -> date:
    """Return a business day `low` to `high` business days later."""
    return business_day_after(start, draw.between(low, high))
