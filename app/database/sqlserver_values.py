"""Values on their way to SQL Server's driver, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from app.database.engine import (
    Parameters,
)

SQL_WVARCHAR, SQL_DECIMAL, SQL_BIGINT, SQL_TYPE_TIMESTAMP = -9, 3, -5, 93
TIME = (SQL_TYPE_TIMESTAMP, 26, 6)
"""DATETIME2(6), as the columns are."""
SHORT_TEXT = (SQL_WVARCHAR, 4000, 0)
"""NVARCHAR(4000), whatever a text's length: to the server each length would be a statement of its own to plan."""


def text_of(stored: bytes | None) -> str | None:
    """Return stored text; half of a surrogate pair stays one, which no hash and no page accepts."""
    return None if stored is None else stored.decode("utf-16-le", "surrogatepass")


def naive(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def as_text(value: datetime) -> str:
    return naive(value).isoformat(" ", "microseconds")


def with_declared_times(statement: str, parameters: Parameters) -> tuple[str, Parameters]:
    """Return a SELECT, and its parameters, that compares columns with variables in the place of times.

    A variable is a time; a parameter is sent as text. An index over the column serves the one, and is read whole for
    the other.
    """
    times = {f"@time{number}": value for number, value in enumerate(parameters) if isinstance(value, datetime)}
    if not times or not statement.lstrip().startswith("SELECT"):
        return statement, parameters
    before, *after = statement.split("?")  # which stands in none of the desk's statements as text
    named = ((name if (name := f"@time{number}") in times else "?") + rest for number, rest in enumerate(after))
    declared = ", ".join(f"{name} DATETIME2(6) = ?" for name in times)
    others = [value for value in parameters if not isinstance(value, datetime)]
    return f"DECLARE {declared};\n{before}{''.join(named)}", [*times.values(), *others]


def sent_type(value: object) -> tuple[int, int, int] | None:
    """Return what `setinputsizes` is told of a value; None leaves it to the driver."""
    if isinstance(value, datetime):
        return TIME
    return SHORT_TEXT if isinstance(value, str) and len(value) <= 1000 else None


def array_type(values: Sequence[object]) -> tuple[int, int, int]:
    """Return what `setinputsizes` is told of a column of rows: SQL type, size, digits.

    Left to itself, the driver asks the server, and believes it where it is wrong.
    """
    if all(isinstance(value, str) for value in values):
        units = max(len(str(value).encode("utf-16-le", "surrogatepass")) // 2 for value in values)
        return SQL_WVARCHAR, (max(units, 1) if units <= 4000 else 0), 0
    if all(isinstance(value, Decimal) for value in values):
        return SQL_DECIMAL, 18, 2
    return SQL_BIGINT, 0, 0
