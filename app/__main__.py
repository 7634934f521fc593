"""The desk's verbs for a terminal.

    python -m app init [--rebuild-keys]     create the tables where they are missing, or upgrade those of an older desk;
                                            make anew by which accounts and counterparties cases are found
    python -m app verify [CASE_ID ...] [--checkpoint FILE --key KEY]
                                            verify these cases, or every case; and the log against this checkpoint, or
                                            the newest that is known here; an embedded file is only read
    python -m app export CASE_ID --as USER_ID [--to DIR] [--bundle | --sarx]
                                            write the audit CSV and the SAR summary, or the bundle for an examiner, or
                                            the file for FinCEN of an approved SAR; the case keeps who took what
    python -m app verify-file FILE ... [--key KEY]
                                            verify audit CSVs and bundles on their own
    python -m app keygen [--name ORIGIN]    make the key that signs checkpoints, and print its verifier key
    python -m app checkpoint [--full]       sign what the log of all events is now; --full reads all of it, and makes
                                            damaged tiles and lists anew
    python -m app checkpoint --since OLD_CHECKPOINT --key KEY
                                            write the proof that the log only grew since then, to the newest checkpoint
    python -m app verify-file FILE.tlog-consistency --since OLD_CHECKPOINT --key KEY
                                            verify such a proof
    python -m app open FILE [--skip-bad] [--separate]
                                            take in the alerts of a file (JSON Lines; - is standard input): each joins
                                            its customer's open case of the same currency, or opens one
    python -m app open --schema             print the JSON Schema of such an alert, for whoever writes the feed
    python -m app user add USER_ID --name NAME --role Analyst|QA|Manager
                                            let someone act, who then sees every case and every SAR decision
    python -m app user deactivate USER_ID   someone has left: they neither act nor receive cases any more
    python -m app user list                 everybody, the inactive too
    python -m app sar draft|approve|return|file|acknowledge|reject|amend|show CASE_ID --as USER_ID
                                            take a case's SAR one step further, or print its track and newest draft

AML_DATABASE, or --database, says which database; KEY is a verifier key. Exit status: 0 all intact, or done; 1 a break,
or done but for alerts that were left out; 2 wrong use, or input or a database that cannot be read: nothing was changed
(but for the alerts that `open` says it has stored by then);
3 a bundle is intact, but is not anchored, or its key was not compared with the published one; 4 a fault of the desk's
own, or output that cannot be written: what was done stays done; 130 Ctrl-C; 141 the reader of the output left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from app import chain, database, feed_command, sar_commands, settings, terminal
from app.errors import (
    RUN,
    BrokenLog,
    BrokenTile,
    DeskError,
    Incomplete,
    InvalidInput,
    InvalidProof,
    NotSigned,
    SettingsError,
    UnreadableFile,
)
from app.models import CASE_ID, Break, Role, read_case_id
from app.terminal import counted, tell, warn
from app.text import printable

if TYPE_CHECKING:  # a verb imports what it needs: most of them are over before all of it was read
    from app import verification
    from app.exports import bundle
    from app.log import checkpoint, signed_note

INTACT, BROKEN, UNUSABLE, UNPROVEN = 0, 1, 2, 3
DONE, DONE_IN_PART = INTACT, BROKEN
MAX_FILE = 64 * 1024 * 1024
"""Bytes; what was exported is not longer."""
WHO = (
    "They see every case, and which of them led to a SAR, whatever their role: add nobody who has no BSA need "
    "(31 U.S.C. 5318(g)(2))."
)
WORSE = (INTACT, UNPROVEN, BROKEN, UNUSABLE)


def _parser() -> terminal.Parser:
    parser = terminal.Parser(
        prog="python -m app", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = terminal.Parser(add_help=False)
    shared.add_argument("--database", metavar="DATABASE", help="instead of AML_DATABASE")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser("init", parents=[shared], help="create the tables where they are missing, or upgrade them")
    init.add_argument("--rebuild-keys", action="store_true", help="make the accounts and counterparties of cases anew")
    verify = verbs.add_parser("verify", parents=[shared], help="verify cases in the database")
    verify.add_argument("case_ids", nargs="*", metavar="CASE_ID")
    verify.add_argument("--checkpoint", type=Path, metavar="FILE", help="hold the log of all events against it")
    verify.add_argument("--key", metavar="KEY", help="the published verifier key of the log")
    export = verbs.add_parser("export", parents=[shared], help="write a case's audit CSV and SAR summary")
    export.add_argument("case_id", metavar="CASE_ID")
    export.add_argument("--as", metavar="USER_ID", dest="user_id", required=True, help="who takes it: an active user")
    export.add_argument("--to", type=_folder, metavar="DIR", help="instead of exports/")
    what = export.add_mutually_exclusive_group()
    what.add_argument("--bundle", action="store_true", help="one zip that can be verified without the desk")
    what.add_argument("--sarx", action="store_true", help="the XML file for FinCEN of a SAR that was approved")
    verify_file = verbs.add_parser("verify-file", help="verify audit CSVs and bundles on their own")
    verify_file.add_argument("files", nargs="+", type=Path, metavar="FILE")
    verify_file.add_argument("--key", metavar="KEY", help="the published verifier key of the log")
    verify_file.add_argument("--since", type=Path, metavar="FILE", help="the older checkpoint of a consistency proof")
    keygen = verbs.add_parser("keygen", parents=[shared], help="make the key that signs checkpoints")
    keygen.add_argument("--name", default="", metavar="ORIGIN", help="of the log, such as bank.example/aml")
    signing = verbs.add_parser("checkpoint", parents=[shared], help="sign what the log of all events is now")
    signing.add_argument("--full", action="store_true", help="hold all events against what was signed, each night say")
    signing.add_argument("--since", type=Path, metavar="FILE", help="sign nothing: prove that the log only grew since")
    signing.add_argument("--key", metavar="KEY", help="the published verifier key of the log, with --since")
    feed_command.add_parser(verbs, shared)
    user_verbs = verbs.add_parser("user", help="add, deactivate or list users").add_subparsers(
        dest="user_verb", required=True, metavar="VERB"
    )
    adding = user_verbs.add_parser(
        "add", parents=[shared], help="let someone act", description=f"Let someone act. {WHO}"
    )
    adding.add_argument("user_id", metavar="USER_ID")
    adding.add_argument("--name", required=True)
    adding.add_argument("--role", required=True, choices=[role.value for role in Role])
    leaving = user_verbs.add_parser("deactivate", parents=[shared], help="end someone's acting")
    leaving.add_argument("user_id", metavar="USER_ID")
    user_verbs.add_parser("list", parents=[shared], help="everybody, the inactive too")
    sar_commands.add_parsers(verbs, shared)
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        key = _key(options)
        if options.verb == "verify-file":
            return _verify_files(options.files, key, options.since)
        if options.verb == "open" and options.schema:
            return feed_command.show_schema()
        config = settings.load(options.database)
        if options.verb == "keygen":
            return _keygen(config, options.name)
        if options.verb == "checkpoint" and (options.since or key):
            return _prove_growth(config, options.since, key, options.full)
        with closing(database.connect(config, read_only=options.verb == "verify")) as desk:
            match options.verb:
                case "init":
                    return _init(desk, options.rebuild_keys)
                case "export":
                    return _export(desk, config, options)
                case "checkpoint":
                    return _checkpoint(desk, config, options.full)
                case "open":
                    return feed_command.run(desk, options)
                case "user":
                    return _user(desk, options)
                case "sar":
                    return sar_commands.run(desk, options)
            case_ids = [read_case_id(case_id) for case_id in options.case_ids]
            return _verify(desk, case_ids, options.checkpoint, key, config)
    except (BrokenLog, BrokenTile, InvalidProof, NotSigned) as error:
        for found in getattr(error, "breaks", ()):
            tell(found)
        warn(error)
        return BROKEN
    except Incomplete as error:
        for sentence in error.lacks:
            warn(sentence)
        return UNUSABLE
    except DeskError as error:
        warn(error)
        return UNUSABLE


def _folder(text: str) -> Path:
    if not text:  # a variable that is not set, say: it would be the folder one happens to be in
        raise argparse.ArgumentTypeError("it names no folder")
    return Path(text)


def _key(options: argparse.Namespace) -> signed_note.VerifierKey | None:
    if getattr(options, "key", None) is None:
        return None
    from app.log import signed_note

    return signed_note.read_verifier_key(options.key)


def _user(desk: database.Database, options: argparse.Namespace) -> int:
    match options.user_verb:
        case "add":
            return _add_user(desk, options.user_id, options.name, Role(options.role))
        case "deactivate":
            return _deactivate_user(desk, options.user_id)
    return _list_users(desk)


def _init(desk: database.Database, rebuild_keys: bool) -> int:
    from app import schema

    before = schema.init(desk, terminal.progress("looked at"))
    if 0 < before < database.VERSION:
        tell(f"{desk} was upgraded from version {before} to version {database.VERSION}.")
    if rebuild_keys:
        made = schema.rebuild_keys(desk, terminal.progress("looked at"))
        tell(f"{counted(made, 'key')} made from the events.")
    tell(f"{desk} is ready.")
    for shortcoming in desk.shortcomings():
        warn(f"Warning: {shortcoming}")
    return INTACT


def _verify(
    desk: database.Database,
    case_ids: list[str],
    file: Path | None,
    key: signed_note.VerifierKey | None,
    config: settings.Settings,
) -> int:
    if (file is None) != (key is None):
        raise InvalidInput("A checkpoint is verified with both: --checkpoint FILE and --key KEY.")
    from app import verification
    from app.log import checkpoint

    named = checkpoint.read_anchor(file, key) if file and key else None
    log = _log(config, key)
    anchors = log.anchors(named) if log else []
    if case_ids:
        results = [verification.verify_case(desk, case_id) for case_id in case_ids]
        results.append(verification.verify_log(desk, *anchors))
    else:
        results = [verification.verify_database(desk, terminal.progress("verified"), anchors)]
    for guard in desk.missing_guards():
        warn(f"Warning: the trigger {guard} is gone, or does something else. Put it back with: {RUN} init")
    breaks = [b for r in results for b in r.breaks]
    status = _report_database(desk, sum(r.cases for r in results), sum(r.events for r in results), breaks)
    if breaks:
        return status
    if anchors:
        newest = anchors[-1]
        told = f"The first {counted(newest.checkpoint.size, 'event')} are those that {newest.key.name} signed"
        tell(f"{told} ({newest.file}); later ones are not yet anchored.")
    elif results[0].events:
        tell("The tail is not anchored: against a checkpoint (--checkpoint FILE --key KEY) it would also show whether")
        tell("events were cut off the end, cases are gone, or chains were rewritten with fresh hashes.")
    if log:
        _ = log.remembered() if named else log.newest()  # raises where what was signed is not all there
    return status


def _log(config: settings.Settings, key: signed_note.VerifierKey | None) -> checkpoint.Log | None:
    """Return the log that is verified; None where this machine has no key of it, or this user may not read it."""
    from app.log import checkpoint

    try:
        return checkpoint.log_of(config, key)
    except SettingsError as error:
        warn(f"{error} So what was signed with it is left out.")
        return None


def _report_database(desk: database.Database, cases: int, events: int, breaks: Sequence[Break]) -> int:
    what = f"{counted(cases, 'case')}, {counted(events, 'event')}"
    if cases or breaks:
        status = _report(what, breaks)
    else:
        tell(f"{what}: there is nothing to verify")
        status = INTACT
    if desk.is_embedded:
        hint = "" if cases else f" {database.WITHOUT_WAL}"
        warn(f"Read-only: nothing in or beside {desk} was changed.{hint}")
    if any(found.field == "size" for found in breaks):
        warn(
            "It holds fewer events than were signed: some were taken away, or it is an older copy or another database. "
            "For those two, let AML_SIGNING_KEY name their own key, or a file that is not there."
        )
    return status


def _export(desk: database.Database, config: settings.Settings, options: argparse.Namespace) -> int:
    from app.exports import taking
    from app.exports.taking import Kind

    case_id, folder = read_case_id(options.case_id), options.to or config.exports
    kinds = [Kind.BUNDLE] if options.bundle else [Kind.SARX] if options.sarx else [Kind.AUDIT_CSV, Kind.SAR_SUMMARY]
    taken = taking.take(desk, config, options.user_id, case_id, kinds, folder)
    if taken.event is None:
        warn(f"{case_id} does not end where its row says, so it could not keep who exported it.")
    for name in taken.files:
        tell(folder / name)
    if taken.not_yet:
        warn(f"{taken.not_yet} of its events are not yet anchored; for that: {RUN} checkpoint")
    for sentence in taken.misses:
        warn(f"FinCEN will miss: {sentence}")
    if options.sarx and taken.event:
        warn(f"Once it was sent: {RUN} sar file {case_id} --as {options.user_id} --export {taken.event.event_hash}")
    for found in taken.breaks:
        warn(found)
    return BROKEN if taken.breaks else INTACT


def _keygen(config: settings.Settings, name: str) -> int:
    from app.log import keys

    file = keys.key_file(config)
    key = keys.make_key(file, name)
    tell(f"The signing key is in {file}. Keep it secret, and keep a copy: nobody else can make it again.")
    tell("Publish the verifier key, by which others check what it signs:")
    tell(key.verifier)
    return DONE


def _checkpoint(desk: database.Database, config: settings.Settings, full: bool) -> int:
    from app.log import checkpoint

    appended = checkpoint.sign(desk, config, full)
    for file in appended.mended:
        warn(f"{file} was damaged or missing, and was made anew.")
    if appended.damaged:
        warn(f"{appended.damaged}. This is not needed to sign, but it names the events where some differ.")
    if appended.anchor is None:
        tell("There are no events yet, so there is nothing to sign.")
    elif not appended.events:
        tell(f"{appended.anchor.file}: no events since; the log is still the one it was signed over.")
    else:
        told = appended.anchor.checkpoint
        tell(f"{appended.anchor.file}: {counted(told.size, 'event')}, {appended.events:,} of them new")
        tell(f"head {told.head.hex()}")
    return DONE_IN_PART if appended.damaged else DONE


def _prove_growth(
    config: settings.Settings, since: Path | None, key: signed_note.VerifierKey | None, full: bool
) -> int:
    from app import files
    from app.log import checkpoint, proofs

    if since is None or key is None or full:
        raise InvalidInput("A proof that the log only grew needs both: --since OLD_CHECKPOINT and --key KEY.")
    log = checkpoint.log_of(config, key)
    newest = log.newest() if log else None
    if newest is None:
        raise InvalidInput(f"There is no checkpoint by {key.name} in {config.checkpoints / key.key_id}.")
    old = checkpoint.read_anchor(since, key)
    proof = proofs.prove_growth(newest, old)
    size, old_size = newest.checkpoint.size, old.checkpoint.size
    file = config.exports / f"{key.key_id}-{old_size}-{size}{proofs.SUFFIX}"
    try:
        files.put(file, bytes(proof))
    except OSError as error:
        raise DeskError(f"{file} cannot be written: {error.strerror}.") from error
    tell(f"{file}: of the {counted(size, 'event')} of {newest.file}, the first {old_size:,} are those of {since}")
    return DONE


def _verify_files(named: list[Path], key: signed_note.VerifierKey | None, since: Path | None) -> int:
    from app.exports import audit_csv, bundle
    from app.log import checkpoint, proofs

    worst = INTACT
    for file in named:
        try:
            data = checkpoint.read_file(file, MAX_FILE)
            if file.suffix.lower() == proofs.SUFFIX:
                status = _verify_growth(file, data, key, since)
            elif file.suffix.lower() == ".zip":
                status = _report_bundle(file, bundle.verify_file(data, str(file), key))
            else:
                status = _report_csv(file, audit_csv.verify_csv(data, str(file)), key)
        except (InvalidProof, NotSigned) as error:
            warn(f"{file}: {error}")
            status = BROKEN
        except UnreadableFile as error:
            warn(error)
            status = UNUSABLE
        worst = max(worst, status, key=WORSE.index)
    return worst


def _verify_growth(file: Path, data: bytes, key: signed_note.VerifierKey | None, since: Path | None) -> int:
    from app.log import checkpoint, proofs

    if since is None or key is None:
        raise InvalidInput(f"{file} is verified with both: --since OLD_CHECKPOINT and --key KEY.")
    old = checkpoint.read_anchor(since, key)
    new = proofs.verify_growth(data, file, old, key)
    tell(f"{file}: ok, the log of {key.name} only grew from {old.checkpoint.size:,} to {counted(new.size, 'event')}")
    return INTACT


def _report_csv(file: Path, verified: verification.Verified, key: signed_note.VerifierKey | None) -> int:
    last = verified.last
    what = f"{file}: {_id(last.case_id)}, " if last else f"{file}: "
    status = _report(f"{what}{counted(verified.events, 'event')}", verified.breaks)
    if last:
        tell(f"  last event {chain.show(last.ts)}, head {chain.show(last.event_hash)}")
    if key and not verified.breaks:
        tell("  not anchored: an audit CSV holds no proof that the key could verify; the bundle of the case does")
        return UNPROVEN
    return status


def _report_bundle(file: Path, result: bundle.Result) -> int:
    from app.exports import bundle

    status = _report(f"{file}: {result.case_id}, {counted(result.events, 'event')}", result.breaks)
    if result.breaks:
        return status
    if result.checkpoint:
        told = result.checkpoint
        tell(f"  anchored: {result.anchored} of them, in the log {told.origin} of {counted(told.size, 'event')}")
    if later := result.events - result.anchored:
        tell(f"  not yet anchored: {later}")
    if result.verdict is bundle.Verdict.OK:
        tell(f"  ok, signed by {result.key}")
        return INTACT
    if result.verdict is bundle.Verdict.COMPARE:
        tell(f"  signed by {result.key}: compare with the bank's published key, or give it with --key")
    return UNPROVEN


def _add_user(desk: database.Database, user_id: str, name: str, role: Role) -> int:
    from app import users

    before = users.add_user(desk, user_id, name, role)
    if before is None:
        done = "was added"
    else:
        done = "was there already; nothing changed" if before.active else "was inactive and is active again"
    tell(f"{user_id} ({name}, {role.value}) {done}.")
    if before is None or not before.active:
        tell(WHO)
    return DONE


def _deactivate_user(desk: database.Database, user_id: str) -> int:
    from app import users

    owned = users.deactivate_user(desk, user_id)
    tell(f"{user_id} is inactive.")
    if owned:
        tell(f"They still own {counted(owned, 'open case')}, which a Manager has to reassign.")
    return DONE


def _list_users(desk: database.Database) -> int:
    from app import repository

    people = desk.read(repository.users)
    rows = [("ID", "NAME", "ROLE", "ACTIVE")]
    rows += [(printable(p.user_id), printable(p.name), p.role.value, "yes" if p.active else "no") for p in people]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        tell("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return DONE


def _id(case_id: str) -> str:
    """Return a case id as the file says it: in quotes where it is none, as it may read like a verdict."""
    return case_id if CASE_ID.fullmatch(case_id) else repr(chain.show(case_id))


def _report(what: str, breaks: Sequence[Break]) -> int:
    for found in breaks:
        tell(found)
    tell(f"{what}: {counted(len(breaks), 'break') if breaks else 'all intact'}")
    return BROKEN if breaks else INTACT


if __name__ == "__main__":
    sys.exit(terminal.run(main))
