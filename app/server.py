"""What is served: the frame, behind the gate, and addresses of cases as people write them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit import runtime
from streamlit.config import get_option
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo

from app import gate, terminal
from app.database.sqlite import SqliteDatabase
from app.errors import DeskError, kinds
from app.ui import base, sign_in

_LOGGER = logging.getLogger("app.server")  # Streamlit runs this file under a name of its own

DESCRIPTORS = (65_536, 10_240, 4_096)
"""Open files and sockets that the process asks for, the first that the system grants."""
PER_SESSION = 16
"""Descriptors for each session that is kept: its own three, a socket, and what pages and the database open."""


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


def raise_descriptor_limit() -> int:
    """Raise the process's limit of open files as far as the system lets it; return what it is then."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return DESCRIPTORS[0]
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in DESCRIPTORS:
        if limit < wanted:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
                return wanted
    return limit


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any] | None]:
    """Put the store in its place before the first visitor comes, and log what is served."""
    terminal.start_logging(logging.INFO)
    sessions = runtime.get_instance()._session_mgr
    room = max(16, min(2_000, raise_descriptor_limit() // PER_SESSION))
    sessions._session_storage = SessionsOfPeople(room, get_option("server.disconnectedSessionTTL"))  # type: ignore[attr-defined]
    try:
        desk = base.desk()
        engine = "SQLite" if desk.is_embedded else "SQL Server"
        told = engine, desk, base.config().exports, sign_in.mode()
        _LOGGER.info("Serving. Database: %s, %s. Exports: %s. Sign-in: %s.", *told)
        if isinstance(desk, SqliteDatabase):
            desk.keep_watch()
    except DeskError as error:  # the pages say what is wrong
        _LOGGER.error("The desk cannot work: %s", kinds(error))
    yield None
    _LOGGER.info("Stopped.")


async def lead_to(page: str, request: Request) -> RedirectResponse:
    """From `/case/AML-7F3KQ2XA` to `/case?case_id=AML-7F3KQ2XA`: relative, as a proxy may put something before it."""
    return RedirectResponse(f"../{page}?{urlencode(request.path_params)}")


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    routes=[Route(f"/{page}/{{case_id}}", partial(lead_to, page), name=page) for page in ("case", "exports")],
    middleware=[Middleware(gate.Gate)],
    lifespan=lifespan,
)
