"""A desk on a fresh database of each engine, its people, and cases to work on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from app import casework, database, repository, settings
from app.models import ALERT_FEED, ALERT_FEED_USER, Case, Risk, Role, User

# A slow machine is no fault: no deadline for a single example.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.load_profile("desk")

ANALYST = User("a.nguyen", "Anh Nguyễn", Role.ANALYST, active=True)
OTHER_ANALYST = User("b.diaz", "Beatriz Díaz", Role.ANALYST, active=True)
MANAGER = User("m.okafor", "Mary Okafor", Role.MANAGER, active=True)
OTHER_MANAGER = User("n.ito", "Naoko Ito", Role.MANAGER, active=True)
REVIEWER = User("q.silva", "Quim Silva", Role.QA, active=True)
OTHER_REVIEWER = User("r.kaya", "Rana Kaya", Role.QA, active=True)
GONE = User("x.gone", "Xaver Gone", Role.ANALYST, active=False)
PEOPLE = (ALERT_FEED_USER, ANALYST, OTHER_ANALYST, MANAGER, OTHER_MANAGER, REVIEWER, OTHER_REVIEWER, GONE)

TRANSACTIONS = [
    {
        "time": f"2026-01-{day:02d}T15:00:00.000000Z",
        "amount": "9400.00",
        "direction": "in",
        "channel": "Cash (branch)",
        "counterparty": "Łódź “Main St”",
        "country": "US",
    }
    for day in range(5, 12)
]
EVIDENCE = {"alert": "7 cash deposits just under $10,000 in 9 days", "transactions": TRANSACTIONS}


@pytest.fixture(params=["sqlite"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[database.Database]:
    """An empty desk with its people."""
    assert request.param == "sqlite"
    config = settings.Settings(str(tmp_path / "desk.db"), tmp_path / "exports", busy_timeout=5)
    made = database.connect(config)
    made.create_schema()
    with made.transaction() as tx:
        for person in PEOPLE:
            repository.insert_user(tx, person)
    yield made
    made.close()


OpenCase = Callable[..., Case]


@pytest.fixture
def open_case(desk: database.Database) -> OpenCase:
    """Opens a case; any fact can be given. `sampled=True` draws ids until one is in the QA sample."""

    def opened(sampled: bool | None = None, **facts: Any) -> Case:
        while True:
            event = casework.open_case(
                desk,
                ALERT_FEED,
                **{
                    "customer_id": "C-00412873",
                    "customer_name": "Zoë Łukasik",
                    "typology": "Structuring",
                    "risk": Risk.HIGH,
                    "risk_score": 87,
                    "amount": Decimal("65800.00"),
                    "currency": "USD",
                    "evidence": EVIDENCE,
                    **facts,
                },
            )
            with desk.snapshot() as tx:
                case = repository.case(tx, event.case_id)
            if sampled is None or (case.qa_bucket == 0) is sampled:
                return case

    return opened


def tamper(desk: database.Database, statement: str, *parameters: object) -> None:
    """Change the file as someone with the file in hands would: without the triggers."""
    with sqlite3.connect(desk.file) as connection:
        connection.execute("DROP TRIGGER IF EXISTS case_events_no_update")
        connection.execute("DROP TRIGGER IF EXISTS case_events_no_delete")
        connection.execute(statement, parameters)
    connection.close()
