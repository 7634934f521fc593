"""By what else than its id a case is found: its alerts, its accounts, who is on the other side. Pure; no I/O.

An alert's key is its id, byte for byte, and evidence: verification holds it against the events. Accounts and
counterparties are an index for searching, in the form in which everything is compared that people search for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from app import chain
from app.chain import MAX_KEY
from app.models import Action, Event
from app.text import normal_form


class KeyKind(StrEnum):
    ALERT = "alert"
    ACCOUNT = "account"
    COUNTERPARTY = "counterparty"


Key = tuple[KeyKind, str]


def keys_of(event: Event, customer_name: str) -> frozenset[Key]:
    """Return the keys that an `open` or `alert` event brings; none of any other event. Raises nothing.

    `customer_name` is the case's. A counterparty of that name, or of the name that the event itself tells, is none:
    what people move between accounts of their own connects them with nobody.
    """
    if event.action not in (Action.OPEN, Action.ALERT):
        return frozenset()
    meta = chain.read_meta(event)
    return frozenset(_keys(meta, {normal_form(customer_name, MAX_KEY), *_told_names(meta)}))


def _keys(meta: Mapping[str, Any], own: set[str]) -> Iterator[Key]:
    if alert_id := chain.alert_key(meta):
        yield KeyKind.ALERT, alert_id
    customer, listed = meta.get("customer"), meta.get("transactions")
    if isinstance(customer, dict) and (account := searched(customer.get("account"))):
        yield KeyKind.ACCOUNT, account
    for row in listed if isinstance(listed, list) else ():
        if isinstance(row, dict) and (name := searched(row.get("counterparty"))) and name not in own:
            yield KeyKind.COUNTERPARTY, name


def searched(told: object) -> str:
    """Return a text in the form in which keys of accounts and counterparties are kept and asked for; empty if none."""
    return normal_form(told, MAX_KEY) if isinstance(told, str) else ""


def _told_names(meta: Mapping[str, Any]) -> Iterator[str]:
    for facts in (meta.get("case"), meta.get("told")):
        if isinstance(facts, dict) and (name := searched(facts.get("customer_name"))):
            yield name
