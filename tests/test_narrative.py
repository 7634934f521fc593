"""The narrative begun from the evidence: its sums are those of the evidence, and nothing in it is invented."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import evidence, filing, gaps, money, narrative
from app.evidence import Kept
from app.models import Case, Disposition
from tests import lives
from tests.conftest import ANALYST
from tests.drafts import COMPLETE, case_of, kept_in, kept_with, opened_with, seeded, transaction

_MOVED = re.compile(
    r"(?P<currency>[A-Z]{3}) (?P<amount>[\d,]+(?:\.\d+)?) "
    r"(?P<verb>came in|went out(?: or was taken back)?|was taken back)"
    r"(?: over (?P<number>[\d,]+) (?:further )?transactions?)?"
)


def begun(case: Case, kept: Kept) -> str:
    return narrative.begin(case, kept, [], filing.propose(case, kept))


def sums(text: str) -> tuple[dict[str, Decimal], dict[str, int]]:
    """What the sentences on transactions add up to, by direction, and how many transactions they tell of."""
    amounts, counts = {"in": Decimal(0), "out": Decimal(0)}, {"in": 0, "out": 0}
    for found in _MOVED.finditer(text.partition("In all,")[0]):
        way = "in" if found["verb"] == "came in" else "out"
        amounts[way] += Decimal(found["amount"].replace(",", ""))
        counts[way] += int((found["number"] or "1").replace(",", ""))
    return amounts, counts


names = st.text(st.characters(categories=("L", "Nd"), include_characters=" .’-"), min_size=1, max_size=30)
transactions = st.builds(
    transaction,
    amount=st.decimals(Decimal("0.01"), Decimal("99999.99"), places=2).map(str),
    direction=st.sampled_from(("in", "out")),
    time=st.dates().map(lambda day: f"{day.isoformat()}T15:00:00.000000Z"),
    channel=st.sampled_from(("wire", "cash", "check (RDC)", "check return", "P2P")),
    counterparty=names,
    country=st.sampled_from(("US", "KG", "")),
)


@settings(max_examples=50)
@given(st.lists(transactions, min_size=1, max_size=60), st.sampled_from(("USD", "EUR")))
def test_the_sums_told_are_those_of_the_evidence(rows: list[dict[str, str]], currency: str) -> None:
    kept = kept_with(*rows)
    text = begun(case_of(currency=currency), kept)
    moved = kept.flow()
    amounts, counts = sums(text)
    assert amounts == {"in": moved.paid_in, "out": moved.paid_out}
    assert counts == {"in": moved.credits, "out": moved.debits}
    totals = text.partition("In all, ")[2].partition("Counted once")[0]
    for total, number, verb in (
        (moved.paid_in, moved.credits, "came in"),
        (moved.paid_out, moved.debits, "went out"),
    ):
        assert (f"{money.text(total, currency)} {verb} over {number} transaction" in totals) is bool(number)


def test_the_sums_told_of_demo_data_are_those_of_its_evidence_and_so_are_the_names() -> None:
    named = 0
    for each in seeded():
        moved, text = each.kept.flow(), each.draft.narrative
        assert sums(text) == (
            {"in": moved.paid_in, "out": moved.paid_out},
            {"in": moved.credits, "out": moved.debits},
        ), text
        told = text.partition("In all,")[0]
        known = {each.case.customer_name, *(row.counterparty for row in each.kept.transactions)}
        for found in re.finditer(r" (?:from|to) (?P<name>[^.]*?(?:\.[^.]*?)*?) \([A-Z]{2}\)(?: at |\. |\.\n)", told):
            name = found["name"]
            named += 1
            assert any(name.endswith(one) for one in known), name
        assert gaps.narrative_faults(text) == []
        assert len(text) < 20_000
    assert named > 2_000


def test_twenty_thousand_transactions_fit_and_still_add_up() -> None:
    rows = [
        transaction(
            f"{100 + number % 900}.{number % 100:02d}",
            "in" if number % 3 else "out",
            time=f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}T15:00:00.000000Z",
            counterparty=f"Counterparty {number % 4_000}",
        )
        for number in range(20_000)
    ]
    kept = kept_with(*rows)
    text = begun(case_of(), kept)
    moved = kept.flow()
    assert len(text) <= 20_000
    assert sums(text) == ({"in": moved.paid_in, "out": moved.paid_out}, {"in": moved.credits, "out": moved.debits})
    assert "further transactions with" in text


def test_alike_transactions_of_a_day_are_one_sentence() -> None:
    text = begun(case_of(), kept_with(transaction("1.00"), transaction("2.00"), transaction("4.00", "out")))
    assert "On October 5, 2026, USD 3.00 came in over 2 transactions by wire from Smith-Gamble (US)." in text
    assert "On October 5, 2026, USD 4.00 went out by wire to Smith-Gamble (US)." in text


@pytest.mark.parametrize(
    ("currency", "amount", "told"),
    [
        ("JPY", "1200", "JPY 1,200 came in"),
        ("KWD", "1200.50", "KWD 1,200.500 came in"),
        ("USD", "1200", "USD 1,200.00 c"),
    ],
)
def test_amounts_are_written_as_their_currency_is(currency: str, amount: str, told: str) -> None:
    assert told in begun(case_of(currency=currency), kept_with(transaction(amount)))


def test_what_the_data_lack_is_left_out() -> None:
    text = begun(case_of(amount=Decimal(0), typology="Odd"), kept_in({}))
    assert text == (
        "This report is filed on activity that the bank reviewed as Odd. Its subject is Mark Knight.\n\n"
        "Mark Knight (customer number C-00412873) is a customer of the bank.\n\n"
        "The bank holds the record of this activity under case AML-7F3KQ2XA."
    )
    assert narrative.begin(case_of(), kept_in({}), [], replace(COMPLETE, subjects=())).startswith(
        "This report is filed"
    )


def test_what_is_known_of_the_customer_is_told() -> None:
    customer = {"occupation": "Nurse", "since": "2017-07-20", "account": "****3816", "expected_monthly": "4100.00"}
    text = begun(case_of(), kept_with(transaction("1.00"), customer=customer))
    assert (
        "The occupation on record is nurse. The relationship began on July 20, 2017. The account is ****3816. "
        "The activity expected in a month is USD 4,100.00." in text
    )


def test_notes_and_reasons_of_the_review_are_told_up_to_the_decision() -> None:
    life = lives.opened(evidence=opened_with(transaction("900.00")))
    lives.assign(life, ANALYST, ANALYST)
    for note in ("First\tline\nand second", "For details see attached file.", "x" * 2_000):
        lives.note(life, note)
    lives.close(life, ANALYST, Disposition.SAR, "Deposits were split", lives.OPENED.date())
    lives.note(life, "Filed and acknowledged.")
    kept = evidence.read(life.events)
    text = narrative.begin(life.case, kept, life.events, filing.propose(life.case, kept))
    assert "Noted on January 5, 2026: First line and second." in text
    assert "Reason to suspect was determined on January 5, 2026." in text
    assert "The bank decided on January 5, 2026 to file this report. Its reasons: Deposits were split." in text
    assert "4 notes of its review" in text
    for left_out in ("see attached", "xxx", "acknowledged", "\t"):
        assert left_out not in text


def test_a_victim_is_told_of_as_one() -> None:
    text = begun(case_of(typology="Elder exploitation"), kept_with(transaction("9000.00", "out")))
    assert "Its subject is unknown." in text
    assert "Mark Knight (customer number C-00412873) is regarded as a victim." in text


def test_a_continuing_report_names_the_one_before() -> None:
    draft = replace(COMPLETE, kind=filing.ReportKind.CONTINUING, prior_bsa_id="31000055053784")
    assert "It continues the report with BSA ID 31000055053784." in narrative.begin(case_of(), kept_in({}), [], draft)
