"""The alert of a case, as chart and table."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from app import evidence, money
from app.models import Event
from app.ui import chart, tables, words

# --- evidence ---


def show(events: Sequence[Event], currency: str) -> None:
    """Draw the alert of the case: its text, the customer as the feed knew them, the transactions as chart and table."""
    kept = evidence.read(events)
    st.subheader("Alert", anchor=False)
    if kept.alert:
        st.text(words.shown(kept.alert))
    if kept.customer:
        tables.facts(
            (name.replace("_", " ").capitalize(), money.told(value, currency)) for name, value in kept.customer.items()
        )
    rows = kept.transactions
    if not rows:
        st.caption("The alert lists no transactions.")
        return
    if drawn := chart.in_and_out([bar for row in rows if (bar := _bar(row, currency))]):
        st.html(drawn)
    transactions_table(rows, currency)


def _bar(row: evidence.Transaction, currency: str) -> chart.Bar | None:
    """None where a damaged database does not say when."""
    moment = words.read_time(row.time)
    if moment is None:
        return None
    amount = Decimal(row.amount)
    told = (row.direction, row.channel, row.counterparty, row.country)
    hint = ", ".join(words.shown(text) for text in (words.clocks(moment), money.text(amount, currency), *told))
    return chart.Bar(words.local(moment), row.direction != "in", amount, hint)


def transactions_table(rows: Sequence[evidence.Transaction], currency: str) -> None:
    """Draw the transactions of an alert as they were told, but for their times, which are in the reader's zone."""
    columns = [("Time", ""), ("Direction", ""), (f"Amount ({currency})", "right"), ("Channel", "")]
    columns += [("Counterparty", "text"), ("Country", "")]
    placed = any(row.place for row in rows)
    if placed:
        columns.append(("Place", "text"))
    data = {
        "caption": "Transactions of the alert",
        "columns": [{"label": label, "align": align} for label, align in columns],
        "rows": [{"cells": _transaction(row, placed, currency)} for row in rows],
    }
    tables.draw(data=data, key="transactions")


def _transaction(row: evidence.Transaction, placed: bool, currency: str) -> list[dict[str, str]]:
    time, moment = words.shown(row.time), words.read_time(row.time)
    return [
        {"text": words.clock(moment), "time": time, "hint": words.clock_utc(moment)} if moment else {"text": time},
        {"text": words.shown(row.direction).capitalize()},
        {"text": money.number(Decimal(row.amount), currency)},
        {"text": words.shown(row.channel)},
        {"text": words.shown(row.counterparty)},
        {"text": words.shown(row.country)},
        *([{"text": words.shown(row.place)}] if placed else []),
    ]
