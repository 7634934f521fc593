"""The SAR summary: what it says, and that nothing people typed becomes markup in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app import chain, evidence, filing, policy, typed
from app.errors import BrokenCase
from app.exports import audit_csv, markdown, sar
from app.filing import Draft, ReportKind, Subject, SubjectRole
from app.models import Action, Disposition, QaResult
from app.rows import Cases
from app.text import is_visible, legible
from tests import lives
from tests.conftest import ANALYST, EVIDENCE, MANAGER, OTHER_MANAGER, PEOPLE, REVIEWER
from tests.drafts import COMPLETE
from tests.lives import OPENED, Life, full_life

NAMES = {person.user_id: person.name for person in PEOPLE}
READERS = {
    "as the desk shows it": MarkdownIt("commonmark").enable("table"),
    "as GitHub would": MarkdownIt("gfm-like", {"linkify": False, "html": True, "breaks": True}),
}
SECTIONS = ["Customer", "Activity", "Flow of funds", "Decision", "Notes", "QA", "Transactions", "Evidence"]
OWN_TAGS = {
    *("h1", "h2", "p", "strong", "br", "code", "pre", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}

# What readers that look for addresses in the finished text (GitHub, Streamlit) make links of.
ADDRESS = re.compile(r"(https?://|www\.)[-.\w]|[-.\w+]@[-\w]+\.[-\w]", re.IGNORECASE)


@dataclass
class Page(HTMLParser):
    """A rendered page: its tags, its texts between tags, and the text inside each element of some kinds."""

    source: str
    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    inside: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs or tag in ("th", "td"), (tag, attrs)
        self.tags.append(tag)
        if tag == "br":
            self.handle_data(" ")
        else:
            self.inside.setdefault(tag, []).append("")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "br":
            assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        for tag in self.open:
            self.inside[tag][-1] += data


def words(text: str) -> str:
    """The text with every run of whitespace as one space."""
    return " ".join(text.split())


def summary(life: Life) -> str:
    return sar.summary(life.case, life.events, NAMES)


def pages(life: Life) -> list[Page]:
    return [Page(reader.render(summary(life))) for reader in READERS.values()]


# --- nothing typed becomes markup ---

MARKUP = r"""
http://evil.example https://evil.example/a_b_c www.evil.example WWW.evil.example ftp://evil.example a@evil.example
@:// www.@ <http://evil.example> [a](http://evil.example) [a] [a]: (x) ![i](j) <img/src=x> <script> </td> <!-- --> &lt;
&#60; &nbsp; # ## ### --- === *** ___ *a* **a** _a_ ~~a~~ ~~~ ` `` ``` | |-|-| > 1. 1) - + * \ \\ $x$ $$ :smile: :red[x]
^1^ [^1] [^1]: a.b 1.a " ' ( ) { } % / = ==hl== &copy; &#x41; AT&amp;T @octocat #12 GH-12 [ ] [x] 1) ~~~ |a|
"""
SPACE = ["\n", "\n\n", " ", "    ", "\t", "\n    ", "\n\t", "  \n", "\N{NO-BREAK SPACE}", "\N{EM SPACE}"]
INVISIBLE = ["\N{LINE SEPARATOR}", "\N{ZERO WIDTH SPACE}", "\N{RIGHT-TO-LEFT OVERRIDE}"]
pieces = st.one_of(st.sampled_from(MARKUP.split()), st.sampled_from(SPACE + INVISIBLE), lives.typed)
nasty = st.lists(pieces, min_size=1, max_size=8).map("".join).filter(is_visible)


def nasty_life(text: str) -> Life:
    """A full life with this text wherever somebody can type."""
    customer = {"occupation": text, text: text}
    row = {**EVIDENCE["transactions"][0], "counterparty": text, "channel": text, "country": text}  # type: ignore[dict-item]
    life = lives.opened(evidence={"alert": text, "customer": customer, "transactions": [row]}, customer_name=text)
    lives.assign(life, MANAGER, ANALYST)
    lives.note(life, text)
    lives.escalate(life, ANALYST, text, MANAGER)
    lives.escalate(life, MANAGER, text, OTHER_MANAGER)
    lives.close(life, OTHER_MANAGER, Disposition.SAR, text, OPENED)
    lives.reopen(life, MANAGER, text)
    lives.close(life, OTHER_MANAGER, Disposition.NO_SAR, text)
    lives.review(life, REVIEWER, QaResult.FAIL, text)
    return life


@pytest.fixture(scope="module", autouse=True)
def desk_of_before() -> Iterator[None]:
    """Old chains hold what a person may type no more: characters that turn words around."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typed, "check_typed", lambda what, text: None)
        yield


@given(nasty)
@example("a\n")
@example("a\n\N{EM SPACE}")
@example("\na")
@example("    a\n\n    b")
@example("a@b.example@://www.@`@")
@example("http://evil.example www.evil.example a@evil.example")
@example("SAR\u202e RAS oN\u202c end\nsetext\n===\n1) one\n    code\n~~~\n| a | b |\n\u2028# line\n- [ ] todo\n\\")
def test_what_people_typed_shows_as_they_typed_it_and_is_no_markup_link_or_image(text: str) -> None:
    for page in pages(nasty_life(text)):
        assert set(page.tags) <= OWN_TAGS
        assert page.inside["h2"] == SECTIONS
        assert page.tags.count("h1") == page.tags.count("pre") == 1
        assert page.inside["strong"][1:] == ["Escalate", "Escalate", "SAR", "Reopened", "No SAR", "Fail"]
        shown_as = words(legible(text))
        assert [words(quote) for quote in page.inside["blockquote"]] == [shown_as] * 8
        cells = [words(cell) for cell in page.inside["td"]]
        assert cells.count(shown_as) >= 4, cells
        assert not [shown for shown in page.texts if ADDRESS.search(shown)]


@given(nasty)
def test_escaped_text_is_one_paragraph_of_its_own_words(text: str) -> None:
    for reader in READERS.values():
        page = Page(reader.render(markdown.escape(words(text))))
        assert set(page.tags) <= {"p", "code"}
        assert words("".join(page.texts)) == words(legible(text))
        assert not [shown for shown in page.texts if ADDRESS.search(shown)]


def test_no_text_of_a_summary_turns_words_around() -> None:
    text = summary(nasty_life("SAR\u202e RAS oN\u202c \u2066end\u2069"))
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert r"SAR\\u202e RAS oN\\u202c \\u2066end\\u2069" in text


def test_an_alert_with_other_line_ends_stays_in_its_quote() -> None:
    for page in pages(lives.opened(evidence={"alert": "a\r\r    b\r\n\r\nc\rd"})):
        assert page.tags.count("pre") == 1
        assert words(page.inside["blockquote"][0]) == "a b c d"


def test_lines_and_indents_of_a_note_stay_and_a_verdict_without_notes_quotes_nothing() -> None:
    life = lives.opened(evidence={})
    lives.assign(life, MANAGER, ANALYST)
    lives.note(life, "Sums:\n  in  9\n\n\tout 8\n")
    lives.close(life, MANAGER, Disposition.NO_SAR, "Payroll.")
    lives.review(life, REVIEWER, QaResult.PASS, " ")
    for page in pages(life):
        assert page.inside["blockquote"][1:] == [
            "\nSums: \n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}in  9 \n \n" + "\N{NO-BREAK SPACE}" * 4 + "out 8\n"
        ]


# --- what it says ---


def lines(life: Life) -> list[str]:
    (page, _) = pages(life)
    return [words(text) for text in page.inside["tr"] + page.inside["p"]]


def test_a_full_life_is_told_on_one_page() -> None:
    out = {**EVIDENCE["transactions"][0], "amount": "1234.01", "direction": "out", "channel": "Wire", "country": "LV"}  # type: ignore[dict-item]
    evidence = {
        **EVIDENCE,
        "transactions": [*EVIDENCE["transactions"], out],
        "customer": {"expected_monthly": "5000.00"},
    }
    life = full_life(evidence=evidence)
    text = summary(life)
    assert text.startswith(f"# SAR summary {life.case.case_id}\n\n**DRAFT. {sar.CONFIDENTIAL}**\n")
    told = lines(life)
    for line in (
        "Disposition No SAR",
        "Status Closed",
        "Typology Structuring",
        "Risk High, score 87",
        "Alerted activity USD 65,800.00 (money in)",
        "Opened 2026-01-05 09:14 UTC",
        "Closed 2026-01-05 17:14 UTC",
        "Owner Beatriz Díaz (b.diaz)",
        "Name Zoë Łukasik",
        "Customer C-00412873",
        "Expected monthly USD 5,000.00",
        "7 cash deposits just under $10,000 in 9 days",
        "First and last transaction 2026-01-05 to 2026-01-11",
        "Money in USD 65,800 in 7 transactions (whole units, rounded up)",
        "Money out USD 1,235 in 1 transaction (whole units, rounded up)",
        "Net USD 64,565.99 more in",
        "Counted once USD 65,800.00 came in and USD 1,234.01 went out; the larger of the two counts the money once: "
        "USD 65,800.00.",
        "Łódź “Main St” US 7 USD 65,800.00",
        "Łódź “Main St” LV 1 USD 1,234.01",
        "2026-01-11 15:00 in USD 9,400.00 Cash (branch) Łódź “Main St” US",
        "Channels Cash (branch), Wire",
        "Countries LV, US",
        "Escalate, Anh Nguyễn (a.nguyen), 2026-01-05 12:14 UTC:",
        "Needs a Manager.",
        "SAR, Naoko Ito (n.ito), 2026-01-05 13:14 UTC:",
        "Reopened, Mary Okafor (m.okafor), 2026-01-05 15:14 UTC:",
        "No SAR, Beatriz Díaz (b.diaz), 2026-01-05 17:14 UTC:",
        "Payroll after all.",
        "Anh Nguyễn (a.nguyen), 2026-01-05 11:14 UTC:",
        "Seven deposits, same branch. Teller says “same person”.",
        "Pass, Rana Kaya (r.kaya), 2026-01-05 18:14 UTC",
        "Agreed.",
        "10 events, chained by SHA-256, verified intact.",
    ):
        assert line in told, line
    assert text.endswith(f"\n\n    {life.events[-1].event_hash}\n")
    assert "SAR due" not in text
    assert summary(full_life(evidence=evidence)) == text


def moves(*amounts: str) -> list[dict[str, str]]:
    """Transactions of these amounts, out where they begin with a minus."""
    good: dict[str, str] = EVIDENCE["transactions"][0]  # type: ignore[assignment]
    return [
        {**good, "amount": amount.removeprefix("-"), "direction": "out" if amount[0] == "-" else "in"}
        for amount in amounts
    ]


@pytest.mark.parametrize(
    ("amount", "moved", "amount_is", "net"),
    [
        ("126430.00", ["126430.00", "-95328.00"], "money in", "JPY 31,102 more in"),
        ("95328.00", ["5328.00", "-95328.00"], "money out", "JPY 90,000 more out"),
        ("221758.00", ["126430.00", "-95328.00"], "money in and out together", "JPY 31,102 more in"),
        ("7.00", ["126430.00", "-126430.00"], "as the alert says", "as much in as out"),
        ("7.00", ["7.00"], "money in", ""),
        ("7.00", ["-7.00"], "money out", ""),
        ("7.00", [], "as the alert says", ""),
    ],
)
def test_an_amount_stands_once_with_what_it_is_and_in_out_and_net_apart(
    amount: str, moved: list[str], amount_is: str, net: str
) -> None:
    life = lives.opened(evidence={"transactions": moves(*moved)})
    told = lines(replace(life, case=replace(life.case, amount=Decimal(amount), currency="JPY")))
    assert f"Alerted activity JPY {Decimal(amount):,.0f} ({amount_is})" in told
    assert [line for line in told if line.startswith("Net")] == ([f"Net {net}"] if net else [])


@pytest.mark.parametrize(
    ("known", "due"),
    [(True, "SAR due 2026-02-04 (30 days)"), (False, "SAR due 2026-03-06 (60 days, no suspect identified)")],
)
def test_a_sar_is_due_30_days_after_the_determination_or_60_without_a_suspect(known: bool, due: str) -> None:
    life = lives.opened()
    lives.assign(life, MANAGER, ANALYST)
    lives.close(life, ANALYST, Disposition.SAR, "Structuring.", OPENED, suspect_known=known)
    assert {due, "Suspicion determined 2026-01-05 (UTC)"} <= set(lines(life))
    before = replace(life, events=[replace(event, meta=event.meta.replace("zone", "?")) for event in life.events])
    assert "Suspicion determined 2026-01-05" in lines(before), "a decision of before that does not say whose day it was"


def test_a_case_nobody_has_touched_says_so() -> None:
    told = lines(lives.opened(evidence={}))
    assert {"Disposition None yet", "Owner Nobody", "No decision yet.", "None.", "In the sample, once closed."} <= set(
        told
    )
    assert "## Activity\n\n## Decision\n" in summary(lives.opened(evidence={}))
    assert "Money out" not in summary(lives.opened())


def test_a_case_without_events_or_names_still_has_a_summary() -> None:
    life = full_life()
    assert {"Owner Beatriz Díaz (b.diaz)", "No decision yet."} <= set(lines(replace(life, events=[])))
    assert "b\\.diaz \\(b\\.diaz\\)" in sar.summary(life.case, life.events, {})


def test_qa_is_awaited_only_for_closed_cases_of_the_sample() -> None:
    life = lives.opened()
    lives.assign(life, MANAGER, ANALYST)
    lives.close(life, ANALYST, Disposition.NO_SAR, "Payroll.")
    assert "In the sample, awaiting review." in lines(life)
    assert "Not in the sample." in lines(lives.opened(lives.OTHER_ID))


def test_evidence_that_cannot_be_read_is_left_out_and_no_failure() -> None:
    good = EVIDENCE["transactions"][0]
    assert isinstance(good, dict)
    bad: list[object] = [None, {}, {**good, "amount": 5}, {**good, "time": None}, {**good, "channel": []}]
    bad += [{**good, "amount": amount} for amount in ("NaN", "sNaN", "1E+999999", "-1", "ten", "")]
    unknown = {**good, "cls": 1, "_fields_set": [], "place": None}
    for listed, found, unread in (([*bad, good, unknown], [good, good], len(bad)), (None, [], 0), (good, [], 1)):
        kept = evidence.read(lives.opened(evidence={} if listed is None else {"transactions": listed}).events)
        assert [{name: text for name, text in row.model_dump().items() if text} for row in kept.transactions] == found
        assert kept.unread == unread
    life = lives.opened(evidence={"alert": ["a"], "customer": "c", "transactions": bad})
    assert {"['a']", "Not counted 11 that cannot be read"} <= set(lines(life))


def test_a_broken_trail_is_told_at_the_top_and_break_by_break() -> None:
    life = full_life()
    breaks = chain.verify(life.case.case_id, life.events, {**life.row, "owner": "<b>x</b>"})
    for reader in READERS.values():
        page = Page(reader.render(sar.summary(life.case, life.events, NAMES, breaks)))
        assert page.inside["strong"][1] == "The audit trail of this case is broken; see Evidence."
        assert [words(item) for item in page.inside["li"]] == [words(str(breaks[0]))]
        assert "10 events, chained by SHA-256, NOT INTACT." in page.inside["p"]


def test_a_tampered_event_is_summed_up_as_it_stands() -> None:
    """The evidence has to leave the desk then above all; verification says what is wrong with it."""
    life = full_life()
    for changed in (
        {"notes": b"\xff"},
        {"ts": 5},
        {"meta": '{"disposition":"SAR"}'},
        {"meta": b"\xff"},
        {"user": b"x"},
    ):
        fields: dict[str, Any] = changed
        for number, event in enumerate(life.events):
            tampered = [*life.events[:number], replace(event, **fields), *life.events[number + 1 :]]
            assert "## Evidence" in sar.summary(life.case, tampered, NAMES)


@pytest.mark.parametrize(
    "changed",
    [
        *({"meta": meta} for meta in ('{"sar":[]}', '{"later_because":5,"late_because":[1],"disposition":["","SAR"]}')),
        {"meta": '{"sar":{"subjects":[5,{"name":7}],"amount":"x","described":{"9999":5},"from":"2026-13-01"}}'},
        {"notes": None},
        {"notes": b"\xff"},
        {"ts": 5},
        {"action": b"x"},
    ],
)
def test_a_tampered_report_is_summed_up_as_it_stands(changed: dict[str, Any]) -> None:
    life = lives.filed_life()
    for number, event in enumerate(life.events):
        tampered = audit_csv.as_text(replace(event, **changed))
        events = [*life.events[:number], tampered, *life.events[number + 1 :]]
        assert "## Evidence" in sar.summary(life.case, events, NAMES)


# --- a report ---

VICTIM, RELATED, UNKNOWN = (
    Subject("Vera Victim", SubjectRole.VICTIM, is_customer=True),
    Subject("Rel Ated", SubjectRole.RELATED),
    Subject("", SubjectRole.UNKNOWN),
)
REPORT = replace(COMPLETE, subjects=(*COMPLETE.filed_subjects, UNKNOWN, VICTIM, RELATED), key_term="EFE FIN-2022-A002")


def decided_sar(**also: Any) -> Life:
    life = lives.opened()
    lives.assign(life, MANAGER, ANALYST)
    lives.close(life, ANALYST, Disposition.SAR, "Structuring.", OPENED, **also)
    return life


def reported(draft: Draft = REPORT) -> Life:
    """Drafted, returned, drafted again, approved."""
    life = decided_sar()
    lives.draft(life, ANALYST, replace(draft, narrative="Too short."))
    lives.send_back(life, MANAGER, "Say where it was.")
    lives.draft(life, ANALYST, draft)
    lives.approve(life, OTHER_MANAGER)
    return life


def sections(text: str) -> dict[str, str]:
    """What stands below each heading, by the heading."""
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in text.split("\n## ")[1:]}


def test_a_report_is_told_in_the_order_of_its_form_by_whom_it_was_prepared_and_approved() -> None:
    life = reported()
    told = lines(life)
    assert list(sections(summary(life))) == [
        *("Subjects", "Victims and related people", "Customer", "Activity", "Narrative", "Flow of funds", "Prior SARs"),
        *("Gaps", "Decision", "Preparation", "Notes", "QA", "Transactions", "Evidence"),
    ]
    for line in (
        "Report Initial report",
        "Filing To file",
        "SAR due 2026-02-04 (30 days)",
        "Name Mark Knight",
        "Family and given name Knight, Mark",
        "Role Suspect",
        "Name Unknown",
        "Activity types Changed or cancelled a transaction to avoid a CTR (112); "
        "Transactions below the CTR threshold (114)",
        "Instruments and products U.S. currency (39); Funds transfer (33)",
        "Key term EFE FIN-2022-A002",
        "Amount, counted once USD 65,800.10",
        "Amount to file USD 65,801 (whole dollars, rounded up)",
        "Came in USD 65,800.10",
        "Went out USD 22,117.00",
        "From and to 2026-10-05 to 2026-10-11",
        REPORT.narrative,
        "Prepared by Anh Nguyễn (a.nguyen), 2026-01-05 14:14 UTC",
        "Approved by Naoko Ito (n.ito), 2026-01-05 15:14 UTC",
        "Returned, Mary Okafor (m.okafor), 2026-01-05 13:14 UTC:",
        "Say where it was.",
    ):
        assert line in told, line
    assert "Too short" not in summary(life)
    assert "The narrative lacks the key term" in summary(life).replace("\\", "")


def test_a_victim_never_stands_under_subjects() -> None:
    told = sections(summary(reported()))
    for person in (VICTIM, RELATED):
        assert person.name not in told["Subjects"]
        assert person.name in told["Victims and related people"]
    robbed = decided_sar()
    robbed = replace(robbed, case=replace(robbed.case, typology="Elder exploitation"))
    told = sections(summary(robbed))
    assert robbed.case.customer_name not in told["Subjects"]
    assert robbed.case.customer_name in told["Customer"]


def test_without_a_draft_it_says_so_and_no_other_case_speaks_of_a_report() -> None:
    told = sections(summary(decided_sar()))
    assert sar.NO_DRAFT in told["Subjects"].replace("\\", "")
    assert "Approved by | Nobody yet" in told["Preparation"]
    assert {"Narrative", "Gaps"}.isdisjoint(told)
    assert {"Subjects", "Prior SARs", "Preparation"}.isdisjoint(sections(summary(full_life())))


def test_a_draft_that_is_written_anew_is_approved_by_nobody() -> None:
    life = reported()
    lives.draft(life, ANALYST, replace(REPORT, narrative="Another."))
    assert "Approved by Nobody yet" in lines(life)
    assert "Another." in lines(life)


def test_a_later_day_stands_with_its_reason_and_a_late_filing_with_its_own() -> None:
    life = decided_sar()
    lives.reopen(life, MANAGER, "More came in.")
    later = OPENED + timedelta(days=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Life, "next_hour", property(lambda life: chain.parse_ts(life.events[-1].ts) + timedelta(days=50)))
        lives.close(life, ANALYST, Disposition.SAR, "It is.", later.date(), later_because="New deposits.")
        lives.draft(life, ANALYST, REPORT)
        lives.approve(life, MANAGER)
        lives.file(life, ANALYST, late_because="The vendor was down.")
    told = lines(life)
    assert told[told.index("Its day is later than that of an earlier decision, because:") + 1] == "New deposits."
    assert "The vendor was down." in told


def test_a_report_that_was_filed_says_so_and_each_answer_of_fincen_stands_with_its_step() -> None:
    life = lives.filed_life()
    text, told = summary(life), lines(life)
    assert text.startswith(f"# SAR summary {life.case.case_id}\n\n**FILED. {sar.CONFIDENTIAL}**\n")
    for line in (
        f"Report Amends the report with BSA ID {lives.BSA_ID}",
        f"BSA ID {lives.LATER_BSA_ID}",
        "R17: Party first name is missing F2 Filing name",
        "The amount was too low.",
    ):
        assert line in told, line
    assert [words(each) for each in pages(life)[0].inside["strong"][2:]] == [
        *("Drafted", "Drafted", "Returned", "Drafted", "Approved", "Filed", "Rejected by FinCEN"),
        *("Drafted", "Approved", "Filed", "Acknowledged", "To be amended", "Drafted", "Approved", "Filed"),
        "Acknowledged",
    ]


def test_the_customers_other_sars_stand_on_a_sar_alone() -> None:
    one, other = decided_sar().case, decided_sar().case
    filed = replace(one, case_id="AML-00000001", filed_at=OPENED, bsa_id="31000055053784")
    prior = Cases()
    prior += [filed, replace(other, case_id="AML-00000002")]
    prior.broken.append(BrokenCase("AML-00000003", "its row cannot be read (its filing is 7)"))
    life = decided_sar()
    text = sar.summary(life.case, life.events, NAMES, prior_sars=prior).replace("\\", "")
    assert "| AML-00000001 | filed 2026-01-05, BSA ID 31000055053784, determined 2026-01-05 |" in text
    assert "| AML-00000002 | not filed, determined 2026-01-05 |" in text
    assert "| AML-00000003 | its row cannot be read |" in text
    innocent = full_life()
    assert "AML-00000001" not in sar.summary(innocent.case, innocent.events, NAMES, prior_sars=prior).replace("\\", "")


def test_many_counterparties_are_summed_up_and_every_transaction_is_listed() -> None:
    rows = [{**EVIDENCE["transactions"][0], "counterparty": f"Firm {n:02}", "amount": f"{n}.00"} for n in range(1, 26)]  # type: ignore[dict-item]
    told = lines(lives.opened(evidence={"transactions": rows}))
    assert "Firm 06 US 1 USD 6.00" in told
    assert "5 others 5 USD 15.00" in told
    assert sum("Cash (branch) Firm" in line for line in told) == 25


@given(nasty)
@example("a@b.example@://www.@`@")
@example("SAR\u202e RAS oN\u202c end\nsetext\n===\n1) one\n    code\n~~~\n| a | b |\n\u2028# line\n- [ ] todo\n\\")
def test_what_people_typed_into_a_draft_is_no_markup_either(text: str) -> None:
    parts = ("last_name", "first_name", "other_name", "occupation", "account", "tin", "street", "city", "state")
    typed_in: dict[str, Any] = dict.fromkeys((*parts, "zip_code", "country"), text)
    people = tuple(Subject(text, role, **typed_in) for role in SubjectRole)
    draft = replace(REPORT, subjects=people, key_term=text, prior_bsa_id=text, kind=ReportKind.CONTINUING)
    draft = replace(draft, narrative=text, described={9999: text}, activity_types=(9999,))
    life = decided_sar()
    meta = {"sar": filing.to_meta(draft), "later_because": text, "late_because": text}
    for action in (Action.SAR_DRAFT, Action.SAR_RETURN, Action.SAR_REJECT, Action.SAR_AMEND):
        life.add(ANALYST, policy.Change(action, text, {"bsa_id": text}, meta))
    for page in pages(life):
        assert set(page.tags) <= OWN_TAGS | {"ul", "li"}
        assert page.tags.count("h1") == page.tags.count("pre") == 1
        assert [words(quote) for quote in page.inside["blockquote"]].count(words(legible(text))) == 4
        assert not [shown for shown in page.texts if ADDRESS.search(shown)]
