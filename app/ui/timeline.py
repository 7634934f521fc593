"""The timeline of a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from app import chain, evidence, money, policy
from app.models import COLUMNS, Action, Break, Column, Event, Kind, User
from app.ui import base, words

_timeline = base.component("timeline")


CHANGING = {column.name: column for column in COLUMNS if column.kind in (Kind.STATE, Kind.RAISED)}
FACTS: Mapping[str, str] = {
    "source": "determined by",
    "later_because": "a later day because",
    "late_because": "filed late because",
    "prior_bsa_id": "amends BSA id",
}
"""What an event says beside its notes and what it changed, as people are told it."""
LABELS: Mapping[str, str] = {action.value: action.label for action in Action}


def show(
    events: Iterable[Event], names: Mapping[str, User], key: str, breaks: Sequence[Break] = (), case_id: str = ""
) -> None:
    """Draw events as they are given: who, when, what changed from what to what, notes as typed, and the hash.

    With the case's id, an event that comes to those which are shown is brought into sight, and stands out for a while.
    """
    broken: dict[int | None, list[str]] = {}
    for found in breaks:
        broken.setdefault(found.event_id, []).append(words.break_text(found))
    where = words.zone()
    items = [
        {
            "event_id": event.event_id,
            "who": words.shown(words.name_of(event.user, names)),
            "what": LABELS.get(event.action, words.shown(event.action)) + _really(event, where),
            "action": event.action if event.action in LABELS else "other",
            "ts": words.shown(event.ts),
            "when": words.clock(words.read_time(event.ts), where) or words.shown(event.ts),
            "changes": [*_changes(event, names), *_facts(event)],
            "notes": words.shown(event.notes) or _taken(event) or _alert(event),
            "hash": words.shown(event.event_hash),
            "breaks": broken.get(event.event_id, []),
        }
        for event in events
    ]
    _timeline(data={"label": "Timeline", "case": case_id, "events": items}, key=key)


def _really(event: Event, where: tzinfo) -> str:
    """Return when it was by the clock, where the event had to be dated later by more than clocks differ."""
    showed, dated = words.read_time(chain.read_meta(event).get("clock")), words.read_time(event.ts)
    if not (showed and dated and dated - showed > policy.CLOCKS_DIFFER):
        return ""
    return f", really at {words.clock(showed, where)}"


def _taken(event: Event) -> str:
    """Return the files that an export took, and their SHA-256."""
    files = chain.read_meta(event).get("files")
    if event.action != Action.EXPORT or not isinstance(files, dict):
        return ""
    return "\n".join(f"{words.shown(name)}  SHA-256 {words.shown(digest)}" for name, digest in files.items())


def _alert(event: Event) -> str:
    """Return the alert that joined the case: its id and typology, and what it said."""
    if event.action != Action.ALERT:
        return ""
    (told,) = evidence.read([event]).alerts
    head = ", ".join(words.shown(text) for text in (told.alert_id, told.typology) if text)
    return "\n".join(text for text in (head, words.shown(told.text)) if text)


def _changes(event: Event, names: Mapping[str, User]) -> list[dict[str, str]]:
    changes, meta = [], chain.read_meta(event)
    for name, pair in meta.items():
        column = CHANGING.get(name)
        if column and isinstance(pair, list) and len(pair) == 2:
            old, new = (_value(column, value, names) for value in pair)
            if column.is_day and pair[1] and (place := meta.get("zone")):
                new = f"{new} ({words.shown(place)})"
            changes.append({"column": column.label, "from": old, "to": new})
    return changes


def _facts(event: Event) -> list[dict[str, str]]:
    meta = chain.read_meta(event)
    return [
        {"column": label, "to": words.shown(meta[name])}
        for name, label in FACTS.items()
        if isinstance(meta.get(name), str) and meta[name]
    ]


def _value(column: Column, value: Any, names: Mapping[str, User]) -> str:
    if value in (None, ""):
        return "none"
    text = words.shown(value)
    if column.is_user:
        return words.name_of(text, names)
    if column.is_day:
        return text[:10]
    if column.holds is Decimal and (amount := money.read(value)) is not None:
        return f"{amount:,.2f}"
    return (words.clocks(words.read_time(text)) if column.holds is datetime else "") or text
