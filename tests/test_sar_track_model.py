"""The SAR's track against a model of its own: its steps by anybody, judged by rules written down a second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from app import casework, chain, opening, repository, verification
from app.database import Database
from app.errors import InvalidForm, NotAllowed, StaleCase
from app.exports.bundle import verify
from app.filing import ReportKind
from app.models import Action, Case, Disposition, Event
from app.policy import Decision
from app.sar_track import Filed
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, OTHER_MANAGER, REVIEWER, OpenCase
from tests.drafts import COMPLETE
from tests.lives import BSA_ID

ROLES = {who.user_id: who.role.value for who in (ANALYST, OTHER_ANALYST, MANAGER, OTHER_MANAGER, REVIEWER)}
MANAGERS = [who for who, role in ROLES.items() if role == "Manager"]
LOOKS, NOTED = frozenset({"view", "export"}), frozenset({"view", "export", "note"})

NUMBERS = count(1)
"""The cases of other walks are in the same database."""

STEPS = (
    *("sar", "sar", "no_sar", "escalate", "reopen", "draft", "draft", "approve", "approve", "send_back"),
    *("file", "file", "outside", "acknowledge", "acknowledge", "reject", "amend", "export", "note"),
)

ONWARD = {
    "In Review": ("sar", "sar", "sar", "sar", "no_sar"),
    "Closed": ("reopen",),
    "": ("outside", "draft", "draft", "reopen"),
    "To draft": ("draft", "draft", "draft", "draft", "reopen"),
    "To approve": ("approve", "approve", "approve", "send_back", "draft", "reopen"),
    "To file": ("file", "file", "send_back", "reopen", "draft", "draft"),
    "Filed": ("acknowledge", "reject", "reject", "amend", "amend"),
}
"""What is done next to a case, by the state of its SAR, or its own where it has none."""


@dataclass(frozen=True)
class Step:
    """What a person does, or tries to; `odd` picks what is wrong with it, where it is 1, 2 or 3."""

    name: str
    actor: str
    odd: int
    luck: int
    known: bool
    seen: str


STEP = st.builds(
    Step,
    name=st.sampled_from([*STEPS, *["onward"] * len(STEPS)]),
    actor=st.sampled_from([*ROLES, *["likely"] * 15]),
    odd=st.sampled_from([*[0] * 8, 1, 2, 3]),
    luck=st.integers(0, 5),
    known=st.booleans(),
    seen=st.sampled_from([*["head"] * 6, "before", "nothing"]),
)


class Clock:
    """Stands in for `datetime` in casework."""

    moment: datetime

    def now(self, _zone: object) -> datetime:
        return self.moment


@dataclass
class Modelled:
    """What one case should be, in plain values."""

    case_id: str
    opened: date
    owner: str
    heads: list[str]
    actions: list[str]
    status: str = "In Review"
    disposition: str = ""
    determined: date | None = None
    due: date | None = None
    filing: str = ""
    filed: date | None = None
    bsa_id: str = ""
    known: bool = True
    decider: str = ""
    decided: set[str] = field(default_factory=set)
    drafted: set[str] = field(default_factory=set)
    days: list[date] = field(default_factory=list)
    draft: str = ""
    export: str = ""
    approved: date | None = None
    amends: str = ""
    called: set[str] = field(default_factory=set)


Judged = tuple[bool, Callable[..., Event], tuple[Any, ...], dict[str, Any], frozenset[str]]
"""Whether the model allows it; the verb and its arguments; what becomes of the case; over what it passes."""


class Track(RuleBasedStateMachine):
    def __init__(self, desk: Database, open_case: OpenCase, clock: Clock, walked: set[str]) -> None:
        super().__init__()
        self.desk, self.open_case, self.clock, self.walked = desk, open_case, clock, walked
        self.cases: list[Modelled] = []

    @initialize()
    def a_case_and_one_that_was_decided_before_filings_were_kept(self) -> None:
        self.clock.moment = datetime(2026, 1, 5, 9, 14, tzinfo=UTC)
        owner = ANALYST.user_id
        for old in (False, True):
            case = self.open_case()
            given = casework.assign(self.desk, MANAGER.user_id, case.case_id, owner, "Knows the branch.")
            opened = case.opened_at.date()
            one = Modelled(case.case_id, opened, owner, [case.head_hash, given.event_hash], ["open", "assign"])
            if old:
                event = decide_as_before(self.desk, case.case_id, owner, opened)
                one.heads.append(event.event_hash)
                one.actions.append("disposition")
                one.status, one.disposition, one.determined = "Closed", "SAR", opened
                one.decider, one.decided, one.days = owner, {owner}, [opened]
            self.cases.append(one)

    @rule(days=st.sampled_from([0, 0, 0, 1, 20, 45]))
    def time_passes(self, days: int) -> None:
        self.clock.moment += timedelta(days=days, minutes=1)

    @rule(at=st.integers(0, 1), step=STEP)
    def someone_takes_a_step(self, at: int, step: Step) -> None:
        case = self.cases[at]
        if step.name == "onward":
            steps = ONWARD[case.filing if case.disposition == "SAR" else case.status]
            step = replace(step, name=steps[step.luck % len(steps)])
        if step.actor == "likely":
            step = replace(step, actor=self.likely(case, step))
        allowed, verb, arguments, then, passes_over = getattr(self, step.name)(case, step)
        place = {"head": -1, "before": -2}.get(step.seen)
        sent = {} if place is None or step.name in ("note", "export") else {"seen": case.heads[place]}
        fresh = not sent or place == -1 or case.actions[-1] in passes_over
        due, filed, before = case.due, case.filed, case.filing
        try:
            event = verb(self.desk, step.actor, case.case_id, *arguments, **sent)
        except (NotAllowed, InvalidForm, StaleCase) as refused:
            assert not (allowed and fresh), f"refused what the model allows: {refused}"
            assert isinstance(refused, StaleCase) is not fresh
        else:
            assert allowed and fresh, "accepted what the model refuses"
            for name, value in then.items():
                setattr(case, name, value)
            case.heads.append(event.event_hash)
            case.actions.append(event.action)
            self.walked.add(f"{before or '-'} > {event.action} > {case.filing or '-'}")
            if event.action == Action.SAR_DRAFT:
                case.draft, case.drafted = event.event_hash, case.drafted | {step.actor}
            if event.action == Action.EXPORT:
                case.export = event.event_hash
            if event.action == Action.SAR_APPROVE:
                assert step.actor not in case.decided | case.drafted
            assert event.action != Action.REOPEN or filed is None, "a filed SAR was undone"
            assert case.due == due or event.action == Action.DISPOSITION or due is None, "the clock was moved"
        self.stands_as_modelled(case)

    # --- the model: the table of the track, a second time ---

    def sar(self, case: Modelled, step: Step) -> Judged:
        today = self.clock.moment.date()
        day = {0: today, 1: today + timedelta(days=1), 2: case.opened - timedelta(days=3), 3: case.opened}[step.odd]
        source, because = ("Branch", "New facts.") if step.known else ("", "")
        allowed = (
            self.decides(case, step)
            and day <= today
            and (day >= case.opened or bool(source))
            and (not case.days or day <= min(case.days) or bool(because))
        )
        then = {
            "status": "Closed",
            "disposition": "SAR",
            "determined": day,
            "due": day + timedelta(days=30 if step.known else 60),
            "filing": "To draft",
            "known": step.known,
            "decider": step.actor,
            "decided": case.decided | {step.actor},
            "days": [*case.days, day],
        }
        decision = Decision(
            Disposition.SAR, "Why.", day, suspect_known=step.known, source=source, later_because=because
        )
        return allowed, casework.set_disposition, (decision,), then, LOOKS

    def no_sar(self, case: Modelled, step: Step) -> Judged:
        then = {"status": "Closed", "disposition": "No SAR", "determined": None, "due": None}
        decision = Decision(Disposition.NO_SAR, "Why.")
        return self.decides(case, step), casework.set_disposition, (decision,), then, LOOKS

    def escalate(self, case: Modelled, step: Step) -> Judged:
        receiver = next(who for who in MANAGERS if who != step.actor)
        decision = Decision(Disposition.ESCALATE, "Why.", escalate_to=receiver)
        allowed = case.status == "In Review" and step.actor == case.owner and ROLES[step.actor] != "QA"
        then = {"disposition": "Escalate", "owner": receiver}
        return allowed, casework.set_disposition, (decision,), then, LOOKS

    def reopen(self, case: Modelled, step: Step) -> Judged:
        allowed = case.status == "Closed" and step.actor in MANAGERS and case.filed is None
        then = {"status": "In Review", "disposition": "", "filing": ""}
        return allowed, casework.reopen, ("Why.",), then, LOOKS

    def draft(self, case: Modelled, step: Step) -> Judged:
        allowed = (
            case.disposition == "SAR"
            and case.filing != "Filed"
            and ROLES[step.actor] != "QA"
            and (step.actor in (case.owner, case.decider) or step.actor in MANAGERS)
        )
        amends = case.amends if step.odd != 2 else "" if case.amends else BSA_ID
        allowed = allowed and amends == case.amends
        lacks = step.odd in (1, 3) or (step.luck >= 4 and not step.known)
        then: dict[str, Any] = {"filing": "To draft" if lacks else "To approve"}
        if case.due is None and case.determined:
            then["due"] = case.determined + timedelta(days=30)
        written = replace(COMPLETE, narrative="") if lacks else COMPLETE
        if amends:
            written = replace(written, kind=ReportKind.AMENDED, prior_bsa_id=amends)
        return allowed, casework.draft_sar, (written,), then, NOTED

    def approve(self, case: Modelled, step: Step) -> Judged:
        read = case.heads[1] if step.odd else case.draft
        allowed = case.filing == "To approve" and self.may_approve(case, step) and read == case.draft
        then = {"filing": "To file", "approved": self.clock.moment.date(), "export": ""}
        return allowed, casework.approve_sar, (read,), then, LOOKS

    def send_back(self, case: Modelled, step: Step) -> Judged:
        allowed = case.filing in ("To approve", "To file") and self.may_approve(case, step)
        return allowed, casework.return_sar, ("Why.",), {"filing": "To draft"}, LOOKS

    def file(self, case: Modelled, step: Step) -> Judged:
        today = self.clock.moment.date()
        day = {1: today + timedelta(days=1), 2: today - timedelta(days=1)}.get(step.odd, today)
        export = case.heads[1] if step.odd == 3 else case.export
        late = "Queues." if step.known else ""
        on_time = bool(case.filed) or case.due is None or day <= case.due
        allowed = (
            self.files(case, step, "To file")
            and day <= today
            and (case.approved is None or day >= case.approved)
            and step.odd != 3
            and (on_time or bool(late))
        )
        then = {"filing": "Filed", "filed": case.filed or day}
        return allowed, casework.file_sar, (Filed(day, UTC, export, late),), then, LOOKS

    def outside(self, case: Modelled, step: Step) -> Judged:
        today, bsa_id = self.clock.moment.date(), self.number(case, step)
        due = case.due or (case.determined and case.determined + timedelta(days=30))
        late = "Queues." if step.known else ""
        allowed = (
            self.files(case, step, "")
            and step.actor in MANAGERS
            and bsa_id.isdigit()
            and self.is_free(case, bsa_id)
            and (due is None or today <= due or bool(late))
        )
        then = {"filing": "Filed", "filed": today, "bsa_id": bsa_id, "due": due}
        filed = Filed(today, UTC, late_because=late, outside=True, bsa_id=bsa_id)
        return allowed, casework.file_sar, (filed,), then, LOOKS

    def acknowledge(self, case: Modelled, step: Step) -> Judged:
        bsa_id = self.number(case, step)
        allowed = self.files(case, step, "Filed") and not case.bsa_id
        allowed = allowed and bsa_id.isdigit() and self.is_free(case, bsa_id) and bsa_id not in case.called
        then = {"bsa_id": bsa_id, "called": case.called | {bsa_id}}
        return allowed, casework.acknowledge_sar, (bsa_id,), then, NOTED

    def reject(self, case: Modelled, step: Step) -> Judged:
        errors = [] if step.odd else ["R17: Party first name is missing"]
        allowed = self.files(case, step, "Filed") and not case.bsa_id and bool(errors)
        then = {"filing": "To draft", "filed": case.filed if case.amends else None}
        return allowed, casework.reject_sar, (errors,), then, NOTED

    def amend(self, case: Modelled, step: Step) -> Judged:
        allowed = self.files(case, step, "Filed") and bool(case.bsa_id)
        then = {"filing": "To draft", "bsa_id": "", "amends": case.bsa_id}
        return allowed, casework.amend_sar, ("Why.",), then, LOOKS

    def export(self, _case: Modelled, _step: Step) -> Judged:
        return True, casework.record_export, ({"sar.xml": b"<x/>"}, 1), {}, LOOKS  # type: ignore[return-value]

    def note(self, _case: Modelled, _step: Step) -> Judged:
        return True, casework.add_note, ("Seen.",), {}, NOTED

    def decides(self, case: Modelled, step: Step) -> bool:
        mine = step.actor == case.owner or step.actor in MANAGERS
        return case.status == "In Review" and mine and ROLES[step.actor] != "QA"

    def files(self, case: Modelled, step: Step, filing: str) -> bool:
        mine = step.actor == case.owner or step.actor in MANAGERS
        return case.disposition == "SAR" and case.filing == filing and mine and ROLES[step.actor] != "QA"

    def may_approve(self, case: Modelled, step: Step) -> bool:
        return step.actor in MANAGERS and step.actor not in case.decided | case.drafted

    def number(self, case: Modelled, step: Step) -> str:
        """A BSA id: a new one, none, that of the other case, or that of the report that is amended."""
        other = next(one for one in self.cases if one is not case)
        return {1: "3100012345678x", 2: other.bsa_id, 3: case.amends}.get(step.odd) or f"31{next(NUMBERS):012d}"

    def is_free(self, case: Modelled, bsa_id: str) -> bool:
        return all(one is case or one.bsa_id != bsa_id for one in self.cases)

    def likely(self, case: Modelled, step: Step) -> str:
        """Someone who has the role for it, if not always the right to it."""
        if step.name in ("approve", "send_back", "reopen", "outside"):
            fit = [who for who in MANAGERS if who not in case.decided | case.drafted]
            return (fit or MANAGERS)[0]
        return case.owner

    def stands_as_modelled(self, case: Modelled) -> None:
        assert verification.verify_case(self.desk, case.case_id).breaks == ()
        with self.desk.snapshot() as tx:
            row = repository.case(tx, case.case_id)
            stored = repository.events(tx, case.case_id)
        assert verify.check_changes(case.case_id, [verify.Event(*event) for event in stored]) == []
        assert [event.event_hash for event in stored] == case.heads
        assert (row.status, row.owner, row.disposition, row.filing, row.bsa_id) == (
            *(case.status, case.owner, case.disposition, case.filing, case.bsa_id),
        )
        assert (row.determined_at, row.sar_due_at, row.filed_at) == tuple(
            day and datetime.combine(day, time(), UTC) for day in (case.determined, case.due, case.filed)
        )


def decide_as_before(desk: Database, case_id: str, actor: str, day: date) -> Event:
    """Close a case as SAR as a desk did that kept no filings."""
    with desk.transaction() as tx:
        case: Case = repository.case(tx, case_id)
        now = chain.parse_ts(repository.events(tx, case_id)[-1].ts)
        columns = {
            "status": "Closed",
            "disposition": "SAR",
            "determined_at": datetime.combine(day, time(), UTC),
            "closed_at": now,
        }
        changed, event = chain.append(
            case, actor, chain.format_ts(now), "disposition", "Why.", columns, {"zone": "UTC"}
        )
        changed = replace(changed, status=type(case.status)("Closed"), disposition=Disposition.SAR)
        assert repository.update_case(tx, changed, case.head_hash)
        repository.insert_event(tx, event)
    return event


def test_whatever_people_do_a_sar_goes_its_way_and_its_clock_stands_still(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, walked = Clock(), set[str]()
    for module in (opening, casework):
        monkeypatch.setattr(module, "datetime", clock)

    class AtThisDesk(Track):
        def __init__(self) -> None:
            super().__init__(desk, open_case, clock, walked)

    run_state_machine_as_test(
        AtThisDesk,
        settings=settings(
            max_examples=100 if desk.is_embedded else 8,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert not desk.is_embedded or walked >= EVERY_TRANSITION, EVERY_TRANSITION - walked


EVERY_TRANSITION = {
    *("- > disposition > To draft", "- > disposition > -"),
    *(f"{state} > reopen > -" for state in ("-", "To draft", "To approve", "To file")),
    *(f"{state} > sar_draft > To draft" for state in ("-", "To draft", "To approve", "To file")),
    *(f"{state} > sar_draft > To approve" for state in ("-", "To draft", "To approve", "To file")),
    *("To approve > sar_approve > To file", "To approve > sar_return > To draft", "To file > sar_return > To draft"),
    *("To file > sar_file > Filed", "- > sar_file > Filed", "Filed > sar_acknowledge > Filed"),
    *("Filed > sar_reject > To draft", "Filed > sar_amend > To draft"),
}
"""Each step of the track by the states that it leads from and to."""
