"""The file for FinCEN of a case of the desk: when it may be made, who files, and that it says when it cannot be."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from lxml import etree

from app import casework, chain, repository, sar_track, schema, settings
from app.__main__ import main
from app.database import Database
from app.errors import NotAllowed, SettingsError
from app.exports import case_export, fincen_file, taking
from app.exports.filer import DEMO_FILER, read_filer
from app.exports.taking import Kind
from app.filing import Draft, ReportKind
from app.models import Disposition, Filing, Role, User
from app.policy import Decision
from app.sar_track import Filed
from app.settings import Settings, SignIn
from seed.people import USERS
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, OpenCase, address, stored, tamper
from tests.drafts import COMPLETE, FILED_ON, seeded
from tests.lives import BSA_ID
from tests.test_sarx import SETTINGS, found

DRAFT = replace(COMPLETE, from_day=date(2026, 1, 5), to_day=date(2026, 1, 11))
DRAFTER, APPROVER = (User(f"y.{name}", name, Role.MANAGER, active=True) for name in ("drafter", "approver"))
TODAY = datetime.now(UTC).date()


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the secrets file would be."""
    file = tmp_path / "secrets.toml"
    monkeypatch.setattr(settings, "SECRETS", file)
    return file


def config(desk: Database, folder: Path, sign_in: SignIn = SignIn.DEMO) -> Settings:
    return Settings(address(desk), folder, signing_key=folder / "no.key", sign_in=sign_in)


def decided(desk: Database, case_id: str) -> None:
    casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.SAR, "Structured.", TODAY))


def drafted(desk: Database, case_id: str, draft: Draft = DRAFT) -> str:
    """The hash of the draft."""
    return casework.draft_sar(desk, ANALYST.user_id, case_id, draft).event_hash


def approved(desk: Database, case_id: str, draft: Draft = DRAFT) -> None:
    decided(desk, case_id)
    casework.approve_sar(desk, MANAGER.user_id, case_id, drafted(desk, case_id, draft))


def toml(filer: dict[str, object]) -> str:
    def lines(table: dict[str, object]) -> list[str]:
        return [f'{key} = "{value}"' for key, value in table.items() if not isinstance(value, list)]

    branches = filer["branches"]
    assert isinstance(branches, list)
    return "\n".join(["[sar]", *lines(filer), *(line for b in branches for line in ["[[sar.branches]]", *lines(b)])])


def test_the_file_is_made_of_an_approved_draft_and_the_case_keeps_it(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    approved(desk, case_id)
    taken = taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX])
    ((name, data),) = taken.files.items()
    assert name == f"DEMO-{case_id}-sarx.xml"
    assert taken.misses
    _, (*_, kept) = stored(desk, case_id)
    assert list(chain.read_meta(kept)["files"]) == [name]
    root = ET.fromstring(data)  # noqa: S314 - our own file
    assert found(root, "ActivityNarrativeText") == [DRAFT.narrative]
    sent = Filed(TODAY, UTC, export=kept.event_hash)
    casework.file_sar(desk, ANALYST.user_id, case_id, sent)
    taken = taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX], today=date(2030, 1, 1))
    assert taken.files == {name: data}, "made again, it has the day on which it was filed"


def test_before_the_approval_there_is_no_file_and_nothing_is_kept(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    for step, refusal in (
        (lambda: None, "no SAR to file"),
        (lambda: decided(desk, case_id), "to be drafted first"),
        (lambda: drafted(desk, case_id), "waits for its approval"),
    ):
        step()
        before = len(stored(desk, case_id)[1])
        with pytest.raises(NotAllowed, match=refusal):
            taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX], tmp_path / "out")
        assert len(stored(desk, case_id)[1]) == before
    assert not (tmp_path / "out").exists()


def test_an_amendment_names_the_report_that_it_amends(desk: Database, open_case: OpenCase, tmp_path: Path) -> None:
    case_id = open_case().case_id
    approved(desk, case_id)
    casework.file_sar(desk, ANALYST.user_id, case_id, Filed(TODAY, UTC))
    casework.acknowledge_sar(desk, ANALYST.user_id, case_id, BSA_ID)
    casework.amend_sar(desk, MANAGER.user_id, case_id, "The amount was too low.")
    draft = replace(DRAFT, kind=ReportKind.AMENDED, prior_bsa_id=BSA_ID)
    casework.approve_sar(desk, MANAGER.user_id, case_id, drafted(desk, case_id, draft))
    taken = taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX])
    (data,) = taken.files.values()
    assert found(ET.fromstring(data), "EFilingPriorDocumentNumber") == [BSA_ID]  # noqa: S314 - our own file


def test_no_file_is_made_of_a_broken_case_or_of_a_report_filed_elsewhere(
    desk: Database, open_case: OpenCase, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    approved(desk, case_id)
    export = case_export.read(desk, case_id)
    elsewhere = replace(export, events=[event for event in export.events if event.action != "sar_draft"])
    assert "outside the desk" in (fincen_file.why_not(elsewhere) or "")
    assert fincen_file.why_not(export) is None
    tamper(desk, "UPDATE case_events SET notes = 'x' WHERE case_id = ? AND action = 'sar_draft'", case_id)
    with pytest.raises(NotAllowed, match="broken"):
        taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX])


def test_who_files_stands_in_the_settings_and_only_the_demo_does_without(
    desk: Database, open_case: OpenCase, tmp_path: Path, secrets: Path
) -> None:
    case_id = open_case().case_id
    approved(desk, case_id)
    real = config(desk, tmp_path, SignIn.OIDC)
    with pytest.raises(SettingsError, match=r"\[sar\] of .*secrets.toml"):
        taking.take(desk, real, ANALYST.user_id, case_id, [Kind.SARX])
    secrets.write_text(toml(SETTINGS), "utf-8")
    for who in (real, config(desk, tmp_path)):
        assert list(taking.take(desk, who, ANALYST.user_id, case_id, [Kind.SARX]).files) == [f"{case_id}-sarx.xml"]
    secrets.write_text(toml({**SETTINGS, "tin": "12", "nmae": "x"}), "utf-8")
    with pytest.raises(SettingsError, match="nmae is no setting.* tin needs nine digits"):
        taking.take(desk, config(desk, tmp_path), ANALYST.user_id, case_id, [Kind.SARX])
    secrets.write_text("sar = 5", "utf-8")
    with pytest.raises(SettingsError, match=r"\[sar\] in .* is not a section"):
        fincen_file.filer_of(real, is_embedded=True)


def test_the_section_in_readme_names_every_key_and_is_one_that_the_desk_takes() -> None:
    readme = (settings.ROOT / "README.md").read_text("utf-8")
    (section,) = re.findall(r"```toml\n(\[sar\].*?)```", readme, re.DOTALL)
    said = tomllib.loads(section)["sar"]
    assert read_filer(said).name == "First Example Bank"
    assert said.keys() == SETTINGS.keys()


@ON_SQLITE
def test_the_terminal_writes_one_file_or_lists_all_that_is_missing(
    terminal: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, lacking = open_case().case_id, open_case(customer_id="C-2").case_id
    approved(terminal, whole)
    approved(terminal, lacking, replace(DRAFT, activity_types=(9999,), instruments=(41,)))
    out = tmp_path / "out"
    command = ["--as", ANALYST.user_id, "--sarx", "--to", str(out)]
    assert main(["export", whole, *command]) == 0
    assert [file.name for file in out.iterdir()] == [f"DEMO-{whole}-sarx.xml"]
    said = capsys.readouterr()
    assert said.out == f"{out / f'DEMO-{whole}-sarx.xml'}\n"
    assert "FinCEN will miss: Mark Knight: not known are the taxpayer number" in said.err
    sent = said.err.split()[-1]
    assert main(["sar", "file", whole, "--as", ANALYST.user_id, "--export", sent]) == 0
    assert stored(terminal, whole)[0].filing is Filing.FILED
    capsys.readouterr()
    before = len(stored(terminal, lacking)[1])
    assert main(["export", lacking, *command]) == 2
    assert capsys.readouterr().err.count("Say in at most 50 characters") == 2
    assert len(stored(terminal, lacking)[1]) == before
    assert len(list(out.iterdir())) == 1
    with pytest.raises(SystemExit):
        main(["export", whole, *command, "--bundle"])


@ON_SQLITE
def test_every_approved_draft_of_demo_data_leaves_as_a_file_that_fincen_accepts(desk: Database, tmp_path: Path) -> None:
    named = os.environ.get("AML_SARX_XSD")
    xsd = etree.XMLSchema(etree.parse(named)) if named else None
    sars = [each for each in seeded() if each.case.disposition is Disposition.SAR]
    with desk.transaction() as tx:
        for person in (*USERS, DRAFTER, APPROVER):
            if person.user_id not in repository.user_names(tx):
                repository.insert_user(tx, person)
    number = 0
    for each in sars:
        events = [replace(event, event_id=(number := number + 1)) for event in each.events]
        with desk.transaction() as tx, tx.bulk_load():
            repository.load(tx, [each.case], events)
    schema.make_keys(desk)
    for each in sars:
        case_id = each.case.case_id
        if each.case.filing is Filing.FILED and sar_track.newest_draft(each.events) is None:
            continue  # filed outside the desk
        if each.case.filing not in (Filing.TO_FILE, Filing.FILED):
            draft = each.draft
            if amends := sar_track.amended(each.events):
                draft = replace(draft, kind=ReportKind.AMENDED, prior_bsa_id=amends)
            hashed = casework.draft_sar(desk, DRAFTER.user_id, case_id, draft).event_hash
            casework.approve_sar(desk, APPROVER.user_id, case_id, hashed)
        taken = taking.take(desk, config(desk, tmp_path), DRAFTER.user_id, case_id, [Kind.SARX], today=FILED_ON)
        ((name, data),) = taken.files.items()
        assert name.startswith("DEMO-")
        if xsd is not None:
            xsd.assertValid(etree.fromstring(data))
        assert DEMO_FILER.name in data.decode()
    assert len(sars) > 30
