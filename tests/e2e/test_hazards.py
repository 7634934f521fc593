"""What goes wrong at a desk, in a real browser: stale pages, fast hands, old links, a dead server, hostile text."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from time import sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from app import casework, opening, triage_query, unsent, users
from app.models import ALERT_FEED, Action, Disposition, Risk, User
from app.policy import Decision
from app.triage_query import Filters, Order
from app.ui import session
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, OTHER_MANAGER, REVIEWER, TRANSACTIONS, alert, stored
from tests.e2e.server import alert_ids, enter, free_port, is_end_of_run, served, settled

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Dialog, Download, Locator, Page, WebSocket

    from app.database import Database
    from tests.browser import Chromium

    Pages = tuple[Page, Page, Page]

pytest_plugins = ["tests.browser"]
pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("nothing_waits")]

SAMPLED, NOT_SAMPLED = alert_ids(True), alert_ids(False)


@pytest.fixture(scope="module")
def pages(browser: Chromium) -> Iterator[Pages]:
    """Three tabs, in each of which somebody else may act. Whatever a test opens in them is a new session."""
    with browser.tab() as one, browser.tab() as two, browser.tab() as three:
        yield one, two, three


def open_case(desk: Database, owner: User | None = None, sampled: bool = False, **facts: Any) -> str:
    """The id of a new case, in QA's sample or not; any fact can be given."""
    told = alert(alert_id=next(SAMPLED if sampled else NOT_SAMPLED), **facts)
    opening.open_alerts(desk, ALERT_FEED, [told], separate=True)
    case_id = next(opening.case_ids(told.alert_id))
    if owner:
        casework.assign(desk, MANAGER.user_id, case_id, owner.user_id, "Knows the branch.")
    return case_id


def deeds(desk: Database, case_id: str) -> list[tuple[str, str]]:
    """Who did what after the case was opened."""
    return [(event.user, event.action) for event in stored(desk, case_id)[1][1:]]


def case_page(address: str, case_id: str) -> str:
    return f"{address}/case?case_id={case_id}"


def expect_case(page: Page, case_id: str) -> None:
    page.get_by_role("heading", name=case_id).wait_for()


def expect_list(page: Page, case_ids: list[str]) -> None:
    """These cases in this order, and no others."""
    expect(page.locator("tbody tr a")).to_have_text(case_ids)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name)


def decide(page: Page, rationale: str) -> None:
    """Choose No SAR and write a rationale; nothing is sent yet."""
    page.get_by_role("tab", name="Decide").click()
    page.get_by_role("radio", name="No SAR").click()
    button(page, "Close as No SAR").wait_for()
    box(page, "Rationale").fill(rationale)


def judge(page: Page, case_id: str, verdict: str) -> None:
    """Choose a case of QA's sample and a verdict on it; nothing is sent yet."""
    page.get_by_role("link", name=case_id).click()
    expect_case(page, case_id)
    settled(page)
    page.get_by_role("radio", name=verdict).click()
    expect(page.get_by_role("radio", name=verdict)).to_be_checked()


def expect_refusal(page: Page, happened: str) -> None:
    """The form was refused because the case moved, and the page shows what happened meanwhile."""
    refusal = page.locator(".st-key-refused")
    expect(refusal).to_contain_text("changed while you had it open, so nothing was saved")
    expect(refusal.get_by_role("listitem")).to_have_count(1)
    expect(refusal.get_by_role("listitem")).to_contain_text(happened)
    settled(page)


# --- stale forms ---


def test_of_two_decisions_on_a_case_the_second_is_refused_and_keeps_its_text(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk, owner=ANALYST)
    one, two, _ = pages
    enter(one, case_page(address, case_id), ANALYST)
    enter(two, case_page(address, case_id), MANAGER)
    decide(one, "The deposits have no source.")
    decide(two, "The takings match the tax filings.")
    button(two, "Close as No SAR").click()
    two.get_by_text("Disposition set: No SAR.").wait_for()
    before = deeds(desk, case_id)
    button(one, "Close as No SAR").click()
    expect_refusal(one, "The takings match the tax filings.")
    expect(box(one, "Rationale")).to_have_value("The deposits have no source.")
    one.get_by_text("The case is closed already.").wait_for()
    expect(button(one, "Close as No SAR")).to_be_disabled()
    assert deeds(desk, case_id) == before == [(MANAGER.user_id, Action.ASSIGN), (MANAGER.user_id, Action.DISPOSITION)]


def test_a_decision_on_a_case_that_moved_is_refused_and_holds_when_it_is_sent_again(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk, owner=ANALYST)
    one, two, _ = pages
    enter(one, case_page(address, case_id), MANAGER)
    enter(two, case_page(address, case_id), ANALYST)
    decide(one, "The takings match the tax filings.")
    two.get_by_role("tab", name="Assign").click()
    two.get_by_role("combobox", name="New owner").click()
    two.get_by_role("option", name=OTHER_ANALYST.name).click()
    two.get_by_role("textbox", name="Reason", exact=True).fill("On leave from tomorrow.")
    button(two, "Assign").and_(two.get_by_test_id("stBaseButton-secondaryFormSubmit")).click()
    two.get_by_text(f"Case assigned to {OTHER_ANALYST.name}.").wait_for()
    before = deeds(desk, case_id)
    button(one, "Close as No SAR").click()
    expect_refusal(one, OTHER_ANALYST.name)
    assert deeds(desk, case_id) == before
    expect(box(one, "Rationale")).to_have_value("The takings match the tax filings.")
    one.wait_for_timeout(1000 * session.DOUBLE_CLICK)  # to read it
    button(one, "Close as No SAR").click()
    one.get_by_text("Disposition set: No SAR.").wait_for()
    case, events = stored(desk, case_id)
    assert deeds(desk, case_id) == [*before, (MANAGER.user_id, Action.DISPOSITION)]
    assert events[-1].notes == "The takings match the tax filings."
    assert case.disposition is Disposition.NO_SAR


# --- what a form lacks ---

FOCUSED = """(words) => {
  const told = document.activeElement.closest("[aria-describedby]")?.getAttribute("aria-describedby");
  return document.getElementById(told)?.textContent === words;
}"""
"""Whether the keyboard is on a field that these words belong to."""


def test_what_a_form_lacks_belongs_to_its_field_and_the_keyboard_goes_there_and_back_to_the_form(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk, owner=ANALYST)
    page = pages[0]
    enter(page, case_page(address, case_id), ANALYST)
    page.get_by_role("tab", name="Decide").click()
    page.get_by_role("radio", name="SAR", exact=True).click()
    button(page, "Close as SAR").click()
    rationale, date = "The rationale is empty.", "A SAR needs the date on which suspicion was determined"
    page.wait_for_function(FOCUSED, arg=rationale)
    expect(page.get_by_role("alert")).to_have_text([rationale, re.compile(date)])
    expect(box(page, "Rationale")).to_have_accessible_description(rationale)
    expect(page.get_by_role("spinbutton", name="year")).to_have_accessible_description(re.compile(date))
    box(page, "Rationale").fill("Structuring.")
    button(page, "Close as SAR").click()
    page.wait_for_function("() => document.activeElement.role === 'spinbutton'")
    expect(box(page, "Rationale")).not_to_have_attribute("aria-invalid", "true")
    page.get_by_role("tab", name="Note").click()
    box(page, "Note").fill("Teller called.")
    box(page, "Note").press("Control+Enter")
    page.get_by_text("Note added.").wait_for()
    expect(button(page, "Add note")).to_be_focused()
    assert deeds(desk, case_id)[1:] == [(ANALYST.user_id, Action.NOTE)]


def test_after_a_verdict_qa_is_back_at_its_list_and_the_keyboard_on_the_case_that_it_offers(
    pages: Pages, desk: Database, address: str
) -> None:
    sar, other = (open_case(desk, owner=ANALYST, sampled=True) for _ in range(2))
    for case_id in (sar, other):
        casework.set_disposition(
            desk, ANALYST.user_id, case_id, Decision(Disposition.SAR, "Structuring.", determined_at=datetime.now(UTC))
        )
    page = pages[0]
    enter(page, f"{address}/qa", REVIEWER)
    page.get_by_role("link", name=sar).wait_for()
    judge(page, sar, "Pass")
    button(page, "Record").click()
    page.get_by_text(f"{sar}: Pass recorded.").wait_for()
    expect(page.locator(".st-key-review_panel")).to_have_count(0)
    expect(button(page, f"Open the next, {other}")).to_be_focused()
    assert Action.VIEW not in [action for _, action in deeds(desk, other)]
    page.keyboard.press("Enter")
    expect_case(page, other)
    settled(page)
    assert (REVIEWER.user_id, Action.VIEW) in deeds(desk, other)


def test_in_qa_nothing_of_the_evidence_is_cut_and_the_verdict_stays_in_sight(
    browser: Chromium, desk: Database, address: str
) -> None:
    places = [{**one, "place": "Columbia Pike branch, Annandale VA"} for one in TRANSACTIONS * 4]
    case_id = open_case(desk, owner=ANALYST, sampled=True, transactions=places)
    casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.NO_SAR, "Payroll."))
    with browser.tab() as page:
        enter(page, f"{address}/qa", REVIEWER)
        judge(page, case_id, "Pass")
        for width in (1440, 1024):
            page.set_viewport_size({"width": width, "height": 900})
            table = page.get_by_role("region", name="Transactions")
            assert table.evaluate("frame => frame.scrollWidth <= frame.clientWidth")
            for part in (
                page.get_by_role("heading", name=case_id),
                table,
                page.get_by_role("heading", name="Timeline"),
            ):
                part.scroll_into_view_if_needed()
                expect(button(page, "Record")).to_be_in_viewport(ratio=1)


# --- what is under one's hands ---


@pytest.mark.parametrize("width", [1440, 1024])
def test_what_can_be_done_stays_in_sight_and_what_was_done_is_seen_without_the_page_moving(
    browser: Chromium, desk: Database, address: str, width: int
) -> None:
    case_id = open_case(desk, owner=ANALYST, transactions=TRANSACTIONS * 4)
    with browser.tab() as page:
        page.set_viewport_size({"width": width, "height": 900})
        enter(page, case_page(address, case_id), ANALYST)
        main = page.get_by_test_id("stMain")
        main.evaluate("main => { main.scrollTop = 500; }")
        tab = page.get_by_role("tab", name="Note")
        expect(tab).to_be_in_viewport(ratio=1)
        if width == 1024:
            expect(box(page, "Note")).not_to_be_visible()
            tab.click()
        box(page, "Note").fill("Teller called.")
        expect(button(page, "Add note")).to_be_in_viewport(ratio=1)
        button(page, "Add note").click()
        page.get_by_text("Note added.").wait_for()
        settled(page)
        assert main.evaluate("main => main.scrollTop") == 500
        added = page.locator(".st-key-timeline li").filter(has_text="Teller called.")
        if width == 1024:
            expect(button(page, "Add note")).not_to_be_visible()
            button(page, "Show it").click()
        expect(added).to_be_in_viewport(ratio=0.9)


# --- fast hands ---

TWICE: dict[str, Callable[[Locator], None]] = {
    "a double click": lambda one: one.dblclick(),
    "two clicks at once": lambda one: one.evaluate("button => { button.click(); button.click(); }"),
}


@pytest.mark.parametrize("hand", TWICE)
def test_what_is_clicked_twice_happens_once(pages: Pages, desk: Database, address: str, hand: str) -> None:
    case_id, twice = open_case(desk, sampled=True), TWICE[hand]
    page = pages[0]
    enter(page, case_page(address, case_id), ANALYST)
    twice(button(page, "Assign to me"))
    page.get_by_text("Case assigned to you.").wait_for()
    box(page, "Note").fill("Said once.")
    twice(button(page, "Add note"))
    page.get_by_text("Note added.").wait_for()
    decide(page, "The takings match the tax filings.")
    twice(button(page, "Close as No SAR"))
    page.get_by_text("Disposition set: No SAR.").wait_for()
    enter(page, f"{address}/qa", REVIEWER)
    judge(page, case_id, "Pass")
    twice(button(page, "Record"))
    page.get_by_text(f"{case_id}: Pass recorded.").wait_for()
    page.get_by_role("link", name="Triage").click()
    page.get_by_role("heading", name="Triage").wait_for()
    assert deeds(desk, case_id) == [
        (ANALYST.user_id, Action.ASSIGN),
        (ANALYST.user_id, Action.NOTE),
        (ANALYST.user_id, Action.DISPOSITION),
        (REVIEWER.user_id, Action.QA_PASS),
    ]


def test_what_is_exported_in_haste_while_the_database_is_busy_is_kept_once_and_arrives(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk)
    page, files = pages[0], [f"{case_id}.zip", f"audit_{case_id}.csv", f"case_{case_id}.md"]
    enter(page, f"{address}/exports?case_id={case_id}", ANALYST)
    settled(page)
    saved: list[Download] = []
    page.on("download", lambda one: saved.append(one))  # noqa: PLW0108 -- it takes no builtin
    with closing(sqlite3.connect(str(desk), isolation_level=None)) as other:
        for names, last in ((["Bundle for an examiner"] * 2, files[0]), (["Audit CSV", "SAR summary"], files[2])):
            other.execute("BEGIN IMMEDIATE")
            for name in names:
                button(page, name).click()
                page.wait_for_timeout(400)
            other.execute("ROLLBACK")
            page.get_by_text(f"{last} is yours.").wait_for()
            settled(page)
    page.wait_for_timeout(500)  # for whatever came too often
    kept = [json.loads(event.meta)["files"] for event in stored(desk, case_id)[1][1:]]
    assert [list(names) for names in kept] == [[name] for name in files]
    assert [one.suggested_filename for one in saved] == files
    digests = [sha256(one.path().read_bytes()).hexdigest() for one in saved]
    assert digests == [digest for names in kept for digest in names.values()]


CLICK = """async (link) => {
  document.activeElement.blur();
  await new Promise((then) => setTimeout(then, 20));
  link.click();
}"""
"""As a hand does it: whatever had the focus loses it, then comes the click; though the link may be gone meanwhile."""


@pytest.mark.parametrize("rest", ["Ltd", "Inc"], ids=["in what is searched", "out of what is searched"])
def test_a_row_opens_its_case_though_a_search_is_on_its_way(
    pages: Pages, desk: Database, address: str, rest: str
) -> None:
    case_id = open_case(desk, customer_name="Swift Ltd")
    page = pages[0]
    page.goto(f"{address}/?q=Swift")
    row = page.get_by_role("link", name=case_id)
    row.wait_for()
    settled(page)
    link = row.element_handle()
    page.get_by_role("searchbox", name="Search").press("End")
    page.keyboard.type(f" {rest}")
    link.evaluate(CLICK)
    expect_case(page, case_id)
    settled(page)
    assert page.url == case_page(address, case_id)
    page.go_back()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value(f"Swift {rest}")
    expect(row).to_have_count(1 if rest == "Ltd" else 0)
    assert page.url == f"{address}/?q=Swift+{rest}"


# --- links ---


def test_a_link_opens_its_case_on_either_page_in_any_letter_case_and_outlives_a_reload(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk)
    page = pages[0]
    for path in (f"case?case_id={case_id.lower()}", f"exports/{case_id.lower()}", f"case/{case_id}"):
        page.goto(f"{address}/{path}")
        page.get_by_role("heading", name=case_id).wait_for()
    settled(page)
    page.reload()
    page.get_by_role("heading", name=case_id).wait_for()
    for path in ("case", "exports"):
        page.goto(f"{address}/{path}?case_id=AML-00000000")
        expect(page.get_by_role("alert")).to_contain_text("There is no case 'AML-00000000'.")


def test_back_leads_from_case_to_case_and_to_the_queue_as_it_was(pages: Pages, desk: Database, address: str) -> None:
    facts: dict[str, Any] = {"customer_id": "C-00998877", "customer_name": "Back Ltd"}
    cases = [open_case(desk, **facts, amount=Decimal(amount)) for amount in (1, 2)]
    page = pages[0]
    page.goto(f"{address}/?q=Back+Ltd&order=Amount")
    expect_list(page, cases[::-1])
    view = page.url
    page.get_by_role("link", name=cases[0]).click()
    expect_case(page, cases[0])
    page.get_by_text("Connected cases").click()
    page.get_by_role("region", name="Connected cases").get_by_role("link", name=cases[1]).click()
    expect_case(page, cases[1])
    page.go_back()
    expect_case(page, cases[0])
    page.go_back()
    expect_list(page, cases[::-1])
    assert page.url == view


def entries(page: Page) -> int:
    count: int = page.evaluate("history.length")
    return count


def test_each_page_makes_one_entry_of_the_history_and_back_shows_it_as_it_was(
    pages: Pages, desk: Database, address: str
) -> None:
    first, second = (open_case(desk, customer_name="Trail Ltd") for _ in range(2))
    page = pages[0]
    enter(page, address, ANALYST)
    page.get_by_role("searchbox", name="Search").press_sequentially("Trail Ltd")
    expect_list(page, [first, second])
    settled(page)
    page.context.new_cdp_session(page).send("Page.resetNavigationHistory")  # a browser keeps the last fifty
    assert entries(page) == 1

    def go(link: Locator, heading: str) -> None:
        link.click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        settled(page)

    go(page.get_by_role("link", name=first), first)
    page.keyboard.press("j")
    expect_case(page, second)
    settled(page)
    go(page.get_by_role("link", name="QA"), "QA")
    go(page.get_by_role("link", name="Exports"), "Exports")
    go(page.get_by_role("link", name="Case", exact=True), second)
    box(page, "Case id").fill(first.lower())
    box(page, "Case id").press("Enter")
    expect_case(page, first)
    settled(page)
    go(page.get_by_role("link", name="Queue"), "Triage")
    back = [(first, first), (second, second), (second, "Exports"), ("", "QA"), (second, second), (first, first)]
    assert entries(page) == len(["Triage", *back, "Triage"])
    # The summary on Exports has a heading QA too: from QA, Back is pressed again while that page is on its way.
    for case_id, heading in [*back, ("", "Triage")]:
        page.go_back()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        settled(page)
        assert page.url.upper().partition("CASE_ID=")[2] == case_id
    assert page.url == f"{address}/?q=Trail+Ltd"
    for heading in (first, second):
        page.go_forward()
        expect_case(page, heading)
        settled(page)
    page.evaluate("history.go(5)")
    page.get_by_role("heading", name="Triage").wait_for()
    settled(page)
    page.evaluate("for (const late of [0, 60, 120]) setTimeout(() => history.back(), late)")  # as fast as fingers are
    page.wait_for_url(f"{address}/exports?case_id={second}")
    page.get_by_role("heading", name="Exports").wait_for()
    settled(page)
    expect_case(page, second)


def test_the_tab_names_the_page_and_the_case_and_no_customer(pages: Pages, desk: Database, address: str) -> None:
    case_id = open_case(desk, customer_name="Secret Ltd")
    page = pages[0]
    enter(page, address, ANALYST)
    for name in ("QA", "Exports", "Case", "Triage"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · AML Case Desk")
    for path, title in ((f"exports?case_id={case_id}", "Exports"), (f"case?case_id={case_id}", case_id)):
        page.goto(f"{address}/{path}")
        page.get_by_text("Secret Ltd").first.wait_for()
        expect(page).to_have_title(f"{title} · AML Case Desk")
    page.goto(f"{address}/case?case_id=Secret+Ltd")
    page.get_by_role("alert").wait_for()
    expect(page).to_have_title("Case · AML Case Desk")


# --- a page loaded anew ---


def test_who_acts_stays_over_a_reload_and_looks_in_no_other_name(pages: Pages, desk: Database, address: str) -> None:
    case_id = open_case(desk, owner=MANAGER)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    casework.set_disposition(
        desk, MANAGER.user_id, case_id, Decision(Disposition.SAR, "Structured.", determined_at=today)
    )
    one, two, _ = pages
    enter(one, address, OTHER_MANAGER)
    enter(two, address, OTHER_ANALYST)
    for page, person in ((one, OTHER_MANAGER), (two, OTHER_ANALYST), (one, OTHER_MANAGER)):
        page.goto(case_page(address, case_id))
        expect_case(page, case_id)
        page.reload()
        expect_case(page, case_id)
        expect(page.get_by_role("combobox", name="Acting as")).to_have_value(f"{person.name}, {person.role}")
        assert page.url == case_page(address, case_id)
    looks = [user for user, action in deeds(desk, case_id) if action == Action.VIEW]
    assert looks == [OTHER_MANAGER.user_id, OTHER_ANALYST.user_id]


def expect_kept(desk: Database, case_id: str, **forms: dict[str, Any]) -> None:
    """The desk has this of the analyst's forms, by their fields: a moment after the last stroke of a key."""
    for _ in range(100):
        kept = desk.read(lambda tx: unsent.kept(tx, ANALYST.user_id, case_id))
        if kept == forms:
            return
        sleep(0.1)
    raise AssertionError(kept)


def test_what_was_typed_and_chosen_comes_back_after_a_reload_to_its_person_on_its_case_until_it_is_sent(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id, other = (open_case(desk, owner=ANALYST) for _ in range(2))
    page, text, today = pages[0], "Half a thought.\nAnd more.", datetime.now(UTC).date()
    enter(page, case_page(address, case_id), ANALYST)
    box(page, "Note").fill(text)
    page.get_by_role("tab", name="Assign").click()
    page.get_by_role("combobox", name="New owner").click()
    page.get_by_role("option", name=OTHER_ANALYST.name).click()
    page.get_by_role("tab", name="Decide").click()
    page.get_by_role("radio", name="SAR", exact=True).click()
    button(page, "Close as SAR").wait_for()
    box(page, "Rationale").fill("The takings match.")
    page.get_by_role("spinbutton", name="year").press_sequentially(f"{today:%Y%m%d}")
    page.keyboard.press("Escape")  # the calendar
    suspect = page.get_by_role("checkbox", name="No suspect identified")
    suspect.check(force=True)  # Streamlit draws it over the box
    decision = {
        "disposition": ["SAR"],
        "rationale": "The takings match.",
        "determined_at": today,
        "no_suspect": True,
    }
    receiver = [f"{OTHER_ANALYST.name}, {OTHER_ANALYST.role}"]
    expect_kept(desk, case_id, note={"text": text}, assign={"receiver": receiver}, decision=decision)
    page.goto(case_page(address, other))
    expect_case(page, other)
    expect(box(page, "Note")).to_have_value("")
    enter(page, case_page(address, case_id), OTHER_ANALYST)
    settled(page)
    expect(box(page, "Note")).to_have_value("")
    enter(page, case_page(address, case_id), ANALYST)
    expect(box(page, "Note")).to_have_value(text)
    settled(page)
    button(page, "Add note").click()
    page.get_by_text("Note added.").wait_for()
    assert [event.notes for event in stored(desk, case_id)[1] if event.action == Action.NOTE] == [text]
    page.reload()
    expect_case(page, case_id)
    settled(page)
    expect(box(page, "Note")).to_have_value("")
    page.get_by_role("tab", name="Assign").click()
    expect(page.get_by_role("combobox", name="New owner")).to_have_value(*receiver)
    page.get_by_role("tab", name="Decide").click()
    expect(suspect).to_be_checked()
    button(page, "Close as SAR").click()
    page.get_by_text("Disposition set: SAR.").wait_for()
    case, events = stored(desk, case_id)
    assert [event.notes for event in events if event.action == Action.DISPOSITION] == ["The takings match."]
    assert case.determined_at and case.determined_at.date() == today


def test_what_one_person_typed_is_gone_from_the_page_where_another_acts_and_is_kept_for_them(
    pages: Pages, desk: Database, address: str
) -> None:
    case_id = open_case(desk, owner=ANALYST)
    page = pages[0]
    enter(page, case_page(address, case_id), ANALYST)
    box(page, "Note").fill("For my eyes.")
    for person, text in ((OTHER_ANALYST, ""), (ANALYST, "For my eyes.")):
        page.get_by_role("combobox", name="Acting as").click()
        page.get_by_role("option", name=person.name).click()
        expect(page.get_by_role("combobox", name="Acting as")).to_have_value(f"{person.name}, {person.role}")
        expect(box(page, "Note")).to_have_value(text)
        settled(page)


# --- the view in the address ---


def test_a_view_set_by_hand_is_in_the_address_and_the_address_shows_it_to_others(
    pages: Pages, desk: Database, address: str
) -> None:
    for number in range(27):
        open_case(desk, customer_name="Copied Ltd", amount=Decimal(number))
    open_case(desk, customer_name="Copied Ltd", risk=Risk.LOW)
    open_case(desk, customer_name="Copied Ltd", owner=MANAGER)
    wanted = Filters(unassigned=True, risk=Risk.HIGH, search="Copied Ltd", include_closed=True)
    listed = desk.read(lambda tx: triage_query.triage_page(tx, wanted, Order.AMOUNT, 100)).cases
    expected = [case.case_id for case in listed]
    one, two, _ = pages
    enter(one, address, ANALYST)
    one.get_by_role("searchbox", name="Search").fill("Copied Ltd")
    for name, option in (("Owner", "Unassigned"), ("Risk", "High"), ("Status", "Any")):
        one.get_by_role("combobox", name=name).click()
        one.get_by_role("option", name=option).click()
    one.wait_for_url("**status=Any*")
    amount = one.get_by_role("columnheader", name="Amount")
    amount.get_by_role("button").click()
    expect(amount).to_have_attribute("aria-sort", "descending")
    expect(amount.get_by_role("button")).to_be_focused()
    one.keyboard.press("Enter")
    expect(amount).to_have_attribute("aria-sort", "ascending")
    expect_list(one, expected[:-26:-1])
    one.keyboard.press("Enter")
    expect(amount).to_have_attribute("aria-sort", "descending")
    expect_list(one, expected[:25])
    first = one.url
    for part in ("q=Copied", "owner=Unassigned", "risk=High", "order=Amount"):
        assert part in first
    button(one, "Next page").click()
    expect_list(one, expected[25:])
    second = one.url
    one.go_back()
    expect_list(one, expected[:25])
    one.go_forward()
    expect_list(one, expected[25:])
    one.get_by_role("link", name=expected[25]).click()
    expect_case(one, expected[25])
    one.get_by_role("link", name="Queue").click()
    expect_list(one, expected[25:])
    for view, cases in ((first, expected[:25]), (second, expected[25:])):
        enter(two, view, MANAGER)
        expect_list(two, cases)


def test_nonsense_in_the_address_is_passed_over(pages: Pages, desk: Database, address: str) -> None:
    open_case(desk)
    listed = desk.read(lambda tx: triage_query.triage_page(tx, Filters(), Order.DUE, 25)).cases
    page = pages[0]
    page.goto(f"{address}/?owner=nobody&risk=Purple&order=Sideways&size=7&overdue=maybe&closed=2&page=after-AML-0&x=y")
    expect_list(page, [case.case_id for case in listed])
    for name, value in (("Owner", "Anyone"), ("Risk", "Any"), ("Status", "Open"), ("Rows", "25")):
        expect(page.get_by_role("combobox", name=name)).to_have_value(value)
    expect(page.get_by_role("columnheader", name="Due")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("switch", name="Overdue")).not_to_be_checked()


# --- keys ---


def test_keys_work_and_never_while_someone_types(pages: Pages, desk: Database, address: str) -> None:
    cases = [open_case(desk, customer_name="Banjak Ltd") for _ in range(3)]
    page = pages[0]
    enter(page, address, ANALYST)
    page.get_by_role("searchbox", name="Search").press_sequentially("Banjak Ltd")
    expect_list(page, cases)
    page.get_by_role("link", name=cases[0]).click()
    for key, case_id in (("j", cases[1]), ("j", cases[2]), ("k", cases[1])):
        page.get_by_role("button", name="Assign to me").wait_for()
        page.keyboard.press(key)
        expect_case(page, case_id)
    page.get_by_text("2 of 3").wait_for()
    settled(page)
    page.keyboard.press("a")
    page.get_by_text("Case assigned to you.").wait_for()
    settled(page)
    box(page, "Note").press_sequentially("n a j k t e")
    box(page, "Note").press("Control+a")
    box(page, "Note").press_sequentially("N A J K")
    expect(box(page, "Note")).to_have_value("N A J K")
    box(page, "Note").press("Control+Enter")
    page.get_by_text("Note added.").wait_for()
    expect(box(page, "Note")).to_have_count(1)
    expect(box(page, "Note")).to_have_value("")
    expect_case(page, cases[1])
    assert stored(desk, cases[1])[1][-1].notes == "N A J K"
    page.get_by_role("heading", name=cases[1]).click()
    page.keyboard.press("n")
    expect_case(page, cases[0])
    assert [deeds(desk, case_id) for case_id in cases] == [
        [(ANALYST.user_id, Action.ASSIGN)],
        [(ANALYST.user_id, Action.ASSIGN), (ANALYST.user_id, Action.NOTE)],
        [],
    ]


# --- a server that dies ---


@dataclass(frozen=True)
class Restarted:
    """Two pages of a case, an unsent note in each, after their server was killed and started again."""

    case_id: str
    pages: tuple[Page, Page]
    sockets: list[WebSocket]
    """Those of the second page, the newest first."""

    def notes(self, desk: Database) -> list[str]:
        return [event.notes for event in stored(desk, self.case_id)[1] if event.action == Action.NOTE]


@pytest.fixture(scope="module")
def restarted(pages: Pages, desk: Database, folder: Path, configured: dict[str, str]) -> Iterator[Restarted]:
    case_id, port = open_case(desk, owner=ANALYST), free_port()
    sockets: list[WebSocket] = []
    one, two, _ = pages
    two.on("websocket", lambda socket: sockets.insert(0, socket))
    with served(folder, configured, port, stop=subprocess.Popen.kill) as where:
        for page in (one, two):
            enter(page, case_page(where, case_id), ANALYST)
        box(one, "Note").fill("Acknowledged.")
        button(one, "Add note").click()
        one.get_by_text("Note added.").wait_for()
        settled(one)
        for page in (one, two):
            box(page, "Note").fill("Not sent yet.")
    for page in (one, two):
        expect(page.locator(".stApp")).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    with served(folder, configured, port):
        for page in (one, two):
            expect(page.locator(".stApp")).to_have_attribute("data-test-connection-state", "CONNECTED")
            expect(box(page, "Note")).to_have_value("Not sent yet.")
        yield Restarted(case_id, (one, two), sockets)


def test_a_server_that_was_killed_has_what_it_acknowledged_and_works_on_after_a_reload(
    restarted: Restarted, desk: Database
) -> None:
    page = restarted.pages[0]
    assert restarted.notes(desk) == ["Acknowledged."]
    page.reload()
    expect_case(page, restarted.case_id)
    settled(page)
    box(page, "Note").fill("After the restart.")
    button(page, "Add note").click()
    page.get_by_text("Note added.").wait_for()
    settled(page)
    assert restarted.notes(desk) == ["Acknowledged.", "After the restart."]


def test_a_note_that_was_not_sent_before_a_restart_is_not_lost_without_a_word(
    restarted: Restarted, desk: Database
) -> None:
    page = restarted.pages[1]
    with restarted.sockets[0].expect_event("framereceived", is_end_of_run):
        button(page, "Add note").click()
    settled(page)
    is_saved = restarted.notes(desk).count("Not sent yet.") == 1
    is_there = box(page, "Note").input_value() == "Not sent yet."
    is_said = page.get_by_role("alert").count() > 0
    assert is_saved or is_there or is_said
    if not is_saved:
        expect(box(page, "Note")).to_have_value("Not sent yet.")


# --- hostile text ---

NAME = (
    "<script>window.__hit=1</script><img src=x onerror=window.__hit=1> [a](javascript:window.__hit=1) "
    r"![b](//evil.example/b) :red-badge[c] $$\href{//evil.example}{d}$$ &lt;e&gt; **f**"
)
TEXT = f"""{NAME}
<iframe srcdoc="<script>parent.__hit=1</script>"></iframe><svg onload=window.__hit=1><a href="javascript:__hit=1">g</a>
http://evil.example www.evil.example x@evil.example <//evil.example> :material/skull: :smile: `h` ~~i~~ $j$
# k
- [ ] l
> m
| n | o |
| --- | --- |
    p
[q]: //evil.example
---
<!-- r"""
TOLD, SHOWN = f"{TEXT}\u202es", rf"{TEXT}\u202es"
"""What a feed tells may turn words around, which nobody may type; it is shown with that escaped."""
HARM = (
    "a[href*=evil]:not([href^='?']), a[href^='javascript:'], img[src*=evil], img[src=x], [onerror], [onload], "
    "iframe[srcdoc], .katex, [data-testid=stMarkdownContainer] :is(li, blockquote, td, input), "
    ".stMarkdownBadge:text-is('c')"
)
"""What hostile text would have become if it was anything but text; a link to the queue holds what was searched for."""


def expect_text(place: Locator, text: str) -> None:
    """As it was typed, to the character."""
    expect(place.first).to_have_js_property("textContent", text)


def expect_no_harm(page: Page) -> None:
    settled(page)
    assert page.locator(HARM).evaluate_all("found => found.map((one) => one.outerHTML)") == []
    assert page.evaluate("window.__hit") is None


def test_hostile_text_is_shown_as_it_was_typed_and_does_nothing_on_any_page(
    browser: Chromium, desk: Database, address: str
) -> None:
    facts: dict[str, Any] = {"customer_id": "C-666", "customer_name": NAME, "alert": TOLD, "customer": {"kind": NAME}}
    facts["transactions"] = [{**TRANSACTIONS[0], "counterparty": NAME}]
    case_id = open_case(desk, owner=ANALYST, sampled=True, **facts)
    open_case(desk, **facts)
    casework.add_note(desk, ANALYST.user_id, case_id, TEXT)
    casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.NO_SAR, TEXT))
    requests: list[str] = []
    dialogs: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with browser.tab() as page:
        page.on("request", lambda request: requests.append(request.url))
        page.on("dialog", dismissed)
        enter(page, f"{address}/?{urlencode({'q': NAME, 'closed': 'true'})}", REVIEWER)
        expect_text(page.locator("td.name"), NAME)
        expect_no_harm(page)
        page.get_by_role("link", name=case_id).click()
        expect_case(page, case_id)
        expect_text(page.locator("dd"), NAME)
        expect_text(page.locator(".notes"), TEXT)
        expect_text(page.locator(".why .told"), SHOWN)
        expect_text(page.locator("td", has_text="onerror"), NAME)
        button(page, "Previous").hover()
        expect(page.get_by_role("tooltip")).to_contain_text("window.__hit=1")
        expect_no_harm(page)
        page.get_by_role("heading", name="Timeline").hover()
        expect(page.get_by_role("tooltip")).to_have_count(0)
        page.get_by_role("link", name="QA").click()
        expect_text(page.locator("td.name", has_text="onerror"), NAME)
        judge(page, case_id, "Fail")
        expect_text(page.locator(".st-key-review_panel dd"), NAME)
        expect_text(page.locator(".st-key-review_panel .notes"), TEXT)
        box(page, "Remarks").fill(TEXT)
        button(page, "Record").click()
        page.get_by_text(f"{case_id}: Fail recorded.").wait_for()
        page.get_by_role("tab", name="Reviewed").click()
        expect_text(
            page.get_by_role("region", name="Reviewed").locator("td.text", has_text="onerror"), TEXT[:300] + "…"
        )
        expect_no_harm(page)
        page.goto(f"{address}/exports?case_id={case_id}")
        summary = page.locator(".summary")
        expect(summary).to_contain_text(NAME)
        for line in SHOWN.splitlines():
            expect(summary).to_contain_text(line)
        page.get_by_role("tab", name="Audit CSV").click()
        page.get_by_role("tab", name="Verify a file").click()
        page.locator("input[type=file]").set_input_files(
            {"name": "<img src=x onerror=__hit=1>.csv", "mimeType": "text/csv", "buffer": TEXT.encode()}
        )
        expect(page.get_by_role("alert")).to_contain_text("Refused: <img src=x onerror=__hit=1>.csv")
        expect_no_harm(page)
        page.goto(f"{address}/case?{urlencode({'case_id': NAME})}")
        expect(page.get_by_role("alert")).to_contain_text(f"There is no case '{NAME.upper()[:20]}")
        expect_no_harm(page)
        assert dialogs == []
        assert [url for url in requests if not url.startswith((f"{address}/", "data:", "blob:"))] == []


# --- who is who ---


def test_two_people_at_the_same_time_each_see_their_own_count_and_list(
    pages: Pages, desk: Database, address: str
) -> None:
    open_case(desk, owner=ANALYST)
    while len(mine(desk, OTHER_ANALYST)) <= len(mine(desk, ANALYST)):
        open_case(desk, owner=OTHER_ANALYST)
    people = {person: mine(desk, person) for person in (ANALYST, OTHER_ANALYST)}
    for page, person in zip(pages, people, strict=False):
        enter(page, f"{address}/?owner=Me&size=100", person)
    for _ in range(2):
        for page, person in zip(pages, people, strict=False):
            expect_list(page, people[person])
            expect(count(page, "Mine")).to_have_text(f"{len(people[person])} Mine")
        for page in pages[:2]:
            count(page, "Open").click()
        for page in pages[:2]:
            expect(count(page, "Open")).to_have_attribute("aria-pressed", "true")
        for page in pages[:2]:
            count(page, "Mine").click()


def count(page: Page, label: str) -> Locator:
    """The button of Triage that counts these cases, and shows them."""
    return page.locator(".st-key-tiles").get_by_role("button", name=label)


def mine(desk: Database, person: User) -> list[str]:
    wanted = Filters(owner=person.user_id)
    return [case.case_id for case in desk.read(lambda tx: triage_query.triage_page(tx, wanted, Order.DUE, 100)).cases]


def test_who_is_deactivated_while_pages_are_open_can_send_and_take_nothing_more(
    pages: Pages, browser: Chromium, desk: Database, address: str
) -> None:
    case_id, waiting = open_case(desk, owner=OTHER_ANALYST), open_case(desk)
    before = deeds(desk, case_id)
    one, two, three = pages
    with browser.tab() as four:
        enter(four, case_page(address, case_id), OTHER_ANALYST)
        enter(one, case_page(address, case_id), OTHER_ANALYST)
        enter(two, f"{address}/exports?case_id={case_id}", OTHER_ANALYST)
        enter(three, address, OTHER_ANALYST)
        box(one, "Note").fill("Too late.")
        users.deactivate_user(desk, OTHER_ANALYST.user_id)
        gone = f"{OTHER_ANALYST.user_id} is no longer active."
        try:
            four.get_by_role("radio", name="Oldest first").click()  # which draws the timeline alone
            four.get_by_text(gone).wait_for()
            button(one, "Add note").click()
            one.get_by_text(gone).wait_for()
            button(two, "Audit CSV").click()
            two.get_by_text(gone).wait_for()
            button(three, "Take new case").click()
            three.get_by_text(gone).wait_for()
        finally:
            users.add_user(desk, OTHER_ANALYST.user_id, OTHER_ANALYST.name, OTHER_ANALYST.role)
    assert deeds(desk, case_id) == before
    assert deeds(desk, waiting) == []
