"""A desk without a case, served to a browser. A module that needs another one has fixtures of the same names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import casework
from app.database import Database
from tests.conftest import OTHER_MANAGER
from tests.e2e.server import free_port, peopled, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Database]:
    with peopled(folder) as made:
        yield made


@pytest.fixture(scope="module")
def configured(desk: Database, folder: Path) -> dict[str, str]:
    return {"AML_DATABASE": str(desk), "AML_EXPORTS": str(folder)}


@pytest.fixture(scope="module")
def address(configured: dict[str, str], folder: Path) -> Iterator[str]:
    with served(folder, configured, free_port()) as where:
        yield where


@pytest.fixture
def nothing_waits(desk: Database) -> None:
    """What earlier tests left open belongs to somebody, so that the next case is one of this test's own."""
    while casework.take_next(desk, OTHER_MANAGER.user_id):
        pass
