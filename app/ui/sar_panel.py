"""The SAR of a case, on its page: its clock, its track, its draft, and what brings it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape

import streamlit as st

from app import chain, evidence, filing, gaps, policy, rules, sar_track
from app.filing import Draft, ReportKind
from app.models import Action, Case, Disposition, Event, Filing
from app.policy import Verb
from app.rows import Cases
from app.ui import forms, sar_draft, sar_forms, sar_words, tables, words
from app.ui.sar_draft import Drafting
from app.ui.sar_forms import Scene
from app.ui.session import mine


def belongs(case: Case, events: Sequence[Event]) -> bool:
    """Say whether the page of this case has the panel: it was decided as a SAR, now or before."""
    return case.disposition is Disposition.SAR or bool(case.filing) or policy.has_sar_decision(events)


def show(scene: Scene, prior: Cases, show_evidence: Callable[[], None]) -> None:
    """Draw the panel. `prior` are the customer's other SARs; the evidence is drawn beside or below the draft."""
    case, events, names = scene.case, scene.events, scene.names
    now = datetime.now(UTC)
    said, tone = sar_words.deadline(case, now)
    with st.container(border=True, key="sar"):
        st.subheader("SAR", anchor=False)
        if case.disposition is Disposition.SAR or case.sar_due_at is not None:
            st.html(f"<p class='clock {tone}'>{escape(said)}</p>")
        if case.disposition is Disposition.SAR:
            st.html(sar_words.track(sar_words.stages(case, events, names)))
        else:
            goes_on = ", and its clock goes on" if case.sar_due_at is not None else ""
            st.caption(f"The case was decided as a SAR before{goes_on}.")
        if case.filed_at is not None:
            st.caption(f":material/lock: {rules.FILED}  \n{sar_words.continuing(case.filed_at, now)}")
        _prior(prior, now)
        if case.disposition is Disposition.SAR:
            _body(scene, prior, show_evidence)
        else:
            show_evidence()


def _prior(prior: Cases, now: datetime) -> None:
    """Draw the customer's other SARs, and when the newest filing may be continued."""
    tables.show_broken(prior)
    if not prior:
        return
    st.markdown("**Other SARs of this customer**")
    columns = [("Case", ""), ("Typology", "name"), ("SAR", ""), ("Filed", ""), ("BSA id", "")]
    data = {
        "caption": "Other SARs of this customer",
        "path": "case",
        "chooses": False,
        "search": "",
        "ticks": None,
        "columns": [{"label": label, "align": align} for label, align in columns],
        "rows": [
            {
                "case_id": one.case_id,
                "selected": False,
                "refusal": None,
                "cells": [{"text": text} for text in _told(one)],
            }
            for one in prior
        ],
    }
    tables.draw(data=data, key="prior")
    if newest := max((one.filed_at for one in prior if one.filed_at), default=None):
        st.caption(sar_words.continuing(newest, now))


def _told(case: Case) -> list[str]:
    filed = words.day(case.filed_at)
    texts = (case.case_id, case.typology, case.filing.value or "Not kept", filed or "—", case.bsa_id or "—")
    return [words.shown(text) for text in texts]


def _body(scene: Scene, prior: Cases, show_evidence: Callable[[], None]) -> None:
    """Draw what the SAR's state asks for: the form of its draft, or the draft to be read and what brings it on."""
    case = scene.case
    refusal = scene.refusal(Verb.SAR_DRAFT)
    newest = sar_track.newest_draft(scene.events)
    at_work = mine.drafting == case.case_id or forms.waits("sar-draft", case.case_id)
    writes = not refusal and (case.filing in (Filing.NONE, Filing.TO_DRAFT) or at_work)
    _came_back(scene)
    if writes:
        sar_draft.show(scene.actor, scene.names, _drafting(scene, newest and newest[1], prior))
        show_evidence()
        return
    if newest is None:
        st.caption("No draft yet.")
        _say_why_not(scene, refusal)
        show_evidence()
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _read(scene, *newest)
    with right:
        _say_why_not(scene, refusal)
        _judged(scene, newest[1])
        show_evidence()


def _say_why_not(scene: Scene, refusal: str | None) -> None:
    """Say why this person may not draft the SAR, where it can still be drafted."""
    if refusal and scene.case.filing is not Filing.FILED:
        st.caption(f":material/lock: {words.plain(refusal)}")


def _read(scene: Scene, event: Event, draft: Draft) -> None:
    by = words.plain(words.name_of(event.user, scene.names))
    st.markdown(f"**Draft** by {by}, {words.clock(words.read_time(event.ts))}")
    st.html(sar_words.reading(draft))
    if scene.case.filing in (Filing.TO_APPROVE, Filing.TO_FILE) and not scene.refusal(Verb.SAR_DRAFT):
        st.button(
            "Change the draft",
            icon=":material/edit:",
            on_click=sar_draft.open_form,
            args=(scene.case.case_id,),
            help="It then has to be approved anew.",
        )


def next_step(case: Case) -> str:
    """Return what brings the SAR of this case on, in a word or two; empty where its draft does, or nothing."""
    if case.disposition is not Disposition.SAR:
        return ""
    steps = {Filing.NONE: "Filed elsewhere", Filing.TO_APPROVE: "Approve", Filing.TO_FILE: "File"}
    steps[Filing.FILED] = "Amend" if case.bsa_id else "FinCEN’s answer"
    return steps.get(case.filing, "")


def bring_on(scene: Scene) -> None:
    """Draw the forms of what comes next."""
    case, newest = scene.case, sar_track.newest_draft(scene.events)
    if case.filing is Filing.TO_FILE or case.filing is Filing.NONE:
        sar_forms.file(scene)
    if case.filing in (Filing.TO_APPROVE, Filing.TO_FILE) and newest:
        sar_forms.judge(scene, newest[0].event_hash)
    if case.filing is Filing.FILED and not case.bsa_id:
        sar_forms.acknowledge(scene)
    if case.filing is Filing.FILED and case.bsa_id:
        sar_forms.amend(scene)


def _judged(scene: Scene, draft: Draft) -> None:
    """Draw what the draft lacks, what its narrative must not hold, and what changed since the one before."""
    st.markdown("**What is missing**")
    st.html(sar_draft.gap_list(gaps.gaps(draft, _facts(scene))))
    st.html(sar_draft.fault_list(draft.narrative))
    drafts = _drafts(scene.events)
    if len(drafts) > 1:
        event, before = drafts[-2]
        by = words.plain(words.name_of(event.user, scene.names))
        st.markdown(f"**Changed since the draft** by {by}, {words.clock(words.read_time(event.ts))}")
        found = sar_words.changes(before, draft)
        st.html(sar_words.changed(found) if found else "<p>Nothing.</p>")
    else:
        st.caption("This is the first draft.")


def _drafts(events: Sequence[Event]) -> list[tuple[Event, Draft]]:
    drafted = [event for event in events if event.action == Action.SAR_DRAFT]
    read = [(event, filing.read(chain.read_meta(event).get("sar"), event.notes)) for event in drafted]
    return [(event, draft) for event, draft in read if draft is not None]


def _facts(scene: Scene) -> gaps.Facts:
    determined = scene.case.determined_at
    return gaps.Facts(
        evidence.read(scene.events),
        determined and determined.date(),
        policy.suspect_known(scene.events),
        words.local(datetime.now(UTC)).date(),
    )


_CAME_BACK: Mapping[str, str] = {Action.SAR_RETURN: "returned this", Action.SAR_AMEND: "took this up again"}


def _came_back(scene: Scene) -> None:
    """Say why the draft is back, where it is."""
    if scene.case.filing is not Filing.TO_DRAFT:
        return
    event = _newest(scene.events, Action.SAR_RETURN, Action.SAR_REJECT, Action.SAR_AMEND, Action.SAR_DRAFT)
    if event and (said := _CAME_BACK.get(event.action)):
        by = words.plain(words.name_of(event.user, scene.names))
        st.info(f"{by} {said}: {words.plain(event.notes)}", icon=":material/undo:")


def _newest(events: Sequence[Event], *actions: Action) -> Event | None:
    return next((event for event in reversed(events) if event.action in actions), None)


def _drafting(scene: Scene, newest: Draft | None, prior: Cases) -> Drafting:
    """Return what the form starts with: the newest draft or, where there is none, what the evidence proposes."""
    facts = _facts(scene)
    start = newest or filing.propose(scene.case, facts.kept)
    if amends := sar_track.amended(scene.events):
        start = replace(start, kind=ReportKind.AMENDED, prior_bsa_id=amends)
    last = _newest(scene.events, Action.SAR_DRAFT, Action.SAR_AMEND, Action.SAR_REJECT)
    errors: Sequence[str] = ()
    if last and last.action == Action.SAR_REJECT:
        errors = last.notes.splitlines()
    filed = sorted((one for one in prior if one.bsa_id and one.filed_at), key=lambda one: str(one.filed_at))
    return Drafting(
        scene.case,
        scene.events,
        facts,
        start,
        is_begun=not (newest and newest.narrative.strip()),
        prior_bsa_ids=[one.bsa_id for one in reversed(filed)],
        errors=errors,
    )
