"""The panel that lets a presenter change a case's history on a copy, and shows which check catches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import chain, policy, repository
from app.demo import tampering
from app.demo.tampering import CHANGE, CUT, DELETE, REWRITE, SWAP
from app.errors import RUN
from app.log import lines, proofs
from app.models import Action, Break, Event, User
from app.ui import base, integrity, timeline, words
from app.ui.session import Session

HASHES, ROW, CHECKPOINT = "Hashes and links", "Old values and the case row", "The signed checkpoint"


def show(case_id: str, events: Sequence[Event], names: Mapping[str, User]) -> None:
    """Let a presenter change the history on a copy, and see which check catches it."""
    st.caption("Works on a copy in memory and writes nothing: be the one who rules the database.")
    _, _, row, _ = base.desk().read(lambda tx: repository.chains_of(tx, case_id))[0]
    try:
        changed = _attempt(tampering.Copy(case_id, tuple(events), row or {}))
    except (TypeError, UnicodeEncodeError):
        st.warning(
            "An event from there on holds what is no text, and has no hash to compute.", icon=":material/gpp_bad:"
        )
        return
    if changed is None:
        return
    if st.checkbox(
        "Make the case row agree with it", key="agree", help="Count, head and columns, as a careful forger."
    ):
        changed = tampering.agree(changed)
    if changed.events == tuple(events):
        st.caption("That changes nothing.")
        return
    links = chain.verify_links(case_id, changed.events)
    anchor = integrity.newest_checkpoint()
    now = iter([(event.event_id or 0, event.case_id, event.event_hash) for event in changed.events])
    then = iter(proofs.lines_of(anchor, case_id) if anchor else ())
    found = {
        HASHES: links,
        ROW: [one for one in changed.breaks() if one not in links],
        CHECKPOINT: list(lines.differences(now, then)),
    }
    _show_verdict(found, anchor is not None)
    for check, breaks in found.items():
        _show_check(check, breaks)
    timeline.show(changed.events, names, key="tampered", breaks=[one for breaks in found.values() for one in breaks])


def _attempt(case: tampering.Copy) -> tampering.Copy | None:
    """Return the copy after what the presenter chose to do to it; None where nothing is chosen yet."""
    if not case.events:
        st.caption("There is no event left to do anything to.")
        return None
    attack = st.segmented_control(
        "What to do to the history", [CHANGE, DELETE, SWAP, CUT, REWRITE], key=Session.attack.key
    )
    if attack is None:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", key="attempt"):
        labels = [
            words.shown(f"{place}. {timeline.LABELS.get(event.action, event.action)}, {str(event.ts)[:10]}")
            for place, event in enumerate(case.events, 1)
        ]
        acts = [place for place, event in enumerate(case.events) if event.action not in policy.LOOKS]
        decided = [place for place in acts if case.events[place].action == Action.DISPOSITION]
        first = max(decided or acts, default=len(labels) - 1)
        label = st.selectbox("Event", labels, first, key=f"event {case.case_id}")
        place = labels.index(label)
        if attack == SWAP:
            other = st.selectbox("With", labels, key=f"other {case.case_id}")
            return tampering.swap(case, place, labels.index(other))
        if attack in (CHANGE, REWRITE):
            fields = tampering.FIELDS if attack == CHANGE else tampering.FIELDS[:5]
            field = st.selectbox("Field", fields, fields.index("notes"), key=f"field {attack}")
            stored = words.shown(getattr(case.events[place], field))
            value = st.text_input("To", f"{stored}." if field == "notes" else stored, key=f"to {label} {field}")
            return (tampering.change if attack == CHANGE else tampering.rewrite)(case, place, field, value)
    return (tampering.delete if attack == DELETE else tampering.cut)(case, place)


def _show_check(check: str, breaks: Sequence[Break]) -> None:
    """Show whether a check found something, and the first of what it found."""
    if not breaks:
        st.markdown(f":gray-badge[:material/visibility_off: finds nothing] **{check}**")
        return
    first, more = breaks[0], f", and {len(breaks) - 1} more" if len(breaks) > 1 else ""
    expected, found = (
        words.plain(text if len(text) < 24 else f"{text[:16]}…") for text in (first.expected, first.found)
    )
    where = words.plain(f"{first.where}: {first.kind}, {first.field}")
    st.markdown(
        f":green-badge[:material/gpp_maybe: caught] **{check}** at {where}, expected {expected}, found {found}{more}"
    )


def _show_verdict(found: Mapping[str, Sequence[Break]], anchored: bool) -> None:
    """Say which of the checks caught it; `anchored` is whether there is a checkpoint."""
    caught = [check for check, breaks in found.items() if breaks]
    anchor = ":material/anchor:"
    if caught == [CHECKPOINT]:
        st.info("Only the signed checkpoint catches this: chain and row agree with each other.", icon=anchor)
    elif caught:
        st.success(f"Caught by {' and '.join(caught).lower()}.", icon=":material/gpp_maybe:")
    elif anchored:
        st.warning("Nothing catches this: it touches only events after the newest checkpoint.", icon=anchor)
    else:
        st.warning(f"Nothing catches this without a checkpoint. Make one: {RUN} checkpoint", icon=anchor)
