"""Demo data: made up by Faker, written as CSV, loaded into the desk.

    python -m seed generate --cases 500 --seed 7 --as-of 2026-01-31 --out DIR
    python -m seed load --from DIR [--replace]
    python -m seed demo [--anew]              fill the embedded database where it has no cases yet, or with --anew put
                                              fresh cases in the place of those there; on a server, only make the
                                              tables where there are none

AML_DATABASE, or --database, says which database. Exit status: 0 done, 2 wrong use, or input or a database that
cannot be used; nothing is kept of a load that failed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from app import casework, checkpoint, database, repository, settings
from app.errors import DatabaseNotEmpty, DeskError
from seed.generate import generate
from seed.load import load

DEMO_CASES, DEMO_SEED = 500, 7


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m seed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    generating = verbs.add_parser("generate", help="write users.csv, cases.csv and case_events.csv")
    generating.add_argument("--cases", type=_count, default=DEMO_CASES, metavar="N")
    generating.add_argument("--seed", type=int, default=DEMO_SEED, metavar="N")
    generating.add_argument("--as-of", type=_date, default=_today(), metavar="DATE", help="default: today (UTC)")
    generating.add_argument("--out", type=Path, required=True, metavar="DIR")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--database", metavar="DATABASE", help="instead of AML_DATABASE")
    loading = verbs.add_parser("load", parents=[shared], help="load the three files into the database")
    loading.add_argument("--from", type=Path, required=True, metavar="DIR", dest="folder")
    loading.add_argument("--replace", action="store_true", help="put them in the place of what is there")
    demo = verbs.add_parser("demo", parents=[shared], help="fill the database where it has no cases yet")
    demo.add_argument("--anew", action="store_true", help="put fresh cases in the place of those there")
    options = parser.parse_args(arguments)
    try:
        if options.verb == "generate":
            counts = generate(options.out, options.cases, options.seed, options.as_of, _progress("generated"))
            print(f"{options.out}: " + ", ".join(f"{count:,} rows in {name}" for name, count in counts.items()))
            return 0
        config = settings.load(options.database)
        with closing(database.connect(config)) as desk:
            if options.verb == "demo":
                return _demo(desk, config, options.anew)
            gc.disable()  # millions of rows, none of which refers to itself
            loaded = load(desk, options.folder, options.replace, _progress("loaded"))
            print(f"{desk}: {loaded.users:,} users, {loaded.cases:,} cases, {loaded.events:,} events")
            _begin_log(desk, config, options.replace)
            return 0
    except DeskError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _begin_log(desk: database.Database, config: settings.Settings, anew: bool = False) -> None:
    """Demo data have a log of their own from the first event on. A key that the settings name stays as it is."""
    if not desk.is_embedded or config.signing_key:
        return
    try:
        anchor = checkpoint.begin(desk, config, anew).anchor
    except DeskError as error:
        print(f"The data are loaded, but no checkpoint of them was made. {error}", file=sys.stderr)
        return
    if anchor:
        print(f"{anchor.file}: the first checkpoint, of {anchor.checkpoint.size:,} events")
        print(f"Its verifier key: {anchor.key}")


def _demo(desk: database.Database, config: settings.Settings, anew: bool) -> int:
    if not desk.is_embedded:
        if anew:
            raise DatabaseNotEmpty("--anew empties the embedded database alone; a server's cases stay.")
        if not desk.has_schema():
            casework.init(desk)
            print(f"{desk}: the tables are made. Next: python -m app user add, and python -m app open")
        return 0
    if not anew and desk.has_schema() and desk.read(repository.case_count):
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), DEMO_CASES, DEMO_SEED, _today(), _progress("generated"))
        try:
            load(desk, Path(folder), anew)
        except DatabaseNotEmpty:  # another desk that started at the same moment was quicker
            return 0
    print(f"{desk}: filled with {DEMO_CASES} made-up cases.")
    _begin_log(desk, config, anew)
    return 0


def _progress(what: str) -> Callable[[int, int], None]:
    """A line on the terminal that counts in per cent; silent where nobody watches."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if sys.stderr.isatty() and percent != shown:
            shown = percent
            print(f"\r{what} {percent}%", end="\n" if percent >= 100 else "", file=sys.stderr, flush=True)

    return show


def _count(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of cases from 1 to 10,000,000")
    return int(text)


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-01-31") from error
    if not 1970 <= found.year <= 2100:
        raise argparse.ArgumentTypeError(f"{text!r} lies outside 1970 to 2100")
    return found


def _today() -> date:
    return datetime.now(UTC).date()


if __name__ == "__main__":
    sys.exit(main())
