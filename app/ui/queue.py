"""The queue as a person walks it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import streamlit as st

from app import casework, policy
from app.models import Event, User
from app.triage_query import Place
from app.ui import base, forms, session, words
from app.ui.session import Outcome, Session, Taken, mine


def open_case(case_id: str) -> None:
    """Go to the Case page, from any other page."""
    st.switch_page(base.CASE, query_params={Session.case_id.key: case_id})


def just_taken() -> str | None:
    """Return the case that this session took a moment ago: whatever else comes of a double click is to show it."""
    taken = mine.taken
    return taken.case_id if taken and monotonic() - taken.at < session.DOUBLE_CLICK else None


def next_case_button(actor: User, on_open: Callable[[str], None] = open_case) -> None:
    """Draw what takes the most urgent case that nobody owns and calls `on_open` with its id.

    It takes one, however often it is clicked. Its token is in its key, so that the button which was clicked is gone
    once the page is drawn anew.
    """
    form = forms.Form(actor, "next")

    def take_next() -> Event | None:
        return casework.take_next(base.desk(), actor.user_id, form=form.token)

    def take() -> None:
        case_id = just_taken()
        if case_id:  # said again, as the run that was to say it may have been overtaken
            mine.outcome = Outcome(f"{case_id} is yours.")
        elif event := form.send(_taken_words, lambda: session.doings().once_a_token(form.token, take_next)):
            case_id = event.case_id
            mine.taken = Taken(case_id, monotonic())
        if case_id:
            on_open(case_id)

    refusal = policy.why_not_take(actor)
    st.button(
        "Take new case",
        key=f"next {form.token}",
        on_click=take,
        type="primary",
        icon=":material/assignment_add:",
        shortcut="N",
        disabled=bool(refusal),
        help=refusal or "Makes the case that is due first of those that nobody owns yours, and opens it",
    )


def walk(actor: User, place: Place, on_open: Callable[[str], None]) -> None:
    """Draw what leads to the case before and the one after in the queue, and between them the place of this one."""
    walked = mine.queue
    whose = "of mine" if walked.filters.owner == actor.user_id else "in queue"
    help_text = f"In the queue: {words.plain(walked.words)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content", key="walk"):
        st.button(
            "Previous",
            on_click=on_open,
            args=(place.before,),
            disabled=place.before is None,
            icon=":material/chevron_left:",
            shortcut="K",
            help=help_text,
        )
        st.markdown(_place_words(place), width="content")
        st.button(
            f"Next {whose}",
            on_click=on_open,
            args=(place.after,),
            disabled=place.after is None,
            icon=":material/chevron_right:",
            icon_position="right",
            shortcut="J",
            help=help_text,
        )


def _place_words(place: Place) -> str:
    if place.position is None:
        return f"beyond {place.total}" if place.is_more else "not in queue"
    return f"{place.position} of {place.total}{'+' * place.is_more}"


def _taken_words(event: Event | None) -> str:
    return f"{event.case_id} is yours." if event else "No case is waiting: each open one has an owner."
