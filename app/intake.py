"""Alerts from a file: JSON Lines in UTF-8, one alert a line, each of which opens a case.

    {"alert_id": "TM-20260105-0042", "customer_id": "C-00412873", "customer_name": "Zoë Łukasik",
     "typology": "Structuring", "risk": "High", "risk_score": 87, "amount": "18800.00", "currency": "USD",
     "alert": "2 cash deposits just under $10,000 in 2 days",
     "window": {"from": "2026-01-05", "to": "2026-01-06"},
     "customer": {"kind": "Individual", "occupation": "Florist", "since": "2019-03-01"},
     "transactions": [{"time": "2026-01-05T15:00:00Z", "amount": "9400.00", "direction": "in", "channel": "cash",
                       "counterparty": "Zoë Łukasik", "country": "US", "place": "Main St"}]}

(on one line). `app.evidence` says what each key holds, and `python -m app open --schema` tells it to whoever writes the
feed. No key may come twice.

Blank lines are passed over, and so is a byte order mark at the start. A line is at most 1 MiB.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from app import evidence, opening
from app.database import Database
from app.errors import RUN, DatabaseMissing, InvalidInput, UnknownUser, UnreadableFile
from app.models import ALERT_FEED
from app.text import quoted

MAX_LINE = 1024 * 1024
"""Bytes of a line, its end included."""

SHOWN = 20
"""Bad lines whose reasons are kept; the others are only counted."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Taken:
    """What came of a file: cases opened, alerts that had one already, lines refused, and why (the first SHOWN).

    `changed` are alerts and their cases that were opened on other facts than the file tells; they stay as they are.
    """

    opened: int = 0
    already: int = 0
    refused: int = 0
    reasons: list[UnreadableFile] = field(default_factory=list)
    changed: Sequence[tuple[str, str]] = ()

    def refuse(self, reason: UnreadableFile) -> None:
        self.refused += 1
        if len(self.reasons) < SHOWN:
            self.reasons.append(reason)


@contextmanager
def alert_file(name: str, standard_input: BinaryIO) -> Iterator[BinaryIO]:
    """Open the file so that it can be read twice; `-` is standard input. Raises UnreadableFile.

    What can be read only once, a pipe, is copied to a temporary file that is gone in the end.
    """
    with ExitStack() as stack:
        try:
            file: BinaryIO = standard_input if name == "-" else stack.enter_context(Path(name).open("rb"))
            if name == "-" or not file.seekable():
                copy = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(file, copy)
                file = copy
        except (OSError, ValueError) as error:
            raise UnreadableFile(name, None, getattr(error, "strerror", None) or str(error)) from error
        yield file


def take_in(database: Database, file: BinaryIO, name: str, skip_bad: bool = False) -> Taken:
    """Open a case on each alert of the file that has none yet, in one transaction.

    A bad line is refused with its reason, in which `name` stands for the file; then nothing is stored, unless
    `skip_bad` leaves such lines out. All lines are checked before the transaction begins, so that it is short; what
    is added to the file meanwhile is left for the next time. Raises DatabaseError, or UnreadableFile where the file
    fails or changes meanwhile.
    """
    taken = Taken()
    bad: set[int] = set()
    last = 0
    for last, reason in _checked(file, name):
        if reason:
            bad.add(last)
            taken.refuse(reason)
    if bad and not skip_bad:
        return taken

    def good() -> Iterator[evidence.Alert]:
        for number, line in _lines(file, name):
            if number > last:
                return
            if number in bad:
                continue
            try:
                yield read_alert(line)
            except InvalidInput as error:
                raise UnreadableFile(name, number, str(error)) from error

    try:
        done = opening.open_alerts(database, ALERT_FEED, good)
    except UnknownUser as error:
        raise DatabaseMissing(
            f"{database} lacks the alert feed's user {ALERT_FEED!r}. Create it with: {RUN} init"
        ) from error
    taken.opened, taken.already, taken.changed = done.opened, done.already, done.changed
    return taken


def read_alert(line: bytes) -> evidence.Alert:
    """Return the alert that a line tells. Raises InvalidInput."""
    if len(line) > MAX_LINE:
        raise InvalidInput(f"The line is longer than {MAX_LINE:,} bytes.")
    try:
        told = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_no_key_twice,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as error:
        raise InvalidInput(f"This is not UTF-8 text (byte {error.start + 1} of the line).") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"This is not JSON ({error.msg}, character {error.pos + 1} of the line).") from error
    except ValueError as error:
        raise InvalidInput("This holds a number of thousands of digits.") from error
    except RecursionError as error:
        raise InvalidInput("This is nested too deeply.") from error
    return evidence.check(told)


def _checked(file: BinaryIO, name: str) -> Iterator[tuple[int, UnreadableFile | None]]:
    """Yield the number of each line, and why it is refused where it is."""
    digests: dict[str, bytes] = {}
    for number, line in _lines(file, name):
        try:
            alert = read_alert(line)
            digest = sha256(alert.model_dump_json(exclude_unset=True).encode()).digest()
            if digests.setdefault(alert.alert_id, digest) != digest:
                raise InvalidInput(f"The alert id {quoted(alert.alert_id)} comes twice, with different contents.")
        except InvalidInput as error:
            yield number, UnreadableFile(name, number, str(error))
        else:
            yield number, None


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank and their numbers from 1; only the start of one that is too long.

    Raises UnreadableFile where the file fails.
    """
    number = 0
    try:
        file.seek(0)
        while line := file.readline(MAX_LINE + 1):
            number += 1
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE + 1)
            if number == 1 and len(line) <= MAX_LINE:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if len(line) > MAX_LINE or line.strip(b" \t\r\n"):
                yield number, line
    except OSError as error:
        raise UnreadableFile(name, number + 1, error.strerror or str(error)) from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput(f"The key {quoted(name)} comes twice in one object.")
        found[name] = value
    return found


def _no_number(text: str) -> NoReturn:
    raise InvalidInput(f"{text} is not JSON.")
