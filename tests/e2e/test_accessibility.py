"""axe-core on every page and state of the desk, light and dark, in three widths: WCAG 2.2, levels A and AA.

The version is 4.12.1, which axe-playwright-python bundles. What it leaves to a person to judge counts as found too.
The same walk tries what the desk's styles and scripts pick out of Streamlit's pages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from oidc_provider_mock import User as Account
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect

from app import casework, connected, database, evidence, filing, opening, repository, settings, triage_query
from app.database import Database
from app.exports import case_export
from app.exports.bundle import page as bundle_page
from app.log import checkpoint, proofs
from app.models import ALERT_FEED, Disposition, Event, Status
from app.policy import Decision
from app.triage_query import Filters, Order
from seed.generate import generate
from seed.load import load
from seed.people import ANALYSTS, LEAVER, MANAGERS, REVIEWERS
from tests.conftest import ALERT, stored, tamper
from tests.e2e import selectors
from tests.e2e.server import free_port, peopled, served, settled
from tests.e2e.test_sign_in import SECRETS, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

    from tests.browser import Chromium

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.timeout(600)

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Look = tuple[Literal["light", "dark"], int]
WIDTHS = (1440, 1024, 800)
EVERY_LOOK: Sequence[Look] = [*(("light", width) for width in WIDTHS), *(("dark", width) for width in WIDTHS[::-1])]
ALL = os.environ.get("AML_AXE") == "all"
"""Every state in every look takes minutes: without AML_AXE=all each is judged in one of the six, in turn."""
HEIGHT = 3_000
"""Of the window, which grows with a page that has more: axe judges no contrast of what is scrolled out of sight."""

SCRIPT = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
WHOLE, ACTIONS, UNJUDGED = "html", ".st-key-actions", ""
"""Parts of a page for axe to judge. What is on its way, or narrower than a screen, only has to be there."""

OF_STREAMLIT: Mapping[tuple[str, str], str] = {
    ("aria-hidden-focus", "[aria-hidden=true]"): "the rest of the page, while a list is open; the list keeps the focus",
    ("aria-valid-attr-value", "[data-testid=stDateInputCalendarButton]"): "names a calendar that is made as it opens",
    ("aria-prohibited-attr", "[data-testid=stFileChip]"): "a name on a div without a role; its text holds the name too",
    ("aria-prohibited-attr", "[data-tag]"): "a name on what is chosen of a list; its text holds the name too",
}
"""What axe does not pass in markup that is Streamlit's own: the rule, the elements, and what they are."""

AXE = """async ([part, tags, known]) => {
  const { Color, flattenColors, getContrast } = axe.commons.color;
  const undecided = ["pseudoContent", "imgNode", "nonBmp", "shortTextContent"];

  function contrast(element) {
    const ink = new Color(), behind = new Color(), style = getComputedStyle(element);
    let paper = new Color(0, 0, 0, 0);
    ink.parseString(element instanceof SVGElement ? style.fill : style.color);
    for (let one = element; one; one = one.parentElement ?? one.getRootNode().host) {
      ink.alpha *= getComputedStyle(one).opacity;
      behind.parseString(getComputedStyle(one).backgroundColor);
      paper = flattenColors(paper, behind);
    }
    return getContrast(paper, ink);
  }

  const { violations, incomplete } = await axe.run(part, { runOnly: tags, elementRef: true,
    resultTypes: ["violations", "incomplete"] });
  const faults = [...violations, ...incomplete].flatMap(({ id, nodes }) => nodes.map(({ element, any, all, none }) => {
    const checks = [...any, ...all, ...none];
    if (!element.isConnected) return null;
    if (undecided.includes(checks[0].data?.messageKey) && contrast(element) >= 4.5) return null;
    const listed = known.findIndex(([rule, selector]) => rule === id && element.matches(selector));
    return [listed, `${id}: ${element.outerHTML.slice(0, 200)}: ${checks.map((check) => check.message).join("; ")}`];
  }));
  return faults.filter(Boolean);
}"""
"""What axe leaves undecided of signs, and of text in a chart or near something painted, is decided by its own sums."""

AT_REST = """async ([scheme, quiet]) => {
  const app = document.querySelector(".stApp"), end = performance.now() + 30000;
  let changed = performance.now();
  const watch = new MutationObserver(() => { changed = performance.now(); });
  watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

  const still = (one) => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity;
  const ran = () => app.dataset.testScriptState === "notRunning" && getComputedStyle(app).colorScheme === scheme
    && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]");
  const said = () => !document.querySelector("#headline").textContent.startsWith("Checking");

  while (performance.now() < changed + quiet || !document.getAnimations().every(still) || !(app ? ran() : said())) {
    if (performance.now() > end) throw new Error("the page does not come to rest");
    await new Promise(requestAnimationFrame);
  }
  watch.disconnect();
}"""
"""Waits until the page has followed a change of scheme or width, and nothing in it has moved for some milliseconds."""

TALL = "() => Math.max(...[...document.querySelectorAll('main')].map((main) => main.scrollHeight))"


@dataclass(frozen=True)
class Desk:
    """A desk that is served, and cases in it, by what they are there for."""

    database: Database
    folder: Path
    address: str
    anchor: checkpoint.Anchor
    cases: Mapping[str, str]

    def open(self, page: Page, path: str, words: str) -> None:
        """A page of the desk, until it shows the words and is at rest."""
        page.goto(self.address + path)
        page.get_by_text(words).first.wait_for()
        settled(page)

    def open_case(self, page: Page, kind: str, tab: str = "Note") -> None:
        self.open(page, f"/case?case_id={self.cases[kind]}", "Oldest first")
        open_tab(page, tab)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A small demo. Who acts in it unless said otherwise is its first analyst."""
    folder = tmp_path_factory.mktemp("desk")
    config = settings.Settings(str(folder / "desk.db"), folder, checkpoints=folder / "checkpoints")
    generate(folder / "csv", 60, 3, date(2026, 1, 31), lambda done, cases: None)
    with closing(database.connect(config)) as made:
        load(made, folder / "csv")
        anchor = checkpoint.begin(made, config, anew=False).anchor
        assert anchor
        opening.open_case(made, ALERT_FEED, ALERT)
        found = made.read(lambda tx: triage_query.triage_page(tx, Filters(include_closed=True), Order.DUE, 100)).cases
        new = [case for case in found if case.status is Status.NEW]
        mine = [case for case in found if case.status is Status.IN_REVIEW and case.owner == ANALYSTS[0].user_id]
        sar = [case for case in found if case.disposition is Disposition.SAR]
        sar.sort(key=lambda case: -len(made.read(lambda tx: connected.of_case(tx, case)).ties))
        others = [case for case in found if case.status is Status.IN_REVIEW and case.owner != ANALYSTS[0].user_id]
        others.sort(key=lambda case: -len(evidence.read(stored(made, case.case_id)[1]).alerts))
        drafted, to_draft = others[:2]
        kinds = {"new": new[0], "mine": mine[0], "moved": mine[1], "refused": mine[2]}
        kinds |= {"sar": sar[0], "broken": sar[1], "drafted": drafted, "to draft": to_draft}
        for case in (drafted, to_draft):
            casework.assign(made, MANAGERS[0].user_id, case.case_id, ANALYSTS[0].user_id, "Knows the branch.")
            decide_as_sar(made, case.case_id)
        for words in ("See attached.", "She paid in at the branch."):
            draft_sar(made, drafted.case_id, words)
        with served(folder, {"AML_DATABASE": str(made), "AML_EXPORTS": str(folder)}, free_port()) as address:
            yield Desk(made, folder, address, anchor, {kind: case.case_id for kind, case in kinds.items()})


def decide_as_sar(made: Database, case_id: str) -> None:
    decision = Decision(Disposition.SAR, "Structured.", determined_at=date(2026, 1, 31), source="Branch")
    casework.set_disposition(made, ANALYSTS[0].user_id, case_id, decision)


def draft_sar(made: Database, case_id: str, words: str) -> None:
    case, events = stored(made, case_id)
    draft = filing.propose(case, evidence.read(events))
    casework.draft_sar(made, ANALYSTS[0].user_id, case_id, replace(draft, narrative=words))


# --- the states: a story brings a page from one to the next, and names each and the part that it changes ---

States = Iterator[tuple[str, str]]


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def act_as(page: Page, name: str) -> None:
    picker = page.get_by_role("combobox", name="Acting as")
    picker.click()
    page.get_by_role("option", name=name).click()
    expect(picker).to_have_value(re.compile(f"{name}, "))


def triage(desk: Desk, page: Page) -> States:
    desk.open(page, "/", "Cases 1 to")
    yield "queue", WHOLE
    page.get_by_role("checkbox", name="Select AML", disabled=False).first.click()
    page.get_by_text("1 selected").wait_for()
    yield "ticked", WHOLE
    page.get_by_role("combobox", name="Acting as").click()
    page.get_by_role("option").first.wait_for()
    yield "picker", WHOLE
    desk.open(page, "/?q=nobody", "No case matches")
    yield "no match", WHOLE


def triage_filtered(desk: Desk, page: Page) -> States:
    desk.open(page, "/?risk=High&closed=true&q=LLC", "Cases 1 to")
    yield "filtered", WHOLE
    page.get_by_role("button", name="to draft").click()
    page.get_by_role("cell", name="SAR · To draft").first.wait_for()
    settled(page)
    yield "SARs", WHOLE
    act_as(page, REVIEWERS[0].name)
    expect(page.get_by_role("checkbox", name="Select AML")).to_have_count(0)
    yield "QA", WHOLE


def no_case(desk: Desk, page: Page) -> States:
    desk.open(page, "/case", "Open a case from Triage")
    yield "none", WHOLE
    desk.open(page, "/case?case_id=AML-00000000", "AML-00000000")
    yield "unknown", WHOLE


def case_new(desk: Desk, page: Page) -> States:
    desk.open_case(page, "new")
    yield "note", WHOLE
    for tab in ("Assign", "Decide", "Reopen"):
        open_tab(page, tab)
        yield tab, ACTIONS


def case_mine(desk: Desk, page: Page) -> States:
    desk.open_case(page, "mine", "Decide")
    yield "decide", WHOLE
    for disposition, label in (("Escalate", "Escalate"), ("SAR", "Close as SAR")):
        page.get_by_role("radio", name=disposition, exact=True).click()
        page.get_by_role("button", name=label).wait_for()
        yield disposition, ACTIONS
    page.get_by_role("button", name="Choose date").click()
    page.get_by_role("grid").wait_for()
    yield "calendar", WHOLE


def case_forms(desk: Desk, page: Page) -> States:
    desk.open_case(page, "refused")
    open_tab(page, "Decide")
    page.get_by_role("radio", name="SAR", exact=True).click()
    page.get_by_role("button", name="Close as SAR").click()
    expect(page.locator(".wrong")).to_have_count(2)
    yield "refused", ACTIONS
    page.get_by_role("radio", name="SAR", exact=True).click()
    page.get_by_role("button", name="Decide", exact=True).click()
    page.get_by_text("Choose a disposition").wait_for()
    yield "undecided", ACTIONS
    open_tab(page, "Assign")
    page.get_by_role("button", name="Assign", exact=True).last.click()
    page.get_by_text("Choose who is to own the case").wait_for()
    yield "nobody", ACTIONS
    open_tab(page, "Reopen")
    yield "Reopen", ACTIONS


def case_moved(desk: Desk, page: Page) -> States:
    desk.open_case(page, "moved", "Decide")
    page.get_by_role("radio", name="No SAR").click()
    page.get_by_role("button", name="Close as No SAR").wait_for()
    settled(page)
    page.get_by_role("textbox", name="Rationale").fill("Takings match the filings.")
    casework.add_note(desk.database, ANALYSTS[1].user_id, desk.cases["moved"], "Wait for the branch.")
    page.get_by_role("button", name="Close as No SAR").click()
    page.get_by_text("What happened meanwhile").wait_for()
    yield "meanwhile", WHOLE


def case_sar(desk: Desk, page: Page) -> States:
    desk.open_case(page, "sar", "Reopen")
    yield "reopen", WHOLE
    page.get_by_text("Try to break it").click()
    page.get_by_role("radio", name="Swap it").click()
    page.get_by_text("Caught by").wait_for()
    yield "attack", ".st-key-try"
    page.get_by_text("Connected cases").click()
    page.locator(".network").wait_for()
    yield "connected", "[class*=st-key-connected-]"


def case_drafting(desk: Desk, page: Page) -> States:
    desk.open_case(page, "to draft")
    page.get_by_text(", Suspect").or_(page.get_by_text(", Victim")).first.click()
    page.get_by_role("textbox", name="Street").wait_for()
    yield "draft", WHOLE
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(".wrong")).to_have_count(1)
    yield "refused", ".st-key-sar"
    narrative = page.get_by_role("textbox", name="Narrative")
    for text, told in (("See attached.", ".fault"), ("", ".draft .critical")):
        narrative.fill(text)
        narrative.press("Tab")
        page.locator(told).first.wait_for()
        yield text or "no narrative", ".st-key-sar"


def case_drafted(desk: Desk, page: Page) -> States:
    desk.open_case(page, "drafted")
    act_as(page, MANAGERS[0].name)
    page.get_by_role("tab", name="Approve").wait_for()
    yield "to approve", WHOLE
    open_tab(page, "Approve")
    expect(page.get_by_role("button", name="Approve the draft")).to_be_enabled()
    yield "approve", WHOLE


def broken(desk: Desk, page: Page) -> States:
    """The desk before and after somebody changes a case outside of it."""
    desk.open(page, "/exports", "Type the id")
    open_tab(page, "Verify the database")
    page.get_by_role("button", name="Verify every chain").click()
    page.get_by_text("all intact").wait_for()
    yield "intact", WHOLE
    case_id = desk.cases["broken"]
    tamper(desk.database, "UPDATE case_events SET notes = 'x' WHERE case_id = ? AND action = 'note'", case_id)
    tamper(desk.database, "UPDATE cases SET risk_score = 1 WHERE case_id = ?", case_id)
    page.get_by_role("button", name="Verify every chain").click()
    page.get_by_text("found at").first.wait_for()
    yield "breaks", WHOLE
    desk.open_case(page, "broken")
    yield "case", WHOLE


def qa(desk: Desk, page: Page) -> States:
    desk.open(page, "/qa", "Awaiting review (")
    act_as(page, REVIEWERS[0].name)
    page.get_by_role("link", name="AML-").first.wait_for()
    yield "waiting", WHOLE
    page.get_by_role("region", name="Awaiting").get_by_role("link").first.click()
    expect(page.get_by_role("button", name="Record")).to_be_enabled()
    yield "open", WHOLE
    page.get_by_role("radio", name="Fail", exact=True).click()
    page.get_by_role("button", name="Record").click()
    page.get_by_text("reason for the fail is empty").wait_for()
    yield "refused", ".st-key-review_panel"
    page.get_by_role("textbox", name="Remarks").fill("The sums do not add up.")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("button", name="Open the next").wait_for()
    page.get_by_test_id("stToast").wait_for()
    yield "told", UNJUDGED
    page.get_by_test_id("stToast").get_by_role("button").click()
    expect(page.get_by_test_id("stToast")).to_have_count(0)
    yield "next", WHOLE
    open_tab(page, "Reviewed")
    yield "reviewed", WHOLE


def exports(desk: Desk, page: Page) -> States:
    desk.open(page, "/exports", "Type the id")
    yield "none", WHOLE
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").wait_for()
    yield "telephone", UNJUDGED
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    desk.open(page, f"/exports?case_id={desk.cases['sar']}", "Bundle for an examiner")
    yield "case", WHOLE
    open_tab(page, "Audit CSV")
    yield "rows", "main"


def exports_file(desk: Desk, page: Page) -> States:
    desk.open(page, "/exports", "Type the id")
    open_tab(page, "Verify a file")
    yield "none", "main"
    trail = case_export.make_audit_csv(case_export.read(desk.database, desk.cases["sar"]))
    for data, words in ((trail.data, "all intact"), (trail.data.replace(b"SAR", b"sar"), "break"), (b"?", "Refused")):
        file: FilePayload = {"name": trail.name, "mimeType": "text/csv", "buffer": data}
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("tabpanel", name="Verify a file").get_by_text(words).first.wait_for()
        yield "file", "main"


def tour(desk: Desk, page: Page) -> States:
    desk.open(page, f"/case?case_id={desk.cases['mine']}&tour=4", "Step 4 of")
    page.get_by_text("Oldest first").wait_for()
    yield "step", WHOLE
    page.get_by_role("link", name="Triage").click()
    page.locator(".st-key-tour_go").wait_for()
    settled(page)
    yield "elsewhere", ".st-key-tour"
    page.get_by_role("button", name="Reset the demo data").click()
    page.get_by_role("dialog").wait_for()
    yield "dialog", WHOLE


def signing_in(desk: Desk, page: Page) -> States:
    """Before a provider is configured, before somebody signs in, and where they are refused."""
    accounts = [Account(sub=LEAVER.user_id, claims={"preferred_username": LEAVER.user_id})]
    secrets, port = desk.folder / "secrets.toml", free_port()
    configured = {"AML_DATABASE": str(desk.database), "AML_EXPORTS": str(desk.folder), "AML_SIGN_IN": "oidc"}
    with (
        run_server_in_thread(user_claims=accounts) as provider,
        served(desk.folder, configured, port, secrets) as address,
    ):
        page.goto(address)
        page.get_by_text("Nobody can sign in yet").wait_for()
        yield "not configured", WHOLE
        secrets.write_text(SECRETS.format(port=port, provider=provider.server_port), "utf-8")
        page.goto(address)
        page.get_by_role("button", name="Sign in").wait_for()
        yield "welcome", WHOLE
        sign_in(page, address, LEAVER.user_id)
        page.get_by_text("is not active").wait_for()
        yield "refused", WHOLE


def from_nothing(desk: Desk, page: Page) -> States:
    """A desk without a database, without cases, with one that nobody can read, and after it was started again."""
    folder, port = desk.folder / "new", free_port()
    folder.mkdir()
    configured = {"AML_DATABASE": str(folder / "desk.db"), "AML_EXPORTS": str(folder)}

    def opened(path: str, words: str) -> None:
        page.goto(f"http://localhost:{port}{path}")
        page.get_by_text(words).first.wait_for()

    with served(folder, configured, port):
        opened("/", "There is no database at")
        yield "no database", WHOLE
        with peopled(folder) as made:
            opened("/", "There are no open cases")
            yield "no case", WHOLE
            opened("/qa", "The sample is complete")
            yield "nothing to review", WHOLE
            opening.open_case(made, ALERT_FEED, ALERT)
            tamper(made, "UPDATE cases SET due_at = '2026-12-31'")
            opened("/", "was changed outside the desk")
            yield "unreadable row", WHOLE
    with served(folder, configured, port):
        expect(page.locator(".stApp")).to_have_attribute("data-test-connection-state", "CONNECTED")
        page.get_by_role("button", name="Unassigned").click()
        page.get_by_text("The desk was started again").wait_for()
        yield "started again", WHOLE


def bundle(desk: Desk, page: Page) -> States:
    """Its page, from a folder, without a server."""
    case_id, key, file = desk.cases["sar"], str(desk.anchor.key), desk.folder / "audit.html"
    events = desk.database.read(lambda tx: repository.events(tx, case_id))
    proof = bytes(proofs.prove(desk.anchor, case_id) or b"").decode()

    def opened(headline: str, first: Event, enclosed: str | None) -> None:
        file.write_text(bundle_page.render(case_id, [first, *events[1:]], {}, enclosed, key), "utf-8")
        page.goto(file.as_uri())
        page.get_by_role("heading", name=headline).wait_for()

    opened("Altered", replace(events[0], notes="x"), proof)
    yield "altered", WHOLE
    opened("Not anchored", events[0], None)
    yield "not anchored", WHOLE
    opened("Compare the key", events[0], proof)
    yield "compare", WHOLE
    page.get_by_role("textbox").fill("x")
    page.get_by_text("Nothing was compared").wait_for()
    yield "no key", "#verdict"
    page.get_by_role("textbox").fill(key)
    page.get_by_role("heading", name="Not altered").wait_for()
    yield "not altered", "#verdict"


Story = Callable[[Desk, "Page"], States]
STORIES: tuple[Story, ...] = (
    broken,
    case_mine,
    triage,
    triage_filtered,
    case_new,
    case_forms,
    case_moved,
    case_sar,
    case_drafting,
    case_drafted,
    no_case,
    qa,
    exports,
    exports_file,
    tour,
    signing_in,
    from_nothing,
    bundle,
)


# --- what axe finds in them ---


@dataclass
class Found:
    """What is not listed, each with the looks in which it was found; and of what is listed, what was found too.

    Of each selector of the desk's styles and scripts, whether it picked something out.
    """

    faults: dict[str, list[str]] = field(default_factory=dict)
    listed: set[tuple[str, str]] = field(default_factory=set)
    picked: dict[str, bool] = field(default_factory=dict)


def look(
    page: Page,
    state: str,
    part: str,
    found: Found,
    looks: Sequence[Look],
    waits: Sequence[int] = (50, 500, 2500, 6000),
) -> None:
    """Have axe judge a part of the page in these schemes and widths: a fault is one that stays, for milliseconds."""
    known = list(OF_STREAMLIT)
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if not page.evaluate("'axe' in window"):
            page.evaluate(SCRIPT)
        for quiet in waits:
            page.evaluate(AT_REST, [scheme, quiet])
            if (tall := page.evaluate(TALL)) > page.evaluate("innerHeight"):
                page.set_viewport_size({"width": width, "height": tall})
                page.evaluate(AT_REST, [scheme, quiet])
                assert page.evaluate(TALL) <= tall
            faults = page.evaluate(AXE, [part, TAGS, known])
            if all(place >= 0 for place, _ in faults):
                break
        for place, fault in faults:
            if place < 0:
                found.faults.setdefault(f"{state}: {fault}", []).append(f"{scheme} {width}")
            else:
                found.listed.add(known[place])


@pytest.fixture(scope="module")
def told(browser: Chromium, desk: Desk) -> Callable[[Story], Found]:
    """What axe found in a story, which is told once."""
    results: dict[Story, Found] = {}

    def tell(story: Story) -> Found:
        found = Found()
        with browser.tab() as page:
            page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
            for number, (state, part) in enumerate(story(desk, page), STORIES.index(story)):
                if part is not UNJUDGED:
                    look(page, state, part, found, EVERY_LOOK if ALL else [EVERY_LOOK[number % 6]])
                for selector, is_there in page.evaluate(selectors.FOUND, [selectors.STYLES]):
                    found.picked[selector] = found.picked.get(selector, False) or is_there
        return found

    return lambda story: results.get(story) or results.setdefault(story, tell(story))


@pytest.mark.parametrize("story", STORIES)
def test_axe_finds_nothing_but_what_is_listed(told: Callable[[Story], Found], story: Story) -> None:
    assert not told(story).faults


def test_what_is_listed_still_occurs(told: Callable[[Story], Found]) -> None:
    assert set().union(*(told(story).listed for story in STORIES)) == OF_STREAMLIT.keys()


def test_what_styles_and_scripts_pick_out_of_streamlits_pages_is_there(told: Callable[[Story], Found]) -> None:
    """Else a release of Streamlit renamed it."""
    picked = {selector for story in STORIES for selector, is_there in told(story).picked.items() if is_there}
    tried = {selector for story in STORIES for selector in told(story).picked}
    assert len(tried) > 200
    assert tried - picked == selectors.ELSEWHERE.keys()
    attribute = re.search(r'state: "([\w-]+)"', selectors.FOUND)
    assert attribute and f"[data-testid=stApp][{attribute[1]}]" in picked


PLANT = """(element) => {
  const root = element.getRootNode(), id = element.tagName;
  const [button, faint] = ["button", "p"].map((tag) => Object.assign(document.createElement(tag), { id }));
  faint.textContent = "planted";
  faint.style.cssText = "color: #bbb; background: #fff";
  root.append(button, faint);
  return root instanceof ShadowRoot;
}"""


def test_axe_sees_into_the_components_of_the_desk_and_to_the_end_of_the_page(browser: Chromium, desk: Desk) -> None:
    found = Found()
    with browser.tab() as page:
        desk.open_case(page, "mine")
        for element in (".st-key-transactions table", ".st-key-timeline ol"):
            assert page.locator(element).first.evaluate(PLANT)
        look(page, "planted", WHOLE, found, EVERY_LOOK[:1], waits=[100])
    planted = ['button-name: <button id="{}">', 'color-contrast: <p id="{}"']
    expected = {f"planted: {fault.format(tag)}" for fault in planted for tag in ("TABLE", "OL")}
    assert {next((start for start in expected if fault.startswith(start)), fault) for fault in found.faults} == expected
