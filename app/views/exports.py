"""Exports: a case's audit CSV and SAR summary, and the verification of what is stored or was exported."""

import pandas as pd
import streamlit as st
from markdown_it import MarkdownIt

from app import audit, repository, ui
from app.errors import DeskError

SUMMARY_STYLE = """
.summary { max-width: 52rem; font-size: .95rem; }
.summary h1 { font-size: 1.3rem; } .summary h2 { font-size: 1.05rem; margin-top: 1rem; }
.summary td { padding: .15rem 1rem .15rem 0; vertical-align: top; } .summary thead { display: none; }
.summary blockquote { margin: .3rem 0; padding: .3rem .9rem; border-left: 3px solid; overflow-wrap: anywhere; }
.summary pre { overflow-x: auto; }
"""


def show_export(export: audit.Export) -> None:
    if export.breaks:
        st.error("The audit trail of this case is broken. Both files say so.", icon=":material/gpp_bad:")
    with st.container(horizontal=True, key="downloads"):
        st.download_button(
            "Audit CSV", export.csv, export.csv_name, "text/csv", on_click="ignore", icon=":material/download:"
        )
        st.download_button(
            "SAR summary",
            export.summary,
            export.summary_name,
            "text/markdown",
            on_click="ignore",
            icon=":material/download:",
        )
        if st.button(f"Write both to {ui.config().exports.name}/", icon=":material/save:"):
            paths = export.write(ui.config().exports)
            st.toast("Written: " + ", ".join(path.name for path in paths), icon=":material/check_circle:")
    summary, trail = st.tabs(["SAR summary", "Audit CSV"])
    with summary:
        page = MarkdownIt("commonmark").enable("table").render(export.summary)
        st.html(f"<style>{SUMMARY_STYLE}</style><div class='summary'>{page}</div>")
    with trail:
        rows = pd.DataFrame(audit.read_csv(export.csv), columns=repository.EVENT_COLUMNS)
        st.dataframe(rows, hide_index=True, height="content", alt=f"Audit CSV of {export.case_id}")


def show_result(what: str, result: audit.Verified) -> None:
    read = f"{ui.count(result.cases, 'case')}, {ui.count(result.events, 'event')}"
    if result.last:
        read = f"{result.last.case_id}, {ui.count(result.events, 'event')}, the last at {result.last.ts}"
    if result.intact:
        st.success(ui.plain(f"{what}: {read}, all intact."), icon=":material/verified:")
        return
    st.error(ui.plain(f"{what}: {read}: {ui.count(len(result.breaks), 'break')}."), icon=":material/gpp_bad:")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Case": found.case_id,
                    "Event": "case row" if found.event_id is None else str(found.event_id),
                    "Kind": found.kind.value,
                    "Field": found.field,
                    "Expected": found.expected,
                    "Found": found.found,
                }
                for found in result.breaks[:1000]
            ]
        ),
        hide_index=True,
        height="content",
        alt="Breaks",
    )


ui.actor()
st.title("Exports", anchor=False)
one_case, whole_database, file = st.tabs(["Export a case", "Verify the database", "Verify an audit CSV"])

with one_case:
    if case_id := ui.case_id_input():
        try:
            show_export(audit.export_case(ui.desk(), case_id))
        except DeskError as error:
            st.warning(ui.plain(error))
    else:
        st.info("Type the id of a case to preview its audit CSV and its SAR summary.")

with whole_database:
    st.write("Recomputes every hash and link, replays every event, and compares the result with the row of each case.")
    if st.button("Verify every chain", type="primary", icon=":material/verified_user:"):
        ui.verify_everything()
        st.rerun()  # the sidebar tells it too
    ui.show_last_verified()
    if newest := ui.last_verified().result:
        show_result("The database", newest)

with file:
    uploaded = st.file_uploader("An audit CSV that was exported from the desk", type="csv")
    if uploaded is not None:
        try:
            show_result("The file", audit.verify_csv(uploaded.getvalue(), uploaded.name))
            st.caption("A file cannot tell whether newer events were cut off its end; the database can.")
        except DeskError as error:
            st.error(f"Refused: {ui.plain(error)}", icon=":material/gpp_bad:")
