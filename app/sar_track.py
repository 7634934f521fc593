"""The SAR's own track on a case closed as SAR: drafted, approved, filed, acknowledged, amended. Pure; no I/O.

Who may take a step is in the table `policy.Verb`; here is what a step needs and changes, and what a chain says of the
track. A filed SAR is amended, never undone. No step moves the deadline, which is the decision's; a draft only gives
one to a case that was decided before deadlines were kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from app import chain, filing, gaps, policy, typed
from app.errors import InvalidText
from app.filing import MAX_NARRATIVE, Draft, ReportKind
from app.models import Action, Case, Event, Filing, User
from app.policy import Change, Verb

REPORT_FILE = "-sarx.xml"
"""How the name of a report's file for FinCEN ends."""
MAX_FIELD = 200
"""Characters in a text of a draft other than its narrative."""

ACTIONS = frozenset(
    {
        Action.SAR_DRAFT,
        Action.SAR_APPROVE,
        Action.SAR_RETURN,
        Action.SAR_FILE,
        Action.SAR_ACKNOWLEDGE,
        Action.SAR_REJECT,
        Action.SAR_AMEND,
    }
)


@dataclass(frozen=True, slots=True)
class Filed:
    """How a SAR was filed: on which day of the filer's `zone`.

    `export` is the `event_hash` of the `export` event whose file was sent; empty where the report was keyed in by
    hand. `outside` says that it was filed before the desk kept filings; then `bsa_id` is what FinCEN calls it. Past
    the deadline `late_because` says why.
    """

    day: date
    zone: tzinfo
    export: str = ""
    late_because: str = ""
    outside: bool = False
    bsa_id: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on the track, the decision for a SAR and a reopening among it."""

    event: Event

    @property
    def action(self) -> str:
        """Return what was done, one of `Action`."""
        return self.event.action

    @property
    def who(self) -> str:
        """Return the id of the user who did it."""
        return self.event.user

    @property
    def when(self) -> datetime | None:
        """Return when, in UTC; None where the event's time cannot be read."""
        try:
            return chain.parse_ts(self.event.ts)
        except (TypeError, ValueError):
            return None


# --- what a chain says of the track ---


def newest_draft(events: Sequence[Event]) -> tuple[Event, Draft] | None:
    """Return the newest draft that can be read, with its event; None where there is none."""
    for event in reversed(events):
        if event.action == Action.SAR_DRAFT:
            draft = filing.read(chain.read_meta(event).get("sar"), event.notes)
            if draft is not None:
                return event, draft
    return None


def steps(events: Iterable[Event]) -> list[Step]:
    """Return what happened on the track, from the first decision for a SAR on, in the order of the chain."""
    found: list[Step] = []
    for event in events:
        is_decision = event.action == Action.DISPOSITION and policy.has_sar_decision([event])
        if is_decision or event.action in ACTIONS or (event.action == Action.REOPEN and found):
            found.append(Step(event))
    return found


def amended(events: Sequence[Event]) -> str:
    """Return the BSA id of the report that is amended; empty where none is."""
    event = _newest(events, Action.SAR_AMEND)
    return str(chain.read_meta(event).get("prior_bsa_id", "")) if event else ""


def _amended_before(events: Iterable[Event]) -> frozenset[str]:
    """Return the BSA ids of all reports of the case that were taken up to amend them."""
    return frozenset(
        str(chain.read_meta(event).get("prior_bsa_id", "")) for event in events if event.action == Action.SAR_AMEND
    )


def _newest(events: Sequence[Event], action: Action) -> Event | None:
    return next((event for event in reversed(events) if event.action == action), None)


# --- the steps ---


def draft(actor: User, case: Case, events: Sequence[Event], written: Draft) -> Change:
    """Keep a draft. It waits for approval unless something critical is missing. Raises NotAllowed or InvalidForm.

    A case that was decided before deadlines were kept gets the one that its decision means.
    """
    policy.require(policy.why_not(Verb.SAR_DRAFT, actor, case, policy.involved_in(events, Verb.SAR_DRAFT)))
    with typed.form() as wrong:
        narrative = typed.field(wrong, "narrative", "narrative", written.narrative, "", MAX_NARRATIVE)
        kept = filing.to_meta(written)
        wrong.update(_unkept(written, kept))
        wrong.update(_wrong_kind(written, amended(events)))
    written = replace(written, narrative=narrative)  # as it is kept: of what nobody can see nothing is
    state = Filing.TO_APPROVE if gaps.is_complete(written) else Filing.TO_DRAFT
    return Change(Action.SAR_DRAFT, narrative, {"filing": state, **_deadline(case, events)}, {"sar": kept})


def approve(actor: User, case: Case, events: Sequence[Event], draft_hash: str) -> Change:
    """Approve the draft whose event has this hash, which must be the newest. Raises NotAllowed or InvalidForm."""
    policy.require(policy.why_not(Verb.SAR_APPROVE, actor, case, policy.involved_in(events, Verb.SAR_APPROVE)))
    newest = newest_draft(events)
    with typed.form() as wrong:
        if newest is None or newest[0].event_hash != draft_hash:
            wrong["draft_hash"] = "This is not the newest draft. Read that one before you approve."
    return Change(Action.SAR_APPROVE, "", {"filing": Filing.TO_FILE}, {"draft": draft_hash})


def send_back(actor: User, case: Case, events: Sequence[Event], reason: str) -> Change:
    """Return the SAR to whoever drafts it. Raises NotAllowed or InvalidForm."""
    policy.require(policy.why_not(Verb.SAR_RETURN, actor, case, policy.involved_in(events, Verb.SAR_RETURN)))
    with typed.form() as wrong:
        notes = typed.field(wrong, "reason", "reason", reason)
    return Change(Action.SAR_RETURN, notes, {"filing": Filing.TO_DRAFT})


def file(
    actor: User, case: Case, events: Sequence[Event], filed: Filed, clock: datetime, other: str | None = None
) -> Change:
    """Keep that the SAR was filed. Raises NotAllowed or InvalidForm.

    The day of the first filing stays where the SAR is amended. `clock` is what the clock shows; `other` is the id of
    a case that has this BSA id already.
    """
    policy.require(policy.why_not(Verb.SAR_FILE, actor, case))
    first = case.filed_at is None
    columns: dict[str, Any] = {"filing": Filing.FILED}
    if filed.outside:
        columns |= {"bsa_id": filed.bsa_id, **_deadline(case, events)}
    due = columns.get("sar_due_at", case.sar_due_at)
    midnight = datetime.combine(filed.day, time(), UTC)
    with typed.form() as wrong:
        if refusal := _why_not_on(filed, case, events, midnight, clock):
            wrong["day"] = refusal
        wrong.update(_wrong_way(case, events, filed, other))
        because = typed.field(wrong, "late_because", "reason for the delay", filed.late_because, "")
        if first and due is not None and midnight > due and not because:
            wrong.setdefault("late_because", f"The SAR was due on {due:%Y-%m-%d}. Say why it was filed later.")
    facts: dict[str, Any] = {"zone": str(filed.zone), "late_because": because, "export": filed.export}
    if first:
        columns["filed_at"] = midnight
    else:
        facts["day"] = filed.day.isoformat()
    facts["outside"] = filed.outside
    facts["by_hand"] = not (filed.outside or filed.export)
    return Change(Action.SAR_FILE, "", columns, {name: said for name, said in facts.items() if said})


def acknowledge(actor: User, case: Case, events: Sequence[Event], bsa_id: str, other: str | None = None) -> Change:
    """Keep the id that FinCEN gave the report; `other` is the id of a case that has it.

    An amendment gets an id of its own, not one that a report of the case had before.

    Raises NotAllowed or InvalidForm.
    """
    policy.require(policy.why_not(Verb.SAR_ACKNOWLEDGE, actor, case))
    with typed.form() as wrong:
        if refusal := _why_not_called(bsa_id, other):
            wrong["bsa_id"] = refusal
        elif bsa_id in _amended_before(events):
            wrong["bsa_id"] = "This is the id of the report that is amended. FinCEN gives the amendment one of its own."
    return Change(Action.SAR_ACKNOWLEDGE, "", {"bsa_id": bsa_id})


def reject(actor: User, case: Case, events: Sequence[Event], errors: Sequence[str]) -> Change:
    """Keep that FinCEN rejected the report, and why: the event's notes have an error a line.

    The SAR is to be drafted again. It is not filed then, unless it was an amendment of one that is. Raises NotAllowed
    or InvalidForm.
    """
    policy.require(policy.why_not(Verb.SAR_REJECT, actor, case))
    lines = "\n".join(" ".join(error.split()) for error in errors)
    with typed.form() as wrong:
        notes = typed.field(wrong, "errors", "list of FinCEN's errors", lines)
    columns: dict[str, Any] = {"filing": Filing.TO_DRAFT}
    if _newest(events, Action.SAR_AMEND) is None:
        columns["filed_at"] = None
    return Change(Action.SAR_REJECT, notes, columns)


def amend(actor: User, case: Case, reason: str) -> Change:
    """Take up a report that FinCEN has, to correct it: `meta` keeps its BSA id. Raises NotAllowed or InvalidForm."""
    policy.require(policy.why_not(Verb.SAR_AMEND, actor, case))
    with typed.form() as wrong:
        notes = typed.field(wrong, "reason", "reason", reason)
    columns = {"filing": Filing.TO_DRAFT, "bsa_id": ""}
    return Change(Action.SAR_AMEND, notes, columns, {"prior_bsa_id": case.bsa_id})


def _deadline(case: Case, events: Sequence[Event]) -> dict[str, datetime]:
    """Return the deadline of a SAR that was decided before deadlines were kept; nothing for any other."""
    if case.sar_due_at is not None or case.determined_at is None:
        return {}
    return {"sar_due_at": policy.sar_due_at(case.determined_at, policy.suspect_known(events))}


def _wrong_kind(written: Draft, amends: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the draft's kind, by field: `amends` is the BSA id that the chain says it corrects."""
    if amends and written.kind is not ReportKind.AMENDED:
        yield "kind", f"The report {amends} is being amended, so its draft is of the kind amended."
    elif amends and written.prior_bsa_id != amends:
        yield "prior_bsa_id", f"The report that is being amended has the BSA id {amends}."
    elif written.kind is ReportKind.AMENDED and not amends:
        yield "kind", "Nothing is being amended. Take up the filed report to amend it, or draft another kind."


def _unkept(written: Draft, kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a draft, by field: a text that nobody may type, or what would not be read again."""
    read = filing.read(kept, written.narrative)
    for each in fields(Draft):
        name = each.name
        if getattr(read, name) != getattr(written, name):
            yield name, "This cannot be kept as it is: a code that FinCEN does not have, or no amount of money."
    for name, value in kept.items():
        field = {"from": "from_day", "to": "to_day"}.get(name, name)
        for text in _texts(value):
            try:
                typed.written("field", text, "", MAX_FIELD)
                if text.splitlines() != [text] or "\t" in text:
                    yield field, "A field holds a line break or a tab."
            except InvalidText as error:
                yield field, str(error)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _why_not_on(filed: Filed, case: Case, events: Sequence[Event], midnight: datetime, clock: datetime) -> str | None:
    """Return why the SAR cannot have been filed on the day, which begins at `midnight` UTC; None where it can."""
    if midnight > policy.as_day(clock, filed.zone):
        return "The day of filing lies in the future."
    if filed.outside:
        if case.determined_at is not None and midnight < case.determined_at:
            return "The day of filing lies before suspicion was determined."
        return None
    approval = _newest(events, Action.SAR_APPROVE)
    if approval is not None and midnight < policy.as_day(_really(approval), filed.zone):
        return "The day of filing lies before the approval."
    sent = next((event for event in events if filed.export and event.event_hash == filed.export), None)
    if sent is not None and midnight < policy.as_day(_really(sent), filed.zone):
        return "The day of filing lies before the file was exported."
    return None


def _really(event: Event) -> datetime:
    """Return what the clock showed when the event was made, where it had to be dated later than that."""
    return chain.parse_ts(str(chain.read_meta(event).get("clock", event.ts)))


def _wrong_way(case: Case, events: Sequence[Event], filed: Filed, other: str | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with how the report reached FinCEN, by field."""
    if filed.outside:
        if case.filing is not Filing.NONE:
            yield "outside", "The SAR is filed from here. Only one decided before filings were kept was filed outside."
        if filed.export:
            yield "export", "A SAR that was filed outside the desk was not sent as a file of the desk's."
        if refusal := _why_not_called(filed.bsa_id, other):
            yield "bsa_id", refusal
        return
    if case.filing is Filing.NONE:
        yield (
            "outside",
            "The SAR was decided before filings were kept here. Draft it, or say that it was filed outside.",
        )
    if filed.bsa_id:
        yield "bsa_id", "FinCEN's id comes with its acknowledgement, which is kept after the filing."
    if filed.export and not _was_taken(events, filed.export):
        yield "export", "No file of the approved draft was exported by an event with this hash."


def _was_taken(events: Sequence[Event], export: str) -> bool:
    """Tell whether an export of a report's file after the newest approval has this hash."""
    approval = _newest(events, Action.SAR_APPROVE)
    approved = events.index(approval) + 1 if approval else len(events)
    return any(event.event_hash == export and _takes_report(event, approved) for event in events[approved:])


def _takes_report(event: Event, approved: int) -> bool:
    """Tell whether the event keeps an export of a report that was made of the first `approved` events at least."""
    meta = chain.read_meta(event)
    files, made_of = meta.get("files"), meta.get("events")
    return (
        event.action == Action.EXPORT
        and isinstance(files, dict)
        and isinstance(made_of, int)
        and made_of >= approved
        and any(map(is_report_file, files))
    )


def is_report_file(name: str) -> bool:
    """Tell whether an exported file of this name is a report for FinCEN."""
    return name.endswith(REPORT_FILE)


def _why_not_called(bsa_id: str, other: str | None) -> str | None:
    """Return why FinCEN cannot call the report so; None where it can."""
    if not gaps.is_bsa_id(bsa_id):
        return f"A BSA id has {filing.BSA_ID_DIGITS} digits."
    return f"{other} has this BSA id already." if other else None
