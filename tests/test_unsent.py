"""What is typed and not sent: kept for its person and its case, seen by nobody else, in no chain, gone once sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app import casework, unsent, users
from app.database import Database
from app.errors import UnknownCase
from app.exports import case_export
from app.models import Disposition, Role
from app.policy import Decision
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, OTHER_MANAGER, OpenCase, stored
from tests.test_pages import click, labelled, open_page, run, served, texts
from tests.test_sar_page import decide, panel

__all__ = ["served"]  # every test here has the fixture

NOW = datetime.now(UTC)
TEXT = "Half a thought,\nand 😀 “more”."


def keep(desk: Database, person: str, case_id: str, form: str, now: datetime = NOW, **values: Any) -> None:
    desk.write(lambda tx: unsent.keep(tx, person, case_id, form, values, now))


def kept(desk: Database, person: str, case_id: str) -> dict[str, dict[str, Any]]:
    return desk.read(lambda tx: unsent.kept(tx, person, case_id))


def test_what_is_typed_is_kept_as_it_is_for_its_person_and_case_alone(desk: Database, open_case: OpenCase) -> None:
    case_id, other = (open_case().case_id for _ in range(2))
    values: dict[str, Any] = {"text": TEXT, "day": date(2026, 1, 31), "slots": [0, 2], "is_known": False, "none": ""}
    keep(desk, ANALYST.user_id, case_id, "note", **values)
    assert kept(desk, ANALYST.user_id, case_id) == {"note": values}
    assert kept(desk, OTHER_ANALYST.user_id, case_id) == kept(desk, ANALYST.user_id, other) == {}
    keep(desk, ANALYST.user_id, case_id, "note", text="A whole one.", day=None, slots=None, is_known=None, none=None)
    keep(desk, ANALYST.user_id, case_id, "reopen", reason="x" * unsent.LIMIT)
    assert kept(desk, ANALYST.user_id, case_id) == {"note": {"text": "A whole one."}}
    assert len(stored(desk, case_id)[1]) == 1
    assert b"A whole one." not in case_export.make_audit_csv(case_export.read(desk, case_id)).data


def test_it_goes_with_what_is_sent_with_its_person_and_with_time(desk: Database, open_case: OpenCase) -> None:
    case_id, other = (open_case().case_id for _ in range(2))
    for form in ("note", "reopen"):
        keep(desk, ANALYST.user_id, case_id, form, text=TEXT)
    desk.write(lambda tx: unsent.forget(tx, ANALYST.user_id, case_id, "note"))
    assert list(kept(desk, ANALYST.user_id, case_id)) == ["reopen"]
    keep(desk, ANALYST.user_id, other, "note", NOW + unsent.KEPT_FOR + timedelta(days=1), text=TEXT)
    assert kept(desk, ANALYST.user_id, case_id) == {}
    keep(desk, OTHER_ANALYST.user_id, other, "note", text=TEXT)
    users.deactivate_user(desk, ANALYST.user_id)
    keep(desk, ANALYST.user_id, other, "note", text="Too late.")
    assert kept(desk, ANALYST.user_id, other) == {}
    assert kept(desk, OTHER_ANALYST.user_id, other) == {"note": {"text": TEXT}}
    with pytest.raises(UnknownCase):
        keep(desk, MANAGER.user_id, "AML-00000000", "note", text=TEXT)


def test_a_form_begins_with_what_its_person_typed_until_it_is_sent(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    keep(desk, ANALYST.user_id, case_id, "note", text=TEXT)
    assert labelled(open_page("case", OTHER_ANALYST.user_id, case_id=case_id).text_area, "Note").value == ""
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    assert labelled(page.text_area, "Note").value == TEXT
    click(page, "Add note")
    assert labelled(page.text_area, "Note").value == ""
    assert stored(desk, case_id)[1][-1].notes == TEXT
    assert kept(desk, ANALYST.user_id, case_id) == {}


def test_what_can_no_longer_be_sent_is_shown_until_it_is_discarded(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    keep(desk, ANALYST.user_id, case_id, "decision", rationale="Payroll.", source="The branch in Main St")
    casework.set_disposition(desk, MANAGER.user_id, case_id, Decision(Disposition.NO_SAR, "Takings match."))
    keep(desk, ANALYST.user_id, case_id, "sar-return", reason="Which branch?")
    page = open_page("case", ANALYST.user_id, case_id=case_id)
    assert labelled(page.text_area, "Rationale").value == "Payroll."
    assert [code.value for code in page.code] == ["The branch in Main St", "Which branch?"]
    page.button("discard sar-return").click()
    assert [code.value for code in run(page).code] == ["The branch in Main St"]
    assert "sar-return" not in kept(desk, ANALYST.user_id, case_id)


def test_what_was_chosen_is_chosen_again_where_it_is_still_offered_under_a_name_that_nobody_shares(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)

    def chosen(manager: str) -> str | None:
        keep(desk, ANALYST.user_id, case_id, "decision", disposition=["Escalate"], escalate_to=[manager])
        page = open_page("case", ANALYST.user_id, case_id=case_id)
        value: str | None = labelled(page.selectbox, "To Manager").value
        return value

    assert chosen(MANAGER.name) == MANAGER.user_id
    assert chosen(ANALYST.name) is None
    users.add_user(desk, "n.other", OTHER_MANAGER.name, Role.MANAGER)
    assert chosen(OTHER_MANAGER.name) is None


def test_a_day_that_has_not_come_yet_is_not_chosen_again(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    for day, expected in ((NOW.date(), NOW.date()), (NOW.date() + timedelta(days=2), None), ("today", None)):
        keep(desk, ANALYST.user_id, case_id, "decision", disposition=["SAR"], determined_at=day)
        page = open_page("case", ANALYST.user_id, case_id=case_id)
        assert labelled(page.date_input, "Suspicion determined on").value == expected


def test_a_sar_draft_goes_on_where_its_writer_left_it_and_is_gone_where_they_discard_it(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    decide(desk, case_id)
    page = panel(case_id, ANALYST)
    begun = labelled(page.text_area, "Narrative").value
    assert kept(desk, ANALYST.user_id, case_id) == {}
    labelled(page.text_area, "Narrative").set_value("She paid in seven times.")
    labelled(page.date_input, "Last suspicious item").set_value(date(2026, 1, 2))
    labelled(run(page).text_input, "Amount in USD").set_value("")
    run(page)
    page = panel(case_id, ANALYST)
    assert labelled(page.text_area, "Narrative").value == "She paid in seven times."
    assert labelled(page.date_input, "Last suspicious item").value == date(2026, 1, 2)
    assert labelled(page.text_input, "Amount in USD").value == ""
    assert labelled(panel(case_id, MANAGER).text_area, "Narrative").value == begun
    click(page, "Discard")
    assert labelled(page.text_area, "Narrative").value == begun
    assert kept(desk, ANALYST.user_id, case_id) == {}
    assert "Typed and not sent" not in texts(page)
