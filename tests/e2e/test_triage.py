"""Working the queue by hand, in a real browser: several cases at once, the next case, times as the reader's clock."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app import casework, opening
from app.database import Database
from app.models import ALERT_FEED
from app.ui import session
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, REVIEWER, alert, stored
from tests.e2e.server import enter, settled

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.usefixtures("nothing_waits")


def open_cases(desk: Database, customer: str, count: int) -> list[str]:
    """Ids of new cases of one customer, in the order in which the queue shows them."""
    told = [alert(alert_id=f"{customer} {number}", customer_name=customer) for number in range(count)]
    opened = [opening.open_case(desk, ALERT_FEED, one).case_id for one in told]
    return sorted(opened, key=lambda case_id: (stored(desk, case_id)[0].due_at, case_id))


def owners(desk: Database, case_ids: list[str]) -> list[str | None]:
    return [stored(desk, case_id)[0].owner for case_id in case_ids]


def place_of_table(page: Page) -> FloatRect | None:
    settled(page)
    page.locator("table").wait_for()
    return page.locator("table").bounding_box()


def box(page: Page, case_id: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select {case_id}")


def link(page: Page, case_id: str) -> Locator:
    return page.get_by_role("link", name=case_id)


def expect_ticked(page: Page, case_ids: list[str]) -> None:
    """These and no others, in the table and in the bar above it."""
    ticked = page.locator("tr.ticked")
    expect(ticked).to_have_count(len(case_ids))
    for case_id in case_ids:
        expect(box(page, case_id)).to_be_checked()
    if case_ids:
        page.get_by_text(f"{len(case_ids)} selected").wait_for()
    else:
        page.get_by_role("button", name="Next page").wait_for()


def test_rows_are_ticked_by_mouse_by_space_and_as_a_range(browser: Chromium, desk: Database, address: str) -> None:
    cases = open_cases(desk, "Range Ltd", 6)
    with browser.tab() as page:
        enter(page, f"{address}/?q=Range+Ltd", ANALYST)
        box(page, cases[1]).click()
        expect_ticked(page, cases[1:2])
        box(page, cases[3]).click(modifiers=["Shift"])
        expect_ticked(page, cases[1:4])
        everything = page.get_by_role("checkbox", name="Select all on this page")
        expect(everything).to_have_attribute("aria-checked", "mixed")
        page.keyboard.press("ArrowDown")
        expect(box(page, cases[4])).to_be_focused()
        page.keyboard.press("Space")
        expect_ticked(page, cases[1:5])
        link(page, cases[5]).focus()
        page.keyboard.press("Space")
        expect_ticked(page, cases[1:6])
        box(page, cases[3]).locator("..").click(position={"x": 2, "y": 2})
        box(page, cases[5]).click(modifiers=["Shift"])
        expect_ticked(page, cases[1:3])
        everything.click()
        expect_ticked(page, cases)
        everything.click()
        expect_ticked(page, [])
        assert "case_id" not in page.url
        assert not page.evaluate("getSelection().toString()")
        link(page, cases[0]).press("Enter")
        page.get_by_role("heading", name=cases[0]).wait_for()


def test_ticked_cases_are_assigned_together_one_event_each(browser: Chromium, desk: Database, address: str) -> None:
    cases = open_cases(desk, "Together Ltd", 4)
    with browser.tab() as page:
        enter(page, f"{address}/?q=Together+Ltd", MANAGER)
        before = place_of_table(page)
        box(page, cases[0]).click()
        box(page, cases[2]).click()
        expect_ticked(page, [cases[0], cases[2]])
        assert place_of_table(page) == before
        page.get_by_role("combobox", name="Receiver").click()
        page.get_by_role("option", name=OTHER_ANALYST.name).click()
        page.get_by_role("textbox", name="Reason").fill("She knows the customer.")
        page.get_by_role("button", name="Assign", exact=True).click()
        page.get_by_text(f"2 cases are now {OTHER_ANALYST.name}’s.").wait_for()
        expect_ticked(page, [])
        box(page, cases[3]).click()
        expect_ticked(page, cases[3:])
        press(page, "a", "Assign to me")
        page.get_by_text("1 case is now yours.").wait_for()
        expect_ticked(page, [])
    assert owners(desk, cases) == [OTHER_ANALYST.user_id, None, OTHER_ANALYST.user_id, MANAGER.user_id]
    assert [[event.action for event in stored(desk, one)[1]] for one in (cases[0], cases[2])] == [
        ["open", "assign"]
    ] * 2


def test_where_one_case_moved_on_none_is_assigned_and_the_ticks_stay(
    browser: Chromium, desk: Database, address: str
) -> None:
    cases = open_cases(desk, "Refused Ltd", 3)
    with browser.tab() as page:
        enter(page, f"{address}/?q=Refused+Ltd", MANAGER)
        for case_id in cases:
            box(page, case_id).click()
        expect_ticked(page, cases)
        casework.assign(desk, OTHER_ANALYST.user_id, cases[1], OTHER_ANALYST.user_id)
        page.get_by_role("button", name="Assign to me").click()
        refusal = page.get_by_role("alert").filter(has_text=cases[1])
        expect(refusal).to_contain_text("nothing was saved")
        expect_ticked(page, cases)
        assert owners(desk, cases) == [None, OTHER_ANALYST.user_id, None]
        page.wait_for_timeout(1000 * session.DOUBLE_CLICK)  # to read it
        expect(page.get_by_role("button", name="Assign to me")).to_be_disabled()  # one has an owner now
        page.get_by_role("combobox", name="Receiver").click()
        page.get_by_role("option", name=MANAGER.name).click()
        page.get_by_role("textbox", name="Reason").fill("They belong together.")
        page.get_by_role("button", name="Assign", exact=True).click()
        page.get_by_text("3 cases are now yours.").wait_for()
    assert owners(desk, cases) == [MANAGER.user_id] * 3


def test_another_filter_page_or_person_clears_the_ticks(browser: Chromium, desk: Database, address: str) -> None:
    cases = open_cases(desk, "Cleared Ltd", 26)
    with browser.tab() as page:
        enter(page, f"{address}/?q=Cleared+Ltd", ANALYST)
        box(page, cases[0]).click()
        expect_ticked(page, cases[:1])
        page.get_by_role("button", name="Clear", exact=True).click()
        expect_ticked(page, [])
        page.get_by_role("button", name="Next page").click()
        box(page, cases[25]).click()
        expect_ticked(page, cases[25:])
        by_day = page.get_by_role("columnheader", name="Due").get_by_role("button")
        by_day.click()
        expect_ticked(page, [])
        box(page, cases[25]).click()
        expect_ticked(page, cases[25:])
        by_day.click()
        expect_ticked(page, [])
        box(page, cases[0]).click()
        expect_ticked(page, cases[:1])
        link(page, cases[3]).click()
        page.get_by_role("heading", name=cases[3]).wait_for()
        page.get_by_role("link", name="Queue").click()
        expect_ticked(page, [])
        box(page, cases[0]).click()
        look_as = page.get_by_role("combobox", name="Acting as")
        look_as.click()
        page.get_by_role("option", name=REVIEWER.name).click()
        expect(page.get_by_role("checkbox", name="Select")).to_have_count(0)
        expect(page.get_by_role("button", name="Take new case")).to_be_disabled()


CLICK_AT = """
(button, at) => { setTimeout(() => button.click(), at - Date.now()) }
"""


def test_two_people_who_press_next_case_at_once_get_two_cases(browser: Chromium, desk: Database, address: str) -> None:
    waiting = open_cases(desk, "Race Ltd", 2)
    with ExitStack() as stack:
        pages = [stack.enter_context(browser.tab()) for _ in range(2)]
        for page, person in zip(pages, (ANALYST, OTHER_ANALYST), strict=True):
            enter(page, address, person)
        at = (time.time() + 1) * 1000
        for page in pages:
            page.get_by_role("button", name="Take new case").evaluate(CLICK_AT, at)
        taken = [opened(page) for page in pages]
    assert taken[0] != taken[1]
    assert owners(desk, taken) == [ANALYST.user_id, OTHER_ANALYST.user_id]
    assert {*taken} <= {*waiting}


def press(page: Page, key: str, name: str) -> None:
    """A key, once its button is there: before that nothing listens."""
    expect(page.get_by_role("button", name=name)).to_be_enabled()
    page.keyboard.press(key)


def opened(page: Page) -> str:
    """The id of the case that the page shows after another page."""
    page.wait_for_url("**/case?case_id=*")
    case_id = page.url.partition("case_id=")[2]
    page.get_by_role("heading", name=case_id).wait_for()
    settled(page)
    return case_id


def told_and_read(page: Page, words: str) -> None:
    """Until then, another press of the key may be a double one."""
    page.get_by_text(words).wait_for()
    page.wait_for_timeout(1000 * session.DOUBLE_CLICK)


IMPATIENT = """
button => { for (const wait of [0, 20, 60, 120, 200, 300, 450]) setTimeout(() => button.click(), wait) }
"""


def test_many_clicks_on_next_case_take_one_and_open_it(browser: Chromium, desk: Database, address: str) -> None:
    waiting = open_cases(desk, "Impatient Ltd", 9)
    with browser.tab() as page:
        enter(page, address, MANAGER)
        page.get_by_role("button", name="Take new case").evaluate(IMPATIENT)
        taken = opened(page)
        page.get_by_text(f"{taken} is yours.").first.wait_for()
    assert taken in waiting
    assert sorted(owner or "" for owner in owners(desk, waiting)) == [""] * 8 + [MANAGER.user_id]


def test_the_next_case_is_a_key_away_on_either_page(browser: Chromium, desk: Database, address: str) -> None:
    waiting = open_cases(desk, "Key Ltd", 2)
    with browser.tab() as page:
        enter(page, address, ANALYST)
        press(page, "n", "Take new case")
        first = opened(page)
        told_and_read(page, f"{first} is yours.")
        press(page, "n", "Take new case")
        expect(page.get_by_role("heading", name=first)).to_have_count(0)
        second = opened(page)
        assert second != first
        told_and_read(page, f"{second} is yours.")
        press(page, "n", "Take new case")
        page.get_by_text("No case is waiting").wait_for()
    assert owners(desk, waiting) == [ANALYST.user_id] * 2


def test_times_are_the_readers_with_utc_on_hover(browser: Chromium, desk: Database, address: str) -> None:
    (case_id,) = open_cases(desk, "Tokyo Ltd", 1)
    case, (opened,) = stored(desk, case_id)
    with browser.tab("Asia/Tokyo") as page:
        enter(page, f"{address}/?q=Tokyo+Ltd", ANALYST)
        due = page.locator("td[title^=Due]")
        expect(due).to_have_attribute("title", re.compile(f" JST = {case.due_at:%Y-%m-%d %H:%M} UTC$"))
        link(page, case_id).click()
        heading = page.get_by_role("heading", name=case_id)
        heading.wait_for()
        transaction = page.locator("td[title='2026-01-05 15:00 UTC'] time").first
        expect(transaction).to_have_text("2026-01-06 00:00 JST")
        expect(transaction).to_have_attribute("datetime", "2026-01-05T15:00:00.000000Z")
        event = page.locator("li time")
        expect(event).to_have_attribute("title", opened.ts)
        expect(event).to_have_text(re.compile(" JST$"))
