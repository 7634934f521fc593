"""The life of a case after its alert: who takes it, what they find, how it ends, what QA says.

Every step goes through the rules of casework and is written into the chain as the desk would write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from app import chain, evidence, filing, joining, narrative, policy, rules, sampling, sar_track
from app.exports import sarx
from app.exports.filer import DEMO_FILER
from app.filing import Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.models import ALERT_FEED_USER, Case, Disposition, Event, Filing, QaResult, Risk, Role, Status, User
from app.policy import Verb
from seed.course import Alert, Course, Ending, Span
from seed.draw import DAY, EASTERN, Draw, business_day_after, eastern, is_business_day
from seed.people import ANALYSTS, LEAVER, MANAGERS, REVIEWERS
from seed.typologies import Typology
from seed.typologies.base import date_text, fill
from seed.words import Revision, story_words

HOURS = ((9.05, 11), (11, 14), (14, 16), (16, 18))
HOUR_WEIGHTS = (0.4, 0.2, 0.3, 0.1)
OPENING, EVENING = 9, 18.5
"""US Eastern hours in which people act and how often; when the first comes, who looks at a case before they act, and
when the last goes."""

LOOK = timedelta(minutes=2)
"""How long before they act somebody opens the case."""

APART = timedelta(minutes=10)
"""From QA's review to what others do before and after it, at least."""

FIRST_LOOK = {Risk.HIGH: (0, 2), Risk.MEDIUM: (0, 6), Risk.LOW: (1, 11)}
"""Business days until somebody takes the case."""

PAUSE = {Risk.HIGH: (0, 3), Risk.MEDIUM: (1, 5), Risk.LOW: (1, 5)}
"""Business days between two steps of an investigation."""

QUICK = ((0, 3), (0, 2), (0, 2))
"""Business days until the draft of a SAR, its approval and its filing."""

SLOW = ((4, 8), (9, 15), None)
SLOWEST = (18, 45)
"""The same of one of them where it is not quick, and where it is held up past the deadline, or nearly."""

WORDS = story_words(Path(__file__).with_suffix(".toml"))


class _NotYet(Exception):
    """The next step would lie after the end of the data set."""


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
        bsa_ids: Iterator[str],
        course: Course,
    ) -> None:
        self.draw, self.case, self.events = draw, case, [opened]
        self._typology, self._slots, self._ending, self._span = typology, dict(slots), ending, span
        self._course, self._coming = course, list(course.alerts)
        self._now = self._found_at = case.opened_at
        self._owner: User
        self._thin = False
        """Whether the decision is a poor one: the QA sample fails it, and elsewhere it is overturned."""
        self._review_at: datetime | None = None
        """When QA comes to the case, whatever happens to it meanwhile."""
        self._bsa_ids, self._prior = bsa_ids, ""
        self._draft: Draft
        """The newest draft of the SAR, which stands in the event of the hash `_draft_hash`."""
        self._draft_hash = ""
        self._additions: list[str] = []
        """What the narrative of the SAR got after it was begun."""
        self._stand_in: User | None = None

    def tell(self) -> None:
        """Everything that happened until the end of the data set."""
        try:
            self._take()
            self._await_alerts()
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

    def _await_alerts(self) -> None:
        """What is known to come is waited for: the notes are about all of it."""
        if self._coming:
            day = business_day_after(self._coming[-1].at.date() - DAY)
            self._go_on(self._working_time(day) + self._minutes(0, 20))

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
        self._thin &= not self._course.is_prompt
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
        determined, later_because, suspect_known = None, "", True
        if verdict is Disposition.SAR:
            determined = (self._now if thin else self._found_at).date()  # desk hours lie within one day, in UTC too
            first = self.case.determined_at
            if first and determined > first.date():
                if draw.chance(0.4):
                    later_because = self._text(draw.pick(WORDS.later))
                else:
                    determined = first.date()
            if self._ending.finding.no_suspect and not thin and draw.chance(0.65):
                suspect_known = False
                rationale += "\n" + self._text(self._ending.finding.no_suspect)
        decision = policy.Decision(verdict, rationale, determined, EASTERN, suspect_known, later_because=later_because)
        change = policy.decide(decider, self.case, decision, self._now, events=self.events)
        if self._now < self._span.filings_kept:
            kept = {name: value for name, value in change.columns.items() if name not in ("sar_due_at", "filing")}
            change = replace(change, columns=kept)
        self._do(decider, change)

    def _review_and_reopen(self) -> None:
        """QA's review and, where it has to be, the work once more; a SAR goes its way meanwhile."""
        draw, is_sampled = self.draw, sampling.is_sampled(self.case.qa_bucket)
        if is_sampled:
            if self._thin or not draw.chance(0.06):  # to the others nobody has got round
                self._plan_review(3, 14)
            if not self._thin or draw.chance(0.25):
                return self._report()
            self._await_review()
            self._reopen(draw.pick(WORDS.reopened_after_qa))
        elif self._thin or (draw.chance(0.025) and not self._course.is_prompt):
            self._reopen(draw.pick(WORDS.reopened))
        else:
            return self._report()
        self._wait(0, 3)
        self._note(self._owner, draw.pick(WORDS.rework))
        preface = self._text(WORDS.stands) + " "
        if self._thin:
            self._find()
            self._thin, preface = False, ""
        self._wait(1, 5)
        self._decide(self._ending.verdict, preface)
        if is_sampled:
            self._plan_review(3, 12)
        return self._report()

    def _plan_review(self, low: int, high: int) -> None:
        self._review_at = self._later(low, high)

    def _await_review(self) -> None:
        if self._review_at:
            self._go_on(self._review_at + self._minutes(30, 60))

    def _review(self) -> None:
        draw, is_sar = self.draw, self.case.disposition is Disposition.SAR
        involved = policy.involved_in(self.events)
        candidates = MANAGERS if draw.chance(0.12) and not is_sar else REVIEWERS  # Managers are there to approve a SAR
        reviewer = draw.pick([user for user in candidates if user.user_id not in involved] or REVIEWERS)
        words = self._typology.words
        remarks: list[str] = []
        if self._thin:
            remarks = [draw.pick(words.misses)]
            if draw.chance(0.6):
                remarks.insert(0, draw.pick(WORDS.fails))
        elif not draw.chance(0.35):
            remarks = [draw.pick((*words.passes, *(WORDS.passes_sar if is_sar else WORDS.passes_no_sar)))]
        result, notes = QaResult.FAIL if self._thin else QaResult.PASS, " ".join(map(self._text, remarks))
        self._do(reviewer, policy.review(reviewer, self.case, involved, result, notes, self._now))
        self._slots["reviewed"] = date_text(self._now.date())

    def _reopen(self, reason: str) -> None:
        manager, gone = self.draw.pick(MANAGERS), self._owner is LEAVER
        self._wait(1, 6)
        if self._now + timedelta(minutes=20) > self._span.end:
            raise _NotYet
        self._do(manager, policy.reopen(manager, self.case, self._text(reason)))
        if gone:
            self._now += self._minutes(2, 19)
            self._assign(manager, self.draw.pick(ANALYSTS))

    # The SAR's way to FinCEN

    def _report(self) -> None:
        """Draft, approval and filing of a SAR, and FinCEN's answer; all of it again where something was wrong."""
        draw = self.draw
        if self.case.disposition is Disposition.SAR and self.case.filing is Filing.NONE:
            self._record_filing()
        elif self.case.disposition is Disposition.SAR:
            self._file(*self._waits())
            if draw.chance(0.04):
                actor, errors = self._in_charge(), [self._text(draw.pick(WORDS.rejected))]
                self._do(actor, sar_track.reject(actor, self.case, self.events, errors))
                self._file(*QUICK)
            self._acknowledge()
            if self._thin:
                self._await_review()
                self._amend(draw.pick(WORDS.amended_after_qa))
            elif draw.chance(0.05):
                self._amend(draw.pick(WORDS.amended))
        self._await_review()

    def _record_filing(self) -> None:
        """Of a SAR that was decided before filings were kept, a Manager may say later how it was filed."""
        draw, decided = self.draw, self._now
        if draw.chance(0.5):
            self._go_on(max(decided, self._span.filings_kept) + DAY)
            self._wait(1, 20)
            day = business_day_after(decided.date(), draw.between(6, 14))
            manager, bsa_id = draw.pick(MANAGERS), next(self._bsa_ids)
            filed = sar_track.Filed(min(day, self._today), EASTERN, outside=True, bsa_id=bsa_id)
            self._do(manager, sar_track.file(manager, self.case, self.events, filed, self._now))

    def _waits(self) -> list[tuple[int, int]]:
        """Business days until the draft, the approval and the filing: there may be a long one among them.

        Of what is due about the end of the data set more is held up, so that a demo has some that presses.
        """
        due = self.case.sar_due_at
        days_left = (due - self._span.end).days if due else 0
        held_up = 0.6 if 0 <= days_left <= 7 else 0.3 if -21 <= days_left < 0 else 0.05
        slow = self.draw.weighted((SLOWEST, *SLOW), (held_up, 0.15, 0.08, 1))
        waits = list(QUICK)
        if slow:
            waits[self.draw.weighted((0, 1, 2), (0.4, 0.3, 0.3))] = slow
        return waits

    def _file(self, draft: tuple[int, int], approve: tuple[int, int], file: tuple[int, int]) -> None:
        draw = self.draw
        self._wait(*draft)
        self._write()
        if draw.chance(0.12):
            self._wait(0, 2)
            revision = draw.pick([each for each in WORDS.returned if each.added not in self._additions])
            approver = self._approver()
            self._do(approver, sar_track.send_back(approver, self.case, self.events, self._text(revision.reason)))
            self._additions.append(revision.added)
            self._wait(0, 2)
            self._write()
        self._wait(*approve)
        approver = self._approver()
        self._do(approver, sar_track.approve(approver, self.case, self.events, self._draft_hash))
        self._wait(*file)
        if not is_business_day(self._now.date()):
            self._wait(1, 1)
        self._send(approver if draw.chance(0.25) else self._in_charge())
        self._wait(1, 3)

    def _write(self) -> None:
        """The draft that the desk proposes and begins, with what was found wanting in the one before."""
        kept, prior = evidence.read(self.events), self._course.prior
        ordinary = self._course.ordinary
        kept = replace(kept, transactions=[row for row in kept.transactions if row.id not in ordinary])
        draft = filing.propose(self.case, kept)
        draft = replace(draft, subjects=self._subjects(draft, kept))
        if prior and draft.amount:
            total = draft.amount + prior.amount
            draft = replace(draft, kind=ReportKind.CONTINUING, prior_bsa_id=prior.bsa_id, cumulative=total)
        if self._prior:
            draft = replace(draft, kind=ReportKind.AMENDED, prior_bsa_id=self._prior)
        begun = narrative.begin(self.case, kept, self.events, draft)
        draft = replace(draft, narrative="\n\n".join((begun, *map(self._text, self._additions))))
        writer = self._in_charge()
        self._do(writer, sar_track.draft(writer, self.case, self.events, draft))
        self._draft, self._draft_hash = draft, self.case.head_hash

    def _subjects(self, draft: Draft, kept: evidence.Kept) -> tuple[Subject, ...]:
        """Whom the report names: those proposed, in agreement with what the decision says of a suspect.

        Where the customer is a victim, the suspect is the person who was paid most.
        """
        customer = draft.subjects[0]
        if not policy.suspect_known(self.events):
            role = SubjectRole.RELATED if customer.is_filed else customer.role
            return replace(customer, role=role), Subject("", SubjectRole.UNKNOWN)
        if customer.is_filed:
            return draft.subjects
        paid = {item.counterparty for item in filing.items(kept) if not item.is_credit}
        for party in filing.candidates(self.case, kept):
            if party.kind is SubjectKind.PERSON and party.name in paid:
                return customer, replace(party, role=SubjectRole.SUSPECT)
        return draft.subjects

    def _send(self, sender: User) -> None:
        """By the desk's file, or keyed in by hand."""
        export = self._export(sender) if self.draw.chance(0.6) else ""
        day, due = self._today, self.case.sar_due_at
        is_late = self.case.filed_at is None and due is not None and day > due.date()
        late_because = self._text(self.draw.pick(WORDS.late)) if is_late else ""
        filed = sar_track.Filed(day, EASTERN, export, late_because)
        self._do(sender, sar_track.file(sender, self.case, self.events, filed, self._now))

    def _export(self, sender: User) -> str:
        """FinCEN's file of a made-up bank. Return the hash of the event that keeps that it left."""
        self._look(sender)
        report = sarx.Report(self.case.case_id, self._today)
        digest = sha256(sarx.render(self._draft, DEMO_FILER, report)).hexdigest()
        files = {sarx.file_name(report.case_id, DEMO_FILER): digest}
        self._do(sender, policy.export(sender, self.case, files, len(self.events)))
        exported = self.case.head_hash
        self._go_on(self._now + self._minutes(2, 8))
        return exported

    def _acknowledge(self) -> None:
        actor = self._in_charge()
        self._do(actor, sar_track.acknowledge(actor, self.case, self.events, next(self._bsa_ids)))

    def _amend(self, revision: Revision) -> None:
        self._wait(2, 12)
        actor, self._prior = self._in_charge(), self.case.bsa_id
        self._do(actor, sar_track.amend(actor, self.case, self._text(revision.reason)))
        self._additions.append(revision.added)
        self._file(*QUICK)
        self._acknowledge()

    def _in_charge(self) -> User:
        """Who sees to the SAR: the owner or, once they have left, a Manager, who may have decided on it."""
        if self._owner is LEAVER and self._now > self._span.left:
            if self._stand_in is None:
                involved = policy.involved_in(self.events, Verb.SAR_APPROVE)
                self._stand_in = self.draw.pick([user for user in MANAGERS if user.user_id in involved] or MANAGERS)
            return self._stand_in
        return self._owner

    def _approver(self) -> User:
        involved = policy.involved_in(self.events, Verb.SAR_APPROVE)
        may = [user for user in MANAGERS if not policy.why_not(Verb.SAR_APPROVE, user, self.case, involved)]
        return self.draw.pick(may)

    # What steps are made of

    @property
    def _today(self) -> date:
        return self._now.astimezone(EASTERN).date()

    def _wait(self, low: int, high: int) -> None:
        """Go on `low` to `high` business days later; on the same day if none, where there is time left."""
        moment = self._later(low, high)
        if self.case.owner == LEAVER.user_id and self.case.status is Status.IN_REVIEW and moment > self._span.left:
            self._now = self._span.left + self._minutes(5, 150)
            self._assign(self.draw.pick(MANAGERS), self.draw.pick(ANALYSTS))
            moment = max(moment, self._now + self._minutes(10, 90))
        self._go_on(moment)

    def _go_on(self, moment: datetime) -> None:
        """Go on to that moment, by way of alerts and QA's review where they come before. Raises _NotYet."""
        while self._coming and self._coming[0].at <= moment:
            self._join(self._coming.pop(0))
        if self._review_at and self._review_at <= moment:
            self._now, self._review_at = max(self._review_at, self._now + APART), None
            if self._now <= self._span.end:
                self._review()
            moment = max(moment, self._now + APART)
        if moment > self._span.end:
            raise _NotYet
        self._now = moment

    def _later(self, low: int, high: int) -> datetime:
        if self._course.is_prompt:
            low, high = min(low, 1), min(high, 1)
        days, today = self.draw.between(low, high), self._now.date()
        early = self._now < eastern(today, OPENING)
        moment = self._now + self._minutes(4, 85)
        if early:
            moment = self._working_time(business_day_after(today - DAY, days + 1))
        elif days or moment > eastern(today, EVENING):
            moment = self._working_time(business_day_after(today, max(days, 1)))
        return moment

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

    def _join(self, alert: Alert) -> None:
        case = self.case
        facts = {name: getattr(case, name) for name in ("customer_id", "customer_name", "typology", "currency")}
        told = {**alert.evidence, **facts, "risk": alert.risk, "risk_score": alert.risk_score, "amount": alert.amount}
        self._add(ALERT_FEED_USER, alert.at, joining.join(ALERT_FEED_USER, case, evidence.check(told)))

    def _assign(self, actor: User, receiver: User) -> None:
        reasons = WORDS.handed_over if actor.role is Role.ANALYST else WORDS.assigned
        reason = reasons[self.case.qa_bucket % len(reasons)] if rules.is_hand_over(actor, self.case, receiver) else ""
        self._do(actor, policy.assign(actor, self.case, receiver, self._text(reason)))
        self._owner = receiver

    def _do(self, user: User, change: policy.Change) -> None:
        self._look(user)
        self._add(user, self._now, change)

    def _look(self, user: User) -> None:
        """Before they act they open the case, which a case with a SAR decision keeps."""
        looked = max(self._now - LOOK, chain.parse_ts(self.events[-1].ts))
        if policy.view_to_record(user.user_id, self.events, looked):
            self._add(user, looked, policy.view(user, self.case))

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
