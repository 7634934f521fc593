"""Cases that live by the pure rules alone: no database. What a store would hand out of them can be tampered with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from app import chain, joining, policy, sar_track
from app.errors import InvalidForm, NotAllowed
from app.filing import Draft, ReportKind
from app.models import ALERT_FEED, ALERT_FEED_USER, CASE_COLUMNS, Case, Disposition, Event, QaResult, Risk, User
from app.new_case import new_case
from app.sar_track import Filed
from tests.conftest import ANALYST, EVIDENCE, MANAGER, OTHER_ANALYST, OTHER_MANAGER, OTHER_REVIEWER, REVIEWER, alert
from tests.drafts import COMPLETE

SAMPLED_ID = "AML-00000004"
OTHER_ID = "AML-7F3KQ2XA"
OPENED = datetime(2026, 1, 5, 9, 14, tzinfo=UTC)

typed = st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t"))
"""Texts that may be kept; refused are a blank one where a reason is asked for, and one that turns words around."""


@dataclass
class Life:
    """A case and its events, the newest last."""

    case: Case
    events: list[Event] = field(default_factory=list)

    @property
    def row(self) -> dict[str, Any]:
        """The case's row as verification reads it."""
        return {column: chain.canonical(getattr(self.case, column)) for column in CASE_COLUMNS}

    @property
    def next_hour(self) -> datetime:
        return chain.parse_ts(self.events[-1].ts) + timedelta(hours=1)

    def add(self, actor: User, change: policy.Change) -> None:
        """What casework does with a change, an hour after the newest event."""
        number = len(self.events) + 1
        self.case, event = chain.append(
            self.case,
            actor.user_id,
            chain.format_ts(self.next_hour),
            change.action.value,
            change.notes,
            change.columns,
            {**change.facts, "form": f"{number:04x}"},
        )
        self.events.append(replace(event, event_id=number))


def opened(case_id: str = SAMPLED_ID, evidence: Mapping[str, Any] = EVIDENCE, **facts: Any) -> Life:
    """A new case; any fact can be given."""
    customer_id, customer_name, typology = "C-00412873", facts.get("customer_name", "Zoë Łukasik"), "Structuring"
    draft = new_case(
        case_id,
        customer_id=customer_id,
        customer_name=customer_name,
        typology=typology,
        risk=Risk.HIGH,
        risk_score=87,
        amount=Decimal("65800.00"),
        currency="USD",
        opened_at=OPENED,
    )
    case, event = chain.open_chain(draft, ALERT_FEED, evidence)
    return Life(case, [replace(event, event_id=1)])


def join(life: Life, **facts: Any) -> None:
    """Another alert on the customer; any fact of it can be given."""
    life.add(ALERT_FEED_USER, joining.join(ALERT_FEED_USER, life.case, alert(**facts)))


def note(life: Life, text: str, actor: User = ANALYST) -> None:
    life.add(actor, policy.note(actor, life.case, text))


def assign(life: Life, actor: User, receiver: User, reason: str = "Knows the branch.") -> None:
    life.add(actor, policy.assign(actor, life.case, receiver, reason))


def escalate(life: Life, actor: User, rationale: str, receiver: User) -> None:
    life.add(actor, policy.escalate(actor, life.case, rationale, receiver))


def close(
    life: Life,
    actor: User,
    disposition: Disposition,
    rationale: str,
    determined_at: date | None = None,
    **also: Any,
) -> None:
    moment = life.next_hour
    life.add(
        actor, policy.decide(actor, life.case, policy.Decision(disposition, rationale, determined_at, **also), moment)
    )


def review(life: Life, actor: User, result: QaResult, notes: str) -> None:
    involved = policy.involved_in(life.events)
    life.add(actor, policy.review(actor, life.case, involved, result, notes, life.next_hour))


def reopen(life: Life, actor: User, reason: str) -> None:
    life.add(actor, policy.reopen(actor, life.case, reason))


def look(life: Life, actor: User) -> None:
    life.add(actor, policy.view(actor, life.case))


def export(life: Life, actor: User, name: str = "audit_{}.csv") -> None:
    files = {name.format(life.case.case_id): "ab" * 32}
    life.add(actor, policy.export(actor, life.case, files, len(life.events)))


def full_life(case_id: str = SAMPLED_ID, **facts: Any) -> Life:
    """Everything that can change a case happens to it, down to a second review."""
    life = opened(case_id, **facts)
    assign(life, MANAGER, ANALYST)
    note(life, "Seven deposits, same branch.\nTeller says “same person”.")
    escalate(life, ANALYST, "Needs a Manager.", OTHER_MANAGER)
    close(life, OTHER_MANAGER, Disposition.SAR, "Structuring.", OPENED + timedelta(hours=2), suspect_known=False)
    review(life, REVIEWER, QaResult.FAIL, "The sums do not add up.")
    reopen(life, MANAGER, "Add them again.")
    assign(life, MANAGER, OTHER_ANALYST)
    close(life, OTHER_ANALYST, Disposition.NO_SAR, "Payroll after all.")
    review(life, OTHER_REVIEWER, QaResult.PASS, "Agreed.")
    return life


def joined_life(case_id: str = SAMPLED_ID) -> Life:
    """A case that three more alerts join: one raises all that can rise, one nothing, and one after it was reopened."""
    life = opened(case_id)
    join(life, alert_id="TM-1", amount="65800.01", risk_score=88)
    assign(life, MANAGER, ANALYST)
    join(life, alert_id="TM-2", risk="Low", risk_score=1, amount="0.10", customer_name="Zoe Lukasik")
    close(life, ANALYST, Disposition.NO_SAR, "Payroll.")
    reopen(life, MANAGER, "Look again.")
    join(life, alert_id="TM-3", amount="1000000.00", typology="Funnel account")
    return life


BSA_ID, LATER_BSA_ID = "31000123456789", "31000987654321"


def draft(life: Life, actor: User, written: Draft) -> None:
    """Keep the draft; while a report is amended, as the amendment of that one."""
    if prior := sar_track.amended(life.events):
        written = replace(written, kind=ReportKind.AMENDED, prior_bsa_id=prior)
    life.add(actor, sar_track.draft(actor, life.case, life.events, written))


def approve(life: Life, actor: User) -> None:
    newest = sar_track.newest_draft(life.events)
    life.add(actor, sar_track.approve(actor, life.case, life.events, newest[0].event_hash if newest else ""))


def send_back(life: Life, actor: User, reason: str) -> None:
    life.add(actor, sar_track.send_back(actor, life.case, life.events, reason))


def file(life: Life, actor: User, **also: Any) -> None:
    moment = life.next_hour
    filed = Filed(moment.date(), UTC, **also)
    life.add(actor, sar_track.file(actor, life.case, life.events, filed, moment))


def acknowledge(life: Life, actor: User, bsa_id: str) -> None:
    life.add(actor, sar_track.acknowledge(actor, life.case, life.events, bsa_id))


def reject(life: Life, actor: User, *errors: str) -> None:
    life.add(actor, sar_track.reject(actor, life.case, life.events, errors))


def amend(life: Life, actor: User, reason: str) -> None:
    life.add(actor, sar_track.amend(actor, life.case, reason))


def filed_life(case_id: str = SAMPLED_ID) -> Life:
    """Everything that can happen on a SAR's track happens to it, down to an amendment that is filed."""
    life = opened(case_id)
    assign(life, MANAGER, ANALYST)
    close(life, ANALYST, Disposition.SAR, "Structuring.", OPENED)
    draft(life, ANALYST, replace(COMPLETE, narrative=""))
    draft(life, ANALYST, COMPLETE)
    send_back(life, MANAGER, "Who is “the person”?\nName the branch.")
    draft(life, ANALYST, COMPLETE)
    approve(life, MANAGER)
    file(life, ANALYST)
    reject(life, ANALYST, "R17: Party first name is missing", "F2  Filing name")
    draft(life, OTHER_MANAGER, COMPLETE)
    approve(life, MANAGER)
    file(life, ANALYST)
    acknowledge(life, ANALYST, BSA_ID)
    amend(life, MANAGER, "The amount was too low.")
    draft(life, ANALYST, COMPLETE)
    approve(life, MANAGER)
    file(life, ANALYST)
    acknowledge(life, ANALYST, LATER_BSA_ID)
    return life


def renumbered(events: Iterable[Event]) -> list[Event]:
    """The events as they are, numbered from 1."""
    return [replace(event, event_id=number) for number, event in enumerate(events, 1)]


def rehashed(events: Iterable[Event]) -> list[Event]:
    """What an attacker who knows the formula makes of them: linked and hashed anew, whatever they hold."""
    done: list[Event] = []
    for event in events:
        made = replace(event, prev_hash=done[-1].event_hash if done else chain.GENESIS)
        texts = (made.prev_hash, made.case_id, made.ts, made.user, made.action, made.notes, made.meta)
        digest = sha256("\x1f".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
        done.append(replace(made, event_hash=digest))
    return done


def rewritten(events: Iterable[Event]) -> list[Event]:
    return renumbered(rehashed(events))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Any life that the rules allow: verbs by anybody in any order, those refused left out."""
    life = opened(draw(st.sampled_from([SAMPLED_ID, OTHER_ID])), customer_name=draw(typed))
    people = st.sampled_from([ANALYST, OTHER_ANALYST, MANAGER, OTHER_MANAGER, REVIEWER, OTHER_REVIEWER])
    for _ in range(draw(st.integers(0, 12))):
        actor, other, text, choice = draw(people), draw(people), draw(typed), draw(st.integers(0, 16))
        try:
            match choice:
                case 0:
                    note(life, text, actor)
                case 1:
                    assign(life, actor, other)
                case 2:
                    escalate(life, actor, text, other)
                case 3:
                    close(life, actor, Disposition.NO_SAR, text)
                case 4:
                    close(life, actor, Disposition.SAR, text, OPENED, suspect_known=draw(st.booleans()))
                case 5:
                    review(life, actor, draw(st.sampled_from(QaResult)), text)
                case 6:
                    look(life, actor)
                case 7:
                    export(life, actor)
                case 8:
                    reopen(life, actor, text)
                case 9 | 10:
                    draft(life, actor, replace(COMPLETE, narrative=text))
                case 11:
                    approve(life, actor)
                case 12:
                    file(life, actor)
                case 13:
                    acknowledge(life, actor, draw(st.sampled_from([BSA_ID, LATER_BSA_ID])))
                case 14:
                    reject(life, actor, text)
                case 15:
                    risk, score = draw(st.sampled_from(["Low", "Medium", "High"])), draw(st.integers(0, 100))
                    join(life, alert_id=f"TM-{len(life.events)}", risk=risk, risk_score=score)
                case _:
                    amend(life, actor, text)
        except (NotAllowed, InvalidForm):
            continue
    return life
