"""What the desk uses of Streamlit that no release promises; nothing else imports its inner modules.

Its pages' own marks (test ids, the state of a run) stand in `web/streamlit.js` for scripts, and in `web/desk.css` and
`web/print.css` for styles. Each has a test that says what a release of Streamlit took away: here and in the browser.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st
from streamlit import file_util, runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.session_manager import SessionInfo

from app import gate


def session_id() -> str | None:
    """Return Streamlit's id of the session that this run of a page belongs to; None outside of one."""
    context = get_script_run_ctx()
    return context.session_id if context else None


def unbind(parameter: str) -> None:
    """Take a parameter of the address from the widget that is bound to it, which has been drawn in this run.

    It keeps its value and its place in the address, which from then on is the page's alone.
    """
    if context := get_script_run_ctx():
        with context.session_state.query_params() as address:
            if bound := address.get_binding_for_param(parameter):
                address.unbind_widget(bound.widget_id)


def class_of(key: str) -> str:
    """Return the CSS class that Streamlit gives to what has this key."""
    return "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key)


class SessionsOfPeople(MemorySessionStorage):
    """Streamlit's store of sessions whose connection was lost, in which a stranger's takes nobody's place."""

    def save(self, session_info: SessionInfo) -> None:
        if gate.may_return(session_info.session.id):
            super().save(session_info)
        else:  # once the manager has let go of it
            asyncio.get_running_loop().call_soon(session_info.session.shutdown)

    def delete(self, session_id: str) -> None:
        with suppress(KeyError):  # one that was not kept
            super().delete(session_id)


STATIC = Path(file_util.get_static_dir())
"""What Streamlit serves: its page, and what that loads."""
PARTS = ("BidiComponent", "Button", "Checkbox", "Html", "Selectbox", "TextInput")
"""Elements that the first page shows, by the names of their scripts; Streamlit's page asks for each as it meets it."""

_FONT = re.compile(r'(<link[^>]*as="font"[^>]*>)')
_ROOT = '<div id="root">'
_IMPORTED = re.compile(r'(?:from|import)\s*"\./([\w.~-]+\.js)"')


def scripts_of(parts: Sequence[str]) -> list[str]:
    """Return the files of these elements' scripts, and of all that they import."""
    folder = STATIC / "static" / "js"
    found = [file.name for part in parts for file in sorted(folder.glob(f"{part}.*.js"))]
    for name in found:  # which grows
        found += sorted({*_IMPORTED.findall((folder / name).read_text("utf-8"))} - {*found})
    return found


def page() -> str:
    """Return the page that Streamlit serves at every address."""
    return (STATIC / "index.html").read_text("utf-8")


def dressed(title: str, waiting: str) -> str:
    """Return Streamlit's page with what a slow line needs.

    It has the title, shows `waiting` (HTML) until its scripts are there, asks for those of PARTS behind them, and for
    the font after its own, which is before there is a text to show in it.
    """
    before, font, after = _FONT.split(page())
    font = font.replace("<link", '<link fetchpriority="low"')
    then = f'addEventListener("DOMContentLoaded", () => document.head.insertAdjacentHTML("beforeend", `{font}`))'
    link = '<link rel="modulepreload" crossorigin fetchpriority="low" href="./static/js/{}">'
    links = map(link.format, scripts_of(PARTS))
    named = re.sub("<title>.*?</title>", f"<title>{title}</title>", before + after)
    last = "\n".join([*links, f"<script>{then}</script>", "</head>"])
    return named.replace("</head>", last).replace(_ROOT, _ROOT + waiting)


def keep_sessions_of_people(room: int) -> None:
    """Put the store in its place, with room for so many sessions. The runtime has to be there, and nobody yet."""
    manager = runtime.get_instance()._session_mgr
    kept = SessionsOfPeople(room, st.get_option("server.disconnectedSessionTTL"))
    manager._session_storage = kept  # type: ignore[attr-defined]
