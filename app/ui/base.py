"""What every page stands on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import streamlit as st

from app import casework, database, policy, repository, settings, users
from app.errors import BrokenCase, NotAllowed
from app.models import Event, User
from app.ui import session, words
from app.ui.session import Session, mine

TRIAGE, CASE, QA, EXPORTS = "views/triage.py", "views/case.py", "views/qa.py", "views/exports.py"

_WEB = settings.ROOT / "app" / "web"

STYLE = "".join((_WEB / f"{name}.css").read_text("utf-8") for name in ("desk", "print"))
"""Of all pages: what the theme's settings cannot say, and the desk's own parts, on the screen and on paper."""


def script(name: str) -> str:
    """Return a script of `web`, with what it needs to know of Streamlit's pages before it."""
    own = (_WEB / f"{name}.js").read_text("utf-8")
    return (_WEB / "streamlit.js").read_text("utf-8") + own if "streamlit." in own else own


def component(name: str) -> Callable[..., Any]:
    """Return the component that a script of `web` and the style beside it make, to be drawn with `data` and `key`."""
    style = _WEB / f"{name}.css"
    css = style.read_text("utf-8") if style.exists() else None
    return st.components.v2.component(f"aml_{name}", js=script(name), css=css)


_restart = component("restart")
_history = component("history")
_acting = component("acting")


# What all sessions share is kept by the process: Streamlit's cache is cleared by a message that anyone may send.


@cache
def config() -> settings.Settings:
    """Return the settings of this process."""
    return settings.load()


@cache
def desk() -> database.Database:
    """Return the database that every page works on."""
    return database.connect(config())


def name_tab(title: str) -> None:
    """Name the page for the browser's tab and its history. A customer's name never: others may see it there."""
    st.set_page_config(page_title=f"{title} · AML Case Desk")


def people() -> dict[str, User]:
    """Return all users by id, the inactive too; their names as a page shows them."""
    return {person.user_id: replace(person, name=words.shown(person.name)) for person in desk().read(repository.users)}


def check_still_acting(actor: User) -> None:
    """Raise NotAllowed unless this person is still acting: a page that was drawn before may still send something."""
    if mine.signed_in_until and datetime.now(UTC) > mine.signed_in_until:
        raise NotAllowed("Your sign-in has ended. Copy what you typed, and load the page anew to sign in.")
    if since := mine.signed_in_at:
        users.check_signed_in(desk().read(lambda tx: repository.user(tx, actor.user_id)), since)
    if Session.acting in mine and mine.acting != actor.user_id:
        raise NotAllowed("Who acts changed as you clicked. Look who is acting, and click again.")


# --- confidentiality ---


def look(actor: User, case_id: str, events: Sequence[Event]) -> bool:
    """Keep in the chain of a case with a SAR decision who looks at it. Return whether that added an event."""
    if not policy.view_to_record(actor.user_id, events, datetime.now(UTC)):
        return False
    try:
        return casework.record_view(desk(), actor.user_id, case_id) is not None
    except BrokenCase as error:
        st.warning(f"That you look at it cannot be kept. {words.plain(error)}", icon=":material/gpp_bad:")
        return False


def sar_banner(events: Sequence[Event]) -> None:
    """Say above a case with a SAR decision that it is restricted; hold its place in any other."""
    place = st.container()
    if policy.has_sar_decision(events):
        place.warning(
            "Restricted SAR material: nobody without a BSA need may learn that a report exists (31 U.S.C. 5318(g)(2)). "
            "The chain keeps who looks and who exports.",
            icon=":material/shield_lock:",
        )


def tell_restart() -> None:
    """In the frame: a page that outlives its session says so."""
    _restart(data={"session": session.token()}, key="restart")


def who_acted(acting: str) -> str | None:
    """In the demo: let the browser keep who acts; return the user id of who did before the page was loaded.

    `acting` is a user id, empty where nobody acts yet. Return None while the browser has not said who did, and an
    empty text where it knows nobody.
    """
    key = "keeper"

    def say() -> None:
        mine.acted = str((session.value_of(key).get("kept") or {}).get("user", ""))

    _acting(data={"session": session.token(), "acting": acting}, key=key, on_kept_change=say)
    return mine.acted


def keep_history(page: st.Page) -> None:
    """In the frame: Back and Forward go from page to page, each with its own address."""
    if page.url_path not in ("case", "exports"):
        st.query_params.pop(Session.case_id.key, None)
    _history(key="history")
