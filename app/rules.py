"""What a row of the table of verbs holds: who may not do it, and why, in sentences for a person. Pure; no I/O.

The table is `policy.Verb`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app import sampling
from app.models import Action, Case, Disposition, Filing, QaResult, Role, Status, User

OPEN = (Status.NEW, Status.IN_REVIEW)
OWNER_OR_MANAGER = "Only the owner or a Manager can decide on the case."
OWNER = "Only the owner can escalate the case."
NOT_IN_REVIEW: Mapping[Status | Role, str] = {
    Status.NEW: "The case is new. Assign it first.",
    Status.CLOSED: "The case is closed already. A Manager can reopen it.",
}
FILED = "The SAR was filed: it can be amended, not undone."

JOINS: Mapping[Status | Role, str] = {
    Status.CLOSED: "The case is closed. An alert opens a case of its own.",
    **dict.fromkeys(Role, "Only the alert feed joins alerts to a case."),
}
"""It is the alert feed's own, whose service user has no role of a person."""

Unless = Callable[[User, Case, frozenset[str]], str | None]
"""Return why this actor may not do it to this case; the ids are those of `policy.involved_in` for the verb."""


def nothing_else(_actor: User, _case: Case, _involved: frozenset[str]) -> str | None:
    """Refuse nobody."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table of verbs. Reasons are sentences for a person; where several hold, the first is told.

    `refuses` comes first: the states of a case in which it cannot be done, and the roles that never do it.
    """

    makes: frozenset[Action]
    """The events that it may append, of which it appends one."""
    passes_over: frozenset[Action]
    """What others may have done since the person saw the case, without their having to look again."""
    to: Status | None = None
    """The state that the case is in afterwards; None leaves it in its own."""
    refuses: Mapping[Status | Role, str] = field(default_factory=dict)
    unless: Unless = nothing_else


def another_analysts(actor: User, case: Case, _: frozenset[str]) -> str | None:
    """Keep an Analyst from another's case."""
    if actor.role is Role.ANALYST and case.owner not in (None, actor.user_id):
        return "The case belongs to someone else. Its owner or a Manager can hand it over."
    return None


def is_hand_over(actor: User, case: Case, receiver: User | None) -> bool:
    """Tell whether an assignment needs a reason: any but that of a case which nobody owns to whoever takes it."""
    return case.owner is not None or receiver is None or receiver.user_id != actor.user_id


def neither_owner_nor_manager(actor: User, case: Case, _: frozenset[str]) -> str | None:
    """Leave a decision to the owner and to Managers."""
    return None if actor.role is Role.MANAGER or actor.user_id == case.owner else OWNER_OR_MANAGER


def not_the_owner(actor: User, case: Case, _: frozenset[str]) -> str | None:
    """Leave an escalation to the owner."""
    return None if actor.user_id == case.owner else OWNER


def not_to_review(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    """Keep what is not sampled, or was reviewed, from a review, and whoever had a part in the case."""
    if not sampling.is_sampled(case.qa_bucket):
        return "The case is not in the QA sample."
    if case.qa_result is not QaResult.NONE:
        return "The case has been reviewed already."
    if actor.user_id in involved:
        return "You owned the case or decided on it, or worked on its SAR. Someone else has to review it."
    return None


def filed(_actor: User, case: Case, _: frozenset[str]) -> str | None:
    """Keep a case whose SAR was filed from being reopened."""
    return None if case.filed_at is None else FILED


# --- the SAR's own track ---

NOT_CLOSED: Mapping[Status | Role, str] = dict.fromkeys(OPEN, "The case is not closed as SAR.")
NO_QA = "QA reviewers do not work on SARs."
NO_MANAGER: Mapping[Status | Role, str] = dict.fromkeys(
    (Role.ANALYST, Role.QA), "Only a Manager can approve a SAR, or return it."
)
_NEXT_STEP = {
    Filing.NONE: "The SAR was decided before filings were kept here.",
    Filing.TO_DRAFT: "The SAR has no draft that can be approved yet.",
    Filing.TO_APPROVE: "The draft is not approved yet.",
    Filing.TO_FILE: "The SAR is approved, and not filed yet.",
    Filing.FILED: "The SAR is filed already.",
}


def sar_at(*states: Filing, who: Unless = nothing_else) -> Unless:
    """Return what refuses a case not closed as SAR, and one whose SAR is in none of these states; then asks `who`."""

    def unless(actor: User, case: Case, involved: frozenset[str]) -> str | None:
        if case.disposition is not Disposition.SAR:
            return "The case is not closed as SAR."
        if case.filing not in states:
            return _NEXT_STEP[case.filing]
        return who(actor, case, involved)

    return unless


def not_their_draft(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    """Leave a draft to the owner, to who decided on the SAR, and to Managers."""
    if actor.role is Role.MANAGER or actor.user_id == case.owner or actor.user_id in involved:
        return None
    return "Only the owner, who decided on the SAR, or a Manager can draft it."


def not_theirs_to_file(actor: User, case: Case, _: frozenset[str]) -> str | None:
    """Leave what goes to and comes from FinCEN to the owner and to Managers."""
    if case.filing is Filing.NONE and actor.role is not Role.MANAGER:
        return "The SAR was decided before filings were kept here. Only a Manager can say that it was filed."
    if actor.role is Role.MANAGER or actor.user_id == case.owner:
        return None
    return "Only the owner or a Manager can file the SAR, and keep what FinCEN answers."


def acknowledged(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    """Keep FinCEN's answer from being given twice."""
    return "FinCEN has acknowledged the SAR already." if case.bsa_id else not_theirs_to_file(actor, case, involved)


def not_acknowledged(actor: User, case: Case, involved: frozenset[str]) -> str | None:
    """Keep a report from being amended that FinCEN has not taken."""
    if not case.bsa_id:
        return "FinCEN has not acknowledged the SAR yet: only a report with a BSA id is amended."
    return not_theirs_to_file(actor, case, involved)


def their_own(actor: User, _case: Case, involved: frozenset[str]) -> str | None:
    """Keep who decided on the SAR, or drafted it, from approving or returning it."""
    if actor.user_id in involved:
        return "You decided on the SAR or wrote a draft of it. Another Manager has to approve or return it."
    return None
