"""Money that comes to a customer and goes on: what came in, and what went out after it, in order. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.evidence import Transaction


@dataclass(frozen=True, slots=True)
class Hop:
    """Transactions in a row that came in, and those in a row that went out before the next came in.

    Both are places in the transactions of the case. At an end of them one may be empty.
    """

    came: tuple[int, ...]
    went: tuple[int, ...]


def hops(rows: Sequence[Transaction]) -> list[Hop]:
    """Return the hops of transactions in the order of their times. One that went neither way is passed over."""
    found: list[tuple[list[int], list[int]]] = []
    for place in sorted(range(len(rows)), key=lambda place: rows[place].time):
        way = rows[place].direction
        if way == "in" and (not found or found[-1][1]):
            found.append(([], []))
        if way == "out" and not found:
            found.append(([], []))
        if way in ("in", "out"):
            found[-1][way == "out"].append(place)
    return [Hop(tuple(came), tuple(went)) for came, went in found]
