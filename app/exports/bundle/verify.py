"""Check a case bundle of the AML Case Desk on a machine without the desk: Python 3.9 or newer, and nothing else.

    python -I verify.py [BUNDLE] [--key VKEY] [--json]
    python -I verify.py FILE.tlog-consistency --since CHECKPOINT --key VKEY [--json]

BUNDLE is the zip, the folder it was unpacked into (by default the one this file is in), or an audit CSV alone. VKEY is
the bank's verifier key from where the bank publishes it, not from the bundle. The signature is checked where Python's
package `cryptography` is installed. -I keeps Python from running other files that lie beside this one.

A file that ends in .tlog-consistency is the bank's proof that its log only grew since CHECKPOINT, which you kept: "ok"
then says that every event of then is still in the log, unaltered and in its place, when the newer checkpoint in the
file was signed.

    exit code   verdict
    0           ok                      every check passed, with the key that you gave
    1           broken                  what is wrong stands above the verdict, a line a break
    2           unreadable              this is not a bundle as the desk writes it (or not a command as shown above)
    3           compare the key         every check passed, but with the bundle's own key
    3           signature not checked   every other check passed
    3           not anchored            no log proof: the events fit together, but could all have been rewritten

"ok" proves: from the first event to the anchored one, this is the history that stood in the bank's log when the bank
signed the log's checkpoint. None of those events was altered, removed, put in or moved since. It does NOT prove:

  - events after the anchored one, which are listed as "not yet anchored"
  - that whoever made the bundle left out no newer event: the proof speaks for one event and, through the chain, those
    before it. The bank's `verify --checkpoint`, or the event lines of the checkpoint itself, show the rest
  - that the key is the bank's, unless you compared it; or that its holder did not sign two histories: compare
    checkpoints with others who were given some
  - who sat at the keyboard: an event names the user who acted
  - the SAR summary, README.txt and people's names, which no hash covers, and the numbers in event_id, which only have
    to ascend
  - that THIS FILE is honest: who forges a bundle can put a verify.py of their own into it. Take it from the project, or
    from a bundle that you trust.
"""

from __future__ import annotations

import argparse
import binascii
import csv
import io
import json
import re
import struct
import sys
import zlib
from base64 import b64decode, b64encode
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn


class Event(NamedTuple):
    """A line of the audit CSV, each field as it was hashed; `event_id` is outside the hash."""

    event_id: int
    case_id: str
    ts: str
    user: str
    action: str
    notes: str
    meta: str
    prev_hash: str
    event_hash: str


class Break(NamedTuple):
    """One thing that is not as it should be. `event_id` is None where no single event is to blame."""

    event_id: int | None
    kind: str
    field: str
    expected: object
    found: object

    def __str__(self) -> str:
        where = "bundle" if self.event_id is None else f"event {self.event_id}"
        return f"{where}: {self.kind} {self.field}: expected {show(self.expected)}, found {show(self.found)}"


class Result(NamedTuple):
    """`anchored` counts events from the first; `lines` say for a person what was checked."""

    verdict: str
    message: str
    breaks: list[Break]
    anchored: int
    lines: list[str]


class Unreadable(Exception):
    """This is not written as the desk writes it; the text says why."""


# --- the chain: each event names the hash of the one before it ---

GENESIS = "0" * 64
TIME = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII)


def event_hash(event: Event, prev_hash: str) -> str | None:
    """SHA-256( prev_hash ␟ case_id ␟ ts ␟ user ␟ action ␟ notes ␟ meta ), UTF-8, in hex; ␟ is U+001F.

    None where a field holds ␟, as then two different events could have the same hash.
    """
    text = "\x1f".join((prev_hash, event.case_id, event.ts, event.user, event.action, event.notes, event.meta))
    try:
        return sha256(text.encode()).hexdigest() if text.count("\x1f") == 6 else None
    except UnicodeEncodeError:
        return None


def is_time(text: str) -> bool:
    """Whether it is written as the desk writes a time, and the calendar has that day."""
    try:
        return bool(TIME.fullmatch(text) and date.fromisoformat(text[:10]))
    except ValueError:
        return False


def check_chain(case_id: str, events: list[Event]) -> list[Break]:
    """Hashes, links, order and times."""
    breaks = []
    hashes = {event.event_hash for event in events} | {GENESIS}
    followed: set[str] = set()
    head: str = GENESIS  # the hash of the event before, as it stands there
    recomputed: str | None = GENESIS  # and as it should be
    for event in events:
        number, digest = event.event_id, event_hash(event, event.prev_hash)
        edited = digest != event.event_hash
        if event.prev_hash not in (head, recomputed):
            if edited and event_hash(event, head) == event.event_hash:
                kind, edited = "edited", False  # only the link: with the right one, the hash is right
            elif event.prev_hash in followed:
                kind = "forked"  # the second event to follow the same one
            elif event.prev_hash in hashes:
                kind = "out of order"
            else:
                kind = "missing"  # the event that it follows is not here
            breaks.append(Break(number, kind, "prev_hash", head, event.prev_hash))
        if edited:
            expected = digest or "fields that can be hashed"
            breaks.append(Break(number, "edited", "event_hash", expected, event.event_hash))
        if event.case_id != case_id:
            breaks.append(Break(number, "edited", "case_id", case_id, event.case_id))
        followed.add(event.prev_hash)
        head, recomputed = event.event_hash, digest
    for place in range(1, len(events)):
        one, later = events[place - 1], events[place]
        if later.ts < one.ts:
            breaks.append(Break(later.event_id, "backdated", "ts", f"{one.ts} or later", later.ts))
        if later.event_id <= one.event_id:
            breaks.append(Break(later.event_id, "out of order", "event_id", f"above {one.event_id}", later.event_id))
    for event in events:
        if not is_time(event.ts):
            breaks.append(Break(event.event_id, "edited", "ts", "a time like 2026-01-05T09:14:00.000000Z", event.ts))
    return breaks


# --- the changes: `meta` is JSON, and has [old, new] of every column of the case that the event changes ---

FACTS = "amount currency customer_id customer_name due_at opened_at qa_bucket risk risk_score typology"
NEW_CASE = {
    **dict.fromkeys(["disposition", "qa_result", "qa_notes", "filing", "bsa_id"], ""),
    **dict.fromkeys(["owner", "determined_at", "closed_at", "qa_reviewer", "qa_at", "sar_due_at", "filed_at"]),
    "status": "New",
}
RISKS = ["Low", "Medium", "High"]


def rank(column: str, value: object) -> Decimal | int:
    """How high a value is among those of a column that an alert may raise; -1 where the column cannot hold it."""
    if column == "risk_score":
        return value if type(value) is int and 0 <= value <= 100 else -1
    if column == "risk":
        return RISKS.index(str(value)) if value in RISKS else -1
    return Decimal(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,13}\.[0-9]{2}", value) else -1


def check_changes(case_id: str, events: list[Event]) -> list[Break]:
    """The first event opens the case, and every later one starts from the values that those before it left."""
    if not events:
        return [Break(None, "missing", "events", "an open event", "none")]
    first = events[0]
    facts = read_meta(first.meta).get("case")
    if first.action != "open" or not isinstance(facts, dict) or sorted(facts) != FACTS.split():
        return [Break(first.event_id, "edited", "meta", "an open event with the facts of the case", first.action)]
    breaks = []
    bucket, told = qa_bucket(case_id), facts["qa_bucket"]
    if type(told) is not int or told != bucket:
        breaks.append(Break(first.event_id, "edited", "qa_bucket", bucket, told))
    raised = {column: facts[column] for column in ("risk", "risk_score", "amount")}  # by an `alert` event alone
    case: dict[str, Any] = {**NEW_CASE, **raised}
    for event in events[1:]:
        meta = read_meta(event.meta)
        if event.action == "open" or (event.meta and not meta):
            breaks.append(Break(event.event_id, "edited", "meta", "a change of the case", event.meta))
        if event.action in ("qa_pass", "qa_fail"):
            meta.setdefault("qa_notes", ["", event.notes])  # where it is only this, meta leaves it out
        for column in [column for column in meta if column in case]:
            change = meta[column]
            if column in raised and event.action != "alert":
                breaks.append(Break(event.event_id, "edited", column, "a change that an alert makes", event.action))
                continue
            is_pair = isinstance(change, list) and len(change) == 2
            ranks = [rank(column, value) for value in change] if is_pair and column in raised else [0, 1]
            texts = column in raised or (is_pair and all(value is None or isinstance(value, str) for value in change))
            if not (is_pair and texts and min(ranks) >= 0):
                breaks.append(Break(event.event_id, "edited", column, "[old, new]", change))
                continue
            if type(change[0]) is not type(case[column]) or change[0] != case[column]:
                breaks.append(Break(event.event_id, "row differs", column, case[column], change[0]))
            if ranks[1] <= ranks[0]:
                breaks.append(Break(event.event_id, "edited", column, f"above {change[0]}", change[1]))
            case[column] = change[1]
    return breaks


def read_meta(text: str) -> dict[str, Any]:
    """An event's `meta`; empty where it is, is no JSON object, or nests more than 500 deep."""
    try:
        meta = {} if nests(text, 500) else read_json(text)
    except (ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def nests(text: str, levels: int) -> bool:
    """Whether a JSON opens more lists and objects within each other than this, also where a key that comes twice hides
    them."""
    depth = 0
    for sign in re.findall(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', text):  # each text as one, and each bracket
        depth += (sign in "[{") - (sign in "]}")
        if depth > levels:
            return True
    return False


def read_json(text: str) -> Any:
    """Raises ValueError for what is no JSON, RecursionError where it nests beyond reason."""

    def number(text: str) -> float:
        """A ValueError for NaN and Infinity, and for digits that newer Pythons refuse; older ones take hours."""
        if re.search("N|I|(?<![0-9])[0-9]{4301}", text):
            raise ValueError("this is not a number in JSON, or too long a one")
        return int(text) if re.fullmatch("-?[0-9]+", text) else float(text)

    return json.loads(text, parse_int=number, parse_float=number, parse_constant=number)


def qa_bucket(case_id: str) -> int:
    """ABS(CHECKSUM(case_id) % 10) in T-SQL: QA samples bucket 0, and nobody may deal a case another one.

    CHECKSUM: h = 0; for each UTF-16 code unit, h = rotl32(h, 4) XOR unit; then read as a signed number.
    """
    h = 0
    for (unit,) in struct.iter_unpack("<H", case_id.encode("utf-16-le", "surrogatepass")):
        h = (h << 4 & 0xFFFFFFFF | h >> 28) ^ unit
    return min(h, (1 << 32) - h) % 10


# --- the log: the bank signed the head of a tree whose leaves are the hashes of all events of all cases ---

HASH = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="  # 32 bytes in base 64, as it is written in one way only
NUMBER = "0|[1-9][0-9]{0,18}"
MAX_NOTE = 1_000_000  # bytes
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")

# A verifier key, c2sp.org/signed-note: name, key id, 0x01 || public key (Ed25519)
KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")

# c2sp.org/tlog-proof: the leaf's data, its number from 0, up to 63 hashes of the inclusion proof, the checkpoint
PROOF = re.compile(
    rf"""c2sp\.org/tlog-proof@v1
extra ({HASH})
index ({NUMBER})
((?:{HASH}\n){{0,63}})
(.*)""",
    re.DOTALL,
)

# A consistency proof: the older size, up to 63 hashes of PROOF(m, D[n]) in RFC 6962, 2.1.2, the newer checkpoint
CONSISTENCY = re.compile(
    rf"""aml-case-desk/consistency-proof@v1
old ({NUMBER})
((?:{HASH}\n){{0,63}})
(.*)""",
    re.DOTALL,
)

# c2sp.org/tlog-checkpoint, a signed note: origin, size and head of the log, perhaps further lines; then signatures
CHECKPOINT = re.compile(
    rf"""((.+)
({NUMBER})
({HASH})
(?:.+\n)*)
((?:— [^\s+]+ [A-Za-z0-9+/=]+\n){{1,100}})"""
)


class Key(NamedTuple):
    text: str
    name: str
    key_id: str
    public: bytes


class Checkpoint(NamedTuple):
    """`note` is the text that was signed."""

    note: bytes
    origin: str
    size: int
    head: bytes
    signatures: list[tuple[str, str, bytes]]  # name, key id, signature


class Proof(NamedTuple):
    """`data` are those of a leaf, `place` is its number; the rest is of the checkpoint."""

    data: bytes
    place: int
    hashes: list[bytes]
    note: bytes
    origin: str
    size: int
    head: bytes
    signatures: list[tuple[str, str, bytes]]


def read_key(text: str) -> Key:
    """Key id = SHA-256(name || 0x0A || 0x01 || public key)[:4], in hex."""
    found = KEY.fullmatch(text)
    if found and text.isprintable():
        name, key_id, data = found[1], found[2], b64decode(found[3])
        if data[0] == 1 and sha256(name.encode() + b"\n" + data).hexdigest()[:8] == key_id:
            return Key(text, name, key_id, data[1:])
    raise Unreadable(f"{show(text)} is not a verifier key like name+a1b2c3d4+..., copied whole")


def read_proof(text: str) -> Proof:
    """Nothing is verified yet."""
    proof = PROOF.fullmatch(text)
    if not proof or CONTROL.search(text):
        raise Unreadable("the log proof is not written as one")
    checkpoint = read_checkpoint(proof[4], "the checkpoint in the log proof")
    return Proof(b64decode(proof[1]), int(proof[2]), [b64decode(line) for line in proof[3].splitlines()], *checkpoint)


def read_checkpoint(text: str, what: str) -> Checkpoint:
    """Nothing is verified yet; `what` it is stands in the refusal."""
    checkpoint = CHECKPOINT.fullmatch(text) if len(text.encode()) <= MAX_NOTE else None
    if not checkpoint or int(checkpoint[3]) >= 1 << 63:
        raise Unreadable(f"{what} is not written as one")
    signatures = []
    for name, signature in re.findall(r"— (\S+) (\S+)\n", checkpoint[5]):
        try:
            data = b64decode(signature, validate=True)
        except binascii.Error:
            data = b""
        if len(data) < 5 or b64encode(data).decode() != signature:
            raise Unreadable(f"{show(signature)} is not a signature")
        signatures.append((name, data[:4].hex(), data[4:]))
    note, origin, size, head = checkpoint[1].encode(), checkpoint[2], int(checkpoint[3]), b64decode(checkpoint[4])
    return Checkpoint(note, origin, size, head, signatures)


def head_of_tree(proof: Proof) -> str:
    """The head, in hex, of the tree that has the leaf in its place according to the proof; or why there is none.

    RFC 6962, 2.1: leaf hash = SHA-256(0x00 || data), node hash = SHA-256(0x01 || left || right).
    The algorithm and its names are those of RFC 9162, 2.1.3.2.
    """
    fn, sn, r = proof.place, proof.size - 1, sha256(b"\x00" + proof.data).digest()
    if fn > sn:
        return f"no leaf {fn} in a tree of {proof.size}"
    for p in proof.hashes:
        if sn == 0:
            return "a proof higher than the tree"
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return r.hex() if sn == 0 else "a proof lower than the tree"


def is_signed(proof: Proof | Checkpoint, key: Key) -> bool | None:
    """Whether there is a signature of the key's name and id, and each such is good. None: that cannot be told."""
    of_key = [data for name, key_id, data in proof.signatures if (name, key_id) == (key.name, key.key_id)]
    if proof.origin != key.name or not of_key or any(len(data) != 64 for data in of_key):
        return False
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    try:
        for signature in of_key:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, proof.note)
    except UnsupportedAlgorithm:
        return None
    except InvalidSignature:
        return False
    return True


# --- all checks of a case ---


def verify(
    case_id: str,
    events: list[Event],
    proof: str | None = None,
    bundle_key: str | None = None,
    given_key: str | None = None,
    page: bytes | None = None,
) -> Result:
    """`proof`, `bundle_key` and `page` are those of the bundle, `given_key` is from outside. Nothing is raised."""
    try:
        log = None if proof is None else read_proof(proof)
        own = None if bundle_key is None else read_key(bundle_key)
        given = None if given_key is None else read_key(given_key.strip())
    except Unreadable as error:
        return Result("unreadable", str(error), [], 0, [])
    checks = Checks()
    checks.chain("hashes, links, order and times of the events", check_chain(case_id, events))
    checks.chain("every change starts from the values before it", check_changes(case_id, events))
    anchored, signed = check_log(checks, events, log, own, given) if log else (0, None)
    if page is not None:
        told = {"case_id": case_id, "events": [event._asdict() for event in events], "proof": proof, "key": bundle_key}
        same = "the events, proof and key of this bundle"
        checks.one(f"audit.html holds {same}", page_says(page, told), "edited", "audit.html", same, "others")
    message = f"{show(case_id)}, {len(events)} events"
    if log and not checks.breaks:
        checks.lines += [f"event {event.event_id}: not yet anchored" for event in events[anchored:]]
        message += f", anchored up to event {events[anchored - 1].event_id} in the log {show(log.origin)} of {log.size}"
    key = given or own
    signer = printable(key.text) if key else ""
    if checks.breaks:
        verdict, message = "broken", f"{message}, {len(checks.breaks)} breaks"
    elif not log:
        verdict, message = "not anchored", f"{message}: without a log proof, all of them could have been rewritten"
    elif not signed:
        verdict, message = "signature not checked", f"{message}; whether {signer} signed it is open"
    elif not given:
        verdict, compare = "compare the key", "compare with the bank's published key (--key)"
        message = f"{message}, signed by {signer}: {compare}"
    else:
        verdict, message = "ok", f"{message}, signed by the key that you gave"
    return Result(verdict, message, checks.breaks, anchored, checks.lines)


class Checks:
    """What was checked: a line for a person on each check, and the breaks."""

    def __init__(self) -> None:
        self.breaks: list[Break] = []
        self.lines: list[str] = []

    def one(self, what: str, passed: bool, kind: str, field: str, expected: str, found: str) -> None:
        self.lines.append(f"{'ok' if passed else 'BROKEN':8}{what}")
        if not passed:
            self.breaks.append(Break(None, kind, field, expected, found))

    def chain(self, what: str, found: list[Break]) -> None:
        self.lines.append(f"{'BROKEN' if found else 'ok':8}{what}")
        self.breaks += found

    def signature(self, what: str, log: Proof | Checkpoint, key: Key | None) -> bool | None:
        """Whether the key signed it; None where that cannot be told."""
        signed = is_signed(log, key) if key else False
        by = f"a signature by {key.text if key else 'a known key'}"
        claimed = ", ".join(f"{name}+{key_id}" for name, key_id, _ in log.signatures)
        self.one(f"{what} has {printable(by)}", signed is not False, "not signed", "signature", by, claimed)
        if signed is None:
            self.lines[-1] = (
                "SKIPPED the signature: Python's package cryptography is not there (-I hides one installed with --user)"
            )
        return signed


def check_log(
    checks: Checks, events: list[Event], log: Proof, own: Key | None, given: Key | None
) -> tuple[int, bool | None]:
    """How many events the proof anchors, and whether its checkpoint is signed (None: that cannot be told)."""
    if given:
        enclosed = own.text if own else "none"
        checks.one("the bundle names the key that you gave", given == own, "not signed", "key", given.text, enclosed)
    signed = checks.signature("the checkpoint", log, given or own)
    head, leaf, reached = log.head.hex(), log.data.hex(), head_of_tree(log)
    checks.one("the proof leads to the head of the log", reached == head, "not in the log", "head", head, reached)
    place = max((place for place, event in enumerate(events, 1) if event.event_hash == leaf), default=0)
    checks.one("the proof is about an event of this case", place > 0, "not in the log", "event_hash", leaf, "none")
    return (place if reached == head else 0), signed


# --- that the log only grew ---


def verify_growth(path: Path, since: Path | None, given_key: str | None) -> Result:
    """Check a consistency proof against the older checkpoint in the file `since`. Nothing is raised."""
    try:
        if since is None or given_key is None:
            raise Unreadable("a consistency proof is checked with both: --since CHECKPOINT and --key VKEY")
        key = read_key(given_key.strip())
        text = read_text(path)
        found = CONSISTENCY.fullmatch(text)
        if not found or CONTROL.search(text):
            raise Unreadable(f"{show(path.name)} is not written as a consistency proof")
        new = read_checkpoint(found[3], "the checkpoint in the consistency proof")
        old = read_checkpoint(read_text(since), show(since.name))
    except Unreadable as error:
        return Result("unreadable", str(error), [], 0, [])
    except OSError as error:
        return Result("unreadable", f"a file cannot be read: {show(error.strerror)}", [], 0, [])
    checks = Checks()
    signed = [
        checks.signature("the older checkpoint", old, key),
        checks.signature("the newer checkpoint", new, key),
    ]
    told = f"the older checkpoint is of the {found[1]} events that the proof is about"
    checks.one(told, old.size == int(found[1]), "not in the log", "size", found[1], str(old.size))
    reached = heads_of_trees(old, new, [b64decode(line) for line in found[2].splitlines()])
    heads = f"{old.head.hex()} and {new.head.hex()}"
    checks.one("the proof leads to both heads", reached == heads, "not in the log", "head", heads, reached)
    message = f"the log {show(old.origin)} from {old.size} to {new.size} events"
    if checks.breaks:
        verdict, message = "broken", f"{message}, {len(checks.breaks)} breaks"
    elif None in signed:
        verdict, message = "signature not checked", f"{message}; whether {printable(key.text)} signed both is open"
    else:
        verdict, message = "ok", f"{message} only grew, signed by the key that you gave"
    return Result(verdict, message, checks.breaks, 0, checks.lines)


def heads_of_trees(old: Checkpoint, new: Checkpoint, hashes: list[bytes]) -> str:
    """The heads, in hex, of the two trees of which the first begins the second, as the proof has it; or why it cannot.

    The algorithm and its names are those of RFC 9162, 2.1.4.2.
    """
    first, second = old.size, new.size
    if not 0 < first <= second:
        return f"a tree of {first} is not the beginning of one of {second}"
    if first == second:
        return f"{new.head.hex()} and {new.head.hex()}" if not hashes else "a proof where none is needed"
    path = [old.head, *hashes] if first & (first - 1) == 0 else hashes
    if not path:
        return "an empty proof"
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return "a proof higher than the tree"
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\x01" + c + fr).digest(), sha256(b"\x01" + c + sr).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return f"{fr.hex()} and {sr.hex()}" if sn == 0 else "a proof lower than the tree"


def read_text(path: Path) -> str:
    try:
        return read_file(path, MAX_BYTES).decode()
    except UnicodeDecodeError:
        raise Unreadable(f"{show(path.name)} is not UTF-8 text") from None


def page_says(page: bytes, expected: dict[str, Any]) -> bool:
    """Whether these are the page's data. (What its script makes of them is not checked.)"""
    try:
        _, data = page.decode("utf-8", "replace").split('<script type="application/json" id="bundle">')
        embedded = read_json(data.partition("</script>")[0])
        told = {name: embedded[name] for name in expected}
        return json.dumps(told, sort_keys=True) == json.dumps(expected, sort_keys=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


# --- reading what somebody else made ---

MAX_BYTES = 64 * 1024 * 1024
MAX_FIELD = 16 * 1024 * 1024  # characters
CASE_ID = "AML-[0-9A-HJKMNP-TV-Z]{8}"
NAMES = re.compile(
    rf"audit_({CASE_ID})\.csv|case_({CASE_ID})\.md|({CASE_ID})\.tlog-proof"
    r"|verifier-key\.txt|verify\.py|audit\.html|README\.txt"
)
NOT_A_ZIP = "this is not a zip as the desk packs it (unpack it, and check the folder)"


def verify_bundle(path: Path, given_key: str | None = None) -> Result:
    """Check what is at a path: a zip, a folder or an audit CSV. Nothing is raised."""
    try:
        named = set(re.findall(CASE_ID, path.name))
        if path.is_dir():
            return verify_files(read_folder(path), given_key, set())
        data = read_file(path, MAX_BYTES)
        if data[:2] == b"PK":
            return verify_files(read_zip(data), given_key, named)
        events = read_csv(data)
        return verify(named.pop() if len(named) == 1 else events[0].case_id, events, given_key=given_key)
    except Unreadable as error:
        return Result("unreadable", str(error), [], 0, [])
    except OSError as error:
        return Result("unreadable", f"{show(str(path))} cannot be read: {show(error.strerror)}", [], 0, [])


def verify_files(files: dict[str, bytes], given_key: str | None, named: set[str]) -> Result:
    """Check the files of a bundle; `named` are the cases that it is named after."""
    case_ids = {found[found.lastindex] for found in map(NAMES.fullmatch, files) if found and found.lastindex}
    if len(case_ids | named) != 1:
        raise Unreadable(f"its name and files are of {' and '.join(sorted(case_ids | named)) or 'no case'}, not of one")
    (case_id,) = case_ids | named
    if f"audit_{case_id}.csv" not in files:
        raise Unreadable(f"it holds no audit_{case_id}.csv")
    events = read_csv(files[f"audit_{case_id}.csv"])
    proof, key = f"{case_id}.tlog-proof", "verifier-key.txt"
    try:
        texts = {name: files[name].decode() for name in (proof, key) if name in files}
    except UnicodeDecodeError:
        raise Unreadable("the log proof or the key is not UTF-8 text") from None
    if not texts.get(key, "\n").endswith("\n"):
        raise Unreadable("verifier-key.txt does not end in a newline")
    own = texts[key][:-1] if key in texts else None
    result = verify(case_id, events, texts.get(proof), own, given_key, files.get("audit.html"))
    others = sorted(files.keys() - {f"audit_{case_id}.csv", proof, key, "audit.html"})
    if others and result.lines:
        result.lines.append(f"SKIPPED {', '.join(others)}: no hash covers what is there to read or to run")
    return result


def read_csv(data: bytes) -> list[Event]:
    """The events of an audit CSV: UTF-8 with byte order mark, every field quoted, CRLF, and an apostrophe before what
    a spreadsheet would run as a formula. Any other way of writing is refused, so that all programs read it alike.
    """
    csv.field_size_limit(MAX_FIELD)
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    events: list[Event] = []
    try:
        text = data.decode()
        records = csv.reader(io.StringIO(text[1:], newline=""), strict=True)
        if text[:1] != "\ufeff" or next(records, None) != list(Event._fields):
            raise Unreadable("the audit CSV does not start with a byte order mark and the names of the columns")
        writer.writerow(Event._fields)
        for record in records:
            fields = [field[1:] if field[:1] == "'" else field for field in record]
            if len(fields) != 9 or not re.fullmatch("[1-9][0-9]{0,14}", fields[0]):
                raise Unreadable(f"event {len(events) + 1} in the audit CSV has no number, or not nine fields")
            events.append(Event(int(fields[0]), *fields[1:]))
            writer.writerow(["'" + field if re.match("[=+@\t\r\n'-]", field) else field for field in fields])
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"the audit CSV cannot be read: {error}") from None
    if not events or any(events[place].event_id <= events[place - 1].event_id for place in range(1, len(events))):
        raise Unreadable("the audit CSV holds no events, or their numbers do not ascend")
    if written.getvalue() != text[1:]:
        raise Unreadable("the audit CSV is not written as the desk writes it")
    return events


def read_file(path: Path, limit: int) -> bytes:
    if path.exists() and not path.is_file():
        raise Unreadable(f"{show(path.name)} is not a file")
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Unreadable(
            f"it holds more than {limit >> 20} MiB" if limit >= 1 << 20 else f"it holds more than {limit:,} bytes"
        )
    return data


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a bundle in a folder. Others are not looked at."""
    files: dict[str, bytes] = {}
    for path in folder.iterdir():
        if NAMES.fullmatch(path.name):
            if path.is_symlink():
                raise Unreadable(f"{path.name} is a link")
            files[path.name] = read_file(path, MAX_BYTES - sum(map(len, files.values())))
    return files


def read_zip(data: bytes) -> dict[str, bytes]:
    """The files in a zip that is, but for the deflated streams, byte for byte what the desk packs for them.

    A zip says everything two or three times: before each file, in the directory, at the end, in fields that one program
    obeys and the next does not know. Who can make them differ can show other files to other programs. So nothing of the
    directory is obeyed: the files are read one after the other, and what has to follow the last one is made of them.
    """
    if is_another_archive(data):
        raise Unreadable("some programs would take it for an archive of another kind, with other files in it")
    files: dict[str, bytes] = {}
    at, room = 0, MAX_BYTES
    directories = [b"", b""]  # as the desk writes it on Windows, and elsewhere
    while data[at : at + 4] == b"PK\x03\x04":
        checksum, packed, size, length = struct.unpack_from("<14x3LH2x", data.ljust(at + 30, b"\0"), at)
        start = at + 30 + length
        name, stream = data[at + 30 : start].decode("ascii", "replace"), data[start : start + packed]
        if not NAMES.fullmatch(name) or name in files:
            raise Unreadable(f"it holds {show(name)}, or holds it twice")
        inflater = zlib.decompressobj(-15)
        try:
            content = inflater.decompress(stream, room + 1)
        except zlib.error:
            raise Unreadable(NOT_A_ZIP) from None
        room -= len(content)
        if room < 0:
            raise Unreadable("it holds more than 64 MiB")
        # Version 2.0, no flags, deflated, 00:00 on 1 January 1980; checksum, sizes, length of the name; no extra field.
        said = struct.pack("<5H3L2H", 20, 0, 8, 0, 33, checksum, packed, size, length, 0)
        whole = inflater.eof and not inflater.unused_data and len(stream) == packed
        if not whole or data[at + 4 : at + 30] != said or (zlib.crc32(content), len(content)) != (checksum, size):
            raise Unreadable(NOT_A_ZIP)
        files[name] = content
        for place, system in enumerate((0, 3)):
            # No comment, the first disk, no text file, mode 0600, where the file is.
            rest = struct.pack("<3H2L", 0, 0, 0, 0o600 << 16, at)
            directories[place] += b"PK\x01\x02" + bytes((20, system)) + said + rest + name.encode()
        at = start + packed
    for directory in directories:
        # The only disk, how many files, where their directory is, no comment.
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(files), len(files), len(directory), at, 0)
        if data[at:] == directory + end:
            return files
    raise Unreadable(NOT_A_ZIP)


def is_another_archive(data: bytes) -> bool:
    """Say whether it has the signs by which a tar or a disc image is known, which need not stand at its start.

    A tar: the eight digits of a checksum at 148 (POSIX ustar). A disc: its volumes, 2,048 bytes each from 32,768 on,
    say CD001, NSR0 or BEA01 after their first byte (ECMA-119, ECMA-167).
    """
    signs = {data[place : place + 4] for place in range(32_769, len(data), 2_048)}
    return not data[148:156].strip(b"01234567 \0") or not signs.isdisjoint({b"CD00", b"NSR0", b"BEA0"})


# --- what a person reads ---


def printable(text: str) -> str:
    """What does not print (it could move the cursor, or turn the line around) becomes an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show(value: object) -> str:
    """A value on one line, at most 200 characters of it."""
    text = printable((value if isinstance(value, str) and value else repr(value))[:201])
    return text if len(text) <= 200 else text[:200] + "…"


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """The message repeats what was typed, such as the name of a file that somebody else chose."""
        super().error(printable(message))


def main() -> int:
    parser = Parser(prog="verify.py", description="Check a case bundle of the AML Case Desk.")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).absolute().parent, metavar="BUNDLE")
    parser.add_argument("--key", metavar="VKEY", help="the bank's verifier key, from where the bank publishes it")
    parser.add_argument("--since", type=Path, metavar="CHECKPOINT", help="what the log is proven to have grown from")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    if options.since or options.bundle.suffix == ".tlog-consistency":
        result = verify_growth(options.bundle, options.since, options.key)
    else:
        result = verify_bundle(options.bundle, options.key)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.json:
        breaks = [found[:3] for found in result.breaks]
        said = {"verdict": result.verdict, "breaks": breaks, "anchored": result.anchored, "message": result.message}
        print(json.dumps(said))
    else:
        told = [*map(str, result.breaks), *result.lines, f"verdict: {result.verdict}: {result.message}"]
        print(*map(printable, told), sep="\n")
    return {"ok": 0, "broken": 1, "unreadable": 2}.get(result.verdict, 3)


if __name__ == "__main__":
    sys.exit(main())
