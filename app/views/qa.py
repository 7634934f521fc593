"""QA: the sample of closed cases, who has been reviewed, and how it went."""

import streamlit as st

from app import casework, policy, repository, sampling, sign_in, ui
from app.errors import BrokenCase
from app.models import Case, Event, QaResult, User
from app.policy import Verb

LIMIT = 50  # rows of either list: whoever reviews works from the oldest on, and the counts tell of the rest
WAITING = ("case", "customer", "typology", "risk", "disposition", "closed")
REVIEWED = ("case", "customer", "typology", "disposition", "qa", "reviewer")


def verdict_form(actor: User, case: Case, events: list[Event]) -> None:
    token = ui.form_token(f"qa {case.case_id}")
    seen = case.head_hash

    def record() -> None:
        state = st.session_state
        state["review"] = case.case_id
        result = QaResult(state[f"verdict {token}"] or "")
        done = ui.send(
            actor,
            f"qa {case.case_id}",
            f"{case.case_id}: {result} recorded.",
            lambda: casework.record_qa(
                ui.desk(), actor.user_id, case.case_id, result, state[f"remarks {token}"], form=token, seen=seen
            ),
        )
        if done:
            del state["review"]

    refusal = policy.why_not(Verb.QA, actor, case, policy.involved_in(events))
    with st.form(f"qa form {token}", border=False):
        st.segmented_control(
            "Verdict",
            [QaResult.PASS.value, QaResult.FAIL.value],
            key=f"verdict {token}",
            disabled=bool(refusal),
        )
        ui.typed_text("Remarks", f"remarks {token}", refusal, "Required on a fail")
        st.form_submit_button(
            "Record", type="primary", on_click=record, disabled=bool(refusal), icon=":material/fact_check:"
        )
    ui.show_refusal(refusal)


actor, names = sign_in.actor(), ui.people()
counts, waiting, reviewed = ui.desk().read(
    lambda tx: (repository.qa_counts(tx), repository.qa_waiting(tx, LIMIT), repository.qa_reviewed(tx, LIMIT))
)
# The case at hand stays, even where someone else was quicker: what was typed about it must not be lost.
review = st.session_state.get("review") or (waiting[0].case_id if waiting else "")
events = ui.desk().read(lambda tx: repository.events(tx, review))

st.title("QA", anchor=False)
ui.show_outcome(names)
chosen = None
try:
    chosen = ui.desk().read(lambda tx: repository.case(tx, review)) if events else None
    if chosen and ui.look(actor, review, events):
        chosen, events = ui.desk().read(lambda tx: (repository.case(tx, review), repository.events(tx, review)))
except BrokenCase as error:
    st.error(ui.plain(error), icon=":material/gpp_bad:")
st.markdown(
    f"QA reviews each closed case with `{sampling.RULE}`: about one in ten, and the same ones whoever computes it."
)
done = counts.passed + counts.failed
with st.grid(4, min_column_width=110):
    st.metric("Awaiting review", f"{counts.waiting:,}", border=True)
    st.metric("Passed", f"{counts.passed:,}", border=True)
    st.metric("Failed", f"{counts.failed:,}", border=True)
    st.metric("Pass rate", f"{counts.passed / done:.0%}" if done else "—", border=True)


def choose(case_id: str) -> None:
    st.session_state["review"] = case_id


grid = st.grid(3, min_column_width=280, gap="medium")
with grid.cell(column_span=2):
    to_do, done_tab = st.tabs([f"Awaiting review ({counts.waiting:,})", f"Reviewed ({done:,})"])
    with to_do:
        ui.show_broken(waiting)
        if waiting:
            ui.case_table("Awaiting review", waiting, WAITING, names, "waiting", choose, selected=review)
            st.caption(f"Oldest first{f'; the first {LIMIT}' if counts.waiting > LIMIT else ''}.")
        elif not waiting.broken:
            st.success("The sample is complete: nothing awaits review.")
    with done_tab:
        ui.show_broken(reviewed)
        if reviewed:
            ui.case_table("Reviewed", reviewed, REVIEWED, names, "reviewed")
            st.caption(f"Newest first{f'; the last {LIMIT}' if done > LIMIT else ''}.")
        elif not reviewed.broken:
            st.info("Nothing has been reviewed yet.")

with grid.cell():
    if chosen is not None:
        with st.container(border=True, key="review_panel"):
            st.subheader(ui.plain(chosen.case_id), anchor=False)
            ui.sar_banner(events)
            ui.facts(
                [
                    ("Customer", chosen.customer_name),
                    ("Typology", chosen.typology),
                    ("Disposition", chosen.disposition.value),
                    ("Owner", ui.name_of(chosen.owner, names)),
                    ("Closed", chosen.closed_at),
                ]
            )
            address = {"case_id": chosen.case_id}
            st.page_link(ui.CASE, label="Open the case", icon=":material/folder_open:", query_params=address)
            verdict_form(actor, chosen, events)
            alert = st.expander("Alert and transactions", on_change="rerun")
            if alert.open:
                with alert:
                    ui.evidence(events, chosen.currency)
            ui.timeline(events[::-1], names, key="review_timeline")
