"""The hash chain of a case: how an event is written, and how every break is found. Pure; no I/O.

    event_hash = SHA-256( prev_hash ␟ case_id ␟ ts ␟ user ␟ action ␟ notes ␟ meta )

in lower-case hex, over the UTF-8 bytes of the seven fields joined by ␟ (U+001F). The first prev_hash of a
case is 64 zeros. No field may hold ␟, so the formula is injective: two different events never hash alike
because their fields ran together. `meta` is empty or canonical JSON and is hashed as the text that is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson

from app import sampling
from app.errors import InvalidText
from app.models import COLUMNS, Action, Break, BreakKind, Case, Event, Kind, Risk, search_text

GENESIS = "0" * 64
NO_COLUMN = "no such column"
SEPARATOR = "\x1f"

FACTS = tuple(sorted(column.name for column in COLUMNS if column.kind in (Kind.FACT, Kind.RAISED)))
"""What the `open` event says of the case."""

RAISED = tuple(column.name for column in COLUMNS if column.kind is Kind.RAISED)
"""What of it a later `alert` event may raise."""

UNOPENED: Mapping[str, str | None] = {column.name: column.first for column in COLUMNS if column.kind is Kind.STATE}
"""What every case starts from; later events change these columns."""


_OPEN, _ALERT, _VERDICTS = Action.OPEN, Action.ALERT, (Action.QA_PASS, Action.QA_FAIL)
"""Looked up once: that takes longer than the comparison."""
_RANKS: Mapping[Any, int] = {risk.value: rank for rank, risk in enumerate(Risk)}
_AMOUNT = re.compile(r"[0-9]{1,13}\.[0-9]{2}")
_CHANGED = frozenset((*UNOPENED, *RAISED))
MAX_KEY = 200
"""UTF-16 units in what a case is found by."""

DIGITS = 4300
"""How many digits in a row a number in `meta` may have: more of them, Python does not read."""
_LONG = re.compile(rf"(?<![0-9])[0-9]{{{DIGITS + 1}}}")


def _number(text: str) -> float:
    """Read a number in JSON. Raises ValueError for one that is too long, and for NaN and Infinity, as JSON has none."""
    if text.endswith(("N", "y")) or _LONG.search(text):
        raise ValueError(f"{text[:40]!r} is not a number that every program reads")
    return int(text) if text.lstrip("-").isdecimal() else float(text)


_META = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_number)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
LEVELS = 500
"""How deep `meta` may nest: every reader of it gets there, however deep in calls that reader is."""
_SIGNS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
"""Each text of a JSON as one, and each bracket."""
_TS = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def format_ts(moment: datetime) -> str:
    """Write an aware datetime as the formula writes it: 2026-01-05T09:14:00.000000Z (UTC, microseconds)."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def parse_ts(text: str) -> datetime:
    """Read what `format_ts` writes. Raises ValueError for any other form, and for a day that no calendar has."""
    if not _TS.fullmatch(text):
        raise ValueError(f"{text!r} is not a UTC time like 2026-01-05T09:14:00.000000Z")
    return datetime.fromisoformat(text)


def is_time(value: Any) -> bool:
    """Tell whether it is what `format_ts` writes."""
    try:
        parse_ts(value)
    except (TypeError, ValueError):
        return False
    return True


def canonical(value: object) -> Any:
    """Return a column's value as `meta` holds it: money with two places, times as in the formula, NULL as null."""
    if value is None or type(value) in (str, int):
        return value
    if isinstance(value, datetime):
        return format_ts(value)
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.value if isinstance(value, StrEnum) else value


def canonical_json(value: Mapping[str, Any]) -> str:
    """Write JSON with sorted keys, no spaces, not ASCII-escaped; an empty mapping is the empty text.

    Raises ValueError where it could not be read back: for NaN, and where it nests deeper than `LEVELS`.
    """
    if not value:
        return ""
    try:
        text = _CANONICAL.encode(value)
    except RecursionError:
        text = ""
    if not text or (_may_nest(text) and not _read(text)):
        raise ValueError(f"it nests more than {LEVELS} deep")
    return text


def clean_text(field: str, text: str) -> str:
    r"""Return the text with `\n` for each `\r\n`, and nothing else changed.

    Raises InvalidText for a control character other than tab and newline, or for a lone surrogate.
    """
    text = text.replace("\r\n", "\n")
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise InvalidText(field, f"holds a character (U+{ord(found[0]):04X}) that cannot be kept", found.start())
    return text


def event_hash(prev_hash: str, case_id: str, ts: str, user: str, action: str, notes: str, meta: str) -> str:
    """Return the hash of the formula above, in lower-case hex."""
    fields = (prev_hash, case_id, ts, user, action, notes, meta)
    return sha256(SEPARATOR.join(fields).encode()).hexdigest()


def link(prev_hash: str, case_id: str, ts: str, user: str, action: str, notes: str, meta: str) -> Event:
    """Return the event that follows `prev_hash`. Raises InvalidText where a field cannot be carried."""
    case_id = clean_text("case id", case_id)
    user = clean_text("user", user)
    action = clean_text("action", action)
    notes = clean_text("note", notes)
    meta = clean_text("details", meta)
    digest = event_hash(prev_hash, case_id, ts, user, action, notes, meta)
    return Event(case_id, ts, user, action, notes, meta, prev_hash, digest)


def open_chain(case: Case, user: str, evidence: Mapping[str, Any]) -> tuple[Case, Event]:
    """Open a new case at its `opened_at`, with `evidence` (alert, transactions …) under the hash: its row and event."""
    facts = {column: canonical(getattr(case, column)) for column in FACTS}
    meta = canonical_json({**evidence, "case": facts})
    event = link(GENESIS, case.case_id, format_ts(case.opened_at), user, Action.OPEN.value, "", meta)
    return replace(case, event_count=1, head_hash=event.event_hash), event


def append(
    case: Case,
    user: str,
    ts: str,
    action: str,
    notes: str,
    columns: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> tuple[Case, Event]:
    """Return the case after its next event, and that event.

    `columns` are the case's new values; `meta` keeps [old, new] of those that differ. Left out is `qa_notes`
    where it goes from empty to the event's own notes: they stand there already. `facts` stand in `meta` beside them.
    """
    meta = dict(facts)
    for column, new in columns.items():
        old = getattr(case, column)
        if old != new and (column, old, new) != ("qa_notes", "", notes):
            meta[column] = [canonical(old), canonical(new)]
    event = link(case.head_hash, case.case_id, ts, user, action, notes, canonical_json(meta))
    return replace(case, **columns, event_count=case.event_count + 1, head_hash=event.event_hash), event


StoredEvent = Sequence[Any]
"""A row of `case_events`, its time as the text that was hashed; values of any type, as a store may hand out.

What verifies takes the row or the `Event`: both unpack in the order of the columns.
"""


def verify(
    case_id: Any,
    events: Sequence[Event | StoredEvent],
    row: Mapping[str, Any] | None,
    alerts: Mapping[str, str] | None = None,
) -> list[Break]:
    """Return every break of one case, its events in `event_id` order, against its row of `cases` and its alerts' keys.

    `row` holds each column of `cases` as `canonical` writes it, or is None where the row is gone. `alerts` are the keys
    of the case's alerts, each with the id of the case that it names; None where nothing is said of them. Whatever a
    store hands out is judged, values of any type among it; nothing is raised.
    """
    if case_id != show(case_id):
        return [Break(show(case_id), None, BreakKind.EDITED, "case_id", "a text", show(case_id))]
    breaks = verify_links(case_id, events)
    state, differences, told = _fold(case_id, events)
    breaks += differences
    if alerts is not None and alerts != dict.fromkeys(told, case_id):
        breaks += _keys_differ(case_id, told, alerts)
    if row is None:
        return [*breaks, Break(case_id, None, BreakKind.ROW_DIFFERS, "case", "a row in cases", "none")]
    head = GENESIS
    if events:
        *_, head = events[-1]
    for column, found in (("event_count", len(events)), ("head_hash", head)):
        told = row.get(column, NO_COLUMN)
        if not _same(told, found):
            breaks.append(Break(case_id, None, BreakKind.TRUNCATED, column, show(told), show(found)))
    for column, expected in state.items():
        told = row.get(column, NO_COLUMN)
        if not _same(told, expected):
            breaks.append(Break(case_id, None, BreakKind.ROW_DIFFERS, column, show(expected), show(told)))
    return breaks


def _keys_differ(case_id: str, told: Mapping[str, Any], alerts: Mapping[str, str]) -> list[Break]:
    """Return a break for each alert of the events whose key does not name the case, and each key that has no event."""
    breaks = []
    for alert_id, event_id in told.items():
        named = alerts.get(alert_id, "no key")
        if named != case_id:
            breaks.append(Break(case_id, event_id, BreakKind.KEY_DIFFERS, show(alert_id), case_id, show(named)))
    for alert_id, named in alerts.items():
        if named == case_id and alert_id not in told:
            expected = "an event that tells the alert"
            breaks.append(Break(case_id, None, BreakKind.KEY_DIFFERS, show(alert_id), expected, "none"))
    return breaks


def event_of(stored: StoredEvent) -> Event:
    """Return the event as it is stored."""
    event_id, case_id, ts, user, action, notes, meta, prev_hash, event_hash = stored
    return Event(case_id, ts, user, action, notes, meta, prev_hash, event_hash, event_id)


def verify_links(case_id: str, events: Sequence[Event | StoredEvent]) -> list[Break]:
    """Return what is wrong with one case's events, in the order in which they are stored.

    The breaks of hashes and links come first, then those of order, then those of times.
    """
    links: list[Break] = []
    order: list[Break] = []
    times: list[Break] = []

    def found(breaks: list[Break], event_id: Any, kind: BreakKind, field: str, expected: object, seen: object) -> None:
        breaks.append(Break(case_id, event_id, kind, field, show(expected), show(seen)))

    hashes: set[Any] = set()
    followed: set[Any] = set()
    head: str = GENESIS  # the hash of the event before, as it stands there
    recomputed: str | None = GENESIS  # and as it should be
    earlier_id = earlier_ts = None
    for number, event in enumerate(events):
        event_id, event_case_id, ts, user, action, notes, meta, prev_hash, event_hash = event
        digest = _recompute(prev_hash, event_case_id, ts, user, action, notes, meta)
        edited = digest is None or digest != event_hash
        if prev_hash not in (head, recomputed):
            hashes = hashes or {GENESIS, *(other_hash for *_, other_hash in events)}
            if edited and _recompute(head, event_case_id, ts, user, action, notes, meta) == event_hash:
                kind, edited = BreakKind.EDITED, False  # only the link: with the right one, the hash is right
            elif prev_hash in followed:
                kind = BreakKind.FORKED
            else:
                kind = BreakKind.OUT_OF_ORDER if prev_hash in hashes else BreakKind.MISSING
            found(links, event_id, kind, "prev_hash", head, prev_hash)
        if edited:
            found(links, event_id, BreakKind.EDITED, "event_hash", digest or "fields that can be hashed", event_hash)
        if event_case_id != case_id:
            found(links, event_id, BreakKind.EDITED, "case_id", case_id, event_case_id)
        if number and not (isinstance(ts, str) and isinstance(earlier_ts, str) and ts >= earlier_ts):
            found(order, event_id, BreakKind.BACKDATED, "ts", f"{show(earlier_ts)} or later", ts)
        if number and not _ascends(earlier_id, event_id):
            found(order, event_id, BreakKind.OUT_OF_ORDER, "event_id", f"above {show(earlier_id)}", event_id)
        if not is_time(ts):
            found(times, event_id, BreakKind.EDITED, "ts", "a time like 2026-01-05T09:14:00.000000Z", ts)
        followed.add(prev_hash)
        head, recomputed, earlier_id, earlier_ts = event_hash, digest, event_id, ts
    return links + order + times


def replay(case_id: str, events: Sequence[Event | StoredEvent]) -> tuple[dict[str, Any], list[Break]]:
    """Return the case row that the events add up to, and a break for each old value that is not what stood before it.

    The row has the columns of `cases` as `canonical` writes them, without `event_count` and `head_hash`; it is
    empty where no `open` event says what the case is. What only an alert may raise is a break in any other event, and
    where it does not rise.
    """
    state, breaks, _ = _fold(case_id, events)
    return state, breaks


def _fold(case_id: str, events: Sequence[Event | StoredEvent]) -> tuple[dict[str, Any], list[Break], dict[str, Any]]:
    """Return what `replay` does, and each alert that the events tell with the number of the event."""
    if not events:
        return {}, [Break(case_id, None, BreakKind.MISSING, "events", "an open event", "none")], {}
    breaks: list[Break] = []

    def found(event_id: Any, kind: BreakKind, field: str, expected: object, seen: object) -> None:
        breaks.append(Break(case_id, event_id, kind, field, show(expected), show(seen)))

    (first_id, _, _, _, action, _, meta, _, _), *later = events
    told = _read(meta)
    opening = told.get("case")
    if action != _OPEN or not isinstance(opening, dict) or tuple(sorted(opening)) != FACTS:
        found(first_id, BreakKind.EDITED, "meta", "an open event with the facts of the case", action)
        return {}, breaks, alerts_of(events)
    alerts = {alert_id: first_id} if (alert_id := alert_key(told)) else {}
    search = search_text(case_id, *(str(opening[c]) for c in ("customer_id", "customer_name", "typology")))
    state = {"case_id": case_id, **opening, **UNOPENED, "search": search}
    if not _same(opening["qa_bucket"], bucket := sampling.qa_bucket(case_id)):
        found(first_id, BreakKind.EDITED, "qa_bucket", bucket, opening["qa_bucket"])
    for event_id, _, _, _, action, notes, meta, _, _ in later:
        changes = _read(meta)
        if action == _OPEN or (meta and not changes):
            found(event_id, BreakKind.EDITED, "meta", "a change of the case", meta)
        if action in _VERDICTS:
            changes.setdefault("qa_notes", ["", notes])
        elif action == _ALERT and (alert_id := alert_key(changes)):
            alerts.setdefault(alert_id, event_id)
        for column, change in changes.items():
            if column not in _CHANGED:
                continue
            if column in RAISED and action != _ALERT:
                found(event_id, BreakKind.EDITED, column, "a change that an alert makes", action)
                continue
            if not _is_change(column, change):
                found(event_id, BreakKind.EDITED, column, "[old, new]", change)
                continue
            old, new = change
            if not _same(old, state[column]):
                found(event_id, BreakKind.ROW_DIFFERS, column, state[column], old)
            if column in RAISED and _rank(column, new) <= _rank(column, old):
                found(event_id, BreakKind.EDITED, column, f"above {old}", new)
            state[column] = new
    return state, breaks, alerts


def alerts_of(events: Iterable[Event | StoredEvent]) -> dict[str, Any]:
    """Return the id of each alert that a key can hold and an event tells, with that event's number."""
    alerts: dict[str, Any] = {}
    for event_id, _, _, _, action, _, meta, _, _ in events:
        if action in (_OPEN, _ALERT) and (alert_id := alert_key(_read(meta))):
            alerts.setdefault(alert_id, event_id)
    return alerts


def alert_key(meta: Mapping[str, Any]) -> str:
    """Return the key of the alert that a `meta` tells; empty where it tells none, or one that no key can hold."""
    told = meta.get("alert_id")
    if not isinstance(told, str) or told != told.strip():  # SQL Server takes "x " for "x"
        return ""
    return told if len(told) <= MAX_KEY // 2 or len(told.encode("utf-16-le", "surrogatepass")) <= 2 * MAX_KEY else ""


def read_meta(event: Event) -> dict[str, Any]:
    """Return the event's `meta` as a mapping; empty where it holds none, or nothing that can be read."""
    return _read(event.meta)


def _read(text: Any) -> dict[str, Any]:
    """Read a `meta` into a mapping: with orjson, which is quick, where it is sure to read as the rules say.

    It is sure where orjson writes the same text again. It does not where the rules say otherwise: a number of more
    than 64 bits comes back as another one, and what nests half as deep as `LEVELS` not at all.
    """
    if not text or not isinstance(text, str):
        return {}
    try:
        meta = orjson.loads(text)
        if orjson.dumps(meta) == text.encode():
            return meta if isinstance(meta, dict) else {}
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    return _read_by_the_rules(text)


def _read_by_the_rules(text: str) -> dict[str, Any]:
    """Read a `meta` as every verifier must; return an empty mapping where it is no JSON object by the rules above."""
    text = text.strip(" \t\n\r")  # what JSON takes for space
    if _nests(text):
        return {}
    try:
        meta, end = _META.raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) and end == len(text) else {}


def _may_nest(text: str) -> bool:
    """Tell whether a JSON has so many opening brackets that it could nest deeper than `LEVELS`."""
    return len(text) > LEVELS and text.count("[") + text.count("{") > LEVELS


def _nests(text: str) -> bool:
    """Tell whether a JSON opens more than `LEVELS` lists and objects within each other.

    Of the text, not of what was read: where a key comes twice, what the first one held is gone from that.
    """
    depth = 0
    for sign in _SIGNS.findall(text) if _may_nest(text) else ():
        depth += (sign in "[{") - (sign in "]}")
        if depth > LEVELS:
            return True
    return False


def _is_change(column: str, change: object) -> bool:
    """Tell whether it is [old, new], each of them what the column may hold: a text or null, or what has a rank."""
    match change:
        case [old, new] if column in RAISED:
            return _rank(column, old) >= 0 and _rank(column, new) >= 0
        case [None | str(), None | str()]:
            return True
    return False


def _rank(column: str, value: object) -> Decimal | int:
    """Return how high a value is among those that a column may hold which rises; -1 where it may not hold it."""
    if column == "risk_score":
        return value if type(value) is int and 0 <= value <= 100 else -1
    if not isinstance(value, str):
        return -1
    if column == "risk":
        return _RANKS.get(value, -1)
    return Decimal(value) if _AMOUNT.fullmatch(value) else -1


def _ascends(earlier: Any, later: Any) -> bool:
    """Tell whether the later of two events has the higher number, or neither is stored and has one."""
    if isinstance(earlier, int) and isinstance(later, int):
        return later > earlier
    return earlier is None and later is None


def _recompute(*fields: Any) -> str | None:
    """Return the hash of these seven fields, or None where they could not have been hashed."""
    try:
        text = SEPARATOR.join(fields)
        return sha256(text.encode()).hexdigest() if text.count(SEPARATOR) == 6 else None
    except (TypeError, UnicodeEncodeError):
        return None


def _same(one: object, other: object) -> bool:
    """Tell whether two values are equal and of one type: to Python, 1, 1.0 and True are equal."""
    return type(one) is type(other) and one == other


def show(value: object) -> str:
    """Write a value as evidence on one line: at most 200 characters, those that do not print written as escapes."""
    text = value if isinstance(value, str) and value else repr(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:201])
    return text if len(text) <= 200 else text[:200] + "…"
