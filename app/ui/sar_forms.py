"""What brings a drafted SAR on: approve, return, file, acknowledge, amend. A form each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import streamlit as st

from app import casework, chain, policy, sar_track
from app.errors import DeskError
from app.exports import acknowledgement, case_export, fincen_file
from app.exports.acknowledgement import Acknowledged, ReportError
from app.filing import BSA_ID_DIGITS
from app.models import Action, Case, Event, Filing, User
from app.policy import Verb
from app.sar_track import Filed
from app.ui import base, forms, words
from app.ui.session import Session

BY_HAND = ""
"""The choice of a filing that was keyed in by hand: no export's file was sent."""


@dataclass(frozen=True)
class Scene:
    """Who looks at which case: its events as they were read, and everybody by id."""

    actor: User
    case: Case
    events: Sequence[Event]
    names: Mapping[str, User]

    def refusal(self, verb: Verb) -> str | None:
        """Return why this person may not do it, in a sentence; None where they may."""
        return policy.why_not(verb, self.actor, self.case, policy.involved_in(self.events, verb))

    def form(self, what: str, verb: Verb) -> forms.Form:
        """Return the form of a verb."""
        name = f"{what} {self.case.case_id}"
        return forms.Form(self.actor, name, self.names, self.refusal(verb), self.case.head_hash)


def judge(scene: Scene, draft_hash: str) -> None:
    """Draw what approves the draft with this hash, or returns it."""
    case_id, actor_id = scene.case.case_id, scene.actor.user_id
    if scene.case.filing is Filing.TO_APPROVE:
        form = scene.form("sar-approve", Verb.SAR_APPROVE)

        def approve() -> None:
            form.send(
                "Draft approved: it can be filed.",
                lambda: casework.approve_sar(
                    base.desk(), actor_id, case_id, draft_hash, form=form.token, seen=form.seen
                ),
            )

        with form.place(), form.box():
            st.caption("You approve the draft as it stands here.")
            form.button("Approve the draft", approve, ":material/task_alt:", is_primary=True)
            form.tell("draft_hash")
    returning = scene.form("sar-return", Verb.SAR_RETURN)

    def give_back() -> None:
        reason = returning.value("reason")
        returning.send(
            "Draft returned.",
            lambda: casework.return_sar(
                base.desk(), actor_id, case_id, reason, form=returning.token, seen=returning.seen
            ),
        )

    with returning.place(), returning.box():
        returning.text("Reason to return", "reason", "What has to change before it can be approved", 90)
        returning.button("Return the draft", give_back, ":material/undo:")


def file(scene: Scene) -> None:
    """Draw what keeps that the report was filed: from which export, or by hand; or elsewhere, before the desk knew."""
    outside = scene.case.filing is Filing.NONE
    form = scene.form("sar-file", Verb.SAR_FILE)
    today = words.local(datetime.now(UTC)).date()
    disabled = bool(form.refusal)
    due = _due(scene)

    def keep() -> None:
        filed = Filed(
            form.value("day"),
            words.zone(),
            export=form.value("export") or BY_HAND,
            late_because=form.value("late_because") or "",
            outside=outside,
            bsa_id=(form.value("bsa_id") or "").strip(),
        )
        form.send(
            "Kept as filed.",
            lambda: casework.file_sar(
                base.desk(), scene.actor.user_id, scene.case.case_id, filed, form=form.token, seen=form.seen
            ),
        )

    with form.place(), form.box():
        if outside:
            st.caption("The SAR was decided before the desk kept filings: say when it was filed, and its BSA id.")
        form.day("Filed on", "day", today, begun=today)
        if outside:
            st.text_input("BSA id", max_chars=BSA_ID_DIGITS, key=form.key("bsa_id", str), disabled=disabled)
            form.tell("bsa_id")
        else:
            sent = {BY_HAND: "Keyed in by hand at FinCEN", **exported(scene.events)}
            key = form.choice("export", list(sent), sent.__getitem__)
            st.selectbox("What was sent", sent, format_func=sent.__getitem__, key=key, disabled=disabled)
            form.tell("export")
        if due and today > due.date():
            form.text(f"Why it was filed after {words.day(due)}", "late_because", height=90)
        form.button("Keep as filed", keep, ":material/send:", is_primary=True)
    if not outside:
        st.page_link(
            base.EXPORTS,
            label="Make the file for FinCEN",
            icon=":material/download:",
            query_params={Session.case_id.key: scene.case.case_id},
        )


def _due(scene: Scene) -> datetime | None:
    """Return by when it was to be filed, also where that was not kept yet."""
    case = scene.case
    if case.sar_due_at is None and case.determined_at is not None:
        return policy.sar_due_at(case.determined_at, policy.suspect_known(scene.events))
    return case.sar_due_at


def exported(events: Sequence[Event]) -> dict[str, str]:
    """Return the exports since the approval that took a file for FinCEN: by their hash, in words, the newest first."""
    found = {}
    for event in reversed(events):
        if event.action == Action.SAR_APPROVE:
            break
        files = chain.read_meta(event).get("files")
        if event.action == Action.EXPORT and isinstance(files, dict):
            names = [words.shown(name) for name in files if str(name).endswith("sarx.xml")]
            if names:
                found[event.event_hash] = f"{', '.join(names)}, {words.clock(words.read_time(event.ts))}"
    return found


def acknowledge(scene: Scene) -> None:
    """Draw what keeps FinCEN's answer: read from its file and confirmed, or typed."""
    refusal = scene.refusal(Verb.SAR_ACKNOWLEDGE)
    read, by_hand = st.tabs(["Read FinCEN’s file", "Type it"])
    with read:
        if refusal:
            st.caption(f":material/lock: {words.plain(refusal)}")
        else:
            _read_file(scene)
    with by_hand:
        _accepted(scene, "sar-acknowledge")
        _rejected(scene, "sar-reject")


def _read_file(scene: Scene) -> None:
    uploaded = st.file_uploader("The acknowledgement, as FinCEN sent it", type=["xml"], key="acknowledgement")
    if uploaded is None:
        return
    try:
        reports = acknowledgement.read(uploaded.getvalue(), uploaded.name)
    except DeskError as error:
        st.error(f"Refused: {words.plain(error)}", icon=":material/error:")
        return
    report = reports[0]
    if len(reports) > 1:
        report = reports[
            st.selectbox(
                "Which report of the batch is this case?",
                range(len(reports)),
                format_func=lambda place: f"{place + 1}: {reports[place].bsa_id or 'no BSA id'}",
                key="acknowledged",
            )
        ]
    verdict = f"accepted, BSA id {report.bsa_id}" if report.is_accepted else "not accepted"
    st.markdown(words.plain(f"{scene.case.case_id}: {verdict}."))
    if report.errors:
        st.html(_errors(report.errors))
    if report.is_accepted:
        _accepted(scene, "sar-acknowledge-file", report)
    else:
        _rejected(scene, "sar-reject-file", _lines(scene, report.errors))


def _errors(errors: Sequence[ReportError]) -> str:
    told = "".join(
        f"<li dir='auto'><b>{escape(error.element)}</b> {escape(error.text)} ({escape(error.level.lower())})</li>"
        for error in errors
    )
    return f"<ul class='errors'>{told}</ul>"


def _accepted(scene: Scene, name: str, report: Acknowledged | None = None) -> None:
    """Draw the BSA id, to be typed where no file says it, and the button that keeps it."""
    form = scene.form(name, Verb.SAR_ACKNOWLEDGE)

    def keep() -> None:
        bsa_id = report.bsa_id if report else (form.value("bsa_id") or "").strip()
        form.send(
            f"Acknowledged: BSA id {bsa_id}.",
            lambda: casework.acknowledge_sar(
                base.desk(), scene.actor.user_id, scene.case.case_id, bsa_id, form=form.token, seen=form.seen
            ),
        )

    with form.place(), form.box():
        if report is None:
            disabled = bool(form.refusal)
            st.text_input("BSA id", max_chars=BSA_ID_DIGITS, key=form.key("bsa_id", str), disabled=disabled)
        form.tell("bsa_id")
        label = f"Keep BSA id {report.bsa_id} for {scene.case.case_id}" if report else "Keep the BSA id"
        form.button(label, keep, ":material/verified:", is_primary=True)


def _rejected(scene: Scene, name: str, lines: Sequence[str] | None = None) -> None:
    """Draw FinCEN's errors, to be typed where no file says them, and the button that brings the draft back."""
    form = scene.form(name, Verb.SAR_REJECT)

    def keep() -> None:
        errors = (form.value("errors") or "").splitlines() if lines is None else lines
        form.send(
            "Rejection kept: the draft is back, with its errors.",
            lambda: casework.reject_sar(
                base.desk(),
                scene.actor.user_id,
                scene.case.case_id,
                [error for error in errors if error.strip()],
                form=form.token,
                seen=form.seen,
            ),
        )

    with form.place(), form.box():
        if lines is None:
            form.text("FinCEN’s errors, one a line", "errors", "ZIPCode: the ZIP code is not valid", 90)
        else:
            form.tell("errors")
        form.button("Keep the rejection", keep, ":material/undo:")


def _lines(scene: Scene, errors: Sequence[ReportError]) -> list[str]:
    """Return FinCEN's errors as the case keeps them, each with the subject that it is about where that can be told."""
    export = case_export.read(base.desk(), scene.case.case_id)
    sent = fincen_file.sent(export, base.config(), base.desk().is_embedded)
    newest = sar_track.newest_draft(export.events)
    return [acknowledgement.said(error, newest and newest[1], sent) for error in errors]


def amend(scene: Scene) -> None:
    """Draw what brings a filed SAR back to its draft, as an amendment."""
    form = scene.form("sar-amend", Verb.SAR_AMEND)

    def take_up() -> None:
        reason = form.value("reason")
        form.send(
            "The draft is back, to be amended.",
            lambda: casework.amend_sar(
                base.desk(), scene.actor.user_id, scene.case.case_id, reason, form=form.token, seen=form.seen
            ),
        )

    with form.place(), form.box():
        form.text("Reason to amend", "reason", height=90)
        form.button("Amend the report", take_up, ":material/edit_document:")
