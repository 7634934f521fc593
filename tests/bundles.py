"""Bundles made without the desk's own packing, and what somebody could do to them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

from app.database import Database
from app.exports import audit_csv, bundle, case_export
from app.exports.case_export import Made
from app.log import merkle, signed_note
from app.log.checkpoint import Log
from app.log.signed_note import LogProof, SigningKey
from app.models import EVENT_COLUMNS, Event
from tests import lives
from tests.lives import SAMPLED_ID, full_life, rehashed

OTHER_SAMPLED_ID = "AML-7F3KQ004"
KEY = signed_note.signing_key("desk.example/log", bytes(range(32)))
OTHER_KEY = signed_note.signing_key("desk.example/log", bytes(32))
VKEY, OTHER_VKEY = str(KEY.verifier), str(OTHER_KEY.verifier)
LEAVES = 200


def bundled(desk: Database, case_id: str, log: Log | None) -> Made:
    """The bundle of a case as it is exported: what is signed of it is read before the case."""
    newest = log.newest() if log else None
    return bundle.make(case_export.read(desk, case_id), log.key if log else None, newest)


def placed(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events of a case where they stand among those of other cases."""
    return tuple(replace(event, event_id=8 + 14 * number) for number, event in enumerate(events))


def prove(events: Sequence[Event], size: int = LEAVES, key: SigningKey = KEY) -> str:
    """The proof of the newest of them in the log at this size, signed."""
    leaves = [sha256(b"%d" % number).digest() for number in range(LEAVES)]
    for event in events:
        leaves[(event.event_id or 0) - 1] = bytes.fromhex(event.event_hash)
    tree = merkle.Tree()
    for leaf in leaves[:size]:
        tree.append(leaf)
    index = max(event.event_id or 0 for event in events if (event.event_id or 0) <= size) - 1
    checkpoint = key.sign(signed_note.Checkpoint(key.verifier.name, size, tree.head()).text)
    path = tuple(merkle.inclusion_proof(leaves, index, size))
    return bytes(LogProof(leaves[index], index, path, checkpoint.encode())).decode()


def page_of(case_id: str, events: Iterable[Event], proof: str | None, key: str | None) -> bytes:
    lines = ",\n".join(json.dumps({column: getattr(event, column) for column in EVENT_COLUMNS}) for event in events)
    rest = json.dumps({"case_id": case_id, "names": {"a.nguyen": "Anh Nguyễn"}, "key": key, "proof": proof})
    data = f'{rest[:-1]}, "events": [\n{lines}\n]}}'
    for sign in "<>&\u2028\u2029":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return f'<!doctype html><script type="application/json" id="bundle">{data}</script><p>…</p>'.encode()


def files_of(
    events: Sequence[Event], proof: str | None = None, key: str | None = VKEY, case_id: str = SAMPLED_ID
) -> dict[str, bytes]:
    proofs = {} if proof is None else {f"{case_id}.tlog-proof": proof.encode()}
    keys = {} if key is None else {"verifier-key.txt": f"{key}\n".encode()}
    return {
        f"audit_{case_id}.csv": audit_csv.write_csv(events),
        f"case_{case_id}.md": b"# SAR summary\n",
        **proofs,
        **keys,
        "verify.py": b"print('verdict: ok')\n",
        "audit.html": page_of(case_id, events, proof, key),
        "README.txt": b"How to check\n",
    }


def zipped(
    files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED, level: int | None = None, system: int = 3
) -> bytes:
    """As desks have always packed them, on Windows too (system 0). With level 0, the bytes stand there as they are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = system
            archive.writestr(entry, data, method, level)
    return packed.getvalue()


EVENTS = placed(full_life().events)
PROOF = prove(EVENTS)
FILES = files_of(EVENTS, PROOF)
ZIP = zipped(FILES)
ZIP_NAME = f"{SAMPLED_ID}.zip"
NUMBERS = range(len(EVENTS))


def tampered(event: Event, name: str, value: Any) -> Event:
    return replace(event, **{name: value})


TEXTS = [field.name for field in fields(Event) if field.name != "event_id"]


def small_attacks() -> Iterator[tuple[str, list[Event]]]:
    """On every event, with the numbers left as they were."""
    events, others = list(EVENTS), placed(full_life(OTHER_SAMPLED_ID).events)
    later = full_life()
    lives.note(later, "Second thoughts.")
    for number, event in enumerate(events):
        before, after = events[:number], events[number + 1 :]
        yield "deleted", before + after
        yield "doubled", [*before, event, event, *after]
        yield "swapped", [*before, *after[:1], event, *after[1:]]
        yield "forked", [*before, event, replace(later.events[-1], prev_hash=event.prev_hash, event_id=9), *after]
        yield "backdated", [*before, replace(event, ts="2026-01-01T00:00:00.000000Z"), *after]
        yield "redone", rehashed([*before, replace(event, notes="Nothing to see."), *after])
        yield "of another case", [*before, others[number], *after]
        for name in TEXTS:
            value = getattr(event, name)
            for other in (value + " ", value[1:] if value else "x", value[:-1] + "\x1f", "\ud800"):
                yield name, [*before, tampered(event, name, other), *after]
