"""The frame: page config, sign-in, navigation; nothing else."""

import streamlit as st

from app import chart, sign_in, tour, ui
from app.settings import SignIn

st.set_page_config(page_icon="app/web/icon.svg", layout="wide", initial_sidebar_state=240)
st.logo("app/web/icon.svg")
st.html(f"<style>{ui.STYLE}{chart.STYLE}</style>")
page = st.navigation(
    [
        st.Page(ui.TRIAGE, title="Triage", icon=":material/inbox:", default=True),
        st.Page(ui.CASE, title="Case", icon=":material/folder_open:", url_path="case"),
        st.Page(ui.QA, title="QA", icon=":material/fact_check:", url_path="qa"),
        st.Page(ui.EXPORTS, title="Exports", icon=":material/download:", url_path="exports"),
    ],
    position="top",
)
if page.url_path != "case":
    ui.name_tab(page.title)
with ui.errors_shown():
    with st.sidebar:
        st.markdown("**AML Case Desk**")
        ui.keep_history(page)
    tour.begin(page)
    ui.tell_restart()
    sign_in.admit()
    with st.sidebar:
        ui.show_last_verified()
    tour.show(page)
    with st.sidebar:
        ui.hand_over()
    page.run()
    ui.keep_drafts(sign_in.acting(), alone=sign_in.mode() is SignIn.OIDC)
