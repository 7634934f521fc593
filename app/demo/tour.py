"""A guided demo over the live pages, and the demo's data anew: for whoever shows the embedded desk to someone.

A step opens its page on a case from the data as they are, lets someone of a fitting role act, and outlines the part
that it talks about. As few cases as can be carry it: as a rule one as far as its history, one
for its SAR, and one from its review on.
Its number is in the address and in the session: it outlives a reload, and being left.
"""

from __future__ import annotations

import subprocess
import sys

import streamlit as st

from app import policy, repository, settings
from app.database import Transaction
from app.demo import steps
from app.errors import BrokenCase, UnknownCase
from app.models import Case, Role, User
from app.settings import SignIn
from app.ui import base, integrity, session, sign_in, words
from app.ui.session import TRIAGE, Outcome, Session, mine

_FOOT = ".stApp { --foot: var(--tour-foot, 8rem); }"
"""Puts what stays in sight at the foot of a page above the bar."""
_OUTLINE = ".st-key-%s { outline: 3px solid var(--desk-tour); outline-offset: 5px; border-radius: 4px; }"
"""Marks the part with this key, which the step talks about."""
_SCROLL = f"<script>{{\nconst key = '%s';\n{base.script('tour')}}}</script>"
"""Brings that part into sight above the bar."""


def is_offered() -> bool:
    """Return whether there is a guided demo here: on the embedded database, where nobody signs in."""
    return sign_in.mode() is SignIn.DEMO and base.desk().is_embedded


def begin(page: st.Page) -> None:
    """In the frame, before it is known who acts: open the step that was asked for, or resume the one in the address."""
    if not is_offered():
        return
    asked = st.query_params.get("tour", "")
    if number := mine.tour_to:
        del mine.tour_to
        _open(number, page)
    elif asked in steps.NUMBERS and asked != str(mine.tour) and (mine.tour is not None or mine.tour_left is None):
        step = steps.STEPS[int(asked) - 1]
        mine.tour = int(asked)
        at_hand = st.query_params.get(Session.case_id.key, "")
        mine.tour_case = _cast(step, at_hand, step.find if step.page == base.QA else steps.to_read)
        mine.put(step.stands)
    if mine.tour is not None and asked != str(mine.tour):
        st.query_params["tour"] = str(mine.tour)
    elif mine.tour is None:
        st.query_params.pop("tour", None)


def _open(number: int, page: st.Page) -> None:
    step, query = steps.STEPS[number - 1], {"tour": str(number)}
    cases, before = mine.tour_cases, mine.tour_case
    at_hand = mine.case_id or "" if page.url_path in ("case", "exports") else before
    if number < (mine.tour or 0):
        at_hand = cases.get(number, at_hand)
    case_id = _cast(step, at_hand, step.find)
    mine.tour, mine.tour_cases = number, {**cases, number: case_id}
    mine.tour_moved = bool(step.find and case_id and before not in ("", case_id))
    if step.find:
        mine.tour_case = case_id
    mine.drop(steps.STANDS)
    mine.put(step.stands)
    if step.page == base.TRIAGE:
        mine.put({one: one.default for one in TRIAGE})
        st.query_params.pop("page", None)
    elif step.page == base.QA:
        del mine.review
    else:
        mine.case_id = case_id
        if page.url_path not in ("case", "exports"):  # there a field is bound to it, and Streamlit keeps the address
            query[Session.case_id.key] = case_id
    if not _is_at(step, page):
        st.switch_page(step.page, query_params=query)


def _is_at(step: steps.Step, page: st.Page) -> bool:
    return step.page == f"views/{page.url_path or 'triage'}.py"


def _cast(step: steps.Step, at_hand: str, find: steps.Find | None) -> str:
    """Let someone act who fits the step and its case. Return the case's id, empty where there is none."""
    people = [person for person in base.people().values() if person.active]
    people.sort(key=lambda person: person.user_id != mine.acting)

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
        if step.verb:
            involved = policy.involved_in(repository.events(tx, case.case_id), step.verb)
            fit = [person for person in people if not policy.why_not(step.verb, person, case, involved)]
        else:
            fit = [person for person in people if person.user_id == case.owner and step.role is Role.ANALYST]
        return case, next((person for person in fit if person.role is step.role), next(iter(fit), first(step.role)))

    if not people:
        return ""
    case, person = base.desk().read(work)
    mine.acting = person.user_id
    return case.case_id if case else ""


def show(page: st.Page) -> None:
    """In the frame, once it is known who acts: the offer in the sidebar and, while it runs, the bar."""
    if not is_offered():
        return
    number, left = mine.tour, mine.tour_left or 1
    with st.sidebar:
        if number is None:
            st.button("Guided demo", key="tour_start", on_click=_go, args=(1,), icon=":material/play_circle:")
            if left > 1:
                there = _is_at(steps.STEPS[left - 1], page)
                st.button(f"Resume at step {left}", key="tour_resume", on_click=_go, args=(left, there))
        if not base.config().signing_key:
            st.button("Reset the demo data", key="reset", on_click=_offer_reset, type="tertiary")
    if mine.reset_offered:
        _reset()
    if number:
        _bar(number, page)


def _go(number: int, is_there: bool = False) -> None:
    if is_there:
        mine.tour = number
    else:
        mine.tour_to = number


def _leave(number: int) -> None:
    del mine.tour
    mine.tour_left = number


def _bar(number: int, page: st.Page) -> None:
    step, there = steps.STEPS[number - 1], _is_at(steps.STEPS[number - 1], page)
    case_id = mine.tour_case
    do = step.do.format(case=case_id)
    if step.find and not case_id:
        do = "The data have no case for this step. Reset the demo data, in the sidebar, to see it."
    says = step.says
    if mine.tour_moved:
        says += f" From here on it is another case, {case_id}: {step.needs}."
    st.html(f"<style>{_FOOT}{_OUTLINE % step.part if there else ''}</style>")
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
            + (_SCROLL % step.part if there else ""),
            unsafe_allow_javascript=True,
        )
        if not there:
            st.button("Go to this step’s page", key="tour_go", on_click=_go, args=(number,), icon=":material/undo:")


def _offer_reset(offered: bool = True) -> None:
    mine.reset_offered = offered


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
    session.forget()
    mine.put({one: one.default for one in TRIAGE})
    mine.outcome = Outcome("The demo data are new.")
    _cast(steps.STEPS[0], "", None)
    st.switch_page(base.TRIAGE, query_params={})
