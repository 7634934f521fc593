"""The write verbs. Each is one transaction: judge by `policy`, chain one event, change the case with it.

Each takes the user who acts, and from a page also
  form  a random token of the form that was sent; sent again, the answer is the event it made the first time;
  seen  the head hash of the case as its person saw it; where the case moved on in a way that matters to the verb,
        StaleCase is raised and nothing is written.
They return the event. They raise NotAllowed, InvalidForm, StaleCase, UnknownCase, UnknownUser or DatabaseError.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from app import chain, policy, repository, sar_track, triage_query
from app.database import Database, Transaction
from app.errors import (
    BrokenCase,
    ConstraintBroken,
    DatabaseBusy,
    DeskError,
    InvalidForm,
    InvalidInput,
    NotAllowed,
    StaleCase,
    kinds,
)
from app.filing import Draft
from app.models import Case, Disposition, Event, QaResult, User
from app.policy import Decision, Verb
from app.sar_track import Filed

Result = TypeVar("Result")

ATTEMPTS = 100
"""How often a verb reads and judges anew where others keep changing the case in between."""

_LOGGER = logging.getLogger(__name__)
_FORM = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _MovedOn(DeskError):
    """Someone else was quicker; raised, so that nothing of the attempt stays."""

    def __init__(self, case_id: str) -> None:
        super().__init__(f"{case_id} moved on.")
        self.case_id = case_id


class _SeenAlready(DeskError):
    """A look at the case that is not one to keep."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What someone asks of a case: `judge` says what it changes, or refuses by raising."""

    verb: Verb
    actor_id: str
    case_id: str
    judge: Callable[[_Scene], policy.Change]
    form: str = ""
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a verb judges: read in its own transaction."""

    tx: Transaction
    actor: User
    case: Case
    events: Sequence[Event]
    now: datetime
    """The time of the event: what the clock shows, or the newest event's time where that lies ahead of it."""
    clock: datetime


def new_form() -> str:
    """Return a random token for a form."""
    return secrets.token_hex(8)


def assign(
    database: Database,
    actor_id: str,
    case_id: str,
    receiver_id: str | None,
    reason: str = "",
    *,
    form: str = "",
    seen: str | None = None,
) -> Event:
    """Give the case to an Analyst or Manager, who becomes its owner. The reason becomes the event's note."""
    (event,) = assign_all(database, actor_id, [(case_id, seen)], receiver_id, reason, form=form)
    return event


def assign_all(
    database: Database,
    actor_id: str,
    cases: Iterable[tuple[str, str | None]],
    receiver_id: str | None,
    reason: str = "",
    *,
    form: str = "",
) -> list[Event]:
    """Give several cases, each with the head that was seen of it, to one person: all of them or, if refused, none."""

    def change(scene: _Scene) -> policy.Change:
        return policy.assign(scene.actor, scene.case, _receiver(scene.tx, receiver_id), reason)

    requests = [
        _Request(Verb.ASSIGN, actor_id, case_id, change, form, seen)
        for case_id, seen in sorted(cases)  # in one order for everybody, so that no two wait for each other
    ]
    return _in_turn(database, lambda tx, sent: [_append(tx, request, sent) for request in requests])


def take_next(database: Database, actor_id: str, *, form: str = "") -> Event | None:
    """Assign to the actor the case that is due first of those that nobody owns; None where there is none.

    A case that is broken is passed over, for others wait behind it. Raises BrokenCase where all that wait are.
    """
    broken: BrokenCase | None = None

    def change(scene: _Scene) -> policy.Change:
        if scene.case.owner is not None:  # someone else was quicker, between one statement and the next
            raise _MovedOn(scene.case.case_id)
        return policy.assign(scene.actor, scene.case, scene.actor)

    def attempt(tx: Transaction, sent: dict[str, str]) -> Event | None:
        for case_id in dict.fromkeys(sent.values()):
            if stored := _stored(tx, case_id, sent):
                return stored
        waiting = triage_query.next_unassigned(tx, after=broken.case_id if broken else None)
        if waiting is None:
            return None
        request = _Request(Verb.ASSIGN, actor_id, waiting, change, form)
        return _append(tx, request, sent)

    while True:
        try:
            event = _in_turn(database, attempt)
        except BrokenCase as error:
            broken = error
        else:
            if event is None and broken is not None:
                raise broken
            return event


def _receiver(tx: Transaction, user_id: str | None) -> User | None:
    """Return who is to get a case, if anybody was chosen: nobody deactivates them until they have it."""
    if user_id is None:
        return None
    repository.lock_user(tx, user_id)
    return repository.user(tx, user_id)


def add_note(database: Database, actor_id: str, case_id: str, text: str, *, form: str = "") -> Event:
    """Add a note; it is never stale."""

    def change(scene: _Scene) -> policy.Change:
        return policy.note(scene.actor, scene.case, text)

    return _keep(database, _Request(Verb.NOTE, actor_id, case_id, change, form))


def set_disposition(
    database: Database, actor_id: str, case_id: str, decision: Decision, *, form: str = "", seen: str | None = None
) -> Event:
    """Close the case as SAR or No SAR, or escalate it."""
    verb = Verb.ESCALATE if decision.disposition is Disposition.ESCALATE else Verb.DECIDE

    def change(scene: _Scene) -> policy.Change:
        if verb is Verb.ESCALATE:
            receiver = _receiver(scene.tx, decision.escalate_to)
            return policy.escalate(scene.actor, scene.case, decision.rationale, receiver)
        return policy.decide(scene.actor, scene.case, decision, scene.now, scene.clock, scene.events)

    return _keep(database, _Request(verb, actor_id, case_id, change, form, seen))


def record_qa(
    database: Database,
    actor_id: str,
    case_id: str,
    result: QaResult,
    notes: str = "",
    *,
    form: str = "",
    seen: str | None = None,
) -> Event:
    """Record QA's verdict on a closed case of the sample."""

    def change(scene: _Scene) -> policy.Change:
        involved = policy.involved_in(scene.events)
        return policy.review(scene.actor, scene.case, involved, result, notes, scene.now)

    return _keep(database, _Request(Verb.REVIEW, actor_id, case_id, change, form, seen))


def reopen(
    database: Database, actor_id: str, case_id: str, reason: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Take a closed case up again."""

    def change(scene: _Scene) -> policy.Change:
        return policy.reopen(scene.actor, scene.case, reason)

    return _keep(database, _Request(Verb.REOPEN, actor_id, case_id, change, form, seen))


def draft_sar(
    database: Database, actor_id: str, case_id: str, draft: Draft, *, form: str = "", seen: str | None = None
) -> Event:
    """Keep a draft of the SAR, its narrative as the event's notes."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.draft(scene.actor, scene.case, scene.events, draft)

    return _keep(database, _Request(Verb.SAR_DRAFT, actor_id, case_id, change, form, seen))


def approve_sar(
    database: Database, actor_id: str, case_id: str, draft_hash: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Approve the draft whose event has this hash: the one that was read."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.approve(scene.actor, scene.case, scene.events, draft_hash)

    return _keep(database, _Request(Verb.SAR_APPROVE, actor_id, case_id, change, form, seen))


def return_sar(
    database: Database, actor_id: str, case_id: str, reason: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Return the SAR to whoever drafts it."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.send_back(scene.actor, scene.case, scene.events, reason)

    return _keep(database, _Request(Verb.SAR_RETURN, actor_id, case_id, change, form, seen))


def file_sar(
    database: Database, actor_id: str, case_id: str, filed: Filed, *, form: str = "", seen: str | None = None
) -> Event:
    """Keep that the SAR was filed with FinCEN."""

    def change(scene: _Scene) -> policy.Change:
        other = _other_with(scene, filed.bsa_id)
        return sar_track.file(scene.actor, scene.case, scene.events, filed, scene.clock, other)

    return _keep_report(database, _Request(Verb.SAR_FILE, actor_id, case_id, change, form, seen), filed.bsa_id)


def acknowledge_sar(
    database: Database, actor_id: str, case_id: str, bsa_id: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Keep the id that FinCEN gave the report as it took it."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.acknowledge(scene.actor, scene.case, scene.events, bsa_id, _other_with(scene, bsa_id))

    return _keep_report(database, _Request(Verb.SAR_ACKNOWLEDGE, actor_id, case_id, change, form, seen), bsa_id)


def reject_sar(
    database: Database, actor_id: str, case_id: str, errors: Sequence[str], *, form: str = "", seen: str | None = None
) -> Event:
    """Keep that FinCEN rejected the report, and the errors that it named."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.reject(scene.actor, scene.case, scene.events, errors)

    return _keep(database, _Request(Verb.SAR_REJECT, actor_id, case_id, change, form, seen))


def amend_sar(
    database: Database, actor_id: str, case_id: str, reason: str, *, form: str = "", seen: str | None = None
) -> Event:
    """Take up a report that FinCEN has, to correct it."""

    def change(scene: _Scene) -> policy.Change:
        return sar_track.amend(scene.actor, scene.case, reason)

    return _keep(database, _Request(Verb.SAR_AMEND, actor_id, case_id, change, form, seen))


def _other_with(scene: _Scene, bsa_id: str) -> str | None:
    """Return the id of another case that has this BSA id; None where there is none."""
    found = repository.case_of_report(scene.tx, bsa_id)
    return None if found == scene.case.case_id else found


def _keep_report(database: Database, request: _Request, bsa_id: str) -> Event:
    """Keep an event that gives a BSA id. Of two cases that are given one at once, the database lets one have it."""
    try:
        return _keep(database, request)
    except ConstraintBroken as error:
        other = database.read(lambda tx: repository.case_of_report(tx, bsa_id))
        if other in (None, request.case_id):
            raise
        raise InvalidForm({"bsa_id": f"{other} was given this BSA id just now."}) from error


def record_view(database: Database, actor_id: str, case_id: str) -> Event | None:
    """Keep that someone looks at a case with a SAR decision, once a UTC day; None where there is nothing to keep."""

    def change(scene: _Scene) -> policy.Change:
        if not policy.view_to_record(actor_id, scene.events, scene.clock):
            raise _SeenAlready
        return policy.view(scene.actor, scene.case)

    try:
        return _keep(database, _Request(Verb.VIEW, actor_id, case_id, change))
    except _SeenAlready:
        return None


def record_export(
    database: Database, actor_id: str, case_id: str, files: Mapping[str, bytes], events: int
) -> Event | None:
    """Keep that these files (name and content), which hold the first `events` events of the case, leave the desk.

    None where the case is so broken that it takes no event any more: its files leave all the same, as evidence.
    """
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}

    def change(scene: _Scene) -> policy.Change:
        return policy.export(scene.actor, scene.case, digests, events)

    event = None
    try:
        event = _keep(database, _Request(Verb.EXPORT, actor_id, case_id, change))
    except BrokenCase:
        actor, case = database.read(lambda tx: (repository.user(tx, actor_id), repository.case(tx, case_id)))
        with _refusals_logged(actor_id, case_id, Verb.EXPORT):
            policy.export(actor, case, digests, events)
    kept = "the case keeps it" if event else "the case is broken and keeps nothing of it"
    _LOGGER.info("%.100r exported %s: %s; %s", actor_id, case_id, ", ".join(sorted(files)), kept)
    return event


@contextmanager
def _refusals_logged(actor_id: str, case_id: str, verb: Verb) -> Iterator[None]:
    """Log who was refused what, by a rule or because the case moved on; not why, as a reason may hold names."""
    try:
        yield
    except (NotAllowed, StaleCase) as error:
        asked = "/".join(sorted(verb.value.makes))
        _LOGGER.info("%.100r is refused %s of %.100r: %s", actor_id, asked, case_id, kinds(error))
        raise


def _keep(database: Database, request: _Request) -> Event:
    return _in_turn(database, lambda tx, sent: _append(tx, request, sent))


def _in_turn(database: Database, work: Callable[[Transaction, dict[str, str]], Result]) -> Result:
    """Do the work in one transaction, anew where a case has moved on meanwhile; then it waits for its turn.

    The second argument of `work` holds what this call has tried to store, event hash and case: where a connection was
    lost in the middle of a commit, finding it among the events is how the outcome becomes known.
    """
    sent: dict[str, str] = {}
    for _ in range(ATTEMPTS):
        try:
            return database.write(lambda tx: work(tx, sent))
        except _MovedOn as moved:
            _check_end(database, moved.case_id)
            busy = moved.case_id
    raise DatabaseBusy(f"{busy} is being changed by too many people at once. Try again in a moment.")


def _stored(tx: Transaction, case_id: str, sent: Mapping[str, str]) -> Event | None:
    """Return what this call has stored already; wait for whoever else is storing."""
    if case_id not in sent.values():
        return None
    repository.lock_case(tx, case_id)
    return next((event for event in repository.events(tx, case_id) if event.event_hash in sent), None)


def _append(tx: Transaction, request: _Request, sent: dict[str, str]) -> Event:
    """Append an event to a case, the one way there is: compare-and-swap on the head, then insert."""
    if request.form and not _FORM.fullmatch(request.form):
        raise InvalidInput("The form's token is not one of the desk's.")
    case_id = request.case_id
    if stored := _stored(tx, case_id, sent):
        return stored
    actor = repository.user(tx, request.actor_id)
    case = repository.case(tx, case_id)
    events = repository.events(tx, case_id)
    if not events or events[-1].event_hash != case.head_hash:
        raise _MovedOn(case_id)
    if request.form and (repeat := _sent_before(events, request.form)):
        if repeat.user != request.actor_id or repeat.action not in request.verb.value.makes:
            raise InvalidInput("This form was sent already, by someone else or for another purpose.")
        return repeat
    with _refusals_logged(request.actor_id, case_id, request.verb):
        _check_fresh(case_id, events, request.seen, request.verb)
        clock = datetime.now(UTC)
        now = _later(case_id, clock, events)
        change = request.judge(_Scene(tx, actor, case, events, now, clock))
    facts = dict(change.facts)
    if request.form:
        facts["form"] = request.form
    if now > clock:
        facts["clock"] = chain.format_ts(clock)
        if lead := policy.ahead(events, clock):
            seconds = round(lead.total_seconds())
            _LOGGER.warning("%s: its newest event is dated %d seconds ahead of this machine's clock", case_id, seconds)
    changed, event = chain.append(
        case, actor.user_id, chain.format_ts(now), change.action.value, change.notes, change.columns, facts
    )
    sent[event.event_hash] = case_id
    if not repository.update_case(tx, changed, case.head_hash):
        raise _MovedOn(case_id)
    repository.insert_event(tx, event)
    return event


def _check_end(database: Database, case_id: str) -> None:
    """Read the case in one moment. Raises BrokenCase where it does not end where its row says."""
    case, events = database.read(lambda tx: (repository.case(tx, case_id), repository.events(tx, case_id)))
    if not events or events[-1].event_hash != case.head_hash:
        raise BrokenCase(case_id, "its newest event is not the one that its row names")


def _later(case_id: str, clock: datetime, events: Sequence[Event]) -> datetime:
    """Return what the clock shows, or the newest event's time where the clock is behind it."""
    try:
        return max(clock, *(chain.parse_ts(event.ts) for event in events))
    except (TypeError, ValueError) as error:
        raise BrokenCase(case_id, f"an event has a time that the desk never writes ({error})") from error


def _sent_before(events: Sequence[Event], form: str) -> Event | None:
    return next((event for event in events if chain.read_meta(event).get("form") == form), None)


def _check_fresh(case_id: str, events: Sequence[Event], seen: str | None, verb: Verb) -> None:
    """Compare with the head `seen`. Raises StaleCase where something that the verb does not pass over came after it."""
    if seen is None:
        return
    hashes = [event.event_hash for event in events]
    since = events[hashes.index(seen) + 1 :] if seen in hashes else events
    if seen not in hashes or any(event.action not in verb.value.passes_over for event in since):
        raise StaleCase(case_id, since)
