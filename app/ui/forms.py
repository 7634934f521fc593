"""Forms: their tokens and fields, what was refused and where, and what came of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from html import escape
from time import monotonic
from types import MappingProxyType
from typing import Any, Literal

import streamlit as st

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
from app.models import User, read_case_id
from app.ui import base, session, streamlit_seams, timeline, words
from app.ui.session import Outcome, Refused, Session, Unsent, mine

_hand = base.component("hand")
_drafts = base.component("drafts")

_LOGGER = logging.getLogger(__name__)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show what the desk raises on purpose inside as a message on the page, and go on after it."""
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
    """Draw the field of the case id, which is in the address too; return it as ids are written, empty where none is."""

    def normalize() -> None:
        mine.case_id = read_case_id(mine.case_id or "")

    typed = st.text_input(
        "Case id",
        key=Session.case_id.key,
        bind="query-params",
        placeholder="Case id",
        on_change=normalize,
        label_visibility="collapsed",
        width=170,
    )
    # Otherwise the address is this page's, and Streamlit takes the id out of it where Back leads to another page with
    # such a field, and refuses to open a case from a page that overtook this one.
    streamlit_seams.unbind(Session.case_id.key)
    return read_case_id(typed or "")


class Form:
    """A form of a page, sent under a name that says what it is and of which case: `note AML-7F3KQ2XA`.

    Its token is the same until it has been accepted, so that a double click counts once; from then on it has another,
    and is drawn empty. Its fields are named as the errors of its verb name them (`InvalidForm.fields`), and their
    widgets' keys are that name and the token: `keep_fields` and the browser's drafts go by them.
    """

    def __init__(
        self,
        actor: User,
        name: str,
        names: Mapping[str, User] = MappingProxyType({}),
        refusal: str | None = None,
        seen: str = "",
    ) -> None:
        """Take who it is drawn for, everybody by id, why it is disabled if it is, and the head that its person sees.

        The head is the hash in hex of the case's newest event.
        """
        self.actor, self.name, self.names, self.refusal, self.seen = actor, name, names, refusal, seen
        self._unsent = mine.forms.get(name) or Unsent()
        if name not in mine.forms:
            mine.forms = {**mine.forms, name: self._unsent}
        self._wrong: dict[str, str] = {}
        mine.drawn = {**mine.drawn, self.token: name}

    @property
    def token(self) -> str:
        return self._unsent.token

    # Its parts, on the page.

    @contextmanager
    def place(self) -> Iterator[None]:
        """Make its place: what it was refused for above the fields drawn inside, why it is disabled below them."""
        outcome = mine.outcome
        refused = outcome if outcome and outcome.refused and outcome.form == self.name else None
        self._wrong = dict(refused.fields) if refused else {}
        with st.container(key=_place_of(self.name)):
            with st.container():
                if refused and not refused.fields:
                    _show_refused(refused, self.names)
            yield
            if refused:
                if self._wrong and not refused.is_told:  # of a field that the form does not have at the moment
                    st.error(words.plain(" ".join(self._wrong.values())), icon=":material/error:")
                mine.outcome = replace(refused, is_drawn=True)
            if self.refusal:
                st.caption(f":material/lock: {words.plain(self.refusal)}")

    def box(self) -> AbstractContextManager[object]:
        """Return the part whose fields are sent together, by its button."""
        return st.form(f"{_kind_of(self.name)} form {self.token}", border=False)

    def key(self, field: str, is_text: bool = False) -> str:
        """Return the key for a field's widget; from now on the form has this field."""
        self._unsent.fields[field] = is_text
        return _key(field, self._unsent)

    def tell(self, field: str, is_right: bool = False) -> None:
        """Say below a field what is wrong with it, unless it has been put right since."""
        with st.container():  # always there, as what comes below is to stay where it is
            if wrong := "" if is_right else self._wrong.pop(field, ""):
                place = streamlit_seams.class_of(_key(field, self._unsent))
                st.html(f"<p class='wrong' id='wrong-{place}' role='alert'>{escape(wrong)}</p>")

    def text(self, label: str, field: str, placeholder: str = "", height: int = 120) -> None:
        """Draw a text. In a disabled form it is disabled too, unless that would lose what was typed in it."""
        disabled = bool(self.refusal) and not self.value(field)
        key = self.key(field, is_text=True)
        st.text_area(label, key=key, height=height, disabled=disabled, placeholder=placeholder)
        self.tell(field)

    def person(self, label: str, field: str, people: Sequence[str], told: Callable[[User], str]) -> None:
        """Draw a choice of these people, by id, as `told` names them. Nobody is chosen beforehand."""
        st.selectbox(
            label,
            people,
            format_func=lambda user_id: told(self.names[user_id]),
            index=None,
            placeholder="Choose who",
            key=self.key(field),
            disabled=bool(self.refusal),
        )
        self.tell(field)

    def button(self, label: str, send: Callable[[], None], icon: str, is_primary: bool = False) -> None:
        """Draw the button that sends it: `send` is called back."""
        kind: Literal["primary", "secondary"] = "primary" if is_primary else "secondary"
        st.form_submit_button(label, type=kind, on_click=send, disabled=bool(self.refusal), icon=icon)

    # In a callback.

    def value(self, field: str) -> Any:
        """Return what a field holds; None where it is not on the page."""
        return session.value_of(_key(field, self._unsent))

    def send(self, done: str | Callable[[session.Made], str], verb: Callable[[], session.Made]) -> session.Made | None:
        """Do it, as the function `send` does."""
        return send(self.actor, self.name, done, verb)


def _kind_of(name: str) -> str:
    return name.partition(" ")[0]


def _place_of(name: str) -> str:
    """Return the key of what holds the form with this name."""
    return f"form {_kind_of(name)}"


def _key(field: str, form: Unsent) -> str:
    return f"{field} {form.token}"


def clear(name: str) -> None:
    """Give the form another token: it is drawn empty, and the browser forgets what was typed in it."""
    if form := mine.forms.get(name):
        mine.accepted = [*mine.accepted, form.token][-20:]
    mine.forms = {other: form for other, form in mine.forms.items() if other != name}


def send(
    actor: User,
    name: str,
    done: str | Callable[[session.Made], str],
    verb: Callable[[], session.Made],
    *,
    once: bool = False,
) -> session.Made | None:
    """In a form's callback: do it, keep the outcome for `show_outcome`, and start a fresh form where it went well.

    `actor` is who the form was drawn for. `once` is for what has no form token: a double click does it once. Return
    what was made; None where it was refused.
    """
    refused = mine.refused
    if refused and refused.form == name and monotonic() - refused.at < session.DOUBLE_CLICK:
        mine.outcome = refused.outcome  # a double click: nobody can have read it yet
        return None
    try:
        base.check_still_acting(actor)
        made = session.doings().once(name, verb) if once else verb()
    except (StaleCase, OutcomeUnknown, NotWritten) as error:
        log_fault(error)
        since = error.since if isinstance(error, StaleCase) else ()
        outcome = mine.outcome = Outcome(str(error), refused=True, since=since, form=name)
        mine.refused = Refused(name, monotonic(), outcome)
    except DeskError as error:
        log_fault(error)
        fields = error.fields if isinstance(error, InvalidForm) else {}
        mine.outcome = Outcome(f"Not done: {error}", refused=True, form=name, fields=fields)
    else:
        mine.outcome = Outcome(done if isinstance(done, str) else done(made), form=name)
        clear(name)
        return made
    return None


def keep_drafts(who: str, alone: bool) -> None:
    """In the frame, after the page: the browser keeps what is typed in its forms, and gives it back after a reload.

    `who` is the user id of its person, empty where nobody is signed in. With `alone` what anybody else typed goes.
    """
    data = {"who": who, "alone": alone, "forms": mine.drawn, "accepted": mine.accepted}
    del mine.drawn
    with st.sidebar:
        _drafts(data=data, key="drafts")


def _held(texts_alone: bool) -> dict[str, Any]:
    """Return by their keys the fields of forms that were sent, or kept, and not accepted."""
    keys = [
        _key(field, form)
        for form in mine.forms.values()
        for field, is_text in form.fields.items()
        if is_text or not texts_alone
    ]
    return {key: value for key in keys if (value := session.value_of(key))}


def unsent_texts() -> list[str]:
    """Return what was typed in the forms of this session, and not accepted."""
    return list(_held(texts_alone=True).values())


def keep_fields() -> None:
    """Keep what was sent in forms where a fault keeps this run from drawing them, which would lose it."""
    for key, value in _held(texts_alone=False).items():
        with suppress(st.errors.StreamlitAPIException):  # it was drawn after all
            session.set_value(key, value)


def _show_refused(outcome: Outcome, names: Mapping[str, User]) -> None:
    with st.container(border=bool(outcome.since), key="refused"):
        st.error(words.plain(outcome.message), icon=":material/error:")
        if outcome.since:
            st.caption("What happened meanwhile:")
            timeline.show(outcome.since, names, key="meanwhile")


def show_outcome(names: Mapping[str, User], place: AbstractContextManager[object] | None = None) -> None:
    """Show what no form told, here or in a place that a page made before: late, as what an overtaken run says is lost.

    `names` is everybody by id.
    """
    place = place or st.container()  # always there: what comes below stays where it is, with it the tab that is open
    outcome = mine.outcome
    del mine.outcome
    if outcome is None or (outcome.is_told and not outcome.is_drawn):
        return
    if outcome.is_drawn:
        mine.outcome = replace(outcome, is_drawn=False, is_told=True)
    elif outcome.refused:
        with place:
            _show_refused(outcome, names)
    else:
        st.toast(words.plain(outcome.message), icon=":material/check_circle:")
    if outcome.form:
        data = {
            "outcome": outcome.token,
            "place": streamlit_seams.class_of(_place_of(outcome.form)),
            "run": casework.new_form(),
        }
        with st.sidebar:
            _hand(data=data, key="hand")
