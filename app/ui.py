"""Widgets and reads that two or more pages share."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache, partial
from html import escape
from threading import Lock
from time import monotonic
from typing import Any, Literal, TypeVar, cast
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import audit, casework, chain, chart, checkpoint, database, money, policy, repository, sar, settings
from app.errors import (
    BrokenCase,
    DatabaseError,
    DeskError,
    InvalidForm,
    NotAllowed,
    NotWritten,
    OutcomeUnknown,
    StaleCase,
)
from app.models import Action, Case, Disposition, Event, Risk, Status, User, read_case_id
from app.repository import Filters, Order
from app.text import legible

TRIAGE, CASE, QA, EXPORTS = "views/triage.py", "views/case.py", "views/qa.py", "views/exports.py"

STYLE = """
[data-testid="stMainBlockContainer"] { padding-inline: 2rem; }
[data-testid^="stBaseButton-primary"] { color: light-dark(#fff, #11171D); }
[data-testid^="stBaseButton"] kbd { opacity: .8; }
[data-testid="stWidgetLabel"][disabled] { color: inherit; }
[data-testid="stCaptionContainer"] { opacity: 1; color: color-mix(in srgb, currentcolor 72%, transparent); }
pre .token { color: inherit !important; }
pre code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
[data-testid="stElementToolbar"]:focus-within { opacity: 1; }
label:has([role="switch"]:not(:checked)) > span + div { box-shadow: inset 0 0 0 1px light-dark(#7D8793, #6A7784); }
:root :is(a, button, summary, main, [role="tab"]):focus-visible, label:has(input:focus-visible) {
  outline: 2px solid light-dark(#0B5A6F, #6CC4D8); outline-offset: 1px; }
:root :is(main, [role="tab"], [role="radio"]):focus-visible { outline-offset: -2px; }
:root [role="tab"] { padding-inline: .3rem; }
[data-testid] dl.facts { margin: 0; padding: 0;
  display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem 1.25rem; }
.facts dt { font-size: .85rem; opacity: .75; }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
[data-testid="stLayoutWrapper"]:has(> * > [data-testid="stElementContainer"] p.wrong) { margin-top: -.6rem; }
[data-testid] p.wrong { margin: 0; font-size: .9rem; line-height: 1.3; color: light-dark(#B3261E, #FF9C93); }
p.wrong::before { content: "✕ " / ""; font-weight: 700; }
[data-testid]:has(> textarea[aria-invalid]), [data-rac]:has(> input[aria-invalid]), [aria-invalid] > [role="radio"],
[data-testid="stDateInputField"]:has([aria-invalid]) { border-color: light-dark(#B3261E, #FF9C93) !important; }
.st-key-sample:has(.st-key-review_panel) { display: grid !important; align-items: start;
  grid-template-columns: 9.5rem minmax(0, 1fr); }
[data-testid="stLayoutWrapper"]:has(> .st-key-form-qa) { position: sticky; bottom: 0; z-index: 2; }
.st-key-review_panel .st-key-form-qa { margin-inline: -1rem; width: calc(100% + 2rem); max-width: none;
  padding: .6rem 1rem; gap: .25rem; border-top: 1px solid light-dark(#7D8793, #6A7784);
  background: light-dark(#F3F5F7, #1B232C); }
.st-key-verdict [data-testid="stFormSubmitButton"] { margin-top: 1.75rem; }
@media (max-width: 1150px) {
  .st-key-sample:has(.st-key-review_panel) { grid-template-columns: minmax(0, 1fr); }
  .st-key-sample:has(.st-key-review_panel) > :first-child { display: none; }
}
@media (max-width: 640px) { [data-testid="stLayoutWrapper"]:has(> .st-key-form-qa) { position: static; } }
[data-testid="stText"], .stApp textarea, .summary { unicode-bidi: plaintext; text-align: start; }
[data-testid="stSidebarUserContent"] { padding-inline: 0; }
[data-testid="stSidebarContent"] { padding-inline: 1rem; }
[data-testid="stSidebar"] [data-testid="stSelectbox"] input { font-size: .87rem; }
@media (max-width: 1100px) { [data-testid="stMainBlockContainer"] { padding-inline: 1rem; } }
"""
"""What the theme's settings cannot say: less margin, text that reads in each state, and where the keyboard is."""

Made = TypeVar("Made")

_ICON = re.compile(r"\\:(?=[\w/\\-]+\\:)")

_WEB = settings.ROOT / "app" / "web"

STYLE += (_WEB / "print.css").read_text("utf-8")


def _component(name: str) -> Callable[..., Any]:
    script, style = (_WEB / f"{name}.{kind}" for kind in ("js", "css"))
    css = style.read_text("utf-8") if style.exists() else None
    return st.components.v2.component(f"aml_{name}", js=script.read_text("utf-8"), css=css)


_table = _component("table")
_timeline = _component("timeline")
_handover = _component("handover")
_restart = _component("restart")
_hand = _component("hand")
_history = _component("history")
_acting = _component("acting")
_drafts = _component("drafts")


# --- what every page stands on ---


# What all sessions share is kept by the process: Streamlit's cache is cleared by a message that anyone may send.


@cache
def config() -> settings.Settings:
    return settings.load()


@cache
def desk() -> database.Database:
    return database.connect(config())


def name_tab(words: str) -> None:
    """What the browser's tab and its history call this page. A customer's name never: others may see it there."""
    st.set_page_config(page_title=f"{words} · AML Case Desk")


@contextmanager
def errors_shown() -> Iterator[None]:
    """What the desk raises on purpose, as a message on the page."""
    try:
        yield
    except DatabaseError as error:
        keep_fields()
        st.error(plain(error), title="The database does not answer", icon=":material/database_off:")
        st.button("Try again", icon=":material/refresh:")
    except DeskError as error:
        keep_fields()
        what, _, how = str(error).partition("\n")
        st.error(plain(what), icon=":material/error:")
        if how:
            st.text(how)


def people() -> dict[str, User]:
    """All users by id, the inactive too; their names as a page shows them."""
    return {person.user_id: replace(person, name=shown(person.name)) for person in desk().read(repository.users)}


def check_still_acting(actor: User) -> None:
    """A page that was drawn before may still send something: raises NotAllowed unless this person is still acting."""
    until: datetime | None = st.session_state.get("signed in until")
    if until and datetime.now(UTC) > until:
        raise NotAllowed("Your sign-in has ended. Copy what you typed, and load the page anew to sign in.")
    if st.session_state.get("acting", actor.user_id) != actor.user_id:
        raise NotAllowed("Who acts changed as you clicked. Look who is acting, and click again.")


# --- confidentiality ---


def look(actor: User, case_id: str, events: Sequence[Event]) -> bool:
    """Keep in the chain of a case with a SAR decision who looks at it; whether that added an event."""
    if not policy.view_to_record(actor.user_id, events, datetime.now(UTC)):
        return False
    try:
        return casework.record_view(desk(), actor.user_id, case_id) is not None
    except BrokenCase as error:
        st.warning(f"That you look at it cannot be kept. {plain(error)}", icon=":material/gpp_bad:")
        return False


def sar_banner(events: Sequence[Event]) -> None:
    place = st.container()
    if policy.has_sar_decision(events):
        place.warning(
            "Restricted SAR material: nobody without a BSA need may learn that a report exists (31 U.S.C. 5318(g)(2)). "
            "The chain keeps who looks and who exports.",
            icon=":material/shield_lock:",
        )


# --- the log and verification of the whole database ---


def log() -> checkpoint.Log | None:
    """The log of this desk's events; None where it has no key."""
    return checkpoint.log_of(config())


def newest_checkpoint() -> checkpoint.Anchor | None:
    """None where there is none yet; where the log's folder was changed, the page says so and goes on without."""
    try:
        found = log()
        return found.newest() if found else None
    except DeskError as error:
        st.error(plain(error), title="The checkpoints cannot be used", icon=":material/gpp_bad:")
        return None


def checkpoint_text(anchor: checkpoint.Anchor | None) -> str:
    if anchor is None:
        return "There is no checkpoint to go by."
    told = anchor.checkpoint
    made = datetime.fromtimestamp(anchor.file.stat().st_mtime, UTC)
    return f"Newest checkpoint: the first {count(told.size, 'event')}, signed by {told.origin}, {clocks(made)}."


@dataclass
class LastVerified:
    """The newest verification of all chains since the desk started; shared by everybody."""

    at: datetime | None = None
    result: audit.Verified | None = None
    anchor: checkpoint.Anchor | None = None


@cache
def last_verified() -> LastVerified:
    return LastVerified()


def verify_everything() -> None:
    """Verify all chains, and the log against what was signed of it, with a progress bar, and keep the result."""
    anchors: list[checkpoint.Anchor] = []
    with suppress(DeskError):  # the page says why the log cannot be used
        anchors = known.anchors() if (known := log()) else []
    bar = st.progress(0.0, "Verifying every chain…")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"{done:,} of {total:,} cases")

    result = audit.verify_database(desk(), progress, anchors)
    bar.empty()
    newest = last_verified()
    newest.at, newest.result, newest.anchor = datetime.now(UTC), result, anchors[-1] if anchors else None


def show_last_verified() -> None:
    newest = last_verified()
    if newest.at is None or newest.result is None:
        st.caption("The chains have not been verified since the desk started.")
    elif newest.result.intact and not newest.result.cases:
        st.caption(f"There were no cases to verify at {clocks(newest.at)}.")
    elif newest.result.intact:
        st.caption(f":material/verified: All {newest.result.cases:,} chains intact at {clocks(newest.at)}.")
    else:
        st.caption(f":material/gpp_bad: {count(len(newest.result.breaks), 'break')} found at {clocks(newest.at)}.")


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
    taken: dict[str, Event | None] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)

    def once(self, name: str, verb: Callable[[], Made]) -> Made:
        """Do it; who asks again at the same time or a moment later gets the same answer."""
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

    def take_next(self, actor: User, token: str) -> Event | None:
        """Take a case once a token: who sends it again, however late, waits for the first answer and gets the same."""
        with self.lock:
            if token not in self.taken:
                self.taken[token] = casework.take_next(desk(), actor.user_id, form=token)
            return self.taken[token]


def doings() -> Doings:
    mine: Doings = st.session_state.setdefault("doings", Doings())
    return mine


def send(
    actor: User, name: str, done: str | Callable[[Made], str], verb: Callable[[], Made], *, once: bool = False
) -> Made | None:
    """In a form's callback: do it, keep the outcome for `show_outcome`, and start a fresh form where it went well.

    `actor` is who the form was drawn for. `once` is for what has no form token: a double click does it once. Returns
    what was made; None where it was refused.
    """
    match st.session_state.get("refused"):
        case (refused, float(at), Outcome() as outcome) if refused == name and monotonic() - at < DOUBLE_CLICK:
            st.session_state["outcome"] = outcome  # a double click: nobody can have read it yet
            return None
    try:
        check_still_acting(actor)
        made = doings().once(name, verb) if once else verb()
    except (StaleCase, OutcomeUnknown, NotWritten) as error:
        since = error.since if isinstance(error, StaleCase) else ()
        outcome = st.session_state["outcome"] = Outcome(str(error), refused=True, since=since, form=name)
        st.session_state["refused"] = name, monotonic(), outcome
    except DeskError as error:
        fields = error.fields if isinstance(error, InvalidForm) else {}
        st.session_state["outcome"] = Outcome(f"Not done: {error}", refused=True, form=name, fields=fields)
    else:
        st.session_state["outcome"] = Outcome(done if isinstance(done, str) else done(made), form=name)
        clear_form(name)
        return made
    return None


def tell_restart() -> None:
    """In the frame: a page that outlives its session says that drafts may be gone."""
    _restart(data={"session": st.session_state.setdefault("session", casework.new_form())}, key="restart")


def who_acted(acting: str) -> str | None:
    """In the demo: keeps in the browser who acts; where nobody does yet, who did before the page was loaded.

    None while the browser has not said it, empty where it knows nobody.
    """

    def say() -> None:
        st.session_state["acted"] = str((st.session_state["keeper"].get("kept") or {}).get("user", ""))

    session = st.session_state.setdefault("session", casework.new_form())
    _acting(data={"session": session, "acting": acting}, key="keeper", on_kept_change=say)
    said: str | None = st.session_state.get("acted")
    return said


def keep_drafts(who: str, alone: bool) -> None:
    """In the frame, after the page: the browser keeps what is typed in its forms, and gives it back after a reload.

    `who` is the user id of its person, empty where nobody is signed in. With `alone` what anybody else typed goes.
    """
    data = {"who": who, "alone": alone, "forms": st.session_state.pop("drawn", {})}
    with st.sidebar:
        _drafts(data={**data, "accepted": st.session_state.get("accepted", [])}, key="drafts")


def keep_history(page: Page) -> None:
    """In the frame: Back and Forward go from page to page, each with its own address."""
    if page.url_path not in ("case", "exports"):
        st.query_params.pop("case_id", None)
    _history(key="history")


def hand_over() -> None:
    """In the frame: the browser saves each file that a callback left in `Doings.files`, once.

    Each is given again for some seconds: the run that gave it first may have been overtaken.
    """
    mine = doings()
    if not mine.lock.acquire(blocking=False):
        return  # an overtaken callback is at work; the next run gives what it makes
    try:
        now = monotonic()
        mine.files[:] = [file for file in mine.files if file.handed_at is None or now - file.handed_at < 10]
        for file in mine.files:
            file.handed_at = file.handed_at or now
        given = [
            {"token": file.token, "name": file.name, "content": b64encode(file.content).decode()} for file in mine.files
        ]
    finally:
        mine.lock.release()
    if given:
        _handover(data={"files": given}, key="handover")


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
                st.html(f"<p class='wrong' id='wrong-{_class(key)}' role='alert'>{escape(words)}</p>")

    with st.container(key=f"form {name.partition(' ')[0]}"):
        with st.container():
            if refused and not refused.fields:
                _show_refused(refused, names)
        yield tell
        if refused:
            if untold and not refused.is_told:  # of a field that the form does not have at the moment
                st.error(plain(" ".join(untold.values())), icon=":material/error:")
            st.session_state["outcome"] = replace(refused, is_drawn=True)


def _class(key: str) -> str:
    """The class that Streamlit gives to what has this key."""
    return "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key)


def _show_refused(outcome: Outcome, names: Mapping[str, User]) -> None:
    with st.container(border=bool(outcome.since), key="refused"):
        st.error(plain(outcome.message), icon=":material/error:")
        if outcome.since:
            st.caption("What happened meanwhile:")
            timeline(outcome.since, names, key="meanwhile")


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
        st.toast(plain(outcome.message), icon=":material/check_circle:")
    if outcome.form:
        data = {
            "sent": outcome.token,
            "place": _class(f"form {outcome.form.partition(' ')[0]}"),
            "run": casework.new_form(),
        }
        with st.sidebar:
            _hand(data=data, key="hand")


def show_refusal(refusal: str | None) -> None:
    """Why a form is disabled."""
    if refusal:
        st.caption(f":material/lock: {plain(refusal)}")


# --- the queue ---

DOUBLE_CLICK = 1.0
"""Seconds within which a second click means the first one again."""


@dataclass(frozen=True)
class Queue:
    """What Triage shows and in which order, so that it can be walked case by case. `words` say it to a person."""

    filters: Filters
    overdue: bool
    order: Order
    words: str

    def now(self) -> Filters:
        """The filters at this moment."""
        return replace(self.filters, due_before=datetime.now(UTC)) if self.overdue else self.filters


def queue() -> Queue:
    """The queue as Triage showed it last in this session."""
    shown_last: Queue = st.session_state.get("queue", Queue(Filters(), False, Order.DUE, "All open, due first"))
    return shown_last


def open_case(case_id: str) -> None:
    """Go to the Case page, from any other page."""
    st.switch_page(CASE, query_params={"case_id": case_id})


def just_taken() -> str | None:
    """The case that this session took a moment ago: whatever else comes of a double click is to show it."""
    match st.session_state.get("taken"):
        case (str(case_id), float(at)) if monotonic() - at < DOUBLE_CLICK:
            return case_id
    return None


def next_case_button(actor: User, on_open: Callable[[str], None] = open_case) -> None:
    """Takes the most urgent case that nobody owns and calls `on_open` with its id: one, however often it is clicked.

    Its token is in its key, so that the button which was clicked is gone once the page is drawn anew.
    """
    token = form_token("next")

    def take() -> None:
        case_id = just_taken()
        if case_id:  # said again, as the run that was to say it may have been overtaken
            st.session_state["outcome"] = Outcome(f"{case_id} is yours.")
        elif event := send(actor, "next", _taken_words, lambda: doings().take_next(actor, token)):
            case_id = event.case_id
            st.session_state["taken"] = case_id, monotonic()
        if case_id:
            on_open(case_id)

    refusal = policy.why_not_take(actor)
    st.button(
        "Take new case",
        key=f"next {token}",
        on_click=take,
        type="primary",
        icon=":material/assignment_add:",
        shortcut="N",
        disabled=bool(refusal),
        help=refusal or "Makes the case that is due first of those that nobody owns yours, and opens it",
    )


def _taken_words(event: Event | None) -> str:
    return f"{event.case_id} is yours." if event else "No case is waiting: each open one has an owner."


# --- tables and timelines ---

COLUMNS: Mapping[str, tuple[str, str]] = {
    "case": ("Case", ""),
    "customer": ("Customer", "name"),
    "typology": ("Typology", "name"),
    "risk": ("Risk", ""),
    "amount": ("Amount", "right"),
    "age": ("Age", "right spare"),
    "due": ("Due", ""),
    "owner": ("Owner", "wrap"),
    "status": ("Status", ""),
    "state": ("Status", "wrap"),
    "disposition": ("Disposition", ""),
    "closed": ("Closed", ""),
    "qa": ("QA", ""),
    "reviewer": ("Reviewer", ""),
    "reviewed": ("Reviewed", ""),
    "remarks": ("Remarks", "text"),
}
"""Label and alignment of each column that `case_table` knows."""


@dataclass(frozen=True)
class Ticks:
    """That rows of a table can be ticked; the fragment named `fragment` runs again with each tick.

    `refusals` say of each case why it cannot be, or None. All ticks go with their token: another one clears them.
    """

    token: str
    refusals: Mapping[str, str | None]
    fragment: str


def case_table(
    caption: str,
    cases: Iterable[Case],
    columns: Sequence[str],
    names: Mapping[str, User],
    key: str,
    on_choose: Callable[[str], None] | None = None,
    selected: str = "",
    ticks: Ticks | None = None,
    search: str = "",
) -> None:
    """A table of cases. A click anywhere in a row, or Enter on its link, opens the case, or calls `on_choose`.

    `search` is the `q` of the address that the cases were found by: a row waits for the end of one just typed.
    """

    def chosen() -> None:
        if on_choose and (case_id := st.session_state[key].get("chosen")):
            on_choose(case_id)

    now = datetime.now(UTC)
    data = {
        "caption": caption,
        "path": "case",
        "chooses": on_choose is not None,
        "search": search,
        "ticks": ticks and ticks.token,
        "columns": [{"label": COLUMNS[column][0], "align": COLUMNS[column][1]} for column in columns],
        "rows": [
            {
                "case_id": case.case_id,
                "selected": case.case_id == selected,
                "refusal": ticks and ticks.refusals[case.case_id],
                "cells": [_cell(column, case, names, now) for column in columns],
            }
            for case in cases
        ],
    }
    on_ticks = {"on_ticked_change": partial(st.rerun, ticks.fragment)} if ticks else {}
    _table(data=data, key=key, on_chosen_change=chosen, **on_ticks)


def show_broken(cases: repository.Cases) -> None:
    """What is wrong with the cases that a table leaves out."""
    for error in cases.broken:
        st.error(plain(error), icon=":material/gpp_bad:")


def ticked(key: str, token: str, cases: Iterable[Case]) -> list[Case]:
    """Those of a table's cases that are ticked under this token."""
    match (st.session_state.get(key) or {}).get("ticked"):
        case {"token": sent, "cases": [*told]} if sent == token:
            return [case for case in cases if case.case_id in told]
    return []


def _cell(column: str, case: Case, names: Mapping[str, User], now: datetime) -> dict[str, str]:
    return {part: shown(value) for part, value in _told(column, case, names, now).items()}


def _told(column: str, case: Case, names: Mapping[str, User], now: datetime) -> dict[str, str]:
    match column:
        case "case":
            return {"text": case.case_id}
        case "customer":
            return {"text": case.customer_name, "hint": f"{case.customer_name}, {case.customer_id}"}
        case "typology":
            return {"text": case.typology}
        case "risk":
            return {"text": risk_text(case), "tone": "alarm" if case.risk is Risk.HIGH else ""}
        case "amount":
            return {"text": money.text(case.amount, case.currency)}
        case "age":
            return {"text": age(case, now), "hint": f"Opened {clocks(case.opened_at)}"}
        case "due":
            text, tone = due_text(case, now)
            return {"text": text, "tone": tone, "hint": f"Due {clocks(case.due_at)}"}
        case "owner":
            owner = names.get(case.owner or "")
            gone = " (inactive)" if owner and not owner.active else ""
            return {"text": name_of(case.owner, names) + gone, "tone": "" if case.owner else "quiet"}
        case "status":
            return {"text": case.status.value}
        case "state":
            return {"text": " · ".join(filter(None, (case.status.value, case.disposition.value)))}
        case "disposition":
            return {"text": case.disposition.value or "—", "tone": "" if case.disposition else "quiet"}
        case "closed":
            return {"text": clock(case.closed_at)[:10], "hint": clocks(case.closed_at)}
        case "qa":
            tone = {"Pass": "good", "Fail": "alarm"}.get(case.qa_result.value, "quiet")
            return {"text": case.qa_result.value or "—", "tone": tone}
        case "reviewer":
            return {"text": name_of(case.qa_reviewer, names)}
        case "reviewed":
            return {"text": clock(case.qa_at)[:10], "hint": clocks(case.qa_at)}
        case "remarks":
            return {"text": case.qa_notes[:300] + "…" * (len(case.qa_notes) > 300) or "—", "hint": case.qa_notes}
        case _:
            raise KeyError(column)


COLUMN_NAMES = {
    "status": "status",
    "owner": "owner",
    "disposition": "disposition",
    "determined_at": "suspicion determined",
    "closed_at": "closed",
    "qa_result": "QA result",
    "qa_reviewer": "QA reviewer",
    "qa_at": "QA review",
    "qa_notes": "QA notes",
}
DONE: Mapping[str, str] = {
    Action.OPEN: "opened the case",
    Action.ASSIGN: "assigned the case",
    Action.NOTE: "added a note",
    Action.DISPOSITION: "set a disposition",
    Action.QA_PASS: "passed the case in QA",
    Action.QA_FAIL: "failed the case in QA",
    Action.REOPEN: "reopened the case",
    Action.VIEW: "looked at the case",
    Action.EXPORT: "exported the case",
}


def timeline(events: Iterable[Event], names: Mapping[str, User], key: str, breaks: Sequence[chain.Break] = ()) -> None:
    """Events as they are given: who, when, what changed from what to what, notes as typed, and the hash."""
    broken: dict[int | None, list[str]] = {}
    for found in breaks:
        broken.setdefault(found.event_id, []).append(break_text(found))
    where = zone()
    items = [
        {
            "event_id": event.event_id,
            "who": shown(name_of(event.user, names)),
            "what": DONE.get(event.action, shown(event.action)) + _really(event, where),
            "action": event.action if event.action in DONE else "other",
            "ts": shown(event.ts),
            "when": clock(read_time(event.ts), where) or shown(event.ts),
            "changes": _changes(event, names),
            "notes": shown(event.notes) or _taken(event),
            "hash": shown(event.event_hash),
            "breaks": broken.get(event.event_id, []),
        }
        for event in events
    ]
    _timeline(data={"label": "Timeline", "events": items}, key=key)


def _really(event: Event, where: tzinfo) -> str:
    """When it was by the clock, where the event had to be dated later by more than clocks differ."""
    showed, dated = read_time(chain.read_meta(event).get("clock")), read_time(event.ts)
    if not (showed and dated and dated - showed > policy.CLOCKS_DIFFER):
        return ""
    return f", really at {clock(showed, where)}"


def _taken(event: Event) -> str:
    """The files that an export took, and their SHA-256."""
    files = chain.read_meta(event).get("files")
    if event.action != Action.EXPORT or not isinstance(files, dict):
        return ""
    return "\n".join(f"{shown(name)}  SHA-256 {shown(digest)}" for name, digest in files.items())


def _changes(event: Event, names: Mapping[str, User]) -> list[dict[str, str]]:
    changes, meta = [], chain.read_meta(event)
    for column, pair in meta.items():
        if column in COLUMN_NAMES and isinstance(pair, list) and len(pair) == 2:
            old, new = (_value(column, value, names) for value in pair)
            if column == "determined_at" and pair[1] and (place := meta.get("zone")):
                new = f"{new} ({shown(place)})"
            changes.append({"column": COLUMN_NAMES[column], "from": old, "to": new})
    return changes


def _value(column: str, value: Any, names: Mapping[str, User]) -> str:
    if value in (None, ""):
        return "none"
    text = shown(value)
    if column in ("owner", "qa_reviewer"):
        return name_of(text, names)
    if column == "determined_at":
        return text[:10]
    return (clocks(read_time(text)) if column.endswith("_at") else "") or text


def break_text(found: chain.Break) -> str:
    return f"{found.kind.capitalize()}: {found.field}, expected {found.expected}, found {found.found}"


# --- evidence ---


def evidence(events: Sequence[Event], currency: str) -> None:
    """The alert of the case: its text, the customer as the feed knew them, the transactions as chart and table."""
    opened = chain.read_meta(events[0]) if events else {}
    st.subheader("Alert", anchor=False)
    if alert := opened.get("alert"):
        st.text(shown(alert))
    customer = opened.get("customer")
    if isinstance(customer, dict):
        facts((name.replace("_", " ").capitalize(), money.told(value, currency)) for name, value in customer.items())
    rows = sar.transactions(opened)
    if not rows:
        st.caption("The alert lists no transactions.")
        return
    if drawn := chart.in_and_out([bar for row in rows if (bar := _bar(row, currency))]):
        st.html(drawn)
    transactions_table(rows, currency)


def _bar(row: Mapping[str, str], currency: str) -> chart.Bar | None:
    """None where a damaged database does not say when."""
    moment = read_time(row["time"])
    if moment is None:
        return None
    amount = Decimal(row["amount"])
    told = (row[name] for name in ("direction", "channel", "counterparty", "country"))
    words = ", ".join(shown(text) for text in (clocks(moment), money.text(amount, currency), *told))
    return chart.Bar(local(moment), row["direction"] != "in", amount, words)


def transactions_table(rows: Sequence[Mapping[str, object]], currency: str) -> None:
    """The transactions of an alert as they were told, but for their times, which are in the reader's zone."""
    columns = [("Time", ""), ("Direction", ""), (f"Amount ({currency})", "right"), ("Channel", "")]
    columns += [("Counterparty", "text"), ("Country", "")]
    placed = any("place" in row for row in rows)
    if placed:
        columns.append(("Place", "text"))
    data = {
        "caption": "Transactions of the alert",
        "columns": [{"label": label, "align": align} for label, align in columns],
        "rows": [{"cells": _transaction(row, placed, currency)} for row in rows],
    }
    _table(data=data, key="transactions")


def _transaction(row: Mapping[str, object], placed: bool, currency: str) -> list[dict[str, str]]:
    told = {name: shown(value) for name, value in row.items()}
    moment = read_time(told["time"])
    return [
        {"text": clock(moment), "time": told["time"], "hint": clock_utc(moment)} if moment else {"text": told["time"]},
        {"text": told["direction"].capitalize()},
        {"text": money.number(Decimal(told["amount"]), currency)},
        {"text": told["channel"]},
        {"text": told["counterparty"]},
        {"text": told["country"]},
        *([{"text": told.get("place", "")}] if placed else []),
    ]


# --- words ---


def plain(text: object) -> str:
    """Text for a widget that reads Markdown: whatever people typed in it shows as it is, Streamlit's icons too."""
    return _ICON.sub("`:`", sar.escape(str(text)))


def shown(value: object) -> str:
    """A value as text that a page can carry, whatever a feed told or a damaged database handed out."""
    return legible(str(value))


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def owner_label(person: User) -> str:
    return f"{person.name} ({shown(person.user_id)}{'' if person.active else ', inactive'})"


def name_of(user_id: str | None, names: Mapping[str, User]) -> str:
    if user_id is None:
        return "Unassigned"
    return names[user_id].name if user_id in names else shown(user_id)


def risk_text(case: Case) -> str:
    """Shape, word and number, so that the colour is not needed."""
    shape = {Risk.HIGH: "▲", Risk.MEDIUM: "◆", Risk.LOW: "▽"}[case.risk]
    return f"{shape} {case.risk} {case.risk_score}"


def age(case: Case, now: datetime) -> str:
    """Days since the case was opened; of a closed one, those until it was closed."""
    return f"{((case.closed_at or now) - case.opened_at).days} d"


def due_text(case: Case, now: datetime) -> tuple[str, str]:
    """When the case is due in words, in days of the reader's calendar, and its tone; how late it was closed."""
    due = local(case.due_at)
    days = (due.date() - local(case.closed_at or now).date()).days
    overdue = policy.is_overdue(case, now)
    if case.status is Status.CLOSED:
        late = f"closed {-days} d late" if days else "closed late"
        return late if overdue else f"{due:%Y-%m-%d}", "quiet"
    if overdue:
        return (f"⚠ {-days} d late" if days else "⚠ late today"), "alarm"
    if days == 0:
        return f"◷ today {due:%H:%M}", "warn"
    return ("◷ in 1 d", "warn") if days == 1 else (f"in {days} d", "")


def duration(span: timedelta) -> str:
    """How long something is, to the nearest day, hour or minute."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if span >= length:
            return count(round(span / length), unit)
    return count(round(span / timedelta(minutes=1)), "minute")


def day(moment: datetime | None) -> str:
    """A day of the law: kept as midnight UTC, of which the date alone counts, in whatever zone it is read."""
    return "" if moment is None else f"{moment:%Y-%m-%d}"


# --- times, in the reader's zone ---


def zone() -> tzinfo:
    """The reader's time zone, as their browser names it; UTC where it names none that is known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC


def local(moment: datetime, where: tzinfo | None = None) -> datetime:
    """The time in a zone, which is the reader's unless it is given."""
    try:
        return moment.astimezone(where or zone())
    except OverflowError:  # at an end of the calendar, where only a damaged time lies
        return moment


def clock(moment: datetime | None, where: tzinfo | None = None) -> str:
    """A time as its reader's clock shows it, with the short name of the zone."""
    return "" if moment is None else _minute(local(moment, where))


def clock_utc(moment: datetime) -> str:
    return _minute(moment.astimezone(UTC))


def clocks(moment: datetime | None) -> str:
    """Both, for where one hovers already."""
    if moment is None:
        return ""
    here, everywhere = clock(moment), clock_utc(moment)
    return here if here == everywhere else f"{here} = {everywhere}"


def _minute(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'minutes')[:16]} {moment.tzname()}"


def read_time(text: object) -> datetime | None:
    """A time as the chain writes it; None for anything else."""
    try:
        return chain.parse_ts(str(text))
    except ValueError:
        return None


# --- colours and facts ---

Colour = Literal["red", "orange", "yellow", "green", "blue", "gray"]
RISK_COLOUR: Mapping[Risk, Colour] = {Risk.HIGH: "red", Risk.MEDIUM: "yellow", Risk.LOW: "gray"}
DUE_COLOUR: Mapping[str, Colour] = {"alarm": "red", "warn": "orange"}
DISPOSITION_COLOUR: Mapping[Disposition, Colour] = {
    Disposition.SAR: "red",
    Disposition.ESCALATE: "orange",
    Disposition.NO_SAR: "green",
}


Fact = tuple[str, str | datetime | None]
"""A name and its value, which may be a time."""


def facts(rows: Iterable[Fact]) -> None:
    """Names and values side by side; the values may be anything that people typed. What is empty is left out."""
    cells = "".join(
        f"<div><dt>{escape(shown(name))}</dt><dd dir='auto'>{_fact(value)}</dd></div>" for name, value in rows if value
    )
    st.html(f"<dl class='facts'>{cells}</dl>")


def _fact(value: str | datetime | None) -> str:
    if not isinstance(value, datetime):
        return escape(shown(value))
    exact = chain.format_ts(value)
    return f'<time datetime="{exact}" title="{clock_utc(value)}">{escape(clock(value))}</time>'
