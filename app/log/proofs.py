"""Proofs about the log from what its folder keeps: that it holds a case's events, and that it only grew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from app.errors import RUN, InvalidInput, InvalidNote, InvalidProof, UnreadableFile
from app.log import index, lines, merkle, signed_note
from app.log.checkpoint import CHECKPOINT, Anchor, read_anchor, read_signed
from app.log.signed_note import Checkpoint, ConsistencyProof, LogProof, VerifierKey
from app.models import Event
from app.repository import LogLine

SUFFIX = ".tlog-consistency"
"""Of a file that holds a consistency proof."""


@lru_cache(maxsize=100)
def lines_of(anchor: Anchor, case_id: str) -> tuple[LogLine, ...]:
    """Return the case's events that the checkpoint was signed over. Raises as `Anchor.lines` does."""
    return tuple(line for line in anchor.lines() if line[1] == case_id)


def prove(anchor: Anchor, case_id: str) -> LogProof | None:
    """Return the proof that the log holds the case's last event at or below the checkpoint; None: it has none there.

    Which one that is the lists of cases say, which nobody signed: `check_newest` holds them against the database. A few
    tiles are read, and the whole log where it has none. Raises BrokenTile, UnreadableFile or NotSigned where what is
    kept beside the checkpoint is missing, or not what was signed.
    """
    found = _newest_leaf(anchor, case_id) if anchor.has_tiles() else _newest_line(anchor, case_id)
    if found is None:
        return None
    place, event_hash = found
    size = anchor.checkpoint.size
    hashes = _heads(anchor, merkle.inclusion_spans(place, size)) if place < size else []
    proof = LogProof(bytes.fromhex(event_hash), place, tuple(hashes), anchor.signed)
    try:
        proof.verify(anchor.checkpoint)
    except InvalidProof as error:
        reason = f"what is kept of {case_id} is not what was signed. Make it anew with: {RUN} checkpoint --full"
        raise UnreadableFile(anchor.file.parent, None, reason) from error
    return proof


def check_newest(anchor: Anchor, proof: LogProof | None, events: Sequence[Event]) -> None:
    """Check that the proof leaves out none of a case's events, as the database has them, that the checkpoint covers.

    Raises UnreadableFile where it does: a list of cases is damaged, or an event was put in below what was signed. What
    the proof is about and the database lacks is none of this check's.
    """
    proven = 0
    if proof:
        places = [place for place, event in enumerate(events, 1) if event.event_hash == proof.event_hash.hex()]
        proven = places[-1] if places else len(events)
    for event in events[proven : proven + 1]:
        if (event.event_id or 0) <= anchor.last_event_id():
            reason = (
                f"event {event.event_id} of {event.case_id} is older than the newest checkpoint, but the lists of "
                f"cases (cases-000001) name none so new. Make them anew with: {RUN} checkpoint --full"
            )
            raise UnreadableFile(anchor.file.parent, None, reason)


def prove_growth(newest: Anchor, old: Anchor) -> ConsistencyProof:
    """Return the proof that the log of the newest checkpoint begins with all that an older one was signed over.

    Raises InvalidInput where the older one is not older, InvalidProof where its tree is another one: the key then
    signed two histories; and as `prove`.
    """
    size, old_size = newest.checkpoint.size, old.checkpoint.size
    if not 0 < old_size <= size:
        raise InvalidInput(f"{old.file} is of {old_size:,} events, but {newest.file} of {size:,}: it is not older.")
    hashes = _heads(newest, merkle.consistency_spans(old_size, size))
    proof = ConsistencyProof(old_size, tuple(hashes), newest.signed)
    proof.verify(old.checkpoint, newest.checkpoint)
    return proof


def verify_growth(data: bytes, name: Path | str, old: Anchor, key: VerifierKey) -> Checkpoint:
    """Verify a file's proof that the log with this key only grew since an older checkpoint, and return the newer one.

    Raises UnreadableFile where it is not written as one, NotSigned where the key did not sign its checkpoint, and
    InvalidProof where it does not prove it.
    """
    try:
        proof = signed_note.read_consistency_proof(data)
        new = read_signed(proof.checkpoint, name, key)
    except InvalidNote as error:
        raise UnreadableFile(name, None, str(error)) from error
    proof.verify(old.checkpoint, new)
    return new


def _heads(anchor: Anchor, spans: list[tuple[int, int]]) -> list[bytes]:
    """Return the head over each span of leaves, from tiles, or from all lines where there are no tiles."""
    if anchor.has_tiles():
        return anchor.read_tiles().heads(spans)
    return merkle.heads((bytes.fromhex(event_hash) for _, _, event_hash in anchor.lines()), spans)


def _newest_line(anchor: Anchor, case_id: str) -> tuple[int, str] | None:
    """Return where the case's newest event is and its hash, from all lines."""
    found = None
    for place, (_, owner, event_hash) in enumerate(anchor.lines()):
        if owner == case_id:
            found = place, event_hash
    return found


def _newest_leaf(anchor: Anchor, case_id: str) -> tuple[int, str] | None:
    """Return where the case's newest event is and its hash, from the lists of cases.

    Of a checkpoint that no list covers, because an older desk made it, the lines tell.
    """
    folders = anchor.folders()
    while True:
        lists = index.covering(folders)
        try:
            return _look_up(anchor, folders, lists, case_id)
        except UnreadableFile:
            if index.covering(folders) == lists:
                raise
            # a checkpoint that was made meanwhile has taken a list over


def _look_up(
    anchor: Anchor, folders: list[Path], lists: list[tuple[Path, Path | None]], case_id: str
) -> tuple[int, str] | None:
    for folder, file in lists:
        if file:
            if entry := index.find(file, case_id):
                return entry[1], entry[2]
            continue
        at = folders.index(folder)
        before = read_anchor(folders[at - 1] / CHECKPOINT, anchor.key).checkpoint.size if at else 0
        found = None
        for place, (_, owner, event_hash) in enumerate(lines.read(folder), before):
            if owner == case_id:
                found = place, event_hash
        if found:
            return found
    return None
