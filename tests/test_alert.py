"""An alert and a transaction are described once: what is published, checked, kept, read and shown is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app import chain, evidence, intake, money
from app.__main__ import main
from app.errors import InvalidInput
from app.models import CASE_COLUMNS
from seed.generate import Book
from tests import lives
from tests.conftest import FACTS, TRANSACTIONS
from tests.drafts import kept_in

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = Draft202012Validator(evidence.schema())
FULL: dict[str, Any] = {
    **FACTS,
    "window": {"from": "2026-01-05", "to": "2026-01-11"},
    "customer": {
        "kind": "Individual",
        "business": "None",
        "occupation": "Florist",
        "account": "****1234",
        "account_type": "Checking",
        "since": "2019-03-01",
        "expected_monthly": "4000.00",
    },
    "transactions": [{**TRANSACTIONS[0], "place": "Main St"}, {**TRANSACTIONS[1], "place": "", "id": "TX-2"}],
    "triggered_by": [],
}
"""An alert with every key."""
OBJECTS: dict[str, tuple[str | int, ...]] = {
    "Alert": (),
    "Window": ("window",),
    "Customer": ("customer",),
    "Transaction": ("transactions", 1),
}
"""Where each object that the schema describes stands in `FULL`."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.from_regex(r"[0-9]{1,3}\.[0-9]{1,4}"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(FULL)), inner),
)


def described(name: str) -> dict[str, Any]:
    """What the schema says of an object."""
    whole = evidence.schema()
    return whole if name == "Alert" else dict(whole["$defs"][name])


def at(told: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        told = told[step]
    return told


def other(name: str, key: str, value: object) -> dict[str, Any]:
    """`FULL`, of whose object of this name a key holds something else; `...` takes it away."""
    told = deepcopy(FULL)
    found = at(told, OBJECTS[name])
    found[key] = value
    if value is ...:
        del found[key]
    return told


KEYS = [(name, key) for name in OBJECTS for key in described(name)["properties"]]


def feed() -> Iterator[dict[str, Any]]:
    """Lines that are given as examples, and as many as a seeder makes of every typology."""
    for text in (intake.__doc__, (ROOT / "README.md").read_text("utf-8")):
        (example,) = re.findall(r'\{"alert_id".*?\}\]\}', text or "", re.DOTALL)
        yield json.loads(example.replace("\n", " "))
    book = Book(7, date(2026, 1, 31))
    for number in range(1, 61):
        told = chain.read_meta(book.case(number)[1][0])
        facts = told.pop("case")
        yield {**told, **{name: facts[name] for name in FACTS if name in facts}}


def test_the_schema_takes_what_the_desk_takes_and_leaves_no_key_undescribed() -> None:
    Draft202012Validator.check_schema(evidence.schema())
    for told in (FULL, FACTS, *feed()):
        evidence.check(told)
        assert not [error.message for error in SCHEMA.iter_errors(told)]
    for name, steps in OBJECTS.items():
        assert set(described(name)["properties"]) == set(at(FULL, steps))
        assert all(told.get("description") for told in described(name)["properties"].values())


@pytest.mark.parametrize("value", [None, 9400, 9400.5, True, [], {}, ...], ids=repr)
@pytest.mark.parametrize(("name", "key"), KEYS)
def test_what_the_schema_refuses_the_desk_refuses_and_says_where(name: str, key: str, value: object) -> None:
    told = other(name, key, value)
    if SCHEMA.is_valid(told):
        evidence.check(told)
        may_be_left_out = value is ... and key not in described(name).get("required", ())
        assert may_be_left_out or (key, value) in [("transactions", []), ("customer", {}), ("triggered_by", [])]
    else:
        with pytest.raises(InvalidInput) as caught:
            evidence.check(told)
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in (*OBJECTS[name], key))
        where = place.removeprefix(".")
        sentences = [f" lacks {key}."] if value is ... else [f"{where} is ", f"{where} lacks ", "The risk score lies"]
        assert any(sentence in str(caught.value) for sentence in sentences)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_unknown_key_is_refused_in_every_object(name: str) -> None:
    told = other(name, "case", "x")
    assert not SCHEMA.is_valid(told)
    with pytest.raises(InvalidInput, match=r"has unknown keys: 'case'\."):
        evidence.check(told)


@given(place=st.sampled_from(KEYS), value=JSON)
def test_whatever_a_key_holds_the_schema_is_never_stricter_than_the_desk(place: tuple[str, str], value: object) -> None:
    told = other(*place, value)
    try:
        evidence.check(told)
    except InvalidInput as error:
        assert len(str(error)) < 1_000
    else:
        assert SCHEMA.is_valid(told)


def test_what_is_wrong_first_is_told_first() -> None:
    told = other("Transaction", "amount", 5)
    for key, value, sentence in (
        ("place", 5, "transactions[1].amount is a number."),
        ("country", ..., "transactions[1] lacks country."),
        ("lag", 1, "transactions[1] has unknown keys: 'lag'."),
        ("\ud800", 1, "transactions[1] has unknown keys: '\\ud800'."),
    ):
        row = told["transactions"][1]
        row[key] = value
        if value is ...:
            del row[key]
        with pytest.raises(InvalidInput, match=re.escape(sentence)):
            evidence.check(told)
    with pytest.raises(InvalidInput, match="The alert lacks typology"):
        evidence.check({key: value for key, value in told.items() if key != "typology"})


def test_open_prints_the_schema_and_asks_no_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AML_DATABASE", str(tmp_path / "none" / "desk.db"))
    assert main(["open", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == evidence.schema()
    assert not list(tmp_path.iterdir())
    for arguments in (["open"], ["open", "alerts.jsonl", "--schema"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_what_is_kept_of_an_alert_is_read_again_and_never_taken_for_a_change_of_its_case() -> None:
    alert = evidence.check(FULL)
    kept = evidence.read(lives.opened(evidence=alert.evidence()).events)
    assert (kept.alert, kept.customer, kept.unread) == (FULL["alert"], FULL["customer"], 0)
    assert list(kept.transactions) == alert.transactions
    assert set(alert.evidence()) == {"alert_id", "alert", "window", "customer", "transactions", "triggered_by"}
    assert not {*CASE_COLUMNS, "case", "form"}.intersection(alert.evidence())
    assert evidence.read([]).transactions == []


def test_what_made_a_rule_fire_is_named_by_ids_that_the_alert_tells_once() -> None:
    rows = [{**row, "id": f"TX-{number}"} for number, row in enumerate(TRANSACTIONS)]
    kept = kept_in(evidence.check({**FACTS, "transactions": rows, "triggered_by": ["TX-3", "TX-1"]}).evidence())
    assert sorted(kept.triggers) == [1, 3]
    for wrong, sentence in (
        ({"triggered_by": ["TX-9"]}, "triggered_by names 'TX-9', which is the id of none of the transactions."),
        ({"transactions": [*rows, rows[0]]}, "The transaction id 'TX-0' comes twice in one alert."),
        ({"transactions": [{**rows[0], "id": " x"}]}, "transactions[0].id needs 1 to 64 printable characters"),
    ):
        with pytest.raises(InvalidInput, match=re.escape(sentence)):
            evidence.check({**FACTS, "transactions": rows, **wrong})


def test_the_page_in_a_bundle_reads_the_transactions_and_amounts_that_the_desk_keeps() -> None:
    page = (ROOT / "app" / "exports" / "bundle" / "audit.js").read_text("utf-8")
    (names,) = re.findall(r'const names = (\["time".*?\]);', page)
    assert set(json.loads(names)) == set(described("Transaction")["required"])
    assert {*json.loads(names), "place", "id"} == set(evidence.Transaction.model_fields)
    (pattern,) = re.findall(r"const isMoney = .*?/\^(.*?)\$/\.test", page)
    for amount in ("0", "9400.120", "9999999999999.99", "0.01"):
        kept = evidence.check({**FULL, "transactions": [{**TRANSACTIONS[0], "amount": amount}]}).transactions[0].amount
        assert re.fullmatch(pattern, kept, re.ASCII)
        assert money.read(kept) is not None
    for text in ("9400", "9400.1", "9400.125", "-1.00", "1,000.00", "1e5", "٩.٠٠"):
        assert not re.fullmatch(pattern, text, re.ASCII)
