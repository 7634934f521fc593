"""Whom the money of a case came from and where it went: as pictures, and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property

from app import case_keys, connected, filing, hops, money
from app.counterparties import Counterparty, grouped
from app.evidence import Kept, Transaction
from app.hops import Hop
from app.models import Case
from app.ui import flow, tables, words
from app.ui.flow import HopDrawn, Party

TOLD = 6
"""Transactions of a hop that are told one by one."""


@dataclass(frozen=True)
class Who:
    """The counterparties of a case, those with most money first."""

    case: Case
    kept: Kept
    where: tzinfo
    """In which zone times are told."""
    found: Sequence[Counterparty] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", grouped(self.kept.transactions))

    @cached_property
    def own(self) -> frozenset[str]:
        """Return the keys that the customer's own name has."""
        name = self.case.customer_name
        return frozenset({case_keys.searched(name), case_keys.searched(filing.latin_half(name))} - {""})

    @cached_property
    def marked(self) -> frozenset[int]:
        """Return the places of what made a rule fire; all places where that tells none from the others."""
        triggers = self.kept.triggers
        return triggers or frozenset(range(len(self.kept.transactions)))

    def named(self, name: str) -> str:
        """Return what a counterparty is called on the page."""
        return words.shown(" ".join(name.split())) or "Not named"


def pictures(who: Who) -> str:
    """Return the pictures as HTML, each under its heading; empty where no money moved."""
    rows = who.kept.transactions
    drawn = [_side(who, way) for way in ("in", "out")]
    shares = flow.who_paid_whom(
        drawn[0][0], drawn[1][0], (drawn[0][1], drawn[1][1]), words.shown(who.case.customer_name)
    )
    if not shares:
        return ""
    parts = [f"<section><h4>Who paid whom</h4>{shares}</section>"]
    listed = [hop for hop in hops.hops(rows) if hop.came or hop.went]
    if any(hop.came and hop.went for hop in listed):
        most = sorted(listed, key=lambda hop: -_moved(rows, (*hop.came, *hop.went)))[: flow.HOPS]
        chosen = [hop for hop in listed if hop in most]
        left_out = len(listed) - len(chosen)
        more = f"<p class='legend'>Drawn: {len(chosen)} of {len(listed)}, those of most money.</p>" if left_out else ""
        order = flow.in_order([_hop(who, hop) for hop in chosen])
        parts.append(f"<section><h4>What came in and went on, in order</h4>{order}{more}</section>")
    return f"<div class='pictures'>{''.join(parts)}</div>"


def _side(who: Who, way: str) -> tuple[list[Party], Party | None]:
    """Return the parties of a direction that are drawn, and one for all the others."""
    rows, parties = who.kept.transactions, []
    for one in who.found:
        places = [place for place in one.rows if rows[place].direction == way]
        if places:
            parties.append((one, places))
    parties.sort(key=lambda pair: -_moved(rows, pair[1]))
    drawn = flow.DRAWN if len(parties) > flow.DRAWN + 1 else len(parties)
    rest = [place for _, places in parties[drawn:] for place in places]
    others = _party(who, f"{len(parties) - drawn:,} others", "", rest, "all of them are in the table") if rest else None
    return [_named_party(who, one, places) for one, places in parties[:drawn]], others


def _named_party(who: Who, one: Counterparty, places: Sequence[int]) -> Party:
    both = "both ways" if one.credits and one.debits else ""
    own = "the customer" if one.key in who.own else ""
    countries = ", ".join(one.countries) if len(one.countries) < 3 else f"{len(one.countries):,} countries"
    countries = "" if one.countries == ("US",) else countries
    also = ", ".join(filter(None, (own, both, words.shown(countries))))
    spelled = f"also spelled {', '.join(one.spellings[1:])}" if len(one.spellings) > 1 else ""
    return _party(who, who.named(one.name), also, places, spelled)


def _party(who: Who, name: str, also: str, places: Sequence[int], more: str) -> Party:
    rows, currency = who.kept.transactions, who.case.currency
    amount = _moved(rows, places)
    number = words.count(len(places), "transaction")
    times = sorted(rows[place].time[:10] for place in places)
    when = times[0] if times[0] == times[-1] else f"{times[0]} to {times[-1]}"
    whole = ", ".join(filter(None, (name, money.text(amount, currency), number, when, also, more)))
    channels = {rows[place].channel for place in places}
    below = ", ".join([_below(places, amount, currency), *(map(words.shown, channels) if len(channels) == 1 else ())])
    fired = _moved(rows, [place for place in places if place in who.marked])
    return Party(name, amount, [below, also] if also else [below], words.shown(whole), fired)


def _hop(who: Who, hop: Hop) -> HopDrawn:
    rows = who.kept.transactions
    paid_in, paid_out = _moved(rows, hop.came), _moved(rows, hop.went)
    came, went = [_times(rows, places) for places in (hop.came, hop.went)]
    days = sorted({words.local(moment, who.where).date() for moment in (came or went)})
    since = "last " if came and len(days) > 1 else ""
    stay = f"{since}→ {_stay(went[0] - came[-1])}" if came and went else ""
    part = f" · {100 * paid_out // paid_in}%" if 0 < paid_out <= 2 * paid_in else ""
    told = [_told(rows[place], who) for place in (*hop.came, *hop.went)]
    more = f"; and {len(told) - TOLD:,} more" if len(told) > TOLD else ""
    return HopDrawn(
        source=_names(who, hop.came),
        paid_in=paid_in,
        came=_below(hop.came, paid_in, who.case.currency),
        day=_span(days),
        stay=stay,
        target=_names(who, hop.went),
        paid_out=paid_out,
        went=_below(hop.went, paid_out, who.case.currency) + part,
        whole="; ".join(told[:TOLD]) + more,
        fired=bool(who.kept.triggers.intersection((*hop.came, *hop.went))),
    )


def _names(who: Who, places: Sequence[int]) -> tuple[str, int]:
    """Return the one name of the transactions, or that of most money, and how many others there are."""
    if not places:
        return "—", 0
    rows = who.kept.transactions
    totals: dict[str, Decimal] = {}
    for place in places:
        name = who.named(rows[place].counterparty)
        totals[name] = totals.get(name, Decimal(0)) + Decimal(rows[place].amount)
    first = max(totals, key=lambda name: totals[name])
    return first, len(totals) - 1


def _below(places: Sequence[int], amount: Decimal, currency: str) -> str:
    number = f" in {len(places):,}" if len(places) > 1 else ""
    return f"{money.number(amount, currency)}{number}" if places else ""


def _told(row: Transaction, who: Who) -> str:
    moment = words.read_time(row.time)
    when = words.clock(moment, who.where) if moment else row.time
    texts = (when, row.direction, money.text(Decimal(row.amount), who.case.currency), row.channel, row.counterparty)
    return words.shown(" ".join(text for text in texts if text))


def _span(days: Sequence[date]) -> str:
    """Return the first and the last of days in a few characters: `09 Sep`, `09–15 Sep`, `28 Sep–02 Oct`."""
    if len(days) < 2:
        return "".join(f"{day:%d %b}" for day in days)
    first, last = days[0], days[-1]
    is_one_month = (first.year, first.month) == (last.year, last.month)
    return f"{first:%d}{'' if is_one_month else f' {first:%b}'}–{last:%d %b}"


def _stay(span: timedelta) -> str:
    """Return how long money stayed, in a few characters: `18 min`, `5 h`, `3 d`."""
    minutes = span // timedelta(minutes=1)
    if minutes < 60:
        return f"{minutes} min" if minutes else "at once"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def _times(rows: Sequence[Transaction], places: Iterable[int]) -> list[datetime]:
    moments = (words.read_time(rows[place].time) for place in places)
    return [moment for moment in moments if moment is not None]


def _moved(rows: Sequence[Transaction], places: Iterable[int]) -> Decimal:
    return sum((Decimal(rows[place].amount) for place in places), Decimal(0))


# --- the table ---


def table(who: Who, known: Mapping[str, int]) -> None:
    """Draw the counterparties. `known` says of a name, as it is told, how many other cases know it."""
    currency = who.case.currency
    columns = [("Counterparty", "text"), ("Count", "right"), (f"In ({currency})", "right")]
    columns += [(f"Out ({currency})", "right"), (f"Net ({currency})", "right"), ("First", ""), ("Last", "")]
    columns += [("Countries", "wrap"), ("Other cases", "right")]
    data = {
        "caption": "Counterparties of the case",
        "tall": True,
        "columns": [{"label": label, "align": align, "sorts": True} for label, align in columns],
        "rows": [{"cells": _cells(who, one, known)} for one in who.found],
    }
    tables.draw(data=data, key="counterparties")


def _cells(who: Who, one: Counterparty, known: Mapping[str, int]) -> list[dict[str, object]]:
    name = who.named(one.name) + (" (the customer)" if one.key in who.own else "")
    others = max(known.get(spelling, 0) for spelling in one.spellings)
    cells: list[dict[str, object]] = [
        {"text": name, "hint": words.shown("; ".join(one.spellings))},
        _number(Decimal(one.credits + one.debits), f"{one.credits + one.debits:,}"),
        *(_amount(amount, who.case.currency) for amount in (one.paid_in, one.paid_out, one.net)),
        *(_day(time, who.where) for time in (one.first, one.last)),
        {"text": words.shown(", ".join(one.countries))},
    ]
    counted = f"{connected.COMMON}+" if others > connected.COMMON else f"{others}" if others else "—"
    return [*cells, _number(Decimal(others), counted)]


def _number(value: Decimal, text: str) -> dict[str, object]:
    return {"text": text, "sort": float(value)}


def _amount(amount: Decimal, currency: str) -> dict[str, object]:
    sign = "−" if amount < 0 else ""
    return _number(amount, f"{sign}{money.number(abs(amount), currency)}" if amount else "—")


def _day(time: str, where: tzinfo) -> dict[str, object]:
    moment = words.read_time(time)
    if moment is None:
        return {"text": words.shown(time), "sort": words.shown(time)}
    return {"text": words.clock(moment, where)[:10], "time": time, "hint": words.clock_utc(moment), "sort": time}
