"""Money in and out by day, as plain HTML: nothing to load and no script, so that it is there with the page.

Its style stands in `web/desk.css`. In and out each have a scale of their own; below them is what they leave.
A day that has money is an option of one group, which the keyboard walks along and a finger can touch: it tells the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from itertools import accumulate, chain
from math import ceil

from app import cash_days, money
from app.text import legible

LINES, DAYS = 5, 6
"""At most so many steps from zero to the top, in and out together, and so many dates below."""

GAP = Decimal("0.08")
"""Of the height, between in and out: two scales have no line in common."""

APART = 12
"""Transactions of a day and direction that are drawn one by one; more are drawn as one piece of each kind."""

APART_FROM = Decimal("0.015")
"""Of the height, that a piece has at least which is set apart from the one before it."""

TOLD = 3
"""Transactions of a day that are told one by one, those of most money."""

CUT_FROM, CUT_OVER = 4, 4
"""A few of at least so many days are cut off where they are more than so many times as high as all the others."""

_ROUND = [Decimal(factor).scaleb(-1) for factor in (10, 15, 20, 25, 30, 40, 50, 60, 80, 100)]
"""What a step may be, times a power of ten: the highest bar has two thirds of the height or more."""

LEAST, MOST = Decimal("0.1"), Decimal("1.6")
"""A line says something where it is at least and at most so many times as high as the highest day that is not cut."""


@dataclass(frozen=True)
class Bar:
    """A transaction: its time on the reader's clock, whether it went out, its amount, what else is told of it.

    `fired` says that it made a rule fire.
    """

    at: datetime
    out: bool
    amount: Decimal
    words: Sequence[str]
    is_cash: bool = False
    fired: bool = False


@dataclass(frozen=True)
class _Line:
    """A height that means something: its class in the style, its amount, what is said beside it."""

    kind: str
    amount: Decimal
    words: str


@dataclass(frozen=True)
class _Side:
    """In or out: its bars by day, from zero up to `top`, in the part of the chart that begins at `foot`.

    Amounts are in the currency of the case, `foot` and `share` in heights of the chart. Out hangs from its upper end.
    """

    out: bool
    days: dict[date, list[Bar]]
    lines: Sequence[_Line]
    top: Decimal
    step: Decimal
    foot: Decimal
    share: Decimal
    cut: frozenset[date]
    """Days that are higher than the chart."""

    @property
    def kind(self) -> str:
        return "out" if self.out else "in"

    @property
    def hatches(self) -> bool:
        """Say whether what is not cash is hatched: where a line speaks of cash."""
        return any(line.kind == "threshold" for line in self.lines)

    def up(self, amount: Decimal) -> Decimal:
        """Return how high in the chart an amount lies; one above the top lies there."""
        part = min(amount / self.top, Decimal(1))
        return self.foot + self.share * (1 - part if self.out else part)


@dataclass(frozen=True)
class _Drawn:
    """What the chart is drawn of: the transactions in the order of their times, its days and its scales."""

    bars: Sequence[Bar]
    currency: str
    expected: Decimal | None
    start: date
    length: int
    """In days."""
    sides: Sequence[_Side]
    marks: bool
    """Whether some transactions are told apart from the others because they made a rule fire."""


def money_over_time(bars: Sequence[Bar], currency: str, expected: Decimal | None = None) -> str:
    """Return the days of a case as HTML: money in up, money out down, what it leaves below; empty where none moved.

    `expected` is what was expected to move in a month, None where nobody said it.
    """
    if not bars:
        return ""
    ordered = sorted(bars, key=lambda bar: bar.at)
    start, end = ordered[0].at.date(), ordered[-1].at.date()
    marks = len({bar.fired for bar in ordered}) > 1
    sides = _sides(ordered, currency, expected)
    drawn = _Drawn(ordered, currency, expected, start, (end - start).days + 1, sides, marks)
    lined = " lined" if any(side.lines for side in sides) else ""
    parts = [*_dates(drawn), *(part for side in sides for part in _side(drawn, side))]
    return (
        f"{_legend(drawn)}<div class='chart{lined}'><div aria-hidden='true'>{''.join(parts)}</div>"
        f"<div class='days' role='radiogroup' aria-label='{_label(drawn)}'>{''.join(_days(drawn))}</div></div>"
        f"{_balance(drawn, lined)}{_notes(drawn)}"
    )


# --- its scales ---


def _sides(bars: Sequence[Bar], currency: str, expected: Decimal | None) -> list[_Side]:
    """Return in above out, or the one that there is in the whole of the chart."""
    by_side: dict[bool, dict[date, list[Bar]]] = {}
    for bar in bars:
        by_side.setdefault(bar.out, defaultdict(list))[bar.at.date()].append(bar)
    found = sorted(by_side.items())
    share = (1 - GAP * (len(found) - 1)) / len(found)
    sides = []
    for below, (out, days) in zip(range(len(found))[::-1], found, strict=True):
        totals = {day: _total(own) for day, own in days.items()}
        cut = _cut(totals)
        highest = max(total for day, total in totals.items() if day not in cut)
        has_cash = currency == "USD" and any(bar.is_cash for own in days.values() for bar in own)
        lines = list(_lines(highest, has_cash, expected))
        highest = max([highest, *(line.amount for line in lines)])
        step = _step(highest, LINES // len(found))
        top = max(ceil(highest / step), 1) * step
        sides.append(_Side(out, days, lines, top, step, (share + GAP) * below, share, cut))
    return sides


def _lines(highest: Decimal, has_cash: bool, expected: Decimal | None) -> Iterator[_Line]:
    """Yield the lines that mean something beside days of which the highest has so much."""
    if has_cash and highest * LEAST <= cash_days.REPORTED_ABOVE <= highest * MOST:
        yield _Line("threshold", cash_days.REPORTED_ABOVE, f"{_short(cash_days.REPORTED_ABOVE)} cash")
    if expected and highest * LEAST <= expected <= highest * MOST:
        yield _Line("expected", expected, f"{_short(expected)} a month")


def _cut(totals: dict[date, Decimal]) -> frozenset[date]:
    """Return the days so far above all others that these would be stubs beside them; at most one in eight."""
    ranked = sorted(totals, key=lambda day: -totals[day])
    if len(ranked) >= CUT_FROM:
        for number in range(1, max(len(ranked) // 8, 1) + 1):
            if totals[ranked[number - 1]] > CUT_OVER * totals[ranked[number]] > 0:
                return frozenset(ranked[:number])
    return frozenset()


def _step(greatest: Decimal, steps: int) -> Decimal:
    """Return how far it is from line to line, in at most so many steps: a round number."""
    least = greatest / steps
    if not least:
        return Decimal(1)
    power = Decimal(10) ** least.adjusted()
    return next(step for factor in _ROUND if (step := factor * power) >= least)


def _total(bars: Sequence[Bar]) -> Decimal:
    return sum((bar.amount for bar in bars), Decimal(0))


# --- what is drawn ---


def _along(drawn: _Drawn, day: date) -> str:
    """Return the middle of a day, in percent of the width."""
    return f"{((day - drawn.start).days + 0.5) / drawn.length:.2%}"


def _dates(drawn: _Drawn) -> Iterator[str]:
    for number in range(0, drawn.length, ceil(drawn.length / DAYS)):
        day = drawn.start + timedelta(number)
        words = f"{day:{'%d %b' if drawn.length < 365 else '%b %Y'}}"
        yield f"<span class='date' style='left:{_along(drawn, day)}'>{words}</span>"


def _side(drawn: _Drawn, side: _Side) -> Iterator[str]:
    for number in range(int(side.top / side.step) + 1):
        amount, kind = number * side.step, "" if number else " class='zero'"
        yield f"<hr{kind} style='bottom:{side.up(amount):.2%}'>"
        yield f"<span class='amount' style='bottom:{side.up(amount):.2%}'>{_short(amount)}</span>"
    for day, bars in side.days.items():
        yield from _stack(drawn, side, day, bars)
    for line in side.lines:
        up = side.up(line.amount)
        where = "above" if all(side.up(other.amount) <= up for other in side.lines) else "below"
        yield f"<b class='line {line.kind} {where}' style='bottom:{up:.2%}'><span>{line.words}</span></b>"


def _stack(drawn: _Drawn, side: _Side, day: date, bars: Sequence[Bar]) -> Iterator[str]:
    """Yield the pieces of a day from zero on: cash first, since a line speaks of it, then what made a rule fire."""
    pieces: defaultdict[str, list[Decimal]] = defaultdict(list)
    for bar in sorted(bars, key=lambda bar: (not bar.is_cash, not bar.fired, bar.at)):
        other = " other" if side.hatches and not bar.is_cash else ""
        quiet = " quiet" if drawn.marks and not bar.fired else ""
        pieces[f"{side.kind}{other}{quiet}"].append(bar.amount)
    below = Decimal(0)
    width = f"left:{_along(drawn, day)};width:{70 / drawn.length:.2f}%"
    for kind, amounts in pieces.items():
        for amount in amounts if len(bars) <= APART else [sum(amounts, Decimal(0))]:
            if below >= side.top:
                break
            ends = side.up(below), side.up(below + amount)
            height = abs(ends[0] - ends[1])
            apart = " next" if below and height > APART_FROM else ""
            yield f"<i class='{kind}{apart}' style='{width};bottom:{min(ends):.2%};height:{height:.2%}'></i>"
            below += amount
    if day in side.cut:
        at = "right" if (day - drawn.start).days * 2 > drawn.length else "left"
        end = f"bottom:{side.up(side.top):.2%}"
        yield f"<u class='cut {side.kind}' style='{width};{end}'></u>"
        edge = _along(drawn, day) if at == "left" else f"{1 - ((day - drawn.start).days + 0.5) / drawn.length:.2%}"
        yield f"<span class='high {side.kind}' style='{at}:{edge};{end}'>{_short(_total(bars))}</span>"


def _days(drawn: _Drawn) -> Iterator[str]:
    """Yield an option for each day that has money, as wide as half the way to the next on both sides."""
    by_day: defaultdict[date, list[Bar]] = defaultdict(list)
    for bar in drawn.bars:
        by_day[bar.at.date()].append(bar)
    days = [((day - drawn.start).days + 0.5) / drawn.length for day in by_day]
    ends = [0.0, *((one + other) / 2 for one, other in zip(days, days[1:], strict=False)), 1.0]
    left = Decimal(0)
    for number, (day, bars) in enumerate(by_day.items()):
        left += _total([bar for bar in bars if not bar.out]) - _total([bar for bar in bars if bar.out])
        said = f"{day:%a %d %b %Y}: {_sums(bars, drawn.currency)}"
        listed = sorted(bars, key=lambda bar: -bar.amount)
        rows = "".join(_told(bar, drawn.currency) for bar in listed[:TOLD])
        more = f"<li>and {len(bars) - TOLD:,} more</li>" if len(bars) > TOLD else ""
        side = "from" if days[number] < 0.5 else "to"
        yield (
            f"<label class='{side}' style='left:{ends[number]:.2%};width:{ends[number + 1] - ends[number]:.2%}'>"
            f"<input type='radio' name='day' aria-label='{said}'><span class='tip' aria-hidden='true'>"
            f"<b>{said}</b>, leaves {_signed(left, drawn.currency)}<ul>{rows}{more}</ul></span></label>"
        )


def _told(bar: Bar, currency: str) -> str:
    way = "out" if bar.out else "in"
    texts = (f"{bar.at:%H:%M} {way} {money.text(bar.amount, currency)}", *filter(None, bar.words))
    return f"<li dir='auto'>{'● ' * bar.fired}{escape(legible(', '.join(texts)))}</li>"


def _sums(bars: Sequence[Bar], currency: str) -> str:
    told = []
    for out in (False, True):
        if found := [bar for bar in bars if bar.out is out]:
            number = f" ({len(found):,})" if len(found) > 1 else ""
            told.append(f"{'out' if out else 'in'} {money.text(_total(found), currency)}{number}")
    return ", ".join(told)


def _balance(drawn: _Drawn, lined: str) -> str:
    """Return what the transactions leave from one to the next, beginning with nothing."""
    ordered = drawn.bars
    left = list(accumulate((-bar.amount if bar.out else bar.amount for bar in ordered), initial=Decimal(0)))
    low, high = min(left), max(left)
    span = high - low or Decimal(1)
    begin = datetime.combine(drawn.start, datetime.min.time(), ordered[0].at.tzinfo)

    def down(amount: Decimal) -> str:
        return f"{(high - amount) / span:.2%}"

    after = {}  # by how far along: what is seen in a thousandth of the width is where it ends
    for bar, amount in zip(ordered, left[1:], strict=True):
        after[f"{min(max((bar.at - begin) / timedelta(drawn.length), 0), 1):.1%}"] = amount
    before, points = Decimal(0), [f"0 {down(Decimal(0))}"]
    for across, amount in after.items():
        points += [f"{across} {down(before)}", f"{across} {down(amount)}"]
        before = amount
    points += [f"100% {down(before)}", f"100% {down(Decimal(0))}"]
    ends = [low, high] if low and high else [low, high, Decimal(0)]
    labels = "".join(
        f"<span class='amount' style='top:{down(end)}'>{_short(end)}</span>" for end in dict.fromkeys(ends)
    )
    return (
        f"<p class='legend' aria-hidden='true'><b>What these transactions leave</b> (in less out, from nothing; "
        f"not the account's balance): {_signed(left[-1], drawn.currency)} at the end</p>"
        f"<div class='balance{lined}' aria-hidden='true'><hr style='top:{down(Decimal(0))}'>"
        f"<i style='clip-path:polygon({','.join(points)})'></i>{labels}</div>"
    )


# --- what is said of it ---


def _legend(drawn: _Drawn) -> str:
    keys = "".join(
        f"<i class='{side.kind}'></i>{side.kind.capitalize()}, up to {_short(side.top)}" for side in drawn.sides
    )
    hatched = [
        side for side in drawn.sides if side.hatches and any(not bar.is_cash for bar in chain(*side.days.values()))
    ]
    if hatched:
        keys += f"<i class='other'></i>{' and '.join(side.kind for side in hatched).capitalize()}, not cash"
    if drawn.marks:
        keys += "<i class='quiet'></i>Not named as what fired"
    note = "<b>Two scales: a bar in and a bar out do not compare.</b>" if _differ(drawn.sides) else ""
    return f"<p class='legend' aria-hidden='true'>{keys}{note}</p>"


def _notes(drawn: _Drawn) -> str:
    """Return what its lines are, and what is cut, in sentences."""
    told = []
    for side in drawn.sides:
        if drawn.currency == "USD" and (cash := [bar for bars in side.days.values() for bar in bars if bar.is_cash]):
            told.append(_cash(side, cash_days.counted((bar.at.date(), bar.amount) for bar in cash)))
        if side.cut:
            number = len(side.cut)
            days = "A day" if number == 1 else f"{number} days"
            told.append(f"{days} of money {side.kind} {'is' if number == 1 else 'are'} cut off at the top.")
    lines = {line.kind for side in drawn.sides for line in side.lines}
    if "threshold" in lines:
        told.append("Dashed: above USD 10,000 in cash on a business day a bank reports it (31 CFR 1010.311, 1010.313).")
    if drawn.expected and "expected" in lines:
        told.append(f"Dotted: what was expected in a whole month, {money.text(drawn.expected, drawn.currency)}.")
    elif drawn.expected:
        told.append(f"Without a line: what was expected in a month, {money.text(drawn.expected, drawn.currency)}.")
    return f"<p class='legend'>{' '.join(told)}</p>" if told else ""


def _cash(side: _Side, found: cash_days.CashDays) -> str:
    above = "none" if not found.above else f"{found.above:,}"
    days = "1 business day" if found.days == 1 else f"{found.days:,} business days"
    weekend = " (a weekend counts to its Monday)" if found.moved else ""
    most = money.text(found.most, "USD")
    return f"Cash {side.kind} on {days}{weekend}, {above} above USD 10,000; the most is {most}."


def _label(drawn: _Drawn) -> str:
    """Return what it is called for whoever does not see it."""
    told = " and ".join(
        f"money {'out below' if side.out else 'in above'}, up to {_short(side.top)}" for side in drawn.sides
    )
    return f"Transactions over time: {told}{', each on a scale of its own' if _differ(drawn.sides) else ''}"


def _differ(sides: Sequence[_Side]) -> bool:
    """Return whether there are two scales."""
    return len({side.top for side in sides}) > 1


def _short(amount: Decimal) -> str:
    """Return an amount for an axis: `9,400`, `1.5M`."""
    sign, size = "−" * (amount < 0), abs(amount)
    for letter, unit in (("T", 12), ("B", 9), ("M", 6)):
        if size >= Decimal(10) ** unit:
            return f"{sign}{size.scaleb(-unit).quantize(Decimal('0.01')).normalize():f}{letter}"
    return f"{sign}{size.quantize(Decimal(1)) if size >= 1000 else size.normalize():,f}"


def _signed(amount: Decimal, currency: str) -> str:
    return f"{'−' * (amount < 0)}{money.text(abs(amount), currency)}"
