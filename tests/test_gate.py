"""Nobody fills the server without signing in: few sockets for minutes, no uploads, and nothing that is kept."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from socket import SHUT_RDWR, create_connection
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import streamlit as st
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tenacity import retry, stop_after_delay, wait_fixed
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from app import gate
from app.database import VERSION
from app.gate import Message, Scope
from app.ui import base, integrity
from tests.e2e.server import free_port, peopled, served

README = Path(__file__).resolve().parent.parent / "README.md"


@dataclass
class Desk:
    """A desk that is served. `cookie` is what every browser gets against forged requests, `printed` what it printed."""

    address: str
    cookie: str
    printed: Path

    def visit(self, session: str = "") -> ClientConnection:
        """A socket as a browser opens it, coming back to a session where one is named."""
        token = self.cookie.partition("=")[2]
        protocols = [Subprotocol(text) for text in ("streamlit", token.replace("|", "-"), session) if text]
        return connect(self.address.replace("http", "ws") + "/_stcore/stream", subprotocols=protocols, origin=None)

    def upload(self, session: str) -> int:
        """The status of an attempt to leave a file in a session."""
        body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nbytes\r\n--b--\r\n'
        headers = {
            "Content-Type": "multipart/form-data; boundary=b",
            "Cookie": self.cookie,
            "X-Xsrftoken": self.cookie.partition("=")[2],
        }
        asked = Request(f"{self.address}/_stcore/upload_file/{session}/1", body, headers, method="PUT")  # noqa: S310
        try:
            with urlopen(asked, timeout=20) as answer:  # noqa: S310
                return int(answer.status)
        except HTTPError as error:
            return error.code


def shown(socket: ClientConnection) -> str:
    """Run the page to its end; the id of its session."""
    socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
    session = ""
    while True:
        message = ForwardMsg.FromString(socket.recv(timeout=30))
        if message.WhichOneof("type") == "new_session":
            session = message.new_session.initialize.session_id
        if message.WhichOneof("type") == "script_finished":
            return session


@contextmanager
def served_desk(folder: Path, sign_in: str) -> Iterator[Desk]:
    configured = {"AML_SIGN_IN": sign_in, "AML_EXPORTS": str(folder)}
    secrets = folder / "secrets.toml"
    secrets.write_text("", "utf-8")
    with ExitStack() as opened:
        configured["AML_DATABASE"] = str(opened.enter_context(peopled(folder)))
        where = opened.enter_context(served(folder, configured, free_port(), secrets))
        answer = opened.enter_context(urlopen(f"{where}/_stcore/health"))  # noqa: S310
        yield Desk(where, answer.headers["Set-Cookie"].partition(";")[0], folder / "server.log")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which whoever runs a page is somebody."""
    with served_desk(tmp_path_factory.mktemp("people"), "demo") as made:
        yield made


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which nobody is: no provider is named."""
    with served_desk(tmp_path_factory.mktemp("strangers"), "oidc") as made:
        yield made


def test_only_somebody_uploads(people: Desk, strangers: Desk) -> None:
    for where, status in ((people, 204), (strangers, 403)):
        with where.visit() as socket:
            assert where.upload(shown(socket)) == status
    with people.visit() as waiting:
        assert waiting and people.upload("a-session-that-is-none") == 403


def test_the_first_of_too_many_strangers_has_to_go(people: Desk, strangers: Desk) -> None:
    with ExitStack() as opened:
        somebody = opened.enter_context(people.visit())
        assert shown(somebody)
        for where in (people, strangers):
            sockets = [opened.enter_context(where.visit()) for _ in range(gate.MAX_STRANGERS + 3)]
            for socket in sockets[:3]:
                with pytest.raises(ConnectionClosed) as told:
                    socket.recv(timeout=20)
                assert told.value.rcvd and told.value.rcvd.code == gate.TRY_AGAIN
            assert shown(sockets[-1])
        assert shown(somebody)


def test_somebody_comes_back_to_their_session_though_strangers_came_and_went(people: Desk) -> None:
    with people.visit() as socket:
        session = shown(socket)
        socket.socket.shutdown(SHUT_RDWR)  # the line is cut: no word of leaving
    for _ in range(140):
        with people.visit() as stranger:
            stranger.close(gate.WENT_AWAY)
    with people.visit(session) as again:
        assert shown(again) == session


def test_a_page_that_is_left_or_loaded_anew_is_not_kept(people: Desk) -> None:
    with people.visit() as socket:
        session = shown(socket)
        socket.close(gate.WENT_AWAY)
    with people.visit(session) as again:
        assert shown(again) != session


def test_no_other_site_frames_the_desk_and_its_cookies_are_for_https_where_it_is(people: Desk) -> None:
    for scheme, secure in (("http", False), ("https", True)):
        asked = Request(f"{people.address}/_stcore/health", headers={"X-Forwarded-Proto": scheme})  # noqa: S310
        with urlopen(asked) as answer:  # noqa: S310
            assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
            assert ("; Secure" in answer.headers["Set-Cookie"]) is secure


def certificate(folder: Path, name: str) -> None:
    """`desk.pem` and `desk.key`, self-signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(named, named, key.public_key(), 1, now, now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    (folder / "desk.pem").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "desk.key").write_bytes(secret)


def test_the_proxy_that_readme_shows_serves_the_desk_over_https(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    name, port, tls_port = "desk.bank.example", free_port(), free_port()
    certificate(tmp_path, name)
    block = README.read_text("utf-8").partition("```nginx\n")[2].partition("```")[0]
    for shown_there, here in (("443", f"127.0.0.1:{tls_port}"), ("8501", str(port)), ("/etc/ssl", str(tmp_path))):
        assert shown_there in block
        block = block.replace(shown_there, here)
    files = f"pid {tmp_path}/pid; error_log {tmp_path}/log; daemon off; events {{}}"
    paths = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
    (tmp_path / "conf").write_text(f"{files} http {{ access_log off; {paths} {block} }}", "utf-8")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "desk.pem"))
    with ExitStack() as opened:
        made = opened.enter_context(peopled(tmp_path))
        configured = {"AML_DATABASE": str(made), "AML_EXPORTS": str(tmp_path), "AML_SIGN_IN": "demo"}
        opened.enter_context(served(tmp_path, configured, port, options=("--server.allowedHosts", name)))
        proxy = opened.enter_context(subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(tmp_path / "conf")]))
        opened.callback(proxy.terminate)

        def ask(path: str, body: bytes | None = None) -> HTTPResponse:
            line = HTTPSConnection("127.0.0.1", tls_port, context=trusted, timeout=20)
            line.sock = trusted.wrap_socket(create_connection(("127.0.0.1", tls_port), 20), server_hostname=name)
            line.request("PUT" if body else "GET", path, body, {"Host": name})
            return line.getresponse()

        patient = retry(stop=stop_after_delay(20), wait=wait_fixed(0.1))
        patient(create_connection)(("127.0.0.1", tls_port)).close()
        health = ask("/_stcore/health")
        assert (health.status, health.read()) == (200, b"ok")
        assert (health.headers["Set-Cookie"] or "").endswith("; Secure")
        assert health.headers["Strict-Transport-Security"]
        assert health.headers.get_all("Content-Security-Policy") == ["frame-ancestors 'none'"]
        assert ask("/_stcore/upload_file/none/1", b" " * (22 << 20)).status == 413
        there: dict[str, Any] = {"address": ("127.0.0.1", tls_port), "ssl": trusted, "proxy": None}
        with connect(f"wss://{name}/_stcore/stream", origin=Origin(f"https://{name}"), **there) as socket:
            assert shown(socket)


def test_a_stranger_stays_for_minutes_and_somebody_for_as_long_as_they_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.05)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def silence() -> Message:
        await asyncio.sleep(0.5)
        return {"type": "websocket.receive", "bytes": b"still here"}

    def visit(admitted: bool) -> Message:
        heard: list[Message] = []

        async def page(scope: Scope, receive: gate.Receive, _send: gate.Send) -> None:
            if admitted:
                gate.admit(dict(scope["headers"])[gate.HEADER.encode()].decode(), "a session")
            heard.append(await receive())

        forged = (gate.HEADER.encode(), b"what a client sends is dropped")
        scope: Scope = {"type": "websocket", "headers": [forged]}
        with ThreadPoolExecutor(1) as other:  # this thread may have a loop of Playwright's
            other.submit(lambda: asyncio.run(gate.Gate(page)(scope, silence, send))).result()
        assert forged not in scope["headers"]
        return heard[0]

    assert visit(admitted=True)["type"] == "websocket.receive"
    assert not sent
    assert visit(admitted=False)["type"] == "websocket.disconnect"
    assert sent == [{"type": "websocket.close", "code": gate.TRY_AGAIN}]


def test_a_stranger_who_floods_has_to_go_with_all_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_MESSAGES", 10)
    heard: list[Message] = []

    async def page(_scope: Scope, receive: gate.Receive, _send: gate.Send) -> None:
        while not heard or heard[-1]["type"] == "websocket.receive":
            heard.append(await receive())

    async def flood() -> Message:
        return {"type": "websocket.receive", "bytes": b""}

    async def nothing(_message: Message) -> None:
        pass

    with ThreadPoolExecutor(1) as other:
        scope: Scope = {"type": "websocket", "headers": []}
        other.submit(lambda: asyncio.run(gate.Gate(page)(scope, flood, nothing))).result()
    assert [message["type"] for message in heard] == ["websocket.receive"] * 10 + ["websocket.disconnect"]


def test_a_desk_says_as_it_starts_what_it_serves(people: Desk, strangers: Desk) -> None:
    for where, mode in ((people, "demo"), (strangers, "oidc")):
        folder = where.printed.parent
        told = f"Database: SQLite, {folder / 'desk.db'}, version {VERSION}. Exports: {folder}. Sign-in: {mode}."
        assert f"Z INFO app.server: Serving. {told}" in where.printed.read_text("utf-8")


def test_how_many_work_here_is_told_to_nobody(people: Desk) -> None:
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{people.address}/_stcore/metrics")  # noqa: S310


def test_no_message_of_a_stranger_forgets_what_was_verified() -> None:
    before = integrity.last_verified(), base.config(), base.desk()
    st.cache_data.clear()  # what Streamlit does with `clear_cache`, which anyone may send
    st.cache_resource.clear()
    assert (integrity.last_verified(), base.config(), base.desk()) == before
