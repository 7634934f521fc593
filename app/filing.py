"""A SAR as it is drafted: its subjects, its activity, its amount. What it lacks is in `gaps`. Pure; no I/O.

The draft is kept in the `meta` of an event, under `sar`, and its narrative as that event's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from app import evidence, fincen, money
from app.models import Case
from app.names import is_entity, split

MAX_NARRATIVE = 20_000
"""Characters in a narrative: five blocks of 4,000 in FinCEN's file."""

BSA_ID_DIGITS = 14

_TIN = re.compile("[0-9]([ -]?[0-9]){8}")

_ONLY_OUT = frozenset({"elder exploitation"})
"""Typologies in which what comes in is the customer's own income, so that only money out is suspicious."""

_COMES_BACK = frozenset({"shell company layering"})
"""Typologies in which the same money passes more than once, so that neither sum counts it once."""

_VICTIMS = frozenset({"elder exploitation", "dormant account reactivated"})
_VICTIM_PERSONS = frozenset({"human trafficking"})
"""Typologies in which the customer is proposed as a victim, and those in which a customer who is a person is."""


class SubjectRole(StrEnum):
    SUSPECT = "suspect"
    UNKNOWN = "unknown"
    VICTIM = "victim"
    RELATED = "related"


FILED_ROLES = frozenset({SubjectRole.SUSPECT, SubjectRole.UNKNOWN})
"""Whom the report names as its subjects; victims and related people stand in its narrative alone."""


class SubjectKind(StrEnum):
    PERSON = "person"
    ENTITY = "entity"


class ReportKind(StrEnum):
    INITIAL = "initial"
    CONTINUING = "continuing"
    AMENDED = "amended"


_Word = TypeVar("_Word", SubjectRole, SubjectKind, ReportKind)


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody in the report. What is not known is empty; `country` is a code as in ISO 3166, of two letters.

    `name` is as the customer record shows it. `last_name` and `first_name` are its Latin parts, of a person, where
    they are known, and `other_name` is the same name in another script. `tin` is a taxpayer number as it was told.
    """

    name: str
    role: SubjectRole
    kind: SubjectKind = SubjectKind.PERSON
    last_name: str = ""
    first_name: str = ""
    other_name: str = ""
    occupation: str = ""
    account: str = ""
    tin: str = ""
    born: date | None = None
    street: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    country: str = ""
    is_customer: bool = False

    @property
    def is_filed(self) -> bool:
        """Say whether the report names them as its subject."""
        return self.role in FILED_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A SAR before it is filed.

    `activity_types` and `instruments` (products among them) are codes of `fincen`; `described` says in words what a
    code of "other" means. `amount` counts the money once, in `currency`; `amount_usd` is what a person converted it
    to where that is not the dollar. `cumulative` is in dollars, with what earlier reports said. Days are inclusive.
    """

    subjects: tuple[Subject, ...] = ()
    activity_types: tuple[int, ...] = ()
    instruments: tuple[int, ...] = ()
    described: Mapping[int, str] = field(default_factory=dict)
    amount: Decimal | None = None
    amount_usd: Decimal | None = None
    money_in: Decimal = Decimal(0)
    money_out: Decimal = Decimal(0)
    currency: str = "USD"
    from_day: date | None = None
    to_day: date | None = None
    kind: ReportKind = ReportKind.INITIAL
    prior_bsa_id: str = ""
    cumulative: Decimal | None = None
    key_term: str = ""
    narrative: str = ""

    @property
    def filed_subjects(self) -> tuple[Subject, ...]:
        """Return those whom the report names, in order."""
        return tuple(subject for subject in self.subjects if subject.is_filed)

    @property
    def in_dollars(self) -> Decimal | None:
        """Return the amount in dollars: as counted, or as a person converted it; None where nobody did."""
        return self.amount if self.currency == "USD" else self.amount_usd


@dataclass(frozen=True, slots=True)
class Item:
    """A transaction of the evidence. `day` is in UTC, None where its time cannot be read."""

    time: str
    day: date | None
    amount: Decimal
    is_credit: bool
    channel: str
    counterparty: str
    country: str
    place: str

    @property
    def is_return(self) -> bool:
        """Say whether it only takes a payment back, as an unpaid check does: such an item is no payment."""
        return "return" in self.channel.casefold()


@dataclass(frozen=True, slots=True)
class Count:
    """How much a report is about: `amount` counts money once; `words` say how. None where no item can be read."""

    amount: Decimal | None
    money_in: Decimal
    money_out: Decimal
    words: str


def items(kept: evidence.Kept) -> list[Item]:
    """Return the transactions of the evidence in the order of their times, those that can be read."""
    found = [
        Item(
            row.time,
            read_day(row.time[:10]),
            Decimal(row.amount),
            row.direction == "in",
            row.channel.strip(),
            row.counterparty.strip(),
            row.country.strip(),
            row.place.strip(),
        )
        for row in kept.transactions
        if row.direction in ("in", "out")
    ]
    return sorted(found, key=lambda item: item.time)


def to_meta(draft: Draft) -> dict[str, Any]:
    """Return the draft as `meta.sar` keeps it, ready for canonical JSON: without its narrative and what is empty."""
    kept = {
        "subjects": [_subject_meta(subject) for subject in draft.subjects],
        "activity_types": list(draft.activity_types),
        "instruments": list(draft.instruments),
        "described": {str(code): words for code, words in draft.described.items()},
        "amount": _amount_meta(draft.amount),
        "amount_usd": _amount_meta(draft.amount_usd),
        "money_in": _amount_meta(draft.money_in),
        "money_out": _amount_meta(draft.money_out),
        "currency": draft.currency,
        "from": draft.from_day.isoformat() if draft.from_day else "",
        "to": draft.to_day.isoformat() if draft.to_day else "",
        "kind": draft.kind.value,
        "prior_bsa_id": draft.prior_bsa_id,
        "cumulative": _amount_meta(draft.cumulative),
        "key_term": draft.key_term,
    }
    return {name: value for name, value in kept.items() if value or name in ("subjects", "activity_types")}


def read(meta_sar: object, narrative: str) -> Draft | None:
    """Return the draft that an event keeps as `meta.sar` and notes; None where the former is no mapping.

    What cannot be read in it counts as left out: nothing is raised. A subject whose role cannot be read is related,
    so that nobody becomes a subject of the report by a mistake.
    """
    if not isinstance(meta_sar, Mapping):
        return None
    kept = meta_sar.get
    described = kept("described")
    return Draft(
        subjects=tuple(_read_subject(row) for row in _listed(kept("subjects")) if isinstance(row, Mapping)),
        activity_types=_codes(kept("activity_types"), fincen.ACTIVITIES),
        instruments=_codes(kept("instruments"), fincen.ASSETS),
        described={
            int(code): words
            for code, words in (described.items() if isinstance(described, Mapping) else ())
            if isinstance(words, str) and str(code) in map(str, fincen.OTHER)
        },
        amount=money.read(kept("amount")),
        amount_usd=money.read(kept("amount_usd")),
        money_in=money.read(kept("money_in")) or Decimal(0),
        money_out=money.read(kept("money_out")) or Decimal(0),
        currency=_text(kept("currency")) or "USD",
        from_day=read_day(kept("from")),
        to_day=read_day(kept("to")),
        kind=_word(ReportKind.INITIAL, kept("kind")),
        prior_bsa_id=_text(kept("prior_bsa_id")),
        cumulative=money.read(kept("cumulative")),
        key_term=_text(kept("key_term")),
        narrative=narrative,
    )


def propose(case: Case, kept: evidence.Kept) -> Draft:
    """Return a draft from the evidence of a case, for a person to correct.

    The customer is its suspect or, by typology, its victim; then its subject is unknown until a person names one. The
    days are those of the first and the last suspicious item, not of the look-back. There is no narrative.
    """
    typology = case.typology.strip().casefold()
    every = items(kept)
    found = [item for item in every if not (typology in _ONLY_OUT and item.is_credit)]
    days = sorted(item.day for item in found if item.day)
    channels = dict.fromkeys(item.channel for item in found)
    described = fincen.assets_of(channels, case.currency)
    counted = count(case, kept)
    customer = customer_of(case, kept)
    subjects = [customer]
    if not customer.is_filed:
        subjects.append(Subject("", SubjectRole.UNKNOWN))
    return Draft(
        subjects=tuple(subjects),
        activity_types=fincen.activities_of(typology),
        instruments=tuple(described),
        described={code: words for code, words in described.items() if words},
        amount=counted.amount,
        money_in=counted.money_in,
        money_out=counted.money_out,
        currency=case.currency,
        from_day=days[0] if days else None,
        to_day=days[-1] if days else None,
        key_term=fincen.KEY_TERMS.get(typology, ""),
    )


def customer_of(case: Case, kept: evidence.Kept) -> Subject:
    """Return the customer as a subject: suspect or, by typology, victim, with what the alerts say of them."""
    told = kept.customer
    said = {name: _text(told.get(name)) for name in ("kind", "occupation", "business", "account", "tin")}
    is_firm = said["kind"].casefold() in ("business", "entity", "company") or (
        not said["kind"] and is_entity(case.customer_name)
    )
    kind = SubjectKind.ENTITY if is_firm else SubjectKind.PERSON
    typology = case.typology.strip().casefold()
    victim = typology in _VICTIMS or (typology in _VICTIM_PERSONS and kind is SubjectKind.PERSON)
    parts = split(case.customer_name, is_firm)
    return Subject(
        name=case.customer_name,
        role=SubjectRole.VICTIM if victim else SubjectRole.SUSPECT,
        kind=kind,
        last_name=parts.last,
        first_name=parts.first,
        other_name=parts.other,
        occupation=said["occupation"] or said["business"],
        account=said["account"],
        tin=said["tin"],
        born=read_day(told.get("date_of_birth")),
        street=_text(told.get("street")),
        city=_text(told.get("city")),
        state=_text(told.get("state")),
        zip_code=_text(told.get("zip")),
        country=_text(told.get("country")),
        is_customer=True,
    )


def candidates(case: Case, kept: evidence.Kept) -> list[Subject]:
    """Return the counterparties as subjects that a person may add, related for now, those with most money first.

    One who has the customer's name is left out; country and script are as the transactions have them.
    """
    totals: dict[tuple[str, str], Decimal] = {}
    for item in items(kept):
        if item.counterparty and item.counterparty not in (case.customer_name, latin_half(case.customer_name)):
            key = item.counterparty, item.country
            totals[key] = totals.get(key, Decimal(0)) + item.amount
    found = []
    for name, country in sorted(totals, key=lambda key: (-totals[key], key)):
        is_firm = is_entity(name)
        parts = split(name, is_firm)
        kind = SubjectKind.ENTITY if is_firm else SubjectKind.PERSON
        found.append(Subject(name, SubjectRole.RELATED, kind, parts.last, parts.first, parts.other, country=country))
    return found


def latin_half(name: str) -> str:
    """Return the Latin half of a name that is kept in two scripts: `Chen Wei` of `陈伟 / Chen Wei`; else the name."""
    return name.rpartition(" / ")[2]


def count(case: Case, kept: evidence.Kept) -> Count:
    """Return how much the transactions are about, counted once: the larger of money in and out, never their sum.

    Items that only take a payment back are no money out. Where the same money passes more than once by the case's
    typology, the alert's own amount stands if it is smaller; so where the one alert says which transactions made it
    fire, as others, such as wages, may stand beside them. Without transactions that can be read, so it does.
    """
    found = items(kept)
    paid_in = _total(item for item in found if item.is_credit)
    paid_out = _total(item for item in found if not item.is_credit and not item.is_return)
    returned = _total(item for item in found if not item.is_credit and item.is_return)
    typology = case.typology.strip().casefold()
    alerted = money.text(case.amount, case.currency)
    if not found:
        amount = case.amount or None
        return Count(amount, paid_in, paid_out, f"{alerted} as the alert says: it lists no transaction to count.")
    says = f"{_moved(paid_in, case.currency)} came in and {_moved(paid_out, case.currency)} went out"
    if returned:
        says += f", leaving aside {money.text(returned, case.currency)} of returned items"
    larger = max(paid_in, paid_out)
    is_apart = len(kept.alerts) == 1 and 0 < len(kept.triggers) < len(found)
    if typology in _ONLY_OUT:
        larger = paid_out
        says += "; for this kind of activity money out counts"
    elif (typology in _COMES_BACK or is_apart) and Decimal(0) < case.amount < larger:
        larger = case.amount
        says += f"; the alert counts {alerted} of it once"
    elif paid_in and paid_out:
        says += "; the larger of the two counts the money once"
    return Count(larger or None, paid_in, paid_out, f"{says}: {money.text(larger, case.currency)}.")


def contradiction(draft: Draft, suspect_known: bool | None) -> str:
    """Return a sentence where the draft's subjects and the decision disagree about a suspect; empty otherwise.

    `suspect_known` is what the decision says, None where there is none. The deadline is the decision's and stays.
    """
    named = any(subject.role is SubjectRole.SUSPECT for subject in draft.subjects)
    if suspect_known is False and named:
        return (
            "The decision says that no suspect is identified, but the draft names one. The deadline stays as decided."
        )
    if suspect_known and draft.filed_subjects and not named:
        return "The decision says that a suspect is known, but the draft names none. The deadline stays as decided."
    return ""


def tin(subject: Subject) -> str:
    """Return the subject's taxpayer number as FinCEN's form takes it, nine digits; empty where it is no such number."""
    return re.sub("[ -]", "", subject.tin) if _TIN.fullmatch(subject.tin) else ""


def _moved(amount: Decimal, currency: str) -> str:
    return money.text(amount, currency) if amount else "nothing"


def _total(found: Iterable[Item]) -> Decimal:
    return sum((item.amount for item in found), Decimal(0))


def _subject_meta(subject: Subject) -> dict[str, Any]:
    kept = {each.name: getattr(subject, each.name) for each in fields(subject)}
    kept["born"] = subject.born.isoformat() if subject.born else ""
    kept["role"], kept["kind"] = subject.role.value, subject.kind.value
    return {name: value for name, value in kept.items() if value or name == "name"}


def _read_subject(row: Mapping[Any, Any]) -> Subject:
    texts = {each.name: _text(row.get(each.name)) for each in fields(Subject) if each.type == "str"}
    return Subject(
        **texts,
        role=_word(SubjectRole.RELATED, row.get("role")),
        kind=_word(SubjectKind.PERSON, row.get("kind")),
        born=read_day(row.get("born")),
        is_customer=row.get("is_customer") is True,
    )


def _amount_meta(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _codes(value: object, known: Mapping[int, str]) -> tuple[int, ...]:
    found = (code for code in _listed(value) if type(code) is int and code in known)
    return tuple(dict.fromkeys(found))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(default: _Word, value: object) -> _Word:
    try:
        return type(default)(value) if isinstance(value, str) else default
    except ValueError:
        return default


def read_day(value: object) -> date | None:
    """Return the day that a text like `2026-01-05` says; None for anything else."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None
