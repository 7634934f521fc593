"""The alert of a case, as chart and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import streamlit as st

from app import chain, evidence, money
from app.models import Event
from app.ui import chart, tables, words

# --- evidence ---


def show(events: Sequence[Event], currency: str) -> None:
    """The alert of the case: its text, the customer as the feed knew them, the transactions as chart and table."""
    opened = chain.read_meta(events[0]) if events else {}
    st.subheader("Alert", anchor=False)
    if alert := opened.get("alert"):
        st.text(words.shown(alert))
    customer = opened.get("customer")
    if isinstance(customer, dict):
        tables.facts(
            (name.replace("_", " ").capitalize(), money.told(value, currency)) for name, value in customer.items()
        )
    rows = evidence.transactions(opened)
    if not rows:
        st.caption("The alert lists no transactions.")
        return
    if drawn := chart.in_and_out([bar for row in rows if (bar := _bar(row, currency))]):
        st.html(drawn)
    transactions_table(rows, currency)


def _bar(row: Mapping[str, str], currency: str) -> chart.Bar | None:
    """None where a damaged database does not say when."""
    moment = words.read_time(row["time"])
    if moment is None:
        return None
    amount = Decimal(row["amount"])
    told = (row[name] for name in ("direction", "channel", "counterparty", "country"))
    hint = ", ".join(words.shown(text) for text in (words.clocks(moment), money.text(amount, currency), *told))
    return chart.Bar(words.local(moment), row["direction"] != "in", amount, hint)


def transactions_table(rows: Sequence[Mapping[str, object]], currency: str) -> None:
    """The transactions of an alert as they were told, but for their times, which are in the reader's zone."""
    columns = [("Time", ""), ("Direction", ""), (f"Amount ({currency})", "right"), ("Channel", "")]
    columns += [("Counterparty", "text"), ("Country", "")]
    placed = any("place" in row for row in rows)
    if placed:
        columns.append(("Place", "text"))
    data = {
        "caption": "Transactions of the alert",
        "columns": [{"label": label, "align": align} for label, align in columns],
        "rows": [{"cells": _transaction(row, placed, currency)} for row in rows],
    }
    tables.draw(data=data, key="transactions")


def _transaction(row: Mapping[str, object], placed: bool, currency: str) -> list[dict[str, str]]:
    told = {name: words.shown(value) for name, value in row.items()}
    moment = words.read_time(told["time"])
    return [
        {"text": words.clock(moment), "time": told["time"], "hint": words.clock_utc(moment)}
        if moment
        else {"text": told["time"]},
        {"text": told["direction"].capitalize()},
        {"text": money.number(Decimal(told["amount"]), currency)},
        {"text": told["channel"]},
        {"text": told["counterparty"]},
        {"text": told["country"]},
        *([{"text": told.get("place", "")}] if placed else []),
    ]
