"""What a session of Streamlit holds, each thing under one typed name: nothing else reads or writes its state.

    mine = session.mine
    mine.review = case_id      # kept until the session ends
    del mine.review            # gone; reading it gives its default

A run that a click has overtaken reads defaults here, and what it sets is lost.

What a widget holds is a `Field`: its key is `Session.search.key`, and setting it sets the widget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Any, Generic, Self, TypeVar, cast, overload

import streamlit as st

from app import casework
from app.errors import DeskError, NotWritten, OutcomeUnknown
from app.models import Event
from app.triage_query import Filters, Order
from app.ui import words

Value = TypeVar("Value")
Made = TypeVar("Made")

DOUBLE_CLICK = 1.0
"""Seconds within which a second click means the first one again."""

ANYONE, OPEN, ANY, DUE_FIRST = "Anyone", "Open", "Any", "Due first"
"""What Triage's owner, its status, its risk and the like, and its order are at first, in the words of their lists."""


# --- what is kept ---


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


@dataclass(frozen=True)
class Refused:
    """The newest refusal of a form that another click may repeat: when it was, on the monotonic clock in seconds."""

    form: str
    at: float
    outcome: Outcome


@dataclass(frozen=True)
class Recalled:
    """What a person has typed on a case and not sent, as the database keeps it: by form and field."""

    user_id: str
    case_id: str
    forms: Mapping[str, Mapping[str, Any]]


Read = Callable[[str], Any]


@dataclass
class Unsent:
    """A form of a person that has not been accepted yet: its token, and the fields it was drawn with.

    Each field has what makes a value of what the browser tells of it, `str` where it is a text; None where the browser
    tells only what is typed in it. `kept` is what of them the database keeps, as far as this session knows, and
    `is_whole` says whether it keeps what is empty too. `is_closed` says that nothing can be sent by it any more.
    `recalled` is the reading that `kept` began with.
    """

    user_id: str = ""
    token: str = field(default_factory=casework.new_form)
    fields: dict[str, Read | None] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    is_whole: bool = False
    is_closed: bool = False
    recalled: Recalled | None = None


@dataclass(frozen=True)
class Queue:
    """What Triage shows and in which order, so that it can be walked case by case. `words` say it to a person."""

    filters: Filters
    overdue: bool
    order: Order
    words: str

    def now(self, moment: datetime | None = None) -> Filters:
        """Return the filters at this moment, or another, and on the day that it is then for the reader."""
        moment = moment or datetime.now(UTC)
        return replace(self.filters, day=words.day_of(moment), due_before=moment if self.overdue else None)


@dataclass(frozen=True)
class Taken:
    """The case that was taken last: when it was, on the monotonic clock in seconds."""

    case_id: str
    at: float


@dataclass
class File:
    """On its way to the browser. `handed_at` is when a page gave it first, on the monotonic clock in seconds."""

    name: str
    content: bytes
    token: str = field(default_factory=casework.new_form)
    handed_at: float | None = None


@dataclass
class Doings:
    """What a session did without a form token, by its name: when it was done, what was made, or how it failed.

    It is changed in place, under its lock: Streamlit starts a new thread at each click, and what the one before it
    puts in the session from then on goes unheeded.
    """

    lock: Lock = field(default_factory=Lock)
    answers: dict[str, tuple[float, Any, DeskError | None]] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    def once(self, name: str, verb: Callable[[], Made]) -> Made:
        """Do it and return what it made; who asks again at the same time or a moment later gets the same answer.

        Raises what the verb raises; NotWritten and OutcomeUnknown again to whoever asks again.
        """
        with self.lock:
            now = monotonic()
            self.answers = {one: answer for one, answer in self.answers.items() if now - answer[0] < DOUBLE_CLICK}
            if name not in self.answers:
                try:
                    answer: tuple[Any, DeskError | None] = verb(), None
                except (NotWritten, OutcomeUnknown) as error:  # it was done nonetheless, or may have been
                    answer = None, error
                self.answers[name] = monotonic(), *answer
            _, made, failed = self.answers[name]
        if failed:
            raise failed
        return cast("Made", made)

    def once_a_token(self, token: str, verb: Callable[[], Made]) -> Made:
        """Do it and return what it made; who sends the token again, however late, waits and gets the same answer."""
        with self.lock:
            if token not in self.made:
                self.made[token] = verb()
            return cast("Made", self.made[token])


# --- under which names ---


class Kept(Generic[Value]):
    """A value of the session; its default where the session holds none.

    Set to its default it is gone: with each key of the session, each of Streamlit's text inputs takes longer to draw.
    Its key is its name with spaces, or as it is given.
    """

    def __init__(self, default: Value, key: str = "") -> None:
        self.default, self.key = default, key

    def __set_name__(self, owner: type[Session], name: str) -> None:
        self.key = self.key or name.replace("_", " ")

    @overload
    def __get__(self, holder: None, owner: type[Session]) -> Self: ...
    @overload
    def __get__(self, holder: Session, owner: type[Session]) -> Value: ...
    def __get__(self, holder: Session | None, owner: type[Session]) -> Self | Value:
        if holder is None:
            return self
        return cast("Value", st.session_state.get(self.key, self.default))

    def __set__(self, holder: Session, value: Value) -> None:
        if value is self.default:
            self.__delete__(holder)
        else:
            st.session_state[self.key] = value

    def __delete__(self, holder: Session) -> None:
        st.session_state.pop(self.key, None)


class Field(Kept[Value]):
    """What a widget holds. Its default is set like any other value: without one, the widget keeps what it shows."""

    def __set__(self, holder: Session, value: Value) -> None:
        st.session_state[self.key] = value


class Session:
    """What is held for one person in one tab."""

    # Who acts. In the demo `acted` is who did before the page was loaded, as the browser says (empty: nobody), and
    # `left` who did until they were deactivated.
    session = Kept("")
    acting = Field[str | None](None)
    acted = Kept[str | None](None)
    left = Kept[str | None](None)
    signed_in_at = Kept[datetime | None](None)
    signed_in_until = Kept[datetime | None](None)
    logged = Kept[tuple[str, ...]](())  # who this session is now, as the process's log says

    # Forms, by their names: whose they are, what they hold, and what came of them.
    forms_of = Kept[str | None](None)
    forms = Kept[Mapping[str, Unsent]]({})
    drawn = Kept[Mapping[str, str]]({})  # in this run: their names by their tokens
    accepted = Kept[Sequence[str]](())  # tokens
    recalled = Kept[Recalled | None](None)
    heard = Kept("")  # the newest message of the browser with what is being typed
    outcome = Kept[Outcome | None](None)
    refused = Kept[Refused | None](None)
    checkpoint_refused = Kept[DeskError | None](None)
    doings = Kept[Doings | None](None)

    # Triage: its filters, what the page listed by them, and the case that was taken there last.
    search = Field("", "q")
    owner = Field(ANYONE)
    status = Field(OPEN)
    risk = Field(ANY)
    typology = Field(ANY)
    disposition = Field(ANY)
    sars = Field(ANY, "sar")
    order = Field(DUE_FIRST)
    size = Field(25)
    overdue = Field(False)
    queue = Kept(Queue(Filters(), False, Order.DUE, "All open, due first"))
    view = Kept[Mapping[str, str] | None](None)  # what the address held of it
    listed = Kept[object](None)
    taken = Kept[Taken | None](None)

    # Case, and QA: the case that is open, and the one that is offered after it.
    case_id = Field("", "case_id")
    hands = Kept[str | None](None)  # the tab that the guided demo speaks of
    drafting = Kept("")  # the case whose SAR is drafted anew, over a draft that waits
    whole_timeline = Kept("")  # the case whose events are all shown
    connected = Kept(False)  # whether the panel of connected cases is open, of whatever case
    tampering = Field(False, "try")  # whether its panel is open
    attack = Field[str | None](None)
    review = Kept("")
    offered = Kept("")

    # The guided demo: its step, the step that was asked for, the one at which it was left, and the cases of its steps.
    tour = Kept[int | None](None)
    tour_to = Kept[int | None](None)
    tour_left = Kept[int | None](None)
    tour_case = Kept("")
    tour_cases = Kept[Mapping[int, str]]({})
    tour_moved = Kept(False)
    reset_offered = Kept(False)

    def __contains__(self, one: Kept[Any]) -> bool:
        return one.key in st.session_state

    def put(self, values: Mapping[Kept[Any], Any]) -> None:
        """Set each of them."""
        for one, value in values.items():
            one.__set__(self, value)

    def drop(self, ones: Iterable[Kept[Any]]) -> None:
        """Forget each of them, where it is held."""
        for one in ones:
            one.__delete__(self)


mine = Session()

FILTERS: tuple[Field[Any], ...] = (
    Session.search,
    Session.owner,
    Session.status,
    Session.risk,
    Session.typology,
    Session.disposition,
    Session.sars,
    Session.overdue,
)
"""What Triage lists."""
TRIAGE: tuple[Field[Any], ...] = (*FILTERS, Session.order, Session.size)
"""What Triage lists, and how: as its address holds it."""


def token() -> str:
    """Return what the browser knows this session by: random, the same as long as it lasts."""
    known = mine.session
    if not known:
        known = mine.session = casework.new_form()
    return known


def doings() -> Doings:
    """Return what this session did, to be changed in place."""
    made = mine.doings
    if made is None:
        made = mine.doings = Doings()
    return made


def forget() -> None:
    """Forget everything but what the browser knows this session by."""
    kept = token()
    st.session_state.clear()
    mine.session = kept


# --- widgets whose keys are made as a page is drawn ---


def value_of(key: str) -> Any:
    """Return what the widget or component with this key holds; None where it was not drawn."""
    return st.session_state.get(key)


def has(key: str) -> bool:
    """Tell whether something is held under this key: a widget that is drawn, or its value before that."""
    return key in st.session_state


def set_value(key: str, value: Any) -> None:
    """Set a widget by its key. Raises StreamlitAPIException where this run has drawn it already."""
    st.session_state[key] = value
