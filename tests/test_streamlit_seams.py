"""What the desk uses of Streamlit that no release promises: each test says what a release took away, or where it leaks.

What its pages look like from inside is tried in a browser, by `tests/e2e/selectors.py`.
"""

from __future__ import annotations

import ast
import asyncio
import re
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from streamlit import runtime
from streamlit.testing.v1 import AppTest

from app import server
from app.ui import streamlit_seams

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(file for kind in ("py", "js", "css") for file in (ROOT / "app").rglob(f"*.{kind}"))
OF_BUNDLES = ROOT / "app" / "exports" / "bundle"
"""What an examiner opens without the desk has its own style."""


def name(file: Path) -> str:
    return file.relative_to(ROOT / "app").as_posix()


# --- what Streamlit still does ---


def draw_bound() -> None:
    import streamlit as st

    from app.ui import streamlit_seams

    st.text_input("Case id", key="case_id", bind="query-params")
    streamlit_seams.unbind("case_id")
    with st.runtime.scriptrunner.get_script_run_ctx().session_state.query_params() as address:  # type: ignore[union-attr]
        st.text(f"{address.get_binding_for_param('case_id')}, {streamlit_seams.session_id()}")


def test_a_parameter_can_be_taken_from_its_widget_and_a_run_knows_its_session() -> None:
    page = AppTest.from_function(draw_bound)
    page.query_params["case_id"] = "AML-7F3KQ2XA"
    page.run()
    assert not page.exception, page.exception[0].message
    assert page.text_input[0].value == "AML-7F3KQ2XA"
    bound, _, session_id = page.text[0].value.partition(", ")
    assert bound == "None"
    assert session_id not in ("None", "")
    assert streamlit_seams.session_id() is None


def test_the_store_that_keeps_sessions_is_the_one_that_streamlit_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def list_none(store: object) -> list[object]:
        asked.append(store)
        return []

    monkeypatch.setattr(streamlit_seams.SessionsOfPeople, "list", list_none)

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.shutdown" if asked else "lifespan.startup"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "lifespan.startup.complete":
            runtime.get_instance()._session_mgr.list_sessions()

    with ThreadPoolExecutor(1) as other:  # as a browser of another test may keep a loop running in this one
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        other.submit(lambda: asyncio.run(server.app(scope, receive, send))).result()
    assert [type(store) for store in asked] == [streamlit_seams.SessionsOfPeople]


# --- and where the desk speaks of it ---


def test_the_inner_modules_of_streamlit_are_used_in_one_place() -> None:
    for file in SOURCES:
        if file.suffix != ".py" or name(file) == "ui/streamlit_seams.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] != "streamlit", f"{name(file)}, line {node.lineno}"
            if isinstance(node, ast.Import):
                assert not [one.name for one in node.names if one.name.startswith("streamlit.")], name(file)


def test_the_state_of_a_session_is_read_and_written_by_its_typed_names() -> None:
    users = {name(file) for file in SOURCES if "st.session_state" in file.read_text("utf-8")}
    assert users == {"ui/session.py"}


def test_the_marks_of_streamlits_pages_stand_in_the_style_sheets_and_one_script() -> None:
    marks = re.compile(r"""data-?[Tt]est|\[data-rac\]|["=]st[A-Z]""")
    users = {name(file) for file in SOURCES if marks.search(file.read_text("utf-8"))}
    assert users == {"web/desk.css", "web/print.css", "web/streamlit.js"}


def colours() -> dict[str, list[str]]:
    """The variables of the style sheet: in light and in dark, or the one colour."""
    sheet = (ROOT / "app" / "web" / "desk.css").read_text("utf-8")
    return {found[1]: re.findall("#[0-9A-F]{6}", found[2]) for found in re.finditer(r"--desk-([\w-]+): (.+);", sheet)}


def test_each_colour_of_the_desk_stands_once() -> None:
    written = re.compile(r"#[0-9a-f]{6}\b|#[0-9a-f]{3}\b(?![\w-])|\brgba?\(", re.IGNORECASE)
    for file in SOURCES:
        if OF_BUNDLES in file.parents or file.name == "desk.css":
            continue
        assert not written.findall(file.read_text("utf-8")), name(file)
    sheet = (ROOT / "app" / "web" / "desk.css").read_text("utf-8")
    assert not written.findall(sheet[sheet.index("\n}\n") :].replace("#0000", ""))
    for variable in re.findall(r"var\(--desk-([\w-]+)", "".join(file.read_text("utf-8") for file in SOURCES)):
        assert variable in colours(), variable


def test_the_style_sheet_and_the_theme_name_the_same_colours() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    same = {
        "ground": "backgroundColor",
        "second-ground": "secondaryBackgroundColor",
        "border": "borderColor",
        "primary": "primaryColor",
    }
    for variable, setting in same.items():
        assert colours()[variable] == [theme[scheme][setting] for scheme in ("light", "dark")], variable
