"""The desk's verbs for a terminal.

    python -m app init                      create the tables where they are missing
    python -m app verify [CASE_ID ...]      verify these cases, or every case
    python -m app export CASE_ID [--to DIR] write the audit CSV and the SAR summary
    python -m app verify-file FILE ...      verify audit CSVs on their own

AML_DATABASE, or --database, says which database. Exit status: 0 all intact, 1 a break, 2 wrong use, or input or a
database that cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app import audit, chain, database, repository, settings
from app.errors import DeskError, UnknownUser, UnreadableFile
from app.models import ALERT_FEED_USER, read_case_id

INTACT, BROKEN, UNUSABLE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m app", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--database", metavar="FILE", help="instead of AML_DATABASE")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("init", parents=[shared], help="create the tables where they are missing")
    verify = verbs.add_parser("verify", parents=[shared], help="verify cases in the database")
    verify.add_argument("case_ids", nargs="*", metavar="CASE_ID")
    export = verbs.add_parser("export", parents=[shared], help="write a case's audit CSV and SAR summary")
    export.add_argument("case_id", metavar="CASE_ID")
    export.add_argument("--to", type=Path, metavar="DIR", help="instead of exports/")
    verify_file = verbs.add_parser("verify-file", help="verify audit CSVs on their own")
    verify_file.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        if options.verb == "verify-file":
            return _verify_files(options.files)
        config = settings.load(options.database)
        desk = database.connect(config)
        if options.verb == "init":
            return _init(desk)
        if options.verb == "export":
            return _export(desk, read_case_id(options.case_id), options.to or config.exports)
        return _verify(desk, [read_case_id(case_id) for case_id in options.case_ids])
    except DeskError as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def _init(desk: database.Database) -> int:
    desk.create_schema()
    with desk.transaction() as tx:
        try:
            repository.user(tx, ALERT_FEED_USER.user_id)
        except UnknownUser:
            repository.insert_user(tx, ALERT_FEED_USER)
    print(f"{desk} is ready.")
    return INTACT


def _verify(desk: database.Database, case_ids: list[str]) -> int:
    results = [audit.verify_case(desk, case_id) for case_id in case_ids]
    if not case_ids:
        results = [audit.verify_database(desk, _progress if sys.stderr.isatty() else None)]
    for guard in desk.missing_guards():
        print(f"Warning: the trigger {guard} is gone. Put it back with: python -m app init", file=sys.stderr)
    cases, events = sum(r.cases for r in results), sum(r.events for r in results)
    return _report(f"{_count(cases, 'case')}, {_count(events, 'event')}", [b for r in results for b in r.breaks])


def _export(desk: database.Database, case_id: str, folder: Path) -> int:
    export = audit.export_case(desk, case_id)
    for path in export.write(folder):
        print(path)
    for found in export.breaks:
        print(found, file=sys.stderr)
    return BROKEN if export.breaks else INTACT


def _verify_files(files: list[Path]) -> int:
    worst = INTACT
    for file in files:
        try:
            verified = audit.verify_csv(file.read_bytes(), str(file))
        except OSError as error:
            print(f"{file}: {error.strerror}", file=sys.stderr)
            worst = max(worst, UNUSABLE)
        except UnreadableFile as error:
            print(error, file=sys.stderr)
            worst = max(worst, UNUSABLE)
        else:
            last = verified.last
            what = f"{file}: {last.case_id}, " if last else f"{file}: "
            worst = max(worst, _report(f"{what}{_count(verified.events, 'event')}", verified.breaks))
            if last:
                print(f"  last event {last.ts}, head {last.event_hash}")
    return worst


def _report(what: str, breaks: Sequence[chain.Break]) -> int:
    for found in breaks:
        print(found)
    print(f"{what}: {_count(len(breaks), 'break') if breaks else 'all intact'}")
    return BROKEN if breaks else INTACT


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _progress(done: int, total: int) -> None:
    print(f"\r{done:,} of {total:,} cases", end="\n" if done >= total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
