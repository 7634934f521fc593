"""How a page looks, in a real browser: nothing is cut at any width, on paper, or where a text runs from the right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from app import casework, opening, users
from app.database import Database
from app.models import ALERT_FEED, Disposition, Role, User
from app.policy import Decision
from tests.conftest import ANALYST, MANAGER, alert
from tests.e2e.server import enter, settled

if TYPE_CHECKING:
    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]

LONG = User("j.whitfield", "Jordan Whitfield", Role.ANALYST, active=True)
ARABIC = "محمد عبد الله"


@pytest.fixture(scope="module")
def desk(desk: Database) -> Database:
    users.add_user(desk, LONG.user_id, LONG.name, LONG.role)
    return desk


@pytest.fixture(scope="module")
def case_id(desk: Database) -> str:
    """A case closed as SAR, its customer and its notes in Arabic; and an open one whose every cell is long."""
    closed = opening.open_case(desk, ALERT_FEED, alert(customer_name=ARABIC, alert=ARABIC)).case_id
    casework.assign(desk, MANAGER.user_id, closed, MANAGER.user_id)
    casework.add_note(desk, MANAGER.user_id, closed, ARABIC)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    decision = Decision(Disposition.SAR, "Structured.", determined_at=today)
    casework.set_disposition(desk, MANAGER.user_id, closed, decision)
    long = {
        "alert_id": "TM-1",
        "customer_name": "Andriievych Stone & Tile Import LLC",
        "typology": "Dormant account reactivated",
    }
    opened = opening.open_case(desk, ALERT_FEED, alert(**long, amount="5521938.86")).case_id
    casework.assign(desk, MANAGER.user_id, opened, LONG.user_id, "Knows the branch.")
    return closed


def test_the_queue_shows_each_column_whole_and_the_picker_each_role(
    browser: Chromium, address: str, case_id: str
) -> None:
    with browser.tab() as page:
        enter(page, f"{address}/?closed=true", LONG)
        expect(page.locator("tbody tr")).to_have_count(2)
        for width in (1440, 1280, 1024):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_function("width => innerWidth === width", arg=width)
            assert page.locator(".frame").evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0
            for name in ("Due", "Owner", "Status"):
                expect(page.get_by_role("columnheader", name=name)).to_be_in_viewport(ratio=1)
            expect(page.get_by_role("cell", name="SAR · To draft")).to_be_in_viewport(ratio=1)
            picker = page.get_by_role("combobox", name="Acting as")
            assert picker.evaluate("input => input.scrollWidth - input.clientWidth") <= 0


def test_on_a_phone_each_case_is_a_card_and_an_order_can_be_chosen(
    browser: Chromium, address: str, case_id: str
) -> None:
    with browser.tab() as page:
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(f"{address}/?closed=true")
        expect(page.locator("tbody tr")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator(".frame").evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0
        card = page.get_by_role("row").filter(has=page.get_by_role("link", name=case_id))
        card.scroll_into_view_if_needed()
        for cell in card.get_by_role("cell").all():
            expect(cell).to_be_in_viewport(ratio=0.99)  # parts of pixels
        page.get_by_role("combobox", name="Order").click()
        page.get_by_role("option", name="Lowest risk").click()
        page.wait_for_url("**order=Lowest*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_case_on_paper_is_one_column_in_black_with_its_banner_and_nothing_to_click(
    browser: Chromium, address: str, case_id: str, scheme: Literal["light", "dark"]
) -> None:
    with browser.tab() as page:
        page.set_viewport_size({"width": 700, "height": 1000})
        page.emulate_media(color_scheme=scheme)
        enter(page, f"{address}/case?case_id={case_id}", ANALYST)
        page.get_by_role("heading", name="Timeline").wait_for()
        settled(page)
        page.emulate_media(media="print")
        for gone in ("button", "textarea", "[role=tab]", "[data-testid=stSidebar]", "[data-testid=stHeader]", "input"):
            assert not [one for one in page.locator(gone).all() if one.is_visible() and one.inner_text()[:1] != "#"]
        page.get_by_text("Restricted SAR material").wait_for()
        for heading in (case_id, "Alert", "Timeline"):
            page.get_by_role("heading", name=heading).wait_for()
        expect(page.locator(".st-key-timeline li")).to_have_count(5)
        ink = page.locator("dd, td:not(.quiet), .notes, .told").evaluate_all(
            "parts => [...new Set(parts.map((part) => getComputedStyle(part).color))]"
        )
        assert ink == ["rgb(0, 0, 0)"]
        for part in page.locator(".frame, [data-testid=stGridCell], dl, ol").all():
            place = part.bounding_box()
            assert place is None or (place["x"] >= 0 and place["x"] + place["width"] <= 700)
        sheets = page.locator("[data-testid=stMain]").evaluate("main => [main.scrollHeight, main.clientHeight]")
        assert sheets[0] - sheets[1] <= 1  # not a pixel more than rounding


def test_what_runs_from_the_right_is_shown_from_the_right(browser: Chromium, address: str, case_id: str) -> None:
    with browser.tab() as page:
        page.goto(f"{address}/?closed=true")
        expect(page.locator("td.name").filter(has_text=ARABIC)).to_have_css("direction", "rtl")
        page.goto(f"{address}/case?case_id={case_id}")
        expect(page.locator("dd").filter(has_text=ARABIC).first).to_have_css("direction", "rtl")
        expect(page.locator(".notes").filter(has_text=ARABIC)).to_have_css("direction", "rtl")
        expect(page.locator(".notes").filter(has_text="Structured.")).to_have_css("direction", "ltr")
        page.get_by_role("tab", name="Note").click()
        for text in (page.locator(".why .told").filter(has_text=ARABIC), page.get_by_role("textbox", name="Note")):
            expect(text).to_have_css("unicode-bidi", "plaintext")


def test_no_page_speaks_of_the_engine_room(browser: Chromium, address: str, case_id: str) -> None:
    with browser.tab() as page:
        for path, words in ((f"case?case_id={case_id}", "Timeline"), ("qa", "Awaiting review")):
            enter(page, f"{address}/{path}", MANAGER)
            page.get_by_text(words).first.wait_for()
            shown = page.locator("[data-testid=stApp]").inner_text()
            assert not [word for word in ("CHECKSUM", "Service level", "qa_pass", "qa_fail") if word in shown]
