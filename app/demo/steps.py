"""The steps of the guided demo, and the case that each of them shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app import qa_query, triage_query
from app.database import Transaction
from app.demo import tampering
from app.models import Case, Disposition, Filing, Role, Status, User
from app.policy import Verb
from app.triage_query import Filters, Order
from app.ui import base, integrity
from app.ui.session import Kept, Session

Find = Callable[[Transaction, Case | None, User], Case | None]
"""The case of a step, by the one that the presenter has open and by the analyst who works for them."""


def _cases(tx: Transaction, filters: Filters) -> list[Case]:
    return triage_query.triage_page(tx, filters, Order.DUE, 1000).cases


def to_take(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    """Return the case at hand if it is open and the analyst's or nobody's; else the most urgent of nobody's."""
    if case and case.status is not Status.CLOSED and case.owner in (None, analyst.user_id):
        return case
    return next(iter(_cases(tx, Filters(unassigned=True))), None)


def to_decide(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    """Return the case at hand if it is open; else the most urgent in review of the analyst's, else of anybody's."""
    if case and case.status is not Status.CLOSED:
        return case
    cases = [*_cases(tx, Filters(owner=analyst.user_id)), *_cases(tx, Filters())]
    return next((case for case in cases if case.status is Status.IN_REVIEW), None)


def to_read(tx: Transaction, case: Case | None, analyst: User) -> Case | None:
    return case or to_take(tx, case, analyst) or to_decide(tx, case, analyst)


def to_approve(tx: Transaction, case: Case | None, _analyst: User) -> Case | None:
    """Return one whose SAR waits for approval: the case at hand, or the one that is due first."""
    ranked = [
        (found != case, found.sar_due_at, found.case_id, found)
        for found in (case, *_cases(tx, Filters(include_closed=True)))
        if found and found.filing is Filing.TO_APPROVE and found.sar_due_at
    ]
    return min(ranked)[-1] if ranked else None


def to_review(tx: Transaction, case: Case | None, _analyst: User) -> Case | None:
    """Return one that awaits QA: closed as SAR before the newest checkpoint if possible, which the next steps need."""
    signed = _signed()
    ranked = [
        (found.disposition is not Disposition.SAR, found.closed_at > signed, found != case, found.closed_at, found)
        for found in qa_query.qa_waiting(tx, 1000)
        if found.closed_at
    ]
    return min(ranked, key=lambda one: one[:-1])[-1] if ranked else None


def _signed() -> datetime:
    """Return when the newest checkpoint was signed, in UTC; 1970 where there is none."""
    anchor = integrity.newest_checkpoint()
    return datetime.fromtimestamp(anchor.file.stat().st_mtime if anchor else 0, UTC)


def to_export(tx: Transaction, case: Case | None, _analyst: User) -> Case | None:
    """Return one closed as SAR: before the newest checkpoint if possible; the one at hand; one that QA has reviewed."""
    signed = _signed()
    ranked = [
        (found.closed_at > signed, found is not case, not found.qa_result, found.due_at, found.case_id, found)
        for found in (case, *_cases(tx, Filters(include_closed=True)))
        if found and found.closed_at and found.disposition is Disposition.SAR
    ]
    return min(ranked)[-1] if ranked else None


@dataclass(frozen=True, slots=True)
class Step:
    """`part` is the key of what it talks about. Where `find` finds nothing, the bar says so.

    `do` may name the case, `{case}`. `needs` says why it moves on to another one than the step before, `verb` is what
    its person may do to the case, `stands` how the part stands at first, as the session holds it.
    """

    title: str
    says: str
    do: str
    page: str
    part: str
    role: Role = Role.ANALYST
    find: Find | None = None
    needs: str = ""
    stands: Mapping[Kept[Any], Any] = field(default_factory=dict)
    verb: Verb | None = None


EXPORTED = "it takes one that was closed as SAR before the newest checkpoint, which is what proves it"

STEPS = (
    Step(
        "The queue",
        "Open cases, those due first at the top: no law sets that limit, but examiners expect "
        "alerts to be reviewed in time, and the review to be documented (FFIEC).",
        "Press a count or set a filter: the address keeps the view, so that it can be sent to a colleague.",
        base.TRIAGE,
        "counts",
    ),
    Step(
        "Taking a case",
        "From here on one named person answers for the case: no alert is worked twice, and none is left because each "
        "analyst believed that another had it.",
        "Press A (Assign to me). N would take the most urgent case that nobody has.",
        base.CASE,
        "find",
        find=to_take,
        needs="it takes one that nobody else has",
    ),
    Step(
        "The evidence",
        "The alert, what the bank knew of the customer and the payments behind it are fixed in the case’s first event: "
        "a red flag alone proves nothing; the question is whether the activity fits what was expected of the customer.",
        "Compare the payments with the expected monthly activity. What is found out goes on record under Note.",
        base.CASE,
        "evidence",
        find=to_read,
    ),
    Step(
        "The decision",
        "Either outcome takes a written rationale here, and a SAR also the date on which suspicion was determined: "
        "from there run the 30 days to file, or 60 where no suspect is identified (31 CFR 1020.320(b)(3)).",
        "Press A if the case is still nobody’s. Choose No SAR and try to close it without a rationale; then write one.",
        base.CASE,
        "actions",
        find=to_decide,
        needs="it takes one that is not decided yet",
        stands={Session.hands: "Decide"},
    ),
    Step(
        "The history",
        "Each event names who did what, when, and what it changed, and carries the hash of the event before: a SAR and "
        "its records are kept for five years (31 CFR 1020.320(d)), and examiners ask how the decision came about.",
        "Find the newest event at the top, and the alert at the bottom.",
        base.CASE,
        "trail",
        find=to_read,
    ),
    Step(
        "The SAR",
        "What is reported takes two people: a Manager who neither decided nor drafted approves the draft or returns "
        "it. The deadline runs from the day on which suspicion was determined, and a reopening does not move it.",
        "Read the draft beside the evidence, and what it lacks. Under Approve, approve it or return it with a reason.",
        base.CASE,
        "sar",
        Role.MANAGER,
        to_approve,
        "it takes one whose SAR waits for approval",
        verb=Verb.SAR_APPROVE,
    ),
    Step(
        "Quality review",
        "Someone who neither owned the case nor decided on it reviews about one closed case in ten, SAR or not: the "
        "rule that draws them can be recomputed by anybody, so nobody picks what is looked at.",
        "Open {case} in the list: none is opened by itself. Choose Pass, or Fail with remarks, and record it.",
        base.QA,
        "sample",
        Role.QA,
        to_review,
        "it takes one that is closed and in the sample",
        verb=Verb.REVIEW,
    ),
    Step(
        "The export",
        "An examiner takes away the audit trail, the summary and a bundle that verifies without this desk; even that a "
        "SAR exists is confidential (31 U.S.C. 5318(g)(2)), so the case keeps who took which file, by its SHA-256.",
        "Download the bundle for an examiner, and open the audit.html that is in it.",
        base.EXPORTS,
        "downloads",
        Role.MANAGER,
        to_export,
        EXPORTED,
    ),
    Step(
        "Tampering",
        "Whoever rules the database can change what it says: the hashes give a plain edit away and, where the chain "
        "was rewritten with correct hashes, the signed checkpoint does, as it belongs where they cannot write.",
        "The panel rewrites a copy from its disposition on. Tick Make the case row agree: see what still catches it.",
        base.CASE,
        "try",
        Role.MANAGER,
        to_export,
        EXPORTED,
        {Session.tampering: True, Session.attack: tampering.REWRITE},
    ),
)

STANDS = frozenset(one for step in STEPS for one in step.stands)
NUMBERS = tuple(str(number) for number in range(1, len(STEPS) + 1))
