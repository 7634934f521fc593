"""FinCEN's acknowledgement of a SAR batch file: the id that each report was given, or what was wrong with it.

Pure; no I/O. The file comes from outside the desk: one with a document type is refused, so that no entity of it is
expanded, and so is one that is far larger than an acknowledgement can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.parsers import expat

from app.errors import UnreadableFile
from app.filing import Draft
from app.gaps import is_bsa_id
from app.text import flat

LARGEST = 10_000_000
"""Bytes of the largest file that is read; FinCEN's own limit for a batch is far above what one report makes."""

LONGEST = 1_000
"""Characters that are kept of each text of an error."""

FILE = "The acknowledgement"
ACCEPTED = "A"
FATAL = "FATAL"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What an error is about: a field of the draft, by its name, or `filer` for what the settings say.

    `subject` is the place of the subject among those that are filed, from 0; None where it is about no single one.
    """

    field: str
    subject: int | None = None


@dataclass(frozen=True, slots=True)
class ReportError:
    """What FinCEN says is wrong: `level` is WARN or FATAL, `context` the path of the element in the batch file."""

    element: str
    level: str
    text: str
    code: str
    context: str

    @property
    def field(self) -> str:
        """Return the draft's field that the element belongs to, by its name; `filer` where the draft has none."""
        return _FIELDS.get(self.element, "filer")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One report of the batch. `bsa_id` has 14 digits; it is empty where FinCEN gave none."""

    bsa_id: str
    is_accepted: bool
    errors: tuple[ReportError, ...]


_FIELDS = {
    **dict.fromkeys(
        (
            "RawEntityIndividualLastName",
            "RawIndividualFirstName",
            "RawIndividualMiddleName",
            "RawIndividualNameSuffixText",
            "RawPartyFullName",
            "EntityLastNameUnknownIndicator",
            "FirstNameUnknownIndicator",
            "PartyNameTypeCode",
            "PartyName",
            "Party",
            "Address",
            "RawCityText",
            "RawCountryCodeText",
            "RawStateCodeText",
            "RawStreetAddress1Text",
            "RawZIPCode",
            "CityUnknownIndicator",
            "CountryCodeUnknownIndicator",
            "StateCodeUnknownIndicator",
            "StreetAddressUnknownIndicator",
            "ZIPCodeUnknownIndicator",
            "PartyIdentification",
            "PartyIdentificationNumberText",
            "PartyIdentificationTypeCode",
            "TINUnknownIndicator",
            "IdentificationPresentUnknownIndicator",
            "IndividualBirthDateText",
            "BirthDateUnknownIndicator",
            "PartyAsEntityOrganizationIndicator",
            "AllCriticalSubjectInformationUnavailableIndicator",
            "NoKnownAccountInvolvedIndicator",
            "UnknownGenderIndicator",
            "OccupationBusinessText",
            "PartyOccupationBusiness",
            "PartyAssociation",
            "CustomerIndicator",
            "SubjectRelationshipFinancialInstitutionTINText",
            "PartyAccountAssociation",
            "PartyAccountAssociationTypeCode",
            "Account",
            "AccountNumberText",
        ),
        "subjects",
    ),
    **dict.fromkeys(
        ("SuspiciousActivityClassification", "SuspiciousActivitySubtypeID", "SuspiciousActivityTypeID"),
        "activity_types",
    ),
    **dict.fromkeys(("Assets", "AssetSubtypeID", "AssetTypeID"), "instruments"),
    **dict.fromkeys(("OtherSuspiciousActivityTypeText", "OtherAssetSubtypeText"), "described"),
    **dict.fromkeys(("TotalSuspiciousAmountText", "AmountUnknownIndicator", "NoAmountInvolvedIndicator"), "amount"),
    "CumulativeTotalViolationAmountText": "cumulative",
    "SuspiciousActivity": "activity_types",
    "SuspiciousActivityFromDateText": "from_day",
    "SuspiciousActivityToDateText": "to_day",
    "EFilingPriorDocumentNumber": "prior_bsa_id",
    "FilingInstitutionNotetoFinCEN": "key_term",
    **dict.fromkeys(
        (
            "ActivityAssociation",
            "InitialReportIndicator",
            "ContinuingActivityReportIndicator",
            "CorrectsAmendsPriorReportIndicator",
        ),
        "kind",
    ),
    **dict.fromkeys(
        ("ActivityNarrativeInformation", "ActivityNarrativeText", "ActivityNarrativeSequenceNumber"),
        "narrative",
    ),
}
"""The draft's field that each element of the batch file is written from."""

_SUBJECT = "33"
_PARTY = re.compile(r"/Party\[(\d{1,9})\]")


def read(data: bytes, file: str = FILE) -> list[Acknowledged]:
    """Return what FinCEN says of each report of the batch, in order. `file` is what an error calls the file.

    A batch that was rejected as a whole is one report without an id. Raises UnreadableFile where the bytes are no
    acknowledgement.
    """
    root = _parse(data, file)
    if _local(root) != "EFilingBatchXML":
        raise UnreadableFile(file, None, "it is no acknowledgement of FinCEN's: its root is not EFilingBatchXML")
    statuses = {element.get("StatusCode") for element in root.iter() if element.get("StatusCode")}
    if not statuses:
        raise UnreadableFile(file, None, "it has no status, as a batch file that was not answered yet has none")
    is_accepted = statuses == {ACCEPTED}
    reports = [element for element in root.iter() if _local(element) == "EFilingActivityXML"]
    if not reports:
        return [_acknowledged(root, is_accepted)]
    return [_acknowledged(report, is_accepted) for report in reports]


def points_at(error: ReportError, sent: bytes | None = None) -> Pointer:
    """Return what an error is about, so that it can be shown beside it.

    `sent` is the file that was sent: by it the number in the error's path tells which party is meant, and whether that
    is a subject or the filer. Without it, and where that file cannot be read, the element's name has to do.
    """
    number = _PARTY.search(error.context)
    if sent is None or number is None:
        return Pointer(error.field)
    try:
        parties = [element for element in _parse(sent, FILE).iter() if _local(element) == "Party"]
    except UnreadableFile:
        return Pointer(error.field)
    subjects = [party for party in parties if _child(party, "ActivityPartyTypeCode") == _SUBJECT]
    for place, party in enumerate(subjects):
        if any(element.get("SeqNum") == number[1] for element in party.iter()):
            return Pointer("subjects", place)
    is_known = any(party.get("SeqNum") == number[1] for party in parties)
    return Pointer("filer" if is_known else error.field)


def said(error: ReportError, draft: Draft | None = None, sent: bytes | None = None) -> str:
    """Return an error as a case keeps it: the element, by which `field_of` finds its field again, and FinCEN's words.

    With the file that was sent, and the draft that it was made of, the subject whom the error is about is named.
    """
    if not error.element:
        return error.text
    place = points_at(error, sent).subject
    of = f" of {draft.filed_subjects[place].name or 'an unknown subject'}" if draft and place is not None else ""
    return f"{error.element}{of}: {error.text}"


def field_of(line: str) -> str:
    """Return the draft's field that an error is about, as `said` wrote it or a person typed it; else `filer`."""
    return _FIELDS.get(line.replace(":", " ").partition(" ")[0], "filer")


def _parse(data: bytes, file: str) -> ET.Element:
    """Raises UnreadableFile for what is too large, has a document type, or is no XML."""
    if len(data) > LARGEST:
        raise UnreadableFile(file, None, f"it is larger than {LARGEST:,} bytes")

    def refuse(*_: object) -> None:
        raise UnreadableFile(file, None, "it has a document type, which an acknowledgement has not")

    check = expat.ParserCreate()
    check.StartDoctypeDeclHandler = refuse
    try:
        check.Parse(data, True)
        return ET.fromstring(data)  # noqa: S314 - nothing to expand is left: a document type was refused
    except (expat.ExpatError, ET.ParseError) as error:
        raise UnreadableFile(file, getattr(error, "lineno", None), "it is no XML") from error
    except (LookupError, ValueError) as error:
        raise UnreadableFile(file, 1, "its encoding is not known") from error


def _acknowledged(report: ET.Element, is_accepted: bool) -> Acknowledged:
    errors = tuple(_errors(report))
    bsa_id = _child(report, "BSAID")
    is_fatal = any(error.level == FATAL for error in errors)
    is_accepted = is_accepted and is_bsa_id(bsa_id) and not is_fatal
    return Acknowledged(bsa_id if is_bsa_id(bsa_id) else "", is_accepted, errors)


def _errors(report: ET.Element) -> Iterator[ReportError]:
    """What is wrong; an empty error element says that nothing is."""
    for element in report.iter():
        if _local(element).startswith("EFiling") and _local(element).endswith("ErrorXML") and len(element):
            yield ReportError(
                element=_child(element, "ErrorElementNameText"),
                level=_child(element, "ErrorLevelText").upper(),
                text=_child(element, "ErrorText"),
                code=_child(element, "ErrorTypeCode"),
                context=_child(element, "ErrorContextText").replace(" ", ""),
            )


def _child(element: ET.Element, name: str) -> str:
    """The text of the child with this name, on one line; empty where there is none."""
    texts = (child.text or "" for child in element if _local(child) == name)
    return flat(next(texts, ""))[:LONGEST]


def _local(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
