"""Everything the desk raises on purpose, in one tree.

DeskError                 its text is for a person: what happened, and what to do
├── SettingsError         the environment or a settings file says something unusable
├── InvalidInput          a value that may not be stored or read
│   ├── InvalidText       a character the chain cannot carry, or too long
│   ├── InvalidForm       fields of a form that lack something, or hold what they may not; all of them at once
│   ├── Incomplete        a file cannot be made while something is missing; all of it at once
│   ├── InvalidNote       a key, a signed note, a checkpoint or a proof that is not written as it should be
│   ├── InvalidProof      a proof about the log that does not prove it
│   ├── NotSigned         a checkpoint that is not by the log's key
│   └── UnreadableFile    a file that is not what it should be: file, line, reason
│       └── BrokenTile    a tile of the log's tree that does not add up to what was signed
├── UnknownCase           no case has this id
├── UnknownUser           no user has this id
├── NotAllowed            the rules of casework refuse: `policy` says why
│   └── SignedOut         the person signed out since they signed in, here or elsewhere
├── StaleCase             the case moved on since the person saw it
├── BrokenCase            the case was changed outside the desk, so that it cannot be worked on
├── BrokenLog             the events are no longer those that a checkpoint was signed over
├── NotWritten            the case keeps an export whose files could not be written
└── DatabaseError         the store itself
    ├── DatabaseMissing   there is none there, or it has no tables
    ├── OtherVersion      an older or a newer desk made it, or upgraded it
    ├── DatabaseBusy      it stayed locked or overloaded; trying again may help
    ├── DatabaseNotEmpty  it already holds what may not be replaced
    ├── UnreadableText    bytes that are no text, where a text belongs
    ├── DatabaseUnreachable   the server does not answer, or does not let the desk in
    │   └── OutcomeUnknown    the connection was lost in the middle of saving
    └── ConstraintBroken  a row that the schema refuses
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

from app.models import Break, Event

RUN = "./run.ps1" if sys.platform == "win32" else "./run.sh"
"""What a person types before a verb; every hint at one begins with it."""


def kinds(error: BaseException) -> str:
    """Return the type of an error and of each that led to it, with a driver's codes, as the process's log tells them.

    That is all that goes there: what an error says may repeat what stands in a row or in a connection string.
    """
    told = []
    cause: BaseException | None = error
    while cause is not None:
        codes = [getattr(cause, "sqlite_errorname", "")]
        if type(cause).__module__ == "pyodbc" and cause.args:
            codes += re.findall(r"^[0-9A-Z]{5}$", str(cause.args[0]))  # SQLSTATE
            codes += re.findall(r"\((-?[0-9]+)\) \(SQL", str(cause.args[-1]))  # the server's own number
        told.append(" ".join(filter(None, (type(cause).__name__, *codes))))
        cause = cause.__cause__
    return " from ".join(told)


class DeskError(Exception):
    """The root of them all. `str(error)` can be shown to a person as it is."""


class SettingsError(DeskError):
    """Something that the desk is told to use cannot be used. `steps` are lines of advice, in the desk's own words."""

    def __init__(self, problem: str, steps: str = "") -> None:
        super().__init__(problem + steps)
        self.steps = steps


class InvalidInput(DeskError):
    pass


class InvalidText(InvalidInput):
    """A text that the chain cannot carry. `position` counts characters from 0."""

    def __init__(self, field: str, problem: str, position: int | None = None) -> None:
        where = "" if position is None else f" at character {position + 1}"
        super().__init__(f"The {field} {problem}{where}.")
        self.field, self.problem, self.position = field, problem, position


class InvalidForm(InvalidInput):
    """Fields of a form are refused: `fields` says why, a sentence a field, by the names that the verb gives them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class Incomplete(InvalidInput):
    """A file is not made, because of what is missing: `lacks` says it, a sentence each."""

    def __init__(self, lacks: Sequence[str]) -> None:
        super().__init__(" ".join(lacks))
        self.lacks = tuple(lacks)


class InvalidNote(InvalidInput):
    pass


class InvalidProof(InvalidInput):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The proof does not hold: {reason}.")
        self.reason = reason


class NotSigned(InvalidInput):
    """A file is not signed by the key. `claimed` are the names and ids of the keys that it says it is signed by."""

    def __init__(self, file: object, key: object, claimed: str) -> None:
        super().__init__(f"{file} is not signed by {key}. It says it is by {claimed}.")
        self.key, self.claimed = key, claimed


class UnreadableFile(InvalidInput):
    """A file that was refused: its path or name. `line` counts from 1 and names the record's first line."""

    def __init__(self, file: object, line: int | None, reason: str) -> None:
        super().__init__(f"{file}{'' if line is None else f', line {line}'}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class BrokenTile(UnreadableFile):
    """The tile is not trusted, and nothing was made from it."""

    def __init__(self, file: object, reason: str) -> None:
        super().__init__(file, None, reason)


class UnknownCase(DeskError):
    def __init__(self, case_id: str) -> None:
        super().__init__(f"There is no case {case_id!r}. Check the id, or search for it in Triage.")
        self.case_id = case_id


class UnknownUser(DeskError):
    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no user {user_id!r}.")
        self.user_id = user_id


class NotAllowed(DeskError):
    """Refused by a rule of casework; the reason is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignedOut(NotAllowed):
    def __init__(self) -> None:
        super().__init__("You have signed out. Sign in again.")


class StaleCase(DeskError):
    """The case moved on, and nothing was written. `since` are the events that came after what the person saw."""

    def __init__(self, case_id: str, since: Sequence[Event]) -> None:
        super().__init__(
            f"{case_id} changed while you had it open, so nothing was saved. "
            "Look at what happened, then send again if it still holds."
        )
        self.case_id, self.since = case_id, tuple(since)


class BrokenCase(DeskError):
    """Someone changed the case outside the desk; verifying it says what."""

    def __init__(self, case_id: str, problem: str) -> None:
        super().__init__(f"{case_id} was changed outside the desk: {problem}. Verify it to see what was changed.")
        self.case_id, self.problem = case_id, problem


class BrokenLog(DeskError):
    """Events differ from those of the newest checkpoint, and nothing was signed. `breaks` say which."""

    def __init__(self, breaks: Sequence[Break]) -> None:
        super().__init__(
            "The events in the database are not those that the last checkpoint was signed over, so no new one is made. "
            "If this is another database, give its log a key of its own (AML_SIGNING_KEY)."
        )
        self.breaks = tuple(breaks)


class NotWritten(DeskError):
    """The case keeps an export, but its files could not be written. `problem` is a sentence that says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} The case keeps the export nonetheless: an event is never taken back.")
        self.problem = problem


class DatabaseError(DeskError):
    """The database did not do what it was asked to.

    `passes` says that the fault may be gone in a moment: the desk then tries the same work again before it gives up.
    """

    def __init__(self, message: str, passes: bool = False) -> None:
        super().__init__(message)
        self.passes = passes


class DatabaseMissing(DatabaseError):
    pass


class OtherVersion(DatabaseError):
    """The database's schema is of version `found`, and this desk's of `wanted`."""

    def __init__(self, found: int, wanted: int) -> None:
        versions = f"The database is of version {found}, this desk of version {wanted}"
        if found > wanted:
            super().__init__(f"{versions}: it was upgraded for a newer desk. Start that one.")
        else:
            super().__init__(f"{versions}. Stop every desk that uses it, make a copy, and upgrade it: {RUN} init")
        self.found, self.wanted = found, wanted


class DatabaseBusy(DatabaseError):
    pass


class DatabaseNotEmpty(DatabaseError):
    pass


class UnreadableText(DatabaseError):
    """The database holds bytes that are no text, where a text belongs.

    SQLite's driver raises it at the first of them. From then on the store reads them as characters that no hash
    accepts, so that the same work, tried again, gets to its end, and verification can say where they stand.
    """

    def __init__(self) -> None:
        super().__init__("The database holds bytes that are no text. Verify it to see where.", passes=True)


class DatabaseUnreachable(DatabaseError):
    pass


class OutcomeUnknown(DatabaseUnreachable):
    def __init__(self) -> None:
        super().__init__(
            "The connection to the database was lost while saving, so it is not known whether this was saved. "
            "Look before you send it again.",
            passes=True,
        )


class ConstraintBroken(DatabaseError):
    pass
