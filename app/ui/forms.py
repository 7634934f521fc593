"""Forms: their tokens and fields, what was refused and where, and what came of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from html import escape
from time import monotonic
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import streamlit as st

from app import casework, unsent
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
from app.text import is_visible
from app.ui import base, session, streamlit_seams, timeline, words
from app.ui.session import Outcome, Read, Recalled, Refused, Session, Unsent, mine

_hand = base.component("hand")
_typed = base.component("typed")

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

SHORT = 80  # characters of what was typed that may stand in a list
EARLIEST = date(1990, 1, 1)  # that a day can be


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
    widgets' keys are that name and the token: `keep_fields` and what the browser tells go by them.

    What is typed in the form of a case is kept for its person and the case until it is sent: `recall` says of which.
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
        self._unsent = mine.forms.get(name) or Unsent(actor.user_id)
        if name not in mine.forms:
            mine.forms = {**mine.forms, name: self._unsent}
        self._recall()
        self._wrong: dict[str, str] = {}
        mine.drawn = {**mine.drawn, self.token: name}

    @property
    def token(self) -> str:
        return self._unsent.token

    def _recall(self) -> None:
        """Begin with what the newest reading of the database says of it."""
        kind, case_id = _read_name(self.name)
        read = mine.recalled
        if read and read is not self._unsent.recalled and (read.user_id, read.case_id) == (self.actor.user_id, case_id):
            self._unsent.recalled, self._unsent.kept = read, dict(read.forms.get(kind, {}))

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
            self._unsent.is_closed = bool(self.refusal)
            if self.refusal:
                st.caption(f":material/lock: {words.plain(self.refusal)}")

    def box(self) -> AbstractContextManager[object]:
        """Return the part whose fields are sent together, by its button."""
        return st.form(f"{_kind_of(self.name)} form {self.token}", border=False)

    def key(self, field: str, read: Read | None = None) -> str:
        """Return the key for a field's widget; from now on the form has this field, with what was kept of it.

        `read` makes a value of what the browser tells of it before anything is sent: `str` where it is a text. Without
        it, the browser tells only what is typed in it.
        """
        self._unsent.fields[field] = read
        key = _key(field, self._unsent)
        if field in self._unsent.kept and not session.has(key):
            session.set_value(key, self._unsent.kept[field])
        return key

    def choice(self, field: str, options: Sequence[T], told: Callable[[T], str] = str) -> str:
        """Return the key for the widget of a choice, as `key` does. What is chosen is kept in the words that show it.

        What two of the options are called is not kept: nobody is to be chosen in another's place.
        """
        shared = Counter(map(told, options))
        named = {told(option): option for option in options if shared[told(option)] == 1}
        self._unsent.fields[field] = lambda name: [name] if name in named else None
        key, kept = _key(field, self._unsent), self._unsent.kept.get(field)
        if isinstance(kept, list) and kept and kept[0] in named and not session.has(key):
            session.set_value(key, named[kept[0]])
        return key

    def tell(self, field: str, is_right: bool = False) -> None:
        """Say below a field what is wrong with it, unless it has been put right since."""
        with st.container():  # always there, as what comes below is to stay where it is
            if wrong := "" if is_right else self._wrong.pop(field, ""):
                place = streamlit_seams.class_of(_key(field, self._unsent))
                st.html(f"<p class='wrong' id='wrong-{place}' role='alert'>{escape(wrong)}</p>")

    def text(self, label: str, field: str, placeholder: str = "", height: int = 120) -> None:
        """Draw a text. In a disabled form it is disabled too, unless that would lose what was typed in it."""
        key = self.key(field, str)
        disabled = bool(self.refusal) and not self.value(field)
        st.text_area(label, key=key, height=height, disabled=disabled, placeholder=placeholder)
        self.tell(field)

    def day(self, label: str, field: str, today: date, begun: date | None = None, about: str | None = None) -> None:
        """Draw a choice of a day up to today, `begun` beforehand, if any; `about` is its help."""
        kept = self._unsent.kept.get(field)
        if not (isinstance(kept, date) and EARLIEST <= kept <= today):
            self._unsent.kept.pop(field, None)
        key = self.key(field, _read_day)
        if begun and not session.has(key):
            session.set_value(key, begun)
        st.date_input(
            label, None, min_value=EARLIEST, max_value=today, key=key, disabled=bool(self.refusal), help=about
        )
        self.tell(field)

    def person(self, label: str, field: str, people: Sequence[str], told: Callable[[User], str]) -> None:
        """Draw a choice of these people, by id, as `told` names them. Nobody is chosen beforehand."""
        st.selectbox(
            label,
            people,
            format_func=lambda user_id: told(self.names[user_id]),
            index=None,
            placeholder="Choose who",
            key=self.choice(field, people, lambda user_id: told(self.names[user_id])),
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

    # What is kept of it.

    @property
    def kept(self) -> Mapping[str, Any]:
        """What its fields held when it was typed in last, by field; empty where nothing waits to be sent."""
        return self._unsent.kept

    def keep(self, but: Sequence[str]) -> None:
        """Keep what all its fields hold, the empty too, but for these: they say together what was typed."""
        self._unsent.is_whole = True
        _keep(self.name, self._unsent, {field: self.value(field) for field in self._unsent.fields if field not in but})


def _read_name(name: str) -> tuple[str, str]:
    """Return what kind of form has this name, and the id of its case; that is empty where it has none."""
    kind, _, case_id = name.partition(" ")
    return kind, case_id


def _kind_of(name: str) -> str:
    return _read_name(name)[0]


def _place_of(name: str) -> str:
    """Return the key of what holds the form with this name."""
    return f"form {_kind_of(name)}"


def _read_day(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def _key(field: str, form: Unsent) -> str:
    return f"{field} {form.token}"


def clear(name: str) -> None:
    """Give the form another token: it is drawn empty, and what was typed in it is forgotten."""
    if form := mine.forms.get(name):
        mine.accepted = [*mine.accepted, form.token][-20:]
        _forget(form.user_id, name)
    mine.forms = {other: form for other, form in mine.forms.items() if other != name}


# --- what was typed and is not sent ---


def recall(actor: User, case_id: str, kept: Mapping[str, Mapping[str, Any]]) -> None:
    """Say what `actor` has typed on the case and not sent: forms that are drawn after this begin with it."""
    mine.recalled = Recalled(actor.user_id, case_id, kept)


def waits(kind: str, case_id: str) -> bool:
    """Tell whether something was typed in this form of the case that is not sent."""
    recalled = mine.recalled
    return bool(recalled and recalled.case_id == case_id and recalled.forms.get(kind))


def show_left(place: AbstractContextManager[object]) -> None:
    """Show in this place what was typed on the case in forms that this page, late in its run, did not draw."""
    recalled, drawn = (
        mine.recalled,
        {_kind_of(name): mine.forms[name] for name in mine.drawn.values() if name in mine.forms},
    )
    if recalled is None:
        return
    for kind, fields in recalled.forms.items():
        form = drawn.get(kind)
        left = [field for field in fields if form is None or (form.is_closed and field not in form.fields)]
        texts = _texts({field: fields[field] for field in left})
        if not texts:
            continue
        with place, st.container(border=True, key=f"left {kind}"):
            what = words.plain(kind.replace("-", " "))
            st.markdown(f"**Typed and not sent** ({what}). It cannot be sent here now: copy what you need.")
            for text in texts:
                st.code(text, language=None, wrap_lines=True)
            name = f"{kind} {recalled.case_id}"
            st.button("Discard it", key=f"discard {kind}", on_click=_forget, args=(recalled.user_id, name))


def _texts(fields: Mapping[str, Any]) -> list[str]:
    """Return the texts among them: long ones each on its own, short ones by their names."""
    said = {field: value for field, value in fields.items() if isinstance(value, str) and is_visible(value)}
    if len(said) == 1:
        return list(said.values())
    short = [f"{field}: {value}" for field, value in sorted(said.items()) if len(value) <= SHORT]
    return [value for value in said.values() if len(value) > SHORT] + (["\n".join(short)] if short else [])


def keep_typed(who: str) -> None:
    """In the frame, after the page: what is typed in its forms reaches the desk without being sent, after a pause.

    `who` is the user id of its person, empty where nobody is signed in.
    """
    drawn = mine.drawn
    del mine.drawn
    with st.sidebar:
        _listen(who, drawn)


@st.fragment
def _listen(who: str, drawn: Mapping[str, str]) -> None:
    def hear() -> None:
        told = session.value_of("typed").get("typed") or {}
        by_token = {form.token: (name, form) for name, form in mine.forms.items()}
        for one in told.get("texts", ()):
            name, form = by_token.get(str(one["token"]), ("", None))
            if form is None and one["token"] in mine.accepted:
                continue  # sent meanwhile
            if form is None:
                return  # somebody else's: the browser gives it back to them
            read = {field: read or str for field, read in form.fields.items() if _class_of(field) == one["field"]}
            if not _keep(name, form, {field: read[field](str(one["text"])) for field in read}):
                return
        mine.heard = str(told.get("id", ""))

    data = {
        "who": who,
        "forms": drawn,
        "choices": {form.token: _choices(form) for name, form in mine.forms.items() if name in drawn.values()},
        "accepted": mine.accepted,
        "heard": mine.heard,
        "session": session.token(),
    }
    _typed(data=data, key="typed", on_typed_change=hear)


def _choices(form: Unsent) -> list[str]:
    """Return the fields of which the browser tells what is chosen, as it knows them."""
    return [_class_of(field) for field, read in form.fields.items() if read and read is not str]


def _class_of(field: str) -> str:
    """Return what of its CSS class is the field's own."""
    return streamlit_seams.class_of(field).removeprefix("st-key-")


def _keep(name: str, form: Unsent, values: Mapping[str, Any]) -> bool:
    """Keep what has changed of these fields; return whether all is kept now."""
    kind, case_id = _read_name(name)
    worded = {field: value if value or form.is_whole else None for field, value in values.items()}
    changed = {field: value for field, value in worded.items() if form.kept.get(field) != value}
    if not case_id or not changed:
        return True
    try:
        base.desk().write(lambda tx: unsent.keep(tx, form.user_id, case_id, kind, changed, datetime.now(UTC)))
    except DeskError as error:  # it stays in the browser, which tells it again
        log_fault(error)
        return False
    form.kept.update(changed)
    return True


def _forget(user_id: str, name: str) -> None:
    kind, case_id = _read_name(name)
    if case_id:
        with suppress(DeskError):  # it is shown again, and can be discarded
            base.desk().write(lambda tx: unsent.forget(tx, user_id, case_id, kind))
    if mine.recalled:
        forms = {form: fields for form, fields in mine.recalled.forms.items() if form != kind}
        mine.recalled = replace(mine.recalled, forms=forms)


# --- sending ---


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


def _held(texts_alone: bool) -> dict[str, Any]:
    """Return by their keys the fields of forms that were sent, or kept, and not accepted."""
    keys = [
        _key(field, form)
        for form in mine.forms.values()
        for field, read in form.fields.items()
        if read is str or not texts_alone
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
