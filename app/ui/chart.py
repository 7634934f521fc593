"""Money in and out over time, as plain HTML: nothing to load and no script, so that it is there with the page.

Its style stands in `web/desk.css`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from math import ceil

LINES, DAYS = 5, 6
"""At most so many steps from zero to the top, in and out together, and so many dates below."""

GAP = Decimal("0.08")
"""Of the height, between in and out: two scales have no line in common."""


@dataclass(frozen=True)
class Bar:
    """A transaction: its time on the reader's clock, whether it went out, its amount, what is told of it."""

    at: datetime
    out: bool
    amount: Decimal
    words: str


@dataclass(frozen=True)
class _Side:
    """In or out: its bars, from zero up to `top`, in the part of the chart that begins at `foot` and is `share` high.

    Amounts are in the currency of the case, `foot` and `share` in heights of the chart. Out hangs from its upper end.
    """

    bars: Sequence[Bar]
    step: Decimal
    foot: Decimal
    share: Decimal

    @property
    def out(self) -> bool:
        return self.bars[0].out

    @property
    def top(self) -> Decimal:
        return max(ceil(max(bar.amount for bar in self.bars) / self.step), 1) * self.step

    def up(self, amount: Decimal) -> Decimal:
        """Return how high in the chart an amount lies."""
        part = amount / self.top
        return self.foot + self.share * (1 - part if self.out else part)


def in_and_out(bars: Sequence[Bar]) -> str:
    """Return the bars in their days as HTML, in up and out down, each on a scale of its own; empty where none are."""
    if not bars:
        return ""
    sides = _sides(bars)
    start, end = (at.replace(hour=0, minute=0, second=0, microsecond=0) for at in _ends(bars))
    days = (end - start).days + 1

    def along(at: datetime) -> str:
        return f"left:{(at - start) / timedelta(days):.2%}"

    parts = []
    for number in range(0, days, ceil(days / DAYS)):
        day = start + timedelta(number)
        parts.append(f"<span class='date' style='{along(day)}'>{day:{'%d %b' if days < 365 else '%b %Y'}}</span>")
    for side in sides:
        for number in range(int(side.top / side.step) + 1):
            amount, kind = number * side.step, "" if number else " class='zero'"
            parts.append(f"<hr{kind} style='bottom:{side.up(amount):.2%}'>")
            parts.append(f"<span class='amount' style='bottom:{side.up(amount):.2%}'>{amount:,f}</span>")
        for bar in sorted(side.bars, key=lambda bar: -bar.amount):  # the smaller in front
            foot = min(side.up(bar.amount), side.up(Decimal()))
            size = f"{along(bar.at)};bottom:{foot:.2%};height:{bar.amount / side.top * side.share:.2%}"
            kind = "out" if bar.out else "in"
            parts.append(f"<i class='{kind}' style='{size}' title='{escape(bar.words)}'></i>")
    return f"{_legend(sides)}<div class='chart' role='img' aria-label='{_label(sides)}'>{''.join(parts)}</div>"


def _sides(bars: Sequence[Bar]) -> list[_Side]:
    """Return in above out, or the one that there is in the whole of the chart."""
    found = [side for out in (False, True) if (side := [bar for bar in bars if bar.out is out])]
    share = (1 - GAP * (len(found) - 1)) / len(found)
    return [
        _Side(side, _step(max(bar.amount for bar in side), LINES // len(found)), (share + GAP) * below, share)
        for below, side in zip(range(len(found))[::-1], found, strict=True)
    ]


def _legend(sides: Sequence[_Side]) -> str:
    keys = "".join(
        f"<i class='{'out' if side.out else 'in'}'></i>{'Out' if side.out else 'In'}, up to {side.top:,f}"
        for side in sides
    )
    note = "<b>Two scales: a bar in and a bar out do not compare.</b>" if _differ(sides) else ""
    return f"<p class='legend' aria-hidden='true'>{keys}{note}</p>"


def _label(sides: Sequence[_Side]) -> str:
    """Return what it is called for whoever does not see it."""
    told = " and ".join(f"money {'out below' if side.out else 'in above'}, up to {side.top:,f}" for side in sides)
    return f"Transactions over time: {told}{', each on a scale of its own' if _differ(sides) else ''}"


def _differ(sides: Sequence[_Side]) -> bool:
    """Return whether there are two scales."""
    return len({side.top for side in sides}) > 1


def _ends(bars: Sequence[Bar]) -> tuple[datetime, datetime]:
    times = [bar.at for bar in bars]
    return min(times), max(times)


def _step(greatest: Decimal, steps: int) -> Decimal:
    """Return how far it is from line to line, in at most so many steps: 1, 2 or 5 times a power of ten."""
    least = greatest / steps
    if not least:
        return Decimal(1)
    power = Decimal(10) ** least.adjusted()
    return next(step for factor in (1, 2, 5, 10) if (step := factor * power) >= least)
