"""What every page stands on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from app import casework, database, policy, repository, settings, users
from app.errors import (
    BrokenCase,
    NotAllowed,
)
from app.models import Event, User
from app.ui import words

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

_WEB = settings.ROOT / "app" / "web"

STYLE += (_WEB / "print.css").read_text("utf-8")


def component(name: str) -> Callable[..., Any]:
    script, style = (_WEB / f"{name}.{kind}" for kind in ("js", "css"))
    css = style.read_text("utf-8") if style.exists() else None
    return st.components.v2.component(f"aml_{name}", js=script.read_text("utf-8"), css=css)


_restart = component("restart")
_history = component("history")
_acting = component("acting")


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


def people() -> dict[str, User]:
    """All users by id, the inactive too; their names as a page shows them."""
    return {person.user_id: replace(person, name=words.shown(person.name)) for person in desk().read(repository.users)}


def check_still_acting(actor: User) -> None:
    """A page that was drawn before may still send something: raises NotAllowed unless this person is still acting."""
    until: datetime | None = st.session_state.get("signed in until")
    if until and datetime.now(UTC) > until:
        raise NotAllowed("Your sign-in has ended. Copy what you typed, and load the page anew to sign in.")
    since: datetime | None = st.session_state.get("signed in at")
    if since:
        users.check_signed_in(desk().read(lambda tx: repository.user(tx, actor.user_id)), since)
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
        st.warning(f"That you look at it cannot be kept. {words.plain(error)}", icon=":material/gpp_bad:")
        return False


def sar_banner(events: Sequence[Event]) -> None:
    place = st.container()
    if policy.has_sar_decision(events):
        place.warning(
            "Restricted SAR material: nobody without a BSA need may learn that a report exists (31 U.S.C. 5318(g)(2)). "
            "The chain keeps who looks and who exports.",
            icon=":material/shield_lock:",
        )


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


def keep_history(page: Page) -> None:
    """In the frame: Back and Forward go from page to page, each with its own address."""
    if page.url_path not in ("case", "exports"):
        st.query_params.pop("case_id", None)
    _history(key="history")
