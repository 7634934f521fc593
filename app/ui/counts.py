"""Triage's counts, which are filters: one part of the page, as each of its own would be drawn anew at each click."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from app.triage_query import COUNT_LIMIT, Filters, Order
from app.ui import base, session
from app.ui.session import Kept

draw = base.component("counts")


class Tile(NamedTuple):
    """A count that is a filter: `values` are the filters of the page which list what `filters` count."""

    label: str
    values: Mapping[Kept[Any], str | bool]
    filters: Filters = Filters()
    order: Order = Order.DUE


def shown(count: int) -> str:
    """Return a number of cases as it is shown, which is not counted beyond a limit."""
    return f"{COUNT_LIMIT:,}+" if count > COUNT_LIMIT else f"{count:,}"


def show(
    groups: Mapping[str, Sequence[Tile]],
    counts: Mapping[str, int],
    listed: Filters | None,
    on_choose: Callable[[Mapping[Kept[Any], str | bool]], None],
) -> None:
    """Draw tiles by the labels of their groups; the one that counts what is `listed` stands out, if any does.

    `on_choose` is called back with the values of the one that was clicked.
    """
    values = {tile.label: tile.values for tiles in groups.values() for tile in tiles}

    def chosen() -> None:
        if (label := session.value_of("tiles").get("chosen")) in values:
            on_choose(values[label])

    told = [
        {
            "label": label,
            "counts": [
                {"name": tile.label, "count": shown(counts[tile.label]), "listed": tile.filters == listed}
                for tile in tiles
            ],
        }
        for label, tiles in groups.items()
    ]
    draw(data={"groups": told}, key="tiles", on_chosen_change=chosen)
