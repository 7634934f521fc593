"""Money in and out over time, as plain HTML: nothing to load and no script, so that it is there with the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from math import ceil

LINES, DAYS = 5, 6
"""About so many steps from line to line, and at most so many dates below."""

STYLE = """
.chart { position: relative; height: 150px; margin: .75rem .5rem 1.75rem 4.5rem; font-size: .75rem;
  font-variant-numeric: tabular-nums; }
.chart * { position: absolute; }
.chart hr { left: 0; right: 0; margin: 0; border: 0;
  border-top: 1px solid color-mix(in srgb, currentcolor 15%, #0000); }
.chart hr.zero { border-color: color-mix(in srgb, currentcolor 60%, #0000); }
.chart .amount { right: 100%; padding-right: .5rem; transform: translateY(50%); white-space: nowrap; }
.chart .date { top: 100%; padding-top: .25rem; transform: translateX(-50%); white-space: nowrap; }
.chart .in, .chart .out { width: 6px; min-height: 1px; margin-left: -3px;
  outline: 1px solid light-dark(#FFFFFF, #11171D); }
.chart .in, .legend .in { background: #2E8B9E; }
.chart .out, .legend .out { background: #C9822B; }
.legend { margin: 0; font-size: .85rem; }
.legend i { display: inline-block; width: .7rem; height: .7rem; margin: 0 .35rem 0 .75rem; }
.legend i:first-child { margin-left: 0; }
"""


@dataclass(frozen=True)
class Bar:
    """A transaction: its time on the reader's clock, whether it went out, its amount, what is told of it."""

    at: datetime
    out: bool
    amount: Decimal
    words: str

    @property
    def signed(self) -> Decimal:
        """Below zero where it went out."""
        return -self.amount if self.out else self.amount


def in_and_out(bars: Sequence[Bar]) -> str:
    """The bars in their days as HTML, in up and out down; empty where there are none."""
    if not bars:
        return ""
    start, end = (at.replace(hour=0, minute=0, second=0, microsecond=0) for at in _ends(bars))
    days = (end - start).days + 1
    step = _step(bars)
    top, bottom = (ceil(max(sign * bar.signed for bar in bars) / step) for sign in (1, -1))
    top, bottom = max(top, 0), max(bottom, 0)
    height = (top + bottom) * step or step

    def up(amount: Decimal) -> str:
        return f"bottom:{(amount + bottom * step) / height:.2%}"

    def along(at: datetime) -> str:
        return f"left:{(at - start) / timedelta(days):.2%}"

    parts = []
    for number in range(-bottom, top + 1):
        kind = " class='zero'" if number == 0 else ""
        parts.append(f"<hr{kind} style='{up(number * step)}'>")
        parts.append(f"<span class='amount' style='{up(number * step)}'>{number * step:,f}</span>")
    for number in range(0, days, ceil(days / DAYS)):
        day = start + timedelta(number)
        parts.append(f"<span class='date' style='{along(day)}'>{day:{'%d %b' if days < 365 else '%b %Y'}}</span>")
    for bar in sorted(bars, key=lambda bar: -bar.amount):  # the smaller in front
        kind, foot = ("out", bar.signed) if bar.out else ("in", Decimal())
        size = f"height:{bar.amount / height:.2%}"
        parts.append(f"<i class='{kind}' style='{along(bar.at)};{up(foot)};{size}' title='{escape(bar.words)}'></i>")
    label = "Transactions over time: money in above the line, money out below it"
    legend = "<p class='legend' aria-hidden='true'><i class='in'></i>In<i class='out'></i>Out</p>"
    return f"{legend}<div class='chart' role='img' aria-label='{label}'>{''.join(parts)}</div>"


def _ends(bars: Sequence[Bar]) -> tuple[datetime, datetime]:
    times = [bar.at for bar in bars]
    return min(times), max(times)


def _step(bars: Sequence[Bar]) -> Decimal:
    """From line to line: 1, 2 or 5 times a power of ten."""
    amounts = [Decimal(), *(bar.signed for bar in bars)]
    least = (max(amounts) - min(amounts)) / LINES
    if not least:
        return Decimal(1)
    power = Decimal(10) ** least.adjusted()
    return next(step for factor in (1, 2, 5, 10) if (step := factor * power) >= least)
