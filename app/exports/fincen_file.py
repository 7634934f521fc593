"""The file for FinCEN of one case: whether it may be made, of which draft, by which filer, and what it will lack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from app import chain, evidence, filing, sar_track, settings
from app.errors import Incomplete, InvalidInput, NotAllowed, SettingsError
from app.exports import sarx
from app.exports.case_export import CaseExport, Made
from app.exports.filer import DEMO_FILER, Filer, read_filer
from app.exports.sarx import Report
from app.filing import Draft, ReportKind
from app.models import Action, Disposition, Event, Filing
from app.settings import Settings, SignIn

_OF_A_DRAFT = "The file for FinCEN is made of an approved draft"
_OUTSIDE = "The report was filed outside the desk, which has no draft of it to make a file of."


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that the file is made of. `amends` is the BSA id of the report that it has to correct; empty where none."""

    draft: Draft
    filer: Filer
    report: Report
    amends: str = ""

    @property
    def missing(self) -> list[str]:
        """Return what keeps the file from being made, a sentence each."""
        found = sarx.missing(self.draft, self.filer, self.report)
        told = self.draft.prior_bsa_id if self.draft.kind is ReportKind.AMENDED else ""
        if self.amends != told and self.amends:
            found.append(f"FinCEN has the report already: draft it as one that amends BSA ID {self.amends}.")
        return found

    @property
    def unknown(self) -> list[str]:
        """Return what FinCEN will miss in it, a sentence each."""
        return sarx.unknown(self.draft, self.filer, self.report)

    def make(self) -> Made:
        """Return the file. Raises Incomplete with all that is missing."""
        if lacks := self.missing:
            raise Incomplete(lacks)
        data = sarx.render(self.draft, self.filer, self.report)
        return Made(sarx.file_name(self.report.case_id, self.filer), data, (), misses=tuple(self.unknown))


def why_not(export: CaseExport) -> str | None:
    """Return why the file cannot be made of the case as it is now, as a sentence; None where it can."""
    if export.breaks:
        return "The audit trail of this case is broken, so that no file for FinCEN is made of it. Verify the case."
    if export.case.disposition is not Disposition.SAR:
        return f"{_OF_A_DRAFT}; this case has no SAR to file."
    if export.case.filing is Filing.TO_APPROVE:
        return f"{_OF_A_DRAFT}; this one waits for its approval."
    if export.case.filing not in (Filing.TO_FILE, Filing.FILED):
        return f"{_OF_A_DRAFT}; this one is to be drafted first."
    if sar_track.newest_draft(export.events) is None:
        return _OUTSIDE
    return None


def prepare(export: CaseExport, config: Settings, is_embedded: bool, today: date) -> Prepared:
    """Return what the file is made of; `today` is the day of filing, in the filer's zone, where it is not filed yet.

    The newest draft is the approved one where a file can be made. Raises NotAllowed where it cannot, and SettingsError
    as `filer_of` does.
    """
    drafted = sar_track.newest_draft(export.events)
    refusal = why_not(export)
    if refusal or drafted is None:
        raise NotAllowed(refusal or _OUTSIDE)
    places = tuple({item.place: None for item in filing.items(evidence.read(export.events)) if item.place})
    amended = _newest(export, Action.SAR_AMEND)
    amends = str(chain.read_meta(amended).get("prior_bsa_id", "")) if amended else ""
    report = Report(export.case_id, _filed_on(export, today), places)
    return Prepared(drafted[1], filer_of(config, is_embedded), report, amends)


def filer_of(config: Settings, is_embedded: bool) -> Filer:
    """Return who files: whom [sar] in the secrets file names, and in the demo without it one that is made up.

    Raises SettingsError where nobody is named, or what is named cannot be.
    """
    said = settings.section("sar")
    if not said and config.signs_in(is_embedded) is SignIn.DEMO:
        return DEMO_FILER
    if not said:
        raise SettingsError(
            "The file for FinCEN says who files. Whoever runs the desk names the bank, its transmitter and its contact "
            f"in a section [sar] of {settings.SECRETS}: README, The file for FinCEN, has its keys."
        )
    try:
        return read_filer(said)
    except InvalidInput as error:
        raise SettingsError(f"[sar] in {settings.SECRETS} cannot be used: {error}") from error


def _newest(export: CaseExport, action: Action) -> Event | None:
    return next((event for event in reversed(export.events) if event.action == action), None)


def _filed_on(export: CaseExport, today: date) -> date:
    """Return the day on which the report was filed, where it was: the newest filing, as an amendment has one too."""
    if export.case.filing is not Filing.FILED:
        return today
    filed = _newest(export, Action.SAR_FILE)
    meta = chain.read_meta(filed) if filed else {}
    first = meta.get("filed_at")
    told = meta.get("day") or (str(first[-1])[:10] if isinstance(first, list) and first else "")
    return filing.read_day(told) or today
