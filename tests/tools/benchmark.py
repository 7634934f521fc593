"""How fast the verification is, beside the least that any verification must do, and how a long case grows.

    python -m tests.tools.benchmark [--events N] [--database FILE]

The bare loop streams every event of an embedded database in the order of its case and calls SHA-256 on the bytes of
the formula; it compares nothing. "Hashes and links" judges the same rows. "Everything" is what `python -m app verify`
does (hashes, links, times, the replay of every case against its row), and the head of the log over all events.
Each is run three times, by turns, and the best counts; one round before warms the cache of files. Time is the
processor's, so that other work on the machine counts as little as can be.

A case of 10,000 events costs ten times what one of 1,000 does, where nothing is done anew for each event.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from time import process_time

from app import casework, chain, database, repository, schema, settings, verification
from app.database import Database
from app.exports import bundle, case_export
from app.log import merkle
from app.models import Action
from seed.generate import generate
from seed.load import load
from tests import lives
from tests.conftest import ANALYST

EVENTS = 1_000_000
EVENTS_PER_CASE = 5.4
"""Of the demo data, a little below what it is."""
ROUNDS = 3

SELECT_EVENTS = """
SELECT event_id, case_id, ts, [user], action, notes, meta, prev_hash, event_hash
FROM case_events
ORDER BY case_id, event_id
"""


def bare_loop(file: Path) -> int:
    count = 0
    with closing(sqlite3.connect(file)) as connection:
        for _, case_id, ts, user, action, notes, meta, prev_hash, _ in connection.execute(SELECT_EVENTS):
            sha256("\x1f".join((prev_hash, case_id, ts, user, action, notes, meta)).encode()).hexdigest()
            count += 1
    return count


def hashes_and_links(desk: Database) -> int:
    count = 0
    with desk.snapshot() as tx:
        for case_id, found in groupby(tx.stream_tuples(SELECT_EVENTS), key=itemgetter(1)):
            stored = list(found)
            if chain.verify_links(case_id, stored):
                raise SystemExit(f"{case_id} is broken")
            count += len(stored)
    return count


def everything(desk: Database) -> int:
    tree = merkle.Tree()
    with desk.snapshot() as tx:
        found = verification.verify_all(tx)
        for _, _, event_hash in repository.log(tx):
            tree.append(bytes.fromhex(event_hash))
    if not found.intact or tree.size != found.events:
        raise SystemExit(f"{desk} is broken: verify it")
    return found.events


def make(file: Path, events: int) -> None:
    """Fill a new database with that many events, or a few more."""
    with tempfile.TemporaryDirectory() as folder, closing(database.connect(settings.load(str(file)))) as desk:
        generate(Path(folder), int(events / EVENTS_PER_CASE) + 1, 7, date(2026, 1, 31), lambda done, total: None)
        load(desk, Path(folder))


def measure(file: Path) -> None:
    with closing(database.connect(settings.load(str(file)))) as desk:
        loops: dict[str, Callable[[], int]] = {
            "bare loop": lambda: bare_loop(file),
            "hashes and links": lambda: hashes_and_links(desk),
            "everything": lambda: everything(desk),
        }
        best: dict[str, float] = dict.fromkeys(loops, 0.0)
        for number in range(1 + ROUNDS):
            for name, loop in loops.items():
                started = process_time()
                events = loop()
                if number:
                    best[name] = max(best[name], events / (process_time() - started))
    print(f"{events:,} events in {file}")
    for name, rate in best.items():
        print(f"{name:<18}{rate:>12,.0f} events/s{rate / best['bare loop']:>8.0%}")
    print(f"{'peak memory':<18}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>12,.0f} MiB")


def long_case(events: int) -> dict[str, float]:
    """Seconds that a case of that many events takes for what the desk does with it; the best of three."""
    life = lives.opened()
    for number in range(2, events + 1):  # all at one moment, so that none lies in the future
        text = f"Compared statement {number} with the customer's file: nothing new since the last review."
        form = {"form": f"{number:016x}"}
        life.case, event = chain.append(life.case, ANALYST.user_id, life.events[-1].ts, Action.NOTE, text, {}, form)
        life.events.append(replace(event, event_id=number))
    case_id = life.case.case_id
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(database.connect(settings.load(str(Path(folder) / "long.db")))) as desk,
    ):
        schema.init(desk)
        with desk.transaction() as tx, tx.bulk_load():
            repository.insert_user(tx, ANALYST)
            repository.load(tx, [life.case], life.events)
        export = case_export.read(desk, case_id)
        loops: dict[str, Callable[[], object]] = {
            "read and verify": lambda: verification.verify_case(desk, case_id),
            "add a note": lambda: casework.add_note(desk, ANALYST.user_id, case_id, "x", form=casework.new_form()),
            "read to export": lambda: case_export.read(desk, case_id),
            "audit CSV": lambda: case_export.make_audit_csv(export),
            "SAR summary": lambda: case_export.make_summary(export),
            "bundle, all of it": lambda: bundle.make(export, None, None),
        }
        return {name: min(seconds(loop) for _ in range(ROUNDS)) for name, loop in loops.items()}


def seconds(loop: Callable[[], object]) -> float:
    started = process_time()
    loop()
    return process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.tools.benchmark", description="How fast the verification is.")
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help="how many to make, default: a million")
    parser.add_argument("--database", type=Path, metavar="FILE", help="kept; made where it does not exist yet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.database or Path(folder) / "benchmark.db"
        if not file.exists():
            make(file, options.events)
        measure(file)
    short, long = long_case(1_000), long_case(10_000)
    print("a case of 10,000 events beside one of 1,000")
    for name, took in long.items():
        print(f"{name:<18}{1000 * took:>12,.0f} ms{took / short[name]:>14.1f} times")


if __name__ == "__main__":
    main()
