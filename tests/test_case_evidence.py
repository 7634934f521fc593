"""The evidence of a case on its page: each alert with what it rests on, its money, who is on the other side."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import casework, connected, evidence, opening, repository
from app.database import Database
from app.models import ALERT_FEED, Disposition
from app.policy import Decision
from app.ui import alert as evidence_page
from app.ui import facts, tables
from tests.conftest import FACTS, MANAGER, TRANSACTIONS, OpenCase
from tests.markup import tags_of
from tests.test_pages import component, open_page, served

__all__ = ["served"]

ROWS = [{**row, "id": f"T{number}"} for number, row in enumerate(TRANSACTIONS)]


def html_of(page: AppTest) -> str:
    return "\n".join(html.proto.body for html in page.get("html"))


def column(page: AppTest, table: str, label: str) -> list[str]:
    data = component(page, table)
    (place,) = (number for number, one in enumerate(data["columns"]) if one["label"] == label)
    return [row["cells"][place]["text"] for row in data["rows"]]


def told(**facts: Any) -> Any:
    return evidence.check({**FACTS, "amount": "65800.00", "customer": {"expected_monthly": "3000.00"}, **facts})


def test_each_alert_stands_with_what_it_rests_on_and_each_transaction_once(desk: Database) -> None:
    opening.open_alerts(
        desk,
        ALERT_FEED,
        [
            told(alert_id="TM-1", transactions=ROWS, triggered_by=["T0", "T1"]),
            told(alert_id="TM-2", typology="Money mule", alert="New.", transactions=ROWS[5:], triggered_by=["T6"]),
        ],
    )
    with desk.snapshot() as tx:
        (case_id,) = [str(row["case_id"]) for row in tx.fetch_all("SELECT case_id FROM cases", ())]
    page = open_page("case", case_id=case_id)
    html = html_of(page)
    assert re.findall("<p class='told' dir='auto'>(.+?)</p>", html) == [FACTS["alert"], "New."]
    for said in (
        "2. Money mule, High 87",
        "Expected about USD 3,000.00 a month; USD 65,800.00 came in within 7 days, 22 times that.",
        "Expected about USD 3,000.00 a month; USD 18,800.00 came in within 2 days, 6.3 times that.",
        "Alert TM-1 · ",
        "2 of its 7 transactions fired it:\N{NO-BREAK SPACE}●",
        "1 of its 2 transactions fired it:\N{NO-BREAK SPACE}●",
    ):
        assert said in html
    assert column(page, "transactions", "Fired") == ["●", "●", "", "", "", "", "●"]
    assert column(page, "transactions", "Alert") == ["1", "1", "1", "1", "1", "1, 2", "1, 2"]
    assert column(page, "counterparties", "Count") == ["7"]
    assert html.count("<i class='in quiet'") == 4 + 1, "of the chart's days, and of the one band"


def test_what_people_are_called_is_markup_in_no_picture_and_no_block(open_case: OpenCase) -> None:
    nasty = "</b></li><script>x</script>'\"><img src=x>"
    rows = [
        {**TRANSACTIONS[0], "counterparty": nasty, "channel": nasty},
        {**TRANSACTIONS[1], "counterparty": "Bo", "direction": "out"},
    ]
    customer = {"occupation": nasty, "since": "2025-12-01", "account": nasty}
    page = open_page("case", case_id=open_case(customer_name=nasty, customer=customer, transactions=rows).case_id)
    for html in page.get("html"):
        assert not {"script", "img"} & tags_of(html.proto.body)
    assert column(page, "counterparties", "Counterparty") == [f"{nasty} (the customer)", "Bo"]


def test_the_customer_stands_with_how_their_other_cases_ended(desk: Database, open_case: OpenCase) -> None:
    customer = {"kind": "Individual", "since": "2025-07-01", "expected_monthly": "3000.00"}
    first, other, _ = (open_case(customer=customer, currency=currency).case_id for currency in ("USD", "EUR", "GBP"))
    casework.assign(desk, MANAGER.user_id, other, MANAGER.user_id)
    casework.set_disposition(desk, MANAGER.user_id, other, Decision(Disposition.NO_SAR, "Payroll."))
    html = html_of(open_page("case", case_id=first))
    for name, value in (
        ("Kind", "Individual"),
        ("Expected monthly", "USD 3,000.00"),
        ("Other cases", "1 No SAR, 1 open"),
        ("Prior SARs", "None"),
    ):
        assert f"<dt>{name}</dt><dd dir='auto'>{value}</dd>" in html
    assert re.search(r"<dt>Customer since</dt><dd dir=.auto.>\S+ \(for \d+ \w+\)</dd>", html)


def test_a_report_of_before_stands_with_its_id_and_the_day_of_its_filing(
    open_case: OpenCase, desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case()
    filed = replace(
        case, disposition=Disposition.SAR, filed_at=datetime(2026, 2, 3, tzinfo=UTC), bsa_id="31000055053784"
    )
    with desk.snapshot() as tx:
        none = repository.other_cases(tx, "nobody", "")
    reports = type(none)()
    reports.extend([filed] * 5)
    drawn: list[Any] = []
    monkeypatch.setattr(tables, "facts", drawn.extend)
    with desk.snapshot() as tx:
        kept = evidence.read(repository.events(tx, case.case_id))
    facts.show_customer(case, kept, none, reports)
    one = f"{case.case_id} filed 2026-02-03 BSA id 31000055053784"
    assert dict(drawn)["Prior SARs"] == f"{one}; {one}; {one} and 2 more"


def test_how_many_other_cases_know_a_counterparty_is_told(
    open_case: OpenCase, desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = open_case(transactions=[{**row, "counterparty": f"Firm {n}"} for n, row in enumerate(TRANSACTIONS[:2])])
    with desk.snapshot() as tx:
        kept = evidence.read(repository.events(tx, case.case_id))
    drawn: list[Any] = []
    monkeypatch.setattr(tables, "draw", lambda data, key: drawn.append(data))
    evidence_page.show(kept, case, {"Firm 0": 3, "Firm 1": connected.COMMON + 1})
    _, known = drawn
    assert [row["cells"][-1] for row in known["rows"]] == [{"text": "3", "sort": 3}, {"text": "50+", "sort": 51}]
    assert known["columns"][-1]["label"] == "Other cases"
    assert known["rows"][0]["cells"][2] == {"text": "9,400.00", "sort": float(Decimal(9400))}
