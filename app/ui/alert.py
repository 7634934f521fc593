"""What a case rests on: why its alerts fired, its money as pictures, its transactions and counterparties as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from html import escape

import streamlit as st

from app import evidence, expected, fincen, money
from app.evidence import Kept, Told, Transaction
from app.models import Case
from app.ui import chart, tables, who, words

Cell = dict[str, object]
"""What stands in a cell of a table: its text and, where that is not enough, a hint, a time, what it is sorted by."""

AT_ONCE = 3
"""Alerts that are told at once, the newest; those before them on demand."""


def show(kept: Kept, case: Case, known: Mapping[str, int]) -> None:
    """Draw the evidence of a case. `known` says of counterparties, by name, how many other cases know them."""
    st.subheader("Alert" if len(kept.alerts) < 2 else f"{len(kept.alerts):,} alerts", anchor=False)
    _alerts(kept, case)
    if not kept.transactions:
        st.caption("The alert lists no transactions.")
        return
    found = who.Who(case, kept, words.zone())
    st.html(f"<h4 class='picture'>Money over time</h4>{_money(kept, case)}{who.pictures(found)}")
    rows, parties = st.tabs(
        [f"Transactions ({len(kept.transactions):,})", f"Counterparties ({len(found.found):,})"], key="evidence_tables"
    )
    with rows:
        transactions_table(kept, case.currency)
    with parties:
        who.table(found, known)


# --- why it fired ---


def _alerts(kept: Kept, case: Case) -> None:
    told = [_alert(kept, case, number) for number in range(len(kept.alerts))]
    before = max(len(told) - AT_ONCE, 0)
    if before:
        with st.expander(f"{words.count(before, 'earlier alert')}"):
            st.html("".join(told[:before]))
    if told:
        st.html("".join(told[before:]))


def _alert(kept: Kept, case: Case, number: int) -> str:
    """Return an alert: what it says, what it held against what was expected, which of its transactions fired."""
    told, lines = kept.alerts[number], []
    if len(kept.alerts) > 1:
        score = "" if told.risk_score is None else f" {told.risk_score}"
        head = ", ".join(filter(None, (told.typology, f"{told.risk}{score}".strip())))
        lines.append(f"<p class='head'>{number + 1}. {escape(words.shown(head))}</p>")
    if told.text:
        lines.append(f"<p class='told' dir='auto'>{escape(words.shown(told.text))}</p>")
    rows = [kept.transactions[place] for place in told.rows]
    lines.append(f"<p class='seen'>{escape(_seen(kept, rows, case.currency))}</p>")
    lines.append(f"<p>{escape(_about(told, rows, case.currency))}</p>")
    return f"<div class='why'>{''.join(lines)}</div>"


def _seen(kept: Kept, rows: Sequence[Transaction], currency: str) -> str:
    """Return what was expected against what its transactions show; empty without any."""
    moved, where = evidence.flow_of(rows), words.zone()
    way = "in" if moved.paid_in >= moved.paid_out else "out"
    times = (words.read_time(row.time) for row in rows if row.direction == way)
    days = {words.local(moment, where).date() for moment in times if moment}
    span = (max(days) - min(days)).days + 1 if days else 1
    monthly = money.read(kept.customer.get("expected_monthly"))
    return expected.against(monthly, moved, span, currency)


def _about(told: Told, rows: Sequence[Transaction], currency: str) -> str:
    """Return what else is told of an alert: its id, when it came, the days looked back on, how many fired."""
    moved = evidence.flow_of(rows)
    parts = [f"Alert {told.alert_id}" if told.alert_id else ""]
    if moment := words.read_time(told.at):
        parts.append(f"told {words.clock(moment)}")
    if told.window:
        parts.append(f"looked back on {told.window[0]} to {told.window[1]}")
    if told.amount is not None and told.amount not in (moved.paid_in, moved.paid_out):
        parts.append(f"it counts {money.text(told.amount, currency)}")
    if told.triggers:
        whole = words.count(len(rows), "transaction")
        parts.append(f"{len(told.triggers):,} of its {whole} fired it:\N{NO-BREAK SPACE}●")
    return words.shown(" · ".join(filter(None, parts)))


# --- the transactions ---


def _money(kept: Kept, case: Case) -> str:
    """Return the chart of the transactions whose time and direction can be read."""
    bars = list(_bars(kept, words.zone()))
    monthly = money.read(kept.customer.get("expected_monthly"))
    return chart.money_over_time(bars, case.currency, monthly)


def _bars(kept: Kept, where: tzinfo) -> Iterator[chart.Bar]:
    triggers = kept.triggers
    cash: dict[str, bool] = {}
    for place, row in enumerate(kept.transactions):
        moment = words.read_time(row.time)
        if moment is None or row.direction not in ("in", "out"):
            continue
        if row.channel not in cash:
            cash[row.channel] = fincen.is_cash(row.channel)
        at, amount = words.local(moment, where), Decimal(row.amount)
        told = (row.channel, row.counterparty)
        yield chart.Bar(at, row.direction == "out", amount, told, cash[row.channel], place in triggers)


def transactions_table(kept: Kept, currency: str) -> None:
    """Draw the transactions of a case as they were told, but for their times, which are in the reader's zone."""
    columns = [("Time", ""), ("Direction", ""), (f"Amount ({currency})", "right"), ("Channel", "")]
    columns += [("Counterparty", "text"), ("Country", ""), ("Place", "text")]
    where, triggers, told_by = words.zone(), kept.triggers, _told_by(kept)
    rows = [_transaction(row, currency, where) for row in kept.transactions]
    if not any(row.place for row in kept.transactions):
        del columns[-1]
        rows = [cells[:-1] for cells in rows]
    if triggers:
        columns.insert(1, ("Fired", ""))
        for place, cells in enumerate(rows):
            fired: Cell = {"text": "●", "hint": "It made the rule fire"}
            cells.insert(1, fired if place in triggers else {"text": ""})
    if told_by:
        columns.append(("Alert", ""))
        for numbers, cells in zip(told_by, rows, strict=True):
            cells.append({"text": ", ".join(map(str, numbers))})
    data = {
        "caption": "Transactions of the alert" if len(kept.alerts) < 2 else "Transactions of the alerts",
        "tall": True,
        "columns": [{"label": label, "align": align, "sorts": True} for label, align in columns],
        "rows": [{"cells": cells} for cells in rows],
    }
    tables.draw(data=data, key="transactions")


def _told_by(kept: Kept) -> list[list[int]]:
    """Return of each transaction the numbers of the alerts that tell it; nothing where there is one alert."""
    if len(kept.alerts) < 2:
        return []
    numbers: list[list[int]] = [[] for _ in kept.transactions]
    for number, told in enumerate(kept.alerts, 1):
        for place in told.rows:
            numbers[place].append(number)
    return numbers


def _transaction(row: Transaction, currency: str, where: tzinfo) -> list[Cell]:
    time, moment = words.shown(row.time), words.read_time(row.time)
    amount = Decimal(row.amount)
    at: Cell = {"text": time}
    if moment:
        at = {"text": words.clock(moment, where), "time": time, "hint": words.clock_utc(moment), "sort": time}
    texts = (row.channel, row.counterparty, row.country, row.place)
    return [
        at,
        {"text": words.shown(row.direction).capitalize()},
        {"text": money.number(amount, currency), "sort": float(amount)},
        *[Cell(text=words.shown(text)) for text in texts],
    ]
