"""How pages get to a browser over a slow line: packed, and with something to read before their scripts are there.

Streamlit sends its scripts as they are, since it would pack them anew each time. Here each is packed once and kept:
they are a few hundred files, named after what is in them. ASGI, standard library alone.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

SCRIPTS = (b"text/javascript", b"application/javascript", b"text/css")
_TAKES_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


class Packed:
    """Middleware (ASGI) around Streamlit. In place of Streamlit's `page` a browser gets the one that is `dressed`."""

    def __init__(self, app: App, page: bytes, dressed: bytes) -> None:
        self._app = app
        self._page = page
        self._dressed = dressed
        # By what is packed: a file has any number of addresses, as ./ means nothing.
        self._kept: dict[bytes, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and scope["method"] == "GET" and b"range" not in headers:
            packs = _TAKES_GZIP.search(headers.get(b"accept-encoding", b"")) is not None
            send = _Answer(send, lambda found, body: self._made(packs, found, body)).send
        await self._app(scope, receive, send)

    async def _made(self, packs: bool, headers: Headers, body: bytes) -> bytes:
        """Return what is sent in place of a page, a script or a style, and say so in its headers."""
        headers[b"vary"] = b"Accept-Encoding"
        mark = headers.pop(b"etag", b"")
        if headers.pop(b"content-encoding", b"") == b"gzip":  # Streamlit packs its page at all addresses but the root
            body = gzip.decompress(body)
        if body == self._page:
            body, mark = self._dressed, b""
            headers.pop(b"last-modified", None)
        if packs:
            digest = sha256(body).digest()
            packed = self._kept.get(digest)
            if packed is None:
                packed = await asyncio.to_thread(gzip.compress, body)
                if mark and b"immutable" in headers.get(b"cache-control", b""):
                    self._kept[digest] = packed
            body = packed
            headers[b"content-encoding"] = b"gzip"
        if mark:
            headers[b"etag"] = b"W/" + mark if packs else mark
        headers[b"content-length"] = str(len(body)).encode()
        return body


class _Answer:
    """An answer on its way: a page, a script or a style is held until it is whole, all else goes through."""

    def __init__(self, send: Send, made: Callable[[Headers, bytes], Awaitable[bytes]]) -> None:
        self._send = send
        self._made = made
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_held(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                start, self._start = self._start, None
                cookies = [one for one in start["headers"] if one[0] == b"set-cookie"]
                headers = dict(one for one in start["headers"] if one[0] != b"set-cookie")
                body = await self._made(headers, bytes(self._body))
                await self._send({**start, "headers": [*headers.items(), *cookies]})
                await self._send({"type": "http.response.body", "body": body})


def _is_held(start: Message) -> bool:
    """Say whether this is the beginning of a page, a script or a style that can be read here."""
    headers: Headers = dict(start["headers"])
    kind = headers.get(b"content-type", b"")
    readable = headers.get(b"content-encoding", b"gzip") == b"gzip"
    return start["status"] == 200 and readable and kind.startswith((b"text/html", *SCRIPTS))
