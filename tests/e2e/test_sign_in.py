"""Signing in, in a real browser with a real provider: who gets in, who is refused, and that no data shows before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from oidc_provider_mock import User as Account
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect

from app import opening, unsent, users
from app.database import Database
from app.models import ALERT_FEED, Role
from tests.conftest import ALERT, ANALYST, GONE
from tests.e2e.server import free_port, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]

SECRETS = """
[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "a secret of this test, and long enough for it"
client_id = "desk"
client_secret = "of the desk"
server_metadata_url = "http://localhost:{provider}/.well-known/openid-configuration"
client_kwargs = {{ prompt = "login" }}
"""


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    """A tab in which nobody is signed in."""
    with browser.tab() as tab:
        yield tab


@pytest.fixture(scope="module")
def case_id(desk: Database) -> str:
    return opening.open_case(desk, ALERT_FEED, ALERT).case_id


@pytest.fixture(scope="module")
def address(desk: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk with sign-in on, and a provider that vouches for whoever types a name."""
    folder = tmp_path_factory.mktemp("served")
    accounts = [
        Account(sub=person.user_id, claims={"preferred_username": person.user_id}) for person in (ANALYST, GONE)
    ]
    accounts.append(Account(sub="stranger", claims={"preferred_username": "a.stranger"}))
    accounts.append(Account(sub="nameless", claims={}))
    with run_server_in_thread(user_claims=accounts) as provider:
        port = free_port()
        secrets = folder / "secrets.toml"
        secrets.write_text(SECRETS.format(port=port, provider=provider.server_port), "utf-8")
        configured = {"AML_DATABASE": str(desk), "AML_SIGN_IN": "oidc", "AML_EXPORTS": str(folder)}
        with served(folder, configured, port, secrets) as where:
            yield where


def sign_in(page: Page, address: str, account: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=sub]").fill(account)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{address}/**")


def test_nobody_sees_anything_before_they_have_signed_in(page: Page, address: str, case_id: str) -> None:
    for path in ("", "/case?case_id=" + case_id, "/qa", "/exports?case_id=" + case_id):
        page.goto(address + path)
        page.get_by_role("button", name="Sign in").wait_for()
        page.get_by_text("open your link again").wait_for()
        page.get_by_text("sees every case, and which of them led to a SAR").wait_for()
        assert "Łukasik" not in page.content()
        assert case_id not in page.locator("body").inner_text()


def test_a_person_whom_the_desk_knows_gets_in_as_themselves_and_out_again(
    page: Page, address: str, case_id: str
) -> None:
    sign_in(page, address, ANALYST.user_id)
    page.get_by_text("Zoë Łukasik").first.wait_for()
    assert page.get_by_text(ANALYST.name).first.is_visible()
    page.goto(f"{address}/case?case_id={case_id}")
    page.get_by_role("heading", name=case_id).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/end_session*", wait_until="load")
    page.goto(f"{address}/case?case_id={case_id}")
    page.get_by_role("button", name="Sign in").wait_for()
    assert "Łukasik" not in page.content()


def test_a_copied_cookie_ends_with_its_person_signing_out_and_they_get_in_again_at_once(
    page: Page, browser: Chromium, address: str, case_id: str
) -> None:
    sign_in(page, address, ANALYST.user_id)
    page.get_by_text("Zoë Łukasik").first.wait_for()
    with browser.tab() as thief:
        thief.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        thief.goto(f"{address}/case?case_id={case_id}")
        thief.get_by_role("heading", name=case_id).wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/end_session*", wait_until="load")
        sign_in(page, address, ANALYST.user_id)
        page.get_by_text("Zoë Łukasik").first.wait_for()
        thief.reload()
        thief.get_by_text("You have signed out").wait_for()
        assert "Łukasik" not in thief.content()


def test_what_was_typed_waits_for_its_person_on_the_desk_and_nothing_of_it_in_the_browser(
    page: Page, address: str, desk: Database, case_id: str
) -> None:
    sign_in(page, address, ANALYST.user_id)
    page.get_by_text("Zoë Łukasik").first.wait_for()
    page.goto(f"{address}/case?case_id={case_id}")
    page.get_by_role("textbox", name="Note").fill("Half a thought.")
    for _ in range(100):  # a pause in typing, after which the desk keeps it
        page.wait_for_timeout(100)
        if desk.read(lambda tx: unsent.kept(tx, ANALYST.user_id, case_id)):
            break
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/end_session*", wait_until="load")
    page.goto(f"{address}/qa")
    page.get_by_role("button", name="Sign in").wait_for()
    assert "Half a thought." not in page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    sign_in(page, address, ANALYST.user_id)
    page.get_by_text("Zoë Łukasik").first.wait_for()
    page.goto(f"{address}/case?case_id={case_id}")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("Half a thought.")


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (GONE.user_id, "is not active on this desk any more"),
        ("stranger", "is not known to this desk"),
        ("nameless", "does not say who you are"),
    ],
)
def test_who_is_not_of_the_desk_is_refused_politely_and_sees_nothing(
    page: Page, address: str, case_id: str, account: str, words: str
) -> None:
    sign_in(page, address, account)
    page.get_by_text(words).wait_for()
    assert "Łukasik" not in page.content()


def test_who_is_deactivated_while_signed_in_sees_and_does_nothing_more(
    page: Page, address: str, desk: Database, case_id: str
) -> None:
    sign_in(page, address, ANALYST.user_id)
    page.get_by_text("Zoë Łukasik").first.wait_for()
    users.deactivate_user(desk, ANALYST.user_id)
    try:
        page.goto(f"{address}/case?case_id={case_id}")
        page.get_by_text("is not active on this desk any more").wait_for()
        assert "Łukasik" not in page.content()
    finally:
        users.add_user(desk, ANALYST.user_id, ANALYST.name, Role.ANALYST)


def test_a_desk_on_which_nothing_is_configured_lets_nobody_in_and_says_how(
    page: Page, desk: Database, case_id: str, tmp_path: Path
) -> None:
    configured = {"AML_DATABASE": str(desk), "AML_SIGN_IN": "oidc", "AML_EXPORTS": str(tmp_path)}
    (tmp_path / "secrets.toml").write_text("", "utf-8")
    with served(tmp_path, configured, free_port(), tmp_path / "secrets.toml") as where:
        page.goto(f"{where}/case?case_id={case_id}")
        page.get_by_text("Nobody can sign in yet").wait_for()
        assert "Łukasik" not in page.content()
