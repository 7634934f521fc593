"""QA: the sample of closed cases, who has been reviewed, and how it went."""

from collections.abc import Sequence

import streamlit as st

from app import casework, connected, evidence, policy, qa_query, repository, sampling, unsent
from app.errors import BrokenCase
from app.models import Case, Event, QaResult, User
from app.policy import Verb
from app.ui import alert, base, facts, forms, sign_in, tables, timeline, words
from app.ui.session import Session, mine

LIMIT = 50  # rows of either list: whoever reviews works from the oldest on, and the counts tell of the rest
WAITING = ("case", "customer", "typology", "risk", "disposition", "owner", "closed")
BESIDE = ("case",)  # where a case is open: it needs the width
REVIEWED = ("case", "customer", "disposition", "owner", "qa", "reviewer", "reviewed", "remarks")


def choose(case_id: str) -> None:
    """In a callback: a person opens this case; a page never does."""
    mine.review = case_id
    del mine.offered


def close() -> None:
    """In a callback: back to the list."""
    del mine.review


def verdict_form(actor: User, case: Case, events: list[Event], names: dict[str, User], following: str) -> None:
    """Draw what stays in sight while the evidence scrolls. `following` is the case that is offered after it, if any."""
    refusal = policy.why_not(Verb.REVIEW, actor, case, policy.involved_in(events))
    form = forms.Form(actor, f"qa {case.case_id}", names, refusal, case.head_hash)

    def record() -> None:
        result, notes = QaResult(form.value("result") or ""), form.value("notes")
        if form.send(
            f"{case.case_id}: {result} recorded.",
            lambda: casework.record_qa(
                base.desk(), actor.user_id, case.case_id, result, notes, form=form.token, seen=form.seen
            ),
        ):
            close()
            mine.offered = following

    with form.place(), form.box(), st.container(horizontal=True, vertical_alignment="top", key="verdict"):
        with st.container(width="content"):
            verdicts = [QaResult.PASS.value, QaResult.FAIL.value]
            st.segmented_control("Verdict", verdicts, key=form.choice("result", verdicts), disabled=bool(refusal))
            form.tell("result")
        with st.container():
            form.text("Remarks", "notes", "Required on a fail", height=68)
        form.button("Record", record, ":material/fact_check:", is_primary=True)


def show_counts(counts: qa_query.QaCounts) -> None:
    st.markdown(
        "QA reviews about one closed case in ten: the same ones whoever computes it, so nobody picks.",
        help=f"In the words of SQL Server: `{sampling.RULE}`.",
    )
    done = counts.passed + counts.failed
    with st.grid(4, min_column_width=140):
        st.metric("Awaiting review", f"{counts.waiting:,}", border=True)
        st.metric("Passed", f"{counts.passed:,}", border=True)
        st.metric("Failed", f"{counts.failed:,}", border=True)
        st.metric("Pass rate", f"{counts.passed / done:.0%}" if done else "—", border=True)


def show_case(actor: User, case: Case, events: list[Event], names: dict[str, User], waiting: Sequence[Case]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(words.plain(case.case_id), anchor=False, width="content")
        st.page_link(
            base.CASE,
            label="Open the case",
            icon=":material/folder_open:",
            query_params={Session.case_id.key: case.case_id},
        )
        st.button("Back to the list", on_click=close, type="tertiary", icon=":material/arrow_back:")
    base.sar_banner(events)
    tables.facts(
        [
            ("Customer", case.customer_name),
            ("Typology", case.typology),
            ("Disposition", words.decided(case)),
            ("Owner", words.name_of(case.owner, names)),
            ("Due", case.due_at),
            ("Closed", case.closed_at),
        ]
    )
    kept = evidence.read(events)
    others, prior_sars, known = base.desk().read(
        lambda tx: (
            repository.other_cases(tx, case.customer_id, case.case_id),
            repository.prior_sars(tx, case.customer_id, case.case_id),
            connected.known(tx, case.case_id, {row.counterparty for row in kept.transactions}),
        )
    )
    facts.show_customer(case, kept, others, prior_sars)
    alert.show(kept, case, known)
    st.subheader("Timeline", anchor=False)
    timeline.show(events[::-1], names, key="review_timeline")
    ids = [one.case_id for one in waiting if actor.user_id != one.owner or one.case_id == case.case_id]
    after = ids.index(case.case_id) + 1 if case.case_id in ids else 0
    following = next((one for one in ids[after:] + ids if one != case.case_id), "")
    verdict_form(actor, case, events, names, following)


actor, names = sign_in.actor(), base.people()
counts, waiting, reviewed = base.desk().read(
    lambda tx: (qa_query.qa_counts(tx), qa_query.qa_waiting(tx, LIMIT), qa_query.qa_reviewed(tx, LIMIT))
)
# The case that was opened stays, even where someone else was quicker: what was typed about it must not be lost.
review = mine.review
events = base.desk().read(lambda tx: repository.events(tx, review)) if review else []

if review:
    forms.recall(actor, review, base.desk().read(lambda tx: unsent.kept(tx, actor.user_id, review)))

st.title("QA", anchor=False)
outcome = st.container()
chosen = None
try:
    chosen = base.desk().read(lambda tx: repository.case(tx, review)) if events else None
    if chosen and base.look(actor, review, events):
        chosen, events = base.desk().read(lambda tx: (repository.case(tx, review), repository.events(tx, review)))
except BrokenCase as error:
    st.error(words.plain(error), icon=":material/gpp_bad:")
with st.container():
    if chosen is None:
        show_counts(counts)

to_do, done_tab = st.tabs([f"Awaiting review ({counts.waiting:,})", f"Reviewed ({counts.passed + counts.failed:,})"])
with to_do, st.container(key="sample"):
    with st.container():
        tables.show_broken(waiting)
        offered = mine.offered
        if chosen is None and offered in [case.case_id for case in waiting]:
            with st.container(key="form qa"):
                st.button(
                    f"Open the next, {offered}",
                    on_click=choose,
                    args=(offered,),
                    type="primary",
                    icon=":material/play_arrow:",
                )
        if waiting:
            columns = BESIDE if chosen else WAITING
            tables.case_table("Awaiting review", waiting, columns, names, "waiting", choose, selected=review)
            st.caption(f"Oldest first{f'; the first {LIMIT}' if counts.waiting > LIMIT else ''}.")
        elif not waiting.broken:
            st.success("The sample is complete: nothing awaits review.")
    if chosen:
        with st.container(border=True, key="review_panel"):
            show_case(actor, chosen, events, names, waiting)
with done_tab:
    tables.show_broken(reviewed)
    if reviewed:
        tables.case_table("Reviewed", reviewed, REVIEWED, names, "reviewed")
        st.caption(f"Newest first{f'; the last {LIMIT}' if counts.passed + counts.failed > LIMIT else ''}.")
    elif not reviewed.broken:
        st.info("Nothing has been reviewed yet.")
forms.show_outcome(names, outcome)
