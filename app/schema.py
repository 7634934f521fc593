"""What the desk needs before its first case, and how an older database is taken to the version that it works on.

An upgrade is a step from one version to the next: a script of the engine that adds to the tables, or a function here
that rewrites rows in batches, and after a stop goes on where it was. What needs both is two versions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

from app import key_query, repository
from app.database import VERSION, Database, Transaction
from app.errors import ConstraintBroken, OtherVersion, UnknownUser
from app.models import ALERT_FEED, ALERT_FEED_USER

_LOGGER = logging.getLogger(__name__)

BATCH = 2_000
"""Rows that a step looks at in one transaction."""

Progress = Callable[[int, int], None]
"""Called with how many rows are done, and how many there are."""


def init(database: Database, progress: Progress | None = None) -> int:
    """Make what the desk needs before its first case, or take the database to the version that the desk works on.

    That is the tables, and the service user that opens cases. Return the version that was there before, 0 where
    there were no tables. Raises OtherVersion where it is newer than the desk.
    """
    before = database.version()
    if before == VERSION:
        renew_search_texts(database, progress)  # a desk of before may have written since the upgrade
    elif before:
        _upgrade(database, progress)
    database.create_schema()
    try:
        database.write(_add_the_alert_feed)
    except ConstraintBroken:  # another desk that started at the same moment was quicker
        database.read(lambda tx: repository.user(tx, ALERT_FEED))
    return before


def prepare(database: Database, progress: Progress | None = None) -> int:
    """Do what `init` does as a desk starts. A server with tables stays as it is: other desks may be working on it.

    Return as `init`. Raises OtherVersion where a server is of another version.
    """
    before = database.version()
    if before == VERSION and database.has_schema():
        return before
    if before not in (0, VERSION) and not database.is_embedded:
        raise OtherVersion(before, VERSION)
    return init(database, progress)


def _add_the_alert_feed(tx: Transaction) -> None:
    try:
        repository.user(tx, ALERT_FEED)
    except UnknownUser:
        repository.insert_user(tx, ALERT_FEED_USER)


def _upgrade(database: Database, progress: Progress | None) -> None:
    for version in range(database.version(), VERSION):
        if not database.run_upgrade(version + 1):
            STEPS[version + 1](database, progress)
            database.write(partial(_step_up, before=version), any_version=True)
        _LOGGER.info("Upgraded %s to version %d of the tables.", database, version + 1)


def _step_up(tx: Transaction, before: int) -> None:
    if tx.version() == before:  # else another desk that started at the same moment was quicker
        tx.set_version(before + 1)


def renew_search_texts(database: Database, progress: Progress | None = None) -> None:
    """Bring every search text from the form of before version 3, which folded letter case alone, to today's."""
    _in_batches(database, lambda after: lambda tx: (repository.renew_search_texts(tx, after, BATCH), 0), progress)


def make_keys(database: Database, progress: Progress | None = None) -> None:
    """Keep what every case is found by, from its events."""
    _in_batches(database, lambda after: lambda tx: key_query.make_keys(tx, after, BATCH), progress)


def rebuild_keys(database: Database, progress: Progress | None = None) -> int:
    """Make the index of accounts and counterparties anew from the events. Return how many keys that are.

    Alerts that lack their key get it; a key that names an alert of no event stays, for verification to tell.
    """
    return _in_batches(database, lambda after: lambda tx: key_query.remake_index(tx, after, BATCH), progress)


def _in_batches(
    database: Database,
    work: Callable[[str], Callable[[Transaction], tuple[str | None, int]]],
    progress: Progress | None,
) -> int:
    """Do the work on all cases by id, in a transaction a batch; return the sum of what it counts.

    `work` is given the id after which to begin. What it returns is done in a transaction, and returns the id of the
    last case, None where there is none after it, and a number.
    """
    total = database.read(repository.case_count, any_version=True)
    done = counted = 0
    last: str | None = ""
    while last is not None:
        last, found = database.write(work(last), any_version=True)
        done, counted = done + BATCH, counted + found
        if progress:
            progress(min(done, total), total)
    return counted


STEPS: Mapping[int, Callable[[Database, Progress | None], None]] = {3: renew_search_texts, 6: make_keys}
"""By the version that they lead to; the others are scripts."""
