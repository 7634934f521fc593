"""What a browser gets first: little, packed and to be kept, and something to read before the scripts are there."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message as Headers
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from app import sending
from app.sending import Message, Scope
from app.ui import streamlit_seams
from tests.e2e.server import free_port, peopled, served

FILES = streamlit_seams.STATIC


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("desk")
    with peopled(folder) as made:
        configured = {"AML_DATABASE": str(made), "AML_EXPORTS": str(folder), "AML_SIGN_IN": "demo"}
        with served(folder, configured, free_port()) as where:
            yield where


def ask(url: str, **headers: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an answer; a header's name has _ for -."""
    asked = Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})  # noqa: S310
    try:
        with urlopen(asked, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def test_there_is_something_to_read_at_every_address_before_a_script_is_there(address: str) -> None:
    for path in ("/", "/case?case_id=AML-7F3KQ2XA", "/qa"):
        status, headers, body = ask(address + path, Accept_Encoding="gzip, deflate, br")
        assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
        assert (headers["Cache-Control"], headers["ETag"], headers["Last-Modified"]) == ("no-cache", None, None)
        page = gzip.decompress(body).decode()
        assert "<title>AML Case Desk</title>" in page
        assert "Loading …" in page.partition('<div id="root">')[2]
        assert ask(address + path)[2].decode() == page


def test_each_script_and_style_of_the_first_page_comes_packed_as_it_is_once_and_for_all(address: str) -> None:
    page = ask(address)[2].decode()
    names = set(re.findall(r"(?:src|href)=\"\./(static/[^\"]+\.(?:js|css))\"", page))
    assert len(names) > 90
    sizes = 0
    for name in names:
        for _ in range(2):  # made, and kept
            status, headers, body = ask(f"{address}/{name}", Accept_Encoding="gzip")
            assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
            assert int(headers["Content-Length"]) == len(body)
            assert "immutable" in headers["Cache-Control"]
            assert gzip.decompress(body) == (FILES / name).read_bytes()
        sizes += len(body)
    assert sizes < sum((FILES / name).stat().st_size for name in names) / 3
    assert ask(f"{address}/{name}", Accept_Encoding="gzip", If_None_Match=headers["ETag"])[0] == 304


@pytest.mark.parametrize("takes", ["identity", "gzip;q=0", "br, gzip; q=0.0", ""])
def test_who_takes_nothing_packed_or_a_part_alone_gets_the_file_as_it_is(address: str, takes: str) -> None:
    name = "static/css/" + next((FILES / "static" / "css").glob("index.*.css")).name
    whole = (FILES / name).read_bytes()
    status, headers, body = ask(f"{address}/{name}", Accept_Encoding=takes)
    assert (status, headers["Content-Encoding"], body) == (200, None, whole)
    status, headers, body = ask(f"{address}/{name}", Accept_Encoding="gzip", Range="bytes=10-19")
    assert (status, headers["Content-Encoding"], body) == (206, None, whole[10:20])


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (b"text/html; charset=utf-8", b"<p>own</p>", b"<p>dressed</p>"),
        (b"text/html; charset=utf-8", b"<p>an export</p>", b"<p>an export</p>"),
        (b"text/css", b"p { }", b"p { }"),
        (b"application/json", b"{}", None),
    ],
)
def test_nothing_but_streamlits_own_page_is_another_and_cookies_stay(
    kind: bytes, body: bytes, expected: bytes | None
) -> None:
    cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    sent: list[Message] = []

    async def answer(_scope: Scope, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind), *cookies]})
        for part, more in ((body[:3], True), (body[3:], False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def keep(message: Message) -> None:
        sent.append(message)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
    packed = sending.Packed(answer, page=b"<p>own</p>", dressed=b"<p>dressed</p>")
    with ThreadPoolExecutor(1) as other:  # a browser of this process may hold the loop of this thread
        other.submit(lambda: asyncio.run(packed(scope, nothing, keep))).result()
    start, *bodies = sent
    assert [one for one in start["headers"] if one[0] == b"set-cookie"] == cookies
    whole = b"".join(one["body"] for one in bodies)
    assert (gzip.decompress(whole) if expected else whole) == (expected or body)


def test_a_file_is_kept_packed_once_by_however_many_addresses_it_is_asked_for() -> None:
    asked: list[int] = []

    async def answer(_scope: Scope, _receive: Any, send: Any) -> None:
        kept = [(b"content-type", b"text/css"), (b"etag", b'"a"'), (b"cache-control", b"public, immutable")]
        await send({"type": "http.response.start", "status": 200, "headers": kept})
        await send({"type": "http.response.body", "body": b"p { }"})

    async def count(message: Message) -> None:
        asked.append(len(message.get("body", b"")))

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    packed = sending.Packed(answer, page=b"", dressed=b"")

    async def ask_for_many() -> None:
        for number in range(50):
            path = "/static/" + "./" * number + "a.css"
            scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
            await packed(scope, nothing, count)

    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: asyncio.run(ask_for_many())).result()
    assert len([size for size in asked if size]) == 50
    assert len(packed._kept) == 1


def test_streamlits_page_has_what_is_dressed_and_each_part_a_script_that_imports_what_is_there() -> None:
    page = streamlit_seams.page()
    for expected in ('<div id="root"></div>', "</head>", "<title>Streamlit</title>"):
        assert page.count(expected) == 1
    assert len(re.findall('<link[^>]*as="font"', page)) == 1
    scripts = streamlit_seams.scripts_of(streamlit_seams.PARTS)
    assert [name.partition(".")[0] for name in scripts[: len(streamlit_seams.PARTS)]] == [*streamlit_seams.PARTS]
    assert len(scripts) == len({*scripts})
    folder = Path(FILES, "static", "js")
    assert [name for name in scripts if not (folder / name).is_file()] == []
