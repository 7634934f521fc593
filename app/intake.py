"""Alerts from a file: JSON Lines in UTF-8, one alert a line, each of which opens a case or joins one.

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

A file is checked whole, and then stored a batch at a time, the alerts of a customer together: so that nobody who works
at the desk waits for long, and memory does not grow with the file. Stopped in the middle and sent again, it goes on
where it ended, since what is stored is known.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, NamedTuple, NoReturn

from app import evidence, opening
from app.database import Database
from app.disk_sort import DiskSort
from app.errors import RUN, DatabaseMissing, InvalidInput, UnknownUser, UnreadableFile
from app.models import ALERT_FEED
from app.opening import Opened
from app.schema import Progress
from app.text import quoted

MAX_LINE = 1024 * 1024
"""Bytes of a line, its end included."""

BATCH, BATCH_BYTES = 100, 1024 * 1024
"""Alerts that are stored in one transaction: as many as one of the two allows, one at least."""
SLOW, QUICK = 0.2, 0.1
"""Seconds that a transaction may take which keeps others out; where it takes longer, the next are shorter."""

SHOWN = 20
"""Bad lines whose reasons are kept; the others are only counted."""

_END = "\x1f"
"""Of a part of a line to be sorted: it sorts before all that an id may hold."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Taken(Opened):
    """What came of a file: beside what became of its alerts, lines refused, and why (the first SHOWN)."""

    refused: int = 0
    reasons: list[UnreadableFile] = field(default_factory=list)

    def refuse(self, reason: UnreadableFile) -> None:
        self.refused += 1
        self.reasons = sorted([*self.reasons, reason], key=lambda one: one.line or 0)[:SHOWN]

    def add(self, done: Opened) -> None:
        """Count in what became of a batch."""
        self.opened, self.joined, self.already = (
            self.opened + done.opened,
            self.joined + done.joined,
            self.already + done.already,
        )
        self.changed += done.changed


@dataclass(slots=True)
class _Pace:
    """How many alerts the next transaction stores: fewer where the machine or its disk is slow."""

    limit: int

    def took(self, seconds: float) -> None:
        """Take in how long a transaction took."""
        if seconds > SLOW:
            self.limit = max(self.limit // 2, 1)
        elif seconds < QUICK:
            self.limit = min(self.limit * 2, BATCH)


class _Place(NamedTuple):
    """Where an alert stands in the file: the number of its line, its offset in bytes, and what it told (SHA-256)."""

    number: int
    offset: int
    digest: str


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


def take_in(
    database: Database,
    file: BinaryIO,
    name: str,
    skip_bad: bool = False,
    separate: bool = False,
    progress: Progress | None = None,
) -> Taken:
    """Take in each alert of the file: it opens a case or joins one, unless it is known (see `opening.open_alerts`).

    A bad line is refused with its reason, in which `name` stands for the file; then nothing is stored, unless
    `skip_bad` leaves such lines out. All lines are checked before the first is stored; what is added to the file
    meanwhile is left for the next time. `progress` is called with how many alerts are stored, and how many there are.
    Raises DatabaseError, or UnreadableFile where the file fails or changes meanwhile; what was stored by then stays.
    """
    taken = Taken()
    with DiskSort() as by_alert, DiskSort() as by_customer:
        for place, alert in _checked(file, name, taken):
            by_alert.add(_line(alert.alert_id, place, alert.customer_id))
        total = 0
        for place, customer_id in _of_one_mind(by_alert, name, taken):
            by_customer.add(_line(customer_id, place, ""))
            total += 1
        if taken.refused and not skip_bad:
            return taken
        done, pace = 0, _Pace(BATCH)
        for batch in _batches(file, name, (place for _, place, _ in map(_parts, by_customer)), pace):
            begun = monotonic()
            try:
                taken.add(opening.open_alerts(database, ALERT_FEED, batch, separate))
            except UnknownUser as error:
                raise DatabaseMissing(
                    f"{database} lacks the alert feed's user {ALERT_FEED!r}. Create it with: {RUN} init"
                ) from error
            done += len(batch)
            if progress:
                progress(done, total)
            seconds = monotonic() - begun
            if database.is_embedded:
                pace.took(seconds)
            if done < total:
                database.give_way(seconds)
    return taken


def _line(key: str, place: _Place, also: str) -> bytes:
    """Return a line that sorts by the key, and then by where it stands in the file."""
    return _END.join((key, f"{place.number:012d}", str(place.offset), place.digest, also)).encode()


def _parts(line: bytes) -> tuple[str, _Place, str]:
    key, number, offset, digest, also = line.decode().split(_END)
    return key, _Place(int(number), int(offset), digest), also


def _checked(file: BinaryIO, name: str, taken: Taken) -> Iterator[tuple[_Place, evidence.Alert]]:
    """Yield each alert of the file and where it stands; a line that tells none is refused."""
    for number, offset, line in _lines(file, name):
        try:
            alert = read_alert(line)
        except InvalidInput as error:
            taken.refuse(UnreadableFile(name, number, str(error)))
        else:
            yield _Place(number, offset, _digest(alert)), alert


def _of_one_mind(by_alert: DiskSort, name: str, taken: Taken) -> Iterator[tuple[_Place, str]]:
    """Yield where alerts stand, and their customer; refused are those whose id an earlier line gave to another."""
    for alert_id, lines in groupby(map(_parts, by_alert), key=lambda parts: parts[0]):
        first = None
        for _, place, customer_id in lines:
            first = first or place.digest
            if place.digest == first:
                yield place, customer_id
            else:
                twice = f"The alert id {quoted(alert_id)} comes twice, with different contents."
                taken.refuse(UnreadableFile(name, place.number, twice))


def _digest(alert: evidence.Alert) -> str:
    return sha256(alert.model_dump_json(exclude_unset=True).encode()).hexdigest()


def _batches(file: BinaryIO, name: str, places: Iterator[_Place], pace: _Pace) -> Iterator[list[evidence.Alert]]:
    """Yield the alerts that stand there, those of one transaction at a time."""
    batch: list[evidence.Alert] = []
    size = 0
    for number, offset, digest in places:
        line = _read_line(file, name, number, offset)
        try:
            alert = read_alert(line)
        except InvalidInput as error:
            raise UnreadableFile(name, number, str(error)) from error
        if _digest(alert) != digest:
            raise UnreadableFile(name, number, "it says something else than when the file was checked")
        if batch and (len(batch) >= pace.limit or size + len(line) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(alert)
        size += len(line)
    if batch:
        yield batch


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


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines that are not blank, each with its number from 1 and its offset; of one too long its start.

    Raises UnreadableFile where the file fails.
    """
    number = offset = 0
    try:
        file.seek(0)
        while line := file.readline(MAX_LINE + 1):
            number += 1
            size = len(line)
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE + 1)
                size += len(rest)
            line = _without_mark(line, offset)
            if len(line) > MAX_LINE or line.strip(b" \t\r\n"):
                yield number, offset, line
            offset += size
    except OSError as error:
        raise UnreadableFile(name, number + 1, error.strerror or str(error)) from error


def _read_line(file: BinaryIO, name: str, number: int, offset: int) -> bytes:
    try:
        file.seek(offset)
        return _without_mark(file.readline(MAX_LINE + 1), offset)
    except OSError as error:
        raise UnreadableFile(name, number, error.strerror or str(error)) from error


def _without_mark(line: bytes, offset: int) -> bytes:
    """Return the line without the byte order mark that may stand before the first one, where it is not too long."""
    return line if offset or len(line) > MAX_LINE else line.removeprefix(_BYTE_ORDER_MARK)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput(f"The key {quoted(name)} comes twice in one object.")
        found[name] = value
    return found


def _no_number(text: str) -> NoReturn:
    raise InvalidInput(f"{text} is not JSON.")
