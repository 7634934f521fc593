"""Who the money of a case came from and went to, and each of its transactions, as the SAR summary tells it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from app import evidence, filing, money
from app.counterparties import grouped
from app.evidence import Transaction
from app.exports.markdown import cell, facts, table
from app.models import Case

NAMED = 20
"""Counterparties that are told one by one in each direction, those with most money; the others as one sum."""


def flow(case: Case, kept: evidence.Kept) -> list[str]:
    """Return the paragraphs of the flow of funds: its sums, sources and destinations; none without transactions."""
    found = filing.items(kept)
    rows = [
        *_sums(kept, case.currency),
        ("Counted once", cell(filing.count(case, kept).words) if found else ""),
        ("Channels", cell(", ".join(sorted({row.channel for row in kept.transactions})))),
        ("Countries", cell(", ".join(sorted({row.country for row in kept.transactions})))),
        ("Not counted", f"{kept.unread} that cannot be read" if kept.unread else ""),
    ]
    sides = [
        _side("Source", [row for row in kept.transactions if row.direction == "in"], case.currency),
        _side("Destination", [row for row in kept.transactions if row.direction == "out"], case.currency),
    ]
    return [facts(rows), *(side for side in sides if side)]


def transactions(kept: evidence.Kept, currency: str) -> str:
    """Return every transaction that can be read as a table, in the order of their times; nothing without one."""
    head = ("Time (UTC)", "Way", "Amount", "Channel", "Counterparty", "Country", "Place")
    rows = [
        (
            cell(row.time[:16].replace("T", " ")),
            cell(row.direction),
            cell(money.text(Decimal(row.amount), currency)),
            *(cell(text) for text in (row.channel, row.counterparty, row.country, row.place)),
        )
        for row in sorted(kept.transactions, key=lambda row: row.time)
    ]
    return table(head, rows, right=("Amount",))


def _sums(kept: evidence.Kept, currency: str) -> list[tuple[str, str]]:
    moved, rows = kept.flow(), []
    if times := sorted(row.time for row in kept.transactions):
        rows.append(("First and last transaction", cell(f"{times[0][:10]} to {times[-1][:10]}")))
    both = ("Money in", moved.paid_in, moved.credits), ("Money out", moved.paid_out, moved.debits)
    for label, total, number in both:
        if number:
            count = "1 transaction" if number == 1 else f"{number} transactions"
            whole = total.to_integral_value(ROUND_CEILING)
            rows.append((label, cell(f"{currency} {whole:,} in {count} (whole units, rounded up)")))
    rows.append(("Net", cell(moved.net(currency))))
    return rows


def _side(what: str, rows: Sequence[Transaction], currency: str) -> str:
    """Return the counterparties of one direction with their totals, the largest first."""
    found = grouped(rows)
    told = [
        (cell(one.name) or "Not named", cell(", ".join(one.countries)), str(len(one.rows)), _money(one.moved, currency))
        for one in found[:NAMED]
    ]
    if rest := found[NAMED:]:
        others = "1 other" if len(rest) == 1 else f"{len(rest):,} others"
        total = sum((one.moved for one in rest), Decimal(0))
        told.append((others, "", str(sum(len(one.rows) for one in rest)), _money(total, currency)))
    return table((what, "Country", "Transactions", "Total"), told, right=("Transactions", "Total"))


def _money(amount: Decimal, currency: str) -> str:
    return cell(money.text(amount, currency))
