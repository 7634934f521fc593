"""A case and those that it is connected with, as a small picture: the case, what it shares, who shares it.

Here stands what is drawn and where; `web/network.js` draws it, and `web/network.css` says how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HUBS, CASES = 8, 12
"""At most so many shared things and connected cases: with more, nobody follows a line."""
ROW = 46
"""Pixels from one to the next."""


class Line(StrEnum):
    """What joins a case and something that it shares, as it is drawn."""

    FIRM = "firm"
    """It is a customer or an account."""
    OWN = "own"
    """It is the name of that case's customer."""
    NAME = "name"
    """It is the name of somebody on the other side."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Something that cases share: its name, what it is, and what joins this case with it."""

    name: str
    what: str
    line: Line


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A connected case: its id, what else is told of it, and what joins it with what it shares, by the hubs' keys."""

    case_id: str
    told: str
    lines: Mapping[str, Line]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the picture is drawn from, and how much it leaves out."""

    data: Mapping[str, Any]
    cases_left: int
    hubs_left: int


def picture(case_id: str, hubs: Mapping[str, Hub], neighbours: Sequence[Neighbour]) -> Picture:
    """Return the picture of the case in the middle of `neighbours`, the strongest first; `hubs` are by their keys.

    A case is drawn only with something that it shares, and the other way round. Those that share the same thing stand
    together.
    """
    keys: list[str] = []
    drawn: list[Neighbour] = []
    for one in neighbours:
        if len(drawn) < CASES:
            new = [key for key in one.lines if key not in keys]
            keys += new[: HUBS - len(keys)]
            if any(key in keys for key in one.lines):
                drawn.append(one)
    drawn.sort(key=lambda one: min(keys.index(key) for key in one.lines if key in keys))
    height = ROW * max(len(keys), len(drawn))
    places = {key: place for place, key in enumerate(keys, start=1)}
    nodes = [{"part": "here", "top": height / 2, "text": case_id, "note": "This case"}]
    lines = []
    for key, top in zip(keys, _tops(len(keys), height), strict=True):
        nodes.append({"part": "hub", "top": top, "text": hubs[key].name, "note": hubs[key].what})
        lines.append({"from": 0, "to": places[key], "kind": hubs[key].line.value})
    for one, top in zip(drawn, _tops(len(drawn), height), strict=True):
        lines += [
            {"from": places[key], "to": len(nodes), "kind": line.value}
            for key, line in one.lines.items()
            if key in places
        ]
        nodes.append({"part": "case", "top": top, "text": one.case_id, "note": one.told})
    every = {key for one in neighbours for key in one.lines}
    return Picture(
        {"label": _label(case_id, hubs, keys, drawn), "height": height, "nodes": nodes, "lines": lines},
        cases_left=len(neighbours) - len(drawn),
        hubs_left=len(every) - len(keys),
    )


def _tops(count: int, height: int) -> list[float]:
    """Return where the middles of so many lie, in pixels from the top."""
    return [height * (place + 0.5) / count for place in range(count)]


def _label(case_id: str, hubs: Mapping[str, Hub], keys: Sequence[str], drawn: Sequence[Neighbour]) -> str:
    """Return what the picture is called for whoever does not see it."""
    told = []
    for key in keys:
        sharing = ", ".join(one.case_id for one in drawn if key in one.lines)
        told.append(f"{hubs[key].name} ({hubs[key].what}) with {sharing}")
    return f"Connections of {case_id}: {'; '.join(told)}"
