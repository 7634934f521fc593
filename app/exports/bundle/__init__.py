"""The bundle of a case that an examiner takes away: made here, read back and verified here.

`AML-7F3KQ2XA.zip` holds the audit CSV, the SAR summary, the proof that the log holds the case's newest anchored event
(c2sp.org/tlog-proof), the log's verifier key, and two ways to check them that do not need the desk: `verify.py` and
`audit.html`. They and this module check the same and come to the same verdict, each by code of its own; only the zip
itself is read by the script's.

1. hashes, links, order and times of the events, and each old value against what the events before it add up to;
2. that the log's checkpoint is signed, by the key that the reader was given from outside;
3. that the log holds one of the events, which stands in the file: that event and those before it are anchored.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from app import chain, settings
from app.errors import InvalidNote, InvalidProof, UnreadableFile
from app.exports import audit_csv, case_export
from app.exports.bundle import page
from app.exports.bundle.verify import Unreadable, page_says, read_zip
from app.exports.case_export import CaseExport, Made
from app.log import proofs, signed_note
from app.log.checkpoint import Anchor
from app.log.signed_note import Checkpoint, LogProof, VerifierKey
from app.models import CASE_ID, EVENT_COLUMNS, Break, BreakKind, Event

KEY, SCRIPT, PAGE, README = "verifier-key.txt", "verify.py", "audit.html", "README.txt"

_FOLDER = settings.ROOT / "app" / "exports" / "bundle"
_TRAIL = re.compile(rf"audit_({CASE_ID.pattern})\.csv")


class Verdict(StrEnum):
    OK = "ok"
    BROKEN = "broken"
    NOT_ANCHORED = "not anchored"
    COMPARE = "compare the key"


@dataclass(frozen=True, slots=True)
class Result:
    """What a verification of a bundle found. The first `anchored` of `events` stand in the log of the checkpoint."""

    case_id: str
    events: int
    breaks: tuple[Break, ...]
    anchored: int
    verdict: Verdict
    key: VerifierKey | None
    checkpoint: Checkpoint | None


def make(export: CaseExport, key: VerifierKey | None, newest: Anchor | None) -> Made:
    """Return the bundle of a case, with the log's `key`, and a proof about its newest checkpoint, where there is one.

    `newest` is the checkpoint that was the newest before the case was read: one that was signed since may know an event
    of the case that the bundle has not. Raises UnreadableFile or NotSigned where the log's folder was changed, and
    UnreadableFile where the case was changed so that nobody could read the bundle.
    """
    case_id, events = export.case_id, export.events
    trail, told = case_export.make_audit_csv(export), case_export.make_summary(export)
    audit_csv.check_readable(events, trail.name)
    proof = None
    if newest:
        proof = proofs.prove(newest, case_id)
        proofs.check_newest(newest, proof, events)
    signed = None if proof is None else bytes(proof).decode()
    files = {trail.name: trail.data, told.name: told.data}
    if signed is not None:
        files[f"{case_id}.tlog-proof"] = signed.encode()
    if key is not None:
        files[KEY] = f"{key}\n".encode()
    files[SCRIPT] = (_FOLDER / SCRIPT).read_bytes()
    files[PAGE] = page.render(case_id, events, export.names, signed, str(key) if key else None).encode()
    files[README] = (_FOLDER / README).read_bytes()
    found = _verify_trail(case_id, events) if export.breaks else []  # of an intact case the file cannot say otherwise
    anchored = 0
    if proof is not None:
        anchored, _, unproven = _verify_log(events, proof, key, None)
        found += unproven
    breaks = export.breaks + tuple(one for one in found if one not in export.breaks)
    return Made(f"{case_id}.zip", _zip(files), breaks, len(events) - anchored)


def verify_case(
    case_id: str,
    events: Sequence[Event],
    proof: LogProof | None,
    enclosed: VerifierKey | None,
    given: VerifierKey | None,
) -> Result:
    """Check a case's events, and the proof where there is one. Raises InvalidNote.

    `enclosed` is the key that came with them, `given` the bank's published one: only with that can the verdict be ok.
    """
    breaks = _verify_trail(case_id, events)
    anchored, signed = 0, None
    if proof is not None:
        anchored, signed, unproven = _verify_log(events, proof, enclosed, given)
        breaks += unproven
    if breaks:
        verdict = Verdict.BROKEN
    elif proof is None:
        verdict = Verdict.NOT_ANCHORED
    else:
        verdict = Verdict.OK if given else Verdict.COMPARE
    return Result(case_id, len(events), tuple(breaks), anchored, verdict, given or enclosed, signed)


def _verify_trail(case_id: str, events: Sequence[Event]) -> list[Break]:
    return [*chain.verify_links(case_id, events), *chain.replay(case_id, events)[1]]


def _verify_log(
    events: Sequence[Event], proof: LogProof, enclosed: VerifierKey | None, given: VerifierKey | None
) -> tuple[int, Checkpoint, list[Break]]:
    """Return how many events are anchored, the checkpoint, and what is not proven. Raises InvalidNote."""
    breaks = []
    signed = signed_note.read_signed_note(proof.checkpoint)
    told = signed_note.read_checkpoint(signed)
    if given and given != enclosed:
        breaks.append(Break("", None, BreakKind.UNSIGNED, "key", str(given), str(enclosed or "none")))
    key = given or enclosed
    if key is None or told.origin != key.name or not signed.is_signed_by(key):
        expected = f"a signature by {key or 'a known key'}"
        breaks.append(Break("", None, BreakKind.UNSIGNED, "signature", expected, signed.claimed()))
    included = True
    try:
        proof.verify(told)
    except InvalidProof as error:
        included = False
        breaks.append(Break("", None, BreakKind.NOT_IN_LOG, "head", told.head.hex(), error.reason))
    expected = proof.event_hash.hex()
    places = [place for place, event in enumerate(events, 1) if event.event_hash == expected]
    if not places:
        breaks.append(Break("", None, BreakKind.NOT_IN_LOG, "event_hash", expected, "none"))
    return (places[-1] if places and included else 0), told, breaks


def verify_file(data: bytes, name: str = "the bundle", given: VerifierKey | None = None) -> Result:
    """Read the bytes of a bundle and verify it. Raises UnreadableFile where it is not one as the desk makes them.

    `name` is the file's, by whose case id it is held; `given` is the bank's published key.
    """
    try:
        files = read_zip(data)
    except Unreadable as error:
        raise UnreadableFile(name, None, str(error)) from error
    trails = [found[1] for file in files if (found := _TRAIL.fullmatch(file))]
    if len(trails) != 1:
        raise UnreadableFile(name, None, "it does not hold one audit CSV")
    case_id = trails[0]
    known = {f"audit_{case_id}.csv", f"case_{case_id}.md", f"{case_id}.tlog-proof", KEY, SCRIPT, PAGE, README}
    if strangers := sorted(files.keys() - known):
        raise UnreadableFile(name, None, f"it holds {strangers[0]!r}, which is not part of a bundle of {case_id}")
    if any(named != case_id for named in CASE_ID.findall(Path(name).name)):
        raise UnreadableFile(name, None, f"its name is of another case than what it holds, which is {case_id}")
    events = audit_csv.read_csv(files[f"audit_{case_id}.csv"], f"{name}: audit_{case_id}.csv")
    proof_file, key_file = files.get(f"{case_id}.tlog-proof"), files.get(KEY)
    try:
        proof = None if proof_file is None else signed_note.read_proof(proof_file)
        enclosed = None if key_file is None else _read_key(key_file)
        result = verify_case(case_id, events, proof, enclosed, given)
    except InvalidNote as error:
        raise UnreadableFile(name, None, str(error)) from error
    if PAGE in files and not _page_agrees(files[PAGE], case_id, events, proof_file, enclosed):
        other = Break("", None, BreakKind.EDITED, PAGE, "the events, proof and key of this bundle", "others")
        result = replace(result, breaks=(*result.breaks, other), verdict=Verdict.BROKEN)
    return result


def _read_key(data: bytes) -> VerifierKey:
    key = signed_note.read_verifier_key(data.decode("utf-8", "replace"))
    if data != f"{key}\n".encode():
        raise InvalidNote(f"{KEY} is not a verifier key on a line of its own.")
    return key


def _page_agrees(
    data: bytes, case_id: str, events: Sequence[Event], proof: bytes | None, key: VerifierKey | None
) -> bool:
    """Say whether the page embeds what the other files say."""
    expected = {
        "case_id": case_id,
        "events": [{column: getattr(event, column) for column in EVENT_COLUMNS} for event in events],
        "proof": None if proof is None else proof.decode("utf-8", "replace"),
        "key": None if key is None else str(key),
    }
    return page_says(data, expected)


def _zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip: the same bytes for the same files, whenever and wherever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3  # Unix; `zipfile` writes another number on Windows
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
