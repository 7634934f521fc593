"""Every page, and a whole life of a case, through the pages' own widgets."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest

from app import casework, database, policy, repository, users
from app.database import Database
from app.demo import tampering
from app.exports import audit_csv, case_export
from app.log import checkpoint, keys, signed_note
from app.models import Disposition, QaResult, Risk, Status, User
from app.policy import Decision
from app.triage_query import Filters, Order
from app.ui import base, session, sign_in, words
from tests import drafts, lives
from tests.conftest import (
    ANALYST,
    MANAGER,
    ON_SQLITE,
    OTHER_ANALYST,
    OTHER_MANAGER,
    OTHER_REVIEWER,
    REVIEWER,
    TRANSACTIONS,
    OpenCase,
    address,
    forget_the_desk,
    stored,
    tamper,
)

OTHER_KEY = signed_note.signing_key("someone.example/log", bytes(32))
APP = str(Path(__file__).resolve().parent.parent / "app" / "streamlit_app.py")


@pytest.fixture(autouse=True)
def served(desk: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pages read what the environment says: this desk, and a folder for exports."""
    if not desk.is_embedded:  # to connect to a server anew takes its time
        monkeypatch.setattr(database, "connect", lambda config: desk)
    monkeypatch.setenv("AML_DATABASE", address(desk))
    monkeypatch.setenv("AML_EXPORTS", str(tmp_path / "exports"))
    monkeypatch.setenv("AML_SIGNING_KEY", str(tmp_path / "signing.key"))
    monkeypatch.setenv("AML_SIGN_IN", "demo")
    forget_the_desk()
    yield
    forget_the_desk()


def open_page(page: str = "triage", acting: str = ANALYST.user_id, zone: str | None = None, **query: str) -> AppTest:
    test = AppTest.from_file(APP, default_timeout=30)
    test.context["timezone"] = zone
    if acting:
        test.session_state["acting"] = acting
    for name, value in query.items():
        test.query_params[name] = value
    if page != "triage":
        test.switch_page(f"views/{page}.py")
    return run(test)


def run(test: AppTest) -> AppTest:
    test.run()
    assert not test.exception, test.exception[0].message
    return test


def labelled(widgets: Any, label: str) -> Any:
    found = [widget for widget in widgets if widget.label == label]
    found = found or [widget for widget in widgets if label in widget.label]
    assert len(found) == 1, [widget.label for widget in widgets]
    return found[0]


def texts(test: AppTest) -> str:
    kinds = (test.error, test.warning, test.info, test.success, test.caption, test.markdown, test.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def wrong(test: AppTest) -> list[str]:
    """What the forms say below their fields, in the order in which they stand."""
    bodies = [element.proto.body for element in test.get("html")]
    return [unescape(body.partition(">")[2].removesuffix("</p>")) for body in bodies if "class='wrong'" in body]


def component(test: AppTest, name: str) -> Any:
    """The data that a table or a timeline was given."""
    (found,) = [part for part in test.get("bidi_component") if part.proto.id.endswith(name)]
    return json.loads(found.proto.json)


def shown_cases(test: AppTest, name: str = "cases") -> list[str]:
    return [row["case_id"] for row in component(test, name)["rows"]]


def open_row(test: AppTest, case_id: str) -> AppTest:
    """A click on a row of what awaits QA, as the browser says it."""
    test.session_state["review"] = case_id
    return run(test)


def told_by(test: AppTest, name: str, event: str, value: str) -> AppTest:
    """What a part of the page says of a click in it, as the browser says it."""
    (part,) = [part for part in test.get("bidi_component") if part.proto.id.endswith(name)]
    states = test._tree.get_widget_states()
    said = json.dumps([{"event": event, "value": value}])
    states.widgets.add(id=_make_trigger_id(part.proto.id, "events"), json_trigger_value=said)
    test._run(states)
    assert not test.exception, test.exception[0].message
    return test


def counted(test: AppTest) -> dict[str, str]:
    """The counts of Triage by what they count."""
    groups = component(test, "tiles")["groups"]
    return {one["name"]: one["count"] for group in groups for one in group["counts"]}


def click_count(test: AppTest, name: str) -> AppTest:
    """A click on a count, which from then on is the one that stands out."""
    told_by(test, "tiles", "chosen", name)
    groups = component(test, "tiles")["groups"]
    assert [one["name"] for group in groups for one in group["counts"] if one["listed"]] == [name]
    return test


def click(test: AppTest, label: str) -> AppTest:
    labelled(test.button, label).click()
    return run(test)


# --- who acts ---


def test_who_acts_stays_where_a_fault_keeps_a_run_from_showing_it(
    desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    labelled(page.sidebar.selectbox, "Acting as").set_value(MANAGER.user_id)
    run(page)
    with monkeypatch.context() as patch:
        patch.setattr(base, "people", lambda: base.desk().read(lambda tx: tx.execute("SELECT 1 FROM nowhere")))
        run(page)
        assert not page.sidebar.selectbox
    run(page)
    assert labelled(page.sidebar.selectbox, "Acting as").value == MANAGER.user_id


def test_nobody_acts_and_nothing_is_looked_at_before_the_browser_said_who_acted(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.assign(desk, MANAGER.user_id, case_id, MANAGER.user_id)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    casework.set_disposition(
        desk, MANAGER.user_id, case_id, Decision(Disposition.SAR, "Structured.", determined_at=today)
    )
    before = len(stored(desk, case_id)[1])
    page = open_page("case", "", case_id=case_id)
    assert not page.title
    assert not page.sidebar.selectbox
    assert len(stored(desk, case_id)[1]) == before
    page.session_state["acted"] = OTHER_MANAGER.user_id
    assert run(page).title[0].value.replace("\\", "") == case_id
    (look,) = stored(desk, case_id)[1][before:]
    assert (look.user, look.action) == (OTHER_MANAGER.user_id, "view")


# --- triage ---


def test_each_count_sets_its_filter(desk: Database, open_case: OpenCase) -> None:
    low, mine, closed = open_case(risk=Risk.LOW, risk_score=10), open_case(), open_case()
    casework.assign(desk, ANALYST.user_id, mine.case_id, ANALYST.user_id)
    casework.assign(desk, OTHER_ANALYST.user_id, closed.case_id, OTHER_ANALYST.user_id)
    casework.set_disposition(
        desk, OTHER_ANALYST.user_id, closed.case_id, Decision(Disposition.NO_SAR, "Takings match.")
    )
    page = open_page()
    assert list(counted(page).items())[:5] == [
        ("Open", "2"),
        ("Unassigned", "1"),
        ("Overdue", "0"),
        ("High risk", "1"),
        ("Mine", "1"),
    ]
    assert shown_cases(click_count(page, "Unassigned")) == [low.case_id]
    assert shown_cases(click_count(page, "High risk")) == [mine.case_id]
    assert shown_cases(click_count(page, "Mine")) == [mine.case_id]
    assert not [part for part in click_count(page, "Overdue").get("bidi_component") if part.proto.id.endswith("cases")]
    assert "No case matches" in texts(page)
    assert sorted(shown_cases(click(page, "Clear the filters"))) == sorted([low.case_id, mine.case_id])
    labelled(page.selectbox, "Status").set_value("Any")
    assert closed.case_id in shown_cases(run(page))


def test_each_count_of_sars_sets_its_filter_and_lists_them_by_their_day(desk: Database, open_case: OpenCase) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def decided(days_left: int, by: User = ANALYST) -> str:
        case_id = open_case().case_id
        casework.assign(desk, by.user_id, case_id, by.user_id)
        day = today + timedelta(days=days_left) - policy.SAR_CLOCK
        decision = Decision(Disposition.SAR, "Structured.", determined_at=day, source="Branch")
        casework.set_disposition(desk, by.user_id, case_id, decision)
        return case_id

    def drafted(days_left: int) -> str:
        case_id = decided(days_left)
        casework.draft_sar(desk, ANALYST.user_id, case_id, drafts.COMPLETE)
        return case_id

    open_case()
    late, soon, today_, others = decided(-2), decided(7), decided(0), decided(30, OTHER_ANALYST)
    waits, approved = drafted(8), drafted(3)
    draft = stored(desk, approved)[0].head_hash
    casework.approve_sar(desk, MANAGER.user_id, approved, draft)

    page = open_page()
    assert list(counted(page).items())[5:] == [
        ("to draft", "4"),
        ("to approve", "1"),
        ("to file", "1"),
        ("due in 7 days", "3"),
        ("late", "1"),
        ("yours", "5"),
    ]
    expected = {
        "to draft": [late, today_, soon, others],
        "to approve": [waits],
        "to file": [approved],
        "due in 7 days": [today_, approved, soon],
        "late": [late],
        "yours": [late, today_, approved, soon, waits],
    }
    for label, listed in expected.items():
        assert shown_cases(click_count(page, label)) == listed, label
    rows = {row["case_id"]: row["cells"] for row in component(page, "cases")["rows"]}
    assert {one: cells[6]["text"] for one, cells in rows.items()} == {
        late: "⚠ SAR 2 d late",
        today_: "◷ SAR today",
        approved: "◷ SAR in 3 d",
        soon: "◷ SAR in 7 d",
        waits: "SAR in 8 d",
    }
    assert {one: cells[-1]["text"] for one, cells in rows.items()} == {
        **dict.fromkeys((late, today_, soon), "SAR · To draft"),
        waits: "SAR · To approve",
        approved: "SAR · To file",
    }
    assert labelled(page.selectbox, "Status").disabled
    for change, order in (("Not recorded", "Due first"), ("Filed", "SAR due"), ("Any", "Due first")):
        labelled(page.selectbox, "SAR").set_value(change)
        assert labelled(run(page).selectbox, "Order").value == order
    labelled(page.selectbox, "Order").set_value("SAR due")
    assert shown_cases(run(page)) == [late, today_, approved, soon, waits]  # still of one owner
    click_count(page, "Open")
    assert (labelled(page.selectbox, "Order").value, len(shown_cases(page))) == ("Due first", 1)
    assert "yours" not in counted(open_page(acting=REVIEWER.user_id))


def test_the_queue_is_filtered_by_typology_and_disposition(desk: Database, open_case: OpenCase) -> None:
    funnel, other = open_case(typology="Funnel account"), open_case(typology="Human trafficking")
    for case in (funnel, other):
        casework.assign(desk, ANALYST.user_id, case.case_id, ANALYST.user_id)
    page = open_page(typology="Funnel account")
    assert labelled(page.selectbox, "Typology").options == ["Any", "Funnel account", "Human trafficking"]
    assert shown_cases(page) == [funnel.case_id]
    casework.set_disposition(desk, ANALYST.user_id, other.case_id, Decision(Disposition.NO_SAR, "Takings match."))
    assert shown_cases(open_page(disposition="No SAR")) == [other.case_id]
    assert "No case matches" in texts(open_page(disposition="SAR"))


def test_the_queue_is_filtered_by_status(desk: Database, open_case: OpenCase) -> None:
    new, taken, closed = (open_case().case_id for _ in range(3))
    for case_id in (taken, closed):
        casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    casework.set_disposition(desk, ANALYST.user_id, closed, Decision(Disposition.NO_SAR, "Takings match."))
    expected = {
        "New": [new],
        "In Review": [taken],
        "Closed": [closed],
        "Any": [new, taken, closed],
        "Open": [new, taken],
    }
    for status, listed in expected.items():
        page = open_page(status=status)
        assert sorted(shown_cases(page)) == sorted(listed), status
    assert open_page(status="Closed").session_state["queue"].words == "All, closed, due first"
    assert sorted(shown_cases(open_page(closed="true"))) == sorted([new, taken, closed])  # an address of before
    assert shown_cases(open_page(disposition="No SAR", status="New")) == [closed]  # which no filter by status narrows


def test_what_is_typed_as_a_whole_id_is_listed_alone_though_it_is_closed(desk: Database, open_case: OpenCase) -> None:
    closed, other = open_case(customer_id="C-10").case_id, open_case(customer_id="C-100").case_id
    casework.assign(desk, ANALYST.user_id, closed, ANALYST.user_id)
    casework.set_disposition(desk, ANALYST.user_id, closed, Decision(Disposition.NO_SAR, "Takings match."))
    for typed, listed in ((f" {closed.lower()} ", [closed]), ("c-10", [closed]), ("C-100", [other]), ("C-1", [other])):
        page = open_page(q=typed)
        assert shown_cases(page) == listed, typed
        assert ("open or closed, by its id" in texts(page)) is (typed != "C-1")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({}, {"Risk": "none", "Amount": "none", "Age": "none", "Due": "ascending"}),
        ({"order": "Oldest first"}, {"Risk": "none", "Amount": "none", "Age": "descending", "Due": "none"}),
        ({"order": "Lowest risk"}, {"Risk": "ascending", "Amount": "none", "Age": "none", "Due": "none"}),
        ({"order": "SAR due last"}, {"Risk": "none", "Amount": "none", "Age": "none", "SAR due": "descending"}),
    ],
)
def test_the_heads_say_how_the_queue_is_sorted(
    desk: Database, open_case: OpenCase, address: dict[str, str], expected: dict[str, str]
) -> None:
    case_id = open_case().case_id
    with desk.transaction() as tx:
        tx.execute("UPDATE cases SET sar_due_at = due_at WHERE case_id = ?", (case_id,))
    columns = component(open_page(**address), "cases")["columns"]
    assert {column["label"]: column["sort"] for column in columns if column["sort"]} == expected


def test_a_click_on_a_head_sorts_by_it_and_the_next_the_other_way(open_case: OpenCase) -> None:
    cases = [open_case(amount=Decimal(n)).case_id for n in (2, 1, 3)]
    page = open_page()
    page.query_params["page"] = "after-AML-NOBODY00"
    for order, expected in (("Amount", (2, 0, 1)), ("Least amount", (1, 0, 2)), ("Amount", (2, 0, 1))):
        told_by(page, "cases", "sorted", "amount")
        assert shown_cases(page) == [cases[at] for at in expected]
        assert labelled(page.selectbox, "Order").value == order
    told_by(page, "cases", "sorted", "risk")
    assert labelled(page.selectbox, "Order").value == "Risk"
    told_by(page, "cases", "sorted", "customer")
    assert labelled(page.selectbox, "Order").value == "Risk"


def test_search_and_order_and_pages(open_case: OpenCase) -> None:
    cases = [open_case(amount=Decimal(n), customer_name="ÜNAL" if n % 2 else "Okafor") for n in range(1, 61)]
    page = open_page()
    labelled(page.selectbox, "Order").set_value("Amount")
    labelled(page.text_input, "Search").set_value("ünal")
    run(page)
    expected = [case.case_id for case in cases if case.customer_name == "ÜNAL"][::-1]
    assert shown_cases(page) == expected[:25]
    assert "Cases 1 to 25 of **30**" in texts(page)
    assert labelled(page.button, "Previous page").disabled
    assert shown_cases(click(page, "Next page")) == expected[25:]
    assert "Cases 26 to 30 of **30**" in texts(page)
    assert labelled(page.button, "Next page").disabled
    assert shown_cases(click(page, "Previous page")) == expected[:25]


def test_an_empty_desk_says_so() -> None:
    page = open_page()
    assert "There are no open cases" in texts(page)
    click(page, "Take new case")
    assert page.toast[0].value.replace("\\", "") == "No case is waiting: each open one has an owner."


def tick(test: AppTest, *case_ids: str) -> AppTest:
    """Tick these cases of the queue, as the browser says it."""
    test.session_state["cases"] = {"ticked": {"token": component(test, "cases")["ticks"], "cases": list(case_ids)}}
    return run(test)


def is_ticked(test: AppTest) -> bool:
    return any("selected" in element.value for element in test.markdown)


def owner_of(desk: Database, case_id: str) -> str | None:
    return stored(desk, case_id)[0].owner


def test_ticked_cases_are_assigned_together(desk: Database, open_case: OpenCase) -> None:
    first, second, third = (open_case().case_id for _ in range(3))
    page = tick(open_page(acting=MANAGER.user_id), first, third)
    assert "**2 selected**" in texts(page)
    receivers = labelled(page.selectbox, "Receiver").options
    assert [name.partition(",")[0] for name in receivers] == [
        person.name for person in (ANALYST, OTHER_ANALYST, OTHER_MANAGER)
    ]
    assert labelled(page.button, "Assign").disabled
    labelled(page.selectbox, "Receiver").set_value(OTHER_ANALYST.user_id)
    run(page)
    click(page, "Assign")
    assert "The reason is empty." in texts(page)
    labelled(page.text_input, "Reason").set_value("Has room this week.")
    click(page, "Assign")
    assert page.toast[0].value == f"2 cases are now {OTHER_ANALYST.name}’s."
    assert not is_ticked(page)
    assert [owner_of(desk, one) for one in (first, second, third)] == [
        OTHER_ANALYST.user_id,
        None,
        OTHER_ANALYST.user_id,
    ]
    events = desk.read(lambda tx: repository.events(tx, first) + repository.events(tx, third))
    assert [(event.action, event.notes) for event in events] == [("open", ""), ("assign", "Has room this week.")] * 2


def test_of_ticked_cases_one_that_moved_on_keeps_all_where_they_are(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (open_case().case_id for _ in range(2))
    page = tick(open_page(acting=MANAGER.user_id), first, second)
    casework.assign(desk, OTHER_ANALYST.user_id, second, OTHER_ANALYST.user_id)
    click(page, "Assign to me")
    assert f"{second} changed while you had it open".replace("-", "\\-") in texts(page)
    assert [event["what"] for event in component(page, "meanwhile")["events"]] == ["assigned the case"]
    assert is_ticked(page)
    assert owner_of(desk, first) is None
    monkeypatch.setattr(session, "DOUBLE_CLICK", 0)
    run(page)
    labelled(page.selectbox, "Receiver").set_value(MANAGER.user_id)
    run(page)
    labelled(page.text_input, "Reason").set_value("Both are one ring.")
    click(page, "Assign")
    assert page.toast[0].value == "2 cases are now yours."
    assert [owner_of(desk, one) for one in (first, second)] == [MANAGER.user_id] * 2


def test_a_note_meanwhile_does_not_stand_in_the_way(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    page = open_page(acting=MANAGER.user_id)
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
    click(tick(page, case_id), "Assign to me")
    assert owner_of(desk, case_id) == MANAGER.user_id


def test_what_was_ticked_in_another_list_or_by_someone_else_counts_for_nothing(
    desk: Database, open_case: OpenCase
) -> None:
    for _ in range(26):
        open_case()
    page = open_page(acting=ANALYST.user_id)
    assert is_ticked(run(tick(page, shown_cases(page)[0])))
    changes: list[Callable[[], Any]] = [
        lambda: labelled(page.selectbox, "Order").set_value("Amount"),
        lambda: labelled(page.selectbox, "Owner").set_value("Unassigned"),
        lambda: labelled(page.selectbox, "Status").set_value("Any"),
        lambda: labelled(page.selectbox, "Rows").set_value(50),
        lambda: labelled(page.sidebar.selectbox, "Acting as").set_value(OTHER_ANALYST.user_id),
    ]
    for change in changes:
        change()
        assert not is_ticked(run(page))
        assert is_ticked(tick(page, shown_cases(page)[1]))
    assert not is_ticked(click(page, "Clear"))
    labelled(page.selectbox, "Rows").set_value(25)
    run(page)
    token = component(page, "cases")["ticks"]
    click(page, "Next page")
    assert component(page, "cases")["ticks"] not in (None, token)


def test_only_what_a_person_may_assign_can_be_ticked(desk: Database, open_case: OpenCase) -> None:
    free, mine, theirs = (open_case().case_id for _ in range(3))
    casework.assign(desk, ANALYST.user_id, mine, ANALYST.user_id)
    casework.assign(desk, OTHER_ANALYST.user_id, theirs, OTHER_ANALYST.user_id)
    page = open_page(acting=ANALYST.user_id)
    refusals = {row["case_id"]: row["refusal"] for row in component(page, "cases")["rows"]}
    assert refusals[free] is refusals[mine] is None
    assert "belongs to someone else" in refusals[theirs]
    tick(page, free)
    assert not labelled(page.button, "Assign to me").disabled
    assert not [one for one in page.selectbox if one.label == "Receiver"]
    tick(page, free, mine)
    assert labelled(page.button, "Assign to me").disabled
    tick(page, mine)
    assert MANAGER.name in "".join(labelled(page.selectbox, "Receiver").options)
    page = open_page(acting=REVIEWER.user_id)
    assert component(page, "cases")["ticks"] is None
    assert labelled(page.button, "Take new case").disabled


def test_a_click_on_a_page_drawn_for_someone_else_is_done_in_nobodys_name(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    page = open_page("case", ANALYST.user_id)
    labelled(page.sidebar.selectbox, "Acting as").set_value(MANAGER.user_id)
    click(page, "Take new case")
    assert "Who acts changed as you clicked" in page.error[0].value
    assert owner_of(desk, case_id) is None
    click(page, "Take new case")
    assert owner_of(desk, case_id) == MANAGER.user_id


def test_the_next_case_is_the_most_urgent_that_nobody_owns_one_a_click(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = open_case(risk=Risk.LOW, risk_score=10).case_id
    owned, urgent = open_case().case_id, open_case().case_id
    casework.assign(desk, OTHER_ANALYST.user_id, owned, OTHER_ANALYST.user_id)
    page = click(open_page("case", ANALYST.user_id), "Take new case")
    assert page.toast[0].value.replace("\\", "") == f"{urgent} is yours."
    monkeypatch.setattr(session, "DOUBLE_CLICK", 600)
    for shown in (urgent, later):
        click(page, "Take new case")
        assert [title.value.replace("\\", "") for title in page.title] == [shown]
        assert owner_of(desk, later) == (None if shown == urgent else ANALYST.user_id)
        monkeypatch.setattr(session, "DOUBLE_CLICK", 0)
    assert owner_of(desk, urgent) == ANALYST.user_id


def test_the_queue_is_kept_as_triage_showed_it(open_case: OpenCase) -> None:
    case_id = open_case().case_id
    page = open_page(acting=ANALYST.user_id)
    assert page.session_state["queue"].words == "All open, due first"
    labelled(page.selectbox, "Owner").set_value("Unassigned")
    labelled(page.selectbox, "Risk").set_value("High")
    labelled(page.selectbox, "Order").set_value("Amount")
    labelled(page.text_input, "Search").set_value("łukasik")
    labelled(page.toggle, "Overdue").set_value(True)
    run(page)
    queue = page.session_state["queue"]
    assert queue.words == "Unassigned, high risk, overdue, “łukasik”, largest number first, whatever the currency"
    assert (queue.overdue, queue.order) == (True, Order.AMOUNT)
    assert queue.filters == Filters(unassigned=True, risk=Risk.HIGH, search="łukasik")
    before = datetime.now(UTC)
    assert before <= queue.now().due_before <= datetime.now(UTC)
    assert replace(queue, overdue=False).now().due_before is None
    page.query_params["case_id"] = case_id
    page.switch_page("views/case.py")
    assert run(page).session_state["queue"] == queue


# --- times ---


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2026-01-06 00:00 JST"),
        ("America/Sao_Paulo", "2026-01-05 12:00 -03"),
        ("UTC", "2026-01-05 15:00 UTC"),
        (None, "2026-01-05 15:00 UTC"),
        ("Mars/Olympus", "2026-01-05 15:00 UTC"),
        ("../../etc/passwd", "2026-01-05 15:00 UTC"),
    ],
)
def test_times_are_the_readers_and_utc_is_at_hand(
    desk: Database, open_case: OpenCase, zone: str | None, shown: str
) -> None:
    case_id = open_case().case_id
    (opened,) = stored(desk, case_id)[1]
    page = open_page("case", ANALYST.user_id, zone, case_id=case_id)
    first = component(page, "transactions")["rows"][0]["cells"][0]
    told = "2026-01-05T15:00:00.000000Z"
    assert first == {"text": shown, "time": told, "sort": told, "hint": "2026-01-05 15:00 UTC"}
    (event,) = component(page, "timeline")["events"]
    assert event["ts"] == opened.ts
    assert event["when"].endswith(shown[16:])
    due = component(open_page(acting=ANALYST.user_id, zone=zone), "cases")["rows"][0]["cells"][6]["hint"]
    assert due.startswith("Due 20")
    assert due.endswith(" UTC")
    assert shown[16:] in due


@pytest.mark.parametrize(
    ("zone", "hours", "told"),
    [
        ("Asia/Tokyo", -30, "⚠ 1 d late"),
        ("America/Los_Angeles", -5, "⚠ 1 d late"),
        ("UTC", -4, "⚠ late today"),
        ("UTC", 3, "◷ today 15:00"),
        ("Asia/Tokyo", 2, "◷ today 23:00"),
        ("Asia/Tokyo", 3, "◷ in 1 d"),
        ("UTC", 36, "in 2 d"),
        ("Asia/Tokyo", 27, "in 2 d"),
    ],
)
def test_days_end_at_the_readers_midnight(
    open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, zone: str, hours: int, told: str
) -> None:
    """At noon UTC."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    monkeypatch.setattr(words, "zone", lambda: ZoneInfo(zone))
    assert words.due_text(replace(open_case(), due_at=noon + timedelta(hours=hours)), noon)[0] == told


@pytest.mark.parametrize(
    ("zone", "days", "told"),
    [
        ("UTC", -1, ("⚠ SAR 1 d late", "alarm")),
        ("UTC", 0, ("◷ SAR today", "alarm")),
        ("Pacific/Kiritimati", 0, ("⚠ SAR 1 d late", "alarm")),
        ("Pacific/Kiritimati", 1, ("◷ SAR today", "alarm")),
        ("America/Los_Angeles", 7, ("◷ SAR in 7 d", "warn")),
        ("UTC", 8, ("SAR in 8 d", "quiet")),
    ],
)
def test_a_sar_that_is_not_filed_is_due_at_the_end_of_the_readers_day(
    open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, zone: str, days: int, told: tuple[str, str]
) -> None:
    """At noon UTC; its case was closed in time, or is open again and due later."""
    noon, day = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 5 + days, tzinfo=UTC)
    monkeypatch.setattr(words, "zone", lambda: ZoneInfo(zone))
    reopened = replace(open_case(), due_at=noon + timedelta(days=20), sar_due_at=day)
    closed = replace(reopened, status=Status.CLOSED, closed_at=noon, due_at=noon)
    assert words.due_text(reopened, noon) == words.due_text(closed, noon) == told
    assert words.due_text(replace(closed, filed_at=day), noon) == (words.day(words.day_of(noon)), "quiet")
    assert words.due_text(replace(reopened, due_at=noon - timedelta(days=3)), noon) == ("⚠ 3 d late", "alarm")


def test_age_and_lateness_of_a_case_end_at_its_closing(open_case: OpenCase) -> None:
    opened = datetime(2026, 1, 5, 12, tzinfo=UTC)
    case = replace(open_case(), opened_at=opened, due_at=opened + timedelta(days=21), status=Status.CLOSED)
    later = opened + timedelta(days=300)
    for days, told in ((2, "2026-01-26"), (21, "2026-01-26"), (21.1, "closed late"), (24, "closed 3 d late")):
        closed = replace(case, closed_at=opened + timedelta(days=days))
        assert words.due_text(closed, later) == (told, "quiet")
        assert words.age(closed, later) == f"{int(days)} d"
    assert words.age(replace(case, closed_at=None), later) == "300 d"


def test_overdue_with_closed_shows_of_the_closed_those_closed_late(desk: Database, open_case: OpenCase) -> None:
    late, in_time, open_late, _ = (open_case().case_id for _ in range(4))
    for case_id in (late, in_time):
        casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
        casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.NO_SAR, "Takings match."))
    now = datetime.now(UTC)
    with desk.transaction() as tx:
        for case_id, days in ((late, 60), (in_time, 30), (open_late, 1)):
            tx.execute("UPDATE cases SET due_at = ? WHERE case_id = ?", (now - timedelta(days=days), case_id))
        for case_id, days in ((late, 30), (in_time, 60)):
            tx.execute("UPDATE cases SET closed_at = ? WHERE case_id = ?", (now - timedelta(days=days), case_id))
    page = click_count(open_page(), "Overdue")
    assert shown_cases(page) == [open_late]
    labelled(page.selectbox, "Status").set_value("Any")
    assert shown_cases(run(page)) == [late, open_late]
    assert counted(page)["Overdue"] == "1"


def test_a_time_at_the_end_of_the_calendar_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "zone", lambda: ZoneInfo("Asia/Tokyo"))
    assert words.clock(datetime(9999, 12, 31, 20, tzinfo=UTC)) == "9999-12-31 20:00 UTC"


# --- a case ---


def test_a_whole_life_of_a_case(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    case_id = open_case(sampled=True).case_id

    page = open_page("case", ANALYST.user_id, case_id=case_id.lower())
    assert "New" in texts(page)
    assert "Assign it first" in texts(page)
    labelled(page.selectbox, "New owner").set_value(ANALYST.user_id)
    click(page, "Assign")
    assert page.toast[0].value == f"Case assigned to {ANALYST.name}."
    labelled(page.text_area, "Note").set_value("Teller called: “same person”.\n")
    click(page, "Add note")
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    run(page)
    labelled(page.text_area, "Rationale").set_value("No lawful purpose found.")
    click(page, "Close as SAR")
    assert wrong(page) == ["A SAR needs the date on which suspicion was determined: the filing clock starts there."]
    labelled(page.date_input, "Suspicion determined").set_value(datetime.now(UTC).date())
    click(page, "Close as SAR")

    page = open_page("qa", REVIEWER.user_id)
    assert shown_cases(page, "waiting") == [case_id]
    open_row(page, case_id)
    labelled(page.text_area, "Remarks").set_value("Sums re-added, agree.")
    click(page, "Record")
    assert wrong(page) == ["Choose a verdict: a QA review passes or fails."]
    labelled(page.segmented_control, "Verdict").set_value("Pass")
    click(page, "Record")
    assert "The sample is complete" in texts(page)

    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    click(page, "Write all")
    trail = tmp_path / "exports" / f"audit_{case_id}.csv"
    assert audit_csv.verify_csv(trail.read_bytes()).intact
    assert "Sums re\\-added, agree." in (tmp_path / "exports" / f"case_{case_id}.md").read_text("utf-8")
    click(page, "Verify every chain")
    assert "all intact" in texts(page)

    with desk.snapshot() as tx:
        case, events = repository.case(tx, case_id), repository.events(tx, case_id)
    actions = ["open", "assign", "note", "disposition", "view", "view", "qa_pass", "export"]
    assert [event.action for event in events] == actions
    assert [event.user for event in events[4:]] == [
        ANALYST.user_id,
        REVIEWER.user_id,
        REVIEWER.user_id,
        ANALYST.user_id,
    ]
    assert events[2].notes == "Teller called: “same person”.\n"
    assert (case.owner, case.disposition, case.qa_result) == (ANALYST.user_id, "SAR", "Pass")
    assert case.determined_at is not None


def test_a_stale_decision_says_what_happened_and_keeps_the_text_and_a_double_click_does_not_push_it_through(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = choose(open_page("case", ANALYST.user_id, case_id=case_id), "No SAR")
    labelled(page.text_area, "Rationale").set_value("Takings match the filings.")
    casework.add_note(desk, MANAGER.user_id, case_id, "Wait for the branch.")
    monkeypatch.setattr(session, "DOUBLE_CLICK", 600)
    for _ in range(2):
        click(page, "Close as No SAR")
        assert "changed while you had it open" in texts(page)
        assert [event["notes"] for event in component(page, "meanwhile")["events"]] == ["Wait for the branch."]
        assert labelled(page.text_area, "Rationale").value == "Takings match the filings."
    monkeypatch.setattr(session, "DOUBLE_CLICK", 0)
    click(page, "Close as No SAR")
    with desk.snapshot() as tx:
        assert repository.case(tx, case_id).disposition == "No SAR"


def test_a_text_that_is_too_long_is_refused_and_kept(open_case: OpenCase) -> None:
    page = open_page("case", ANALYST.user_id, case_id=open_case().case_id)
    labelled(page.text_area, "Note").set_value("x" * 10_001)
    click(page, "Add note")
    assert wrong(page) == ["The note is 10,001 characters long; the limit is 10,000."]
    assert len(labelled(page.text_area, "Note").value) == 10_001


FORMS = ("Add note", "Assign to me", "Assign", "Decide", "Reopen")


def choose(test: AppTest, disposition: str) -> AppTest:
    labelled(test.segmented_control, "Disposition").set_value(disposition)
    return run(test)


def test_nothing_that_decides_is_chosen_beforehand_and_all_that_lacks_is_told_at_its_field(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    assert labelled(page.segmented_control, "Disposition").value is None
    assert labelled(page.selectbox, "New owner").value is None
    click(page, "Decide")
    disposition, rationale = wrong(page)
    assert disposition.startswith("Choose a disposition")
    assert rationale == "The rationale is empty."
    assert wrong(choose(page, "SAR")) == [rationale], "what was chosen since lacks no more, the rest still does"
    click(page, "Close as SAR")
    assert [words[:10] for words in wrong(page)] == ["The ration", "A SAR need"]
    choose(page, "Escalate")
    assert labelled(page.selectbox, "To Manager").value is None
    click(page, "Escalate")
    assert wrong(page) == [rationale, "Choose which Manager the case is escalated to."]
    click(page, "Assign")
    assert wrong(page) == ["Choose who is to own the case.", "The reason is empty."]
    click(page, "Add note")
    assert wrong(page) == ["The note is empty."]
    assert not page.error
    page.switch_page("views/qa.py")
    assert not run(page).error
    assert not wrong(page)
    assert len(stored(desk, case_id)[1]) == 2


def test_an_escalation_says_to_whom(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = choose(open_page("case", ANALYST.user_id, case_id=case_id), "Escalate")
    labelled(page.text_area, "Rationale").set_value("The teller may be helping.")
    labelled(page.selectbox, "To Manager").set_value(OTHER_MANAGER.user_id)
    click(page, "Escalate")
    assert page.toast[0].value == f"Escalated to {OTHER_MANAGER.name}."


def test_what_a_sign_in_that_has_ended_sends_is_refused_and_given_back(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    since = datetime.now(UTC) - timedelta(hours=12) + timedelta(minutes=5)
    vouched: dict[str, Any] = {"is_logged_in": True, "preferred_username": ANALYST.user_id, "iat": since.timestamp()}
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    monkeypatch.setattr(st, "user", vouched)
    monkeypatch.setattr(sign_in, "_is_configured", lambda: True)
    page = open_page("case", case_id=case_id)
    labelled(page.text_area, "Note").set_value("Typed before the evening, sent after it.")
    page.session_state["signed in until"] -= timedelta(minutes=6)  # they pass
    vouched["iat"] -= timedelta(minutes=6).total_seconds()
    click(page, "Add note")
    assert "has ended. Copy what you typed" in texts(page)
    assert [block.value for block in page.code] == ["Typed before the evening, sent after it."]
    assert not page.text_area
    assert case_id not in texts(page)
    assert len(stored(desk, case_id)[1]) == 1


def test_who_signed_out_elsewhere_sends_and_sees_nothing_more_and_gets_back_nothing_typed(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, since = open_case().case_id, datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    vouched: dict[str, Any] = {"is_logged_in": True, "preferred_username": ANALYST.user_id, "iat": since.timestamp()}
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    monkeypatch.setattr(st, "user", vouched)
    monkeypatch.setattr(sign_in, "_is_configured", lambda: True)
    page = open_page("case", case_id=case_id)
    labelled(page.text_area, "Note").set_value("Typed in a tab that was left open.")
    out = users.sign_out(desk, ANALYST.user_id, since)
    click(page, "Add note")
    assert "You have signed out. Sign in again." in texts(page)
    assert "Typed in a tab" not in texts(page)
    assert not page.code
    assert case_id not in texts(page)
    assert len(desk.read(lambda tx: repository.events(tx, case_id))) == 1
    vouched["iat"] = int(out.timestamp()) + 1
    assert labelled(open_page("case", case_id=case_id).text_area, "Note").value == ""


def test_a_claim_in_other_letters_acts_as_the_person_it_means(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, since = open_case().case_id, datetime.now(UTC).timestamp()
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    monkeypatch.setattr(st, "user", {"is_logged_in": True, "preferred_username": "A.Nguyen\u200b", "iat": since})
    monkeypatch.setattr(sign_in, "_is_configured", lambda: True)
    page = open_page("case", case_id=case_id)
    labelled(page.text_area, "Note").set_value("Mine.")
    click(page, "Add note")
    assert stored(desk, case_id)[1][-1].user == ANALYST.user_id


def test_what_a_feed_told_turns_no_words_around_on_any_page(desk: Database, open_case: OpenCase) -> None:
    turned, shown = "evil\u202egnp.exe", "evil\\u202egnp.exe"
    row = {**TRANSACTIONS[0], "counterparty": turned, "channel": turned}
    case_id = open_case(customer_name=turned, alert=turned, transactions=[row]).case_id
    (listed,) = component(open_page(), "cases")["rows"]
    assert listed["cells"][1] == {"text": shown, "hint": f"{shown}, C-00412873"}
    page = open_page("case", case_id=case_id)
    assert f"<p class='told' dir='auto'>{shown}</p>" in "".join(html.proto.body for html in page.get("html"))
    cells = component(page, "transactions")["rows"][0]["cells"]
    assert [cells[place]["text"] for place in (3, 4)] == [shown, shown]
    assert not [html for html in page.get("html") if "\u202e" in html.proto.body]


def test_amounts_have_the_decimals_of_their_currency_and_in_out_and_net_stand_apart(
    desk: Database, open_case: OpenCase
) -> None:
    rows = [
        {**TRANSACTIONS[0], "amount": amount, "direction": direction}
        for amount, direction in (("126430.00", "in"), ("95328.00", "out"))
    ]
    customer = {"expected_monthly": "5000.00"}
    case_id = open_case(amount="126430", currency="JPY", customer=customer, transactions=rows).case_id
    (listed,) = component(open_page(), "cases")["rows"]
    assert listed["cells"][4]["text"] == "JPY 126,430"
    page = open_page("case", case_id=case_id)
    assert [row["cells"][2]["text"] for row in component(page, "transactions")["rows"]] == ["126,430", "95,328"]
    told = "\n".join(html.proto.body for html in page.get("html"))
    for fact in (
        "<dt>Alerted activity</dt><dd dir='auto'>JPY 126,430 (money in)</dd>",
        "<dt>Money in</dt><dd dir='auto'>JPY 126,430</dd>",
        "<dt>Money out</dt><dd dir='auto'>JPY 95,328</dd>",
        "<dt>Net</dt><dd dir='auto'>JPY 31,102 more in</dd>",
        "<dt>Expected monthly</dt><dd dir='auto'>JPY 5,000</dd>",
        "out JPY 95,328, Cash (branch), Łódź “Main St”</li>",  # a day of the chart
    ):
        assert fact in told


def test_a_sar_is_determined_today_by_the_calendar_of_whoever_decides(desk: Database, open_case: OpenCase) -> None:
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 10 else "Etc/GMT+12"  # another day than in UTC
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = open_page("case", ANALYST.user_id, zone, case_id=case_id)
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    run(page)
    day = labelled(page.date_input, "Suspicion determined on")
    today = datetime.now(ZoneInfo(zone)).date()
    assert day.max == today
    day.set_value(today)
    labelled(page.text_area, "Rationale").set_value("Structuring.")
    click(page, "Close as SAR")
    event = stored(desk, case_id)[1][-2]  # the last one says who looked at it then
    meta = json.loads(event.meta)
    assert (meta["determined_at"], meta["zone"]) == ([None, f"{today}T00:00:00.000000Z"], zone)
    changes = component(page, "timeline")["events"][1]["changes"]
    assert {"column": "suspicion determined", "from": "none", "to": f"{today} ({zone})"} in changes


def test_how_long_something_is_is_told_to_the_nearest_day_hour_or_minute() -> None:
    spans = [timedelta(days=89, hours=23), timedelta(hours=23, minutes=20), timedelta(seconds=61), timedelta(days=1)]
    assert [words.duration(span) for span in spans] == ["90 days", "23 hours", "1 minute", "1 day"]


def test_an_event_that_is_dated_ahead_is_told_on_the_page(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    assert "ahead of now" not in texts(open_page("case", case_id=case_id))

    class Ahead:
        def now(self, zone: object) -> datetime:
            return datetime.now(UTC) + timedelta(days=90)

    with monkeypatch.context() as patch:
        patch.setattr(casework, "datetime", Ahead())
        casework.add_note(desk, ANALYST.user_id, case_id, "by a machine whose clock is wrong")
    event = casework.add_note(desk, ANALYST.user_id, case_id, "now")
    page = open_page("case", case_id=case_id)
    assert "The newest event is dated 90 days ahead of now" in texts(page)
    now, ahead = component(page, "timeline")["events"][:2]
    assert ahead["what"] == "added a note"
    assert now["when"] == ahead["when"]
    assert now["what"] == f"added a note, really at {words.clock(words.read_time(json.loads(event.meta)['clock']))}"


def test_what_a_person_may_not_do_is_disabled_and_says_why(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = open_page("case", OTHER_ANALYST.user_id, case_id=case_id)
    enabled = {label: not labelled(page.button, label).disabled for label in FORMS}
    assert enabled == {
        "Add note": True,
        "Assign to me": False,
        "Assign": False,
        "Decide": False,
        "Reopen": False,
    }
    assert labelled(page.segmented_control, "Disposition").value is None  # nobody chose one
    for reason in ("belongs to someone else", "Only the owner or a Manager", "Only a Manager can reopen"):
        assert reason in texts(page)


def test_a_long_timeline_is_shown_in_part_until_asked_for_and_whole_where_it_is_broken(
    desk: Database, open_case: OpenCase
) -> None:
    case = open_case()
    for number in range(60):
        casework.add_note(desk, ANALYST.user_id, case.case_id, f"Note {number}")

    def shown(page: AppTest) -> int:
        return len(component(page, "timeline")["events"])

    page = open_page("case", ANALYST.user_id, case_id=case.case_id)
    assert shown(page) == 50
    assert shown(click(page, "Show all 61 events")) == 61
    tamper(desk, "UPDATE case_events SET notes = 'x' WHERE notes = 'Note 0'")
    assert shown(open_page("case", ANALYST.user_id, case_id=case.case_id)) == 61


def test_a_broken_chain_shows_where(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
    tamper(desk, "UPDATE case_events SET notes = 'Nobody called.' WHERE action = 'note'")
    tamper(desk, "UPDATE cases SET risk_score = 1")
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    assert "Chain broken, 2 breaks" in texts(page)
    assert "The case row was changed outside the desk" in texts(page)
    newest, oldest = component(page, "timeline")["events"]
    assert newest["breaks"][0].startswith("Edited: event_hash")
    assert not oldest["breaks"]


@pytest.mark.parametrize("page", ["case", "exports"])
def test_an_unknown_case_is_a_message_and_no_markup(page: str) -> None:
    shown = open_page(page, ANALYST.user_id, case_id="![x](http://evil.example/pixel)")
    assert "\\!\\[X\\]\\(" in texts(shown)


def test_a_day_of_many_cases_adds_no_keys_to_the_session(open_case: OpenCase) -> None:
    cases = [open_case().case_id for _ in range(4)]
    page = open_page("case", ANALYST.user_id, case_id=cases[0])
    kept = []
    for case_id in cases[1:]:
        labelled(page.text_input, "Case id").set_value(case_id)
        run(page)
        kept.append(len(page.session_state))
    assert kept == kept[:1] * len(kept)


@pytest.mark.parametrize("page", ["triage", "case", "qa"])
def test_a_row_that_cannot_be_read_is_told_and_keeps_nobody_from_the_others(
    desk: Database, open_case: OpenCase, page: str
) -> None:
    damaged, sound = (open_case(sampled=True if page == "qa" else None).case_id for _ in range(2))
    for case_id in (damaged, sound):
        casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
        if page == "qa":
            casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.NO_SAR, "Payroll."))
    if not desk.is_embedded:
        pytest.skip("a server keeps what is no time out of a column of times")
    tamper(desk, "UPDATE cases SET due_at = '2026-12-31' WHERE case_id = ?", damaged)
    shown = open_page(page, REVIEWER.user_id, case_id=sound)
    if page == "case":
        shown.session_state[f"connected {sound}"] = True
        run(shown)
    name = {"triage": "cases", "case": "sharing", "qa": "waiting"}[page]
    assert f"{damaged} was changed outside the desk" in texts(shown).replace("\\", "")
    assert page == "case" or shown_cases(shown, name) == [sound]
    assert page != "triage" or "Cases 1 to 2 of **2**" in texts(shown)
    assert page != "case" or labelled(shown.text_area, "Note")


def test_connected_cases_are_counted_at_once_and_drawn_when_asked_for_on_both_sides(
    desk: Database, open_case: OpenCase
) -> None:
    mule, shell = "<b>Mule</b> :red[Ltd]", "Shell & Co"
    first = open_case(customer_id="C-1", customer_name=mule, transactions=[{**TRANSACTIONS[0], "counterparty": shell}])
    second = open_case(customer_id="C-2", customer_name=shell, transactions=[])
    casework.assign(desk, MANAGER.user_id, second.case_id, MANAGER.user_id)
    casework.set_disposition(desk, MANAGER.user_id, second.case_id, Decision(Disposition.NO_SAR, "Explained."))
    own = open_case(customer_id="C-1", customer_name=mule, transactions=[])
    page = open_page("case", ANALYST.user_id, case_id=first.case_id)
    assert "Connected cases (2)" in [expander.label for expander in page.expander]
    assert not [part for part in page.get("bidi_component") if part.proto.id.endswith("network")]
    page.session_state[f"connected {first.case_id}"] = True
    run(page)
    rows = [[cell["text"] for cell in row["cells"]] for row in component(page, "sharing")["rows"]]
    assert rows == [
        [own.case_id, mule, "Same customer", "New", "—"],
        [
            second.case_id,
            shell,
            "Its customer has the name of a counterparty here, Shell & Co",
            "Closed · No SAR",
            "—",
        ],
    ]
    picture = component(page, "network")
    assert [node["text"] for node in picture["nodes"]] == [first.case_id, mule, shell, own.case_id, second.case_id]
    assert "Shell & Co (name, 2 cases; USD 9,400.00 in) with" in picture["label"]
    page.session_state["case_id"] = second.case_id
    other = run(page)  # and there it is still open
    row = next(row for row in component(other, "sharing")["rows"] if row["case_id"] == first.case_id)
    assert row["cells"][2]["text"] == "This customer has the name of a counterparty there"


# --- try to break it ---

ATTACKS = [
    ("Change a field", False, ["caught", "nothing", "nothing"], "Caught by"),
    ("Delete it", False, ["nothing", "caught", "caught"], "Caught by"),
    ("Delete it", True, ["nothing", "nothing", "caught"], "Only the signed checkpoint catches this"),
    ("Swap it", False, ["caught", "caught", "caught"], "Caught by"),
    ("Cut from here on", True, ["nothing", "nothing", "caught"], "Only the signed checkpoint catches this"),
    ("Rewrite from here on", False, ["nothing", "caught", "caught"], "Caught by"),
    ("Rewrite from here on", True, ["nothing", "nothing", "caught"], "Only the signed checkpoint catches this"),
]
"""What is done to the newest of three events, whether the row is made to agree, what each check says, the verdict."""


def open_panel(acting: str, case_id: str) -> AppTest:
    page = open_page("case", acting, case_id=case_id)
    page.session_state["try"] = True
    return run(page)


@ON_SQLITE
@pytest.mark.parametrize(("attack", "agree", "checks", "verdict"), ATTACKS)
def test_the_panel_shows_which_check_catches_an_attack_and_writes_nothing(
    desk: Database, open_case: OpenCase, tmp_path: Path, attack: str, agree: bool, checks: list[str], verdict: str
) -> None:
    case_id = open_case().case_id
    for text in ("Teller called.", "Cash counted."):
        casework.add_note(desk, ANALYST.user_id, case_id, text)
    checkpoint.append(desk, tmp_path / "exports" / "checkpoints", keys.make_key(tmp_path / "signing.key"))
    before = desk.read(lambda tx: repository.chains_of(tx, case_id))
    page = open_panel(ANALYST.user_id, case_id)
    labelled(page.segmented_control, "What to do").set_value(attack)
    run(page)
    if agree:
        labelled(page.checkbox, "agree").check()
        run(page)
    assert verdict in texts(page)
    said = [
        element.value for element in page.markdown if "finds nothing]" in element.value or "caught]" in element.value
    ]
    assert ["caught" if "caught]" in line else "nothing" for line in said] == checks
    assert desk.read(lambda tx: repository.chains_of(tx, case_id)) == before


@ON_SQLITE
def test_the_panel_says_what_no_check_catches(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    case_id = open_case().case_id
    page = open_panel(ANALYST.user_id, case_id)
    labelled(page.segmented_control, "What to do").set_value("Rewrite from here on")
    run(page)
    labelled(page.checkbox, "agree").check()
    assert "Nothing catches this without a checkpoint" in texts(run(page))
    checkpoint.append(desk, tmp_path / "exports" / "checkpoints", keys.make_key(tmp_path / "signing.key"))
    assert "Only the signed checkpoint catches this" in texts(run(page))
    casework.add_note(desk, ANALYST.user_id, case_id, "After the checkpoint.")
    run(page)
    labelled(page.selectbox, "Event").set_value(labelled(page.selectbox, "Event").options[-1])
    assert "it touches only events after the newest checkpoint" in texts(run(page))


def test_on_a_server_the_panel_is_for_managers(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    monkeypatch.setattr(type(desk), "is_embedded", False)
    for person, shown in ((MANAGER, 1), (ANALYST, 0), (REVIEWER, 0)):
        page = open_panel(person.user_id, case_id)
        assert len([one for one in page.segmented_control if "What to do" in one.label]) == shown


# --- QA and exports ---


def test_nobody_reviews_their_own_decision(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case(sampled=True).case_id
    casework.assign(desk, MANAGER.user_id, case_id, MANAGER.user_id)
    casework.set_disposition(desk, MANAGER.user_id, case_id, Decision(Disposition.NO_SAR, "Explained."))
    page = open_row(open_page("qa", MANAGER.user_id), case_id)
    assert labelled(page.button, "Record").disabled
    assert "You owned the case or decided on it" in texts(page)


def test_a_fail_needs_remarks(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case(sampled=True).case_id
    casework.assign(desk, MANAGER.user_id, case_id, MANAGER.user_id)
    casework.set_disposition(desk, MANAGER.user_id, case_id, Decision(Disposition.NO_SAR, "Explained."))
    page = open_row(open_page("qa", REVIEWER.user_id), case_id)
    labelled(page.segmented_control, "Verdict").set_value("Fail")
    click(page, "Record")
    assert wrong(page) == ["The reason for the fail is empty."]
    labelled(page.text_area, "Remarks").set_value("Sums off.")
    click(page, "Record")
    assert [metric.value for metric in page.metric] == ["0", "0", "1", "0%"]
    assert shown_cases(page, "reviewed") == [case_id]
    told = [cell["text"] for cell in component(page, "reviewed")["rows"][0]["cells"]]
    assert told[3:] == [MANAGER.name, "Fail", REVIEWER.name, f"{datetime.now(UTC):%Y-%m-%d}", "Sums off."]


def test_qa_opens_no_case_that_nobody_chose_neither_at_first_nor_after_a_verdict(
    desk: Database, open_case: OpenCase
) -> None:
    cases = [open_case(sampled=True).case_id for _ in range(3)]
    for case_id, owner in zip(cases, (ANALYST, MANAGER, ANALYST), strict=True):
        casework.assign(desk, owner.user_id, case_id, owner.user_id)
        casework.set_disposition(
            desk, owner.user_id, case_id, Decision(Disposition.SAR, "Structuring.", determined_at=datetime.now(UTC))
        )

    def looks() -> list[str]:
        events = desk.read(lambda tx: [event for case_id in cases for event in repository.events(tx, case_id)])
        return [event.case_id for event in events if event.action == "view"]

    page = open_page("qa", OTHER_MANAGER.user_id)
    assert shown_cases(page, "waiting") == cases
    assert not [button for button in page.button if button.label == "Record"]
    assert looks() == []
    open_row(page, cases[0])
    assert looks() == cases[:1]
    labelled(page.segmented_control, "Verdict").set_value("Pass")
    click(page, "Record")
    assert page.toast[0].value.replace("\\", "") == f"{cases[0]}: Pass recorded."
    assert shown_cases(page, "waiting") == cases[1:]
    assert not [button for button in page.button if button.label == "Record"]
    assert looks() == cases[:1]
    click(page, f"Open the next, {cases[1]}")
    assert looks() == cases[:2]
    click(page, "Back to the list")
    assert not [button for button in page.button if button.label == "Record"]
    for name in ("case", "exports"):
        page.switch_page(f"views/{name}.py")
        run(page)
    assert looks() == cases[:2]


def test_the_case_that_is_offered_next_is_the_one_below_and_not_ones_own(desk: Database, open_case: OpenCase) -> None:
    cases = [open_case(sampled=True).case_id for _ in range(4)]
    for case_id, owner in zip(cases, (ANALYST, ANALYST, MANAGER, ANALYST), strict=True):
        casework.assign(desk, owner.user_id, case_id, owner.user_id)
        casework.set_disposition(desk, owner.user_id, case_id, Decision(Disposition.NO_SAR, "Payroll."))
    page = open_page("qa", MANAGER.user_id)
    for case_id, offered in ((cases[1], cases[3]), (cases[3], cases[0])):
        open_row(page, case_id)
        labelled(page.segmented_control, "Verdict").set_value("Pass")
        assert labelled(click(page, "Record").button, f"Open the next, {offered}")
    open_row(page, cases[0])
    labelled(page.segmented_control, "Verdict").set_value("Pass")
    click(page, "Record")
    assert not [button for button in page.button if button.label.startswith("Open the next")]


def test_beside_the_audit_csv_stands_how_to_open_it_and_what_a_spreadsheet_would_cut(
    desk: Database, open_case: OpenCase
) -> None:
    page = open_page("exports", ANALYST.user_id, case_id=open_case().case_id)
    assert "as comma separated, with every column as text" in texts(page)
    assert "32,767" not in texts(page)
    long = open_case(transactions=TRANSACTIONS * 100)
    assert "32,767 characters" in texts(page := open_page("exports", ANALYST.user_id, case_id=long.case_id))
    assert "meta of event_id 2. The file has all of it" in texts(page)


def test_an_uploaded_audit_csv_is_verified_or_refused(desk: Database, open_case: OpenCase) -> None:
    data = case_export.make_audit_csv(case_export.read(desk, open_case().case_id)).data
    for content, verdict in (
        (data, "all intact"),
        (data.replace(b"9400.00", b"9500.00", 1), "1 break"),
        (data[:-1], "Refused"),
    ):
        page = open_page("exports", ANALYST.user_id)
        page.file_uploader[0].set_value(("audit.csv", content, "text/csv"))
        assert verdict in texts(run(page))


@ON_SQLITE
def test_a_bundle_is_anchored_written_and_verified(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    case_id = open_case().case_id
    assert "no checkpoint covers this case" in texts(open_page("exports", ANALYST.user_id, case_id=case_id))
    vkey = str(keys.make_key(tmp_path / "signing.key").verifier)
    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    assert "There is no checkpoint to go by" in texts(page)
    click(page, "Make a checkpoint")
    assert page.toast[0].value == "Checkpoint made: 1 new event."
    assert "Anchored up to event 1" in texts(page)
    casework.add_note(desk, ANALYST.user_id, case_id, "Later.")
    assert "The 1 event after it: not yet anchored" in texts(run(page))
    click(page, "Write all")
    data = (tmp_path / "exports" / f"{case_id}.zip").read_bytes()
    for content, key, verdict in (
        (data, vkey, "ok, signed by"),
        (data, "", "Compare this with the bank's published key"),
        (data, str(OTHER_KEY.verifier), "2 breaks"),
        (data, "rubbish", "is not a verifier key"),
        (data[:-1], vkey, "Refused"),
    ):
        page = open_page("exports", ANALYST.user_id)
        labelled(page.text_input, "verifier key").set_value(key)
        page.file_uploader[0].set_value((f"{case_id}.zip", content, "application/zip"))
        assert verdict in texts(run(page)).replace("\\", "")


@ON_SQLITE
def test_no_run_of_a_page_ends_in_a_full_garbage_collection() -> None:
    """Streamlit's default, for which everybody waits."""
    assert st.get_option("runner.postScriptGC") is False


def test_a_preview_has_both_ends_of_a_long_export_and_the_files_all_of_it(desk: Database, tmp_path: Path) -> None:
    life = lives.opened()
    for number in range(250):
        lives.note(life, f"Note {number};")
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, [life.case], life.events)
    page = open_page("exports", ANALYST.user_id, case_id=life.case.case_id)
    (summary,) = [html.proto.body for html in page.get("html") if "SAR summary" in html.proto.body]
    assert [f"Note {number};" in summary for number in (0, 90, 110, 150, 170, 249)] == [
        True,
        True,
        *[False] * 2,
        True,
        True,
    ]
    assert "paragraphs more in the file" in summary
    assert life.case.head_hash in summary
    assert len(page.dataframe[0].value) == 200
    assert "The first 200 of 251 events" in texts(page)
    click(page, "Write all")
    exported = tmp_path / "exports"
    assert (exported / f"case_{life.case.case_id}.md").read_text("utf-8").count("Note ") == 250
    assert audit_csv.verify_csv((exported / f"audit_{life.case.case_id}.csv").read_bytes()).events == 251


def test_an_export_that_cannot_be_written_says_what_the_case_keeps_and_a_double_click_exports_once(
    desk: Database, open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DOUBLE_CLICK", 600)
    case_id = open_case().case_id
    (tmp_path / "exports").write_text("a file in the folder's place", "utf-8")
    page = click(open_page("exports", ANALYST.user_id, case_id=case_id), "Write all")
    assert "Not done" in texts(page)
    assert len(stored(desk, case_id)[1]) == 1
    (tmp_path / "exports").unlink()

    def stuck(*_: object) -> None:
        raise OSError(13, "It is open elsewhere")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stuck)
        for _ in range(2):
            click(page, "Write all")
            assert "The case keeps the export nonetheless" in texts(page)
            assert "Not done" not in texts(page)
    for label in ("Audit CSV", "Audit CSV", "SAR summary"):
        click(page, label)
    events = stored(desk, case_id)[1]
    assert [list(json.loads(event.meta)["files"]) for event in events[2:]] == [
        [f"audit_{case_id}.csv"],
        [f"case_{case_id}.md"],
    ]


@ON_SQLITE
def test_a_rewritten_chain_is_found_by_the_page_and_no_checkpoint_is_made_over_it(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    keys.make_key(tmp_path / "signing.key")
    page = click(open_page("exports", MANAGER.user_id), "Make a checkpoint")
    events, read = desk.read(lambda tx: (repository.events(tx, case_id), repository.chains_of(tx, case_id)[0]))
    row = read[2]
    forged = tampering.agree(tampering.rewrite(tampering.Copy(case_id, tuple(events), row or {}), 0, "notes", "x"))
    head = forged.row["head_hash"]
    tamper(desk, "UPDATE case_events SET notes = 'x', event_hash = ?", head)
    tamper(desk, "UPDATE cases SET head_hash = ?", head)
    click(page, "Make a checkpoint")
    assert "no new one is made" in texts(page)
    click(page, "Verify every chain")
    assert list(page.dataframe[0].value.iloc[0])[1:4] == ["event 1", "not in the log", "event_hash"]


@ON_SQLITE
@pytest.mark.parametrize("file", ["exports/checkpoints/*/000001/checkpoint", "signing.key"])
def test_a_damaged_log_is_told_and_takes_nothing_else_from_the_page(
    desk: Database, open_case: OpenCase, tmp_path: Path, file: str
) -> None:
    case_id = open_case().case_id
    checkpoint.append(desk, tmp_path / "exports" / "checkpoints", keys.make_key(tmp_path / "signing.key"))
    next(tmp_path.glob(file)).write_text("rubbish", "utf-8")
    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    assert "There is no bundle" in texts(page)
    assert page.file_uploader
    assert "all intact" in texts(click(page, "Verify every chain"))
    assert "Not anchored" in texts(page)


@ON_SQLITE
def test_a_rollback_of_database_and_checkpoints_together_is_told_with_both_sizes(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    keys.make_key(tmp_path / "signing.key")
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(address(desk))) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    page = click(open_page("exports", MANAGER.user_id), "Make a checkpoint")
    casework.add_note(desk, ANALYST.user_id, case_id, "Newer.")
    click(page, "Make a checkpoint")
    assert "all intact" in texts(click(page, "Verify every chain"))
    desk.close()
    base.desk().close()
    backup.replace(address(desk))
    shutil.rmtree(next((tmp_path / "exports" / "checkpoints").glob("*/000002")))
    page = click(open_page("exports", MANAGER.user_id), "Verify every chain")
    assert "covers 2 events, but those in" in texts(page).replace("\\", "")
    assert list(page.dataframe[0].value.iloc[0]) == ["all", "log", "truncated", "size", "2 events", "1"]
    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    assert "There is no bundle. The last checkpoint that was signed covers 2 events" in texts(page)


def test_an_empty_database_is_not_called_intact(desk: Database) -> None:
    page = click(open_page("exports", MANAGER.user_id), "Verify every chain")
    assert "The database holds no cases: there was nothing to verify" in texts(page)
    assert "intact" not in texts(page)


def test_breaks_in_the_database_are_listed_and_stay_in_the_sidebar(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    tamper(desk, "UPDATE cases SET amount = 1")
    page = click(open_page("exports", ANALYST.user_id), "Verify every chain")
    assert "1 case, 1 event\\: 1 break" in texts(page)
    assert list(page.dataframe[0].value.iloc[0])[:4] == [case_id, "case row", "row differs", "amount"]
    assert "1 break found at" in texts(open_page())


# --- faults ---


@ON_SQLITE
@pytest.mark.parametrize("page", ["triage", "case", "qa", "exports"])
def test_a_missing_database_is_a_message_and_comes_back(page: str, desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    desk.close()
    file = Path(address(desk))
    hidden = file.rename(file.with_suffix(".hidden"))
    shown = open_page(page, case_id=case_id)
    assert "There is no database at" in texts(shown)
    hidden.rename(file)
    run(shown)
    assert "There is no database at" not in texts(shown)


@ON_SQLITE
def test_what_was_sent_while_the_database_was_away_is_there_when_it_comes_back(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    labelled(page.segmented_control, "Disposition").set_value("Escalate")
    run(page)
    labelled(page.text_area, "Rationale").set_value("Deposits just below the threshold.")
    labelled(page.selectbox, "To Manager").set_value(OTHER_MANAGER.user_id)
    desk.close()
    file = Path(address(desk))
    hidden = file.rename(file.with_suffix(".hidden"))
    click(page, "Escalate")
    for _ in range(2):
        assert "There is no database at" in texts(page)
        run(page)
    hidden.rename(file)
    run(page)
    assert labelled(page.text_area, "Rationale").value == "Deposits just below the threshold."
    click(page, "Escalate")
    case = stored(desk, case_id)[0]
    assert (case.disposition, case.owner) == (Disposition.ESCALATE, OTHER_MANAGER.user_id)


@ON_SQLITE
def test_a_locked_database_is_a_message_and_loses_no_text(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_BUSY_TIMEOUT", "0.2")
    page = open_page("case", ANALYST.user_id, case_id=open_case().case_id)
    labelled(page.text_area, "Note").set_value("Teller called.")
    with sqlite3.connect(address(desk)) as other:
        other.execute("BEGIN IMMEDIATE")
        click(page, "Add note")
        assert "The database is locked" in texts(page)
        assert labelled(page.text_area, "Note").value == "Teller called."
    other.close()
    click(page, "Add note")
    assert "added" in page.toast[0].value


# --- what people typed, and who they are ---


def test_a_verdict_that_came_too_late_keeps_what_was_typed(desk: Database, open_case: OpenCase) -> None:
    first, second = (open_case(sampled=True).case_id for _ in range(2))
    for case_id in (first, second):
        casework.assign(desk, MANAGER.user_id, case_id, MANAGER.user_id)
        casework.set_disposition(desk, MANAGER.user_id, case_id, Decision(Disposition.NO_SAR, "Explained."))
    page = open_row(open_page("qa", REVIEWER.user_id), first)
    labelled(page.segmented_control, "Verdict").set_value("Fail")
    labelled(page.text_area, "Remarks").set_value("Sums off by one day.")
    casework.record_qa(desk, OTHER_REVIEWER.user_id, first, QaResult.PASS)
    click(page, "Record")
    assert "changed while you had it open" in texts(page)
    assert first.replace("-", "\\-") in texts(page)
    assert labelled(page.text_area, "Remarks").value == "Sums off by one day."
    assert "has been reviewed already" in texts(page)


def test_who_acts_is_not_in_the_address_and_never_changes_by_itself(desk: Database) -> None:
    page = open_page(acting=OTHER_ANALYST.user_id)
    assert "acting" not in page.query_params
    with desk.transaction() as tx:
        tx.execute("UPDATE users SET active = 0 WHERE user_id = ?", (OTHER_ANALYST.user_id,))
    run(page)
    assert "b.diaz is no longer active" in "\n".join(warning.value for warning in page.sidebar.warning).replace(
        "\\", ""
    )
    assert not page.button
    labelled(page.sidebar.selectbox, "Acting as").set_value(ANALYST.user_id)
    assert run(page).button


@pytest.mark.parametrize("page", ["triage", "case", "qa", "exports"])
def test_where_sign_in_is_not_configured_nobody_gets_in_and_the_page_says_how(
    open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    case_id = open_case().case_id
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    shown = open_page(page, ANALYST.user_id, case_id=case_id)
    assert "Nobody can sign in yet" in texts(shown)
    assert not shown.button
    assert {part.key for part in shown.get("bidi_component")} <= {"history", "restart", "typed"}  # no case in them


def test_on_a_server_the_picker_has_to_be_said_outright_and_the_page_warns(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_case()
    monkeypatch.setattr(type(desk), "is_embedded", False)
    assert "may act as anybody" in texts(open_page())
    for said, told in (("", "Nobody can sign in yet"), ("off", "AML\\_SIGN\\_IN is demo or oidc")):
        monkeypatch.setenv("AML_SIGN_IN", said)
        forget_the_desk()
        assert told in texts(open_page())


DAMAGES = (
    "UPDATE case_events SET ts = '2026-01-01'",
    "UPDATE case_events SET meta = replace(meta, 'just under', '\\ud800')",
    "UPDATE case_events SET meta = '[]'",
    "UPDATE cases SET head_hash = 'x'",
    "UPDATE cases SET amount = amount + 0.01",
)
SQLITE_DAMAGES = (
    "UPDATE case_events SET ts = 5",
    "UPDATE case_events SET notes = CAST(x'ff' AS TEXT)",
    "UPDATE cases SET customer_name = CAST(x'ff' AS TEXT)",
    "UPDATE cases SET amount = amount + 0.004",
)


@pytest.mark.parametrize("page", ["case", "exports"])
@pytest.mark.parametrize(
    ("desk", "statement"),
    [("sqlite", statement) for statement in (*DAMAGES, *SQLITE_DAMAGES)] + [("sqlserver", one) for one in DAMAGES],
    indirect=["desk"],
)
def test_a_damaged_case_is_told_and_not_a_traceback(
    desk: Database, open_case: OpenCase, page: str, statement: str
) -> None:
    case_id = open_case().case_id
    tamper(desk, statement)
    shown = texts(open_page(page, ANALYST.user_id, case_id=case_id))
    assert "broken" in shown or "outside the desk" in shown or "no text" in shown


@ON_SQLITE
@pytest.mark.parametrize(
    "statement",
    [
        *SQLITE_DAMAGES[:2],
        "DELETE FROM case_events",
        *(f"UPDATE case_events SET {column} = CAST(x'ff' AS TEXT)" for column in ("user", "action", "event_hash")),
    ],
)
@pytest.mark.parametrize("attack", ["Change a field", "Rewrite from here on"])
def test_what_is_damaged_already_can_be_attacked_without_a_traceback(
    desk: Database, open_case: OpenCase, statement: str, attack: str
) -> None:
    case_id = open_case().case_id
    tamper(desk, statement)
    page = open_panel(ANALYST.user_id, case_id)
    told = texts(page)
    for control in page.segmented_control:
        if control.label == "What to do to the history":
            control.set_value(attack)
            told = texts(run(page))
    assert "Caught by" in told or "is no text" in told or "no event left" in told


def test_a_case_that_says_it_was_opened_tomorrow_can_be_looked_at_in_whole(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    tamper(desk, "UPDATE cases SET opened_at = due_at")
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    assert labelled(run(page).button, "Close as SAR")
    assert component(page, "timeline")


@ON_SQLITE
def test_a_sar_case_whose_row_cannot_be_read_is_restricted_all_the_same(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    casework.set_disposition(
        desk, ANALYST.user_id, case_id, Decision(Disposition.SAR, "Structuring.", determined_at=datetime.now(UTC))
    )
    tamper(desk, "UPDATE cases SET due_at = '2026-12-31'")
    shown = texts(open_page("case", REVIEWER.user_id, case_id=case_id))
    assert "Restricted SAR material" in shown
    assert "That you look at it cannot be kept" in shown


@ON_SQLITE
def test_who_is_deactivated_makes_no_checkpoint(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    keys.make_key(tmp_path / "signing.key")
    open_case()
    page = open_page("exports", ANALYST.user_id)
    users.deactivate_user(desk, ANALYST.user_id)
    assert "is no longer active" in texts(click(page, "Make a checkpoint"))
    assert not list(tmp_path.glob("exports/checkpoints/*/*"))
