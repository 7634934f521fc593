"""What a click on the desk costs, beside a click on an empty Streamlit page of the same server.

    python -m tests.tools.page_cost [--cases N] [--events N] [--rounds N] [--only TEXT] [--database FILE]

A click is timed in the browser, from the event to the last change of the page (in shadow trees too, or the end of a
long task of its script) once the server's run is over and all has been still for a while. The empty page holds one
button and nothing else; before each click on the desk, that button is clicked, so that noise hits both. One round
warms up, and the median of the others counts. Of the desk's own runs are also told the time in SQLite's driver
(statements and rows, commits included), in the verification of the case, and in the page's script as a whole.

The desk stands to twice the empty page's click plus the time in the database, for Triage and for the large case; the
others are told beside them.
"""

from __future__ import annotations

import argparse
import mmap
import os
import re
import runpy
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from app import casework, chain, database, repository, settings, triage_query
from app.database import sqlite
from app.log import checkpoint
from app.models import Break, Event, Role, Status, User
from app.triage_query import Filters, Order
from seed.generate import generate
from seed.load import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CASES = 100_000
EVENTS = 200
ROUNDS = 9
STILL = 400
"""Milliseconds without a change after which a page counts as settled."""

# --- in the server: the empty page, and the desk under a stopwatch ---

SCRIPT = "from tests.tools import page_cost\n\npage_cost.serve()\n"
SPENT = struct.Struct("3d")
"""Seconds since the server started: in the database, in verification, in the script of a page."""


class Spent:
    """Seconds since the server started, kept where the benchmark can read them."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._kept = mmap.mmap(opened.fileno(), SPENT.size)
        self._seconds = [0.0, 0.0, 0.0]

    @contextmanager
    def on(self, what: int) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[what] += time.perf_counter() - started
            SPENT.pack_into(self._kept, 0, *self._seconds)


def watch(spent: Spent) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> Cursor:
            with spent.on(0):
                return super().execute(*arguments)

        def fetchone(self) -> Any:
            with spent.on(0):
                return super().fetchone()

        def __next__(self) -> Any:
            with spent.on(0):
                return super().__next__()

    class Connection(sqlite.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    verify = chain.verify

    def timed(
        case_id: Any,
        events: Sequence[Event | chain.StoredEvent],
        row: Mapping[str, Any] | None,
        alerts: Mapping[str, str] | None = None,
    ) -> list[Break]:
        with spent.on(1):
            return verify(case_id, events, row, alerts)

    sqlite.Connection = Connection  # type: ignore[misc]
    chain.verify = timed


_spent: list[Spent] = []


def serve() -> None:
    """A run of the empty page where the address says so, else of the desk."""
    import streamlit as st

    if "empty" in st.query_params:
        clicks = st.session_state.setdefault("clicks", 0)
        st.button(f"{clicks} clicks", on_click=st.session_state.update, kwargs={"clicks": clicks + 1}, key="again")
        return
    if not _spent:
        _spent.append(Spent(Path(os.environ["PAGE_COST_SPENT"])))
        watch(_spent[0])
    with _spent[0].on(2):
        runpy.run_path(str(settings.ROOT / "app" / "streamlit_app.py"))


# --- in the browser: the stopwatch ---

STOPWATCH = """
(() => {
  let began = 0, changed = 0, finished = false;
  const app = () => document.querySelector("[data-testid=stApp]");
  const running = () => app()?.dataset.testScriptState !== "notRunning";
  const change = () => { changed = performance.now(); };
  const observer = new MutationObserver(change);
  const watched = { subtree: true, childList: true, attributes: true, characterData: true };
  observer.observe(document, watched);
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    observer.observe(root, watched);
    return root;
  };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) changed = Math.max(changed, task.startTime + task.duration);
  }).observe({ type: "longtask" });
  const NEW_SESSION = 4, SCRIPT_FINISHED = 6;  // of Streamlit's ForwardMsg
  const fieldsOf = (message) => {
    const fields = [];
    let at = 0;
    const varint = () => {
      let value = 0, place = 1;
      for (; message[at] > 127; place *= 128) value += (message[at++] & 127) * place;
      return value + message[at++] * place;
    };
    while (at < message.length) {
      const tag = varint(), value = varint();
      fields.push(Math.floor(tag / 8));
      if (tag % 8 === 2) at += value;
    }
    return fields;
  };
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({ data }) => {
        change();
        const fields = fieldsOf(new Uint8Array(data));
        if (fields.includes(SCRIPT_FINISHED)) finished = began > 0;
        if (fields.includes(NEW_SESSION)) finished = false;
      });
    }
  };
  const begin = (event) => { if (began === 0) began = event.timeStamp; };
  document.addEventListener("click", begin, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Enter") begin(event); }, true);
  const still = (wait) => !running() && performance.now() - changed > wait;
  window.stopwatch = {
    still,
    reset() { began = 0; finished = false; },
    read(wait) { return finished && still(wait) ? changed - began : null; },
  };
})();
"""


Step = Callable[["Page"], None]
"""Something done to the page."""


class Timed:
    """A window whose clicks are timed."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        self.page.add_init_script(STOPWATCH)
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is still, its toasts gone."""
        self.page.wait_for_function("wait => window.stopwatch?.still(wait)", arg=STILL)
        self.page.wait_for_function("() => !document.querySelector('[data-testid=stToast]')")
        self.page.wait_for_function("wait => window.stopwatch.still(wait)", arg=STILL)

    def time(self, click: Step) -> float:
        """Milliseconds from the click until the page is settled."""
        self.page.evaluate("() => window.stopwatch.reset()")
        click(self.page)
        found = self.page.wait_for_function("wait => window.stopwatch.read(wait)", arg=STILL)
        return float(found.json_value())


# --- the clicks ---


@dataclass
class Action:
    """A click on the desk, what comes before it, and whether the desk stands to its bound."""

    name: str
    before: tuple[Step, ...]
    click: Step
    bound: bool = False
    window: int = 0
    settled: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    spent: list[tuple[float, ...]] = field(default_factory=list)


def go(name: str) -> Step:
    """A click on a page's name in the navigation."""
    return lambda page: page.get_by_test_id("stTopNavLink").filter(has_text=name).click()


def press(name: str) -> Step:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def hand(name: str) -> Step:
    """A button whose name begins like this and ends with its shortcut."""
    return lambda page: page.get_by_role("button", name=re.compile(f"^{name}")).click()


def press_count(page: Page, name: str) -> None:
    page.locator(".st-key-tiles").get_by_role("button", name=name).click()


def unassigned(page: Page) -> None:
    press_count(page, "Unassigned")


def tick(page: Page) -> None:
    page.get_by_role("checkbox", name="Select AML", checked=False, disabled=False).first.click()


def attacks(page: Page) -> None:
    page.get_by_text("Try to break it").click()


def tab(name: str) -> Step:
    return lambda page: page.get_by_role("tab", name=name).click()


def receive(page: Page) -> None:
    """Choose who gets the case: the first of the list."""
    page.get_by_role("combobox", name="New owner").click()
    page.get_by_role("option").first.click()


def choose(group: str) -> Step:
    """A click on the first of several that is not chosen."""
    return lambda page: page.get_by_role("radiogroup", name=group).get_by_role("radio", checked=False).first.click()


def show(case_ids: Iterator[str]) -> Step:
    """A case by its id."""

    def act(page: Page) -> None:
        box = page.get_by_label("Case id")
        box.fill(next(case_ids))
        box.press("Enter")

    return act


def row(table: str) -> Step:
    """A click into a row of a table that is not the one chosen."""
    rows = "tbody tr:not(.selected)"
    return lambda page: page.get_by_role("region", name=table).locator(rows).nth(3).locator("td").last.click()


def search(texts: Iterator[str]) -> Step:
    def act(page: Page) -> None:
        box = page.get_by_role("searchbox", name="Search")
        box.fill(next(texts))
        box.press("Enter")

    return act


def write(name: str) -> Step:
    text = "Compared with the account's history: nothing new."
    return lambda page: page.get_by_role("textbox", name=name).fill(text)


def act_as(window: Timed, person: User) -> None:
    window.page.get_by_test_id("stSidebar").get_by_role("combobox").click()
    window.page.get_by_role("option", name=person.name).click()
    window.settle()


def actions(large: str, others: Sequence[str]) -> list[Action]:
    counts = cycle(["Overdue", "High risk", "Unassigned", "Open"])
    other, shown = show(cycle(others)), (go("Case"), show(cycle([large])))
    exported = (go("Exports"), other)
    return [
        Action(
            "Triage: a count that filters",
            (go("Triage"),),
            lambda page: press_count(page, next(counts)),
            bound=True,
        ),
        Action("Triage: next page", (go("Triage"),), press("Next page"), bound=True),
        Action("Triage: search", (go("Triage"),), search(cycle(["LLC", "Inc"])), bound=True),
        Action("Triage: tick a case", (go("Triage"),), tick, bound=True),
        Action("Triage: open a case", (go("Triage"),), row("Cases in the queue")),
        Action("Triage: assign two ticked", (go("Triage"), unassigned, tick, tick), hand("Assign to me"), bound=True),
        Action("Case: next of the queue", (go("Triage"), row("Cases in the queue")), hand("Next(?! case)")),
        Action("Triage: next case", (go("Triage"),), hand("Take new case")),
        Action("Case: by its id", (go("Case"),), other),
        Action("Large case: by its id", (go("Case"), other), show(cycle([large])), bound=True),
        Action("Large case: order of the timeline", shown, choose("Order of the timeline"), bound=True),
        Action("Large case: add a note", (*shown, tab("Note"), write("Note")), press("Add note"), bound=True),
        Action("Large case: assign without reason", (*shown, tab("Assign"), receive), press("Assign"), bound=True),
        Action("Large case: assign", (*shown, tab("Assign"), receive, write("Reason")), press("Assign"), bound=True),
        Action(
            "Large case: close as No SAR",
            (*shown, tab("Decide"), choose("Disposition"), write("Rationale")),
            press("Close as No SAR"),
            bound=True,
        ),
        Action("Large case: reopen", (*shown, tab("Reopen"), write("Reason to reopen")), press("Reopen"), bound=True),
        Action("Large case: open the attacks", (go("Triage"), *shown), attacks),
        Action(
            "Large case: cut its tail",
            (go("Triage"), *shown, attacks),
            lambda page: page.get_by_role("radio", name="Cut from").click(),
        ),
        Action("Large case to QA", shown, go("QA")),
        Action("QA to Exports", (go("QA"),), go("Exports")),
        Action("Exports to Triage", (go("Exports"),), go("Triage"), bound=True),
        Action("Triage to the large case", (*shown, go("Triage")), go("Case"), bound=True),
        Action("QA: choose a case", (go("QA"),), row("Awaiting review"), window=1),
        Action(
            "QA: record a verdict", (go("QA"), row("Awaiting review"), choose("Verdict")), press("Record"), window=1
        ),
        Action("Exports: show a case", (go("Exports"),), other),
        Action("Exports: audit CSV", exported, press("Audit CSV")),
        Action("Exports: bundle", exported, press("Bundle for an examiner")),
        Action("Exports: write all", exported, hand("Write all to")),
    ]


# --- a desk to click on ---


def make(file: Path, cases: int) -> None:
    """Fill a new database, and sign a first checkpoint of it."""
    config = settings.load(str(file))
    with tempfile.TemporaryDirectory() as folder, closing(database.connect(config)) as desk:
        generate(Path(folder), cases, 7, datetime.now(UTC).date(), lambda done, total: None)
        load(desk, Path(folder))
        checkpoint.begin(desk, config, anew=True)


def grow(file: Path, events: int) -> tuple[str, list[str], User, User]:
    """A case brought to that many events, others as they are, a Manager and a QA reviewer."""
    with closing(database.connect(settings.load(str(file)))) as desk:
        people = [person for person in desk.read(repository.users) if person.active]
        manager, reviewer = (next(one for one in people if one.role is role) for role in (Role.MANAGER, Role.QA))
        found = desk.read(lambda tx: triage_query.triage_page(tx, Filters(), Order.AGE, 40)).cases
        large = found[0]
        assert large.status is not Status.CLOSED
        for number in range(large.event_count, events):
            text = f"Compared statement {number} with the customer's file: nothing new since the last review."
            casework.add_note(desk, manager.user_id, large.case_id, text)
    return large.case_id, [case.case_id for case in found[1:]], manager, reviewer


@contextmanager
def served(folder: Path, file: Path) -> Iterator[str]:
    """The address of a server with the desk and, at `?empty`, the empty page."""
    (folder / "desk.py").write_text(SCRIPT, "utf-8")
    (folder / "views").symlink_to(settings.ROOT / "app" / "views")
    (folder / "spent").write_bytes(bytes(SPENT.size))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "AML_DATABASE": str(file),
        "AML_SIGN_IN": "demo",
        "AML_EXPORTS": str(folder / "exports"),
        "AML_CHECKPOINTS": str(settings.load(str(file)).checkpoints),
        "PAGE_COST_SPENT": str(folder / "spent"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(folder / "desk.py"), "--server.port", str(port)],
        cwd=settings.ROOT,
        env=environment,
    )
    address = f"http://localhost:{port}"
    try:
        while process.poll() is None:
            try:
                with urlopen(f"{address}/_stcore/health", timeout=1):  # noqa: S310
                    break
            except (URLError, OSError):
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure(file: Path, events: int, rounds: int, only: str) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser import FLAGS, NAMES

    large, others, manager, reviewer = grow(file, events)
    todo = [action for action in actions(large, others) if only in action.name]
    executable = next(filter(None, map(shutil.which, [os.environ.get("AML_BROWSER") or "", *NAMES])))
    with tempfile.TemporaryDirectory() as name, served(Path(name), file) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        empty = Timed(browser, f"{address}/?empty=1")
        windows = [Timed(browser, address), Timed(browser, address)]
        for window, person in zip(windows, (manager, reviewer), strict=True):
            act_as(window, person)
        for number in range(1 + rounds):
            for action in todo:
                window = windows[action.window]
                for step in action.before:
                    step(window.page)
                    window.settle()
                nothing = empty.time(lambda page: page.locator(".st-key-again button").click())
                before = SPENT.unpack((Path(name) / "spent").read_bytes())
                settled = window.time(action.click)
                after = SPENT.unpack((Path(name) / "spent").read_bytes())
                if number:
                    action.empty.append(nothing)
                    action.settled.append(settled)
                    action.spent.append(tuple(1000 * (a - b) for a, b in zip(after, before, strict=True)))
        browser.close()
    print(f"{file}, a case with {events} events and more; medians of {rounds} clicks, in ms")
    heads = ("settled", "empty", "database", "bound", "", "verifying", "script")
    print(f"{'':<36}" + "".join(f"{head:>10}" for head in heads))
    for action in todo:
        in_database, verifying, script = (median(column) for column in zip(*action.spent, strict=True))
        settled, nothing = median(action.settled), median(action.empty)
        bound = 2 * nothing + in_database
        verdict = f"{settled / bound:.0%}" + ("" if not action.bound or settled <= bound else " !")
        numbers = "".join(f"{value:>10,.0f}" for value in (settled, nothing, in_database, bound))
        print(f"{action.name:<36}{numbers}{verdict:>10}{verifying:>10,.0f}{script:>10,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.tools.page_cost", description="What a click on the desk costs.")
    parser.add_argument("--cases", type=int, default=CASES, metavar="N", help="how many to make, default: 100,000")
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help="of the large case, default: 200")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="how many clicks of each, default: 9")
    parser.add_argument("--only", default="", metavar="TEXT", help="the actions whose name has this in it")
    parser.add_argument("--database", type=Path, metavar="FILE", help="kept and written to; made where it is missing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.database or Path(folder) / "cost.db"
        if not file.exists():
            make(file, options.cases)
        measure(file, options.events, options.rounds, options.only)


if __name__ == "__main__":
    main()
