"""The SAR's own track: what each step needs, what it keeps, and what a chain says of it afterwards."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app import casework, chain, filing, policy, repository, sar_track
from app.__main__ import main
from app.casework import file_sar
from app.database import Database, Transaction
from app.errors import InvalidForm, NotAllowed, StaleCase
from app.filing import ReportKind, Subject, SubjectRole
from app.models import Action, Case, Disposition, Filing
from app.policy import Decision, Verb
from app.sar_track import Filed
from tests import lives
from tests.conftest import (
    ANALYST,
    MANAGER,
    ON_SQLITE,
    OTHER_ANALYST,
    OTHER_MANAGER,
    REVIEWER,
    OpenCase,
    address,
    stored,
)
from tests.drafts import COMPLETE
from tests.lives import BSA_ID, LATER_BSA_ID, OPENED, Life, filed_life, opened
from tests.test_acknowledgement import answer, error
from tests.test_sar_track_model import decide_as_before

A, B, M, N = ANALYST.user_id, OTHER_ANALYST.user_id, MANAGER.user_id, OTHER_MANAGER.user_id
SAR = Disposition.SAR


def decided(**also: object) -> Life:
    """A case closed as SAR on the day after its opening."""
    life = opened()
    lives.assign(life, MANAGER, ANALYST)
    lives.close(life, ANALYST, SAR, "Why.", OPENED.date(), **also)
    return life


def approved() -> Life:
    life = decided()
    lives.draft(life, ANALYST, COMPLETE)
    lives.approve(life, MANAGER)
    return life


def lacks(verb: object, *arguments: object) -> set[str]:
    """The fields that something is wrong with."""
    with pytest.raises(InvalidForm) as refused:
        verb(*arguments)  # type: ignore[operator]
    return set(refused.value.fields)


def filing_of(life: Life, filed: Filed, clock: datetime) -> set[str]:
    """The fields of a filing that something is wrong with; empty where it would be kept."""
    try:
        sar_track.file(ANALYST, life.case, life.events, filed, clock)
    except InvalidForm as refused:
        return set(refused.fields)
    return set()


# --- the clock ---


def test_a_later_day_than_an_earlier_decision_for_a_sar_needs_a_reason_which_the_chain_keeps() -> None:
    life = decided()
    lives.reopen(life, MANAGER, "Why.")
    day = OPENED.date() + timedelta(days=20)

    def again(because: str) -> policy.Change:
        decision = Decision(SAR, "Why.", day, later_because=because)
        return policy.decide(ANALYST, life.case, decision, OPENED + timedelta(days=21), None, life.events)

    assert lacks(again, " ") == {"later_because"}
    change = again("The first look saw lawful payroll.")
    assert change.facts["later_because"] == "The first look saw lawful payroll."
    assert change.columns["sar_due_at"] == chain.parse_ts(f"{day + timedelta(days=30)}T00:00:00.000000Z")


def test_what_a_named_source_knew_may_lie_before_the_opening() -> None:
    life = opened()
    lives.assign(life, MANAGER, ANALYST)
    before = OPENED.date() - timedelta(days=9)
    assert lacks(policy.decide, ANALYST, life.case, Decision(SAR, "Why.", before), OPENED) == {"determined_at"}
    lives.close(life, ANALYST, SAR, "Why.", before, source="Branch in Towson")
    assert chain.read_meta(life.events[-1])["source"] == "Branch in Towson"
    assert life.case.sar_due_at and life.case.sar_due_at.date() == before + timedelta(days=30)


def test_no_subject_of_a_draft_moves_the_deadline() -> None:
    life = decided(suspect_known=False)
    due = life.case.sar_due_at
    lives.draft(life, ANALYST, COMPLETE)
    assert filing.contradiction(COMPLETE, policy.suspect_known(life.events))
    assert life.case.sar_due_at == due == chain.parse_ts("2026-03-06T00:00:00.000000Z")


def test_an_escalation_after_a_reopening_keeps_day_deadline_zone_and_suspect_and_a_no_sar_clears_them() -> None:
    life = decided(suspect_known=False)
    due = life.case.sar_due_at
    lives.reopen(life, MANAGER, "Why.")
    lives.escalate(life, ANALYST, "Why.", OTHER_MANAGER)
    assert (life.case.sar_due_at, policy.determined_in(life.events)) == (due, "UTC")
    assert not policy.suspect_known(life.events)
    lives.close(life, OTHER_MANAGER, Disposition.NO_SAR, "Why.")
    assert (life.case.determined_at, life.case.sar_due_at, life.case.filing) == (None, None, Filing.NONE)


# --- drafts and their approval ---


def test_a_draft_with_a_critical_gap_is_kept_but_does_not_wait_for_approval() -> None:
    life = decided()
    for written, state in (
        (replace(COMPLETE, narrative=" "), Filing.TO_DRAFT),
        (COMPLETE, Filing.TO_APPROVE),
        (replace(COMPLETE, subjects=(Subject("Ann Victim", SubjectRole.VICTIM),)), Filing.TO_DRAFT),
    ):
        lives.draft(life, ANALYST, written)
        assert life.case.filing is state
        newest = sar_track.newest_draft(life.events)
        assert newest is not None
        assert newest == (life.events[-1], replace(written, narrative=written.narrative.strip()))


def test_a_narrative_has_a_limit_of_its_own() -> None:
    life = decided()
    lives.draft(life, ANALYST, replace(COMPLETE, narrative="x" * 20_000))
    assert len(life.events[-1].notes) == 20_000
    long = replace(COMPLETE, narrative="x" * 20_001)
    assert lacks(sar_track.draft, ANALYST, life.case, life.events, long) == {"narrative"}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("activity_types", {"activity_types": (7,)}),
        ("amount", {"amount": COMPLETE.amount and COMPLETE.amount / 3}),
        ("key_term", {"key_term": "FIN-2022\nA002"}),
        ("subjects", {"subjects": (Subject("Eve\u202eKcarb", SubjectRole.SUSPECT),)}),
        ("subjects", {"subjects": (Subject("x" * 201, SubjectRole.SUSPECT),)}),
        ("subjects", {"subjects": (Subject("bell\x07", SubjectRole.SUSPECT),)}),
    ],
)
def test_what_would_not_be_read_again_as_it_was_typed_is_refused_at_its_field(
    field: str, wrong: dict[str, object]
) -> None:
    life = decided()
    written = replace(COMPLETE, **wrong)  # type: ignore[arg-type]
    assert lacks(sar_track.draft, ANALYST, life.case, life.events, written) == {field}


def test_only_the_newest_draft_is_approved_and_by_its_hash() -> None:
    life = decided()
    lives.draft(life, ANALYST, COMPLETE)
    read = life.events[-1].event_hash
    lives.draft(life, ANALYST, replace(COMPLETE, key_term="EFE FIN-2022-A002"))
    assert lacks(sar_track.approve, MANAGER, life.case, life.events, read) == {"draft_hash"}
    sar_track.approve(MANAGER, life.case, life.events, life.events[-1].event_hash)


def test_who_decided_on_the_sar_or_ever_drafted_it_neither_approves_nor_returns_it() -> None:
    life = opened()
    lives.assign(life, MANAGER, ANALYST)
    lives.close(life, MANAGER, SAR, "Why.", OPENED)
    lives.reopen(life, OTHER_MANAGER, "Why.")
    lives.close(life, ANALYST, SAR, "Why.", OPENED)
    lives.draft(life, OTHER_MANAGER, COMPLETE)
    lives.draft(life, ANALYST, COMPLETE)
    for verb in (Verb.SAR_APPROVE, Verb.SAR_RETURN):
        involved = policy.involved_in(life.events, verb)
        assert involved == {MANAGER.user_id, OTHER_MANAGER.user_id, ANALYST.user_id}
        for person in (MANAGER, OTHER_MANAGER):
            assert "Another Manager" in (policy.why_not(verb, person, life.case, involved) or "")


def test_who_decided_last_on_the_sar_may_draft_it_though_another_owns_the_case_and_nobody_else_may() -> None:
    life = decided()
    life.case = replace(life.case, owner=OTHER_MANAGER.user_id)
    involved = policy.involved_in(life.events, Verb.SAR_DRAFT)
    people = (ANALYST, OTHER_ANALYST, MANAGER, REVIEWER)
    may = [person for person in people if policy.why_not(Verb.SAR_DRAFT, person, life.case, involved) is None]
    assert may == [ANALYST, MANAGER]


def test_whoever_worked_on_a_sar_does_not_review_its_case() -> None:
    life = filed_life()
    involved = policy.involved_in(life.events)
    assert involved == {ANALYST.user_id, MANAGER.user_id, OTHER_MANAGER.user_id}


def test_two_drafts_at_once_lose_nothing_the_second_is_stale(desk: Database, open_case: OpenCase) -> None:
    case = given_sar(desk, open_case())
    seen = case.head_hash
    casework.add_note(desk, B, case.case_id, "Seen.")
    casework.draft_sar(desk, A, case.case_id, COMPLETE, seen=seen, form="f1")
    with pytest.raises(StaleCase) as stale:
        casework.draft_sar(desk, M, case.case_id, replace(COMPLETE, key_term="x"), seen=seen, form="f2")
    assert Action.SAR_DRAFT in [event.action for event in stale.value.since]
    again = casework.draft_sar(desk, A, case.case_id, COMPLETE, seen=seen, form="f1")
    assert [event.action for event in stored(desk, case.case_id)[1]].count(Action.SAR_DRAFT) == 1
    assert again.notes == COMPLETE.narrative


# --- filing and what FinCEN answers ---


def test_a_day_of_filing_is_one_of_the_filers_zone_from_the_approval_to_today() -> None:
    life, tokyo = approved(), ZoneInfo("Asia/Tokyo")
    moment = chain.parse_ts(life.events[-1].ts).replace(hour=20)  # the day after in Tokyo
    life.events[-1] = replace(life.events[-1], ts=chain.format_ts(moment))
    day = moment.date()
    assert filing_of(life, Filed(day - timedelta(days=1), UTC), moment) == {"day"}
    assert filing_of(life, Filed(day, UTC), moment) == set()
    assert filing_of(life, Filed(day + timedelta(days=1), UTC), moment) == {"day"}
    assert filing_of(life, Filed(day, tokyo), moment) == {"day"}
    assert filing_of(life, Filed(day + timedelta(days=1), tokyo), moment) == set()


def test_what_is_filed_past_its_deadline_needs_a_reason_and_on_it_does_not() -> None:
    life = approved()
    due = OPENED.date() + timedelta(days=30)
    clock = OPENED + timedelta(days=90)
    assert filing_of(life, Filed(due, UTC), clock) == set()
    assert filing_of(life, Filed(due + timedelta(days=1), UTC), clock) == {"late_because"}
    assert filing_of(life, Filed(due + timedelta(days=1), UTC, late_because="Queues."), clock) == set()


def test_a_filing_names_an_export_of_the_approved_draft_or_none() -> None:
    life = decided()
    lives.draft(life, ANALYST, COMPLETE)
    report = "{}" + sar_track.REPORT_FILE
    lives.export(life, ANALYST, report)
    before = life.events[-1].event_hash
    lives.approve(life, MANAGER)
    approval = life.events[-1].event_hash
    lives.export(life, ANALYST)
    clock, day = life.next_hour, life.next_hour.date()
    for wrong in (before, approval, life.events[-1].event_hash, "0" * 64):
        assert filing_of(life, Filed(day, UTC, export=wrong), clock) == {"export"}
    lives.export(life, ANALYST, report)
    lives.file(life, ANALYST, export=life.events[-1].event_hash)
    meta = chain.read_meta(life.events[-1])
    assert (meta["export"], "by_hand" in meta) == (life.events[-2].event_hash, False)
    assert chain.read_meta(filed_life().events[-2])["by_hand"] is True


def test_each_step_is_refused_in_a_state_from_which_it_does_not_lead_with_the_reason() -> None:
    life = approved()
    no_sar = replace(life.case, disposition=Disposition.NO_SAR, filing=Filing.NONE)
    filed = replace(life.case, filing=Filing.FILED, filed_at=OPENED)
    for verb, actor, case, reason in (
        (Verb.SAR_DRAFT, ANALYST, no_sar, "The case is not closed as SAR."),
        (Verb.SAR_DRAFT, ANALYST, filed, "The SAR is filed already."),
        (Verb.SAR_APPROVE, OTHER_MANAGER, life.case, "The SAR is approved, and not filed yet."),
        (Verb.SAR_FILE, OTHER_ANALYST, life.case, "Only the owner or a Manager can file the SAR"),
        (Verb.SAR_AMEND, ANALYST, filed, "FinCEN has not acknowledged the SAR yet"),
        (Verb.SAR_REJECT, ANALYST, replace(filed, bsa_id=BSA_ID), "FinCEN has acknowledged the SAR already."),
        (Verb.REOPEN, MANAGER, filed, "The SAR was filed: it can be amended, not undone."),
    ):
        told = policy.why_not(verb, actor, case, policy.involved_in(life.events, verb)) or ""
        assert told.startswith(reason), verb
    clock, day = life.next_hour, life.next_hour.date()
    assert filing_of(life, Filed(day, UTC, outside=True, bsa_id=BSA_ID), clock) == {"outside"}
    assert filing_of(life, Filed(day, UTC, bsa_id=BSA_ID), clock) == {"bsa_id"}


def test_a_file_that_was_made_of_an_older_draft_is_not_the_one_that_was_sent() -> None:
    life = approved()
    made_of = len(life.events) - 1
    files = {f"{life.case.case_id}{sar_track.REPORT_FILE}": "ab" * 32}
    life.add(ANALYST, policy.export(ANALYST, life.case, files, made_of))
    sent, clock = Filed(life.next_hour.date(), UTC, export=life.events[-1].event_hash), life.next_hour
    assert filing_of(life, sent, clock) == {"export"}


def test_a_report_is_not_filed_on_a_day_before_its_file_was_exported() -> None:
    life = approved()
    approval = chain.parse_ts(life.events[-1].ts)
    minutes = 23 * 60 + 30 - (approval.hour * 60 + approval.minute)
    zone = timezone(timedelta(minutes=minutes))  # in which the approval was half an hour before midnight
    lives.export(life, ANALYST, "{}" + sar_track.REPORT_FILE)
    sent = Filed(approval.astimezone(zone).date(), zone, export=life.events[-1].event_hash)
    assert filing_of(life, sent, life.next_hour) == {"day"}
    assert filing_of(life, replace(sent, day=sent.day + timedelta(days=1)), life.next_hour) == set()


def test_a_narrative_that_nobody_can_see_is_none() -> None:
    life = decided()
    lives.draft(life, ANALYST, replace(COMPLETE, narrative="\u200b"))
    assert (life.case.filing, life.events[-1].notes) == (Filing.TO_DRAFT, "")


def test_a_rejection_undoes_the_day_of_filing_but_not_that_of_a_report_that_fincen_has() -> None:
    life = approved()
    lives.file(life, ANALYST)
    lives.reject(life, ANALYST, "R17:\tname\nmissing", "F2: filer")
    assert (life.case.filing, life.case.filed_at) == (Filing.TO_DRAFT, None)
    assert life.events[-1].notes == "R17: name missing\nF2: filer"
    life = filed_life()
    first = life.case.filed_at
    lives.amend(life, MANAGER, "Again.")
    lives.draft(life, ANALYST, COMPLETE)
    lives.approve(life, MANAGER)
    lives.file(life, ANALYST)
    lives.reject(life, ANALYST, "R17")
    assert life.case.filed_at == first
    with pytest.raises(NotAllowed, match="amended, not undone"):
        lives.reopen(life, MANAGER, "Why.")


def test_an_amendment_keeps_the_id_of_the_report_before_and_the_day_of_the_first_filing() -> None:
    life = filed_life()
    amended = next(event for event in life.events if event.action == Action.SAR_AMEND)
    assert chain.read_meta(amended)["prior_bsa_id"] == BSA_ID
    assert life.case.bsa_id == LATER_BSA_ID
    refiled = [event for event in life.events if event.action == Action.SAR_FILE][-1]
    assert "filed_at" not in chain.read_meta(refiled)
    assert chain.read_meta(refiled)["day"] == chain.parse_ts(refiled.ts).date().isoformat()
    steps = [step.action for step in sar_track.steps(life.events)]
    assert steps[:4] == ["disposition", "sar_draft", "sar_draft", "sar_return"]
    assert sar_track.steps(life.events)[0].who == ANALYST.user_id
    assert sar_track.steps(life.events)[0].when == chain.parse_ts(life.events[2].ts)


def test_a_draft_is_an_amendment_where_the_chain_says_so_and_only_there() -> None:
    amendment = replace(COMPLETE, kind=ReportKind.AMENDED, prior_bsa_id=BSA_ID)
    life = decided()
    assert lacks(sar_track.draft, ANALYST, life.case, life.events, amendment) == {"kind"}
    life = filed_life()
    lives.amend(life, MANAGER, "Again.")
    for written, field in (
        (COMPLETE, "kind"),
        (replace(COMPLETE, kind=ReportKind.CONTINUING, prior_bsa_id=LATER_BSA_ID, cumulative=COMPLETE.amount), "kind"),
        (amendment, "prior_bsa_id"),
    ):
        assert lacks(sar_track.draft, ANALYST, life.case, life.events, written) == {field}
    lives.draft(life, ANALYST, replace(amendment, prior_bsa_id=LATER_BSA_ID))


def test_an_amendment_is_not_called_as_the_report_that_it_amends() -> None:
    life = filed_life()
    lives.amend(life, MANAGER, "Again.")
    lives.draft(life, ANALYST, COMPLETE)
    lives.approve(life, MANAGER)
    lives.file(life, ANALYST)
    for before in (BSA_ID, LATER_BSA_ID):
        assert lacks(sar_track.acknowledge, ANALYST, life.case, life.events, before) == {"bsa_id"}
    lives.acknowledge(life, ANALYST, "31000987654322")


def given_sar(desk: Database, case: Case) -> Case:
    casework.assign(desk, M, case.case_id, A, "Knows the branch.")
    day = datetime.now(UTC).date()
    casework.set_disposition(desk, A, case.case_id, Decision(SAR, "Why.", day))
    return stored(desk, case.case_id)[0]


def filed(desk: Database, case: Case) -> str:
    case_id = given_sar(desk, case).case_id
    draft = casework.draft_sar(desk, A, case_id, COMPLETE)
    casework.approve_sar(desk, M, case_id, draft.event_hash)
    file_sar(desk, A, case_id, Filed(datetime.now(UTC).date(), UTC))
    return case_id


def test_no_two_cases_are_given_one_bsa_id_not_even_at_once(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (filed(desk, open_case()) for _ in range(2))
    casework.acknowledge_sar(desk, A, one, BSA_ID)
    with pytest.raises(InvalidForm, match=f"{one} has this BSA id"):
        casework.acknowledge_sar(desk, A, other, BSA_ID)
    ask, judged = repository.case_of_report, []

    def none_yet(tx: Transaction, bsa_id: str) -> str | None:  # as if the other came in between
        judged.append(bsa_id)
        return ask(tx, bsa_id) if len(judged) > 1 else None

    monkeypatch.setattr(repository, "case_of_report", none_yet)
    with pytest.raises(InvalidForm, match=f"{one} was given this BSA id just now") as refused:
        casework.acknowledge_sar(desk, A, other, BSA_ID)
    assert set(refused.value.fields) == {"bsa_id"}
    assert stored(desk, other)[0].bsa_id == ""


def test_prior_sars_are_the_customers_other_cases_closed_as_sar_filed_or_not(
    desk: Database, open_case: OpenCase
) -> None:
    this, open_one, other_customer = open_case(), open_case(), open_case(customer_id="C-2")
    sent, unsent = filed(desk, open_case()), given_sar(desk, open_case()).case_id
    filed(desk, other_customer)
    with desk.snapshot() as tx:
        found = repository.prior_sars(tx, this.customer_id, this.case_id)
    assert {case.case_id for case in found} == {sent, unsent}
    assert open_one.case_id not in {case.case_id for case in found}


def test_a_sar_decided_before_filings_were_kept_is_filed_outside_by_a_manager_or_drafted(
    desk: Database, open_case: OpenCase
) -> None:
    def before() -> str:
        case = open_case()
        casework.assign(desk, M, case.case_id, A, "Knows the branch.")
        decide_as_before(desk, case.case_id, A, case.opened_at.date())
        return case.case_id

    case_id, today = before(), datetime.now(UTC).date()
    assert stored(desk, case_id)[0].sar_due_at is None
    outside = Filed(today, UTC, outside=True, bsa_id=BSA_ID)
    with pytest.raises(NotAllowed, match="Only a Manager"):
        file_sar(desk, A, case_id, outside)
    for wrong, field in (
        (replace(outside, bsa_id="1"), "bsa_id"),
        (replace(outside, day=today - timedelta(days=1)), "day"),
        (replace(outside, outside=False, bsa_id=""), "outside"),
        (replace(outside, export="0" * 64), "export"),
    ):
        with pytest.raises(InvalidForm) as refused:
            file_sar(desk, M, case_id, wrong)
        assert set(refused.value.fields) == {field}
    file_sar(desk, M, case_id, outside)
    case = stored(desk, case_id)[0]
    assert case.filed_at and case.sar_due_at
    assert (case.filing, case.bsa_id, case.filed_at.date()) == (Filing.FILED, BSA_ID, today)
    assert case.sar_due_at.date() == today + timedelta(days=30)
    drafted = before()
    casework.draft_sar(desk, A, drafted, replace(COMPLETE, narrative=""))
    case = stored(desk, drafted)[0]
    assert case.sar_due_at
    assert (case.filing, case.sar_due_at.date()) == (Filing.TO_DRAFT, today + timedelta(days=30))


def test_a_damaged_chain_still_says_what_can_be_read_of_its_track() -> None:
    life = approved()
    damaged = [replace(event, ts="soon", meta="{") for event in life.events]
    assert sar_track.newest_draft(damaged) is None
    assert {step.when for step in sar_track.steps(damaged)} == {None}


# --- a terminal ---


def test_a_terminal_takes_a_sar_all_the_way(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = given_sar(desk, open_case()).case_id
    today = datetime.now(UTC).date().isoformat()

    def sar(verb: str, actor: str, *options: str) -> int:
        return main(["sar", verb, case_id.lower(), "--as", actor, "--database", address(desk), *options])

    assert sar("draft", A, "--propose") == 0
    draft = stored(desk, case_id)[1][-1]
    assert stored(desk, case_id)[0].filing is Filing.TO_APPROVE
    assert sar("approve", M, "--draft", "0" * 64) == 2
    assert sar("approve", A, "--draft", draft.event_hash) == 2
    assert "Only a Manager" in capsys.readouterr().err
    assert sar("return", M, "--reason", "Name the branch.") == 0
    text, kept = tmp_path / "narrative.txt", tmp_path / "draft.json"
    text.write_text("Cash came in at the branch.\n", "utf-8")
    kept.write_text(chain.canonical_json(chain.read_meta(draft)["sar"]), "utf-8")
    assert sar("draft", A, "--from", str(kept), "--narrative", str(text)) == 0
    draft = stored(desk, case_id)[1][-1]
    assert draft.notes == "Cash came in at the branch."
    assert sar("approve", M, "--draft", draft.event_hash[:8]) == 0
    assert sar("file", A, "--day", today, "--late-because", "") == 0
    assert sar("reject", A, "--error", "R17: name", "--error", "F2: filer") == 0
    assert sar("draft", A, "--propose", "--narrative", str(text)) == 0
    assert sar("approve", M, "--draft", stored(desk, case_id)[1][-1].event_hash) == 0
    assert sar("file", A, "--zone", "UTC") == 0
    assert sar("acknowledge", A, "--bsa-id", "12") == 2
    answered = tmp_path / "answer.xml"
    answered.write_bytes(answer(f"<BSAID>{BSA_ID}</BSAID>"))
    assert sar("acknowledge", A, "--from", str(answered), "--report", "2") == 2
    assert sar("reject", A, "--from", str(answered)) == 2
    assert f"accepted as {BSA_ID}" in capsys.readouterr().err
    assert sar("acknowledge", A, "--from", str(answered)) == 0
    capsys.readouterr()
    assert sar("show", OTHER_ANALYST.user_id) == 0
    shown = capsys.readouterr().out
    assert f"{case_id}: Filed; determined {today}" in shown
    assert f"BSA id {BSA_ID}" in shown
    assert "Cash came in at the branch." in shown
    assert stored(desk, case_id)[1][-1].action == Action.VIEW
    assert sar("amend", M, "--reason", "The amount was too low.") == 0
    assert main(["verify", "--database", address(desk), case_id]) == 0


@ON_SQLITE  # a server's desk has no filer before its settings name one
def test_a_rejection_that_is_read_from_its_file_names_the_subject(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = given_sar(desk, open_case()).case_id
    other = Subject("Ann Other", SubjectRole.SUSPECT, last_name="Other", first_name="Ann")
    draft = replace(COMPLETE, subjects=(*COMPLETE.subjects, other), from_day=None, to_day=None)
    draft = replace(draft, from_day=date(2026, 1, 5), to_day=date(2026, 1, 6))
    event = casework.draft_sar(desk, A, case_id, draft)
    casework.approve_sar(desk, M, case_id, event.event_hash)
    place = ["--database", address(desk)]
    out = tmp_path / "out"
    assert main(["export", case_id, "--as", A, "--sarx", "--to", str(out), *place]) == 0
    (sent,) = out.iterdir()
    export = stored(desk, case_id)[1][-1]
    today = datetime.now(UTC).date().isoformat()
    named = ["--export", export.event_hash[:8], "--day", today]
    assert main(["sar", "show", case_id, "--as", A, *place]) == 0
    assert "FinCEN will miss: Ann Other: not known are" in capsys.readouterr().out
    assert main(["sar", "file", case_id, "--as", A, *named, *place]) == 0
    parties = re.findall(r'Party SeqNum="(\d+)"', sent.read_text("utf-8"))
    context = f"EFilingBatchXML/Activity[1]/Party[{parties[-1]}]/PartyName[1]/RawIndividualFirstName"
    rejected = tmp_path / "answer.xml"
    rejected.write_bytes(answer(error("RawIndividualFirstName", "Fatal", context), status="R"))
    assert main(["sar", "acknowledge", case_id, "--as", A, "--from", str(rejected), *place]) == 2
    assert main(["sar", "reject", case_id, "--as", A, "--from", str(rejected), *place]) == 0
    assert stored(desk, case_id)[1][-1].notes == "RawIndividualFirstName of Ann Other: The value is an invalid number."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ('{"subjects":[{"name":"A","role":"boss"}]}', "cannot be read as a draft has it: subjects"),
        ('{"sujbects":[]}', "cannot be read as a draft has it: sujbects"),
    ],
)
def test_a_file_of_a_draft_that_cannot_be_read_as_one_is_refused_whole(
    desk: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    case_id = given_sar(desk, open_case()).case_id
    file = tmp_path / "draft.json"
    file.write_text(text, "utf-8")
    assert main(["sar", "draft", case_id, "--as", A, "--database", address(desk), "--from", str(file)]) == 2
    assert told in capsys.readouterr().err
    assert stored(desk, case_id)[0].filing is Filing.TO_DRAFT


def test_a_terminal_shows_no_sar_of_a_case_that_never_had_one(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    case = open_case()
    assert main(["sar", "show", case.case_id, "--as", A, "--database", address(desk)]) == 2
    assert "No SAR was ever decided" in capsys.readouterr().err
