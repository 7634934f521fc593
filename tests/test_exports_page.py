"""The Exports page of a SAR: the file for FinCEN is offered where it may be made, with what it will lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app import settings
from app.database import Database
from app.exports import case_export
from tests.conftest import ANALYST, OpenCase, stored
from tests.test_fincen_file import DRAFT, approved, decided
from tests.test_pages import click, open_page, served, texts

pytestmark = pytest.mark.usefixtures(served.__name__)


def exports(case_id: str) -> tuple[list[str], str]:
    """The buttons for files, and what the page says."""
    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    said = texts(page).replace("\\", "")
    return [button.label for button in page.button if "FinCEN" in button.label], said


def test_the_file_for_fincen_is_offered_once_it_may_be_made_and_write_all_takes_it(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    assert exports(case_id)[0] == []
    assert "FinCEN" not in exports(case_id)[1]
    decided(desk, case_id)
    assert "to be drafted first" in exports(case_id)[1]
    click(open_page("exports", ANALYST.user_id, case_id=case_id), "Write all")
    assert not list((tmp_path / "exports").glob("*.xml"))


def test_what_fincen_will_miss_is_told_before_the_file_is_written(
    desk: Database, open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
    case_id = open_case().case_id
    approved(desk, case_id)
    buttons, said = exports(case_id)
    assert buttons == ["File for FinCEN"]
    assert "Mark Knight: not known are the taxpayer number" in said
    assert "made up" in said
    click(open_page("exports", ANALYST.user_id, case_id=case_id), "Write all")
    assert [file.name for file in (tmp_path / "exports").glob("*.xml")] == [f"DEMO-{case_id}-sarx.xml"]
    monkeypatch.setenv("AML_SIGN_IN", "demo")
    (tmp_path / "secrets.toml").write_text("[sar]\nname = 'First Example Bank'", "utf-8")
    buttons, said = exports(case_id)
    assert buttons == []
    assert "transmitter_code is missing" in said


def test_what_keeps_the_file_from_being_made_is_listed(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    approved(desk, case_id, replace(DRAFT, activity_types=(9999,)))
    buttons, said = exports(case_id)
    assert buttons == []
    assert "something is missing:\n- Say in at most 50 characters" in said


def test_the_preview_of_a_summary_has_the_first_rows_of_a_long_table(desk: Database, open_case: OpenCase) -> None:
    row = {"time": "2026-01-05T15:00:00Z", "direction": "in", "channel": "cash"}
    rows = [{**row, "amount": f"{n}.00", "counterparty": f"Firm {n};", "country": "US"} for n in range(1, 301)]
    case_id = open_case(transactions=rows).case_id
    page = open_page("exports", ANALYST.user_id, case_id=case_id)
    (summary,) = [html.proto.body for html in page.get("html") if "SAR summary" in html.proto.body]
    assert [f"<td>Firm {n};</td>\n<td>US</td>\n<td></td>" in summary for n in (1, 190, 210, 300)] == [
        *[True] * 2,
        *[False] * 2,
    ]
    assert "rows more in the file" in summary
    assert "Firm 300;" in case_export.read(desk, case_id).summary()
    assert len(stored(desk, case_id)[1]) == 1
