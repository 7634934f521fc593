"""The frame: page config, sign-in, navigation; nothing else."""

import streamlit as st

from app.demo import tour
from app.ui import base, downloads, forms, integrity, sign_in

st.set_page_config(page_icon="app/web/icon.svg", layout="wide", initial_sidebar_state=240)
st.logo("app/web/icon.svg")
st.html(f"<style>{base.STYLE}</style>")
page = st.navigation(
    [
        st.Page(base.TRIAGE, title="Triage", icon=":material/inbox:", default=True),
        st.Page(base.CASE, title="Case", icon=":material/folder_open:", url_path="case"),
        st.Page(base.QA, title="QA", icon=":material/fact_check:", url_path="qa"),
        st.Page(base.EXPORTS, title="Exports", icon=":material/download:", url_path="exports"),
    ],
    position="top",
)
if page.url_path != "case":
    base.name_tab(page.title)
with forms.errors_shown():
    with st.sidebar:
        st.markdown("**AML Case Desk**")
        base.keep_history(page)
    tour.begin(page)
    base.tell_restart()
    sign_in.admit()
    with st.sidebar:
        integrity.show_last_verified()
    tour.show(page)
    with st.sidebar:
        downloads.hand_over()
    page.run()
    forms.keep_typed(sign_in.acting())
