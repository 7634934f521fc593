"""The terminal's verb `open`: alerts of a file become cases, or join them.

A verb imports what it needs, as in `__main__`, so that the others are not held up by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from app.errors import DeskError, UnreadableFile
from app.terminal import Parser, counted, progress, tell, warn

if TYPE_CHECKING:
    from app.database import Database

DONE, DONE_IN_PART, UNUSABLE = 0, 1, 2

Verbs = Any  # what argparse calls _SubParsersAction


def add_parser(verbs: Verbs, shared: Parser) -> None:
    """Add `open` to the parser of the desk's verbs; `shared` has the options that all take."""
    opening = verbs.add_parser("open", parents=[shared], help="take in the alerts of a file")
    source = opening.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", metavar="FILE", help="JSON Lines, one alert a line; - is standard input")
    source.add_argument("--schema", action="store_true", help="print the JSON Schema of a line instead")
    opening.add_argument("--skip-bad", action="store_true", help="leave bad lines out instead of refusing the file")
    opening.add_argument(
        "--separate", action="store_true", help="open a case on each alert, also where its customer has an open one"
    )


def show_schema() -> int:
    """Print the JSON Schema of a line of a feed, and return the exit status."""
    from app import evidence

    for line in json.dumps(evidence.schema(), indent=2).splitlines():
        tell(line)
    return DONE


def run(desk: Database, options: argparse.Namespace) -> int:
    """Take in the file, tell what came of it, and return the exit status. Raises DeskError."""
    from app import intake

    name = "standard input" if options.file == "-" else options.file
    if options.file == "-" and not sys.stdin:
        raise UnreadableFile(name, None, "it is closed")
    stored, show = 0, progress("stored")

    def count(done: int, total: int) -> None:
        nonlocal stored
        stored = done
        show(done, total)

    try:
        with intake.alert_file(options.file, sys.stdin.buffer) as lines:
            taken = intake.take_in(desk, lines, name, options.skip_bad, options.separate, count)
    except DeskError:
        if stored:
            warn(f"{counted(stored, 'alert')} of {name} were stored before that. Send it again: it goes on from there.")
        raise
    for reason in taken.reasons:
        warn(reason)
    if more := taken.refused - len(taken.reasons):
        warn(f"{name}: {more:,} more lines like these")
    for alert_id, case_id in taken.changed:
        warn(f"Alert {alert_id!r} of {case_id} told other facts before; the case stays as it is.")
    joined = f"{counted(taken.joined, 'alert')} joined to an open case"
    tell(f"{counted(taken.opened, 'case')} opened, {joined}, {taken.already:,} known, {taken.refused:,} refused.")
    if taken.refused and not options.skip_bad:
        warn("Nothing was stored. Correct these lines, or leave them out with --skip-bad.")
        return UNUSABLE
    return DONE_IN_PART if taken.refused or taken.changed else DONE
