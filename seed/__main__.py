"""Demo data: made up by Faker, written as CSV, loaded into the desk.

    python -m seed generate --cases 500 --seed 7 --as-of 2026-01-31 --out DIR
    python -m seed load --from DIR [--replace]
    python -m seed demo [--anew]              fill the embedded database where it has no cases yet, or with --anew put
                                              fresh cases in the place of those there; on a server, only make the
                                              tables where there are none

AML_DATABASE, or --database, says which database. Exit status: 0 done, 2 wrong use, or input or a database that
cannot be used; nothing is kept of a load that failed; 4 a fault of the desk's own, or output that cannot be written:
what was done stays done; 130 Ctrl-C; 141 the reader of the output left.
"""

from __future__ import annotations

import argparse
import gc
import re
import sys
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from app import database, repository, settings, terminal
from app.errors import RUN, DatabaseNotEmpty, DeskError
from app.terminal import tell, warn

DEMO_CASES, DEMO_SEED = 500, 7


def _parser() -> terminal.Parser:
    parser = terminal.Parser(
        prog="python -m seed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    generating = verbs.add_parser("generate", help="write users.csv, cases.csv, case_events.csv, case_keys.csv")
    generating.add_argument("--cases", type=_count, default=DEMO_CASES, metavar="N")
    generating.add_argument("--seed", type=int, default=DEMO_SEED, metavar="N")
    generating.add_argument("--as-of", type=_date, default=_today(), metavar="DATE", help="default: today (UTC)")
    generating.add_argument("--out", type=Path, required=True, metavar="DIR")
    shared = terminal.Parser(add_help=False)
    shared.add_argument("--database", metavar="DATABASE", help="instead of AML_DATABASE")
    loading = verbs.add_parser("load", parents=[shared], help="load the files into the database")
    loading.add_argument("--from", type=Path, required=True, metavar="DIR", dest="folder")
    loading.add_argument("--replace", action="store_true", help="put them in the place of what is there")
    demo = verbs.add_parser("demo", parents=[shared], help="fill the database where it has no cases yet")
    demo.add_argument("--anew", action="store_true", help="put fresh cases in the place of those there")
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "generate":
            return _generate(options)
        config = settings.load(options.database)
        with closing(database.connect(config)) as desk:
            if options.verb == "demo":
                return _demo(desk, config, options.anew)
            return _load(desk, config, options.folder, options.replace)
    except DeskError as error:
        warn(error)
    except OSError as error:
        warn(f"{error.filename or 'The files cannot be written'}: {error.strerror}")
    return 2


def _generate(options: argparse.Namespace) -> int:
    from seed.generate import generate

    progress = terminal.progress("generated")
    counts = generate(options.out, options.cases, options.seed, options.as_of, progress)
    tell(f"{options.out}: " + ", ".join(f"{count:,} rows in {name}" for name, count in counts.items()))
    return 0


def _load(desk: database.Database, config: settings.Settings, folder: Path, replace: bool) -> int:
    from seed.load import load

    gc.disable()  # millions of rows, none of which refers to itself
    loaded = load(desk, folder, replace, terminal.progress("loaded"))
    tell(f"{desk}: {loaded.users:,} users, {loaded.cases:,} cases, {loaded.events:,} events")
    _begin_log(desk, config, replace)
    return 0


def _begin_log(desk: database.Database, config: settings.Settings, anew: bool = False) -> None:
    """Demo data have a log of their own from the first event on. A key that the settings name stays as it is."""
    if not desk.is_embedded or config.signing_key:
        return
    from app.log import checkpoint

    try:
        anchor = checkpoint.begin(desk, config, anew).anchor
    except DeskError as error:
        warn(f"The data are loaded, but no checkpoint of them was made. {error}")
        return
    if anchor:
        tell(f"{anchor.file}: the first checkpoint, of {anchor.checkpoint.size:,} events")
        tell(f"Its verifier key: {anchor.key}")


def _demo(desk: database.Database, config: settings.Settings, anew: bool) -> int:
    from app import schema

    if not desk.is_embedded:
        if anew:
            raise DatabaseNotEmpty("--anew empties the embedded database alone; a server's cases stay.")
        if not schema.prepare(desk):
            tell(f"{desk}: the tables are made. Next: {RUN} user add, and {RUN} open")
        for shortcoming in desk.shortcomings():
            warn(f"Warning: {shortcoming} ({RUN} init makes what is missing.)")
        return 0
    before = schema.prepare(desk, terminal.progress("upgraded"))
    if 0 < before < database.VERSION:
        tell(f"{desk} was upgraded from version {before} to version {database.VERSION}.")
    if not anew and desk.read(repository.case_count):
        return 0
    from seed.generate import generate
    from seed.load import load

    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), DEMO_CASES, DEMO_SEED, _today(), terminal.progress("generated"))
        try:
            load(desk, Path(folder), anew)
        except DatabaseNotEmpty:  # another desk that started at the same moment was quicker
            return 0
    tell(f"{desk}: filled with {DEMO_CASES} made-up cases.")
    _begin_log(desk, config, anew)
    return 0


def _count(text: str) -> int:
    if not (re.fullmatch("[0-9]{1,8}", text) and 1 <= int(text) <= 10_000_000):
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
    sys.exit(terminal.run(main))
