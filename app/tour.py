"""A guided demo over the live pages, and the demo's data anew: for whoever shows the embedded desk to someone.

A step opens its page on a case from the data as they are, lets someone of a fitting role act, and outlines the part
that it talks about. As few cases as can be carry it: as a rule one as far as its history, and one from its review on.
Its number is in the address and in the session: it outlives a reload, and being left.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from app import policy, repository, settings, sign_in, tampering, ui
from app.database import Transaction
from app.errors import BrokenCase, UnknownCase
from app.models import Case, Disposition, Role, Status, User
from app.policy import Verb
from app.repository import Filters, Order
from app.settings import SignIn

FRESH = {"q": "", "owner": "Anyone", "risk": "Any", "overdue": False, "closed": False, "order": "Due first", "size": 25}
"""Triage as it is at first, by its own keys of the session."""

Find = Callable[[Transaction, Case | None, User], Case | None]
"""The case of a step, by the one that the presenter has open and by the analyst who works for them."""


def _cases(tx: Transaction, filters: Filters) -> list[Case]:
    return repository.triage_page(tx, filters, Order.DUE, 1000).cases


def to_take(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    """The case at hand if it is open and the analyst's or nobody's; else the most urgent of nobody's."""
    if case and case.status is not Status.CLOSED and case.owner in (None, analyst.user_id):
        return case
    return next(iter(_cases(tx, Filters(unassigned=True))), None)


def to_decide(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    """The case at hand if it is open; else the most urgent in review of the analyst's, else of anybody's."""
    if case and case.status is not Status.CLOSED:
        return case
    cases = [*_cases(tx, Filters(owner=analyst.user_id)), *_cases(tx, Filters())]
    return next((case for case in cases if case.status is Status.IN_REVIEW), None)


def to_read(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    return case or to_take(tx, case, analyst) or to_decide(tx, case, analyst)


def to_review(tx: Transaction, case: Case | None, _analyst: User) -> Case | None:
    """A case that awaits QA: closed as SAR before the newest checkpoint if possible, as the steps after it need one."""
    signed = _signed()
    ranked = [
        (found.disposition is not Disposition.SAR, found.closed_at > signed, found != case, found.closed_at, found)
        for found in repository.qa_waiting(tx, 1000)
        if found.closed_at
    ]
    return min(ranked, key=lambda one: one[:-1])[-1] if ranked else None


def _signed() -> datetime:
    """When the newest checkpoint was signed."""
    anchor = ui.newest_checkpoint()
    return datetime.fromtimestamp(anchor.file.stat().st_mtime if anchor else 0, UTC)


def to_export(tx: Transaction, case: Case | None, _analyst: User) -> Case | None:
    """A case closed as SAR: before the newest checkpoint if possible; the one at hand; one that QA has reviewed."""
    signed = _signed()
    ranked = [
        (found.closed_at > signed, found is not case, not found.qa_result, found.due_at, found.case_id, found)
        for found in (case, *_cases(tx, Filters(include_closed=True)))
        if found and found.closed_at and found.disposition is Disposition.SAR
    ]
    return min(ranked)[-1] if ranked else None


@dataclass(frozen=True, slots=True)
class Step:
    """`part` is the key of what it talks about. Where `find` finds nothing, the bar says so.

    `do` may name the case, `{case}`. `needs` says why it moves on to another one than the step before, `stands` is how
    the part stands at first, by keys of the session.
    """

    title: str
    says: str
    do: str
    page: str
    part: str
    role: Role = Role.ANALYST
    find: Find | None = None
    needs: str = ""
    stands: Mapping[str, Any] = field(default_factory=dict)


EXPORTED = "it takes one that was closed as SAR before the newest checkpoint, which is what proves it"

STEPS = (
    Step(
        "The queue",
        "Open cases, those due first at the top: no law sets that limit, but examiners expect "
        "alerts to be reviewed in time, and the review to be documented (FFIEC).",
        "Press a count or set a filter: the address keeps the view, so that it can be sent to a colleague.",
        ui.TRIAGE,
        "counts",
    ),
    Step(
        "Taking a case",
        "From here on one named person answers for the case: no alert is worked twice, and none is left because each "
        "analyst believed that another had it.",
        "Press A (Assign to me). N would take the most urgent case that nobody has.",
        ui.CASE,
        "find",
        find=to_take,
        needs="it takes one that nobody else has",
    ),
    Step(
        "The evidence",
        "The alert, what the bank knew of the customer and the payments behind it are fixed in the case’s first event: "
        "a red flag alone proves nothing; the question is whether the activity fits what was expected of the customer.",
        "Compare the payments with the expected monthly activity. What is found out goes on record under Note.",
        ui.CASE,
        "evidence",
        find=to_read,
    ),
    Step(
        "The decision",
        "Either outcome takes a written rationale here, and a SAR also the date on which suspicion was determined: "
        "from there run the 30 days to file, or 60 where no suspect is identified (31 CFR 1020.320(b)(3)).",
        "Press A if the case is still nobody’s. Choose No SAR and try to close it without a rationale; then write one.",
        ui.CASE,
        "actions",
        find=to_decide,
        needs="it takes one that is not decided yet",
        stands={"hands": "Decide"},
    ),
    Step(
        "The history",
        "Each event names who did what, when, and what it changed, and carries the hash of the event before: a SAR and "
        "its records are kept for five years (31 CFR 1020.320(d)), and examiners ask how the decision came about.",
        "Find the newest event at the top, and the alert at the bottom.",
        ui.CASE,
        "timeline",
        find=to_read,
    ),
    Step(
        "Quality review",
        "Someone who neither owned the case nor decided on it reviews about one closed case in ten, SAR or not: the "
        "rule that draws them can be recomputed by anybody, so nobody picks what is looked at.",
        "Open {case} in the list: none is opened by itself. Choose Pass, or Fail with remarks, and record it.",
        ui.QA,
        "sample",
        Role.QA,
        to_review,
        "it takes one that is closed and in the sample",
    ),
    Step(
        "The export",
        "An examiner takes away the audit trail, the summary and a bundle that verifies without this desk; even that a "
        "SAR exists is confidential (31 U.S.C. 5318(g)(2)), so the case keeps who took which file, by its SHA-256.",
        "Download the bundle for an examiner, and open the audit.html that is in it.",
        ui.EXPORTS,
        "downloads",
        Role.MANAGER,
        to_export,
        EXPORTED,
    ),
    Step(
        "Tampering",
        "Whoever rules the database can change what it says: the hashes give a plain edit away and, where the chain "
        "was rewritten with correct hashes, the signed checkpoint does, as it belongs where they cannot write.",
        "The panel rewrites a copy from its disposition on. Tick Make the case row agree: see what still catches it.",
        ui.CASE,
        "try",
        Role.MANAGER,
        to_export,
        EXPORTED,
        {"try": True, "attack": tampering.REWRITE},
    ),
)

STANDS = frozenset(key for step in STEPS for key in step.stands)
NUMBERS = tuple(str(number) for number in range(1, len(STEPS) + 1))

STYLE = """
[data-testid="stBottomBlockContainer"] { padding: 0 2rem .75rem; }
.st-key-tour { padding: .4rem 1rem .5rem; border-radius: 6px; border-left: 5px solid light-dark(#C2620A, #F2A33C);
  background: light-dark(#F3F5F7, #1B232C); }
.st-key-tour_go { margin-top: .35rem; }
.tour p { margin: .2rem 0 0; line-height: 1.35; }
[data-testid="stLayoutWrapper"]:has(> .st-key-form-qa) { bottom: var(--tour, 8rem); }
.tour p:last-child { font-weight: 600; }
.tour p:last-child:not(:empty)::before { content: "▸ "; }
"""
OUTLINE = """
.st-key-%s { outline: 3px solid light-dark(#C2620A, #F2A33C); outline-offset: 5px; border-radius: 4px; }
"""
SCROLL = """
<script>{
  const [app, main, header] = ["App", "Main", "Header"].map((one) => document.querySelector(`[data-testid=st${one}]`));
  const bar = document.querySelector(".st-key-tour");
  let until = Date.now() + 3000;
  const timer = setInterval(() => {
    if (app.dataset.testScriptState !== "notRunning") until = Math.max(until, Date.now() + 1000);
    const start = header.getBoundingClientRect().bottom, end = bar.getBoundingClientRect().top;
    document.body.style.setProperty("--tour", `${innerHeight - end}px`);
    const part = document.querySelector(".st-key-%s")?.getBoundingClientRect();
    const spare = part && (end - start - part.height) / 2; // below and above it; less than none where it is too high
    const low = spare > 8 ? part.bottom > end : part?.top > start + (end - start) / 3;
    if (part?.top < start || low) main.scrollBy(0, part.top - start - Math.max(spare, 16));
    if (Date.now() > until) clearInterval(timer);
  }, 200);
  for (const sign of ["wheel", "pointerdown", "keydown"]) addEventListener(sign, () => clearInterval(timer));
}</script>
"""
"""Brings the part into sight above the bar while the page still settles, unless it is, or the presenter moves."""


def is_offered() -> bool:
    return sign_in.mode() is SignIn.DEMO and ui.desk().is_embedded


def begin(page: Page) -> None:
    """In the frame, before it is known who acts: open the step that was asked for, or resume the one in the address."""
    if not is_offered():
        return
    state, address = st.session_state, st.query_params
    asked = address.get("tour", "")
    if number := state.pop("tour to", None):
        _open(number, page)
    elif asked in NUMBERS and asked != str(state.get("tour")) and ("tour" in state or "tour left" not in state):
        step = STEPS[int(asked) - 1]
        state["tour"] = int(asked)
        state["tour case"] = _cast(step, address.get("case_id", ""), step.find if step.page == ui.QA else to_read)
        state.update(step.stands)
    if "tour" in state and asked != str(state["tour"]):
        address["tour"] = str(state["tour"])
    elif "tour" not in state and "tour" in address:
        del address["tour"]


def _open(number: int, page: Page) -> None:
    state, step, query = st.session_state, STEPS[number - 1], {"tour": str(number)}
    seen: dict[int, str] = state.get("tour cases", {})  # by the number of their step
    before = state.get("tour case", "")
    at_hand = state.get("case_id", "") if page.url_path in ("case", "exports") else before
    if number < state.get("tour", 0):
        at_hand = seen.get(number, at_hand)
    case_id = _cast(step, at_hand, step.find)
    moved = step.find and case_id and before not in ("", case_id)
    state.update({"tour": number, "tour cases": {**seen, number: case_id}, "tour moved": moved})
    if step.find:
        state["tour case"] = case_id
    for key in STANDS:
        state.pop(key, None)
    state.update(step.stands)
    if step.page == ui.TRIAGE:
        state.update(FRESH)
        st.query_params.pop("page", None)
    elif step.page == ui.QA:
        state.pop("review", None)
    else:
        state["case_id"] = case_id
        if page.url_path not in ("case", "exports"):  # there a field is bound to it, and Streamlit keeps the address
            query["case_id"] = case_id
    if not _is_at(step, page):
        st.switch_page(step.page, query_params=query)


def _is_at(step: Step, page: Page) -> bool:
    return step.page == f"views/{page.url_path or 'triage'}.py"


def _cast(step: Step, at_hand: str, find: Find | None) -> str:
    """Let someone act who fits the step and its case. Returns the case's id, empty where there is none."""
    people = [person for person in ui.people().values() if person.active]
    people.sort(key=lambda person: person.user_id != st.session_state.get("acting"))

    def first(role: Role) -> User:
        return next((person for person in people if person.role is role), people[0])

    def work(tx: Transaction) -> tuple[Case | None, User]:
        try:
            case: Case | None = repository.case(tx, at_hand)
        except (UnknownCase, BrokenCase):
            case = None
        case = find(tx, case, first(Role.ANALYST)) if find else None
        if case is None:
            return None, first(step.role)
        if step.role is Role.QA:
            involved = policy.involved_in(repository.events(tx, case.case_id))
            fit = [person for person in people if not policy.why_not(Verb.QA, person, case, involved)]
        else:
            fit = [person for person in people if person.user_id == case.owner and step.role is Role.ANALYST]
        return case, next((person for person in fit if person.role is step.role), next(iter(fit), first(step.role)))

    if not people:
        return ""
    case, person = ui.desk().read(work)
    st.session_state["acting"] = person.user_id
    return case.case_id if case else ""


def show(page: Page) -> None:
    """In the frame, once it is known who acts: the offer in the sidebar and, while it runs, the bar."""
    if not is_offered():
        return
    number, left = st.session_state.get("tour"), st.session_state.get("tour left", 1)
    with st.sidebar:
        if number is None:
            st.button("Guided demo", key="tour_start", on_click=_go, args=(1,), icon=":material/play_circle:")
            if left > 1:
                there = _is_at(STEPS[left - 1], page)
                st.button(f"Resume at step {left}", key="tour_resume", on_click=_go, args=(left, there))
        if not ui.config().signing_key:
            st.button("Reset the demo data", key="reset", on_click=_offer_reset, type="tertiary")
    if st.session_state.get("reset offered"):
        _reset()
    if number:
        _bar(number, page)


def _go(number: int, is_there: bool = False) -> None:
    st.session_state["tour" if is_there else "tour to"] = number


def _leave(number: int) -> None:
    st.session_state.pop("tour", None)  # gone already where it was clicked twice
    st.session_state["tour left"] = number


def _bar(number: int, page: Page) -> None:
    step, there = STEPS[number - 1], _is_at(STEPS[number - 1], page)
    case_id = st.session_state.get("tour case", "")
    do = step.do.format(case=case_id)
    if step.find and not case_id:
        do = "The data have no case for this step. Reset the demo data, in the sidebar, to see it."
    says = step.says
    if st.session_state.get("tour moved"):
        says += f" From here on it is another case, {case_id}: {step.needs}."
    st.html(f"<style>{STYLE}{OUTLINE % step.part if there else ''}</style>")
    with st.bottom, st.container(gap=None, key="tour"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Step {number} of {len(STEPS)}: **{step.title}**", width="stretch")
            st.button("Back", key="tour_back", on_click=_go, args=(number - 1,), disabled=number == 1)
            if number < len(STEPS):
                st.button("Next step", key="tour_next", on_click=_go, args=(number + 1,), type="primary")
                st.button("Leave", key="tour_leave", on_click=_leave, args=(number,))
            else:
                st.button("Finish", key="tour_leave", on_click=_leave, args=(1,), type="primary")
        st.html(
            f"<section class='tour' aria-label='Guided demo'><p>{says}</p><p>{do if there else ''}</p></section>"
            + (SCROLL % step.part if there else ""),
            unsafe_allow_javascript=True,
        )
        if not there:
            st.button("Go to this step’s page", key="tour_go", on_click=_go, args=(number,), icon=":material/undo:")


def _offer_reset(offered: bool = True) -> None:
    st.session_state["reset offered"] = offered


@st.dialog("Reset the demo data", dismissible=False)  # whoever closes it while it works would end half of it
def _reset() -> None:
    st.write(
        "Every case, note, decision and review in this desk is lost, for everybody who has it open. New made-up cases "
        "take their place, and a new log with a key of its own: files that were exported before no longer match it."
    )
    buttons = st.empty()
    with buttons.container(horizontal=True):
        sure = st.button("Reset", key="reset_sure", type="primary", icon=":material/restart_alt:")
        if st.button("Cancel", key="reset_not"):
            _offer_reset(False)
            st.rerun()
    if not sure:
        return
    buttons.empty()
    ui.last_verified.cache_clear()  # here too: nobody should read it of data that are on their way out
    command = [sys.executable, "-m", "seed", "demo", "--anew", "--database", ui.config().database]
    with st.spinner("Making new cases…"):
        done = subprocess.run(command, cwd=settings.ROOT, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        st.error(ui.plain((done.stderr or done.stdout).decode("utf-8", "replace")), icon=":material/error:")
        st.button("Back", key="reset_back")
        return
    ui.last_verified.cache_clear()
    session = st.session_state["session"]
    st.session_state.clear()
    st.session_state.update(FRESH, session=session, outcome=ui.Outcome("The demo data are new."))
    _cast(STEPS[0], "", None)
    st.switch_page(ui.TRIAGE, query_params={})
