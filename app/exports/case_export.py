"""What leaves the desk of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app import repository, verification
from app.database import Database, Transaction
from app.errors import DatabaseError, InvalidInput
from app.exports import audit_csv, sar
from app.models import CASE_ID, Break, Case, Event


@dataclass(frozen=True, slots=True)
class Export:
    """A case as it leaves the desk: the audit CSV and the SAR summary, with their file names, and every break.

    `stored` are the events in the files; `names` are those of all users, by user id.
    """

    case_id: str
    stored: Sequence[Event]
    csv: bytes
    summary: str
    breaks: tuple[Break, ...]
    names: Mapping[str, str]

    @property
    def events(self) -> int:
        return len(self.stored)

    @property
    def csv_name(self) -> str:
        return f"audit_{self.case_id}.csv"

    @property
    def summary_name(self) -> str:
        return f"case_{self.case_id}.md"

    @property
    def files(self) -> Mapping[str, bytes]:
        return {self.csv_name: self.csv, self.summary_name: self.summary.encode()}


def export_case(database: Database, case_id: str) -> Export:
    """Both exports of a case, of one moment. Raises UnknownCase, and InvalidInput for an id no file may be named by."""
    if not CASE_ID.fullmatch(case_id):
        raise InvalidInput(f"{case_id!r} is not a case id like AML-7F3KQ2XA.")

    def work(tx: Transaction) -> tuple[Case, list[repository.Chain], dict[str, str]]:
        return repository.case(tx, case_id), repository.chains_of(tx, case_id), repository.user_names(tx)

    case, chains, names = database.read(work)
    events, breaks = repository.events_of(chains), verification.verify_chains(chains).breaks
    try:
        trail = audit_csv.write_csv(events)
    except UnicodeEncodeError as error:
        raise DatabaseError(f"{case_id} holds bytes that are no text. Verify the case to see where.") from error
    summary = sar.summary(case, events, names, breaks).encode("utf-8", "backslashreplace").decode()
    return Export(case_id, events, trail, summary, breaks, names)
