"""What a session of Streamlit holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, TypeVar, cast

import streamlit as st

from app import casework
from app.errors import (
    DeskError,
    NotWritten,
    OutcomeUnknown,
)
from app.models import Event, User
from app.ui import base

Made = TypeVar("Made")


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
                self.taken[token] = casework.take_next(base.desk(), actor.user_id, form=token)
            return self.taken[token]


def doings() -> Doings:
    mine: Doings = st.session_state.setdefault("doings", Doings())
    return mine


# --- the queue ---

DOUBLE_CLICK = 1.0
"""Seconds within which a second click means the first one again."""
