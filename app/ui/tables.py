"""Tables of cases, and facts side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import escape

import streamlit as st

from app import chain, money, policy
from app.models import Case, Risk, User
from app.rows import Cases
from app.ui import base, session, words

draw = base.component("table")


COLUMNS: Mapping[str, tuple[str, str]] = {
    "case": ("Case", ""),
    "customer": ("Customer", "name"),
    "typology": ("Typology", "name"),
    "risk": ("Risk", ""),
    "amount": ("Amount", "right"),
    "age": ("Age", "right spare"),
    "due": ("Due", ""),
    "sar_due": ("SAR due", ""),
    "owner": ("Owner", "wrap"),
    "status": ("Status", ""),
    "state": ("Status", "wrap"),
    "disposition": ("Disposition", ""),
    "closed": ("Closed", ""),
    "qa": ("QA", ""),
    "reviewer": ("Reviewer", ""),
    "reviewed": ("Reviewed", ""),
    "remarks": ("Remarks", "text"),
}
"""Label and alignment of each column that `case_table` knows."""


@dataclass(frozen=True)
class Sorting:
    """That the heads of these columns sort: each is `ascending` or `descending` now, or `none`, as it is read.

    `on_sort` is called back with the column whose head was clicked.
    """

    columns: Mapping[str, str]
    on_sort: Callable[[str], None]


@dataclass(frozen=True)
class Ticks:
    """That rows of a table can be ticked; the fragment named `fragment` runs again with each tick.

    `refusals` say of each case why it cannot be, or None. All ticks go with their token: another one clears them.
    """

    token: str
    refusals: Mapping[str, str | None]
    fragment: str


def case_table(
    caption: str,
    cases: Iterable[Case],
    columns: Sequence[str],
    names: Mapping[str, User],
    key: str,
    on_choose: Callable[[str], None] | None = None,
    selected: str = "",
    ticks: Ticks | None = None,
    sorting: Sorting | None = None,
    search: str = "",
) -> None:
    """Draw a table of cases. A click anywhere in a row, or Enter on its link, opens the case, or calls `on_choose`.

    One that can be sorted is drawn as cards where there is no room for its columns.

    `search` is the `q` of the address that the cases were found by: a row waits for the end of one just typed.
    """

    def chosen() -> None:
        if on_choose and (case_id := session.value_of(key).get("chosen")):
            on_choose(case_id)

    def sorted_anew() -> None:
        if sorting and (column := session.value_of(key).get("sorted")) in sorting.columns:
            sorting.on_sort(column)

    now = datetime.now(UTC)
    data = {
        "caption": caption,
        "path": "case",
        "chooses": on_choose is not None,
        "search": search,
        "ticks": ticks and ticks.token,
        "cards": sorting is not None,
        "columns": [
            {
                "name": column,
                "label": COLUMNS[column][0],
                "align": COLUMNS[column][1],
                "sort": sorting and sorting.columns.get(column),
            }
            for column in columns
        ],
        "rows": [
            {
                "case_id": case.case_id,
                "selected": case.case_id == selected,
                "refusal": ticks and ticks.refusals[case.case_id],
                "cells": [_cell(column, case, names, now) for column in columns],
            }
            for case in cases
        ],
    }
    on_ticks = {"on_ticked_change": partial(st.rerun, ticks.fragment)} if ticks else {}
    draw(data=data, key=key, on_chosen_change=chosen, on_sorted_change=sorted_anew, **on_ticks)


def show_broken(cases: Cases) -> None:
    """Say what is wrong with the cases that a table leaves out."""
    for error in cases.broken:
        st.error(words.plain(error), icon=":material/gpp_bad:")


def ticked(key: str, token: str, cases: Iterable[Case]) -> list[Case]:
    """Return those of a table's cases that are ticked under this token."""
    match (session.value_of(key) or {}).get("ticked"):
        case {"token": under, "cases": [*ids]} if under == token:
            return [case for case in cases if case.case_id in ids]
    return []


def _cell(column: str, case: Case, names: Mapping[str, User], now: datetime) -> dict[str, str]:
    return {part: words.shown(value) for part, value in _told(column, case, names, now).items()}


def _told(column: str, case: Case, names: Mapping[str, User], now: datetime) -> dict[str, str]:
    match column:
        case "case":
            return {"text": case.case_id}
        case "customer":
            return {"text": case.customer_name, "hint": f"{case.customer_name}, {case.customer_id}"}
        case "typology":
            return {"text": case.typology}
        case "risk":
            return {"text": words.risk_text(case), "tone": "alarm" if case.risk is Risk.HIGH else ""}
        case "amount":
            return {"text": money.text(case.amount, case.currency)}
        case "age":
            return {"text": words.age(case, now), "hint": f"Opened {words.clocks(case.opened_at)}"}
        case "due" | "sar_due":
            text, tone = words.due_text(case, now)
            day = policy.sar_is_due_by(case)
            sar = f", SAR due {words.day(day)}" if day else ""
            return {"text": text, "tone": tone, "hint": f"Due {words.clocks(case.due_at)}{sar}"}
        case "owner":
            owner = names.get(case.owner or "")
            gone = " (inactive)" if owner and not owner.active else ""
            return {"text": words.name_of(case.owner, names) + gone, "tone": "" if case.owner else "quiet"}
        case "status":
            return {"text": case.status.value}
        case "state":
            return {"text": words.state(case)}
        case "disposition":
            return {"text": words.decided(case) or "—", "tone": "" if case.disposition else "quiet"}
        case "closed":
            return {"text": words.clock(case.closed_at)[:10], "hint": words.clocks(case.closed_at)}
        case "qa":
            tone = {"Pass": "good", "Fail": "alarm"}.get(case.qa_result.value, "quiet")
            return {"text": case.qa_result.value or "—", "tone": tone}
        case "reviewer":
            return {"text": words.name_of(case.qa_reviewer, names)}
        case "reviewed":
            return {"text": words.clock(case.qa_at)[:10], "hint": words.clocks(case.qa_at)}
        case "remarks":
            return {"text": case.qa_notes[:300] + "…" * (len(case.qa_notes) > 300) or "—", "hint": case.qa_notes}
        case _:
            raise KeyError(column)


Fact = tuple[str, str | datetime | None]
"""A name and its value, which may be a time."""


def facts(rows: Iterable[Fact]) -> None:
    """Show names and values side by side; the values may be anything that people typed. What is empty is left out."""
    cells = "".join(
        f"<div><dt>{escape(words.shown(name))}</dt><dd dir='auto'>{_fact(value)}</dd></div>"
        for name, value in rows
        if value
    )
    st.html(f"<dl class='facts'>{cells}</dl>")


def _fact(value: str | datetime | None) -> str:
    if not isinstance(value, datetime):
        return escape(words.shown(value))
    exact = chain.format_ts(value)
    return f'<time datetime="{exact}" title="{words.clock_utc(value)}">{escape(words.clock(value))}</time>'
