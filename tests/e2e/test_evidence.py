"""The evidence of a case under one's hands: the days of the chart by keyboard and finger, the tables by their heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from app import opening
from app.database import Database
from app.models import ALERT_FEED
from tests.conftest import ANALYST, TRANSACTIONS, alert
from tests.e2e.server import enter, settled

if TYPE_CHECKING:
    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]


def test_a_day_is_told_to_the_keyboard_and_a_table_is_sorted_by_its_heads(
    browser: Chromium, address: str, desk: Database
) -> None:
    rows = [
        {**row, "amount": f"{amount}.00", "counterparty": name}
        for row, amount, name in zip(TRANSACTIONS, (9000, 800, 10000), ("Bo", "Cy", "Anna"), strict=False)
    ]
    case_id = opening.open_case(desk, ALERT_FEED, alert(transactions=rows)).case_id
    with browser.tab() as page:
        enter(page, f"{address}/case?case_id={case_id}", ANALYST)
        day = page.get_by_role("radio", name="in USD")
        expect(day).to_have_count(3)
        settled(page)
        day.first.focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".chart .tip:visible")).to_have_text(
            "Tue 06 Jan 2026: in USD 800.00, leaves USD 9,800.0015:00 in USD 800.00, Cash (branch), Cy"
        )
        table = page.get_by_role("region", name="Transactions of the alert")
        head = table.get_by_role("button", name="Amount (USD)")
        orders = []
        for _ in range(3):
            head.click()
            cell = page.get_by_role("columnheader", name="Amount (USD)")
            orders.append((cell.get_attribute("aria-sort"), table.locator("tbody td:nth-child(5)").all_inner_texts()))
        assert orders == [
            ("ascending", ["Cy", "Bo", "Anna"]),
            ("descending", ["Anna", "Bo", "Cy"]),
            ("none", ["Bo", "Cy", "Anna"]),
        ]
