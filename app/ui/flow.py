"""Who paid whom: the customer in the middle, as plain HTML. Its style stands in `web/desk.css`.

A band is a piece that is cut out of the whole width, so that it stretches with the page and its labels do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

DRAWN = 5
"""Counterparties of a side that are drawn one by one, those of most money; the others are one band."""

HOPS = 8
"""Hops that are drawn, those of most money."""

THICK, ROOM, LINE = 130.0, 38.0, 16.0
"""Pixels: all the money of the larger side, the least height that the label of a band has, a line more of it."""

LEAST = 1.5
"""Pixels that a band has at least."""

STEPS = 12
"""Of a band's curve."""


@dataclass(frozen=True)
class Party:
    """A counterparty on one side: what it is called, its amount, the lines below its name, and its whole story.

    `fired` is the part of the amount that made a rule fire.
    """

    name: str
    amount: Decimal
    below: Sequence[str]
    whole: str
    fired: Decimal = Decimal(0)


@dataclass(frozen=True)
class HopDrawn:
    """What came in and what went on: whom from and to, how much, what is said below each, when, how long it stayed.

    Of whom stands the name of most money, and how many others there are.
    """

    source: tuple[str, int]
    paid_in: Decimal
    came: str
    day: str
    stay: str
    target: tuple[str, int]
    paid_out: Decimal
    went: str
    whole: str
    fired: bool = False


@dataclass(frozen=True)
class _Band:
    """A band: its party, where its label begins and how high that is, where it is thick at the customer. In pixels."""

    party: Party
    label: float
    room: float
    foot: float
    thick: float
    fired: float


def who_paid_whom(
    sources: Sequence[Party], targets: Sequence[Party], others: tuple[Party | None, Party | None], customer: str
) -> str:
    """Return the picture: from the left what came in, to the right what went out, on one scale.

    `others` stand for the counterparties of each side that are not drawn. Empty where no money moved.
    """
    sides = [[*side, *([rest] if rest else [])] for side, rest in zip((sources, targets), others, strict=True)]
    totals = [sum((party.amount for party in side), Decimal(0)) for side in sides]
    if not any(totals):
        return ""
    scale = THICK / float(max(totals))
    heights = [sum(_room(party, scale) for party in side) for side in sides]
    high = max(*heights, THICK)
    parts = []
    for out, side in enumerate(sides):
        bands = list(_bands(side, scale, (high - heights[out]) / 2, (high - float(totals[out]) * scale) / 2))
        kind = "out" if out else "in"
        labels = "".join(_label(band) for band in bands)
        nobody = "" if bands else f"<li class='none'>Nothing {'went out' if out else 'came in'}</li>"
        pieces = "".join(piece for band in bands for piece in _pieces(band, high, kind))
        parts += [f"<ul class='{kind}'>{labels}{nobody}</ul>", f"<div class='bands {kind}'>{pieces}</div>"]
    names = parts[0], parts[1], f"<div class='hub'><b dir='auto'>{escape(customer)}</b></div>", parts[3], parts[2]
    return f"<div class='flow' style='height:{high:.0f}px'>{''.join(names)}</div>"


def _room(party: Party, scale: float) -> float:
    return max(float(party.amount) * scale, ROOM + LINE * (len(party.below) - 1))


def _bands(side: Sequence[Party], scale: float, top: float, foot: float) -> Iterator[_Band]:
    for party in side:
        thick = float(party.amount) * scale
        room = _room(party, scale)
        yield _Band(party, top, room, foot, thick, float(party.fired) * scale)
        top, foot = top + room, foot + thick


def _label(band: _Band) -> str:
    party = band.party
    below = "".join(f"<span>{escape(line)}</span>" for line in party.below)
    return (
        f"<li style='top:{band.label:.1f}px;height:{band.room:.1f}px' title='{escape(party.whole)}'>"
        f"<b dir='auto'>{escape(party.name)}</b>{below}</li>"
    )


def _pieces(band: _Band, high: float, kind: str) -> Iterator[str]:
    """Yield what made a rule fire, solid, and the rest of it, quiet."""
    outer = band.label + (band.room - band.thick) / 2
    for offset, thick, quiet in ((0.0, band.fired, ""), (band.fired, band.thick - band.fired, " quiet")):
        if thick > 0 or (not band.thick and quiet):
            ends = outer + offset, band.foot + offset
            corners = _curve(ends if kind == "in" else ends[::-1], max(thick, LEAST), high)
            yield f"<i class='{kind}{quiet}' style='clip-path:polygon({corners})'></i>"


def _curve(ends: tuple[float, float], thick: float, high: float) -> str:
    """Return the corners of a band from the height of its left end to that of its right end."""
    upper = []
    for step in range(STEPS + 1):
        along = step / STEPS
        upper.append((along, ends[0] + (ends[1] - ends[0]) * along * along * (3 - 2 * along)))
    corners = [*upper, *((along, down + thick) for along, down in reversed(upper))]
    return ",".join(f"{along:.1%} {down / high:.2%}" for along, down in corners)


def in_order(found: Sequence[HopDrawn]) -> str:
    """Return the hops as lines: what came in, how long it stayed, what went on; bars on one scale."""
    most = max((amount for hop in found for amount in (hop.paid_in, hop.paid_out)), default=Decimal(0))
    if not most:
        return ""
    return f"<ol class='hops'>{''.join(_hop(hop, most) for hop in found)}</ol>"


def _hop(hop: HopDrawn, most: Decimal) -> str:
    sides = []
    for kind, (name, others), amount, below in (
        ("in", hop.source, hop.paid_in, hop.came),
        ("out", hop.target, hop.paid_out, hop.went),
    ):
        more = f" <em>+{others:,}</em>" if others else ""
        named = f"<b><span dir='auto'>{escape(name)}</span>{more}</b>"
        label = f"<span class='who'>{named}<span>{escape(below)}</span></span>"
        drawn = f"<i class='{kind}' style='width:{amount / most:.1%}'></i>" if amount else ""
        bar = f"<span class='{kind}'>{drawn}</span>"
        sides.append((label, bar) if kind == "in" else (bar, label))
    mark = "<span role='img' aria-label='made the rule fire'>●</span> " if hop.fired else ""
    (who, came), (went, whom) = sides
    stay = f"<span class='stay'>{mark}{escape(hop.day)}<b>{escape(hop.stay)}</b></span>"
    return f"<li title='{escape(hop.whole)}'>{who}{came}{stay}{went}{whom}</li>"
