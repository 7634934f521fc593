"""The log, and the verification of the whole database."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import streamlit as st

from app import verification
from app.errors import (
    DeskError,
)
from app.log import checkpoint
from app.ui import base, words


def log() -> checkpoint.Log | None:
    """Return the log of this desk's events; None where it has no key."""
    return checkpoint.log_of(base.config())


def newest_checkpoint() -> checkpoint.Anchor | None:
    """Return the newest checkpoint, or None; where the log's folder was changed, the page says so and goes on."""
    try:
        found = log()
        return found.newest() if found else None
    except DeskError as error:
        st.error(words.plain(error), title="The checkpoints cannot be used", icon=":material/gpp_bad:")
        return None


def checkpoint_text(anchor: checkpoint.Anchor | None) -> str:
    """Return what the newest checkpoint covers, who signed it and when, in words."""
    if anchor is None:
        return "There is no checkpoint to go by."
    told = anchor.checkpoint
    made = datetime.fromtimestamp(anchor.file.stat().st_mtime, UTC)
    first = words.count(told.size, "event")
    return f"Newest checkpoint: the first {first}, signed by {told.origin}, {words.clocks(made)}."


@dataclass
class LastVerified:
    """The newest verification of all chains since the desk started; shared by everybody."""

    at: datetime | None = None
    result: verification.Verified | None = None
    anchor: checkpoint.Anchor | None = None


@cache
def last_verified() -> LastVerified:
    """Return that verification, to be changed in place."""
    return LastVerified()


def verify_everything() -> None:
    """Verify all chains, and the log against what was signed of it, with a progress bar, and keep the result."""
    anchors: list[checkpoint.Anchor] = []
    with suppress(DeskError):  # the page says why the log cannot be used
        anchors = known.anchors() if (known := log()) else []
    bar = st.progress(0.0, "Verifying every chain…")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"{done:,} of {total:,} cases")

    result = verification.verify_database(base.desk(), progress, anchors)
    bar.empty()
    newest = last_verified()
    newest.at, newest.result, newest.anchor = datetime.now(UTC), result, anchors[-1] if anchors else None


def show_last_verified() -> None:
    """Say in a line when all chains were verified last, and how that went."""
    newest = last_verified()
    if newest.at is None or newest.result is None:
        st.caption("All chains together: not yet verified since the desk started.")
    elif newest.result.intact and not newest.result.cases:
        st.caption(f"There were no cases to verify at {words.clocks(newest.at)}.")
    elif newest.result.intact:
        st.caption(f":material/verified: All {newest.result.cases:,} chains intact at {words.clocks(newest.at)}.")
    else:
        st.caption(
            f":material/gpp_bad: {words.count(len(newest.result.breaks), 'break')} found at {words.clocks(newest.at)}."
        )
