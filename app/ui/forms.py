"""Forms: their tokens, what was refused and where, and what came of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from html import escape
from time import monotonic
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import casework
from app.errors import (
    DatabaseError,
    DeskError,
    InvalidForm,
    NotWritten,
    OutcomeUnknown,
    StaleCase,
    kinds,
)
from app.models import Event, User, read_case_id
from app.ui import base, session, timeline, words

_hand = base.component("hand")
_drafts = base.component("drafts")

_LOGGER = logging.getLogger(__name__)


@contextmanager
def errors_shown() -> Iterator[None]:
    """What the desk raises on purpose, as a message on the page."""
    try:
        yield
    except DatabaseError as error:
        log_fault(error)
        keep_fields()
        st.error(words.plain(error), title="The database does not answer", icon=":material/database_off:")
        st.button("Try again", icon=":material/refresh:")
    except DeskError as error:
        keep_fields()
        what, _, how = str(error).partition("\n")
        st.error(words.plain(what), icon=":material/error:")
        if how:
            st.text(how)


def log_fault(error: DeskError) -> None:
    """Log a fault of the database that a page shows, at the same moment, by its types and codes."""
    if isinstance(error, DatabaseError):
        _LOGGER.error("A page shows that the database does not do its work: %s", kinds(error))


# --- forms ---


def case_id_input() -> str:
    """The case id in the address, or as it is typed in any letter case; empty where there is none."""

    def normalize() -> None:
        st.session_state["case_id"] = read_case_id(st.session_state["case_id"] or "")

    typed = st.text_input(
        "Case id",
        key="case_id",
        bind="query-params",
        placeholder="Case id",
        on_change=normalize,
        label_visibility="collapsed",
        width=170,
    )
    # Otherwise the address is this page's, and Streamlit takes the id out of it where Back leads to another page with
    # such a field, and refuses to open a case from a page that overtook this one.
    if context := get_script_run_ctx():
        with context.session_state.query_params() as address:
            if bound := address.get_binding_for_param("case_id"):
                address.unbind_widget(bound.widget_id)
    return read_case_id(typed or "")


@dataclass(frozen=True)
class Outcome:
    """What a form led to: told by the form if it was refused, until it is sent again; else once, on whatever page.

    `form` is the name under which it was sent, `fields` say what is wrong with each, `since` is what came in between.
    """

    message: str
    refused: bool = False
    since: Sequence[Event] = ()
    form: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    is_drawn: bool = False
    is_told: bool = False
    token: str = field(default_factory=casework.new_form)


def form_token(name: str) -> str:
    """The token of a form: the same until the form has been accepted, so that a double click counts once."""
    tokens: dict[str, str] = st.session_state.setdefault("forms", {})
    if name not in tokens:
        # One key for all: with each key of the session, each of Streamlit's text inputs takes longer to draw.
        tokens = st.session_state["forms"] = {**tokens, name: casework.new_form()}
    st.session_state.setdefault("drawn", {})[tokens[name]] = name
    return tokens[name]


def clear_form(name: str) -> None:
    """The next token is a new one: the form is drawn empty, and the browser forgets what was typed in it."""
    tokens = dict(st.session_state.get("forms", {}))
    if token := tokens.pop(name, None):
        st.session_state["accepted"] = [*st.session_state.get("accepted", []), token][-20:]
    st.session_state["forms"] = tokens


def send(
    actor: User,
    name: str,
    done: str | Callable[[session.Made], str],
    verb: Callable[[], session.Made],
    *,
    once: bool = False,
) -> session.Made | None:
    """In a form's callback: do it, keep the outcome for `show_outcome`, and start a fresh form where it went well.

    `actor` is who the form was drawn for. `once` is for what has no form token: a double click does it once. Returns
    what was made; None where it was refused.
    """
    match st.session_state.get("refused"):
        case (refused, float(at), Outcome() as outcome) if refused == name and monotonic() - at < session.DOUBLE_CLICK:
            st.session_state["outcome"] = outcome  # a double click: nobody can have read it yet
            return None
    try:
        base.check_still_acting(actor)
        made = session.doings().once(name, verb) if once else verb()
    except (StaleCase, OutcomeUnknown, NotWritten) as error:
        log_fault(error)
        since = error.since if isinstance(error, StaleCase) else ()
        outcome = st.session_state["outcome"] = Outcome(str(error), refused=True, since=since, form=name)
        st.session_state["refused"] = name, monotonic(), outcome
    except DeskError as error:
        log_fault(error)
        fields = error.fields if isinstance(error, InvalidForm) else {}
        st.session_state["outcome"] = Outcome(f"Not done: {error}", refused=True, form=name, fields=fields)
    else:
        st.session_state["outcome"] = Outcome(done if isinstance(done, str) else done(made), form=name)
        clear_form(name)
        return made
    return None


def keep_drafts(who: str, alone: bool) -> None:
    """In the frame, after the page: the browser keeps what is typed in its forms, and gives it back after a reload.

    `who` is the user id of its person, empty where nobody is signed in. With `alone` what anybody else typed goes.
    """
    data = {"who": who, "alone": alone, "forms": st.session_state.pop("drawn", {})}
    with st.sidebar:
        _drafts(data={**data, "accepted": st.session_state.get("accepted", [])}, key="drafts")


TEXTS = ("note ", "rationale ", "reason ", "remarks ")
"""What the keys of the texts of forms begin with; the form's token follows."""
CHOICES = ("disposition ", "determined ", "no suspect ", "manager ", "receiver ", "verdict ")


def sent(fields: tuple[str, ...]) -> dict[str, Any]:
    """By their keys, those fields of forms that were sent, or kept, and not accepted."""
    tokens = set(st.session_state.get("forms", {}).values())
    keys = [str(key) for key in st.session_state if str(key).startswith(fields)]
    return {key: st.session_state[key] for key in keys if key.split()[-1] in tokens and st.session_state[key]}


def keep_fields() -> None:
    """Where a fault keeps a run from drawing a form, which would lose what was sent in it."""
    for key, value in sent(TEXTS + CHOICES).items():
        with suppress(StreamlitAPIException):  # it was drawn after all
            st.session_state[key] = value


def typed_text(label: str, key: str, refusal: str | None, placeholder: str = "", height: int = 120) -> None:
    """A text of a form. Where the form is refused it is disabled, unless that would lose what was typed in it."""
    disabled = bool(refusal) and not st.session_state.get(key)
    st.text_area(label, key=key, height=height, disabled=disabled, placeholder=placeholder)


Tell = Callable[[str, str], None]
"""Called below a field, with its name and its widget's key: says there what is wrong with it."""


@contextmanager
def form_place(name: str, names: Mapping[str, User]) -> Iterator[Tell]:
    """Where the form stands that is sent under this name, and where it tells what it was refused for."""
    outcome: Outcome | None = st.session_state.get("outcome")
    refused = outcome if outcome and outcome.refused and outcome.form == name else None
    untold = dict(refused.fields) if refused else {}

    def tell(of: str, key: str) -> None:
        with st.container():  # always there, as what comes below is to stay where it is
            if words := untold.pop(of, ""):
                st.html(f"<p class='wrong' id='wrong-{class_of(key)}' role='alert'>{escape(words)}</p>")

    with st.container(key=f"form {name.partition(' ')[0]}"):
        with st.container():
            if refused and not refused.fields:
                _show_refused(refused, names)
        yield tell
        if refused:
            if untold and not refused.is_told:  # of a field that the form does not have at the moment
                st.error(words.plain(" ".join(untold.values())), icon=":material/error:")
            st.session_state["outcome"] = replace(refused, is_drawn=True)


def class_of(key: str) -> str:
    """The class that Streamlit gives to what has this key."""
    return "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key)


def _show_refused(outcome: Outcome, names: Mapping[str, User]) -> None:
    with st.container(border=bool(outcome.since), key="refused"):
        st.error(words.plain(outcome.message), icon=":material/error:")
        if outcome.since:
            st.caption("What happened meanwhile:")
            timeline.show(outcome.since, names, key="meanwhile")


def show_outcome(names: Mapping[str, User], place: DeltaGenerator | None = None) -> None:
    """What no form told, here or in a place that a page made before: late, as what an overtaken run says is lost."""
    place = place or st.container()  # always there: what comes below stays where it is, with it the tab that is open
    outcome: Outcome | None = st.session_state.pop("outcome", None)
    if outcome is None or (outcome.is_told and not outcome.is_drawn):
        return
    if outcome.is_drawn:
        st.session_state["outcome"] = replace(outcome, is_drawn=False, is_told=True)
    elif outcome.refused:
        with place:
            _show_refused(outcome, names)
    else:
        st.toast(words.plain(outcome.message), icon=":material/check_circle:")
    if outcome.form:
        data = {
            "sent": outcome.token,
            "place": class_of(f"form {outcome.form.partition(' ')[0]}"),
            "run": casework.new_form(),
        }
        with st.sidebar:
            _hand(data=data, key="hand")


def show_refusal(refusal: str | None) -> None:
    """Why a form is disabled."""
    if refusal:
        st.caption(f":material/lock: {words.plain(refusal)}")
