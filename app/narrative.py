"""The narrative of a SAR, begun from the evidence and the notes for a person to go on with. Pure; no I/O.

Every sentence comes from data; where the data lack it, it is left out. Opening: why the report is filed, who, how much,
when. Body: the transactions in order, grouped, with sums that add up. Close: what the review found, what the bank
holds (FinCEN, guidance on the narrative, November 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from app import chain, evidence, filing, fincen, money
from app.filing import MAX_NARRATIVE, Draft, Item, ReportKind, SubjectKind, SubjectRole
from app.gaps import narrative_faults
from app.models import Action, Case, Disposition, Event
from app.text import flat

BODY = 9_000
"""Characters that the transactions may take before they are told in larger groups."""

LONGEST_NAME = 150
"""Characters of a counterparty, channel or place that are still told; what is longer is no name."""

LONGEST_NOTE = 1_500
"""Characters of a note or rationale that are still told whole; a longer one is only counted."""

LONGEST_ALERTS = 3_000
"""Characters that the texts of all alerts may take."""

LISTED = 10
"""Subjects that are named one by one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Transactions that are told in one sentence: of one direction, and alike in what the sentence says of them."""

    is_credit: bool
    channel: str
    counterparty: str
    country: str
    place: str
    items: tuple[Item, ...]

    @property
    def total(self) -> Decimal:
        """Return the sum of their amounts."""
        return sum((item.amount for item in self.items), Decimal(0))


def begin(case: Case, kept: evidence.Kept, events: Sequence[Event], draft: Draft) -> str:
    """Return the narrative's first text, in paragraphs: of a case, its evidence, its events and a draft of its SAR.

    At most 20,000 characters for any number of transactions; without tabs and tables. What the draft says of subjects,
    days and amount is told as it stands there.
    """
    found = filing.items(kept)
    parts = [
        _opening(case, kept, draft),
        _customer(case, kept, draft),
        *_body(case, kept, found),
        _close(case, events, found),
    ]
    text = "\n\n".join(part for part in parts if part)
    return _with_notes(text, events)


def _opening(case: Case, kept: evidence.Kept, draft: Draft) -> str:
    subjects = [subject.name for subject in draft.filed_subjects if subject.name]
    said = [f"This report is filed on activity that the bank reviewed as {_short(case.typology)}."]
    if draft.kind is not ReportKind.INITIAL and draft.prior_bsa_id:
        verb = "continues" if draft.kind is ReportKind.CONTINUING else "amends"
        said.append(f"It {verb} the report with BSA ID {draft.prior_bsa_id}.")
    if subjects:
        said.append(_ended(f"{'Its subject is' if len(subjects) == 1 else 'Its subjects are'} {_listed(subjects)}"))
    if any(subject.role is SubjectRole.UNKNOWN and not subject.name for subject in draft.subjects):
        said.append("A subject is unknown." if subjects else "Its subject is unknown.")
    if draft.amount:
        said.append(f"The activity comes to {money.text(draft.amount, draft.currency)}{_between(draft)}.")
    if draft.activity_types:
        words = "; ".join(_in_sentence(fincen.words(code)) for code in draft.activity_types if code not in fincen.OTHER)
        said += [f"It is reported as: {words}."] if words else []
    said += _alerts(case, kept)
    if draft.key_term:
        said.append(f"Key term: {draft.key_term}.")
    return " ".join(said)


def _alerts(case: Case, kept: evidence.Kept) -> list[str]:
    """What each alert said, as far as there is room; of the others how many there are."""
    said, left = [], LONGEST_ALERTS
    for alert in kept.alerts:
        text = flat(alert.text)
        if text and len(text) <= min(LONGEST_NOTE, left):
            left -= len(text)
            day = filing.read_day(alert.at[:10]) or case.opened_at.date()
            said.append(f"The alert of {_day(day)} said: {_ended(text)}")
    if more := len(kept.alerts) - len(said) if said else 0:
        said.append("1 further alert is part of it." if more == 1 else f"{more:,} further alerts are part of it.")
    return said


def _customer(case: Case, kept: evidence.Kept, draft: Draft) -> str:
    """Who the customer is, and what was expected of them."""
    customer = next((subject for subject in draft.subjects if subject.is_customer), None)
    if customer is None:
        return ""
    told = kept.customer
    role = "is regarded as a victim" if customer.role is SubjectRole.VICTIM else "is a customer of the bank"
    said = [f"{_short(customer.name)} (customer number {case.customer_id}) {role}."]
    if customer.occupation:
        what = "occupation" if customer.kind is SubjectKind.PERSON else "business"
        said.append(f"The {what} on record is {_ended(_in_sentence(_short(customer.occupation)))}")
    if since := filing.read_day(told.get("since")):
        said.append(f"The relationship began on {_day(since)}.")
    if customer.account:
        said.append(f"The account is {_ended(_short(customer.account))}")
    expected = money.read(told.get("expected_monthly"))
    if expected:
        said.append(f"The activity expected in a month is {money.text(expected, case.currency)}.")
    return " ".join(said)


def _body(case: Case, kept: evidence.Kept, found: Sequence[Item]) -> list[str]:
    """The transactions in paragraphs, and what they add up to; nothing where none can be read."""
    if not found:
        return []
    told = _sentences(_grouped(found, lambda item: (item.time[:10], *_alike(item))), case.currency)
    if len(told) > BODY:
        told = _largest(_grouped(found, _alike), case.currency)
    return [told, _sums(case, kept, found)]


def _alike(item: Item) -> tuple[object, ...]:
    return item.is_credit, item.channel, item.counterparty, item.country, item.place


def _grouped(found: Iterable[Item], alike: Callable[[Item], tuple[object, ...]]) -> list[Group]:
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in found:
        groups.setdefault(alike(item), []).append(item)
    return [
        Group(rows[0].is_credit, rows[0].channel, rows[0].counterparty, rows[0].country, rows[0].place, tuple(rows))
        for rows in groups.values()
    ]


def _sentences(groups: Iterable[Group], currency: str) -> str:
    return " ".join(_sentence(group, currency) for group in groups)


def _sentence(group: Group, currency: str) -> str:
    """`On June 8, 2026, USD 9,210.00 came in by cash from Mark Knight (US) at Broad St branch, Richmond VA.`"""
    number = len(group.items)
    many = f" over {number:,} transactions" if number > 1 else ""
    if not group.is_credit and group.items[0].is_return:
        verb, way = "was taken back", "from"
    else:
        verb, way = ("came in", "from") if group.is_credit else ("went out", "to")
    said = f"{_when(group.items)}{money.text(group.total, currency)} {verb}{many}"
    for before, text in (("by", group.channel), (way, group.counterparty)):
        if text and len(text) <= LONGEST_NAME:
            said += f" {before} {flat(text)}"
    if group.country and len(group.country) <= LONGEST_NAME:
        said += f" ({flat(group.country)})"
    if group.place and len(group.place) <= LONGEST_NAME:
        said += f" at {flat(group.place)}"
    return _ended(said)


def _when(found: Sequence[Item]) -> str:
    days = sorted({item.day for item in found if item.day})
    if not days:
        return ""
    if days[0] == days[-1]:
        return f"On {_day(days[0])}, "
    return f"Between {_day(days[0])} and {_day(days[-1])}, "


def _largest(groups: Sequence[Group], currency: str) -> str:
    """The groups with most money, one sentence each, as many as there is room for; the rest as one sum a direction."""
    told: list[Group] = []
    room = BODY
    ranked = sorted(groups, key=lambda group: -group.total)
    for group in ranked:
        room -= len(_sentence(group, currency)) + 1
        if room < 0:
            break
        told.append(group)
    rest = ranked[len(told) :]
    told.sort(key=lambda group: group.items[0].time)
    said = _sentences(told, currency)
    for is_credit, verb in ((True, "came in"), (False, "went out or was taken back")):
        left = [item for group in rest if group.is_credit is is_credit for item in group.items]
        if left:
            total = money.text(sum((item.amount for item in left), Decimal(0)), currency)
            others = len({item.counterparty for item in left})
            who = "1 counterparty" if others == 1 else f"{others:,} counterparties"
            number = "1 further transaction" if len(left) == 1 else f"{len(left):,} further transactions"
            said += f" {_when(left)}{total} {verb} over {number} with {who}."
    return said.strip()


def _sums(case: Case, kept: evidence.Kept, found: Sequence[Item]) -> str:
    said = []
    for is_credit, verb in ((True, "came in"), (False, "went out")):
        rows = [item for item in found if item.is_credit is is_credit]
        if rows:
            total = money.text(sum((item.amount for item in rows), Decimal(0)), case.currency)
            number = "1 transaction" if len(rows) == 1 else f"{len(rows):,} transactions"
            said.append(f"{total} {verb} over {number}")
    return f"In all, {' and '.join(said)}. Counted once: {filing.count(case, kept).words}"


def _close(case: Case, events: Sequence[Event], found: Sequence[Item]) -> str:
    """What the bank did and holds, as far as the events say."""
    said = []
    decision = _decision(events)
    if decision is not None and case.determined_at is not None:
        said.append(f"Reason to suspect was determined on {_day(case.determined_at.date())}.")
    if decision is not None:
        said.append(f"The bank decided on {_day(_moment(decision))} to file this report.")
        rationale = flat(decision.notes)
        if rationale and len(rationale) <= LONGEST_NOTE and not narrative_faults(rationale):
            said.append(f"Its reasons: {_ended(rationale)}")
    notes = sum(event.action == Action.NOTE for event in events)
    papers = f"the record of {'these transactions' if found else 'this activity'}"
    if notes:
        papers += " and 1 note of its review" if notes == 1 else f" and {notes:,} notes of its review"
    said.append(f"The bank holds {papers} under case {case.case_id}.")
    return " ".join(said)


def _with_notes(text: str, events: Sequence[Event]) -> str:
    """The text, and before its last paragraph the notes made up to the decision, those that there is room for.

    A note that is too long, or holds what a narrative must not, is left out.
    """
    before, _, last = text.rpartition("\n\n")
    decision = _decision(events)
    room = MAX_NARRATIVE - len(text) - 2
    told = []
    for event in events:
        if event is decision:
            break
        note = flat(event.notes)
        if event.action != Action.NOTE or not note or len(note) > LONGEST_NOTE or narrative_faults(note):
            continue
        sentence = f"Noted on {_day(_moment(event))}: {_ended(note)}"
        if len(sentence) + 1 <= room:
            told.append(sentence)
            room -= len(sentence) + 1
    return "\n\n".join(part for part in (before, " ".join(told), last) if part)


def _decision(events: Sequence[Event]) -> Event | None:
    """The newest decision to file."""
    for event in reversed(events):
        if event.action == Action.DISPOSITION:
            changed = chain.read_meta(event).get("disposition")
            if isinstance(changed, list) and changed[-1:] == [Disposition.SAR.value]:
                return event
    return None


def _between(draft: Draft) -> str:
    if draft.from_day and draft.to_day and draft.from_day != draft.to_day:
        return f" between {_day(draft.from_day)} and {_day(draft.to_day)}"
    day = draft.from_day or draft.to_day
    return f" on {_day(day)}" if day else ""


def _listed(names: Sequence[str]) -> str:
    told = [_short(name) for name in names[:LISTED]]
    left = len(names) - len(told)
    *most, last = [*told, f"{left:,} more"] if left else told
    return f"{'; '.join(most)} and {last}" if most else last


def _short(text: str) -> str:
    return flat(text)[:LONGEST_NAME]


def _in_sentence(words: str) -> str:
    """The words as they stand inside a sentence: with a small first letter, but for an abbreviation such as ACH."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _ended(text: str) -> str:
    """The text with a full stop, unless it ends in one or the like."""
    return text if text.endswith((".", "!", "?", "…", "。")) else f"{text}."


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _day(day: date) -> str:
    """`June 8, 2026`, the same on every machine."""
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def _moment(event: Event) -> date:
    return datetime.fromisoformat(event.ts[:10]).date()
