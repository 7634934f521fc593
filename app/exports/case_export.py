"""A case as it is read to leave the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app import repository, verification
from app.database import Database, Transaction
from app.errors import DatabaseError, InvalidInput
from app.exports import audit_csv, sar
from app.models import CASE_ID, Break, Case, Event
from app.rows import Cases


@dataclass(frozen=True, slots=True)
class CaseExport:
    """A case at one moment: its row, its events, the names of all users by user id, and what verification found.

    The fields of `events` but for their number are texts, as a file tells them, whatever the database holds.
    `prior_sars` are the customer's other cases with a SAR decision.
    """

    case: Case
    events: Sequence[Event]
    names: Mapping[str, str]
    breaks: tuple[Break, ...]
    prior_sars: Cases = field(default_factory=Cases)

    @property
    def case_id(self) -> str:
        return self.case.case_id

    def summary(self) -> str:
        """Return the SAR summary, which is Markdown; what is no text stands in it as escapes."""
        text = sar.summary(self.case, self.events, self.names, self.breaks, self.prior_sars)
        return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Made:
    """A file of a case, by the name that it leaves under.

    `breaks` are what verification found of the case, and `not_yet` how many events no checkpoint in the file covers;
    0 where it is not a file that holds one. `misses` says what its reader will miss in it, a sentence each.
    """

    name: str
    data: bytes
    breaks: tuple[Break, ...]
    not_yet: int = 0
    misses: tuple[str, ...] = ()


def read(database: Database, case_id: str) -> CaseExport:
    """Read a case in one transaction, and verify it.

    Raises UnknownCase, InvalidInput for an id that no file may be named by, and DatabaseError where an event holds
    what is no text.
    """
    if not CASE_ID.fullmatch(case_id):
        raise InvalidInput(f"{case_id!r} is not a case id like AML-7F3KQ2XA.")

    def work(tx: Transaction) -> tuple[Case, list[repository.Chain], dict[str, str], Cases]:
        case = repository.case(tx, case_id)
        others = repository.prior_sars(tx, case.customer_id, case_id)
        return case, repository.chains_of(tx, case_id), repository.user_names(tx), others

    case, chains, names, prior_sars = database.read(work)
    try:
        events = [audit_csv.as_text(event) for event in repository.events_of(chains)]
    except UnicodeEncodeError as error:
        raise DatabaseError(f"{case_id} holds bytes that are no text. Verify the case to see where.") from error
    return CaseExport(case, events, names, verification.verify_chains(chains).breaks, prior_sars)


def make_audit_csv(export: CaseExport) -> Made:
    """Return the audit CSV, which `verify-file` verifies."""
    return Made(f"audit_{export.case_id}.csv", audit_csv.write_csv(export.events), export.breaks)


def make_summary(export: CaseExport) -> Made:
    """Return the SAR summary as a file in UTF-8."""
    return Made(f"case_{export.case_id}.md", export.summary().encode(), export.breaks)
