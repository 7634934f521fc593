"""One table of columns: whatever has to be literal, SQL and what leaves the desk, says the same as `app/models.py`.

A failure names the text to edit. A new column is a line of `models.Case`, and then what these tests ask for.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

from app import chain, repository
from app.database import sqlite, sqlserver
from app.exports.bundle import verify
from app.models import CASE_COLUMNS, COLUMNS, EVENT_COLUMNS, Action, Kind
from tests.lives import full_life

ROOT = Path(__file__).resolve().parent.parent
AUDIT_JS = "app/exports/bundle/audit.js"
SCHEMAS = {"sql/sqlite/schema.sql": sqlite.SCHEMA, "sql/sqlserver/schema.sql": sqlserver.SCHEMA}
UPDATED = [column for column in COLUMNS if column.kind in (Kind.STATE, Kind.HEAD)]
NULLABLE = [column.name for column in COLUMNS if column.nullable]


def names(text: str) -> list[str]:
    """The columns of a list in SQL, without aliases of tables and brackets."""
    return [name.strip().strip("[]") for name in re.sub(r"\b[a-z]\.", "", text).split(",")]


def found(pattern: str, text: str, where: str) -> list[str]:
    matches: list[str] = re.findall(pattern, text, re.DOTALL)
    assert matches, f"{where}: nothing there matches {pattern!r} any more"
    return matches


@pytest.mark.parametrize("name", ["INSERT_CASE", "INSERT_EVENT", "LOAD_EVENT"])
def test_an_insert_names_every_column_in_order(name: str) -> None:
    columns = {"INSERT_CASE": CASE_COLUMNS, "INSERT_EVENT": EVENT_COLUMNS[1:], "LOAD_EVENT": EVENT_COLUMNS}[name]
    ((listed, values),) = re.findall(r"\((.*?)\) VALUES? ?\((.*)\)", getattr(repository, name).replace("\n", " "))
    assert names(listed) == list(columns), f"edit the columns of {name} in app/repository.py"
    expected = ["NULLIF(?, '')" if name == "INSERT_CASE" and column in NULLABLE else "?" for column in columns]
    marks = re.findall(r"NULLIF\(\?, ''\)|\?", values)
    assert marks == expected, f"edit the VALUES of {name} in app/repository.py: NULLIF where a column may be NULL"


def test_an_update_writes_what_events_change() -> None:
    (listed,) = found(r"SET (.*?)\nWHERE", repository.UPDATE_CASE, "UPDATE_CASE")
    assignments = [re.sub(r"\s+", " ", one).strip() for one in re.split(r",(?![^(]*\))", listed)]
    expected = [f"{column.name} = " + ("NULLIF(?, '')" if column.nullable else "?") for column in UPDATED]
    assert assignments == expected, "edit UPDATE_CASE in app/repository.py"


def test_what_reads_events_and_chains_names_every_column_in_order() -> None:
    for name in ("SELECT_EVENTS", "SELECT_OPENING"):
        (listed,) = found(r"SELECT (.*?)\nFROM", getattr(repository, name), name)
        assert names(listed) == list(EVENT_COLUMNS), f"edit {name} in app/repository.py"
    for part in found(r"SELECT\n(.*?)\nFROM", repository.SELECT_ALL_CHAINS, "SELECT_ALL_CHAINS"):
        half = re.sub(r"k\.\[key\] AS (\w+)", r"\1", part)  # an alert's key stands where an event has its notes
        _, *columns = names(re.sub(r" AS \w+", "", half))
        assert columns == list(repository.CHAIN_COLUMNS[1:]), "edit each part of SELECT_ALL_CHAINS in app/repository.py"


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_schema_has_the_columns_in_the_order_of_the_table(file: str) -> None:
    text = SCHEMAS[file].read_text("utf-8")
    for table, columns in (("cases", CASE_COLUMNS), ("case_events", EVENT_COLUMNS)):
        (body,) = found(rf"CREATE TABLE (?:IF NOT EXISTS )?(?:dbo\.)?{table} \(\n(.*?)\n\);", text, file)
        definitions = dict(re.findall(r"^    \[?([a-z_]+)\]? +(.*(?:\n {8}.*)*)", body, re.MULTILINE))
        assert list(definitions) == list(columns), f"edit the table {table} in {file}"
        if table == "cases":
            check_definitions(definitions, file)


def check_definitions(definitions: dict[str, str], file: str) -> None:
    for column in COLUMNS:
        definition = re.sub(r"\bN'", "'", definitions[column.name])
        where = f"edit {column.name} in {file}"
        assert ("NOT NULL" not in definition) is column.nullable, f"{where}: whether it may be NULL"
        if column.kind is Kind.STATE and "DEFAULT" in definition:
            assert f"DEFAULT '{column.first}'" in definition, f"{where}: its DEFAULT"
        assert ("REFERENCES" in definition) is column.is_user, f"{where}: whether it is a user's id"
        if issubclass(column.holds, StrEnum):
            words = ", ".join(f"'{word}'" for word in column.holds)
            assert f"IN ({words})" in definition, f"{where}: the words that it may hold"
        if column.holds is int and column.kind in (Kind.FACT, Kind.RAISED):
            assert f"BETWEEN 0 AND {column.limit})" in definition, f"{where}: the numbers that it may hold"


def test_the_notes_for_a_dba_name_what_an_empty_field_becomes() -> None:
    text = (ROOT / "sql/sqlserver/bulk_insert.sql").read_text("utf-8").replace("\n--", "")
    (listed,) = found(r"may be NULL \((.*?)\)", text, "sql/sqlserver/bulk_insert.sql")
    assert names(listed) == NULLABLE, "edit the columns that may be NULL at the top of sql/sqlserver/bulk_insert.sql"
    schema = sqlserver.SCHEMA.read_text("utf-8")
    (listed,) = found(r"without KEEPNULLS: ([\w, ]+?) and meta\b", text, "sql/sqlserver/bulk_insert.sql")
    empty = [column.name for column in COLUMNS if f"CONSTRAINT cases_{column.name} DEFAULT N''" in schema]
    assert names(listed) == [*empty, "notes"], (
        "edit the columns with a DEFAULT at the top of sql/sqlserver/bulk_insert.sql"
    )


def test_the_desks_login_may_update_what_events_change_and_nothing_else() -> None:
    (listed,) = found(
        r"GRANT UPDATE ON dbo\.cases \((.*?)\)",
        (ROOT / "sql/sqlserver/security.sql").read_text("utf-8"),
        "security.sql",
    )
    changed = [column.name for column in COLUMNS if column.kind in (Kind.RAISED, Kind.STATE, Kind.HEAD)]
    assert names(listed) == changed, "edit GRANT UPDATE in sql/sqlserver/security.sql"


def test_the_verifier_of_a_bundle_reads_and_folds_the_same_columns() -> None:
    where = "in app/exports/bundle/verify.py"
    assert verify.Event._fields == EVENT_COLUMNS, f"edit Event {where}"
    assert tuple(verify.FACTS.split()) == chain.FACTS, f"edit FACTS {where}"
    assert verify.NEW_CASE == chain.UNOPENED, f"edit NEW_CASE {where}"


def test_the_page_of_a_bundle_reads_and_folds_the_same_columns_and_calls_them_as_the_desk_does() -> None:
    text = (ROOT / AUDIT_JS).read_text("utf-8")
    (facts,) = found(r'\nconst FACTS = "(.*?)";', text, AUDIT_JS)
    assert tuple(facts.split()) == chain.FACTS, f"edit FACTS in {AUDIT_JS}"
    (texts,) = found(r"\nconst TEXTS = (\[.*?\]);", text, AUDIT_JS)
    assert json.loads(texts) == list(EVENT_COLUMNS[1:]), f"edit TEXTS in {AUDIT_JS}"
    assert an_object("NEW_CASE", text) == chain.UNOPENED, f"edit NEW_CASE in {AUDIT_JS}"
    labels = {column.name: column.label for column in COLUMNS if column.kind in (Kind.RAISED, Kind.STATE)}
    assert an_object("COLUMNS", text) == labels, f"edit COLUMNS in {AUDIT_JS}"


def test_the_page_of_a_bundle_tells_events_as_the_timeline_does() -> None:
    done = {action.value: action.label for action in Action}
    assert an_object("DONE", (ROOT / AUDIT_JS).read_text("utf-8")) == done, f"edit DONE in {AUDIT_JS}"


def an_object(name: str, script: str) -> object:
    """A constant of a script that holds only texts and nulls."""
    (body,) = found(rf"\nconst {name} = {{(.*?),?\n}};", script, AUDIT_JS)
    return json.loads("{" + re.sub(r"(\w+): ", r'"\1": ', body) + "}")


def test_an_event_unpacks_in_the_order_of_the_columns() -> None:
    event = full_life().events[-1]
    assert list(event) == [getattr(event, column) for column in EVENT_COLUMNS]


def test_each_column_of_state_has_a_label_and_a_first_value_that_it_may_hold() -> None:
    for column in COLUMNS:
        if column.kind is Kind.STATE:
            assert column.label, f"give {column.name} a label in app/models.py"
            assert (column.first is None) is column.nullable, f"edit the first value of {column.name} in app/models.py"
