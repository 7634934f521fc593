"""What someone who rules the database can do to it, beside `conftest.tamper`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.database import Database
from tests.conftest import EMPTY

ON_SERVER = pytest.mark.parametrize("desk", ["sqlserver"], indirect=True)
"""For a test of what only a server does."""

RULES = {
    "cases_pk": ("cases", "PRIMARY KEY (case_id)"),
    "case_keys_case": ("case_keys", "FOREIGN KEY (case_id) REFERENCES cases (case_id)"),
    "unsent_case": ("unsent", "FOREIGN KEY (case_id) REFERENCES cases (case_id)"),
    "case_events_case": ("case_events", "FOREIGN KEY (case_id) REFERENCES cases (case_id)"),
    "cases_status_is_known": ("cases", "CHECK (status IN (N'New', N'In Review', N'Closed'))"),
}
"""Of the constraints of the server's schema, their tables and what they say."""


@contextmanager
def without(desk: Database, *rules: str) -> Iterator[None]:
    """Inside, a server's tables lack these rules; at the end they are empty and have them again."""
    _run(desk, *(f"ALTER TABLE {RULES[rule][0]} DROP CONSTRAINT {rule}" for rule in rules))
    try:
        yield
    finally:
        back = (f"ALTER TABLE {RULES[rule][0]} ADD CONSTRAINT {rule} {RULES[rule][1]}" for rule in reversed(rules))
        _run(desk, *EMPTY, *back)


@contextmanager
def without_keys(desk: Database) -> Iterator[None]:
    """Inside, a server lets cases come twice and go without their events; SQLite's `tamper` asks for no such key."""
    if desk.is_embedded:
        yield
    else:
        with without(desk, "unsent_case", "case_keys_case", "case_events_case", "cases_pk"):
            yield


def _run(desk: Database, *statements: str) -> None:
    with desk.transaction() as tx:
        for statement in statements:
            tx.execute(statement)
