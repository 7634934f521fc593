"""What the first page of the desk sends, and when something of it shows, on a slow line: measured, not asserted.

    python -m tests.tools.first_page [--rate 400] [--delay 400] [--files 20]

Chromium's own throttling stands for the line. The first visit has nothing kept; for the second, a new tab, the browser
keeps what it may.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser import installed, launched
from tests.e2e.server import free_port, served
from tests.tools.page_cost import make

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

CASES = 200
WAIT = 180_000
"""Milliseconds for the page to show its cases."""

SHOWN = {
    "some words": "body :text-matches('\\\\w')",
    "the name of the desk": "text=AML Case Desk",
    "the navigation": "[data-testid=stTopNavLink]",
    "the cases": "tbody a",
}
"""What the page shows one after another, and where."""


def visit(context: BrowserContext, address: str, rate: int, delay: int) -> tuple[dict[str, int], dict[str, float]]:
    """Return the bytes sent by file, and the seconds until each thing showed."""
    page = context.new_page()
    network = context.new_cdp_session(page)
    asked: dict[str, str] = {}
    sent: dict[str, int] = {}

    def done(event: dict[str, Any]) -> None:
        name = urlsplit(asked.get(event["requestId"], "?")).path.rpartition("/")[2] or "/"
        sent[name] = sent.get(name, 0) + int(event["encodedDataLength"])

    network.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    network.on("Network.loadingFinished", done)
    network.send("Network.enable")
    line = {"downloadThroughput": rate * 125, "uploadThroughput": rate * 125, "latency": delay}
    network.send("Network.emulateNetworkConditions", {"offline": False, **line})
    page.goto(address, wait_until="commit")
    seconds = {}
    for what, place in SHOWN.items():
        page.locator(place).first.wait_for(timeout=WAIT)
        seconds[what] = float(page.evaluate("performance.now()")) / 1000
    page.wait_for_timeout(2_000)
    page.close()
    return sent, seconds


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.tools.first_page", description="What the first page sends.")
    parser.add_argument("--rate", type=int, default=400, metavar="N", help="kbit/s of the line, default: 400")
    parser.add_argument("--delay", type=int, default=400, metavar="N", help="ms of its latency, default: 400")
    parser.add_argument("--files", type=int, default=20, metavar="N", help="how many of the largest to list")
    options = parser.parse_args()
    executable = installed()
    if executable is None:
        parser.error("there is no Chromium")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        make(folder / "desk.db", CASES)
        configured = {"AML_DATABASE": str(folder / "desk.db"), "AML_EXPORTS": name, "AML_SIGN_IN": "demo"}
        address = stack.enter_context(served(folder, configured, free_port()))
        with launched(executable) as browser:
            context = browser.started.new_context()
            for which in ("first", "second"):
                sent, seconds = visit(context, address, options.rate, options.delay)
                print(f"{which} visit: {sum(sent.values()):,} bytes in {len(sent)} files")
                for what, after in seconds.items():
                    print(f"  {after:6.1f} s  {what}")
                for file, size in sorted(sent.items(), key=lambda one: -one[1])[: options.files]:
                    print(f"  {size:>10,}  {file}")
            context.close()


if __name__ == "__main__":
    main()
