"""The queue as a person walks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic

import streamlit as st

from app import policy
from app.models import Event, User
from app.triage_query import Filters, Order
from app.ui import base, forms, session


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


def shown_last() -> Queue:
    """The queue as Triage showed it last in this session."""
    shown_last: Queue = st.session_state.get("queue", Queue(Filters(), False, Order.DUE, "All open, due first"))
    return shown_last


def open_case(case_id: str) -> None:
    """Go to the Case page, from any other page."""
    st.switch_page(base.CASE, query_params={"case_id": case_id})


def just_taken() -> str | None:
    """The case that this session took a moment ago: whatever else comes of a double click is to show it."""
    match st.session_state.get("taken"):
        case (str(case_id), float(at)) if monotonic() - at < session.DOUBLE_CLICK:
            return case_id
    return None


def next_case_button(actor: User, on_open: Callable[[str], None] = open_case) -> None:
    """Takes the most urgent case that nobody owns and calls `on_open` with its id: one, however often it is clicked.

    Its token is in its key, so that the button which was clicked is gone once the page is drawn anew.
    """
    token = forms.form_token("next")

    def take() -> None:
        case_id = just_taken()
        if case_id:  # said again, as the run that was to say it may have been overtaken
            st.session_state["outcome"] = forms.Outcome(f"{case_id} is yours.")
        elif event := forms.send(actor, "next", _taken_words, lambda: session.doings().take_next(actor, token)):
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
