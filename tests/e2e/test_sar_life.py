"""The life of a SAR in a real browser: three people, each in a window of their own, from the alert to an amendment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app import opening, sar_track, verification
from app.models import ALERT_FEED, Action, Filing
from tests.conftest import ALERT, ANALYST, MANAGER, OTHER_MANAGER, stored
from tests.e2e.server import enter, free_port, peopled, served, settled
from tests.test_acknowledgement import answer

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

    from app.database import Database
    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.timeout(300)

BSA_ID = "31000055053784"
WHO = (ANALYST, MANAGER, OTHER_MANAGER)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    with peopled(tmp_path) as made:
        yield made


@pytest.fixture
def case_id(desk: Database) -> str:
    return opening.open_case(desk, ALERT_FEED, ALERT).case_id


@pytest.fixture
def pages(desk: Database, case_id: str, browser: Chromium, tmp_path: Path) -> Iterator[list[Page]]:
    """Everybody on the page of the case."""
    configured = {"AML_DATABASE": str(desk), "AML_EXPORTS": str(tmp_path)}
    with served(tmp_path, configured, free_port()) as address, ExitStack() as stack:
        found = [stack.enter_context(browser.tab()) for _ in WHO]
        for page, person in zip(found, WHO, strict=True):
            enter(page, f"{address}/case?case_id={case_id}", person)
        yield found


def open_bar(page: Page) -> None:
    """What brings the SAR on, at the foot of the page."""
    if page.evaluate("document.documentElement.dataset.hands") != "open":
        page.locator(".st-key-actions").get_by_role("tab").first.press("Enter")


def press(page: Page, label: str, told: str) -> None:
    """Press a button by the keyboard, until the page tells the words."""
    button = page.get_by_role("button", name=label, exact=True)
    if not button.is_visible():
        open_bar(page)
    expect(button).to_be_enabled()
    settled(page)
    button.press("Enter")
    page.get_by_text(told).first.wait_for()
    settled(page)


def anew(page: Page, words: str) -> None:
    page.reload()
    page.get_by_text(words).first.wait_for()
    settled(page)


def test_three_people_take_a_sar_from_its_alert_to_an_amendment(
    pages: list[Page], desk: Database, case_id: str
) -> None:
    analyst, manager, other = pages
    analyst.get_by_role("button", name="Assign to me").click()
    analyst.get_by_text("Case assigned to you.").wait_for()
    analyst.get_by_role("tab", name="Decide").click()
    analyst.get_by_role("radio", name="SAR", exact=True).click()
    analyst.get_by_role("textbox", name="Rationale").fill("Structured below the threshold.")
    year = analyst.get_by_role("spinbutton", name="year, Suspicion determined on")
    year.press_sequentially(f"{datetime.now(UTC):%Y%m%d}")
    analyst.keyboard.press("Escape")  # the calendar, which lies over the button
    press(analyst, "Close as SAR", "Due in 30 days")

    press(analyst, "Save the draft", "The desk began this text")
    narrative = analyst.get_by_role("textbox", name="Narrative")
    narrative.fill("She paid in at Main St. See attached.")
    narrative.press("Control+Enter")
    analyst.get_by_text("Nothing is attached: say here what it shows.").wait_for()
    analyst.get_by_text("37 of 20,000 characters").wait_for()
    settled(analyst)
    anew(analyst, "What is missing")
    expect(narrative).to_have_value("She paid in at Main St. See attached.")
    narrative.fill("She paid in at the branch in Main St, seven times.")
    press(analyst, "Save the draft", "Draft saved: it waits for approval.")

    anew(manager, "This is the first draft.")
    open_bar(manager)
    manager.get_by_role("textbox", name="Reason to return").fill("What would be expected of her?")
    press(manager, "Return the draft", "Draft returned.")

    anew(analyst, "What would be expected of her?")
    narrative.fill("She paid in at the branch in Main St, seven times. She is a student without income.")
    press(analyst, "Save the draft", "Draft saved: it waits for approval.")

    anew(manager, "Changed since the draft")
    expect(manager.locator("ins")).to_have_text("She is a student without income.")
    press(manager, "Approve the draft", "Draft approved: it can be filed.")

    anew(analyst, "To file")
    press(analyst, "Keep as filed", "Kept as filed.")

    anew(other, "it can be amended, not undone")
    open_bar(other)
    other.get_by_text("it can be amended, not undone").first.wait_for()
    sent = answer(f"<BSAID>{BSA_ID}</BSAID>")
    file: FilePayload = {"name": "answer.xml", "mimeType": "text/xml", "buffer": sent}
    other.locator("input[type=file]").set_input_files(file)
    press(other, f"Keep BSA id {BSA_ID} for {case_id}", f"Acknowledged: BSA id {BSA_ID}.")

    anew(analyst, "Acknowledged")
    open_bar(analyst)
    analyst.get_by_role("textbox", name="Reason to amend").fill("A second account was found.")
    press(analyst, "Amend the report", "The draft is back, to be amended.")
    expect(analyst.get_by_role("textbox", name="BSA id of the report before")).to_have_value(BSA_ID)

    case, events = stored(desk, case_id)
    assert [step.action for step in sar_track.steps(events)] == [
        Action.DISPOSITION,
        Action.SAR_DRAFT,
        Action.SAR_RETURN,
        Action.SAR_DRAFT,
        Action.SAR_APPROVE,
        Action.SAR_FILE,
        Action.SAR_ACKNOWLEDGE,
        Action.SAR_AMEND,
    ]
    assert (case.filing, case.bsa_id) == (Filing.TO_DRAFT, "")
    assert case.filed_at is not None
    assert verification.verify_case(desk, case_id).intact
