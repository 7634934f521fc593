"""Casework against a model of its own: random work by random people, judged by rules written down a second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from app import casework, chain, opening, repository, verification
from app.database import Database
from app.errors import InvalidInput, NotAllowed, StaleCase
from app.models import ALERT_FEED, Disposition, Event, QaResult
from app.policy import Decision
from tests.conftest import PEOPLE, OpenCase, alert

ROLES = {person.user_id: person.role.value for person in PEOPLE}
ACTIVE = [person.user_id for person in PEOPLE if person.active]
OWNERS = [person for person in ACTIVE if ROLES[person] != "QA"]
LIKELY = "whoever is likely to be allowed"


@dataclass(frozen=True)
class Work:
    """What a person does, or tries to. In a review, `suspect_known` is the verdict."""

    actor: str
    luck: int
    receiver: str
    text: str
    disposition: str
    determined: str
    suspect_known: bool
    seen: str
    form: str


# Weighted, so that most walks go through reviews and reopenings.
VERB = st.sampled_from(["assign", "note", "close", "escalate", "review", "review", "reopen"])
WORK = st.builds(
    Work,
    actor=st.sampled_from([*[LIKELY] * 16, *ROLES]),
    luck=st.integers(0, 11),
    receiver=st.sampled_from([*OWNERS * 3, *ROLES]),
    text=st.sampled_from([*["Because.", "ends in space \n"] * 6, " "]),
    disposition=st.sampled_from(["SAR", "No SAR"]),
    determined=st.sampled_from([*["as it should be"] * 12, "never", "today", "tomorrow", "too early"]),
    suspect_known=st.booleans(),
    seen=st.sampled_from([*["nothing", "head"] * 8, "before", "never"]),
    form=st.sampled_from([*["none", "new"] * 6, "again"]),
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
    customer_id: str
    sampled: bool
    opened_at: datetime
    last: datetime
    actions: list[str]
    heads: list[str]
    status: str = "New"
    owner: str | None = None
    disposition: str = ""
    determined_at: datetime | None = None
    closed_at: datetime | None = None
    qa: tuple[str, str | None, datetime | None, str] = ("", None, None, "")
    forms: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    part: set[str] = field(default_factory=set)
    score: int = 87
    other: tuple[datetime, str] | None = None
    """Another case of its customer, which an alert opened while this one was closed; nobody works on it."""


@dataclass(frozen=True)
class Judged:
    """Whether the model allows it, how casework is asked, the event it should make and what becomes of the case."""

    allowed: bool
    send: Callable[..., Event]
    action: str
    then: Callable[[], None]
    passes_over: frozenset[str] = frozenset()

    @property
    def verb(self) -> str:
        """What a form was for: a pass and a fail come from the same one."""
        return self.action.partition("_")[0]


class Casework(RuleBasedStateMachine):
    numbers = count()

    def __init__(self, desk: Database, open_case: OpenCase, clock: Clock) -> None:
        super().__init__()
        self.desk, self.open_case, self.clock = desk, open_case, clock
        self.cases: list[Modelled] = []

    @initialize()
    def two_closed_cases_and_a_new_one(self) -> None:
        self.clock.moment = datetime(2026, 1, 5, 9, 14, tzinfo=UTC)
        for sampled in (True, False, True):
            drawn = (self.open_case(customer_id=f"C-{next(self.numbers)}") for _ in count())
            case = next(case for case in drawn if (case.qa_bucket == 0) is sampled)
            self.cases.append(
                Modelled(
                    case.case_id, case.customer_id, sampled, case.opened_at, case.opened_at, ["open"], [case.head_hash]
                )
            )

        by_the_book = Work("a.nguyen", 0, "a.nguyen", "Because.", "SAR", "today", True, "head", "new")
        for verb, at in (("assign", 0), ("close", 0), ("assign", 1), ("close", 1)):
            self.someone_works(verb, at, by_the_book)

    @rule(hours=st.integers(-30, 50))
    def the_clock_moves(self, hours: int) -> None:
        self.clock.moment += timedelta(hours=hours)

    @rule(at=st.integers(0, 2), score=st.integers(0, 100), again=st.booleans())
    def an_alert_comes_in(self, at: int, score: int, again: bool) -> None:
        """It joins the older of the customer's open cases, and opens another one where none is open."""
        case = self.cases[at]
        told = alert(alert_id=f"TM-{next(self.numbers)}-joins", customer_id=case.customer_id, risk_score=score)
        ours = case.status != "Closed" and (case.other is None or (case.opened_at, case.case_id) < case.other)
        joins = ours or case.other is not None
        done = opening.open_alerts(self.desk, ALERT_FEED, [told, *([told] if again else [])])
        assert (done.opened, done.joined, done.already, done.changed) == (not joins, joins, again, [])
        with self.desk.snapshot() as tx:
            event = repository.events(tx, case.case_id)[-1]
            if not joins:
                (other,) = repository.other_cases(tx, case.customer_id, case.case_id)
                case.other = other.opened_at, other.case_id
        if ours:
            case.last, case.score = self.now(case), max(case.score, score)
            assert (event.action, event.user, event.ts) == ("alert", ALERT_FEED, chain.format_ts(case.last))
            case.actions.append("alert")
            case.heads.append(event.event_hash)
        self.stands_as_modelled(case)

    @rule(verb=VERB, at=st.integers(0, 2), work=WORK)
    def someone_works(self, verb: str, at: int, work: Work) -> None:
        case = self.cases[at]
        if work.actor == LIKELY:
            work = replace(work, actor=self.likely(verb, case, work.luck))
        form = {"none": "", "new": f"form-{len(case.heads)}", "again": next(reversed(case.forms), "form-0")}[work.form]
        heads = {"nothing": None, "head": case.heads[-1], "before": case.heads[-2:][0], "never": "0" * 64}
        seen = heads[work.seen]
        judged: Judged = getattr(self, verb)(case, work)
        arguments = {"form": form} if verb == "note" else {"form": form, "seen": seen}
        since = case.actions[case.heads.index(seen) + 1 :] if seen in case.heads else ["never was"] if seen else []
        fresh = verb == "note" or set(since) <= judged.passes_over
        try:
            event = judged.send(self.desk, work.actor, case.case_id, **arguments)
        except (NotAllowed, InvalidInput, StaleCase) as refused:
            if form in case.forms:
                assert case.forms[form][1:] != (work.actor, judged.verb), "refused a form that was accepted before"
            else:
                assert not (judged.allowed and fresh and work.actor in ACTIVE), "refused what the model allows"
                assert isinstance(refused, StaleCase) is not fresh
        else:
            if form in case.forms:
                assert case.forms[form] == (event.event_hash, work.actor, judged.verb), "a form sent twice"
            else:
                assert judged.allowed and fresh, "accepted what the model refuses"
                assert work.actor in ACTIVE, "accepted the work of someone inactive"
                case.last = self.now(case)
                assert (event.action, event.user, event.ts) == (
                    *(judged.action, work.actor, chain.format_ts(case.last)),
                )
                judged.then()
                case.actions.append(event.action)
                case.heads.append(event.event_hash)
                case.forms |= {form: (event.event_hash, work.actor, judged.verb)} if form else {}
        self.stands_as_modelled(case)

    def assign(self, case: Modelled, work: Work) -> Judged:
        actor, receiver = work.actor, work.receiver
        mine = case.owner == actor or (case.owner is None and receiver == actor)

        def then() -> None:
            case.part |= {receiver}
            case.status, case.owner = "In Review", receiver
            if ROLES[receiver] == "Analyst":
                case.disposition = ""

        return Judged(
            case.status != "Closed"
            and receiver in ACTIVE
            and ROLES[receiver] != "QA"
            and receiver != case.owner
            and (ROLES[actor] == "Manager" or (ROLES[actor] == "Analyst" and mine))
            and (bool(work.text.strip()) or (case.owner is None and receiver == actor)),
            partial(casework.assign, receiver_id=receiver, reason=work.text),
            "assign",
            then,
            frozenset({"note", "alert"}),
        )

    def note(self, case: Modelled, work: Work) -> Judged:
        return Judged(
            bool(work.text.strip()),
            partial(casework.add_note, text=work.text),
            "note",
            lambda: None,
        )

    def close(self, case: Modelled, work: Work) -> Judged:
        now = self.now(case)
        needed = "today" if work.disposition == "SAR" else "never"
        given = needed if work.determined == "as it should be" else work.determined
        today, opened = self.clock.moment.date(), case.opened_at.date()
        determined_at = {
            "never": None,
            "today": today,
            "tomorrow": today + timedelta(days=1),
            "too early": min(opened, today) - timedelta(days=1),
        }[given]

        def then() -> None:
            case.part |= {work.actor}
            case.status, case.disposition = "Closed", work.disposition
            case.closed_at = now
            case.determined_at = None if determined_at is None else datetime.combine(determined_at, time(), UTC)

        return Judged(
            case.status == "In Review"
            and (ROLES[work.actor] == "Manager" or work.actor == case.owner)
            and bool(work.text.strip())
            and given == needed,
            partial(
                casework.set_disposition,
                decision=Decision(
                    disposition=Disposition(work.disposition),
                    rationale=work.text,
                    determined_at=determined_at,
                    suspect_known=work.suspect_known,
                    later_because="Because.",
                ),
            ),
            "disposition",
            then,
        )

    def escalate(self, case: Modelled, work: Work) -> Judged:
        def then() -> None:
            case.part |= {work.actor, work.receiver}
            case.owner, case.disposition = work.receiver, "Escalate"

        return Judged(
            case.status == "In Review"
            and work.actor == case.owner
            and work.receiver in ACTIVE
            and work.receiver != work.actor
            and ROLES[work.receiver] == "Manager"
            and bool(work.text.strip()),
            partial(
                casework.set_disposition,
                decision=Decision(disposition=Disposition.ESCALATE, rationale=work.text, escalate_to=work.receiver),
            ),
            "disposition",
            then,
        )

    def review(self, case: Modelled, work: Work) -> Judged:
        verdict = "Fail" if work.suspect_known else "Pass"

        def then() -> None:
            case.qa = (verdict, work.actor, case.last, work.text if work.text.strip() else "")

        return Judged(
            case.status == "Closed"
            and case.sampled
            and case.qa[0] == ""
            and ROLES[work.actor] in ("QA", "Manager")
            and work.actor not in case.part
            and (verdict == "Pass" or bool(work.text.strip())),
            partial(casework.record_qa, result=QaResult(verdict), notes=work.text),
            f"qa_{verdict.lower()}",
            then,
        )

    def reopen(self, case: Modelled, work: Work) -> Judged:
        def then() -> None:
            case.status, case.disposition, case.qa = "In Review", "", ("", None, None, "")
            case.closed_at = None

        return Judged(
            case.status == "Closed" and ROLES[work.actor] == "Manager" and bool(work.text.strip()),
            partial(casework.reopen, reason=work.text),
            "reopen",
            then,
        )

    def likely(self, verb: str, case: Modelled, luck: int) -> str:
        """Someone who has the role for it, if not always the right to it."""
        managers = [who for who in ACTIVE if ROLES[who] == "Manager"]
        candidates = {
            "assign": OWNERS,
            "note": ACTIVE,
            "close": [case.owner or OWNERS[0], *managers],
            "escalate": [case.owner or OWNERS[0]],
            "review": [who for who in ACTIVE if ROLES[who] != "Analyst"],
            "reopen": managers,
        }[verb]
        return candidates[luck % len(candidates)]

    def now(self, case: Modelled) -> datetime:
        return max(self.clock.moment, case.last)

    def stands_as_modelled(self, case: Modelled) -> None:
        assert verification.verify_case(self.desk, case.case_id).breaks == ()
        with self.desk.snapshot() as tx:
            row = repository.case(tx, case.case_id)
            stored = repository.events(tx, case.case_id)
        assert [event.event_hash for event in stored] == case.heads
        found: dict[str, Any] = {
            "status": row.status,
            "owner": row.owner,
            "disposition": row.disposition,
            "determined_at": row.determined_at,
            "closed_at": row.closed_at,
            "qa": (row.qa_result, row.qa_reviewer, row.qa_at, row.qa_notes),
            "opened_at": row.opened_at,
            "score": row.risk_score,
        }
        assert {name: getattr(case, name) for name in found} == found
        assert (row.event_count, row.head_hash) == (len(case.heads), case.heads[-1])


def test_whatever_people_do_the_case_is_what_the_rules_make_it_and_its_chain_holds(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    for module in (opening, casework):
        monkeypatch.setattr(module, "datetime", clock)

    class AtThisDesk(Casework):
        def __init__(self) -> None:
            super().__init__(desk, open_case, clock)

    run_state_machine_as_test(
        AtThisDesk,
        settings=settings(
            max_examples=75 if desk.is_embedded else 8,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
