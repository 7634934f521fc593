"""What the desk's styles and scripts pick out of Streamlit's pages is there: else a release of Streamlit renamed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from app import casework, database, settings, triage_query
from app.log import checkpoint
from app.models import Status
from app.triage_query import Filters, Order
from seed.generate import generate
from seed.load import load
from seed.people import ANALYSTS, MANAGERS
from tests.e2e.server import free_port, served, settled
from tests.e2e.test_accessibility import decide_as_sar, draft_sar

if TYPE_CHECKING:
    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]

WEB = settings.ROOT / "app" / "web"
STYLES = [(WEB / name).read_text("utf-8") for name in ("desk.css", "print.css")]
FOUND = (
    """([styles]) => {
"""
    + (WEB / "streamlit.js").read_text("utf-8")
    + """
  const told = { ...streamlit };
  delete told.state;
  const selectors = Object.values(told).filter((value) => typeof value === "string");
  const read = (rules) => {
    for (const rule of rules) {
      if (rule instanceof CSSStyleRule) selectors.push(...rule.selectorText.split(/,(?![^(]*\\))/));
      else if (rule.cssRules) read(rule.cssRules);
    }
  };
  for (const style of styles) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    read(sheet.cssRules);
  }
  const whole = (selector) => selector
    .replace(/:(?:not|has|is)\\(:(?:hover|focus-visible)(?:, :focus-within)?\\)/g, "")
    .replace(/::[\\w-]+|:(?:hover|focus-visible|focus-within)/g, "");
  return selectors.map((selector) => [selector.trim(), document.querySelector(whole(selector)) !== null]);
}"""
)
"""Of each selector of the styles, and of what the scripts go by: whether something on the page is picked out by it."""


ELSEWHERE = {
    "pre .token": "where nobody can sign in yet: an example of settings; axe judges its contrast",
    '[data-testid="stText"]': "where a case cannot be shown: what verification found",
    ".on-paper": "below a timeline of which a part is shown; the desk's own",
    ".clock.quiet": "on a SAR that was filed in time; the desk's own",
    "[data-testid] ul.errors": "what FinCEN found wrong, from its file; a list of the desk's own",
    **dict.fromkeys(
        (
            *(".chart .cut", ".chart .cut.out", ".chart .high", ".chart .high.out", ".chart .line.below span"),
            *(":is(.chart, .legend) i.other", ".flow li.none"),
        ),
        "in pictures of days beyond their scale, and of what did not fire; the desk's own",
    ),
}
"""What this small demo shows nowhere, and where it is."""


class Demo(NamedTuple):
    """A desk that is served, and in it a case whose SAR is drafted, and one whose draft waits for approval."""

    address: str
    drafting: str
    drafted: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A small demo, with cases to decide on and to review, and a checkpoint."""
    folder: Path = tmp_path_factory.mktemp("desk")
    config = settings.Settings(str(folder / "desk.db"), folder, checkpoints=folder / "checkpoints")
    generate(folder / "csv", 60, 3, date(2026, 1, 31), lambda done, cases: None)
    with closing(database.connect(config)) as made:
        load(made, folder / "csv")
        checkpoint.begin(made, config, anew=False)
        found = made.read(lambda tx: triage_query.triage_page(tx, Filters(), Order.DUE, 100)).cases
        others = [case for case in found if case.status is Status.IN_REVIEW and case.owner != ANALYSTS[0].user_id]
        drafting, drafted = (case.case_id for case in others[:2])
        for case_id in (drafting, drafted):
            casework.assign(made, MANAGERS[0].user_id, case_id, ANALYSTS[0].user_id, "Knows the branch.")
            decide_as_sar(made, case_id)
        for words in ("See attached.", "She paid in. See attached."):
            draft_sar(made, drafted, words)
    with served(folder, {"AML_DATABASE": config.database, "AML_EXPORTS": str(folder)}, free_port()) as where:
        yield Demo(where, drafting, drafted)


def walk(page: Page, demo: Demo) -> Iterator[str]:
    """Each page with what it can show; after each stop, what is there is looked at."""
    address = demo.address
    page.goto(f"{address}/?tour=1&owner=Unassigned")
    page.locator("table").wait_for()
    page.get_by_role("checkbox", name="Select AML", disabled=False).first.click()
    page.locator(".st-key-selection").wait_for()
    yield "triage"
    page.get_by_role("button", name="Clear", exact=True).click()
    settled(page)
    page.locator("table a").first.click()
    page.get_by_role("heading", name="Timeline").wait_for()
    settled(page)
    page.get_by_role("button", name="Assign to me").click()
    page.get_by_test_id("stToast").wait_for()
    yield "case"
    page.get_by_role("tab", name="Decide").click()
    page.get_by_role("radio", name="SAR", exact=True).click()
    page.get_by_role("button", name="Close as SAR").click()
    expect(page.locator("[aria-invalid]")).to_have_count(2)
    yield "refused"
    page.get_by_role("radio", name="SAR", exact=True).click()
    page.get_by_role("button", name="Decide", exact=True).click()
    page.locator("[role=radiogroup][aria-invalid]").wait_for()
    yield "undecided"
    page.get_by_role("tab", name="Assign").click()
    page.get_by_role("button", name="Assign", exact=True).last.click()
    page.locator("input[aria-invalid]").wait_for()
    yield "nobody"
    page.goto(f"{address}/case?case_id={demo.drafting}")
    page.get_by_role("textbox", name="Narrative").fill("")
    page.get_by_role("textbox", name="Narrative").press("Tab")
    page.locator(".critical").wait_for()
    page.get_by_role("tab", name="Note").click()  # which opens the bar at the foot
    yield "drafting"
    page.goto(f"{address}/case?case_id={demo.drafted}")
    page.locator("ins").first.wait_for()
    yield "drafted"
    page.goto(f"{address}/qa")
    page.get_by_role("region", name="Awaiting").get_by_role("link").first.click()
    page.locator(".st-key-review_panel").wait_for()
    case_id = page.locator(".st-key-review_panel").get_by_role("heading").first.inner_text()
    yield "qa"
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/exports")
    page.get_by_text("Type the id of a case").wait_for()
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").wait_for()
    yield "phone"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{address}/exports?case_id={case_id}")
    page.locator(".summary").wait_for()
    yield "summary"
    page.get_by_role("tab", name="Audit CSV").click()
    page.get_by_test_id("stElementToolbar").first.wait_for(state="attached")
    page.get_by_role("tab", name="Verify the database").click()
    page.locator("pre:visible").first.wait_for()
    yield "exports"


def test_what_styles_and_scripts_pick_out_of_streamlits_pages_is_there(browser: Chromium, demo: Demo) -> None:
    there: dict[str, bool] = {}
    with browser.tab() as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        for _ in walk(page, demo):
            settled(page)
            for selector, is_there in page.evaluate(FOUND, [STYLES]):
                there[selector] = there.get(selector, False) or is_there
        app = page.locator(".stApp")
        expect(app).to_have_attribute(re.search(r'state: "([\w-]+)"', FOUND)[1], "notRunning")  # type: ignore[index]
    assert len(there) > 90
    assert {selector for selector, is_there in there.items() if not is_there} == set(ELSEWHERE)
