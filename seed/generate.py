"""The data set: users, cases, events and keys as CSV files, the same bytes for the same arguments on every machine.

No case depends on how many there are besides it, nor on which process makes it (see `seed.book`).
"""

from __future__ import annotations

import gc
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from app import chain, files
from app.case_keys import Key, keys_of
from app.models import CASE_COLUMNS, EVENT_COLUMNS
from seed.book import Book
from seed.people import USERS

FILES = ("users.csv", "cases.csv", "case_events.csv", "case_keys.csv")
USER_COLUMNS = ("user_id", "name", "role", "active")
KEY_COLUMNS = ("kind", "key", "case_id")

CHUNK = 500
"""Cases that are made in one go; where there are more than a few such chunks, a process a core shares them."""

WORKERS = min(os.cpu_count() or 2, 16)

Chunk = tuple[int, int]
Lines = tuple[list[str], list[str], list[str]]
"""Lines of cases.csv, of case_events.csv without their event_id, and of case_keys.csv."""


def generate(out: Path, cases: int, seed: int, as_of: date, progress: Callable[[int, int], None]) -> dict[str, int]:
    """Write the files into the folder `out` (made if it is missing) and return their row counts.

    Everything in them lies before `as_of`, in the 180 days before that day began (UTC). `progress` is told
    how many of the cases are done. The files get their names at the very end, `users.csv` last. Raises OSError.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = events = keys = 0
    with ExitStack() as stack:
        drafts = [stack.enter_context(files.draft(out / name)) for name in FILES]
        users_csv, cases_csv, events_csv, keys_csv = (draft.out for draft in drafts)
        users_csv.write(_line(USER_COLUMNS).encode())
        for user in USERS:
            users_csv.write(_line((user.user_id, user.name, user.role.value, str(int(user.active)))).encode())
        cases_csv.write(_line(CASE_COLUMNS).encode())
        events_csv.write(_line(EVENT_COLUMNS).encode())
        keys_csv.write(_line(KEY_COLUMNS).encode())
        for case_lines, event_lines, key_lines in _in_order(cases, seed, as_of):
            cases_csv.writelines(line.encode() for line in case_lines)
            events_csv.writelines(
                f"{event_id},{line}".encode() for event_id, line in enumerate(event_lines, start=events + 1)
            )
            keys_csv.writelines(line.encode() for line in key_lines)
            done += len(case_lines)
            events += len(event_lines)
            keys += len(key_lines)
            progress(done, cases)
        for draft in drafts:
            draft.seal()
        for draft in drafts:
            draft.target.unlink(missing_ok=True)
        for draft in reversed(drafts):
            draft.place()
    return dict(zip(FILES, (len(USERS), cases, events, keys), strict=True))


def _in_order(cases: int, seed: int, as_of: date) -> Iterator[Lines]:
    """The lines of all cases, chunk by chunk. At most two chunks a process are ahead, so memory stays flat.

    They do without the garbage collector: nothing here refers to itself, and it would take a sixth of the time.
    """
    chunks = [(first, min(first + CHUNK, cases + 1)) for first in range(1, cases + 1, CHUNK)]
    if len(chunks) <= 4:
        yield from (_lines(seed, as_of, chunk) for chunk in chunks)
        return
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        ahead: deque[Future[Lines]] = deque()
        for chunk in chunks:
            ahead.append(pool.submit(_lines, seed, as_of, chunk))
            if len(ahead) > 2 * WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _lines(seed: int, as_of: date, chunk: Chunk) -> Lines:
    book = _book(seed, as_of)
    cases: list[str] = []
    events: list[str] = []
    keys: list[str] = []
    for number in range(*chunk):
        case, history = book.case(number)
        cases.append(_line(_cell(getattr(case, column)) for column in CASE_COLUMNS))
        events += (
            f"{e.case_id},{_time_cell(e.ts)},{e.user},{e.action},{_quoted(e.notes)},{_quoted(e.meta)},"
            f"{e.prev_hash},{e.event_hash}\n"
            for e in history
        )
        found = frozenset[Key]().union(*(keys_of(event, case.customer_name) for event in history))
        keys += (_line((kind.value, key, case.case_id)) for kind, key in sorted(found))
    return cases, events, keys


@lru_cache(maxsize=1)
def _book(seed: int, as_of: date) -> Book:
    return Book(seed, as_of)


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(cell: str) -> str:
    """A field as the csv module's QUOTE_MINIMAL writes it, which takes four times as long."""
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL(cell) else cell


_SPECIAL = re.compile('[",\n]').search


def _cell(value: object) -> str:
    """A value as `BULK INSERT` reads it: a space for the T of a time and no Z, nothing for NULL."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return _time_cell(chain.format_ts(value))
    return "" if value is None else str(chain.canonical(value))


def _time_cell(ts: str) -> str:
    return f"{ts[:10]} {ts[11:26]}"
