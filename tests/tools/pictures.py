"""The pictures of the README, taken from a running desk with demo data.

    python -m tests.tools.pictures

Makes a demo desk in a temporary folder, serves it, and writes `.github/*.png`, each as it is seen in a window of
1440 by 900.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from app import database, settings, triage_query
from app.models import Case, Disposition, Filing, Risk, Status
from app.triage_query import Filters, Order
from seed.people import MANAGERS
from tests.browser import installed, launched
from tests.e2e.server import free_port, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = settings.ROOT / ".github"
SIZE = {"width": 1440, "height": 900}


def settled(page: Page) -> None:
    """The script has run, and what it made is drawn."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(1500)  # fonts, and the chart's first drawing


def triage(page: Page, address: str, _: str) -> None:
    page.goto(address)
    settled(page)


def case(page: Page, address: str, case_id: str) -> None:
    page.goto(f"{address}/case?case_id={case_id}")
    settled(page)


def tampering(page: Page, address: str, case_id: str) -> None:
    """What a full rewrite of the case from its decision on comes up against."""
    case(page, address, case_id)
    page.get_by_text("Try to break it").click()
    page.get_by_role("radio", name="Rewrite from here on").click()
    settled(page)
    page.get_by_text("Make the case row agree with it").click()
    settled(page)
    page.locator(".st-key-try").evaluate("part => part.scrollIntoView({block: 'start'})")
    settled(page)


def sar(page: Page, address: str, case_id: str) -> None:
    """A draft as the Manager sees it who is to approve it."""
    case(page, address, case_id)
    page.get_by_role("combobox", name="Acting as").click()
    page.get_by_role("option", name=APPROVER.name).click()
    settled(page)
    page.locator(".st-key-sar").evaluate("part => part.scrollIntoView({block: 'start'})")
    settled(page)


APPROVER = next(person for person in MANAGERS if person.active)
PICTURES: dict[str, tuple[Callable[[Page, str, str], None], str, Callable[[Case], bool]]] = {
    "triage.png": (triage, "light", lambda one: True),
    "case.png": (case, "light", lambda one: one.status is Status.IN_REVIEW and one.risk is Risk.HIGH),
    "sar.png": (sar, "light", lambda one: one.filing is Filing.TO_APPROVE and one.owner != APPROVER.user_id),
    "tampering.png": (tampering, "dark", lambda one: one.disposition is Disposition.SAR and bool(one.qa_result)),
}
"""By file: what is shown, in which scheme, and of which case."""


def cases_in(file: Path) -> list[Case]:
    with closing(database.connect(settings.load(str(file)))) as desk, desk.snapshot() as tx:
        return triage_query.triage_page(tx, Filters(include_closed=True), Order.RISK, 500).cases


def main() -> None:
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    executable = installed()
    if executable is None:
        sys.exit("No Chromium is installed; AML_BROWSER can name one.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = {"AML_DATABASE": str(folder / "desk.db"), "AML_EXPORTS": str(folder / "exports")}
        subprocess.run(
            [sys.executable, "-m", "seed", "demo"], cwd=settings.ROOT, env={**os.environ, **said}, check=True
        )
        cases = cases_in(folder / "desk.db")
        with launched(executable) as browser, served(folder, said, free_port()) as address:
            for file, (show, scheme, fits) in PICTURES.items():
                case_id = next(one.case_id for one in cases if fits(one))
                with browser.window(viewport=SIZE, color_scheme=scheme) as window:
                    show(window.page, address, case_id)
                    window.page.screenshot(path=FOLDER / file)
                print(FOLDER / file)


if __name__ == "__main__":
    main()
