"""The guided demo and fresh demo data in a real browser: what a presenter does, and what the audience sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app import database, repository, settings
from app.database import Database
from app.demo import steps
from app.log import checkpoint
from app.models import Action, Filing, Status
from seed.generate import generate
from seed.load import load
from tests.e2e.server import settled

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.timeout(180)


IN_SIGHT = """([key, number]) => {
  const part = document.querySelector(`.st-key-${key}`), bar = document.querySelector(".st-key-tour");
  if (!part || !bar?.textContent.includes(`Step ${number} of`)) return false;
  const [seen, below] = [part.getBoundingClientRect(), bar.getBoundingClientRect()];
  const header = document.querySelector("[data-testid=stHeader]").getBoundingClientRect();
  const shown = Math.min(seen.bottom, below.top) - Math.max(seen.top, header.bottom);
  const room = below.top - header.bottom;
  const isOutlined = getComputedStyle(part).outlineStyle === "solid";
  return isOutlined && seen.width > 100 && shown >= Math.min(seen.height, room * .6);
}"""
"""Whether the part that a step talks about is outlined and in sight, between the header and the bar: whole, or as much
as has room.
"""

IS_ABOVE_THE_BAR = """(one) => {
  return one.getBoundingClientRect().bottom <= document.querySelector(".st-key-tour").getBoundingClientRect().top;
}"""


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Database]:
    """A small demo: cases to take, to decide on and to review, and some that were closed as SAR."""
    config = settings.Settings(str(folder / "desk.db"), folder, checkpoints=folder / "checkpoints")
    generate(folder / "csv", 60, 3, date(2026, 1, 31), lambda done, cases: None)
    with closing(database.connect(config)) as made:
        load(made, folder / "csv")
        checkpoint.begin(made, config, anew=False)
        yield made


def button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} button")


def choose(page: Page, field: str, option: str) -> None:
    """A list closes where the page scrolls or a run ends: neither is to come any more when it is opened."""
    box = page.get_by_role("combobox", name=field)
    box.wait_for()
    settled(page)
    box.evaluate("box => box.scrollIntoView({ block: 'center' })")
    box.click()
    page.get_by_role("option", name=option).first.click()


def shown_case(page: Page) -> str:
    field = page.locator(".st-key-case_id input")
    expect(field).to_have_value(re.compile("AML-"))
    return field.input_value()


def wait_for(page: Page, number: int) -> None:
    """Until the step is there with all that it says, and what it talks about is in sight."""
    step = steps.STEPS[number - 1]
    expect(page.locator(".st-key-tour")).to_contain_text(f"Step {number} of 9: {step.title}")
    expect(page.locator(".tour")).to_contain_text(step.says)
    expect(page.locator(".tour")).to_contain_text(step.do.partition("{case}")[2] or step.do)
    page.wait_for_function(IN_SIGHT, arg=[step.part, number], polling=100, timeout=20_000)


def test_each_step_brings_what_it_talks_about_into_sight_and_a_reload_resumes_it(
    browser: Chromium, address: str
) -> None:
    """On a small screen; on a large one the next test takes the same steps."""
    with browser.tab() as page:
        page.set_viewport_size({"width": 800, "height": 900})
        page.emulate_media(color_scheme="dark")
        console: list[str] = []
        page.on("console", lambda message: console.append(message.text))
        page.goto(address)
        button(page, "tour_start").click()
        for number in range(1, len(steps.STEPS) + 1):
            wait_for(page, number)
            assert f"tour={number}" in page.url
            if number in (4, 6, 8):
                before = page.url
                page.reload()
                wait_for(page, number)
                assert page.url == before
            if number < len(steps.STEPS):
                button(page, "tour_next").click()
        button(page, "tour_leave").evaluate("leave => { leave.click(); setTimeout(() => leave.click(), 100); }")
        expect(page.locator(".st-key-tour")).to_have_count(0)
        button(page, "tour_start").wait_for()
        assert "tour=" not in page.url
        settled(page)
        expect(page.get_by_text("encountered an error")).to_have_count(0)
        assert not [line for line in console if "Error" in line]


def test_what_a_step_asks_for_can_be_done_on_its_page(browser: Chromium, address: str, desk: Database) -> None:
    with browser.tab() as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{address}/?tour=1")
        wait_for(page, 1)
        button(page, "tour_next").click()
        wait_for(page, 2)
        case_id = shown_case(page)
        settled(page)
        page.keyboard.press("a")
        page.get_by_text("Case assigned to you.").wait_for()
        page.get_by_role("link", name="Triage").click()
        button(page, "tour_go").click()
        wait_for(page, 2)
        expect(page.locator(".st-key-case_id input")).to_have_value(case_id)
        for number in (3, 4):
            button(page, "tour_next").click()
            wait_for(page, number)
        expect(page.get_by_role("tab", name="Decide")).to_have_attribute("aria-selected", "true")
        page.get_by_role("radio", name="No SAR").click()
        page.get_by_role("button", name="Close as No SAR").click()
        page.get_by_text("rationale is empty").wait_for()
        page.get_by_label("Rationale").fill("The takings match the tax filings.")
        page.get_by_role("button", name="Close as No SAR").click()
        page.get_by_text("Disposition set: No SAR.").wait_for()
        button(page, "tour_next").click()
        wait_for(page, 5)
        page.locator(".st-key-timeline").get_by_text("The takings match the tax filings.").wait_for()
        button(page, "tour_next").click()
        wait_for(page, 6)
        approved = shown_case(page)
        button(page, "tour_next").click()
        wait_for(page, 7)
        expect(page.locator(".st-key-review_panel")).to_have_count(0)
        reviewed = page.locator(".tour").inner_text().partition("Open ")[2][:12]
        page.get_by_role("link", name=reviewed).click()
        page.locator(".st-key-review_panel").get_by_role("heading", name=reviewed).wait_for()
        record = page.get_by_role("button", name="Record")
        assert record.evaluate(IS_ABOVE_THE_BAR), "the verdict is out of sight"
        page.get_by_role("radio", name="Pass").click()
        record.click()
        page.get_by_text("Pass recorded.").wait_for()
        button(page, "tour_next").click()
        wait_for(page, 8)
        exported = shown_case(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Bundle for an examiner").click()
        assert download.value.suggested_filename == f"{exported}.zip"
        button(page, "tour_next").click()
        wait_for(page, 9)
        page.get_by_role("heading", name=exported).wait_for()
        panel = page.locator(".st-key-try")
        expect(panel.get_by_role("radio", name="Rewrite from here on")).to_be_checked()
        expect(panel.get_by_role("combobox", name="Event")).to_have_value(re.compile("disposition"))
        panel.get_by_text("Make the case row agree with it").click()
        panel.get_by_text("Only the signed checkpoint catches this").wait_for()
    with desk.snapshot() as tx:
        assert repository.case(tx, case_id).status is Status.CLOSED
        assert repository.case(tx, approved).filing is Filing.TO_APPROVE
        assert repository.case(tx, reviewed).qa_result
        assert Action.EXPORT in [event.action for event in repository.events(tx, exported)]


def test_a_reset_asks_first_and_begins_anew_for_all_who_have_the_desk_open(
    browser: Chromium, address: str, desk: Database
) -> None:
    def case_ids() -> set[str]:
        return desk.read(lambda tx: {case_id for case_id, *_ in repository.all_chains(tx)})

    before = case_ids()
    with browser.tab() as other, browser.tab() as page:
        other.goto(f"{address}/?tour=3")
        button(other, "tour_go").click()
        wait_for(other, 3)
        page.goto(f"{address}/?q=a&risk=High")
        choose(page, "Acting as", "Manager")
        button(page, "reset").click()
        page.get_by_role("dialog").get_by_text("is lost, for everybody").wait_for()
        button(page, "reset_not").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert case_ids() == before
        button(page, "reset").click()
        button(page, "reset_sure").click()
        page.get_by_text("The demo data are new.").wait_for(timeout=60_000)
        assert not case_ids() & before
        expect(page.get_by_role("searchbox", name="Search")).to_have_value("")
        expect(page.get_by_role("combobox", name="Acting as")).to_have_value(re.compile(", Analyst"))
        assert page.url.rstrip("/") == address
        other.get_by_role("button", name="Add note").click()
        other.get_by_text("Not done: There is no case").wait_for()
