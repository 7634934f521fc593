"""What sql/sqlserver/schema.sql makes, read out of the script itself, and what a database has of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from app.database.engine import Row, Transaction

SELECT_COLUMNS = """
SELECT OBJECT_NAME(object_id) AS table_name, name FROM sys.columns
WHERE object_id IN (
    OBJECT_ID('dbo.users'), OBJECT_ID('dbo.cases'), OBJECT_ID('dbo.case_events'), OBJECT_ID('dbo.case_keys'),
    OBJECT_ID('dbo.unsent')
)
"""
SELECT_INDEXES = """
SELECT OBJECT_NAME(i.object_id) AS table_name, i.index_id, c.name, ic.is_included_column AS included
FROM sys.indexes AS i
JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
WHERE i.object_id IN (
    OBJECT_ID('dbo.users'), OBJECT_ID('dbo.cases'), OBJECT_ID('dbo.case_events'), OBJECT_ID('dbo.case_keys'),
    OBJECT_ID('dbo.unsent')
)
    AND i.is_disabled = 0 AND (ic.key_ordinal > 0 OR ic.is_included_column = 1)
ORDER BY table_name, i.index_id, ic.is_included_column, ic.key_ordinal
"""
SELECT_TRIGGERS = """
SELECT t.name, t.is_disabled, m.definition
FROM sys.triggers AS t LEFT JOIN sys.sql_modules AS m ON m.object_id = t.object_id
WHERE t.parent_id = OBJECT_ID('dbo.case_events')
"""

_TABLE = re.compile(r"^CREATE TABLE dbo\.(\w+) \(\n(.*?)^\);", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^    (?!CONSTRAINT)\[?(\w+)\]? ", re.MULTILINE)
_INDEX = re.compile(r"^CREATE [A-Z ]*INDEX (\w+) ON dbo\.(\w+) \((.*?)\)(?: INCLUDE \((.*?)\))?", re.MULTILINE)
_UNIQUE = re.compile(r"^    CONSTRAINT (\w+) (?:UNIQUE|PRIMARY KEY CLUSTERED) \((.*?)\)", re.MULTILINE)
_TRIGGER = re.compile(r"^EXEC \(N'\s*(CREATE TRIGGER dbo\.(\w+) .*?)'\);", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Index:
    """An index by its columns: Babelfish makes a name of its own for it, and does not say whether it has a filter."""

    table: str
    keys: tuple[str, ...]
    included: frozenset[str]
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name} over {', '.join(self.keys)} of {self.table}"


def columns(script: str) -> dict[str, list[str]]:
    """Return the names of the columns of each table, by table."""
    return {table: _COLUMN.findall(body) for table, body in _TABLE.findall(script)}


def indexes(script: str) -> list[Index]:
    """Return the indexes that the script makes, by themselves or as a constraint, each once."""
    found = [
        Index(table, _names(keys), frozenset(), name)
        for table, body in _TABLE.findall(script)
        for name, keys in _UNIQUE.findall(body)
    ]
    for name, table, keys, included in _INDEX.findall(script):
        found.append(Index(table, _names(keys), frozenset(_names(included)), name))
    return list(dict.fromkeys(found))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip("[]") for name in listed.split(", ") if name)


def triggers(script: str) -> dict[str, str]:
    """Return the text of each trigger, by name."""
    return {name: text.replace("''", "'") for text, name in _TRIGGER.findall(script)}


def lacking_columns(tx: Transaction, script: str) -> list[str]:
    """Return the columns that tables which are there lack, as table.column."""
    found = {(row["table_name"], row["name"]) for row in tx.fetch_all(SELECT_COLUMNS)}
    tables = {table for table, _ in found}
    wanted = [(table, name) for table, names in columns(script).items() if table in tables for name in names]
    return [f"{table}.{name}" for table, name in wanted if (table, name) not in found]


def lacking_indexes(tx: Transaction, script: str) -> list[Index]:
    """Return the script's indexes that the database has none like."""
    found = _indexes_of(tx.fetch_all(SELECT_INDEXES))
    return [index for index in indexes(script) if index not in found]


def _indexes_of(rows: Iterable[Row]) -> set[Index]:
    """Return the indexes that rows of SELECT_INDEXES are of, a row a column."""
    made = set()
    for (table, _), group in groupby(rows, key=itemgetter("table_name", "index_id")):
        parts = list(group)
        keys = tuple(part["name"] for part in parts if not part["included"])
        included = frozenset(part["name"] for part in parts if part["included"])
        made.add(Index(table, keys, included))
    return made


def false_triggers(tx: Transaction, script: str) -> dict[str, bool]:
    """Return the triggers that are not there, enabled and as the script makes them, and whether one of the name is."""
    found = {row["name"]: row for row in tx.fetch_all(SELECT_TRIGGERS)}
    false = {}
    for name, text in triggers(script).items():
        row = found.get(name)
        if row is None or row["is_disabled"] or not _same(row["definition"] or "", text):
            false[name] = row is not None
    return false


def _same(one: str, other: str) -> bool:
    """Return whether two texts differ at most in spaces, brackets around names, and capitals."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\[\]]", "", text).split()).casefold()
