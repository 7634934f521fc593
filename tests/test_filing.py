"""The draft of a SAR: what is proposed from the evidence, what is kept, what is found to be missing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import chain, filing, fincen, gaps, names
from app.filing import Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.gaps import Facts
from seed.typologies import TYPOLOGIES
from tests.drafts import COMPLETE, case_of, drafts, kept_in, kept_with, seeded, transaction

KNOWN = Facts(determined_on=date(2026, 10, 20), suspect_known=True)


@settings(max_examples=50)
@given(drafts)
def test_a_draft_is_read_as_it_was_kept(draft: Draft) -> None:
    kept = json.loads(chain.canonical_json({"sar": filing.to_meta(draft)}))["sar"]
    assert filing.read(kept, draft.narrative) == draft
    assert "narrative" not in kept


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_damaged_draft_is_read_without_raising(value: Any) -> None:
    assert filing.read(value, "") is None
    names_of_fields = filing.to_meta(COMPLETE)
    for name in names_of_fields:
        assert filing.read({**names_of_fields, name: value}, "") is not None
        assert filing.read({name: [value, {"name": value, "role": value, "born": value}]}, "") is not None


def test_nobody_becomes_a_subject_of_the_report_by_a_damaged_role() -> None:
    read = filing.read({"subjects": [{"name": "Ann Victim", "role": "vicitm"}]}, "")
    assert read is not None
    assert not read.filed_subjects


def test_money_is_counted_once_and_never_as_the_sum() -> None:
    kept = kept_with(transaction("900.00"), transaction("850.00", "out"))
    counted = filing.count(case_of(), kept)
    assert (counted.amount, counted.money_in, counted.money_out) == (Decimal(900), Decimal(900), Decimal(850))
    assert counted.words == (
        "USD 900.00 came in and USD 850.00 went out; the larger of the two counts the money once: USD 900.00."
    )


def test_a_check_that_came_back_is_no_money_out() -> None:
    kept = kept_with(
        transaction("900.00"), transaction("700.00", "out"), transaction("900.00", "out", channel="check return")
    )
    counted = filing.count(case_of(typology="Check fraud"), kept)
    assert (counted.amount, counted.money_out) == (Decimal(900), Decimal(700))


def test_money_that_comes_back_is_counted_as_the_alert_counts_it() -> None:
    kept = kept_with(*(transaction("500.00", way) for way in ("in", "out", "in", "out")))
    circle = case_of(typology="Shell company layering", amount=Decimal(500))
    assert filing.count(circle, kept).amount == 500
    assert filing.count(replace(circle, typology="Structuring"), kept).amount == 1_000


def test_the_days_are_those_of_the_suspicious_items() -> None:
    pension = transaction("2000.00", channel="ACH", time="2026-09-01T08:00:00.000000Z")
    gift = transaction("9000.00", "out", time="2026-10-02T12:00:00.000000Z")
    draft = filing.propose(case_of(typology="Elder exploitation"), kept_with(pension, gift))
    assert (draft.from_day, draft.to_day, draft.amount) == (date(2026, 10, 2), date(2026, 10, 2), Decimal(9_000))


@pytest.mark.parametrize("typology", ["Elder exploitation", "Dormant account reactivated", "Human trafficking"])
def test_a_victim_is_never_proposed_as_the_subject(typology: str) -> None:
    draft = filing.propose(case_of(typology=typology), kept_with(transaction("9000.00", "out")))
    assert [(subject.name, subject.role.value) for subject in draft.subjects] == [
        ("Mark Knight", "victim"),
        ("", "unknown"),
    ]
    assert [subject.role for subject in draft.filed_subjects] == [SubjectRole.UNKNOWN]


def test_every_typology_of_the_demo_data_proposes_its_activity_types() -> None:
    for typology in TYPOLOGIES:
        assert fincen.activities_of(typology.words.name), typology.words.name
    main = {
        "Structuring": 114,
        "Funnel account": 824,
        "Trade-based laundering": 823,
        "Elder exploitation": 921,
        "Human trafficking": 927,
        "Dormant account reactivated": 920,
        "Crypto on/off-ramp": 913,
        "Check fraud": 301,
    }
    assert {name: code for name, code in main.items() if code in fincen.activities_of(name)} == main


def test_every_channel_of_the_demo_data_is_an_instrument() -> None:
    channels = {item.channel for each in seeded() for item in filing.items(each.kept)}
    assert len(channels) > 15
    assert [channel for channel in channels if not fincen.assets_of([channel], "USD")] == []
    assert fincen.assets_of(["cash", "VASP", "wire"], "USD") == {33: "", 39: "", 41: "Virtual currency"}
    assert fincen.assets_of(["ATM cash"], "EUR") == {32: ""}
    assert fincen.assets_of(["coach ticket"], "USD") == {}


def test_what_is_proposed_of_demo_data_lacks_nothing_that_is_critical() -> None:
    for each in seeded():
        assert gaps.is_complete(each.draft), each.case.typology
        assert each.draft.amount == each.case.amount, each.case.typology


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        ("subjects", (Subject("Ann Victim", SubjectRole.VICTIM), Subject("Rel Ated", SubjectRole.RELATED))),
        ("activity_types", ()),
        ("amount", None),
        ("amount", Decimal(0)),
        ("from_day", None),
        ("to_day", None),
        ("narrative", " \n"),
    ],
)
def test_a_draft_without_it_cannot_be_approved(field: str, empty: Any) -> None:
    without: dict[str, Any] = {field: empty}
    draft = replace(COMPLETE, **without)
    assert gaps.is_complete(COMPLETE)
    assert not gaps.is_complete(draft)
    assert [gap.field for gap in gaps.gaps(draft, KNOWN) if gap.is_critical] == [field]


def hints(draft: Draft, facts: Facts = KNOWN) -> set[tuple[str, str]]:
    return {(gap.question.value, gap.field) for gap in gaps.gaps(draft, facts) if not gap.is_critical}


def test_hints_ask_who_what_when_where_why_and_how() -> None:
    bare = replace(COMPLETE, narrative="Unusual.", instruments=(), from_day=date(2026, 10, 12))
    kept = kept_with(transaction("900.00"), transaction("850.00", "out"), transaction("1.00", time="soon"))
    assert hints(bare, Facts(kept)) == {
        ("who", "subjects"),
        ("what", "instruments"),
        ("what", "narrative"),
        ("when", "from_day"),
        ("when", "to_day"),
        ("where", "narrative"),
        ("why", "narrative"),
        ("how", "narrative"),
    }
    told = "At the branch, USD 900.00 came from Smith-Gamble and USD 850.00 went out; no such income was expected."
    assert not {"where", "why", "how"} & {question for question, _ in hints(replace(COMPLETE, narrative=told))}


def test_where_the_alert_says_what_made_it_fire_its_own_amount_counts() -> None:
    fired = [transaction(amount, id=f"T-{amount}") for amount in ("9400.00", "9300.00")]
    wages = transaction("2000.00", channel="ACH", id="T-wages")
    case = case_of(amount=Decimal("18700.00"))
    named = [row["id"] for row in fired]
    counted = filing.count(case, kept_with(*fired, wages, triggered_by=named))
    assert counted.amount == Decimal("18700.00")
    assert "the alert counts USD 18,700.00 of it once" in counted.words
    assert filing.count(case, kept_with(*fired, wages)).amount == Decimal("20700.00"), "no feed set them apart"
    assert filing.count(case, kept_with(*fired, triggered_by=named)).amount == Decimal("18700.00")


def test_what_a_kind_of_report_or_a_currency_needs_is_asked_for() -> None:
    continuing = replace(COMPLETE, kind=ReportKind.CONTINUING)
    assert {("what", "prior_bsa_id"), ("what", "cumulative")} <= hints(continuing)
    known = replace(continuing, prior_bsa_id="31000055053784", cumulative=Decimal(90_000))
    assert not {("what", "prior_bsa_id"), ("what", "cumulative")} & hints(known)
    assert ("what", "prior_bsa_id") in hints(replace(known, prior_bsa_id="٣1000055053784"))
    assert ("what", "amount_usd") in hints(replace(COMPLETE, currency="EUR"))
    assert ("what", "described") in hints(replace(COMPLETE, activity_types=(9999,)))
    assert ("what", "amount") in hints(replace(COMPLETE, amount=Decimal(4_999)))
    assert ("what", "cumulative") in hints(replace(known, cumulative=Decimal(5)))
    assert ("what", "currency") in hints(replace(COMPLETE, currency="QQQ"))
    assert ("what", "instruments") in hints(replace(COMPLETE, instruments=tuple(fincen.ASSETS)))
    unseen = replace(COMPLETE, activity_types=(9999,), described={9999: "\u200b"})
    assert ("what", "described") in hints(unseen)


def test_days_and_numbers_that_cannot_be_are_said_to_be_wrong() -> None:
    known = replace(KNOWN, today=date(2026, 10, 20))
    (suspect, *_) = COMPLETE.subjects

    def sentences(**wrong: Any) -> str:
        return " ".join(gap.sentence for gap in gaps.gaps(replace(COMPLETE, **wrong), known))

    assert "2026-10-21 lies in the future" in sentences(to_day=date(2026, 10, 21))
    assert "outside the years 1900 to 2099" in sentences(from_day=date(1026, 10, 5))
    assert "lies before the first" in sentences(from_day=date(2026, 10, 12))
    for born in (date(1066, 1, 1), date(2026, 10, 6)):
        assert "cannot be born" in sentences(subjects=(replace(suspect, born=born),))
    assert "cannot be born" not in sentences(subjects=(replace(suspect, born=date(1960, 2, 29)),))
    for tin in ("1234", "12-345678", "12X3456789"):
        assert "no taxpayer number of nine digits" in sentences(subjects=(replace(suspect, tin=tin),))
    assert "taxpayer" not in sentences(subjects=(replace(suspect, tin="123-45-6789"),))
    assert "has no name" in sentences(subjects=(replace(suspect, name="\u200b"),))


def test_a_draft_that_contradicts_the_decision_is_said_to() -> None:
    unknown = replace(COMPLETE, subjects=(Subject("", SubjectRole.UNKNOWN),))
    assert "names one" in filing.contradiction(COMPLETE, False)
    assert "names none" in filing.contradiction(unknown, True)
    assert [filing.contradiction(*each) for each in ((COMPLETE, True), (unknown, False), (unknown, None))] == [""] * 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cash\tin", "\t"),
        ("For details see attached file.", "see attached"),
        ("The customer is a criminal.", "is a criminal"),
        ("We believe that it is odd.", "We believe"),
        ("The branch told the customer that a SAR was filed.", "told the customer that a SAR"),
        ("Records were asked for by subpoena.", "subpoena"),
        ("In order:\nDate | In | Out\nDone.", "Date | In | Out"),
        ("Date      In      Out", "Date      In      Out"),
        ("é" * 20_001, "é"),
    ],
)
def test_what_a_narrative_must_not_hold_is_found_where_it_stands(text: str, fault: str) -> None:
    found = gaps.narrative_faults(text)
    assert [text[each.position : each.position + each.length] for each in found] == [fault]


def test_a_plain_narrative_has_no_fault() -> None:
    assert gaps.narrative_faults(COMPLETE.narrative) == []
    assert gaps.narrative_faults("é" * 20_000) == []
    assert (
        gaps.narrative_faults("It continues the SAR with BSA ID 31000055053784. See the branch map in the file.") == []
    )


@pytest.mark.parametrize(
    ("shown", "parts"),
    [
        ("Mark Knight", ("Knight", "Mark", "")),
        ("Zoë Łukasik", ("Łukasik", "Zoë", "")),
        ("陈伟 / Chen Wei", ("Chen", "Wei", "陈伟")),
        ("황민준 / Hwang Min-jun", ("Hwang", "Min-jun", "황민준")),
        ("田中 陽子 / Yoko Tanaka", ("Tanaka", "Yoko", "田中 陽子")),
        ("محمد الحربي / Mohammed Al-Harbi", ("Al-Harbi", "Mohammed", "محمد الحربي")),
        ("Nguyễn Thị Hạnh", ("Nguyễn", "Thị Hạnh", "")),
        ("Nguyễn Hạnh", ("", "", "")),
        ("Francisco Javier Calvillo", ("", "", "")),
        ("陈伟", ("", "", "")),
        ("Prince", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_name_is_parted_where_a_rule_says_how_and_never_guessed(shown: str, parts: tuple[str, str, str]) -> None:
    found = names.split(shown, entity=False)
    assert (found.last, found.first, found.other) == parts


def test_a_firm_is_told_from_a_person() -> None:
    firms = (
        "Olson Group",
        "Harris LLC",
        "Vega Holdings",
        "Wing Tat Shun (HK) Limited",
        "Durdu & Co. Foot Spa",
        "Istmo S.A.",
    )
    assert all(map(names.is_entity, firms))
    assert not any(map(names.is_entity, ("Mark Knight", "Ince Asya", "Nina Isaeva")))
    customer = filing.customer_of(case_of(customer_name="Olson Group"), kept_in({}))
    assert (customer.kind, customer.last_name) == (SubjectKind.ENTITY, "")


def test_counterparties_can_be_added_but_are_no_subjects_by_themselves() -> None:
    kept = kept_with(
        transaction("10.00", counterparty="Small"),
        transaction("99.00"),
        transaction("500.00", counterparty="Mark Knight"),
    )
    found = filing.candidates(case_of(), kept)
    assert [(subject.name, subject.role.value) for subject in found] == [
        ("Smith-Gamble", "related"),
        ("Small", "related"),
    ]


def test_the_codes_are_those_of_fincens_schema(fincen_schema: Path) -> None:
    text = fincen_schema.read_text("utf-8")

    def codes(kind: str) -> set[int]:
        declared = text.partition(f'simpleType name="{kind}"')[2].partition("</xsd:simpleType>")[0]
        return {int(value.partition('"')[0]) for value in declared.split('enumeration value="')[1:]}

    assert set(fincen.ACTIVITIES) == codes("ValidateSuspiciousActivitySubtypeID")
    assert set(fincen.ACTIVITY_KINDS) == codes("ValidateSuspiciousActivityTypeID")
    assert set(fincen.ASSETS) == codes("ValidateAssetSubtypeIDTypeCode")
    assert {fincen.activity_kind(code) for code in fincen.ACTIVITIES} == set(fincen.ACTIVITY_KINDS)
