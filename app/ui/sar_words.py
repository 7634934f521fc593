"""The track of a SAR, its clock and its draft in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import SequenceMatcher
from html import escape

from app import fincen, money
from app.filing import Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.models import Action, Case, Event, Filing, User
from app.ui import words

CONTINUING = timedelta(days=120)
"""After a filing, a continuing report may be due; it is optional (FinCEN, FAQ of October 2025)."""

ROLES: Mapping[SubjectRole, str] = {
    SubjectRole.SUSPECT: "Suspect",
    SubjectRole.UNKNOWN: "Unknown subject",
    SubjectRole.VICTIM: "Victim, not filed",
    SubjectRole.RELATED: "Related, not filed",
}
KINDS: Mapping[SubjectKind, str] = {SubjectKind.PERSON: "Person", SubjectKind.ENTITY: "Entity"}
REPORTS: Mapping[ReportKind, str] = {
    ReportKind.INITIAL: "Initial",
    ReportKind.CONTINUING: "Continuing",
    ReportKind.AMENDED: "Amended",
}

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


# --- the clock ---


def long_day(day: date, today: date) -> str:
    """Return a day as `27 October`, with its year where that is not today's."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {day:%B}{year}"


def days_left(due: datetime, moment: datetime) -> int:
    """Return the days from a moment, by the reader's calendar, to the day by which a SAR is to be filed."""
    return (due.date() - words.local(moment).date()).days


def left_text(days: int) -> str:
    """Return so many days before the deadline in words; below zero they are days after it."""
    if days < 0:
        return f"{words.count(-days, 'day')} late"
    return f"{words.count(days, 'day')} left" if days else "on the last day"


def deadline(case: Case, now: datetime) -> tuple[str, str]:
    """Return the filing clock in a sentence, and its tone as `words.due_text` has them."""
    today = words.local(now).date()
    if case.filed_at is not None:
        return _filed(case, case.filed_at.date(), today)
    if case.sar_due_at is None:
        said = "The desk kept no deadline when this was decided; a draft, or its filing elsewhere, sets it."
        return (said if case.determined_at else "No day of determination is kept."), "quiet"
    due, days = case.sar_due_at.date(), days_left(case.sar_due_at, now)
    why = f"{long_day(due, today)}{_reckoned(case, today)}."
    if days < 0:
        return f"⚠ {words.count(-days, 'day')} late. It was due {why}", "alarm"
    if days == 0:
        return f"◷ Due today, {why}", "warn"
    return f"{'◷ ' if days <= 7 else ''}Due in {words.count(days, 'day')}, {why}", "warn" if days <= 7 else ""


def _reckoned(case: Case, today: date) -> str:
    if case.determined_at is None or case.sar_due_at is None:
        return ""
    span = (case.sar_due_at - case.determined_at).days
    return f": determined {long_day(case.determined_at.date(), today)} + {span}"


def _filed(case: Case, filed: date, today: date) -> tuple[str, str]:
    said = f"First filed {long_day(filed, today)}"
    if case.sar_due_at is None:
        return f"{said}.", ""
    days = (case.sar_due_at.date() - filed).days
    when = "on the last day" if days == 0 else f"{words.count(abs(days), 'day')} {'before' if days > 0 else 'after'}"
    due = f"{long_day(case.sar_due_at.date(), today)}{_reckoned(case, today)}"
    return f"{said}, {when}{' it was due,' if days else ':'} {due}.", "quiet" if days >= 0 else "alarm"


def continuing(filed_at: datetime, now: datetime) -> str:
    """Return when a continuing report may be due after a filing, in a sentence."""
    day = (filed_at + CONTINUING).date()
    return (
        f"If the activity goes on, a continuing report may be due {long_day(day, words.local(now).date())}, 120 days "
        "after the filing. It is optional (FinCEN, FAQ of October 2025)."
    )


# --- the track ---


@dataclass(frozen=True)
class Stage:
    """A step of the track: its name, whether it is done or next, and what is said of it."""

    name: str
    is_done: bool
    is_next: bool
    said: Sequence[str]


def stages(case: Case, events: Iterable[Event], names: Mapping[str, User]) -> list[Stage]:
    """Return the four steps of a SAR as the case stands: who did each and when, and how many days were left."""
    newest: dict[str, Event] = {}
    last = ""
    for event in events:
        if event.action in _STEPS or event.action in _BACK:
            newest[event.action] = event
            last = event.action
    order = [Filing.TO_APPROVE, Filing.TO_FILE, Filing.FILED]
    reached = order.index(case.filing) + 1 if case.filing in order else 0
    reached += bool(case.bsa_id)
    found = []
    for number, (action, name) in enumerate(_STEPS.items()):
        is_done = number < reached
        done = newest.get(action)
        said = [_by(done, names), *_left(case, done, action)] if done and is_done else []
        if number == reached and last in _BACK:
            said = [f"{_BACK[last]} by {_by(newest[last], names)}"]
        if action == Action.SAR_ACKNOWLEDGE and is_done:
            said.append(f"BSA id {case.bsa_id}")
        found.append(Stage(name, is_done, number == reached, said))
    return found


_STEPS: Mapping[str, str] = {
    Action.SAR_DRAFT: "Drafted",
    Action.SAR_APPROVE: "Approved",
    Action.SAR_FILE: "Filed",
    Action.SAR_ACKNOWLEDGE: "Acknowledged",
}
_BACK: Mapping[str, str] = {
    Action.SAR_RETURN: "Returned",
    Action.SAR_REJECT: "FinCEN’s rejection kept",
    Action.SAR_AMEND: "To be amended, said",
}
"""What brings a SAR back to its draft, in words that a name may follow."""


def _by(event: Event, names: Mapping[str, User]) -> str:
    moment = words.read_time(event.ts)
    when = words.clock(moment) if moment else words.shown(event.ts)
    return f"{words.shown(words.name_of(event.user, names))}, {when}"


def _left(case: Case, event: Event, action: str) -> list[str]:
    if case.sar_due_at is None or action == Action.SAR_ACKNOWLEDGE:
        return []
    if action == Action.SAR_FILE and case.filed_at is not None:
        return [left_text((case.sar_due_at.date() - case.filed_at.date()).days)]
    moment = words.read_time(event.ts)
    return [left_text(days_left(case.sar_due_at, moment))] if moment else []


def track(found: Iterable[Stage]) -> str:
    """Return the steps as HTML: a list whose marks and words say what its colours do."""
    rows = []
    for stage in found:
        state, word = ("done", "Done") if stage.is_done else ("next", "Next") if stage.is_next else ("open", "Not yet")
        said = "".join(f"<span dir='auto'>{escape(text)}</span>" for text in stage.said)
        current = " aria-current='step'" if stage.is_next else ""
        rows.append(f"<li class='{state}'{current}><b>{stage.name}</b><i>{word}</i>{said}</li>")
    return f"<ol class='track'>{''.join(rows)}</ol>"


# --- the draft ---


def subject(one: Subject) -> str:
    """Return a subject in words: role, name, and what is known."""
    known = [
        one.occupation,
        f"born {one.born.isoformat()}" if one.born else "",
        f"account {one.account}" if one.account else "",
        f"taxpayer number {one.tin}" if one.tin else "",
        " ".join(filter(None, (one.street, one.city, one.state, one.zip_code, one.country))),
    ]
    kind = "" if one.role is SubjectRole.UNKNOWN and not one.name else f" ({KINDS[one.kind].lower()})"
    return "; ".join(filter(None, (f"{ROLES[one.role]}: {one.name or 'no name known'}{kind}", *known)))


def coded(codes: Iterable[int], described: Mapping[int, str]) -> list[str]:
    """Return codes of FinCEN's form in words."""
    return [fincen.words(code) + (f": {described[code]}" if described.get(code) else "") for code in codes]


def told(draft: Draft) -> list[tuple[str, list[str]]]:
    """Return a draft by parts, each with its lines; the narrative is not among them."""

    def amount(value: Decimal | None, currency: str) -> list[str]:
        return [money.text(value, currency)] if value else []

    apart = [
        f"{way} {money.text(value, draft.currency)}"
        for way, value in (("in", draft.money_in), ("out", draft.money_out))
        if value
    ]
    counted = amount(draft.amount, draft.currency)
    days = [day.isoformat() for day in (draft.from_day, draft.to_day) if day]
    kind = REPORTS[draft.kind] + (f", of BSA id {draft.prior_bsa_id}" if draft.prior_bsa_id else "")
    parts = [
        ("Kind", [kind]),
        ("Subjects", [subject(one) for one in draft.subjects]),
        ("Activity", coded(draft.activity_types, draft.described)),
        ("Instruments and products", coded(draft.instruments, draft.described)),
        ("Amount", [f"{one} ({', '.join(apart)})" if apart else one for one in counted]),
        ("Amount in dollars", amount(draft.amount_usd, "USD")),
        ("With earlier reports", amount(draft.cumulative, "USD")),
        ("Items", [" to ".join(dict.fromkeys(days))] if days else []),
        ("Key term", [draft.key_term] if draft.key_term else []),
    ]
    return [(name, lines) for name, lines in parts if lines]


@dataclass(frozen=True)
class Changed:
    """A part of a draft that differs from the one before: the lines that went and those that came."""

    part: str
    gone: Sequence[str]
    new: Sequence[str]


def changes(before: Draft, after: Draft) -> list[Changed]:
    """Return what differs between two drafts, part by part; of the narrative sentence by sentence."""
    old, new = dict(told(before)), dict(told(after))
    found = []
    for part in dict.fromkeys((*old, *new)):
        was, now = old.get(part, []), new.get(part, [])
        gone, came = [line for line in was if line not in now], [line for line in now if line not in was]
        if gone or came:
            found.append(Changed(part, gone, came))
    was, now = _sentences(before.narrative), _sentences(after.narrative)
    steps = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    gone = [text for kind, first, last, _, _ in steps if kind != "equal" for text in was[first:last]]
    came = [text for kind, _, _, first, last in steps if kind != "equal" for text in now[first:last]]
    return [*found, Changed("Narrative", gone, came)] if gone or came else found


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE.split(text.strip()) if part]


def changed(found: Iterable[Changed]) -> str:
    """Return what changed as HTML: what was taken out and what was put in, each said by a word and a mark."""
    rows = []
    for change in found:
        gone = "".join(
            f"<li><i>Taken out</i> <del dir='auto'>{escape(words.shown(text))}</del></li>" for text in change.gone
        )
        new = "".join(
            f"<li><i>Put in</i> <ins dir='auto'>{escape(words.shown(text))}</ins></li>" for text in change.new
        )
        rows.append(f"<dt>{escape(change.part)}</dt><dd><ul>{gone}{new}</ul></dd>")
    return f"<dl class='draft'>{''.join(rows)}</dl>"


def reading(draft: Draft) -> str:
    """Return a draft as HTML, for who reads it; the narrative in its paragraphs."""
    rows = []
    for name, lines in told(draft):
        listed = "".join(f"<li dir='auto'>{escape(words.shown(line))}</li>" for line in lines)
        rows.append(f"<dt>{escape(name)}</dt><dd><ul>{listed}</ul></dd>")
    paragraphs = "".join(
        f"<p dir='auto'>{escape(words.shown(part))}</p>" for part in draft.narrative.split("\n") if part.strip()
    )
    size = f"{len(draft.narrative):,} characters"
    narrative = f"<dt>Narrative <span>({size})</span></dt><dd class='narrative'>{paragraphs or '<p>None yet.</p>'}</dd>"
    return f"<dl class='draft'>{''.join(rows)}{narrative}</dl>"
