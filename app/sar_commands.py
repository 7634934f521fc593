"""The verbs of the terminal on a case's SAR, for scripts and for those who file elsewhere.

A verb imports what it needs, as in `__main__`, so that the others are not held up by it.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.errors import InvalidInput, UnreadableFile
from app.models import Event, read_case_id
from app.terminal import Parser, tell

if TYPE_CHECKING:
    from app.database import Database
    from app.filing import Draft

DONE = 0
MAX_DRAFT = 1_000_000
"""Bytes of a file with a draft or a narrative; what may stand in them is shorter."""
SHORTEST_HASH = 8
"""Digits of a draft's hash that are enough to name it."""

Verbs = Any  # what argparse calls _SubParsersAction


def add_parsers(verbs: Verbs, shared: Parser) -> None:
    """Add `sar` and its verbs to the parser of the desk's verbs; `shared` has the options that all take."""
    each = verbs.add_parser("sar", help="draft, approve and file a case's SAR").add_subparsers(
        dest="sar_verb", required=True, metavar="VERB"
    )

    def verb(name: str, what: str) -> Parser:
        made: Parser = each.add_parser(name, parents=[shared], help=what, description=what)
        made.add_argument("case_id", metavar="CASE_ID")
        made.add_argument("--as", metavar="USER_ID", dest="user_id", required=True, help="who does it: an active user")
        return made

    drafting = verb("draft", "keep a draft of the SAR")
    source = drafting.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", type=Path, dest="file", metavar="FILE", help="JSON, as `sar show` prints a draft")
    source.add_argument("--propose", action="store_true", help="take what the desk proposes from the evidence")
    drafting.add_argument("--narrative", type=Path, metavar="FILE", help="its text; else it is begun from the evidence")
    approving = verb("approve", "approve the draft that was read")
    approving.add_argument("--draft", required=True, metavar="HASH", help="of the draft, as `sar show` prints it")
    verb("return", "return the SAR to whoever drafts it").add_argument("--reason", required=True)
    filing = verb("file", "keep that the SAR was filed")
    filing.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="instead of today")
    filing.add_argument("--zone", type=_zone, default=UTC, help="whose day it is, such as America/New_York; else UTC")
    filing.add_argument("--export", default="", metavar="HASH", help="of the export whose file was sent; else by hand")
    filing.add_argument("--late-because", default="", metavar="REASON", help="where the deadline has passed")
    filing.add_argument("--outside", action="store_true", help="it was filed elsewhere, before the desk kept filings")
    filing.add_argument("--bsa-id", default="", metavar="ID", help="with --outside: what FinCEN calls the report")
    verb("acknowledge", "keep the id that FinCEN gave the report").add_argument("--bsa-id", required=True, metavar="ID")
    rejecting = verb("reject", "keep that FinCEN rejected the report")
    rejecting.add_argument("--error", required=True, action="append", metavar="TEXT", help="once for each")
    verb("amend", "take up a report that FinCEN has").add_argument("--reason", required=True)
    verb("show", "print the track and the newest draft; the case keeps who looked")


def run(desk: Database, options: argparse.Namespace) -> int:
    """Do what was asked of a case's SAR, tell it, and return the exit status. Raises DeskError."""
    from app import casework

    actor, case_id = options.user_id, read_case_id(options.case_id)
    match options.sar_verb:
        case "show":
            return _show(desk, actor, case_id)
        case "draft":
            event = casework.draft_sar(desk, actor, case_id, _draft(desk, case_id, options))
        case "approve":
            event = casework.approve_sar(desk, actor, case_id, _whole(desk, case_id, options.draft))
        case "return":
            event = casework.return_sar(desk, actor, case_id, options.reason)
        case "file":
            event = _file(desk, actor, case_id, options)
        case "acknowledge":
            event = casework.acknowledge_sar(desk, actor, case_id, options.bsa_id)
        case "reject":
            event = casework.reject_sar(desk, actor, case_id, options.error)
        case _:
            event = casework.amend_sar(desk, actor, case_id, options.reason)
    return _told(desk, case_id, event)


def _file(desk: Database, actor: str, case_id: str, options: argparse.Namespace) -> Event:
    from app import casework
    from app.sar_track import Filed

    day = options.day or datetime.now(options.zone).date()
    filed = Filed(day, options.zone, options.export, options.late_because, options.outside, options.bsa_id)
    return casework.file_sar(desk, actor, case_id, filed)


def _told(desk: Database, case_id: str, event: Event) -> int:
    from app import gaps, repository, sar_track
    from app.models import Action

    case, events = desk.read(lambda tx: (repository.case(tx, case_id), repository.events(tx, case_id)))
    due = f", due {case.sar_due_at:%Y-%m-%d}" if case.sar_due_at and not case.filed_at else ""
    tell(f"{case_id}: {case.filing or 'no filing'}{due}; event {event.event_hash}")
    newest = sar_track.newest_draft(events)
    if event.action == Action.SAR_DRAFT and newest:
        for sentence in gaps.blocking(newest[1]):
            tell(f"  lacks: {sentence}")
    return DONE


def _draft(desk: Database, case_id: str, options: argparse.Namespace) -> Draft:
    """Return the draft of a file, or the one that is proposed. Raises InvalidInput or UnreadableFile."""
    from dataclasses import replace

    from app import evidence, filing, narrative, repository, sar_track

    case, events = desk.read(lambda tx: (repository.case(tx, case_id), repository.events(tx, case_id)))
    kept = evidence.read(events)
    draft = filing.propose(case, kept) if options.propose else _kept(options.file)
    if options.propose and (bsa_id := sar_track.amended(events)):
        draft = replace(draft, kind=filing.ReportKind.AMENDED, prior_bsa_id=bsa_id)
    text = _text(options.narrative) if options.narrative else narrative.begin(case, kept, events, draft)
    return replace(draft, narrative=text)


def _kept(file: Path) -> Draft:
    """Return the draft of a JSON file, without its narrative: what is in it and would not be kept is refused."""
    from app import filing

    try:
        told = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(file, None, f"it is no JSON ({error})") from error
    draft = filing.read(told, "")
    if draft is None:
        raise UnreadableFile(file, None, "it is no JSON object")
    kept = filing.to_meta(draft)
    if lost := sorted(name for name in told if name not in kept or kept[name] != told[name]):
        raise UnreadableFile(file, None, f"this cannot be read as a draft has it: {', '.join(lost)}")
    return draft


def _text(file: Path) -> str:
    from app.log import checkpoint

    try:
        return checkpoint.read_file(file, MAX_DRAFT).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UnreadableFile(file, None, "it is not in UTF-8") from error


def _whole(desk: Database, case_id: str, started: str) -> str:
    """Return the hash of the newest draft where it begins so, or else what was typed."""
    from app import repository, sar_track

    newest = sar_track.newest_draft(desk.read(lambda tx: repository.events(tx, case_id)))
    if newest and len(started) >= SHORTEST_HASH and newest[0].event_hash.startswith(started.lower()):
        return newest[0].event_hash
    return started


def _show(desk: Database, actor: str, case_id: str) -> int:
    """Print the track and the newest draft. The look is kept, and refused to whoever may not look."""
    from app import casework, filing, policy, repository, sar_track
    from app.policy import Verb

    casework.record_view(desk, actor, case_id)
    person, case, events = desk.read(
        lambda tx: (repository.user(tx, actor), repository.case(tx, case_id), repository.events(tx, case_id))
    )
    policy.require(policy.why_not(Verb.VIEW, person, case))
    if not (steps := sar_track.steps(events)):
        raise InvalidInput(f"No SAR was ever decided on {case_id}.")
    for step in steps:
        tell(f"{step.event.ts}  {step.who}  {step.action}  {step.event.event_hash}")
    days = (("determined", case.determined_at), ("due", case.sar_due_at), ("filed", case.filed_at))
    told = [f"{what} {day:%Y-%m-%d}" for what, day in days if day]
    tell(
        "; ".join([f"{case_id}: {case.filing or 'no filing'}", *told, *([f"BSA id {case.bsa_id}"] * bool(case.bsa_id))])
    )
    if newest := sar_track.newest_draft(events):
        event, draft = newest
        tell(f"Draft {event.event_hash}")
        for line in json.dumps(filing.to_meta(draft), indent=2, ensure_ascii=False).splitlines():
            tell(line)
        for line in draft.narrative.splitlines():
            tell(line)
    return DONE


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-11-20") from None


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone like America/New_York") from None
