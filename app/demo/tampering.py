"""What someone who rules the database can do to a case, done to a copy in memory to show what finds it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app import chain
from app.models import Break, Event

FIELDS = ("ts", "user", "action", "notes", "meta", "prev_hash", "event_hash")
"""What can be changed of an event."""

CHANGE, DELETE, SWAP, CUT, REWRITE = (
    "Change a field",
    "Delete it",
    "Swap it",
    "Cut from here on",
    "Rewrite from here on",
)
"""What can be done to a history, in the words of the page that offers it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A case as a store would hand it out: its events by event_id, and its row, as `chain.canonical` writes it."""

    case_id: str
    events: tuple[Event, ...]
    row: Mapping[str, Any]

    def breaks(self) -> list[Break]:
        """Return what the hashes, links, old values and the row give away."""
        return chain.verify(self.case_id, self.events, self.row)


def change(case: Copy, place: int, field: str, value: str) -> Copy:
    """Return the case with another value in a field of the event at `place` (from 0), its hash left as it is."""
    changes: Any = {field: value}
    return _with(case, [*case.events[:place], replace(case.events[place], **changes), *case.events[place + 1 :]])


def delete(case: Copy, place: int) -> Copy:
    """Return the case without the event at `place`."""
    return _with(case, [*case.events[:place], *case.events[place + 1 :]])


def swap(case: Copy, place: int, other: int) -> Copy:
    """Return the case with two events in each other's place; the numbers stay where they are."""
    events = list(case.events)
    events[place], events[other] = (
        replace(events[other], event_id=events[place].event_id),
        replace(events[place], event_id=events[other].event_id),
    )
    return _with(case, events)


def cut(case: Copy, place: int) -> Copy:
    """Return the case without the event at `place` and all after it."""
    return _with(case, case.events[:place])


def rewrite(case: Copy, place: int, field: str, value: str) -> Copy:
    """Do as `change` does, with every hash from there on computed anew, so that the chain holds again."""
    changed = change(case, place, field, value)
    events = list(changed.events[:place])
    for event in changed.events[place:]:
        prev_hash = events[-1].event_hash if events else chain.GENESIS
        fields = (prev_hash, event.case_id, event.ts, event.user, event.action, event.notes, event.meta)
        events.append(replace(event, prev_hash=prev_hash, event_hash=chain.event_hash(*fields)))
    return _with(case, events)


def agree(case: Copy) -> Copy:
    """Return the case with a row that says what its events add up to."""
    state, _ = chain.replay(case.case_id, case.events)
    head = case.events[-1].event_hash if case.events else chain.GENESIS
    return replace(case, row={**case.row, **state, "event_count": len(case.events), "head_hash": head})


def _with(case: Copy, events: Sequence[Event]) -> Copy:
    return replace(case, events=tuple(events))
