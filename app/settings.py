"""What the environment says, read once: nothing else in the desk looks at it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEMO_DATABASE = ROOT / ".data" / "aml_cases.db"


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` is a file for SQLite; `exports` is the folder that exports are written to; `busy_timeout` is in
    seconds: how long an operation waits for a lock before it gives up."""

    database: str
    exports: Path
    busy_timeout: float


def load(database: str | None = None) -> Settings:
    """Settings from AML_DATABASE, AML_EXPORTS and AML_BUSY_TIMEOUT; `database` overrides the first.

    Raises SettingsError.
    """
    timeout = os.environ.get("AML_BUSY_TIMEOUT") or "5"
    try:
        busy_timeout = float(timeout)
    except ValueError as error:
        raise SettingsError(f"AML_BUSY_TIMEOUT is a number of seconds, not {timeout!r}.") from error
    return Settings(
        database=database or os.environ.get("AML_DATABASE") or str(DEMO_DATABASE),
        exports=Path(os.environ.get("AML_EXPORTS") or ROOT / "exports"),
        busy_timeout=busy_timeout,
    )
