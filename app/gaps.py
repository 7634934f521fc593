"""What the draft of a SAR lacks, and what its narrative must not hold. Pure; no I/O.

A critical gap keeps the draft from approval: no suspect or unknown subject, no activity type, no amount, no first or
last day, no narrative. The others are hints at what FinCEN's guidance asks of every report: who, what, when, where,
why and how (The SAR Activity Review, and FinCEN's guidance on narratives of November 2003).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app import evidence, filing, fincen
from app.filing import BSA_ID_DIGITS, MAX_NARRATIVE, Draft, ReportKind, SubjectKind, SubjectRole

FLOOR_USD = 5_000
"""Dollars from which a bank has to report where it knows a suspect (12 CFR 21.11; 31 CFR 1020.320(a)(2))."""


class Question(StrEnum):
    WHO = "who"
    WHAT = "what"
    WHEN = "when"
    WHERE = "where"
    WHY = "why"
    HOW = "how"


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing. `field` is the draft's own name of the field that it belongs to."""

    field: str
    question: Question
    sentence: str
    is_critical: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What the case says beside the draft: the evidence; the decision's day, and if it knows a suspect.

    The latter two are None where there is no decision.
    """

    kept: evidence.Kept = field(default_factory=lambda: evidence.read([]))
    determined_on: date | None = None
    suspect_known: bool | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of the narrative that has to go. `position` and `length` count characters, from 0."""

    position: int
    length: int
    sentence: str


def gaps(draft: Draft, facts: Facts) -> list[Gap]:
    """Return what the draft lacks: what is critical first, then the hints, question by question."""
    hints = [*_who(draft, facts), *_what(draft), *_when(draft, facts), *_in_narrative(draft, facts)]
    return [*_critical(draft), *hints]


def is_complete(draft: Draft) -> bool:
    """Say whether nothing critical is missing, so that the draft can be approved."""
    return next(_critical(draft), None) is None


def blocking(draft: Draft) -> list[str]:
    """Return the sentences of those gaps that FinCEN's form cannot do without: the critical ones, and what a kind of
    report, a currency or a code of "other" needs beside them.
    """
    needed = [*_critical(draft), *_needed(draft)]
    return [gap.sentence for gap in needed]


def _critical(draft: Draft) -> Iterator[Gap]:
    def missing(field: str, question: Question, sentence: str) -> Gap:
        return Gap(field, question, sentence, is_critical=True)

    if not draft.filed_subjects:
        yield missing("subjects", Question.WHO, "Name a suspect, or say that the subject is unknown.")
    if not draft.activity_types:
        yield missing("activity_types", Question.WHAT, "Choose at least one type of suspicious activity.")
    if not draft.amount:
        yield missing("amount", Question.WHAT, "Say how much money the activity is about, counted once.")
    if draft.from_day is None:
        yield missing("from_day", Question.WHEN, "Give the day of the first suspicious item.")
    if draft.to_day is None:
        yield missing("to_day", Question.WHEN, "Give the day of the last suspicious item.")
    if not draft.narrative.strip():
        yield missing("narrative", Question.WHAT, "Write the narrative.")


def _who(draft: Draft, facts: Facts) -> Iterator[Gap]:
    for subject in draft.filed_subjects:
        name = subject.name
        if not name:
            continue
        if not subject.occupation:
            what = "occupation" if subject.kind is SubjectKind.PERSON else "kind of business"
            yield Gap("subjects", Question.WHO, f"{name} has no {what}.")
        if not subject.tin:
            yield Gap("subjects", Question.WHO, f"{name} has no taxpayer number: the file will say that it is unknown.")
        if subject.kind is SubjectKind.PERSON and not (subject.last_name and subject.first_name):
            yield Gap(
                "subjects", Question.WHO, f"Say which part of {name} is the family name and which the given name."
            )
    if said := filing.contradiction(draft, facts.suspect_known):
        yield Gap("subjects", Question.WHO, said)


def _what(draft: Draft) -> Iterator[Gap]:
    if not draft.instruments:
        yield Gap("instruments", Question.WHAT, "Choose the instruments or products that were used.")
    yield from _needed(draft)
    if draft.currency == "USD" and draft.amount and draft.amount < FLOOR_USD:
        yield Gap("amount", Question.WHAT, f"The amount is below ${FLOOR_USD:,}; a report is then voluntary.")
    if draft.key_term and draft.narrative.strip() and draft.key_term not in draft.narrative:
        yield Gap(
            "narrative", Question.WHAT, f"The narrative lacks the key term of FinCEN's advisory: {draft.key_term}."
        )


def _needed(draft: Draft) -> Iterator[Gap]:
    """What the form needs of this report, though another could do without it."""
    for code in (*draft.activity_types, *draft.instruments):
        if code in fincen.OTHER and not draft.described.get(code, "").strip():
            yield Gap("described", Question.WHAT, f"Say in at most 50 characters what “{fincen.words(code)}” is.")
    if draft.currency != "USD" and draft.amount and not draft.amount_usd:
        yield Gap("amount_usd", Question.WHAT, f"Give the amount in dollars: FinCEN takes no {draft.currency}.")
    if draft.kind is not ReportKind.INITIAL and not is_bsa_id(draft.prior_bsa_id):
        yield Gap("prior_bsa_id", Question.WHAT, f"Give the BSA id of the report before: {BSA_ID_DIGITS} digits.")
    if draft.kind is ReportKind.CONTINUING and not draft.cumulative:
        yield Gap(
            "cumulative", Question.WHAT, "Give the amount of this report and those before it together, in dollars."
        )
    if any(subject.role is SubjectRole.SUSPECT and not subject.name for subject in draft.subjects):
        yield Gap("subjects", Question.WHO, "A suspect has no name. Give one, or make the subject unknown.")


def _when(draft: Draft, facts: Facts) -> Iterator[Gap]:
    if draft.from_day and draft.to_day and draft.from_day > draft.to_day:
        yield Gap("to_day", Question.WHEN, "The last suspicious item lies before the first.")
    if facts.determined_on is None:
        yield Gap("from_day", Question.WHEN, "The case has no day on which suspicion was determined.")
    undated = sum(item.day is None for item in filing.items(facts.kept))
    if undated:
        what = "transaction has" if undated == 1 else "transactions have"
        yield Gap("from_day", Question.WHEN, f"{undated} {what} no day that can be read.")


_PLACE = re.compile(r"(?i)\b(branch|ATM|office|location|online|app|website|abroad|street|city|state)\b")
_CONTRAST = re.compile(
    r"(?i)\b(expect|usual|normal|typical|profile|income|inconsistent|out of pattern|lawful|business reason|no purpose|"
    r"no apparent|unlike|compared|peer)"
)
_MONEY = re.compile(r"[$€£¥]\s?\d|\b[A-Z]{3}\s\d")


def _in_narrative(draft: Draft, facts: Facts) -> Iterator[Gap]:
    """What the narrative leaves out; a hint that a person may overrule. Without a narrative there is nothing to say."""
    text = draft.narrative
    if not text.strip():
        return
    found = filing.items(facts.kept)
    if len(_MONEY.findall(text)) < 2 and len(found) > 1:
        yield Gap(
            "narrative", Question.WHAT, "The narrative gives only one amount: name the transactions or their sums."
        )
    places = {item.place for item in found if item.place} | {f"({item.country})" for item in found if item.country}
    if not _PLACE.search(text) and not any(place in text for place in places):
        yield Gap("narrative", Question.WHERE, "The narrative names no branch, ATM, other bank or country.")
    if not _CONTRAST.search(text):
        sentence = "The narrative does not say what would be expected of the customer, and how this differs."
        yield Gap("narrative", Question.WHY, sentence)
    names = {filing.latin_half(item.counterparty) for item in found if item.counterparty}
    if names and not any(name in text for name in names):
        yield Gap("narrative", Question.HOW, "The narrative names nobody the money came from or went to.")


_GAP = re.compile(r"(?<! ) {3,}(?! )")

_FAULTS = (
    (re.compile(r"\t+"), "A tab does not reach FinCEN; use a space."),
    (
        re.compile(
            r"(?i)\b(see|as per|in|refer to)\s+(the\s+)?(attach(ed|ments?)|enclos(ed|ures?)|spreadsheet)\b"
            r"|\b(attached|enclosed)\s+(is|are|please|file|list|hereto)\b"
        ),
        "Nothing is attached: say here what it shows.",
    ),
    (
        re.compile(
            r"(?i)\b(told|informed|notified|warned|advised|alerted)\s+(the\s+)?(customer|subject|client|suspect)\b"
            r"[^.]*\b(SAR|suspicious activity report|report(ed)?|FinCEN)\b"
        ),
        "Nobody may tell a party that a report exists (31 U.S.C. 5318(g)(2)).",
    ),
    (
        re.compile(
            r"(?i)\b(is|are|was|were|clearly|obviously)\s+(a\s+)?(guilty|criminals?|crooks?|thie(f|ves)|fraudsters?|"
            r"money launderers?|launderers?|terrorists?)\b|\bcommitted\s+(a|the|this)\s+crime\b|\bguilty\b"
        ),
        "This judges guilt. Say what was seen; a report suspects, it does not convict.",
    ),
    (
        re.compile(r"(?i)\b(I|we)\s+(believe|think|feel|guess)\b|\bin (my|our) opinion\b|\b(obviously|undoubtedly)\b"),
        "This is an opinion. Say what it rests on instead.",
    ),
    (re.compile(r"(?i)\bsubpoena(s|ed)?\b"), "A subpoena is no reason to report, and its existence may be secret."),
)


def narrative_faults(text: str) -> list[Fault]:
    """Return what the narrative must not hold, in the order of the text; what is over the limit comes last."""
    found = [
        Fault(match.start(), len(match[0]), sentence) for each, sentence in _FAULTS for match in each.finditer(text)
    ]
    found += _table_lines(text)
    found.sort(key=lambda fault: (fault.position, fault.length))
    if over := max(len(text) - MAX_NARRATIVE, 0):
        sentence = f"The narrative is {over:,} characters over the limit of {MAX_NARRATIVE:,}."
        found.append(Fault(MAX_NARRATIVE, over, sentence))
    return found


def _table_lines(text: str) -> Iterator[Fault]:
    """Lines with two or more vertical bars, or with two or more gaps of three spaces between their words."""
    position = 0
    for line in text.splitlines(keepends=True):
        words = line.strip()
        if words.count("|") >= 2 or len(_GAP.findall(words)) >= 2:
            yield Fault(position, len(line.rstrip()), "This looks like a table. FinCEN shows plain sentences alone.")
        position += len(line)


def is_bsa_id(text: str) -> bool:
    """Say whether the text is an id that FinCEN gives a report: 14 digits."""
    return len(text) == BSA_ID_DIGITS and text.isascii() and text.isdigit()
