"""A guided demo over the live pages, and the demo's data anew: for whoever shows the embedded desk to someone.

A step opens its page on a case from the data as they are, lets someone of a fitting role act, and outlines the part
that it talks about. As few cases as can be carry it: as a rule one as far as its history, and one from its review on.
Its number is in the address and in the session: it outlives a reload, and being left.
"""

from __future__ import annotations

import subprocess
import sys

import streamlit as st
from streamlit.navigation.page import Page

from app import policy, repository, settings
from app.database import Transaction
from app.demo import steps
from app.errors import BrokenCase, UnknownCase
from app.models import Case, Role, User
from app.policy import Verb
from app.settings import SignIn
from app.ui import base, forms, integrity, sign_in, words

FRESH = {"q": "", "owner": "Anyone", "risk": "Any", "overdue": False, "closed": False, "order": "Due first", "size": 25}
"""Triage as it is at first, by its own keys of the session."""

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
    return sign_in.mode() is SignIn.DEMO and base.desk().is_embedded


def begin(page: Page) -> None:
    """In the frame, before it is known who acts: open the step that was asked for, or resume the one in the address."""
    if not is_offered():
        return
    state, address = st.session_state, st.query_params
    asked = address.get("tour", "")
    if number := state.pop("tour to", None):
        _open(number, page)
    elif asked in steps.NUMBERS and asked != str(state.get("tour")) and ("tour" in state or "tour left" not in state):
        step = steps.STEPS[int(asked) - 1]
        state["tour"] = int(asked)
        state["tour case"] = _cast(
            step, address.get("case_id", ""), step.find if step.page == base.QA else steps.to_read
        )
        state.update(step.stands)
    if "tour" in state and asked != str(state["tour"]):
        address["tour"] = str(state["tour"])
    elif "tour" not in state and "tour" in address:
        del address["tour"]


def _open(number: int, page: Page) -> None:
    state, step, query = st.session_state, steps.STEPS[number - 1], {"tour": str(number)}
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
    for key in steps.STANDS:
        state.pop(key, None)
    state.update(step.stands)
    if step.page == base.TRIAGE:
        state.update(FRESH)
        st.query_params.pop("page", None)
    elif step.page == base.QA:
        state.pop("review", None)
    else:
        state["case_id"] = case_id
        if page.url_path not in ("case", "exports"):  # there a field is bound to it, and Streamlit keeps the address
            query["case_id"] = case_id
    if not _is_at(step, page):
        st.switch_page(step.page, query_params=query)


def _is_at(step: steps.Step, page: Page) -> bool:
    return step.page == f"views/{page.url_path or 'triage'}.py"


def _cast(step: steps.Step, at_hand: str, find: steps.Find | None) -> str:
    """Let someone act who fits the step and its case. Returns the case's id, empty where there is none."""
    people = [person for person in base.people().values() if person.active]
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
            fit = [person for person in people if not policy.why_not(Verb.REVIEW, person, case, involved)]
        else:
            fit = [person for person in people if person.user_id == case.owner and step.role is Role.ANALYST]
        return case, next((person for person in fit if person.role is step.role), next(iter(fit), first(step.role)))

    if not people:
        return ""
    case, person = base.desk().read(work)
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
                there = _is_at(steps.STEPS[left - 1], page)
                st.button(f"Resume at step {left}", key="tour_resume", on_click=_go, args=(left, there))
        if not base.config().signing_key:
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
    step, there = steps.STEPS[number - 1], _is_at(steps.STEPS[number - 1], page)
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
            st.markdown(f"Step {number} of {len(steps.STEPS)}: **{step.title}**", width="stretch")
            st.button("Back", key="tour_back", on_click=_go, args=(number - 1,), disabled=number == 1)
            if number < len(steps.STEPS):
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
    integrity.last_verified.cache_clear()  # here too: nobody should read it of data that are on their way out
    command = [sys.executable, "-m", "seed", "demo", "--anew", "--database", base.config().database]
    with st.spinner("Making new cases…"):
        done = subprocess.run(command, cwd=settings.ROOT, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        st.error(words.plain((done.stderr or done.stdout).decode("utf-8", "replace")), icon=":material/error:")
        st.button("Back", key="reset_back")
        return
    integrity.last_verified.cache_clear()
    session = st.session_state["session"]
    st.session_state.clear()
    st.session_state.update(FRESH, session=session, outcome=forms.Outcome("The demo data are new."))
    _cast(steps.STEPS[0], "", None)
    st.switch_page(base.TRIAGE, query_params={})
