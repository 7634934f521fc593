"""The SAR of a case on its page, through the page's own widgets: its life by three people, and what they may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from app import casework, evidence, filing, narrative, sar_track
from app.database import Database
from app.filing import Draft, ReportKind, Subject, SubjectRole
from app.models import Case, Disposition, Filing, Status, User
from app.policy import Decision
from app.sar_track import Filed
from app.ui import sar_words, session
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, OTHER_MANAGER, OpenCase, stored
from tests.drafts import COMPLETE
from tests.test_acknowledgement import answer, error
from tests.test_pages import click, component, labelled, open_page, run, served, texts, wrong
from tests.test_sar_track_model import decide_as_before

__all__ = ["served"]  # every test here has the fixture

BSA_ID, OLDER_BSA_ID = "31000055053784", "31000055053700"
BEGAN = "The desk began this text. Change it, or say that it stands."


def html(page: AppTest) -> str:
    return unescape("\n".join(element.proto.body for element in page.get("html")))


def panel(case_id: str, person: User) -> AppTest:
    return open_page("case", person.user_id, case_id=case_id)


def decide(desk: Database, case_id: str, days_ago: int = 0) -> None:
    """Close the case as a SAR, determined so many days ago."""
    if stored(desk, case_id)[0].owner is None:
        casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    decision = Decision(
        Disposition.SAR, "Structured.", determined_at=day, source="branch", later_because="Anew, from what came since."
    )
    casework.set_disposition(desk, ANALYST.user_id, case_id, decision)


def proposed(desk: Database, case_id: str) -> Draft:
    """What the form starts with, its narrative accepted."""
    case, events = stored(desk, case_id)
    kept = evidence.read(events)
    draft = filing.propose(case, kept)
    return replace(draft, narrative=narrative.begin(case, kept, events, draft))


def file(desk: Database, case_id: str, bsa_id: str = "") -> Case:
    """Draft, approve and file the SAR of a case that was decided; with a BSA id acknowledge it too."""
    event = casework.draft_sar(desk, ANALYST.user_id, case_id, proposed(desk, case_id))
    casework.approve_sar(desk, OTHER_MANAGER.user_id, case_id, event.event_hash)
    today = datetime.now(UTC).date()
    casework.file_sar(desk, ANALYST.user_id, case_id, Filed(today, UTC, late_because="The bank was shut."))
    if bsa_id:
        casework.acknowledge_sar(desk, MANAGER.user_id, case_id, bsa_id)
    return stored(desk, case_id)[0]


def filing_of(desk: Database, case_id: str) -> Filing:
    return stored(desk, case_id)[0].filing


def test_three_people_take_a_sar_from_its_alert_to_fincen_and_amend_it(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    page = click(panel(case_id, ANALYST), "Assign to me")
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    run(page)
    labelled(page.date_input, "Suspicion determined on").set_value(datetime.now(UTC).date())
    labelled(page.text_area, "Rationale").set_value("Structured.")
    click(page, "Close as SAR")
    assert "Due in 30 days" in html(page)
    assert "Drafted</b><i>Next" in html(page)
    labelled(page.checkbox, "I have read it").check()
    run(page)
    click(page, "Save the draft")
    assert filing_of(desk, case_id) is Filing.TO_APPROVE

    page = panel(case_id, MANAGER)
    assert "This is the first draft." in texts(page)
    assert not labelled(page.button, "Approve the draft").disabled
    labelled(page.text_area, "Reason to return").set_value("Name the branch.")
    click(page, "Return the draft")
    assert filing_of(desk, case_id) is Filing.TO_DRAFT

    page = panel(case_id, ANALYST)
    assert "returned this: Name the branch." in texts(page)
    text = labelled(page.text_area, "Narrative")
    text.set_value(f"{text.value} It was at the branch in Main St.")
    run(page)
    assert "It was at the branch in Main St." in html(page), "what is not saved yet stands beside it"
    click(page, "Save the draft")

    page = panel(case_id, MANAGER)
    assert "<i>Put in</i> <ins dir='auto'>It was at the branch in Main St.</ins>" in html(page)
    click(page, "Approve the draft")
    assert filing_of(desk, case_id) is Filing.TO_FILE

    page = click(panel(case_id, ANALYST), "Keep as filed")
    assert filing_of(desk, case_id) is Filing.FILED
    assert "30 days left" in html(page)

    page = panel(case_id, MANAGER)
    labelled(page.text_input, "BSA id").set_value(BSA_ID[:-1])
    click(page, "Keep the BSA id")
    assert wrong(page) == ["A BSA id has 14 digits."]
    labelled(page.text_input, "BSA id").set_value(BSA_ID)
    click(page, "Keep the BSA id")
    assert f"BSA id {BSA_ID}" in html(page)

    page = panel(case_id, ANALYST)
    labelled(page.text_area, "Reason to amend").set_value("A second account.")
    click(page, "Amend the report")
    assert labelled(page.segmented_control, "Kind of report").value == ReportKind.AMENDED
    assert labelled(page.text_input, "BSA id of the report before").value == BSA_ID
    click(page, "Save the draft")
    found = sar_track.newest_draft(stored(desk, case_id)[1])
    assert found
    assert (found[1].kind, found[1].prior_bsa_id) == (ReportKind.AMENDED, BSA_ID)
    assert filing_of(desk, case_id) is Filing.TO_APPROVE


def test_a_reopening_keeps_the_clock_and_after_the_filing_the_page_says_why_there_is_none(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    decide(desk, case_id, 20)
    page = panel(case_id, MANAGER)
    labelled(page.text_area, "Reason to reopen").set_value("New items.")
    click(page, "Reopen")
    assert stored(desk, case_id)[0].status is Status.IN_REVIEW
    assert "Due in 10 days" in html(page)
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    run(page)
    labelled(page.date_input, "Suspicion determined on").set_value(datetime.now(UTC).date())
    labelled(page.text_area, "Rationale").set_value("Structured.")
    click(page, "Close as SAR")
    assert [words.partition(" on this case")[0] for words in wrong(page)] == ["An earlier decision"]
    labelled(page.text_area, "Why that day").set_value("New items were found on that day.")
    click(page, "Close as SAR")
    assert "Due in 30 days" in html(page)
    file(desk, case_id)
    page = panel(case_id, OTHER_MANAGER)
    assert labelled(page.button, "Reopen").disabled
    assert "120 days" in texts(page)


def test_a_day_before_the_opening_needs_somebody_who_knew(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    page = panel(case_id, ANALYST)
    labelled(page.segmented_control, "Disposition").set_value("SAR")
    run(page)
    labelled(page.date_input, "Suspicion determined on").set_value(datetime.now(UTC).date() - timedelta(days=3))
    labelled(page.text_area, "Rationale").set_value("Structured.")
    assert "before the case was opened" in wrong(click(page, "Close as SAR"))[0]
    labelled(page.text_input, "Who knew").set_value("Fraud")
    click(page, "Close as SAR")
    assert "Due in 27 days" in html(page)


def test_what_the_desk_began_follows_the_fields_and_is_not_saved_before_somebody_read_it(
    desk: Database, open_case: OpenCase
) -> None:
    case_id = open_case().case_id
    decide(desk, case_id)
    page = panel(case_id, ANALYST)
    assert "USD 65,800.00" in labelled(page.text_area, "Narrative").value
    labelled(page.text_input, "Amount in USD").set_value("47,000")
    run(page)
    assert "USD 47,000.00" in labelled(page.text_area, "Narrative").value
    click(page, "Save the draft")
    assert BEGAN in wrong(page)
    assert filing_of(desk, case_id) is Filing.TO_DRAFT
    labelled(page.text_input, "Amount in USD").set_value("much")
    labelled(page.text_area, "Narrative").set_value("See attached.")
    run(page)
    assert "Nothing is attached: say here what it shows." in html(page)
    click(page, "Save the draft")
    assert wrong(page) == ["Write an amount such as 9,400 or 9400.00."]
    labelled(page.text_input, "Amount in USD").set_value("")
    click(page, "Save the draft")
    assert filing_of(desk, case_id) is Filing.TO_DRAFT, "without an amount nobody approves it"
    assert "Say how much money the activity is about" in html(page)


def test_two_people_at_one_draft_lose_nothing(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DOUBLE_CLICK", 0)
    case_id = open_case().case_id
    decide(desk, case_id)
    page = panel(case_id, ANALYST)
    labelled(page.text_area, "Narrative").set_value("What the analyst wrote.")
    run(page)
    others = replace(proposed(desk, case_id), narrative="What the Manager wrote.")
    casework.draft_sar(desk, OTHER_MANAGER.user_id, case_id, others)
    click(page, "Save the draft")
    assert "changed while you had it open" in texts(page)
    assert component(page, "meanwhile")["events"][0]["notes"] == "What the Manager wrote."
    # The other's draft waits for approval by now; the form stays all the same, with what was typed.
    assert labelled(page.text_area, "Narrative").value == "What the analyst wrote."
    click(page, "Save the draft")
    found = sar_track.newest_draft(stored(desk, case_id)[1])
    assert found
    assert found[1].narrative == "What the analyst wrote."


def test_subjects_are_added_from_the_counterparties_and_left_out_again(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case(typology="Elder exploitation").case_id
    decide(desk, case_id)
    page = panel(case_id, ANALYST)
    roles = [box.value for box in page.selectbox if box.label == "Role"]
    assert roles == [SubjectRole.VICTIM, SubjectRole.UNKNOWN], "the customer is the victim"
    labelled(page.selectbox, "Add from the counterparties").set_value("Łódź “Main St”")
    run(page)
    click(page, "Add")
    assert [box.value for box in page.selectbox if box.label == "Role"] == [*roles, SubjectRole.RELATED]
    [box for box in page.selectbox if box.label == "Role"][-1].set_value(SubjectRole.SUSPECT)
    run(page)
    [button for button in page.button if button.label == "Leave out of the draft"][1].click()
    run(page)
    labelled(page.checkbox, "I have read it").check()
    run(page)
    click(page, "Save the draft")
    found = sar_track.newest_draft(stored(desk, case_id)[1])
    assert found
    assert [(one.name, one.role) for one in found[1].subjects] == [
        ("Zoë Łukasik", SubjectRole.VICTIM),
        ("Łódź “Main St”", SubjectRole.SUSPECT),
    ]


def test_what_a_person_may_not_do_says_why(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    decide(desk, case_id)
    page = panel(case_id, OTHER_ANALYST)
    assert not [area for area in page.text_area if area.label == "Narrative"]
    assert "No draft yet." in texts(page)
    assert ":material/lock:" in texts(page)
    casework.draft_sar(desk, MANAGER.user_id, case_id, proposed(desk, case_id))
    assert labelled(panel(case_id, MANAGER).button, "Approve the draft").disabled, "their own draft"
    assert not labelled(panel(case_id, OTHER_MANAGER).button, "Approve the draft").disabled
    assert not [one for one in panel(open_case().case_id, ANALYST).subheader if one.value == "SAR"]


def test_a_draft_that_waits_can_be_changed_and_is_approved_anew(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    decide(desk, case_id)
    casework.draft_sar(desk, ANALYST.user_id, case_id, proposed(desk, case_id))
    page = panel(case_id, MANAGER)
    changed = replace(proposed(desk, case_id), narrative="Another.")
    casework.draft_sar(desk, ANALYST.user_id, case_id, changed)
    click(page, "Approve the draft")
    assert filing_of(desk, case_id) is Filing.TO_APPROVE, "the draft that was read is not the newest"
    page = click(panel(case_id, ANALYST), "Change the draft")
    assert labelled(page.text_area, "Narrative").value == "Another."


def test_an_acknowledgement_is_read_and_a_person_confirms_it(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    decide(desk, case_id)
    file(desk, case_id)
    page = panel(case_id, ANALYST)
    page.file_uploader[0].set_value(("answer.xml", b"<!DOCTYPE a><a/>", "text/xml"))
    assert "document type" in texts(run(page))
    rejected = answer(error("TotalSuspiciousAmountText", "Fatal"), status="R")
    page.file_uploader[0].set_value(("answer.xml", rejected, "text/xml"))
    run(page)
    assert "<b>TotalSuspiciousAmountText</b> The value is an invalid number. (fatal)" in html(page)
    assert filing_of(desk, case_id) is Filing.FILED, "nobody confirmed it yet"
    keep = [button for button in page.button if button.label == "Keep the rejection"]
    keep[0].click()
    run(page)
    assert filing_of(desk, case_id) is Filing.TO_DRAFT
    assert "<b>FinCEN:</b> TotalSuspiciousAmountText: The value is an invalid number." in html(page)
    file(desk, case_id)
    page = panel(case_id, ANALYST)
    page.file_uploader[0].set_value(("answer.xml", answer(f"<BSAID>{BSA_ID}</BSAID>"), "text/xml"))
    run(page)
    assert f"{case_id}: accepted, BSA id {BSA_ID}" in texts(page).replace("\\", "")
    click(page, f"Keep BSA id {BSA_ID} for {case_id}")
    assert stored(desk, case_id)[0].bsa_id == BSA_ID


def test_a_late_filing_is_told_and_asks_why(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    decide(desk, case_id, 31)
    event = casework.draft_sar(desk, ANALYST.user_id, case_id, proposed(desk, case_id))
    casework.approve_sar(desk, MANAGER.user_id, case_id, event.event_hash)
    page = panel(case_id, ANALYST)
    assert "⚠ 1 day late" in html(page)
    click(page, "Keep as filed")
    assert [words.partition(" on 2")[0] for words in wrong(page)] == ["The SAR was due"]
    labelled(page.text_area, "Why it was filed after").set_value("The bank was shut.")
    click(page, "Keep as filed")
    assert "1 day after it was due" in html(page)
    events = component(open_page("case", MANAGER.user_id, case_id=case_id), "timeline")["events"]
    (filed,) = (event for event in events if event["action"] == "sar_file")
    assert {"column": "filed late because", "to": "The bank was shut."} in filed["changes"]


def test_a_sar_that_was_filed_before_the_desk_kept_filings_is_kept_by_a_manager(
    desk: Database, open_case: OpenCase
) -> None:
    case = open_case()
    casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    decide_as_before(desk, case.case_id, ANALYST.user_id, case.opened_at.date())
    page = panel(case.case_id, ANALYST)
    assert labelled(page.text_area, "Narrative").value, "or it is drafted now"
    assert labelled(page.button, "Keep as filed").disabled
    page = panel(case.case_id, MANAGER)
    labelled(page.text_input, "BSA id").set_value(OLDER_BSA_ID)
    click(page, "Keep as filed")
    case = stored(desk, case.case_id)[0]
    assert (case.filing, case.bsa_id) == (Filing.FILED, OLDER_BSA_ID)


def test_the_customers_other_sars_are_told_and_can_be_continued(desk: Database, open_case: OpenCase) -> None:
    filed, waits, case_id = (open_case().case_id for _ in range(3))
    for one in (filed, waits, case_id):
        decide(desk, one)
    file(desk, filed, OLDER_BSA_ID)
    page = panel(case_id, ANALYST)
    told = {row["case_id"]: [cell["text"] for cell in row["cells"]][2:] for row in component(page, "prior")["rows"]}
    assert told == {filed: ["Filed", str(datetime.now(UTC).date()), OLDER_BSA_ID], waits: ["To draft", "—", "—"]}
    click(page, "Make it a continuing report")
    assert labelled(page.text_input, "BSA id of the report before").value == OLDER_BSA_ID
    assert "Give the amount of this report and those before it together" in html(page)


def test_the_clock_is_told_by_day_and_sum(desk: Database, open_case: OpenCase) -> None:
    case = replace(
        open_case(),
        determined_at=datetime(2026, 10, 27, tzinfo=UTC),
        sar_due_at=datetime(2026, 11, 26, tzinfo=UTC),
        filing=Filing.TO_FILE,
    )

    def told(day: int, month: int = 11) -> str:
        return sar_words.deadline(case, datetime(2026, month, day, 12, tzinfo=UTC))[0]

    assert told(20) == "◷ Due in 6 days, 26 November: determined 27 October + 30."
    assert told(26) == "◷ Due today, 26 November: determined 27 October + 30."
    assert told(3, 12) == "⚠ 7 days late. It was due 26 November: determined 27 October + 30."
    case = replace(case, filed_at=datetime(2026, 11, 20, tzinfo=UTC), filing=Filing.FILED)
    assert told(28).startswith("First filed 20 November, 6 days before it was due, 26 November")


def test_what_changed_between_two_drafts_is_told_part_by_part() -> None:
    before = replace(COMPLETE, narrative="One. Two. Three.")
    after = replace(
        before,
        amount=None,
        subjects=(*before.subjects, Subject("Smith-Gamble", SubjectRole.RELATED)),
        to_day=date(2026, 11, 2),
        narrative="One. Two and a half. Three.",
    )
    found = {change.part: (list(change.gone), list(change.new)) for change in sar_words.changes(before, after)}
    assert found["Subjects"] == ([], ["Related, not filed: Smith-Gamble (person)"])
    assert found["Narrative"] == (["Two."], ["Two and a half."])
    assert found["Amount"][1] == []
    assert "Kind" not in found


@pytest.mark.parametrize("name", ["<b>Mallory</b>", ":material/bug_report:"])
def test_what_people_typed_never_becomes_markup(desk: Database, open_case: OpenCase, name: str) -> None:
    case_id = open_case(customer_name=name).case_id
    decide(desk, case_id)
    draft = proposed(desk, case_id)
    casework.draft_sar(desk, ANALYST.user_id, case_id, replace(draft, narrative=f"{name} came."))
    page = panel(case_id, MANAGER)
    assert not [part for part in page.get("html") if "<b>Mallory" in part.proto.body]
