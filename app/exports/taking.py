"""What leaves the desk of a case: made of one reading, and kept in the case's chain before anybody has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from app import casework, files, settings
from app.database import Database
from app.errors import DeskError, NotWritten
from app.exports import bundle, case_export, fincen_file
from app.exports.case_export import Made
from app.log import checkpoint
from app.models import Break, Event


class Kind(StrEnum):
    """What can be taken of a case."""

    AUDIT_CSV = "Audit CSV"
    SAR_SUMMARY = "SAR summary"
    BUNDLE = "Bundle for an examiner"
    SARX = "File for FinCEN"


@dataclass(frozen=True, slots=True)
class Taken:
    """The files that left, by name; the event that says so; every break; and how many events are not anchored yet.

    `event` is None where the case is so broken that it takes no event any more. `not_yet` counts the events that the
    bundle among the files does not prove; 0 where there is none. `misses` says what FinCEN will miss in its file.
    """

    files: Mapping[str, bytes]
    event: Event | None
    breaks: tuple[Break, ...]
    not_yet: int
    misses: tuple[str, ...]


def take(
    database: Database,
    config: settings.Settings,
    actor_id: str,
    case_id: str,
    kinds: Iterable[Kind],
    folder: Path | None = None,
    today: date | None = None,
) -> Taken:
    """Make files of a case, keep in its chain that the actor takes them, and return them.

    `today` is the day on which a report is filed, in the filer's zone; this machine's where it is None. With `folder`
    they are written there, as `write_files` does, and what that raises is raised. Raises UnknownCase, InvalidInput,
    SettingsError, DatabaseError, UnreadableFile or NotSigned where they cannot be made, NotAllowed where they may not,
    and UnknownUser or NotAllowed where the actor may not have them: then nothing is kept.
    """
    kinds, log = list(kinds), checkpoint.log_of(config)
    newest = log.newest() if log and Kind.BUNDLE in kinds else None  # before the case, of which it may know no more
    export = case_export.read(database, case_id)
    day = today or datetime.now(UTC).astimezone().date()
    makers: Mapping[Kind, Callable[[], Made]] = {
        Kind.AUDIT_CSV: lambda: case_export.make_audit_csv(export),
        Kind.SAR_SUMMARY: lambda: case_export.make_summary(export),
        Kind.BUNDLE: lambda: bundle.make(export, log.key if log else None, newest),
        Kind.SARX: lambda: fincen_file.prepare(export, config, database.is_embedded, day).make(),
    }
    made = [makers[kind]() for kind in kinds]
    contents = {one.name: one.data for one in made}

    def keep() -> Event | None:
        return casework.record_export(database, actor_id, case_id, contents, len(export.events))

    event = keep() if folder is None else write_files(folder, contents, keep)
    breaks = tuple(dict.fromkeys(found for one in made for found in one.breaks))
    misses = tuple(sentence for one in made for sentence in one.misses)
    return Taken(contents, event, breaks, max(one.not_yet for one in made), misses)


def write_files(folder: Path, contents: Mapping[str, bytes], keep: Callable[[], Event | None]) -> Event | None:
    """Write files, by name, into the folder, which is created: over older ones, but never through a link.

    `keep` stores that they leave, and returns the event or None. By then they are there under other names: what cannot
    be written is not kept, and what `keep` refuses leaves no file. Return what it returns. Raises DeskError where
    nothing was kept, and NotWritten where files could not take their places after an event was.
    """
    kept = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            drafts = []
            for name, data in contents.items():
                _check_place(folder / name)
                draft = stack.enter_context(files.draft(folder / name, 0o640))  # for their owner and the group
                draft.out.write(data)
                draft.seal()
                drafts.append(draft)
            kept = keep()
            for draft in drafts:
                draft.place()
    except OSError as error:
        problem = f"{error.filename2 or folder} cannot be written: {error.strerror}."
        raise (NotWritten if kept else DeskError)(problem) from error
    return kept


def _check_place(target: Path) -> None:
    """Raise DeskError where no file may or can be put."""
    if target.is_symlink():
        raise DeskError(f"{target} is a link; the desk does not write over links.")
    if target.is_dir():
        raise DeskError(f"{target} cannot be written: it is a folder.")
