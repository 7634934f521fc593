"""The life of a case after its alert: who takes it, what they find, how it ends, what QA says.

Every step goes through the rules of casework and is written into the chain as the desk would write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from app import chain, policy, sampling
from app.models import Case, Disposition, Event, QaResult, Risk, Role, Status, User
from seed.draw import DAY, EASTERN, Draw, business_day_after, eastern, is_business_day
from seed.people import ANALYSTS, LEAVER, MANAGERS, REVIEWERS
from seed.typologies import Typology
from seed.typologies.base import date_text, fill
from seed.words import Finding, story_words

HOURS = ((9, 11), (11, 14), (14, 16), (16, 18))
HOUR_WEIGHTS = (0.4, 0.2, 0.3, 0.1)
OPENING, EVENING = 9, 18.5
"""US Eastern hours in which people work and how often; when the first comes and the last goes."""

LOOK = timedelta(minutes=2)
"""How long before they act somebody opens the case."""

FIRST_LOOK = {Risk.HIGH: (0, 2), Risk.MEDIUM: (0, 6), Risk.LOW: (1, 11)}
"""Business days until somebody takes the case."""

PAUSE = {Risk.HIGH: (0, 3), Risk.MEDIUM: (1, 5), Risk.LOW: (1, 5)}
"""Business days between two steps of an investigation."""

WORDS = story_words(Path(__file__).with_suffix(".toml"))


class _NotYet(Exception):
    """The next step would lie after the end of the data set."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What the case comes to: decided up front, so that evidence, notes and rationale agree."""

    verdict: Disposition
    finding: Finding
    escalated: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The data set's own present, and when the analyst who left did so."""

    end: datetime
    left: datetime


class Story:
    """One case on its way through the desk, from the `open` event on."""

    def __init__(
        self,
        draw: Draw,
        case: Case,
        opened: Event,
        typology: Typology,
        slots: Mapping[str, str],
        ending: Ending,
        span: Span,
    ) -> None:
        self.draw, self.case, self.events = draw, case, [opened]
        self._typology, self._slots, self._ending, self._span = typology, dict(slots), ending, span
        self._now = self._found_at = case.opened_at
        self._owner: User
        self._thin = False
        """Whether the decision is a poor one: the QA sample fails it, and elsewhere it is overturned."""

    def tell(self) -> None:
        """Everything that happened until the end of the data set."""
        try:
            self._take()
            self._investigate()
            self._review_and_reopen()
        except _NotYet:
            pass

    # Steps

    def _take(self) -> None:
        self._wait(*FIRST_LOOK[self.case.risk])
        last_call = self._span.left - timedelta(days=20)
        analyst = self.draw.pick((*ANALYSTS, LEAVER) if self._now < last_call else ANALYSTS)
        by_manager = self.draw.chance(0.5 if self.case.risk is Risk.HIGH else 0.2)
        self._assign(self.draw.pick(MANAGERS) if by_manager else analyst, analyst)

    def _investigate(self) -> None:
        draw, ending = self.draw, self._ending
        checks = draw.some(self._typology.words.checks, draw.weighted((0, 1, 2, 3), (0.15, 0.40, 0.30, 0.15)))
        for number, check in enumerate(checks):
            self._wait(0, 1) if number == 0 else self._wait(*PAUSE[self.case.risk])
            self._note(self._owner, check)
            if number == 0 and draw.chance(0.04):
                self._wait(0, 2)
                self._assign(self._owner, self._other_analyst())
        if draw.chance(0.08):
            self._wait(5, 12)
            self._note(self._owner, draw.pick(WORDS.chasers))
            self._wait(8, 22)
        if ending.escalated:
            self._escalate()
        sampled, verdict = sampling.is_sampled(self.case.qa_bucket), ending.verdict
        self._thin = draw.chance(0.12) if sampled else verdict is Disposition.SAR and draw.chance(0.04)
        if not self._thin:
            self._find()
        self._wait(*PAUSE[self.case.risk])
        self._decide(verdict if sampled or not self._thin else Disposition.NO_SAR)

    def _escalate(self) -> None:
        draw = self.draw
        self._wait(*PAUSE[self.case.risk])
        analyst = self._owner
        manager = draw.pick(MANAGERS)
        self._do(
            analyst,
            policy.escalate(analyst, self.case, self._text(draw.pick(self._typology.words.escalations)), manager),
        )
        self._owner = manager
        self._slots["analyst"] = analyst.name
        self._wait(3, 10)
        if draw.chance(0.25):
            self._note(manager, WORDS.handed_back)
            self._wait(0, 0)
            self._assign(manager, draw.pick(ANALYSTS) if analyst is LEAVER else analyst)
        else:
            self._note(manager, draw.pick(WORDS.taken_up))
        self._wait(1, 5)

    def _find(self) -> None:
        self._wait(*PAUSE[self.case.risk])
        self._note(self._owner, self._ending.finding.note)
        self._found_at = self._now

    def _decide(self, verdict: Disposition, preface: str = "") -> None:
        draw, thin = self.draw, self._thin
        decider = self._owner
        if decider.role is Role.ANALYST and draw.chance(0.03):
            decider = draw.pick(MANAGERS)
        if thin:
            rationale = self._text(draw.pick(WORDS.thin_sar if verdict is Disposition.SAR else WORDS.thin_no_sar))
        else:
            rationale = preface + self._text(self._ending.finding.rationale)
        determined, suspect_known = None, True
        if verdict is Disposition.SAR:
            determined = (self._now if thin else self._found_at).date()  # desk hours lie within one day, in UTC too
            if self._ending.finding.no_suspect and not thin and draw.chance(0.65):
                suspect_known = False
                rationale += "\n" + self._text(self._ending.finding.no_suspect)
        self._do(
            decider,
            policy.decide(
                decider,
                self.case,
                policy.Decision(verdict, rationale, determined, EASTERN, suspect_known),
                self._now,
            ),
        )
        if verdict is Disposition.SAR and not thin and draw.chance(0.3):
            self._wait(3, 12)
            self._note(draw.pick(MANAGERS) if self._owner is LEAVER else self._owner, draw.pick(WORDS.filed))

    def _review_and_reopen(self) -> None:
        draw = self.draw
        if sampling.is_sampled(self.case.qa_bucket):
            if not self._thin and draw.chance(0.06):
                return  # nobody has got round to it
            self._wait(3, 14)
            self._review(QaResult.FAIL if self._thin else QaResult.PASS)
            if not self._thin or draw.chance(0.25):
                return
            self._slots["reviewed"] = date_text(self._now.date())
            self._reopen(draw.pick(WORDS.reopened_after_qa))
        elif self._thin or draw.chance(0.025):
            self._reopen(draw.pick(WORDS.reopened))
        else:
            return
        self._wait(0, 3)
        self._note(self._owner, draw.pick(WORDS.rework))
        preface = self._text(WORDS.stands) + " "
        if self._thin:
            self._find()
            self._thin, preface = False, ""
        self._wait(1, 5)
        self._decide(self._ending.verdict, preface)
        if sampling.is_sampled(self.case.qa_bucket):
            self._wait(3, 12)
            self._review(QaResult.PASS)

    def _review(self, result: QaResult) -> None:
        draw = self.draw
        involved = policy.involved_in(self.events)
        candidates = MANAGERS if draw.chance(0.12) else REVIEWERS
        reviewer = draw.pick([user for user in candidates if user.user_id not in involved] or REVIEWERS)
        words = self._typology.words
        remarks: list[str] = []
        if result is QaResult.FAIL:
            remarks = [draw.pick(words.misses)]
            if draw.chance(0.6):
                remarks.insert(0, draw.pick(WORDS.fails))
        elif not draw.chance(0.35):
            sar = self.case.disposition is Disposition.SAR
            remarks = [draw.pick((*words.passes, *(WORDS.passes_sar if sar else WORDS.passes_no_sar)))]
        notes = " ".join(map(self._text, remarks))
        self._do(reviewer, policy.review(reviewer, self.case, involved, result, notes, self._now))

    def _reopen(self, reason: str) -> None:
        manager, gone = self.draw.pick(MANAGERS), self._owner is LEAVER
        self._wait(1, 6)
        if self._now + timedelta(minutes=20) > self._span.end:
            raise _NotYet
        self._do(manager, policy.reopen(manager, self.case, self._text(reason)))
        if gone:
            self._now += self._minutes(2, 19)
            self._assign(manager, self.draw.pick(ANALYSTS))

    # What steps are made of

    def _wait(self, low: int, high: int) -> None:
        """Go on `low` to `high` business days later; on the same day if none, where there is time left."""
        days, today = self.draw.between(low, high), self._now.date()
        early = self._now < eastern(today, OPENING)
        moment = self._now + self._minutes(4, 85)
        if early:
            moment = self._working_time(business_day_after(today - DAY, days + 1))
        elif days or moment > eastern(today, EVENING):
            moment = self._working_time(business_day_after(today, max(days, 1)))
        if self.case.owner == LEAVER.user_id and self.case.status is Status.IN_REVIEW and moment > self._span.left:
            self._now = self._span.left + self._minutes(5, 150)
            self._assign(self.draw.pick(MANAGERS), self.draw.pick(ANALYSTS))
            moment = max(moment, self._now + self._minutes(10, 90))
        if moment > self._span.end:
            raise _NotYet
        self._now = moment

    def _working_time(self, day: date) -> datetime:
        if day.weekday() == 4 and self.draw.chance(0.04) and is_business_day(day):
            day += DAY
        start, end = self.draw.weighted(HOURS, HOUR_WEIGHTS)
        moment = self.draw.time(day, start, end)
        return moment + timedelta(microseconds=self.draw.between(1, 999_999)) if self.draw.chance(0.7) else moment

    def _minutes(self, low: int, high: int) -> timedelta:
        return timedelta(seconds=self.draw.between(60 * low, 60 * high))

    def _other_analyst(self) -> User:
        return self.draw.pick([user for user in ANALYSTS if user is not self._owner])

    def _text(self, template: str) -> str:
        return fill(template, self._slots)

    def _note(self, user: User, template: str) -> None:
        self._do(user, policy.note(user, self.case, self._text(template)))

    def _assign(self, actor: User, receiver: User) -> None:
        self._do(actor, policy.assign(actor, self.case, receiver))
        self._owner = receiver

    def _do(self, user: User, change: policy.Change) -> None:
        """Before it, they opened the case, which a case with a SAR decision keeps."""
        looked = max(self._now - LOOK, chain.parse_ts(self.events[-1].ts))
        if policy.view_to_record(user.user_id, self.events, looked):
            self._add(user, looked, policy.view(user, self.case))
        self._add(user, self._now, change)

    def _add(self, user: User, moment: datetime, change: policy.Change) -> None:
        self.case, event = chain.append(
            self.case,
            user.user_id,
            chain.format_ts(moment),
            change.action.value,
            change.notes,
            change.columns,
            change.facts,
        )
        self.events.append(event)
