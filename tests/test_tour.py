"""The guided demo through the pages' own widgets, and fresh demo data: where they are offered, and what they do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import casework, repository, settings, users
from app.database import Database
from app.demo import steps
from app.log import checkpoint
from app.models import Case, Disposition, Status
from app.policy import Decision
from seed.__main__ import DEMO_CASES, main
from tests.conftest import (
    ANALYST,
    MANAGER,
    ON_SQLITE,
    OTHER_ANALYST,
    OTHER_MANAGER,
    OTHER_REVIEWER,
    REVIEWER,
    OpenCase,
    forget_the_desk,
)
from tests.drafts import COMPLETE
from tests.test_pages import labelled, open_page, open_row, run, texts

pytestmark = ON_SQLITE


@pytest.fixture(autouse=True)
def served(desk: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This desk as a demo of its own: no settings but where it is."""
    for name in ("AML_SIGNING_KEY", "AML_VERIFIER_KEY", "AML_CHECKPOINTS", "AML_SIGN_IN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AML_DATABASE", str(desk))
    monkeypatch.setenv("AML_EXPORTS", str(tmp_path / "exports"))
    forget_the_desk()
    yield
    forget_the_desk()


@pytest.fixture
def cases(desk: Database, open_case: OpenCase) -> dict[str, str]:
    """One case to take, two in review, one that awaits QA, and two that were closed as SAR and do not.

    The second of them was decided by a Manager, and its draft waits for approval.
    """
    names = ("new", "other", "mine", "waits", "sar", "drafted")
    opened = {
        name: open_case(sampled={"waits": True, "sar": False, "drafted": False}.get(name)).case_id for name in names
    }
    owners = {"other": OTHER_ANALYST, "mine": ANALYST, "waits": MANAGER, "sar": OTHER_ANALYST, "drafted": OTHER_ANALYST}
    for name, owner in owners.items():
        casework.assign(desk, owner.user_id, opened[name], owner.user_id)
    casework.set_disposition(desk, MANAGER.user_id, opened["waits"], Decision(Disposition.NO_SAR, "Explained."))
    casework.set_disposition(
        desk,
        OTHER_ANALYST.user_id,
        opened["sar"],
        Decision(Disposition.SAR, "No purpose.", determined_at=datetime.now(UTC)),
    )
    casework.set_disposition(
        desk, MANAGER.user_id, opened["drafted"], Decision(Disposition.SAR, "No purpose.", datetime.now(UTC))
    )
    casework.draft_sar(desk, OTHER_ANALYST.user_id, opened["drafted"], COMPLETE)
    return opened


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click()
    return run(page)


def bar(page: AppTest) -> str:
    """What the bar says; empty where there is none."""
    sentences = [element.proto.body for element in page.get("html") if "Guided demo" in element.proto.body]
    return "\n".join(sentences + [line.value for line in page.markdown if line.value.startswith("Step ")])


def at(page: AppTest) -> tuple[str, str]:
    """The title of the page, and who acts."""
    return str(page.title[0].value).replace("\\", ""), str(page.session_state["acting"])


def case_of(desk: Database, case_id: str) -> Case:
    return desk.read(lambda tx: repository.case(tx, case_id))


# --- the tour ---


def test_each_step_opens_its_page_on_a_fitting_case_for_a_fitting_person(cases: dict[str, str]) -> None:
    expected = [
        ("Triage", ANALYST),
        (cases["new"], ANALYST),
        (cases["new"], ANALYST),
        (cases["new"], ANALYST),
        (cases["new"], ANALYST),
        (cases["drafted"], OTHER_MANAGER),
        ("QA", REVIEWER),
        ("Exports", MANAGER),
        (cases["sar"], MANAGER),
    ]
    page = open_page(acting=OTHER_REVIEWER.user_id)
    assert not bar(page)
    press(page, "tour_start")
    for number, (step, (title, person)) in enumerate(zip(steps.STEPS, expected, strict=True), 1):
        assert at(page) == (title, person.user_id)
        assert f"Step {number} of 9: **{step.title}**" in bar(page)
        assert step.says in bar(page)
        assert step.do.format(case=cases["waits"]) in bar(page)
        assert ("another case" in bar(page)) is (number in (6, 7, 8))
        assert page.query_params["tour"] == str(number)
        press(page, "tour_next" if number < len(steps.STEPS) else "tour_leave")
    assert not bar(page)
    assert "tour" not in page.query_params
    assert page.button(key="tour_start")


def test_few_cases_carry_it_and_it_says_where_it_moves_to_another_and_why(
    desk: Database, cases: dict[str, str], open_case: OpenCase
) -> None:
    sar = open_case(sampled=True).case_id
    casework.assign(desk, ANALYST.user_id, sar, ANALYST.user_id)
    casework.set_disposition(
        desk, ANALYST.user_id, sar, Decision(Disposition.SAR, "No purpose.", determined_at=datetime.now(UTC))
    )
    page = press(open_page(), "tour_start")
    carried = []
    for _ in range(5):
        press(page, "tour_next")
        carried.append(page.session_state["tour case"])
    assert f"From here on it is another case, {cases['drafted']}: {steps.STEPS[5].needs}." in bar(page)
    press(page, "tour_next")
    carried.append(page.session_state["tour case"])
    assert f"From here on it is another case, {sar}: {steps.STEPS[6].needs}." in bar(page)
    assert "view" not in [event.action for event in desk.read(lambda tx: repository.events(tx, sar))]
    for _ in range(2):
        press(page, "tour_next")
        carried.append(page.session_state["tour case"])
        assert "another case" not in bar(page)
    assert carried == [cases["new"]] * 4 + [cases["drafted"]] + [sar] * 3
    for _ in range(4):
        press(page, "tour_back")
    assert at(page) == (cases["new"], ANALYST.user_id)


def test_what_a_step_talks_about_stands_as_it_says(cases: dict[str, str]) -> None:
    page = open_page("case", ANALYST.user_id, case_id=cases["mine"])
    page.session_state["tour to"] = 4
    run(page)
    assert page.session_state["hands"] == "Decide"
    page.session_state["tour to"] = 9
    run(page)
    assert "hands" not in page.session_state
    assert labelled(page.segmented_control, "What to do").value == "Rewrite from here on"
    assert "disposition" in labelled(page.selectbox, "Event").value
    assert not labelled(page.checkbox, "agree").value
    page.session_state["tour to"] = 5
    run(page)
    assert not [control for control in page.segmented_control if "What to do" in control.label]


def test_it_follows_the_case_that_the_presenter_takes_and_decides_on(desk: Database, cases: dict[str, str]) -> None:
    page = press(press(open_page(), "tour_start"), "tour_next")
    labelled(page.button, "Assign to me").click()
    run(page)
    assert case_of(desk, cases["new"]).owner == ANALYST.user_id
    press(press(page, "tour_next"), "tour_next")
    assert at(page) == (cases["new"], ANALYST.user_id)
    labelled(page.segmented_control, "Disposition").set_value("No SAR")
    run(page)
    labelled(page.text_area, "Rationale").set_value("Takings match the filings.")
    labelled(page.button, "Close as").click()
    run(page)
    assert case_of(desk, cases["new"]).status is Status.CLOSED
    assert "Step 4 of 9" in bar(page)
    assert at(press(page, "tour_next")) == (cases["new"], ANALYST.user_id)
    press(press(page, "tour_next"), "tour_back")
    assert at(page) == (cases["new"], ANALYST.user_id)
    assert at(press(page, "tour_back")) == (cases["mine"], ANALYST.user_id)


def test_a_sar_from_before_the_newest_checkpoint_comes_first_and_then_the_presenters_own(
    desk: Database, cases: dict[str, str], open_case: OpenCase
) -> None:
    own = open_case().case_id
    casework.assign(desk, ANALYST.user_id, own, ANALYST.user_id)
    casework.set_disposition(
        desk, ANALYST.user_id, own, Decision(Disposition.SAR, "No purpose.", determined_at=datetime.now(UTC))
    )
    page = open_page("case", ANALYST.user_id, case_id=own)
    page.session_state["tour to"] = 8
    assert run(page).query_params["case_id"] == own
    checkpoint.begin(desk, settings.load(), anew=False)
    later = open_case().case_id
    casework.assign(desk, ANALYST.user_id, later, ANALYST.user_id)
    casework.set_disposition(
        desk, ANALYST.user_id, later, Decision(Disposition.SAR, "No purpose.", determined_at=datetime.now(UTC))
    )
    page = open_page("case", ANALYST.user_id, case_id=later)
    page.session_state["tour to"] = 8
    assert run(page).query_params["case_id"] == cases["sar"]


def test_what_it_left_is_resumed_where_it_was(cases: dict[str, str]) -> None:
    page = open_page()
    for key in ("tour_start", "tour_next", "tour_next", "tour_leave"):
        press(page, key)
    assert "tour" not in page.query_params
    assert page.button(key="tour_resume").label == "Resume at step 3"
    press(page, "tour_resume")
    assert "Step 3 of 9" in bar(page)
    assert at(page) == (cases["new"], ANALYST.user_id)
    press(page, "tour_leave")
    page.switch_page("views/qa.py")
    assert at(run(page))[0] == "QA"
    press(page, "tour_resume")
    assert "Step 3 of 9" in bar(page)
    assert at(page) == (cases["new"], ANALYST.user_id)


def test_a_click_elsewhere_leaves_the_bar_and_offers_the_way_back(cases: dict[str, str]) -> None:
    page = press(press(open_page(), "tour_start"), "tour_next")
    assert not [button for button in page.button if button.key == "tour_go"]
    page.switch_page("views/exports.py")
    assert at(run(page))[0] == "Exports"
    assert page.query_params["tour"] == "2"
    assert steps.STEPS[1].says in bar(page)
    assert steps.STEPS[1].do not in bar(page)
    press(page, "tour_go")
    assert at(page) == (cases["new"], ANALYST.user_id)


def test_a_reload_resumes_the_step_in_the_address_with_the_case_in_it(cases: dict[str, str]) -> None:
    page = open_page("case", tour="4", case_id=cases["other"])
    assert "Step 4 of 9" in bar(page)
    assert at(page) == (cases["other"], OTHER_ANALYST.user_id)


@pytest.mark.parametrize("number", ["0", "10", "1x", "-1", "", "³"])
def test_no_other_step_in_the_address_is_a_tour(number: str) -> None:
    page = open_page(tour=number)
    assert not bar(page)
    assert "tour" not in page.query_params


def test_where_nothing_fits_it_says_so_and_goes_on() -> None:
    page = press(open_page(), "tour_start")
    for number, step in enumerate(steps.STEPS[1:], 2):
        press(page, "tour_next")
        assert f"Step {number} of 9" in bar(page)
        assert step.says in bar(page)
        assert "The data have no case for this step" in bar(page)


def test_who_decided_on_a_case_is_not_who_reviews_it(desk: Database, cases: dict[str, str]) -> None:
    for person in (REVIEWER, OTHER_REVIEWER):
        users.deactivate_user(desk, person.user_id)
    page = open_page(acting=MANAGER.user_id)
    page.session_state["tour to"] = 7
    assert at(run(page)) == ("QA", OTHER_MANAGER.user_id)
    assert f"Open {cases['waits']} in the list" in bar(page)
    open_row(page, cases["waits"])
    assert not labelled(page.button, "Record").disabled


@pytest.mark.parametrize("sign_in", ["oidc", "demo"])
def test_on_a_server_or_with_sign_in_there_is_nothing_of_it(
    desk: Database, cases: dict[str, str], monkeypatch: pytest.MonkeyPatch, sign_in: str
) -> None:
    monkeypatch.setenv("AML_SIGN_IN", sign_in)
    monkeypatch.setattr(type(desk), "is_embedded", sign_in == "oidc")
    page = open_page("case", ANALYST.user_id, tour="4", case_id=cases["mine"])
    assert not bar(page)
    assert not {"tour_start", "reset"} & {button.key for button in page.button}
    assert "tour" not in page.session_state


# --- fresh data ---


def case_ids(desk: Database) -> set[str]:
    return desk.read(lambda tx: {case_id for case_id, *_ in repository.all_chains(tx)})


def test_a_reset_asks_first_and_then_puts_a_new_log_and_new_cases_in_place(
    desk: Database, cases: dict[str, str]
) -> None:
    key, before = checkpoint.begin(desk, settings.load(), anew=False).anchor, case_ids(desk)
    page = open_page("case", OTHER_ANALYST.user_id, case_id=cases["other"])
    press(press(page, "tour_start"), "tour_next")
    press(page, "reset")
    assert "is lost, for everybody who has it open" in texts(page)
    assert case_ids(desk) == before
    press(page, "reset_sure")
    assert len(case_ids(desk)) == DEMO_CASES
    assert not case_ids(desk) & before
    assert page.toast[0].value == "The demo data are new."
    assert at(page)[0] == "Triage"
    assert not bar(page)
    assert not page.query_params
    log = checkpoint.log_of(settings.load())
    anchor = log and log.newest()
    assert key and anchor
    assert anchor.key != key.key
    assert anchor.checkpoint.size == desk.read(repository.last_event_id)
    assert "There is no case" in texts(open_page("case", ANALYST.user_id, case_id=cases["mine"]))


def test_a_reset_that_fails_says_why_and_loses_nothing(
    desk: Database, cases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_BUSY_TIMEOUT", "0.2")
    page, before = press(open_page(), "reset"), case_ids(desk)
    with sqlite3.connect(str(desk)) as other:
        other.execute("BEGIN IMMEDIATE")
        press(page, "reset_sure")
    other.close()
    assert "The database is locked" in texts(page)
    assert case_ids(desk) == before


def test_a_log_whose_key_the_settings_name_is_never_left_without_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_SIGNING_KEY", str(tmp_path / "signing.key"))
    keys = {button.key for button in open_page().button}
    assert "tour_start" in keys
    assert "reset" not in keys


def test_a_server_is_never_emptied(
    desk: Database, cases: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = case_ids(desk)
    monkeypatch.setattr(type(desk), "is_embedded", False)
    assert main(["demo", "--anew"]) == 2
    assert "a server's cases stay" in capsys.readouterr().err
    assert case_ids(desk) == before
