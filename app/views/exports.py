"""Exports: a case's audit CSV, SAR summary and bundle, and the verification of what is stored or was exported."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import streamlit as st
from markdown_it import MarkdownIt

from app import verification
from app.errors import DeskError, NotAllowed, SettingsError
from app.exports import audit_csv, bundle, case_export, fincen_file, taking
from app.exports.taking import Kind
from app.log import checkpoint, keys, signed_note
from app.models import EVENT_COLUMNS, Break, Disposition, Event, User
from app.ui import base, forms, integrity, session, sign_in, words
from app.ui.session import mine

AT_ONCE = 200  # events of a preview, and paragraphs at each end of it

WIDE_TABLE = re.compile(r"<table>(?=\n<thead>\n<tr>\n<th[^>]*>[^<])")
"""A table of the summary that has a head: one of many columns."""

BUTTONS = {
    Kind.AUDIT_CSV: (":material/download:", None),
    Kind.SAR_SUMMARY: (":material/download:", None),
    Kind.BUNDLE: (
        ":material/folder_zip:",
        "All of it, with the proof that the log holds it, and two ways to check it without this desk.",
    ),
    Kind.SARX: (":material/send:", "The approved report as an XML file that FinCEN's BSA E-Filing takes."),
}
"""The icon of the button of each kind, and what it says of it."""


def show_export(actor: User, case_id: str) -> None:
    export = case_export.read(base.desk(), case_id)
    if base.look(actor, case_id, export.events):
        export = case_export.read(base.desk(), case_id)
    base.sar_banner(export.events)
    if export.breaks:
        st.error("The audit trail of this case is broken. Both files say so.", icon=":material/gpp_bad:")
    last, can_file = last_anchored(), show_filing(export)
    offered = {Kind.AUDIT_CSV: True, Kind.SAR_SUMMARY: True, Kind.BUNDLE: last is not None, Kind.SARX: can_file}
    show_downloads(actor, case_id, [kind for kind in Kind if offered[kind]])
    st.caption("The case keeps who exported what: the file's name and SHA-256 become an event of its chain.")
    show_how_to_open(export.events)
    if last is not None:
        show_anchored(export.events, last)
    show_preview(export)


def today() -> date:
    """Return the day on which a report is filed, where its filer is."""
    return datetime.now(words.zone()).date()


def show_filing(export: case_export.CaseExport) -> bool:
    """Say of a SAR what FinCEN will miss in its file, or why there is none. Return whether it can be made."""
    if export.case.disposition is not Disposition.SAR:
        return False
    if refusal := fincen_file.why_not(export):
        st.caption(f":material/send: {words.plain(refusal)}")
        return False
    try:
        prepared = fincen_file.prepare(export, base.config(), base.desk().is_embedded, today())
    except SettingsError as error:
        st.warning(words.plain(error), icon=":material/send:")
        return False
    if lacks := prepared.missing:
        told = "\n".join(f"- {words.plain(sentence)}" for sentence in lacks)
        st.warning(f"The file for FinCEN cannot be made, as something is missing:\n{told}", icon=":material/send:")
        return False
    if prepared.filer.is_demo:
        st.caption(":material/send: Who files is made up here: the name of the file for FinCEN begins with DEMO-.")
    if misses := prepared.unknown:
        with st.expander(f"What FinCEN will miss in its file ({len(misses)})", icon=":material/rule:"):
            st.markdown("\n".join(f"- {words.plain(sentence)}" for sentence in misses))
    return True


def show_downloads(actor: User, case_id: str, kinds: Sequence[Kind]) -> None:
    """Buttons for files of these kinds, each of which is made when it is asked for, of the case as it is then."""
    folder = base.config().exports
    with st.container(horizontal=True, key="downloads"):
        for kind in kinds:
            icon, told = BUTTONS[kind]
            st.button(kind, on_click=download, args=(actor, case_id, kind), icon=icon, help=told)
        st.button(
            f"Write all to {folder.name}/",
            on_click=write_all,
            args=(actor, case_id, kinds, folder),
            icon=":material/save:",
        )


def download(actor: User, case_id: str, kind: Kind) -> None:
    """In a button's callback: the browser gets the file on the run that follows."""
    given = session.doings().files

    def give() -> str:
        taken = taking.take(base.desk(), base.config(), actor.user_id, case_id, [kind], today=today())
        given.extend(session.File(name, data) for name, data in taken.files.items())
        return ", ".join(taken.files)

    forms.send(actor, f"download {kind} {case_id} {actor.user_id}", "{} is yours.".format, give, once=True)


def write_all(actor: User, case_id: str, kinds: Sequence[Kind], folder: Path) -> None:
    """In a button's callback."""

    def write() -> str:
        taken = taking.take(base.desk(), base.config(), actor.user_id, case_id, kinds, folder, today())
        return ", ".join(taken.files)

    forms.send(actor, f"write {case_id} {actor.user_id}", "Written: {}".format, write, once=True)


def show_how_to_open(events: Sequence[Event]) -> None:
    st.caption(
        ":material/table_view: In a spreadsheet, open the audit CSV as comma separated, with every column as text: "
        "otherwise it changes some numbers and times."
    )
    if cut := audit_csv.too_long_for_a_cell(events):
        number, column = cut[0]
        more = f", and {words.count(len(cut) - 1, 'field')} more" if cut[1:] else ""
        st.caption(
            f":material/content_cut: A spreadsheet's cell holds {audit_csv.CELL:,} characters and cuts off the rest of "
            f"{column} of event_id {number}{more}. The file has all of it."
        )


def show_preview(export: case_export.CaseExport) -> None:
    """What the files say, without the middle of what is long: the browser would be busy with it for seconds."""
    preview, rows_tab = st.tabs(["SAR summary", "Audit CSV"])
    with preview:
        parts = [without_middle(part) for part in export.summary().split("\n\n")]
        if (more := len(parts) - 2 * AT_ONCE) > 0:
            parts[AT_ONCE:-AT_ONCE] = [f"*{words.count(more, 'paragraph')} more in the file*"]
        page = MarkdownIt("commonmark").enable("table").render("\n\n".join(parts))
        page = WIDE_TABLE.sub("<table tabindex='0'>", page)  # which scrolls where it is too wide, by keys too
        st.html(f"<div class='summary'>{page}</div>")
    with rows_tab:
        columns, first = EVENT_COLUMNS, export.events[:AT_ONCE]
        rows = pd.DataFrame([[words.shown(getattr(event, c)) for c in columns] for event in first], columns=columns)
        st.dataframe(rows, hide_index=True, height="content", alt=f"Audit CSV of {export.case_id}")
        if len(export.events) > AT_ONCE:
            st.caption(f"The first {AT_ONCE} of {words.count(len(export.events), 'event')}; the file has them all.")


def without_middle(part: str) -> str:
    """Return a part of the summary; of a long table, the head and the first rows."""
    rows = part.split("\n")
    if not part.startswith("| ") or (more := len(rows) - AT_ONCE) <= 0:
        return part
    return "\n".join([*rows[:AT_ONCE], f"\n*{words.count(more, 'row')} more in the file*"])


def last_anchored() -> int | None:
    """Return the last event_id that the log has signed, 0 where it has signed none.

    None where the log's folder was changed, so that no bundle can be made; then the page says so.
    """
    try:
        log = integrity.log()
        anchor = log.newest() if log else None
        return anchor.last_event_id() if anchor else 0
    except DeskError as error:
        st.error(f"There is no bundle. {words.plain(error)}", icon=":material/gpp_bad:")
        return None


def show_anchored(events: Sequence[Event], last: int) -> None:
    anchored = sum((event.event_id or 0) <= last for event in events)
    if anchored:
        later = f" The {words.count(len(events) - anchored, 'event')} after it: not yet anchored."
        st.caption(
            f":material/anchor: Anchored up to event {anchored} of the case.{later if anchored < len(events) else ''}"
        )
    else:
        st.caption(":material/anchor: Not yet anchored: no checkpoint covers this case.")


def show_bundle(result: bundle.Result) -> None:
    what = f"{result.case_id}, {words.count(result.events, 'event')}"
    if result.checkpoint and not result.breaks:
        told = result.checkpoint
        what += f", {result.anchored} of them anchored in the log {told.origin} of {words.count(told.size, 'event')}"
    match result.verdict:
        case bundle.Verdict.OK:
            st.success(words.plain(f"{what}: ok, signed by {result.key}."), icon=":material/verified:")
        case bundle.Verdict.COMPARE:
            st.warning(
                words.plain(f"{what}: intact, signed by {result.key}. Compare this with the bank's published key."),
                icon=":material/key:",
            )
        case bundle.Verdict.NOT_ANCHORED:
            st.warning(words.plain(f"{what}: intact, but not anchored by any checkpoint."), icon=":material/anchor:")
        case bundle.Verdict.BROKEN:
            st.error(words.plain(f"{what}: {words.count(len(result.breaks), 'break')}."), icon=":material/gpp_bad:")
            show_breaks(result.breaks)


def make_checkpoint(actor: User) -> None:
    """In a button's callback."""
    try:
        base.check_still_acting(actor)
        if not sign_in.actor().active:
            raise NotAllowed(f"{actor.name} is inactive and cannot act.")
        made = checkpoint.sign(base.desk(), base.config())
    except DeskError as error:
        forms.log_fault(error)
        mine.checkpoint_refused = error
    else:
        new = words.count(made.events, "new event")
        st.toast(f"Checkpoint made: {new}." if made.events else "No events since.", icon=":material/anchor:")


def show_checkpoint(anchor: checkpoint.Anchor | None) -> None:
    st.caption(f":material/anchor: {words.plain(integrity.checkpoint_text(anchor))}")
    if anchor:
        st.caption("The log's verifier key, to be published: with it others check what was signed.")
        st.code(str(anchor.key), language=None, wrap_lines=True)
    refused = mine.checkpoint_refused
    del mine.checkpoint_refused
    if refused:
        st.error(words.plain(refused), icon=":material/gpp_bad:")
        show_breaks(getattr(refused, "breaks", ()))


def show_result(what: str, result: verification.Verified) -> None:
    read = f"{words.count(result.cases, 'case')}, {words.count(result.events, 'event')}"
    if result.last:
        newest = words.clocks(words.read_time(result.last.ts)) or result.last.ts
        read = f"{result.last.case_id}, {words.count(result.events, 'event')}, the last at {newest}"
    if result.intact and not result.cases:
        st.info(f"{what} holds no cases: there was nothing to verify.")
        return
    if result.intact:
        st.success(words.plain(f"{what}: {read}, all intact."), icon=":material/verified:")
        return
    st.error(words.plain(f"{what}: {read}: {words.count(len(result.breaks), 'break')}."), icon=":material/gpp_bad:")
    show_breaks(result.breaks)


def show_breaks(breaks: Sequence[Break]) -> None:
    if not breaks:
        return
    rows = [
        {
            "Case": found.case_id or "all",
            "Event": found.where,
            "Kind": found.kind.value,
            "Field": found.field,
            "Expected": found.expected,
            "Found": found.found,
        }
        for found in breaks[:1000]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt="Breaks")


actor = sign_in.actor()
st.title("Exports", anchor=False)
forms.show_outcome(base.people())
one_case, whole_database, file = st.tabs(["Export a case", "Verify the database", "Verify a file"])

with one_case:
    if case_id := forms.case_id_input():
        try:
            show_export(actor, case_id)
        except DeskError as error:
            forms.log_fault(error)
            st.warning(words.plain(error))
    else:
        st.info("Type the id of a case to preview its audit CSV and its SAR summary, and to take its bundle.")

with whole_database:
    st.write(
        "Recomputes every hash and link, replays every event, compares the result with the row of each case, and holds "
        "the log of all events against its newest checkpoint."
    )
    with st.container(horizontal=True, key="verify"):
        if st.button("Verify every chain", type="primary", icon=":material/verified_user:"):
            integrity.verify_everything()
            st.rerun()  # the sidebar tells it too
        if base.desk().is_embedded and keys.key_file(base.config()).exists():
            st.button("Make a checkpoint", on_click=make_checkpoint, args=(actor,), icon=":material/anchor:")
    show_checkpoint(integrity.newest_checkpoint())
    integrity.show_last_verified()
    last = integrity.last_verified()
    if last.result:
        show_result("The database", last.result)
        if last.result.intact and last.anchor:
            size = words.count(last.anchor.checkpoint.size, "event")
            st.caption(f"Held against a checkpoint of {size}, which are those that were signed; later ones were not.")
        elif last.result.intact and last.result.cases:
            st.caption("Not anchored: cut tails, cases that are gone and rewritten chains would not show.")

with file:
    uploaded = st.file_uploader("An audit CSV or a bundle that was exported from the desk", type=["csv", "zip"])
    key = st.text_input(
        "The published verifier key of the log",
        placeholder="name+a1b2c3d4+…",
        help="For a bundle, from somewhere else than the bundle itself: a forger would enclose a key of their own.",
    )
    if uploaded is not None:
        try:
            if uploaded.name.lower().endswith(".zip"):
                given = signed_note.read_verifier_key(key) if key else None
                show_bundle(bundle.verify_file(uploaded.getvalue(), uploaded.name, given))
            else:
                show_result("The file", audit_csv.verify_csv(uploaded.getvalue(), uploaded.name))
                st.caption("A CSV cannot tell whether newer events were cut off its end; a bundle or the database can.")
        except DeskError as error:
            st.error(f"Refused: {words.plain(error)}", icon=":material/gpp_bad:")
