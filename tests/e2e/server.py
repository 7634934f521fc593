"""A desk of its own for a test in the browser: its process, its database, its settings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds for the server to answer."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path, settings: Mapping[str, str], port: int, secrets: Path | None = None) -> Iterator[str]:
    """The address of a desk that runs with these settings (AML_…) inside the context; its log goes to `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AML_")}
    arguments = ["--server.port", str(port), "--server.headless", "true"]
    if secrets:
        arguments += ["--secrets.files", str(secrets)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app/streamlit_app.py", *arguments],
            cwd=ROOT,
            env={**environment, **settings},
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"http://localhost:{port}/_stcore/health", process)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


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
