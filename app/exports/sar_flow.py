"""Who the money of a case came from and went to, and each of its transactions, as the SAR summary tells it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from app import evidence, filing, money
from app.exports.markdown import cell, facts, table
from app.filing import Item
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
        _side("Source", [item for item in found if item.is_credit], case.currency),
        _side("Destination", [item for item in found if not item.is_credit], case.currency),
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


def _side(what: str, found: Sequence[Item], currency: str) -> str:
    """Return the counterparties of one direction with their totals, the largest first."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in found:
        groups.setdefault((item.counterparty, item.country), []).append(item)
    ranked = sorted(groups.items(), key=lambda group: (-_total(group[1]), group[0]))
    rows = [
        (cell(name) or "Not named", cell(country), str(len(items)), cell(money.text(_total(items), currency)))
        for (name, country), items in ranked[:NAMED]
    ]
    if rest := ranked[NAMED:]:
        items = [item for _, group in rest for item in group]
        others = "1 other" if len(rest) == 1 else f"{len(rest):,} others"
        rows.append((others, "", str(len(items)), cell(money.text(_total(items), currency))))
    return table((what, "Country", "Transactions", "Total"), rows, right=("Transactions", "Total"))


def _total(items: Sequence[Item]) -> Decimal:
    return sum((item.amount for item in items), Decimal(0))
