"""The cases that a case is connected with: the picture, a table of them, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from app import connected, evidence, money
from app.case_keys import KeyKind, searched
from app.connected import Connections, Known, Strength, Tie
from app.models import Case
from app.ui import base, network, session, tables, words
from app.ui.session import Session, mine

_network = base.component("network")

COLUMNS = (("Case", ""), ("Customer", "name"), ("Connection", "text"), ("Status", "wrap"), ("BSA id", ""))
NAMED = 6
"""Of what connects nobody, so many are named."""


def show(case: Case, kept: evidence.Kept, on_open: Callable[[str], None]) -> None:
    """Draw the panel, open where it was on the case before; `on_open` is called with the id of a case chosen in it."""
    found = base.desk().read(lambda tx: connected.of_case(tx, case))
    number = len(found.ties) + found.more
    label = f"Connected cases ({number:,})" if number else "Connected cases (none)"
    key = f"{Session.connected.key} {case.case_id}"
    if session.value_of(key) is None:
        session.set_value(key, mine.connected)
    panel = st.expander(label, icon=":material/hub:", key=key, on_change="rerun")
    mine.connected = bool(panel.open)
    if not panel.open:
        return
    told = parties(case, kept)
    with panel:
        tables.show_broken(found.cases)
        if found.cases:
            _show_picture(case, told, found, on_open)
            _show_table(told, found)
        elif not number:
            st.markdown("No other case knows the customer, an account or a name of this one.")
        for sentence in left_out(case, found, told):
            st.caption(words.plain(sentence))


# --- words ---


@dataclass(frozen=True, slots=True)
class Parties:
    """What the evidence of a case tells of its keys, each by the key."""

    names: Mapping[str, str]
    """As they were told."""
    holders: Mapping[str, str]
    """Of an account, the key of the one name that was told with it; of the customer's own, that of theirs."""
    moved: Mapping[str, str]
    """Of who is on the other side, and of their accounts, the money that came in and went out, in words."""


def parties(case: Case, kept: evidence.Kept) -> Parties:
    """Return what the evidence tells of the keys of the case."""
    own = searched(kept.customer.get("account")), searched(case.customer_name)
    names = dict(
        zip(own, (words.shown(kept.customer.get("account", "")), words.shown(case.customer_name)), strict=True)
    )
    holders = {own[0]: {own[1]}}
    sums: dict[tuple[str, str], Decimal] = {}
    for row in kept.transactions:
        account, name = searched(row.account), searched(row.counterparty)
        names |= {account: words.shown(row.account), name: words.shown(row.counterparty)}
        holders.setdefault(account, set()).add(name)
        for key in {account, name}:
            sums[key, row.direction] = sums.get((key, row.direction), Decimal()) + Decimal(row.amount)
    moved: dict[str, list[str]] = {}
    for (key, direction), amount in sorted(sums.items()):
        moved.setdefault(key, []).append(f"{money.text(amount, case.currency)} {direction}")
    return Parties(
        names,
        {account: "".join(of) for account, of in holders.items() if account and len(of) == 1 and of != {""}},
        {key: " and ".join(told) for key, told in moved.items()},
    )


def name_of(key: str, told: Parties) -> str:
    """Return what a key is called: an account with the name of who has it."""
    name = told.names.get(key, key)
    return f"{name} of {told.names[told.holders[key]]}" if key in told.holders else name


def telling(ties: Sequence[Tie], told: Parties) -> list[Tie]:
    """Return the ties without the names of those whose account is shared as well, which say nothing more."""
    held = {told.holders.get(tie.key) for tie in ties if tie.strength is Strength.ACCOUNT}
    return [tie for tie in ties if tie.key not in held or tie.strength not in (Strength.PARTY, Strength.NAME)]


def tie_words(tie: Tie, told: Parties, party: Tie | None = None) -> str:
    """Return what two cases share, and how much that says.

    `party` is that who has the shared account is the customer of one of them.
    """
    name = name_of(tie.key, told)
    match tie.strength:
        case Strength.CUSTOMER:
            return "same customer"
        case Strength.ACCOUNT if party and party.here is KeyKind.CUSTOMER:
            return f"account {name}, this customer, is on the other side there"
        case Strength.ACCOUNT if party:
            return f"account {name}, its customer, is on the other side here"
        case Strength.ACCOUNT:
            return f"same account, {name}"
        case Strength.PARTY if tie.here is KeyKind.CUSTOMER:
            return "this customer has the name of a counterparty there"
        case Strength.PARTY:
            return f"its customer has the name of a counterparty here, {name}"
        case Strength.NAME:
            return f"same counterparty by name, {name}, {_sharing(tie)}"
        case _:
            return f"another customer of the same name, {_sharing(tie)}"


def ties_words(ties: Sequence[Tie], told: Parties) -> str:
    """Return what two cases share as one sentence, the strongest first."""
    customers = {tie.key: tie for tie in ties if tie.strength is Strength.PARTY}
    found = [tie_words(tie, told, customers.get(told.holders.get(tie.key, ""))) for tie in telling(ties, told)]
    text = "; ".join(found)
    return text[:1].upper() + text[1:]


def _sharing(tie: Tie) -> str:
    return "in these two cases alone" if tie.cases == 2 else f"a name that {tie.cases} cases share"


def left_out(case: Case, found: Connections, told_of: Parties) -> list[str]:
    """Return what the panel does not show, a sentence each."""
    told = []
    if found.more:
        told.append(f"{words.count(found.more, 'more case')} with weaker connections {_is(found.more)} left out.")
    if found.more_own:
        number = f"{connected.COMMON - connected.SHOWN_OWN}+" if _is_counted_out(found) else f"{found.more_own}"
        told.append(
            f"Of this customer, {number} older left out: Triage finds them by {case.customer_id}, closed ones too."
        )
    if found.common:
        told.append(f"Too common to be a link: {_listed(found.common, told_of)}.")
    if found.vague:
        told.append(f"Too little of the account is shown to be a link: {_listed(found.vague, told_of)}.")
    return told


def _is_counted_out(found: Connections) -> bool:
    return found.more_own > connected.COMMON - connected.SHOWN_OWN


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _listed(keys: Sequence[Known], told_of: Parties) -> str:
    held = {told_of.holders.get(one.key) for one in keys}
    apart = [one for one in keys if one.key not in held]
    told = [f"{name_of(one.key, told_of)} (known to {known_words(one.others)})" for one in apart[:NAMED]]
    more = len(apart) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def known_words(others: int) -> str:
    """Return how many other cases know something, as `connected.known` counts them."""
    return f"{connected.COMMON}+ other cases" if others > connected.COMMON else words.count(others, "other case")


# --- what is drawn ---


def _line(tie: Tie, part: KeyKind) -> network.Line:
    """Return what joins a case with what it shares, which is this `part` of it."""
    if tie.strength in (Strength.CUSTOMER, Strength.ACCOUNT):
        return network.Line.FIRM
    return network.Line.OWN if part is KeyKind.CUSTOMER else network.Line.NAME


def _lines(ties: Sequence[Tie]) -> dict[str, network.Line]:
    """Return what joins a case with what it shares, by the keys, the strongest first."""
    found: dict[str, network.Line] = {}
    for tie in ties:
        found.setdefault(tie.key, _line(tie, tie.there))
    return found


def _hub(tie: Tie, case: Case, told: Parties) -> network.Hub:
    line = _line(tie, tie.here)
    if tie.strength is Strength.CUSTOMER:
        return network.Hub(words.shown(case.customer_name), "same customer", line)
    of_account = tie.strength is Strength.ACCOUNT
    holder = told.holders.get(tie.key) if of_account else None
    name = told.names.get(tie.key, tie.key)
    what = f"account {name}" if holder else "account" if of_account else "name"
    notes = filter(None, (f"{what}, {tie.cases} cases", told.moved.get(tie.key)))
    return network.Hub(told.names[holder] if holder else name, "; ".join(notes), line)


def _show_picture(case: Case, told: Parties, found: Connections, on_open: Callable[[str], None]) -> None:
    key = "network"

    def chosen() -> None:
        if case_id := session.value_of(key).get("chosen"):
            on_open(case_id)

    every = [tie for ties in found.ties.values() for tie in ties]
    hubs = {tie.key: _hub(tie, case, told) for tie in sorted(every, key=lambda tie: tie.rank)[::-1]}
    neighbours = [
        network.Neighbour(
            words.shown(one.case_id),
            f"{words.shown(one.customer_name)} · {words.state(one)}",
            _lines(telling(found.ties[one.case_id], told)),
        )
        for one in found.cases
    ]
    picture = network.picture(words.shown(case.case_id), hubs, neighbours)
    _network(data=dict(picture.data), key=key, on_chosen_change=chosen)
    legend = "Thick lines: a customer or an account. Thin lines: a name; dashed: the name of that case’s own customer."
    left = (words.count(picture.cases_left, "case"), words.count(picture.hubs_left, "shared thing"))
    if picture.cases_left or picture.hubs_left:
        legend += f" Not drawn, but in the table: {left[0]} and {left[1]}."
    st.caption(legend)


def _show_table(told: Parties, found: Connections) -> None:
    data = {
        "caption": "Connected cases",
        "path": "case",
        "columns": [{"label": label, "align": align} for label, align in COLUMNS],
        "rows": [
            {
                "case_id": one.case_id,
                "cells": [
                    {"text": words.shown(one.case_id)},
                    {"text": words.shown(one.customer_name), "hint": words.shown(one.customer_id)},
                    {"text": ties_words(found.ties[one.case_id], told)},
                    {"text": words.state(one), "hint": words.clocks(one.closed_at)},
                    {"text": one.bsa_id or "—", "tone": "" if one.bsa_id else "quiet"},
                ],
            }
            for one in found.cases
        ],
    }
    tables.draw(data=data, key="sharing")
