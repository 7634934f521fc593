"""FinCEN's acknowledgement: what it says of a report, and that a file from outside does no harm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UnreadableFile
from app.exports import acknowledgement, sarx
from app.exports.acknowledgement import Acknowledged, Pointer, ReportError
from app.exports.filer import DEMO_FILER
from app.exports.sarx import Report
from app.filing import Draft
from tests.drafts import COMPLETE, FILED_ON

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def answer(*reports: str, status: str = "A", namespace: str = "") -> bytes:
    inner = "".join(f'<EFilingActivityXML SeqNum="3">{report}</EFilingActivityXML>' for report in reports)
    return (
        f'{HEAD}<EFilingBatchXML{namespace} StatusCode="{status}" SeqNum="1">'
        f'<EFilingSubmissionXML SeqNum="2" StatusCode="{status}">{inner}</EFilingSubmissionXML></EFilingBatchXML>'
    ).encode()


def error(element: str, level: str = "WARN", context: str = "EFilingBatchXML/Activity[1]") -> str:
    return (
        f'<EFilingActivityErrorXML SeqNum="4"><ErrorContextText>{context}</ErrorContextText>'
        f"<ErrorElementNameText>{element}</ErrorElementNameText><ErrorLevelText>{level}</ErrorLevelText>"
        "<ErrorText>The value is an\n invalid number.</ErrorText><ErrorTypeCode>C21</ErrorTypeCode>"
        "</EFilingActivityErrorXML>"
    )


ID, NONE = "<BSAID>31000055053784</BSAID>", '<EFilingActivityErrorXML SeqNum="4"/>'
C21 = ReportError("RawZIPCode", "WARN", "The value is an invalid number.", "C21", "EFilingBatchXML/Activity[1]")


@pytest.mark.parametrize("namespace", ["", ' xmlns="www.fincen.gov/base"'])
def test_each_report_of_a_batch_is_told(namespace: str) -> None:
    read = acknowledgement.read(answer(ID + NONE, ID + error("RawZIPCode"), namespace=namespace))
    assert read == [Acknowledged("31000055053784", True, ()), Acknowledged("31000055053784", True, (C21,))]


@pytest.mark.parametrize(
    "data",
    [
        answer(NONE),
        answer("<BSAID>3100</BSAID>" + NONE),
        answer(ID + error("RawZIPCode", "Fatal")),
        answer(ID, status="R"),
        answer(status="R"),
    ],
    ids=["no id", "no such id", "fatal", "rejected", "rejected as a whole"],
)
def test_a_report_without_an_id_or_with_a_fatal_error_is_not_accepted(data: bytes) -> None:
    (read,) = acknowledgement.read(data)
    assert not read.is_accepted


@pytest.mark.parametrize(
    ("element", "field"),
    [
        ("RawIndividualFirstName", "subjects"),
        ("PartyIdentificationNumberText", "subjects"),
        ("SuspiciousActivitySubtypeID", "activity_types"),
        ("AssetSubtypeID", "instruments"),
        ("TotalSuspiciousAmountText", "amount"),
        ("CumulativeTotalViolationAmountText", "cumulative"),
        ("SuspiciousActivityFromDateText", "from_day"),
        ("SuspiciousActivityToDateText", "to_day"),
        ("EFilingPriorDocumentNumber", "prior_bsa_id"),
        ("ActivityNarrativeText", "narrative"),
        ("PhoneNumberText", "filer"),
        ("FilingDateText", "filer"),
    ],
)
def test_an_error_is_shown_at_its_field(element: str, field: str) -> None:
    (read,) = acknowledgement.read(answer(ID + error(element)))
    assert read.errors[0].field == field
    assert acknowledgement.points_at(read.errors[0]) == Pointer(field)
    assert field == "filer" or field in Draft.__dataclass_fields__


def test_the_file_that_was_sent_says_which_party_is_meant() -> None:
    subject = COMPLETE.subjects[0]
    draft = replace(COMPLETE, subjects=(subject, subject))
    sent = sarx.render(draft, DEMO_FILER, Report("AML-7F3KQ2XA", FILED_ON))
    numbers = [part.partition('"')[0] for part in sent.decode().split('Party SeqNum="')[1:]]

    def pointed(number: str, element: str = "PartyIdentificationNumberText") -> Pointer:
        context = f"EFilingBatchXML/Activity[1]/Party[{number}]/PartyIdentification[1]/{element}"
        return acknowledgement.points_at(ReportError(element, "WARN", "", "", context), sent)

    assert [pointed(number).field for number in numbers[:5]] == ["filer"] * 5
    assert [pointed(number) for number in numbers[5:7]] == [Pointer("subjects", 0), Pointer("subjects", 1)]
    assert pointed("999999") == Pointer("subjects")
    assert acknowledgement.points_at(C21, b"no XML") == Pointer("subjects")


BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (answer(ID).replace(b"?>", b"?>" + BOMB.encode(), 1), "document type"),
        (f"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>{answer(ID).decode()[len(HEAD) :]}".encode(), "document type"),
        (f'<?xml version="1.0"?>{BOMB}<a/>'.encode("utf-16"), "document type"),
        (b"BSAID\n31000055053784", "no XML"),
        (b"", "no XML"),
        (answer(ID)[:-5], "no XML"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
        (b"<a/>", "root"),
        (b"<EFilingBatchXML/>", "status"),
        (b" " * (acknowledgement.LARGEST + 1), "larger"),
    ],
)
def test_what_is_no_acknowledgement_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        acknowledgement.read(data, "ack.xml")


def test_a_batch_file_of_our_own_is_no_acknowledgement() -> None:
    with pytest.raises(UnreadableFile, match="status"):
        acknowledgement.read(sarx.render(COMPLETE, DEMO_FILER, Report("AML-7F3KQ2XA", FILED_ON)))


@given(
    st.binary() | st.text().map(lambda text: answer(ID + error("A")).replace(b"C21", text.encode("utf-8", "replace")))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read = acknowledgement.read(data)
    except UnreadableFile:
        return
    assert read
