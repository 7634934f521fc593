"""A real browser for tests: Chromium as it is installed, driven by Playwright. A pytest plugin.

A test module asks for it with `pytest_plugins = ["tests.browser"]`. AML_BROWSER names another executable than the first
that is found; where there is none the tests are skipped, or fail if AML_REQUIRE_BROWSER is 1.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # no page waits for the internet
)
NOT_OPTIMISED = "--js-flags=--no-turbofan"
"""To optimise to the utmost the scripts of a page that lives for seconds does not pay."""
VIEWPORT: ViewportSize = {"width": 1280, "height": 720}

expect.set_options(timeout=30_000)  # milliseconds; a slow machine is no fault


class Window:
    """A window with storage of its own. Nothing in it goes unnoticed: what it requested, and what its console says."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.console: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))


class Chromium:
    """The browser that is installed."""

    def __init__(self, started: Browser) -> None:
        self.started = started
        self._idle: list[Page] = []

    @contextmanager
    def tab(self, zone: str = "") -> Iterator[Page]:
        """The tab of a window that is kept for the next test: it need not compile the scripts of a page again.

        `zone` is the time zone of its person, where that matters, as IANA names it. A window has one tab only. A second
        one would hide it, and in a tab that is hidden each click takes two seconds.
        """
        page = self._idle.pop() if self._idle else self.started.new_context(viewport=VIEWPORT).new_page()
        inside = page.context.new_cdp_session(page)
        if zone:
            inside.send("Emulation.setTimezoneOverride", {"timezoneId": zone})
        try:
            yield page
        finally:
            inside.detach()
            page.evaluate("try { sessionStorage.clear(); localStorage.clear(); } catch {}")
            page.goto("about:blank")
            page.context.clear_cookies()
            page.emulate_media(media="screen", color_scheme="light")
            page.set_viewport_size(VIEWPORT)
            self._idle.append(page)

    @contextmanager
    def window(self, **options: Any) -> Iterator[Window]:
        """A new window, which has nothing of any other; `options` are those of Playwright's `Browser.new_context`."""
        context = self.started.new_context(**options)
        try:
            yield Window(context.new_page())
        finally:
            context.close()


def installed() -> str | None:
    """The executable that AML_BROWSER names, or the first that is found; None where there is none."""
    named = os.environ.get("AML_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


@contextmanager
def launched(executable: str) -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, NOT_OPTIMISED])
        yield Chromium(started)
        started.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """One browser for the session; each test opens windows of its own in it."""
    executable = installed()
    if executable is None:
        named = os.environ.get("AML_BROWSER", "Chromium")
        reason = f"{named} is not installed (AML_BROWSER names the browser to test with)"
        if os.environ.get("AML_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with launched(executable) as started:
        yield started
