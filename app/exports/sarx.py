"""FinCEN's SAR batch file (SARX, schema 1.2) of one report, written from a draft. Pure; no I/O.

What the desk does not know is marked as unknown where the form allows it (`unknown` lists it); what the form cannot do
without keeps the file from being written (`missing` lists it). Nothing is made up. The parties and their elements are
those of FinCEN's SAR XML Schema User Guide: 35 transmitter, 37 its contact, 30 filing institution, 8 contact office,
34 institution where the activity occurred with its branches (46), 33 each subject, 41 where their account is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any
from xml.etree import ElementTree as ET

from app import filing, fincen
from app.errors import Incomplete
from app.exports.filer import Address, Branch, Filer
from app.filing import MAX_NARRATIVE, Draft, ReportKind, Subject, SubjectKind, latin_half
from app.gaps import FORM_YEARS, blocking
from app.text import flat, is_visible

NAMESPACE = "www.fincen.gov/base"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = f"{NAMESPACE} https://www.fincen.gov/base/EFL_SARXBatchSchema.xsd"
ET.register_namespace("fc2", NAMESPACE)
ET.register_namespace("xsi", _XSI)

BLOCK, BLOCKS = 4_000, 5
"""Characters of the narrative in one element, and how many there may be."""

MOST_SUBJECTS = 999

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has not, or that are controls: they do not print, and FinCEN takes none."""

_WITH_STATES = frozenset({"US", "CA", "MX"})

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Report:
    """What the file says beside the draft and the filer.

    `filed_on` is the day in the filer's zone. `places` are those of the case's transactions, by which branches are
    recognized.
    """

    case_id: str
    filed_on: date
    places: tuple[str, ...] = ()


def file_name(case_id: str, filer: Filer) -> str:
    """Return what the file is called: the case, and before it `DEMO-` where the filer is made up."""
    return f"{'DEMO-' if filer.is_demo else ''}{case_id}-sarx.xml"


def missing(draft: Draft, filer: Filer, report: Report) -> list[str]:
    """Return what keeps the file from being written, a sentence each; nothing where it can be."""
    found = blocking(draft)
    if any(day > report.filed_on for day in (draft.from_day, draft.to_day) if day):
        found.append("A day of the activity lies after the day of filing.")
    if len(flat(draft.narrative)) > MAX_NARRATIVE:
        found.append(f"The narrative is longer than {MAX_NARRATIVE:,} characters.")
    if len(draft.filed_subjects) > MOST_SUBJECTS:
        found.append(f"There are more than {MOST_SUBJECTS} subjects.")
    if len(filer.branches) > 99:
        found.append("There are more than 99 branches.")
    for what, text in _texts(draft, filer):
        if control := _NOT_XML.search(text):
            found.append(f"{what} holds a character (U+{ord(control[0]):04X}) that the file cannot carry.")
    return found


def unknown(draft: Draft, filer: Filer, report: Report) -> list[str]:
    """Return what the file marks as unknown, shortens or leaves out, a sentence each."""
    found = []
    for subject in _known(draft).filed_subjects:
        name = subject.name or "The unknown subject"
        if _is_blank(subject):
            found.append(f"{name}: nothing is known; the file says so.")
            continue
        lacks = [words for words, known in _lacks(subject, report) if not known]
        if lacks:
            found.append(f"{name}: not known are {', '.join(lacks)}.")
        if subject.account and not _account(subject):
            found.append(f"{name}: the desk has only a part of the account number; the file leaves it out.")
        if len(flat(subject.occupation)) > 50:
            found.append(f"{name}: what they do is shortened to 50 characters.")
    if report.places and not _branches(filer, report):
        found.append("The branch: none of the settings' branches is named by a transaction.")
    return found


def render(draft: Draft, filer: Filer, report: Report) -> bytes:
    """Return the file, in UTF-8. Raises Incomplete with all that is missing."""
    if lacks := missing(draft, filer, report):
        raise Incomplete(lacks)
    draft = _known(draft)
    writer = _Writer()
    batch = ET.Element(_name("EFilingBatchXML"))
    batch.set(f"{{{_XSI}}}schemaLocation", _LOCATION)
    writer.text(batch, "FormTypeCode", "SARX")
    activity = writer.add(batch, "Activity")
    _write_head(writer, activity, draft, report)
    _write_filer(writer, activity, filer, report)
    for subject in draft.filed_subjects:
        _write_subject(writer, activity, subject, filer, report)
    _write_activity(writer, activity, draft)
    counts = {
        "TotalAmount": _dollars(draft.in_dollars or Decimal(0)),
        "PartyCount": str(len(draft.filed_subjects)),
        "ActivityCount": "1",
        "ActivityAttachmentCount": "0",
        "AttachmentCount": "0",
    }
    for name, value in counts.items():
        batch.set(name, value)
    ET.indent(batch)
    written: bytes = ET.tostring(batch, encoding="UTF-8", xml_declaration=True)
    return written + b"\n"


def blocks(narrative: str) -> list[str]:
    """Return the narrative on one line, in pieces of at most 4,000 characters, five for the 20,000 that are allowed.

    They are cut at spaces as long as that leaves no more than five.
    """
    text = flat(narrative)
    found: list[str] = []
    while len(text) > BLOCK:
        least = max(len(text) - BLOCK * (BLOCKS - 1 - len(found)), 1)
        space = text.rfind(" ", least, BLOCK + 1)
        cut = space if space >= 0 else BLOCK
        found.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*found, text]


class _Writer:
    """Elements in the order of the schema, each with a number of its own where it has parts."""

    def __init__(self) -> None:
        self._number = 0

    def add(self, parent: ET.Element, name: str, fields: Fields = ()) -> ET.Element:
        """Append an element with a sequence number and, in it, those fields that are not empty."""
        self._number += 1
        element = ET.SubElement(parent, _name(name), {"SeqNum": str(self._number)})
        for field, value in fields:
            if value:
                self.text(element, field, value)
        return element

    @staticmethod
    def text(parent: ET.Element, name: str, value: str) -> None:
        ET.SubElement(parent, _name(name)).text = value


def _write_head(writer: _Writer, activity: ET.Element, draft: Draft, report: Report) -> None:
    if draft.kind is not ReportKind.INITIAL:
        writer.text(activity, "EFilingPriorDocumentNumber", draft.prior_bsa_id)
    writer.text(activity, "FilingDateText", _date(report.filed_on))
    if draft.key_term:
        writer.text(activity, "FilingInstitutionNotetoFinCEN", _cut(draft.key_term, 50))
    kinds = {
        ReportKind.CONTINUING: "ContinuingActivityReportIndicator",
        ReportKind.AMENDED: "CorrectsAmendsPriorReportIndicator",
        ReportKind.INITIAL: "InitialReportIndicator",
    }
    writer.add(activity, "ActivityAssociation", [(kinds[draft.kind], "Y")])


def _write_filer(writer: _Writer, activity: ET.Element, filer: Filer, report: Report) -> None:
    """The parties that file: transmitter, its contact, the institution, its office, and where the activity occurred."""
    transmitter = _party(writer, activity, "35", filer.transmitter_name)
    _write_address(writer, transmitter, filer.transmitter_address)
    writer.add(transmitter, "PhoneNumber", [("PhoneNumberText", filer.transmitter_phone)])
    _write_number(writer, transmitter, filer.transmitter_tin, "4")
    _write_number(writer, transmitter, filer.transmitter_code, "28")
    _party(writer, activity, "37", filer.transmitter_contact)
    bank = _party(writer, activity, "30", filer.name, [("PrimaryRegulatorTypeCode", filer.regulator)])
    _write_institution(writer, bank, filer)
    _write_number(writer, bank, report.case_id, "29")
    _write_type(writer, bank, filer)
    office = _party(writer, activity, "8", filer.contact_office)
    writer.add(office, "PhoneNumber", [("PhoneNumberText", filer.contact_phone)])
    branches = _branches(filer, report)
    no_branch = "" if branches or report.places else "Y"
    head = [("NoBranchActivityInvolvedIndicator", no_branch), ("PrimaryRegulatorTypeCode", filer.regulator)]
    where = _party(writer, activity, "34", filer.name, head)
    _write_institution(writer, where, filer)
    _write_type(writer, where, filer)
    if branches:
        association = writer.add(where, "PartyAssociation")
        for branch in branches:
            party = writer.add(association, "Party", [("ActivityPartyTypeCode", "46")])
            _write_address(writer, party, branch.address)
            if branch.rssd:
                _write_number(writer, party, branch.rssd, "14")


def _write_institution(writer: _Writer, party: ET.Element, filer: Filer) -> None:
    _write_address(writer, party, filer.address)
    _write_number(writer, party, filer.tin, "2")
    if filer.id_number:
        _write_number(writer, party, filer.id_number, filer.id_type)


def _write_type(writer: _Writer, party: ET.Element, filer: Filer) -> None:
    writer.add(party, "OrganizationClassificationTypeSubtype", [("OrganizationTypeID", str(filer.institution))])


def _write_subject(writer: _Writer, activity: ET.Element, subject: Subject, filer: Filer, report: Report) -> None:
    blank, is_person = _is_blank(subject), subject.kind is SubjectKind.PERSON
    named = not blank and is_person
    born = _born(subject, report)
    party = writer.add(
        activity,
        "Party",
        [
            ("ActivityPartyTypeCode", "33"),
            ("AllCriticalSubjectInformationUnavailableIndicator", _flag(blank)),
            ("BirthDateUnknownIndicator", _flag(named and born is None)),
            ("IndividualBirthDateText", _date(born) if named and born else ""),
            ("NoKnownAccountInvolvedIndicator", _flag(not subject.account)),
            ("PartyAsEntityOrganizationIndicator", _flag(not blank and not is_person)),
            ("UnknownGenderIndicator", _flag(named)),
        ],
    )
    if blank:
        return
    _write_names(writer, party, subject)
    writer.add(party, "Address", _address_of(subject))
    if tin := filing.tin(subject):
        _write_number(writer, party, tin, "1" if is_person else "2")
    else:
        writer.add(party, "PartyIdentification", [("TINUnknownIndicator", "Y")])
    if is_person:
        writer.add(party, "PartyIdentification", [("IdentificationPresentUnknownIndicator", "Y")])
    if subject.occupation:
        writer.add(party, "PartyOccupationBusiness", [("OccupationBusinessText", _cut(subject.occupation, 50))])
    if subject.is_customer:
        relation = [("CustomerIndicator", "Y"), ("SubjectRelationshipFinancialInstitutionTINText", filer.tin)]
        writer.add(party, "PartyAssociation", relation)
    if subject.account:
        _write_account(writer, party, subject, filer)


def _write_names(writer: _Writer, party: ET.Element, subject: Subject) -> None:
    """The legal name, in its parts where they are known; and the name in another script as one also used."""
    is_person = subject.kind is SubjectKind.PERSON
    parted = is_person and bool(subject.last_name and subject.first_name)
    whole = flat(latin_half(subject.name) if subject.other_name else subject.name)
    last = _cut(subject.last_name if parted else whole, 150)
    writer.add(
        party,
        "PartyName",
        [
            ("EntityLastNameUnknownIndicator", _flag(not last)),
            ("FirstNameUnknownIndicator", _flag(is_person and not parted)),
            ("PartyNameTypeCode", "L"),
            ("RawEntityIndividualLastName", last),
            ("RawIndividualFirstName", _cut(subject.first_name, 35) if parted else ""),
        ],
    )
    if subject.other_name:
        also = [("PartyNameTypeCode", "AKA"), ("RawPartyFullName", _cut(subject.other_name, 150))]
        writer.add(party, "PartyName", also)


def _address_of(subject: Subject) -> Fields:
    country = _country(subject)
    state = _cut(subject.state, 3) if country in _WITH_STATES else ""
    return [
        ("CityUnknownIndicator", _flag(not subject.city)),
        ("CountryCodeUnknownIndicator", _flag(not country)),
        ("RawCityText", _cut(subject.city, 50)),
        ("RawCountryCodeText", country),
        ("RawStateCodeText", state),
        ("RawStreetAddress1Text", _cut(subject.street, 100)),
        ("RawZIPCode", _zip_code(subject)),
        ("StateCodeUnknownIndicator", _flag((not country or country in _WITH_STATES) and not state)),
        ("StreetAddressUnknownIndicator", _flag(not subject.street)),
        ("ZIPCodeUnknownIndicator", _flag(not _zip_code(subject))),
    ]


def _write_account(writer: _Writer, party: ET.Element, subject: Subject, filer: Filer) -> None:
    """The subject's account at the filer; without its number where the desk has only a part of that."""
    association = writer.add(party, "PartyAccountAssociation", [("PartyAccountAssociationTypeCode", "7")])
    holder = writer.add(association, "Party", [("ActivityPartyTypeCode", "41")])
    _write_number(writer, holder, filer.tin, "4")
    if number := _account(subject):
        account = writer.add(holder, "Account", [("AccountNumberText", number)])
        writer.add(account, "PartyAccountAssociation", [("PartyAccountAssociationTypeCode", "5")])


def _write_activity(writer: _Writer, activity: ET.Element, draft: Draft) -> None:
    """What happened: its days, its amount in whole dollars, its types and instruments, and the narrative."""
    cumulative = draft.cumulative if draft.kind is not ReportKind.INITIAL else None
    what = writer.add(
        activity,
        "SuspiciousActivity",
        [
            ("CumulativeTotalViolationAmountText", _dollars(cumulative) if cumulative else ""),
            ("SuspiciousActivityFromDateText", _date(draft.from_day) if draft.from_day else ""),
            ("SuspiciousActivityToDateText", _date(draft.to_day) if draft.to_day else ""),
            ("TotalSuspiciousAmountText", _dollars(draft.in_dollars or Decimal(0))),
        ],
    )
    for code in draft.activity_types:
        fields = [
            ("OtherSuspiciousActivityTypeText", _described(draft, code)),
            ("SuspiciousActivitySubtypeID", str(code)),
            ("SuspiciousActivityTypeID", str(fincen.activity_kind(code))),
        ]
        writer.add(what, "SuspiciousActivityClassification", fields)
    for code in draft.instruments:
        fields = [
            ("AssetSubtypeID", str(code)),
            ("AssetTypeID", str(fincen.asset_kind(code))),
            ("OtherAssetSubtypeText", _described(draft, code)),
        ]
        writer.add(activity, "Assets", fields)
    for number, block in enumerate(blocks(draft.narrative), start=1):
        fields = [("ActivityNarrativeSequenceNumber", str(number)), ("ActivityNarrativeText", block)]
        writer.add(activity, "ActivityNarrativeInformation", fields)


def _party(writer: _Writer, activity: ET.Element, code: str, name: str, fields: Fields = ()) -> ET.Element:
    """A party of the filer's, with its legal name."""
    party = writer.add(activity, "Party", [("ActivityPartyTypeCode", code), *fields])
    writer.add(party, "PartyName", [("PartyNameTypeCode", "L"), ("RawPartyFullName", _cut(name, 150))])
    return party


def _write_address(writer: _Writer, party: ET.Element, address: Address) -> None:
    fields = [
        ("RawCityText", _cut(address.city, 50)),
        ("RawCountryCodeText", address.country),
        ("RawStateCodeText", _cut(address.state, 3)),
        ("RawStreetAddress1Text", _cut(address.street, 100)),
        ("RawZIPCode", _cut(address.zip_code, 9)),
    ]
    writer.add(party, "Address", fields)


def _write_number(writer: _Writer, party: ET.Element, number: str, kind: str) -> None:
    fields = [("PartyIdentificationNumberText", _cut(number, 25)), ("PartyIdentificationTypeCode", kind)]
    writer.add(party, "PartyIdentification", fields)


def _branches(filer: Filer, report: Report) -> list[Branch]:
    """The filer's branches whose name a transaction's place has."""
    return [branch for branch in filer.branches if any(branch.name in place for place in report.places)]


def _texts(draft: Draft, filer: Filer) -> Iterator[tuple[str, str]]:
    """Every text of people that the file carries, each with what it is."""
    yield "The narrative", draft.narrative
    yield "The key term", draft.key_term
    for words in draft.described.values():
        yield "A description", words
    for subject in draft.filed_subjects:
        told = (subject.name, subject.last_name, subject.first_name, subject.other_name, subject.occupation)
        where = (subject.account, subject.street, subject.city, subject.state, subject.zip_code, subject.country)
        yield "What is said of a subject", "".join((*told, *where))
    yield "The filer", "".join((filer.name, filer.transmitter_name, filer.transmitter_contact, filer.contact_office))
    for address in (filer.address, filer.transmitter_address, *(branch.address for branch in filer.branches)):
        yield "An address of the filer", "".join((address.street, address.city, address.state, address.zip_code))


def _lacks(subject: Subject, report: Report) -> list[tuple[str, object]]:
    """What the form asks of a subject, each with what is known of it."""
    asked: list[tuple[str, object]] = [
        ("the taxpayer number", filing.tin(subject)),
        ("the street", subject.street),
        ("the city", subject.city),
        ("the country", _country(subject)),
        ("the postal code", _zip_code(subject)),
        ("the occupation or business", subject.occupation),
    ]
    if subject.kind is SubjectKind.PERSON:
        asked.append(("the given name apart from the family name", subject.first_name and subject.last_name))
        asked += [("the date of birth", _born(subject, report)), ("the sex", None), ("a proof of identity", None)]
    return asked


def _known(draft: Draft) -> Draft:
    """The draft without texts that nobody can see: what they would tell is not known."""

    def seen(text: str) -> str:
        return text if is_visible(text) else ""

    names = [each.name for each in fields(Subject) if each.type == "str"]

    def known(subject: Subject) -> Subject:
        texts: dict[str, Any] = {name: seen(getattr(subject, name)) for name in names}
        return replace(subject, **texts)

    subjects = map(known, draft.subjects)
    return replace(draft, subjects=tuple(subjects), key_term=seen(draft.key_term))


def _is_blank(subject: Subject) -> bool:
    """Say whether nothing at all is known of the subject."""
    told = (subject.name, subject.tin, subject.born, subject.occupation, subject.account)
    return not any((*told, subject.street, subject.city, subject.zip_code, subject.country))


def _account(subject: Subject) -> str:
    """The account number as FinCEN takes it, without spaces and hyphens; empty where the desk has only its end."""
    number = re.sub(r"[\s-]", "", subject.account)
    return number if number.isascii() and number.isalnum() and len(number) <= 40 else ""


def _country(subject: Subject) -> str:
    return subject.country.upper() if re.fullmatch(r"[A-Za-z]{2}", subject.country) else ""


def _zip_code(subject: Subject) -> str:
    return _cut(re.sub(r"[\s-]", "", subject.zip_code), 9)


def _described(draft: Draft, code: int) -> str:
    return _cut(draft.described.get(code, ""), 50) if code in fincen.OTHER else ""


def _dollars(amount: Decimal) -> str:
    """Whole dollars, rounded up, as the form wants them."""
    return f"{amount.to_integral_value(ROUND_CEILING):f}"


def _date(day: date) -> str:
    return f"{day:%Y%m%d}"


def _born(subject: Subject, report: Report) -> date | None:
    """The day of birth, where FinCEN's form can hold it."""
    day = subject.born
    return day if day and day.year in FORM_YEARS and day <= report.filed_on else None


def _cut(text: str, limit: int) -> str:
    """The text on one line, and no longer than an element may be."""
    return flat(text)[:limit].strip()


def _flag(value: bool) -> str:
    return "Y" if value else ""


def _name(element: str) -> str:
    return f"{{{NAMESPACE}}}{element}"
