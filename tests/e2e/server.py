"""A desk of its own for a test in the browser: its process, database, people and settings, and a way in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

from playwright.sync_api import Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app import database, opening, repository, sampling, settings
from app.database import Database
from app.models import User
from tests.conftest import PEOPLE

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds for the server to answer."""


_given_back: set[int] = set()
"""Ports of servers that ended. A browser keeps scripts by their address: those of the next server there, it has."""


def free_port() -> int:
    """A port that nobody has."""
    while True:
        port = _given_back.pop() if _given_back else 0
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])


@contextmanager
def peopled(folder: Path) -> Iterator[Database]:
    """A desk without a case, whose database and exports are in the folder."""
    with closing(database.connect(settings.Settings(str(folder / "desk.db"), folder))) as made:
        made.create_schema()
        with made.transaction() as tx:
            for person in PEOPLE:
                repository.insert_user(tx, person)
        yield made


def alert_ids(sampled: bool) -> Iterator[str]:
    """Ids of alerts whose cases are in QA's sample, or are not."""
    for alert_id in map("TM-{}".format, count()):
        if sampling.is_sampled(sampling.qa_bucket(next(opening.case_ids(alert_id)))) is sampled:
            yield alert_id


def environment(configured: Mapping[str, str]) -> dict[str, str]:
    """That of a process of the desk: this one's, and of the desk's settings (AML_…) only these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AML_")} | dict(configured)


@contextmanager
def served(
    folder: Path,
    configured: Mapping[str, str],
    port: int,
    secrets: Path | None = None,
    options: Sequence[str] = (),
    stop: Callable[[subprocess.Popen[bytes]], None] = subprocess.Popen.terminate,
) -> Iterator[str]:
    """The address of a desk that runs with these settings (AML_…) inside the context; its log goes to `folder`."""
    # Without the collection that Streamlit adds after each run, which is most of what a run costs.
    arguments = ["--server.port", str(port), "--server.headless", "true", "--runner.postScriptGC", "false"]
    arguments += options
    if secrets:
        arguments += ["--secrets.files", str(secrets)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app/server.py", *arguments],
            cwd=ROOT,
            env=environment(configured),
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"http://localhost:{port}/_stcore/health", process)
            yield f"http://localhost:{port}"
        finally:
            stop(process)
            process.wait(timeout=20)
            _given_back.add(port)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it answered"
        try:
            with urlopen(address, timeout=1):  # noqa: S310
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def enter(page: Page, address: str, person: User) -> None:
    """Open a page of the desk as this person, who acted last in this browser."""
    page.goto(urljoin(address, "/_stcore/health"))
    page.evaluate("who => sessionStorage.setItem('aml-acting', who)", person.user_id)
    page.goto(address)
    picker = page.get_by_role("combobox", name="Acting as")
    picker.wait_for()
    settled(page)
    expect(picker).to_have_value(f"{person.name}, {person.role}")


def is_end_of_run(frame: bytes | str) -> bool:
    return isinstance(frame, bytes) and ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished"


def settled(page: Page) -> None:
    """Wait until the desk's script has run; to expect it would cost more, as that describes the page at each try."""
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()
