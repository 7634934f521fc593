"""FinCEN's SAR batch file: it validates against the schema, and says nothing that the draft does not."""

from __future__ import annotations

import os
import re
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from app import filing
from app.errors import InvalidInput
from app.exports import filer, sarx
from app.exports.filer import DEMO_FILER, Address, Branch, Filer
from app.exports.sarx import Report
from app.filing import Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.text import is_visible
from tests.drafts import COMPLETE, FILED_ON, drafts, seeded

REPORT = Report("AML-7F3KQ2XA", FILED_ON, ("Broad St branch, Richmond VA",))
PRIOR = "31000055053784"
UNKNOWN = Subject("", SubjectRole.UNKNOWN)

SETTINGS: dict[str, Any] = {
    "name": "First Example Bank",
    "tin": "12-3456789",
    "id_type": "rssd",
    "id_number": "123456",
    "regulator": "OCC",
    "institution": "Depository institution",
    "street": "1 Main St",
    "city": "Richmond",
    "state": "va",
    "zip": 23219,
    "country": "US",
    "transmitter_name": "First Example Bank",
    "transmitter_tin": "123456789",
    "transmitter_code": "pbsa1234",
    "transmitter_street": "1 Main St",
    "transmitter_city": "Richmond",
    "transmitter_state": "VA",
    "transmitter_zip": "23219-0001",
    "transmitter_country": "US",
    "transmitter_phone": "(804) 555-0100",
    "transmitter_contact": "Pat Doe",
    "contact_office": "BSA Office",
    "contact_phone": "804-555-0101",
    "branches": [
        {
            "name": "Broad St",
            "street": "2 Broad St",
            "city": "Richmond",
            "state": "VA",
            "zip": "23220",
            "country": "US",
        },
        {"name": "Hull St", "street": "3 Hull St", "city": "Richmond", "state": "VA", "zip": "23224", "country": "US"},
    ],
}
FILER = filer.read_filer(SETTINGS)

# In the order of the schema, which is that of the alphabet for the fields of each element; these hold others.
PARTS = {
    "Activity": (
        *("ActivityAssociation", "ActivitySupportDocument", "Party", "SuspiciousActivity", "ActivityIPAddress"),
        *("CyberEventIndicators", "Assets", "AssetsAttribute", "ActivityNarrativeInformation"),
    ),
    "Party": (
        *("PartyName", "Address", "PhoneNumber", "PartyIdentification", "OrganizationClassificationTypeSubtype"),
        *("PartyOccupationBusiness", "ElectronicAddress", "PartyAssociation", "PartyAccountAssociation", "Account"),
    ),
    "PartyAssociation": ("Party",),
    "PartyAccountAssociation": ("Party",),
    "Account": ("PartyAccountAssociation",),
    "SuspiciousActivity": ("SuspiciousActivityClassification",),
}
LONGEST = {
    "RawEntityIndividualLastName": 150,
    "RawIndividualFirstName": 35,
    "RawPartyFullName": 150,
    "RawCityText": 50,
    "RawCountryCodeText": 2,
    "RawStateCodeText": 3,
    "RawStreetAddress1Text": 100,
    "RawZIPCode": 9,
    "OccupationBusinessText": 50,
    "AccountNumberText": 40,
    "PartyIdentificationNumberText": 25,
    "PhoneNumberText": 16,
    "FilingInstitutionNotetoFinCEN": 50,
    "OtherSuspiciousActivityTypeText": 50,
    "OtherAssetSubtypeText": 50,
    "TotalSuspiciousAmountText": 15,
    "CumulativeTotalViolationAmountText": 15,
    "ActivityNarrativeText": 4_000,
}


def local(element: ET.Element) -> str:
    return element.tag.removeprefix(f"{{{sarx.NAMESPACE}}}")


def found(root: ET.Element, path: str) -> list[str]:
    """The texts at a path whose steps have no namespace."""
    steps = "/".join(f"{{{sarx.NAMESPACE}}}{step}" for step in path.split("/"))
    return [element.text or "" for element in root.findall(f".//{steps}")]


def parties(root: ET.Element, code: str) -> list[ET.Element]:
    return [
        element
        for element in root.iter()
        if local(element) == "Party" and found(element, "ActivityPartyTypeCode")[:1] == [code]
    ]


def check_structure(data: bytes, draft: Draft) -> ET.Element:
    """What the schema and the form ask of every file, as far as it can be said without the schema."""
    root = ET.fromstring(data)  # noqa: S314 - our own file
    numbers = [element.get("SeqNum") for element in root.iter() if element.get("SeqNum")]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    subjects = len(draft.filed_subjects)
    amount = found(root, "TotalSuspiciousAmountText")[0]
    assert [root.get(name) for name in ("TotalAmount", "PartyCount", "ActivityCount")] == [amount, str(subjects), "1"]
    assert [root.get(name) for name in ("ActivityAttachmentCount", "AttachmentCount")] == ["0", "0"]
    for element in root.iter():
        names = [local(child) for child in element]
        parts = PARTS.get(local(element), ())
        fields = [name for name in names if name not in parts]
        if local(element) != "EFilingBatchXML":
            assert names == [*sorted(fields), *sorted((n for n in names if n in parts), key=parts.index)], names
            assert bool(len(element)) is ("SeqNum" in element.attrib), local(element)
        text = element.text or ""
        if not len(element):
            assert re.fullmatch(r"[^\s]+( +[^\s]+)*", text.replace("\xa0", "x")) or text == " ".join(text.split()), text
            assert 0 < len(text) <= LONGEST.get(local(element), 100), (local(element), text)
    codes = [found(party, "ActivityPartyTypeCode")[0] for party in root[1] if local(party) == "Party"]
    assert codes == ["35", "37", "30", "8", "34", *["33"] * subjects]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", data.decode())
    return root


def check_schema(schema: etree.XMLSchema | None, data: bytes) -> None:
    if schema is not None:
        schema.assertValid(etree.fromstring(data))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema | None:
    """FinCEN's schema where AML_SARX_XSD names it; without it, the structure alone is tested here."""
    named = os.environ.get("AML_SARX_XSD")
    return etree.XMLSchema(etree.parse(named)) if named else None


def test_every_proposed_draft_of_demo_data_is_a_file_that_fincen_accepts(fincen_schema: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(fincen_schema)))
    for each in seeded():
        places = tuple({item.place for item in filing.items(each.kept) if item.place})
        data = sarx.render(each.draft, DEMO_FILER, Report(each.case.case_id, FILED_ON, places))
        check_schema(schema, data)


def test_every_proposed_draft_of_demo_data_has_the_structure_of_the_form() -> None:
    typologies = set()
    for each in seeded():
        data = sarx.render(each.draft, DEMO_FILER, Report(each.case.case_id, FILED_ON))
        root = check_structure(data, each.draft)
        assert found(root, "PartyIdentificationNumberText").count(each.case.case_id) == 1
        typologies.add(each.case.typology)
    assert len(typologies) == 13


@settings(max_examples=60)
@example(replace(COMPLETE, narrative="x " * 10_000))
@given(drafts)
def test_whatever_people_write_the_file_is_valid_or_says_what_it_lacks(schema: Any, draft: Draft) -> None:
    lacks = sarx.missing(draft, FILER, REPORT)
    if lacks:
        with pytest.raises(InvalidInput) as refused:
            sarx.render(draft, FILER, REPORT)
        assert str(refused.value) == " ".join(lacks)
        return
    data = sarx.render(draft, FILER, REPORT)
    check_schema(schema, data)
    check_structure(data, draft)


full = st.builds(
    lambda draft, subjects: replace(
        draft,
        subjects=(*draft.subjects, *subjects),
        activity_types=draft.activity_types or (112,),
        described={1: "a", 30: "b", 41: "c", **dict.fromkeys(range(1_999, 13_000, 1_000), "Odd")},
        amount=Decimal("5000.01"),
        amount_usd=Decimal("5000.01"),
        from_day=date(2026, 1, 2),
        to_day=date(2026, 1, 3),
        prior_bsa_id=PRIOR,
        cumulative=Decimal(9_000),
        narrative=re.sub(r"[^\t\n -~\xa0-\ud7ff]", "?", draft.narrative) + "Told.",
    ),
    drafts,
    st.just((UNKNOWN,)),
)


@settings(max_examples=60)
@given(full)
def test_a_complete_draft_is_always_a_valid_file(schema: Any, draft: Draft) -> None:
    suspects = [subject for subject in draft.filed_subjects if subject.role is SubjectRole.SUSPECT]
    if not all(is_visible(subject.name) for subject in suspects):
        return
    if sarx.missing(draft, FILER, REPORT):
        assert all("cannot carry" in lack or "longer" in lack for lack in sarx.missing(draft, FILER, REPORT))
        return
    data = sarx.render(draft, FILER, REPORT)
    check_schema(schema, data)
    check_structure(data, draft)


def test_victims_and_related_people_are_no_subjects() -> None:
    data = sarx.render(COMPLETE, FILER, REPORT)
    root = check_structure(data, COMPLETE)
    assert len(parties(root, "33")) == 1
    for name in ("Ann Victim", "Rel Ated"):
        assert name not in data.decode()


def test_what_people_type_never_becomes_markup() -> None:
    words = "<fc2:Party>&amp;]]><!DOCTYPE a [<!ENTITY x 'y'>]>&x;"
    subject = replace(COMPLETE.subjects[0], name=words, last_name="", first_name="")
    draft = replace(COMPLETE, narrative=words, subjects=(subject,))
    root = check_structure(sarx.render(draft, FILER, REPORT), draft)
    assert found(root, "ActivityNarrativeText") == [words]
    assert found(root, "RawEntityIndividualLastName") == [words]


@pytest.mark.parametrize("control", ["\x00", "\x1f", "\x7f", "\x85", "\ud800", "\ufffe"])
def test_a_control_character_is_refused(control: str) -> None:
    for draft in (
        replace(COMPLETE, narrative=f"A{control}B"),
        replace(COMPLETE, subjects=(replace(COMPLETE.subjects[0], occupation=f"A{control}B"),)),
    ):
        assert f"U+{ord(control):04X}" in sarx.missing(draft, FILER, REPORT)[0]
        with pytest.raises(InvalidInput):
            sarx.render(draft, FILER, REPORT)


def test_amounts_are_whole_dollars_rounded_up() -> None:
    root = check_structure(sarx.render(COMPLETE, FILER, REPORT), COMPLETE)
    assert found(root, "TotalSuspiciousAmountText") == ["65801"]


def test_another_currency_needs_an_amount_that_a_person_converted() -> None:
    euro = replace(COMPLETE, currency="EUR")
    assert sarx.missing(euro, FILER, REPORT) == ["Give the amount in dollars: FinCEN takes no EUR."]
    root = check_structure(sarx.render(replace(euro, amount_usd=Decimal("70123.01")), FILER, REPORT), euro)
    assert found(root, "TotalSuspiciousAmountText") == ["70124"]


@pytest.mark.parametrize(
    ("kind", "indicator"),
    [
        (ReportKind.CONTINUING, "ContinuingActivityReportIndicator"),
        (ReportKind.AMENDED, "CorrectsAmendsPriorReportIndicator"),
    ],
)
def test_a_later_report_names_the_one_before_and_the_amounts_together(kind: ReportKind, indicator: str) -> None:
    later = replace(COMPLETE, kind=kind, prior_bsa_id=PRIOR, cumulative=Decimal("90000.50"))
    root = check_structure(sarx.render(later, FILER, REPORT), later)
    assert found(root, "EFilingPriorDocumentNumber") == [PRIOR]
    assert found(root, "CumulativeTotalViolationAmountText") == ["90001"]
    assert found(root, f"ActivityAssociation/{indicator}") == ["Y"]
    assert not found(root, "InitialReportIndicator")
    assert sarx.missing(replace(later, prior_bsa_id="3100"), FILER, REPORT)


def test_what_is_not_known_is_marked_and_nothing_is_made_up() -> None:
    (subject,) = COMPLETE.filed_subjects
    whole = replace(subject, name="Francisco Javier Calvillo", last_name="", first_name="", account="****3816")
    draft = replace(COMPLETE, subjects=(whole, UNKNOWN))
    root = check_structure(sarx.render(draft, FILER, REPORT), draft)
    named, blank = parties(root, "33")
    for indicator in (
        "BirthDateUnknownIndicator",
        "UnknownGenderIndicator",
        "PartyName/FirstNameUnknownIndicator",
        "Address/CityUnknownIndicator",
        "Address/CountryCodeUnknownIndicator",
        "Address/StateCodeUnknownIndicator",
        "PartyIdentification/TINUnknownIndicator",
        "PartyIdentification/IdentificationPresentUnknownIndicator",
    ):
        assert found(named, indicator) == ["Y"], indicator
    assert found(named, "PartyName/RawEntityIndividualLastName") == ["Francisco Javier Calvillo"]
    assert not found(named, "AccountNumberText")
    assert found(named, "PartyAssociation/CustomerIndicator") == ["Y"]
    assert [local(child) for child in blank] == [
        "ActivityPartyTypeCode",
        "AllCriticalSubjectInformationUnavailableIndicator",
        "NoKnownAccountInvolvedIndicator",
    ]
    said = sarx.unknown(draft, FILER, REPORT)
    assert [sentence.partition(":")[0] for sentence in said] == [whole.name, whole.name, "The unknown subject"]


@pytest.mark.parametrize("unseen", [" ", "\u200b", "\xa0\t"])
def test_what_nobody_can_see_is_not_known(unseen: str) -> None:
    texts: dict[str, Any] = {each.name: unseen for each in fields(Subject) if each.type == "str"}
    blank, empty = replace(UNKNOWN, **texts), UNKNOWN
    named = replace(COMPLETE.filed_subjects[0], zip_code="-", occupation=unseen, city=unseen)
    bare = replace(named, zip_code="", occupation="", city="")
    told = replace(COMPLETE, subjects=(blank, named), key_term=unseen)
    silent = replace(COMPLETE, subjects=(empty, bare), key_term="")
    assert sarx.render(told, FILER, REPORT) == sarx.render(silent, FILER, REPORT)
    assert check_structure(sarx.render(told, FILER, REPORT), told)
    assert sarx.unknown(told, FILER, REPORT) == sarx.unknown(silent, FILER, REPORT)


def test_what_is_known_of_a_subject_is_in_the_file() -> None:
    person = Subject(
        name="陈伟 / Chen Wei",
        role=SubjectRole.SUSPECT,
        last_name="Chen",
        first_name="Wei",
        other_name="陈伟",
        occupation="Importer",
        account="1502-4178 73",
        tin="900-00-1234",
        born=date(1980, 10, 25),
        street="5 Elm St",
        city="Toronto",
        state="ON",
        zip_code="M5V 2T6",
        country="ca",
    )
    firm = Subject("Olson Group", SubjectRole.SUSPECT, SubjectKind.ENTITY, tin="00-1234567", country="DE", state="BY")
    draft = replace(COMPLETE, subjects=(person, firm))
    root = check_structure(sarx.render(draft, FILER, REPORT), draft)
    one, other = parties(root, "33")
    assert found(one, "RawIndividualFirstName") == ["Wei"]
    assert found(one, "RawPartyFullName") == ["陈伟"]
    assert found(one, "IndividualBirthDateText") == ["19801025"]
    assert found(one, "Address/RawZIPCode") == ["M5V2T6"]
    assert found(one, "AccountNumberText") == ["1502417873"]
    assert found(one, "PartyIdentification/PartyIdentificationNumberText")[0] == "900001234"
    assert found(other, "PartyAsEntityOrganizationIndicator") == ["Y"]
    assert found(other, "Address/RawStateCodeText") == found(other, "Address/StateCodeUnknownIndicator") == []


def test_the_branches_of_the_transactions_are_named_and_no_others() -> None:
    root = check_structure(sarx.render(COMPLETE, FILER, REPORT), COMPLETE)
    assert [found(party, "RawStreetAddress1Text") for party in parties(root, "46")] == [["2 Broad St"]]
    nowhere = check_structure(sarx.render(COMPLETE, FILER, replace(REPORT, places=())), COMPLETE)
    assert found(nowhere, "NoBranchActivityInvolvedIndicator") == ["Y"]
    elsewhere = replace(REPORT, places=("ATM Pratt St, Baltimore MD",))
    assert not found(
        check_structure(sarx.render(COMPLETE, FILER, elsewhere), COMPLETE), "NoBranchActivityInvolvedIndicator"
    )
    assert sarx.unknown(COMPLETE, FILER, elsewhere)[-1].startswith("The branch")


def test_other_is_described_in_words() -> None:
    draft = replace(COMPLETE, activity_types=(9999,), instruments=(41,))
    assert len(sarx.missing(draft, FILER, REPORT)) == 2
    draft = replace(draft, described={9999: "Odd", 41: "Virtual currency"})
    root = check_structure(sarx.render(draft, FILER, REPORT), draft)
    assert found(root, "OtherSuspiciousActivityTypeText") == ["Odd"]
    assert found(root, "OtherAssetSubtypeText") == ["Virtual currency"]


def test_days_that_cannot_be_filed_are_named() -> None:
    for draft in (
        replace(COMPLETE, to_day=date(2026, 10, 4)),
        replace(COMPLETE, to_day=date(2026, 11, 29)),
        replace(COMPLETE, from_day=date(1899, 1, 1)),
    ):
        assert sarx.missing(draft, FILER, REPORT)


@given(st.text(st.sampled_from("ab \n\t"), max_size=20_000) | st.integers(0, 20_000).map("x".__mul__))
@example("ab " * 6_667)
@example("x" * 3_999 + " " + "y" * 16_000)
@example(" ".join(["x" * 3_999] * 5))
@example(("x" * 3_990 + " " + "y" * 20 + " ") * 4 + "z" * 3_900)
def test_a_narrative_of_the_allowed_length_fits_into_five_blocks(narrative: str) -> None:
    made, flat = sarx.blocks(narrative), " ".join(narrative.split())
    if len(flat) > 20_000:
        return
    assert len(made) <= 5
    assert all(block == block.strip() and len(block) <= 4_000 for block in made)
    assert "".join(made).replace(" ", "") == flat.replace(" ", "")


def test_a_narrative_of_words_is_cut_between_them() -> None:
    text = "ledger " * 2_500
    assert " ".join(sarx.blocks(text)) == text.strip()


def test_the_demonstration_says_that_it_is_one() -> None:
    assert sarx.file_name("AML-7F3KQ2XA", DEMO_FILER) == "DEMO-AML-7F3KQ2XA-sarx.xml"
    assert sarx.file_name("AML-7F3KQ2XA", FILER) == "AML-7F3KQ2XA-sarx.xml"
    root = check_structure(sarx.render(COMPLETE, DEMO_FILER, REPORT), COMPLETE)
    for code in ("35", "37", "30", "8", "34"):
        (party,) = parties(root, code)
        assert all("DEMONSTRATION" in name for name in found(party, "PartyName/RawPartyFullName"))


def test_the_filer_is_read_from_the_settings() -> None:
    assert (
        Filer(
            name="First Example Bank",
            tin="123456789",
            regulator="4",
            institution=2,
            address=Address("1 Main St", "Richmond", "VA", "23219", "US"),
            transmitter_name="First Example Bank",
            transmitter_tin="123456789",
            transmitter_code="PBSA1234",
            transmitter_address=Address("1 Main St", "Richmond", "VA", "232190001", "US"),
            transmitter_phone="8045550100",
            transmitter_contact="Pat Doe",
            contact_office="BSA Office",
            contact_phone="8045550101",
            id_type="14",
            id_number="123456",
            branches=(
                Branch("Broad St", Address("2 Broad St", "Richmond", "VA", "23220", "US")),
                Branch("Hull St", Address("3 Hull St", "Richmond", "VA", "23224", "US")),
            ),
        )
        == FILER
    )


def test_every_setting_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        filer.read_filer({"branches": [{"name": "Broad St"}]})
    said = str(refused.value).split(". ")
    for key in SETTINGS.keys() - {"id_type", "id_number", "branches"}:
        assert f"{key} is missing" in said
    assert "branches[1].street is missing" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tin", "12345"),
        ("regulator", "Bank of England"),
        ("institution", "Casino"),
        ("id_type", "ABN"),
        ("id_number", ""),
        ("zip", "123"),
        ("state", "Virginia"),
        ("country", "USA"),
        ("transmitter_code", "1234"),
        ("transmitter_phone", "none"),
        ("branches", "Broad St"),
        ("nmae", "First Example Bank"),
    ],
)
def test_a_setting_that_cannot_be_is_named(key: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=key):
        filer.read_filer({**SETTINGS, key: value})
