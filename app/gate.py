"""What the web server does for whom it does not know yet: little, and for minutes.

A visitor is one WebSocket, which is one page in a browser. It is a stranger until the frame has shown that page to
somebody (`admit`). Strangers hold few sockets, each for minutes; they upload nothing, and nothing of theirs is kept
when they leave. So nobody can fill memory or Streamlit's store of sessions without signing in. From connections that
say nothing at all, a reverse proxy guards (README).

Every answer forbids that other sites frame the desk, and over HTTPS its cookies are marked Secure. ASGI, standard
library alone: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Any

MAX_STRANGERS = 64
"""Sockets; where one more comes, the stranger who has waited longest has to go."""
PATIENCE = 300
"""Seconds that a stranger may stay: long enough to read the page and sign in. The page connects anew by itself."""

MAX_MESSAGES = 200
"""What a stranger may send: to load the page and to sign in takes a few, and one each half a minute shows the line."""

MAX_REMEMBERED = 10_000
"""Sessions that were admitted; who comes back to one after a lost connection is no stranger."""

HEADER = "x-aml-visitor"
"""The request header by which a page's script learns which socket it runs for; what a client sends as it is dropped."""

WENT_AWAY, TRY_AGAIN = 1001, 1013
"""Close codes (RFC 6455, 7.4.1): a page that is left or loaded anew, which never comes back; come back later."""

HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/")
_LOGGER = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class _Visitor:
    """`session` is Streamlit's id of the session that was shown to somebody; empty while this is a stranger."""

    has_to_go: asyncio.Event
    session: str = ""
    messages: int = 0
    went_away: bool = False


@dataclass(slots=True)
class _Book:
    """Who is here, by the name that HEADER tells, and whose sessions were admitted; the earliest of both first.

    Shared by the server's thread and the pages'.
    """

    lock: Lock = field(default_factory=Lock)
    visitors: dict[str, _Visitor] = field(default_factory=dict)
    admitted: dict[str, None] = field(default_factory=dict)

    def sign(self, name: str, visitor: _Visitor, returning: str) -> None:
        """Enter a visitor under a name; `returning` is the id of a session that they come back to, or empty.

        Of too many strangers the earliest has to go; where as many are still on their way out, the visitor has to.
        """
        with self.lock:
            strangers = [one for one in self.visitors.values() if not one.session]
            self.visitors[name] = visitor
            if returning in self.admitted:
                visitor.session = returning
        if visitor.session or len(strangers) < MAX_STRANGERS:
            return
        _LOGGER.warning("More than %d visitors have not signed in: the first of them has to go.", MAX_STRANGERS)
        staying = [one for one in strangers if not one.has_to_go.is_set()]
        (staying[0] if len(strangers) < 2 * MAX_STRANGERS and staying else visitor).has_to_go.set()

    def strike(self, name: str) -> None:
        """Take out the visitor of this name, who left."""
        with self.lock:
            del self.visitors[name]


_book = _Book()


def admit(name: str | None, session: str) -> None:
    """Say that a page is shown to somebody: `name` is the value of HEADER, `session` Streamlit's id of its session."""
    with _book.lock:
        if visitor := _book.visitors.get(name or ""):
            visitor.session = session
            _book.admitted[session] = None
            while len(_book.admitted) > MAX_REMEMBERED:
                del _book.admitted[next(iter(_book.admitted))]


def is_admitted(session: str) -> bool:
    """Return whether somebody was shown this session."""
    with _book.lock:
        return session in _book.admitted


def may_return(session: str) -> bool:
    """Return whether a session whose socket just closed is worth keeping: somebody's, and its page was not left."""
    with _book.lock:
        return any(visitor.session == session and not visitor.went_away for visitor in _book.visitors.values())


class Gate:
    """Middleware (ASGI) in front of Streamlit."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._visit(scope, receive, send)
        elif scope["type"] == "http":
            upload = _UPLOAD.search(scope["path"])
            private = scope["path"].endswith("/_stcore/metrics")  # who works here, and how much, is nobody's business
            answer = _refuse if private or (upload and not is_admitted(upload[1])) else self._app
            await answer(scope, receive, _protected(scope, send))
        else:
            await self._app(scope, receive, send)

    async def _visit(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, visitor = secrets.token_urlsafe(16), _Visitor(asyncio.Event())
        others = [(header, value) for header, value in scope["headers"] if header.lower() != HEADER.encode()]
        scope["headers"] = [*others, (HEADER.encode(), name.encode())]
        _book.sign(name, visitor, _session_asked_for(others))
        timer = asyncio.get_running_loop().call_later(PATIENCE, visitor.has_to_go.set)

        async def heard() -> Message:
            message = await receive() if visitor.session else await _unless_told_to_go(visitor, receive, send)
            visitor.went_away = message["type"] == "websocket.disconnect" and message.get("code") == WENT_AWAY
            return message

        try:
            await self._app(scope, heard, send)
        finally:
            timer.cancel()
            _book.strike(name)


def _session_asked_for(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id of the session that the page was shown before: Streamlit sends it as the third subprotocol."""
    protocols = next((value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"), "")
    return next(islice(protocols.split(","), 2, None), "").strip()


async def _unless_told_to_go(visitor: _Visitor, receive: Receive, send: Send) -> Message:
    """Return the stranger's next message, or close the socket when it is time, whatever else they have sent by then."""
    visitor.messages += 1
    if visitor.messages > MAX_MESSAGES:
        visitor.has_to_go.set()
    message, time = asyncio.ensure_future(receive()), asyncio.ensure_future(visitor.has_to_go.wait())
    try:
        await asyncio.wait({message, time}, return_when=asyncio.FIRST_COMPLETED)
        if visitor.session or not visitor.has_to_go.is_set():
            return await message
        await send({"type": "websocket.close", "code": TRY_AGAIN})
        return {"type": "websocket.disconnect", "code": TRY_AGAIN}
    finally:
        message.cancel()
        time.cancel()


def _protected(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds HEADERS to an answer, and `Secure` to its cookies where it goes out over HTTPS."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if name not in dict(HEADERS)]
            if scope["scheme"] == "https":
                headers = [(name, _secure(value) if name == b"set-cookie" else value) for name, value in headers]
            message["headers"] = [*headers, *HEADERS]
        await send(message)

    return sent


def _secure(cookie: bytes) -> bytes:
    return cookie if b"; secure" in cookie.lower() else cookie + b"; Secure"


async def _refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Sign in first."})
