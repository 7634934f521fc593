"""The life of a case in a real browser: three people, each signed in in a window of their own, from alert to export."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from oidc_provider_mock import User as Account
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect

from app import chain, opening, settings, verification
from app.log import checkpoint, keys
from app.models import ALERT_FEED, Action, Disposition, QaResult, Status
from tests.conftest import ANALYST, EVIDENCE, MANAGER, REVIEWER, stored
from tests.e2e.server import ROOT, alert_ids, environment, free_port, peopled, served
from tests.e2e.test_sign_in import SECRETS, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from app.database import Database
    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.timeout(300)


ALERT_ID = next(alert_ids(sampled=True))
CASE = next(opening.case_ids(ALERT_ID))
ALERT = {
    "alert_id": ALERT_ID,
    "customer_id": "C-00412873",
    "customer_name": "Zoë Łukasik",
    "typology": "Structuring",
    "risk": "High",
    "risk_score": 87,
    "amount": "65800.00",
    "currency": "USD",
    **EVIDENCE,
}
NOTE = "=7*9400 in one week, at four branches.\nOn one of the slips: “für Łódź” 😀"
ESCALATION = "The takings cannot explain it."
DECISION = "Structured below the reporting threshold; no lawful source was found."
REMARKS = "Evidence and rationale agree."

WHO = (ANALYST, MANAGER, REVIEWER)


@dataclass(frozen=True)
class Life:
    """A case that went all the way: its desk, the files that were downloaded, and the database before each of them."""

    desk: Database
    config: settings.Settings
    configured: Mapping[str, str]
    key: str
    files: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, Path] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)

    def download(self, page: Page, label: str) -> None:
        copy = self.config.exports / f"{label}.db"
        with closing(sqlite3.connect(str(self.desk))) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        with page.expect_download() as taken:
            page.get_by_role("button", name=label).click()
        name = taken.value.suggested_filename
        self.files[name], self.before[name] = taken.value.path().read_bytes(), copy
        self.links.append(taken.value.url)

    def terminal(self, *arguments: str, database: Path | None = None) -> str:
        """What `python -m app` prints; it has to end well."""
        configured = {**self.configured, "AML_DATABASE": str(database or self.desk)}
        command = [sys.executable, "-m", "app", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment(configured), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def life(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("life")
    config = settings.Settings(
        str(folder / "desk.db"), folder, checkpoints=folder / "checkpoints", signing_key=folder / "signing.key"
    )
    configured = {
        "AML_DATABASE": config.database,
        "AML_EXPORTS": str(folder),
        "AML_SIGNING_KEY": str(config.signing_key),
        "AML_SIGN_IN": "oidc",
    }
    accounts = [Account(sub=person.user_id, claims={"preferred_username": person.user_id}) for person in WHO]
    with peopled(folder) as desk, run_server_in_thread(user_claims=accounts) as provider, ExitStack() as stack:
        lived = Life(desk, config, configured, str(keys.make_key(folder / "signing.key").verifier))
        port, secrets = free_port(), folder / "secrets.toml"
        secrets.write_text(SECRETS.format(port=port, provider=provider.server_port), "utf-8")
        address = stack.enter_context(served(folder, configured, port, secrets))
        pages = [stack.enter_context(browser.tab()) for _ in WHO]
        for person, page in zip(WHO, pages, strict=True):
            sign_in(page, address, person.user_id)
            page.get_by_text(person.name).wait_for()
        live(lived, address, *pages)
        yield lived


def live(lived: Life, address: str, analyst: Page, manager: Page, reviewer: Page) -> None:
    alerts = lived.config.exports / "alerts.jsonl"
    alerts.write_text(json.dumps(ALERT), "utf-8")
    assert "1 case opened" in lived.terminal("open", str(alerts))

    analyst.get_by_role("button", name="Take new case").click()
    analyst.get_by_role("heading", name=CASE).wait_for()
    analyst.get_by_role("textbox", name="Note").fill(NOTE)
    analyst.get_by_role("button", name="Add note").click()
    analyst.get_by_text("Note added.").wait_for()
    analyst.get_by_role("tab", name="Decide").click()
    analyst.get_by_role("radio", name="Escalate").click()
    analyst.get_by_role("combobox", name="To Manager").click()
    analyst.get_by_role("option", name=MANAGER.name).click()
    analyst.get_by_role("textbox", name="Rationale").fill(ESCALATION)
    analyst.get_by_role("button", name="Escalate").click()
    analyst.get_by_text(f"Escalated to {MANAGER.name}.").wait_for()

    manager.get_by_role("button", name="Mine").click()
    manager.get_by_role("link", name=CASE).click()
    expect(manager.locator(".st-key-timeline")).to_contain_text(ESCALATION)
    manager.get_by_role("tab", name="Decide").click()
    manager.get_by_role("radio", name="SAR", exact=True).click()
    manager.get_by_role("textbox", name="Rationale").fill(DECISION)
    year = manager.get_by_role("spinbutton", name="year, Suspicion determined on")
    year.press_sequentially(f"{datetime.now(UTC):%Y%m%d}")
    manager.keyboard.press("Escape")  # the calendar, which lies over the button
    manager.get_by_role("button", name="Close as SAR").click()
    manager.get_by_text("Disposition set: SAR.").wait_for()
    banner(manager).wait_for()

    reviewer.get_by_role("link", name="QA").click()
    panel = reviewer.locator(".st-key-review_panel")
    reviewer.get_by_role("link", name=CASE).click()
    panel.get_by_role("heading", name=CASE).wait_for()
    banner(reviewer).wait_for()
    panel.get_by_role("radio", name="Pass").click()
    panel.get_by_role("textbox", name="Remarks").fill(REMARKS)
    panel.get_by_role("button", name="Record").click()
    reviewer.get_by_text(f"{CASE}: Pass recorded.").wait_for()

    checkpoint.sign(lived.desk, lived.config)
    for path in ("case", "case", "exports"):
        analyst.goto(f"{address}/{path}?case_id={CASE}")
        banner(analyst).wait_for()
    for label in ("Audit CSV", "SAR summary", "Bundle for an examiner"):
        lived.download(analyst, label)


def banner(page: Page) -> Locator:
    return page.get_by_role("alert").filter(has_text="Restricted SAR material")


def test_the_chain_holds_what_was_done_and_by_whom_and_nothing_else(life: Life) -> None:
    case, events = stored(life.desk, CASE)
    looks = [(event.user, event.ts[:10]) for event in events if event.action == Action.VIEW]
    assert {user for user, _ in looks} == {person.user_id for person in WHO}
    assert len(looks) == len(set(looks))
    assert [(event.user, event.action, event.notes) for event in events if event.action != Action.VIEW] == [
        (ALERT_FEED, Action.OPEN, ""),
        (ANALYST.user_id, Action.ASSIGN, ""),
        (ANALYST.user_id, Action.NOTE, NOTE),
        (ANALYST.user_id, Action.DISPOSITION, ESCALATION),
        (MANAGER.user_id, Action.DISPOSITION, DECISION),
        (REVIEWER.user_id, Action.QA_PASS, REMARKS),
        *[(ANALYST.user_id, Action.EXPORT, "")] * 3,
    ]
    assert (case.status, case.disposition, case.owner) == (Status.CLOSED, Disposition.SAR, MANAGER.user_id)
    assert case.determined_at is not None
    assert case.determined_at.date() == case.opened_at.date()
    assert (case.qa_result, case.qa_reviewer, case.qa_notes) == (QaResult.PASS, REVIEWER.user_id, REMARKS)
    log = checkpoint.log_of(life.config)
    assert log is not None
    anchors = log.anchors()
    assert anchors
    assert verification.verify_database(life.desk, anchors=anchors).intact


def test_what_was_downloaded_is_byte_for_byte_what_the_terminal_writes(life: Life, tmp_path: Path) -> None:
    trail, summary, bundle = life.files
    for name, *options in ((trail,), (summary,), (bundle, "--bundle")):
        folder = tmp_path / name
        life.terminal(
            "export", CASE, "--as", ANALYST.user_id, "--to", str(folder), *options, database=life.before[name]
        )
        assert (folder / name).read_bytes() == life.files[name]


def test_each_export_stands_in_the_chain_by_its_hash_and_verifies_without_the_desk(life: Life, tmp_path: Path) -> None:
    _, events = stored(life.desk, CASE)
    exports = [chain.read_meta(event) for event in events if event.action == Action.EXPORT]
    assert exports == [
        {"events": number, "files": {name: sha256(data).hexdigest()}}
        for number, (name, data) in enumerate(life.files.items(), len(events) - 3)
    ]
    for name, data in life.files.items():
        (tmp_path / name).write_bytes(data)
    trail, _, bundle = map(str, map(tmp_path.joinpath, life.files))
    assert f"{CASE}, {len(events) - 3} events: all intact" in life.terminal("verify-file", trail)
    assert "ok, signed by" in life.terminal("verify-file", bundle, "--key", life.key)


def test_a_download_has_no_address_that_anybody_else_could_ask_for(life: Life) -> None:
    assert [link.partition(":")[0] for link in life.links] == ["blob"] * 3
