"""The life of a case after its alert: who takes it, what they find, how it ends, what QA says.

Every step goes through the rules of casework and is written into the chain as the desk would write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app import chain, policy, sampling
from app.models import Case, Disposition, Event, QaResult, Risk, Role, Status, User
from seed.draw import DAY, EASTERN, Draw, business_day_after, eastern, is_business_day
from seed.people import ANALYSTS, LEAVER, MANAGERS, REVIEWERS
from seed.typologies import Finding, Typology
from seed.typologies.base import date_text, fill

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

THIN_NO_SAR = (
    "Activity reviewed and found consistent with the customer. No further action.",
    "Alert closed, nothing unusual noted. Customer is known to the branch.",
    "Explained by the customer. Closing.",
)
THIN_SAR = (
    "Activity is unusual. SAR recommended.",
    "Alert confirmed, {amt}. File.",
)
FAILS = (
    "States a result and no reasons: {n} transactions, {amt}, and none of them is cited.",
    "Source of the conclusion is not named; a reader could not repeat it from the file.",
)
PASSES_SAR = (
    "Who, what, when, where, why and how are covered. Date of determination fits the notes.",
    "Reads well without the file. In and out kept apart.",
)
PASSES_NO_SAR = (
    "Short and sufficient: the explanation is named and its paper is in the folder.",
    "Agree with the result; alternative explanation was considered.",
)
TAKEN_UP = (
    "Escalation read with {analyst}: {n} transactions, {amt}. One more round of questions through {br}, then the "
    "decision.",
    "Took the case over from {analyst}. Restrictions on the account considered — none for now.",
    "Discussed with Legal and {analyst}. No objection to deciding here; the open point is the source of funds.",
)
HANDED_BACK = "Back to the desk: the point raised by {analyst} does not need a Manager. Please complete and decide."
CHASERS = (
    "Papers requested through {br} are still outstanding; chaser sent, copy to the regional manager.",
    "Second reminder to {br}. Customer is said to be traveling; new date agreed.",
)
FILED = (
    "E-filing acknowledged by FinCEN; number entered in the filing log, papers to records (five years).",
    "Filed and acknowledged. Supporting papers indexed, {n} transactions in the attached CSV.",
    "Acknowledgment received. Review for continuing activity set for 90 days from filing.",
)
REOPENED_AFTER_QA = (
    "Reopened to correct the points of the QA review of {reviewed}.",
    "QA review of {reviewed} failed; rationale to be rewritten from the evidence.",
)
REOPENED = (
    "Reopened: a reply arrived after closing and has to be weighed.",
    "Reopened: second-line testing asks what the conclusion rests on.",
    "Reopened — counterparty's bank sent new information on {first} to {last}.",
)
REWORK = (
    "Rework: all {n} transactions listed and re-added, {amt_in} in and {amt_out} out; sources named one by one.",
    "Went through the file again from the alert on. Ledger agrees: {credits}, {debits}, {first} to {last}.",
)


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
        checks = draw.some(self._typology.checks, draw.weighted((0, 1, 2, 3), (0.15, 0.40, 0.30, 0.15)))
        for number, check in enumerate(checks):
            self._wait(0, 1) if number == 0 else self._wait(*PAUSE[self.case.risk])
            self._note(self._owner, check)
            if number == 0 and draw.chance(0.04):
                self._wait(0, 2)
                self._assign(self._owner, self._other_analyst())
        if draw.chance(0.08):
            self._wait(5, 12)
            self._note(self._owner, draw.pick(CHASERS))
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
            policy.escalate(analyst, self.case, self._text(draw.pick(self._typology.escalations)), manager),
        )
        self._owner = manager
        self._slots["analyst"] = analyst.name
        self._wait(3, 10)
        if draw.chance(0.25):
            self._note(manager, HANDED_BACK)
            self._wait(0, 0)
            self._assign(manager, draw.pick(ANALYSTS) if analyst is LEAVER else analyst)
        else:
            self._note(manager, draw.pick(TAKEN_UP))
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
            rationale = self._text(draw.pick(THIN_SAR if verdict is Disposition.SAR else THIN_NO_SAR))
        else:
            rationale = preface + self._text(self._ending.finding.rationale)
        determined, suspect_known = None, True
        if verdict is Disposition.SAR:
            determined = (self._now if thin else self._found_at).date()  # desk hours lie within one day, in UTC too
            if self._ending.finding.no_suspect and not thin and draw.chance(0.65):
                suspect_known = False
                rationale += "\n" + self._ending.finding.no_suspect
        self._do(
            decider,
            policy.decide(decider, self.case, verdict, rationale, self._now, determined, suspect_known, zone=EASTERN),
        )
        if verdict is Disposition.SAR and not thin and draw.chance(0.3):
            self._wait(3, 12)
            self._note(draw.pick(MANAGERS) if self._owner is LEAVER else self._owner, draw.pick(FILED))

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
            self._reopen(draw.pick(REOPENED_AFTER_QA))
        elif self._thin or draw.chance(0.025):
            self._reopen(draw.pick(REOPENED))
        else:
            return
        self._wait(0, 3)
        self._note(self._owner, draw.pick(REWORK))
        preface = "Looked at again after reopening; the result stands. "
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
        if result is QaResult.FAIL:
            remark = draw.pick(self._typology.misses)
            if draw.chance(0.6):
                remark = f"{draw.pick(FAILS)} {remark}"
        elif draw.chance(0.35):
            remark = ""
        else:
            sar = self.case.disposition is Disposition.SAR
            remark = draw.pick((*self._typology.passes, *(PASSES_SAR if sar else PASSES_NO_SAR)))
        self._do(reviewer, policy.review(reviewer, self.case, involved, result, self._text(remark), self._now))

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
