"""What is served: the frame, behind the gate, and addresses of cases as people write them."""

from __future__ import annotations

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

from app import gate, sending, settings, terminal
from app.database import VERSION
from app.database.sqlite import SqliteDatabase
from app.errors import DeskError, kinds
from app.ui import base, sign_in, streamlit_seams

_LOGGER = logging.getLogger("app.server")  # Streamlit runs this file under a name of its own

NAME = "AML Case Desk"
WAITING = (settings.ROOT / "app" / "web" / "waiting.html").read_text("utf-8")

DESCRIPTORS = (65_536, 10_240, 4_096)
"""Open files and sockets that the process asks for, the first that the system grants."""
PER_SESSION = 16
"""Descriptors for each session that is kept: its own three, a socket, and what pages and the database open."""


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
    room = max(16, min(2_000, raise_descriptor_limit() // PER_SESSION))
    streamlit_seams.keep_sessions_of_people(room)
    try:
        desk = base.desk()
        engine = "SQLite" if desk.is_embedded else "SQL Server"
        told = engine, desk, VERSION, base.config().exports, sign_in.mode()
        _LOGGER.info("Serving. Database: %s, %s, version %d. Exports: %s. Sign-in: %s.", *told)
        if isinstance(desk, SqliteDatabase):
            desk.keep_watch()
    except DeskError as error:  # the pages say what is wrong
        _LOGGER.error("The desk cannot work: %s", kinds(error))
    yield None
    _LOGGER.info("Stopped.")


async def lead_to(page: str, request: Request) -> RedirectResponse:
    """Lead from `/case/AML-7F3KQ2XA` to `/case?case_id=AML-7F3KQ2XA`; relative, for a proxy with a path of its own."""
    return RedirectResponse(f"../{page}?{urlencode(request.path_params)}")


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    routes=[Route(f"/{page}/{{case_id}}", partial(lead_to, page), name=page) for page in ("case", "exports")],
    middleware=[
        Middleware(gate.Gate),
        Middleware(
            sending.Packed,
            page=streamlit_seams.page().encode(),
            dressed=streamlit_seams.dressed(NAME, WAITING).encode(),
        ),
    ],
    lifespan=lifespan,
)
