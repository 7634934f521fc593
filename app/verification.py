"""Verification of a case, of the whole database, and of the log against what was signed of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app import chain, repository
from app.database import Database, Transaction
from app.errors import DatabaseError, UnknownCase
from app.log import checkpoint
from app.models import Break, Event

Progress = Callable[[int, int], None]
"""Called with how many cases are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: what was read, every break, and of a file its last event."""

    cases: int
    events: int
    breaks: tuple[Break, ...]
    last: Event | None = None

    @property
    def intact(self) -> bool:
        return not self.breaks


def verify_case(database: Database, case_id: str) -> Verified:
    """Verify one case. Raises UnknownCase. A break is read again before it is reported."""
    for _ in range(2):
        found = verify_chains(database.read(lambda tx: repository.chains_of(tx, case_id)))
        if found.intact:
            break
    return found


def verify_chains(chains: Sequence[repository.Chain]) -> Verified:
    """Verify one case as `repository.chains_of` reads it."""
    breaks = tuple(found for one in chains for found in chain.verify(*one))
    return Verified(1, sum(len(events) for _, events, *_ in chains), breaks)


def verify_database(
    database: Database, progress: Progress | None = None, anchors: Sequence[checkpoint.Anchor] = ()
) -> Verified:
    """Verify every case, and the log against checkpoints, in one snapshot, holding one case in memory at a time."""

    def work(tx: Transaction) -> tuple[Verified, list[Break]]:
        return verify_all(tx, progress), _compare(tx, anchors)

    found, unanchored = database.read(work)
    suspicious: dict[str, list[Break]] = {}
    for one in found.breaks:
        suspicious.setdefault(one.case_id, []).append(one)
    breaks = tuple(one for seen in suspicious.items() for one in _again(database, *seen))
    return Verified(found.cases, found.events, (*breaks, *unanchored))


def verify_log(database: Database, *anchors: checkpoint.Anchor) -> Verified:
    """Hold the log of all events against checkpoints, and nothing else."""
    return Verified(0, 0, tuple(database.read(lambda tx: _compare(tx, anchors))))


def _compare(tx: Transaction, anchors: Sequence[checkpoint.Anchor]) -> list[Break]:
    return [found for anchor in anchors for found in checkpoint.compare(lambda: repository.log(tx), anchor)]


def verify_all(tx: Transaction, progress: Progress | None = None) -> Verified:
    """Verify every case as this transaction sees it."""
    cases = events = 0
    breaks: list[Break] = []
    total = repository.case_count(tx)
    for one in repository.all_chains(tx):
        cases, events = cases + 1, events + len(one[1])
        breaks += chain.verify(*one)
        if progress and cases % 500 == 0:
            progress(min(cases, total), total)
    if progress:
        progress(total, total)
    return Verified(cases, events, tuple(breaks))


def _again(database: Database, case_id: Any, breaks: Sequence[Break]) -> Sequence[Break]:
    """Return the breaks of a second reading, or of the first where the case has an id that cannot be asked for."""
    try:
        return verify_case(database, case_id).breaks
    except (UnknownCase, DatabaseError):
        return breaks
