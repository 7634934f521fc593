"""The form in which a SAR is drafted. What is missing is said beside it, anew whenever a field is left.

A fragment: what is typed draws this form again, and not the page. It is kept until it is saved, as a form's is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from html import escape
from typing import Any, Final

import streamlit as st

from app import casework, filing, fincen, gaps, money, narrative
from app.errors import InvalidForm
from app.exports import acknowledgement
from app.filing import MAX_NARRATIVE, Draft, ReportKind, Subject, SubjectKind, SubjectRole
from app.models import Case, Event, User
from app.ui import base, forms, sar_words, session, sign_in, words
from app.ui.session import Session, mine

KEPT: Final = "session"
"""How long a field holds what was typed: as long as its form is not sent."""

_TEXTS: Mapping[str, str] = {
    "occupation": "Occupation or business",
    "tin": "Taxpayer number",
    "account": "Account",
    "street": "Street",
    "city": "City",
    "state": "State (two letters)",
    "zip_code": "ZIP code",
    "country": "Country (two letters)",
    "other_name": "Name in another script",
}
_NAME_PARTS: Mapping[str, str] = {"last_name": "Family name", "first_name": "Given name"}
_NUMBERS = ("amount", "amount_usd", "cumulative")
_NOT_KEPT = ("candidate", "accepted", "start")  # no part of a draft; that its text stands is said anew


@dataclass(frozen=True)
class Drafting:
    """What a draft is written from: the case with its events and evidence, and what it starts as.

    `prior_bsa_ids` are those of the customer's earlier reports, the newest first; `errors` are FinCEN's of a rejection.
    """

    case: Case
    events: Sequence[Event]
    facts: gaps.Facts
    start: Draft
    is_begun: bool
    """Whether nobody has saved a draft yet, so that the desk begins the narrative."""
    prior_bsa_ids: Sequence[str] = ()
    errors: Sequence[str] = ()


@st.fragment
def show(actor: User, names: Mapping[str, User], of: Drafting) -> None:
    """Draw the form and, beside it, what is missing."""
    sign_in.check_admitted()
    form = forms.Form(actor, f"sar-draft {of.case.case_id}", names)
    if form.value("base") is None or (form.value("base") != of.case.head_hash and not _is_touched(form, of)):
        _begin(form, of)
    left, right = st.columns([3, 2], gap="medium")
    with left, form.place():
        _subjects(form, of)
        _activity(form, of)
        _money_and_days(form, of)
        _kind(form, of)
        draft = _narrative(form, of, _typed(form, of)[0])
        _told_by_fincen(of, "")
        _buttons(form, of)
    with right, st.container(key="sar_gaps"):
        _gaps(draft, of)
        if not of.is_begun and (found := sar_words.changes(of.start, draft)):
            st.markdown("**Not saved yet**")
            st.html(sar_words.changed(found))


def _begin(form: forms.Form, of: Drafting) -> None:
    """Put what the draft starts as in the fields, and remember what the case was then."""

    def put(field: str, value: object, read: session.Read | None = None) -> None:
        session.set_value(form.key(field, read), value)

    start = of.start
    put("base", of.case.head_hash)
    put("slots", [])
    for one in start.subjects:
        _add(form, one)
    for field in ("kind", "prior_bsa_id", "key_term", "from_day", "to_day"):
        put(field, getattr(start, field))
    for field in _NUMBERS:
        value = getattr(start, field)
        put(field, "" if value is None else f"{value:,.2f}".removesuffix(".00"))
    put("activity_types", list(start.activity_types))
    put("instruments", list(start.instruments))
    for code, said in start.described.items():
        put(f"described {code}", said)
    put("narrative", start.narrative, str)
    put("begun", "")
    put("accepted", False)
    put("start", _typed(form, of)[0])
    for field, value in form.kept.items():  # as it was left, over the draft that it was written on
        put(field, value, str if field == "narrative" else None)


def _is_touched(form: forms.Form, of: Drafting) -> bool:
    """Say whether somebody changed a field since the form began."""
    text, start = form.value("narrative"), form.value("start")
    changed_text = text not in (form.value("begun"), of.start.narrative) or bool(form.value("accepted"))
    return changed_text or _typed(form, of)[0] != start


def _buttons(form: forms.Form, of: Drafting) -> None:
    """Draw what saves the draft and, where something was typed, what discards that; from then on the form stays."""
    with st.container(horizontal=True, key="sar_save"):
        st.button(
            "Save the draft",
            key=f"save {form.token}",
            type="primary",
            icon=":material/save:",
            on_click=_save,
            args=(form, of),
        )
        is_touched = _is_touched(form, of)
        if is_touched:
            mine.drafting = of.case.case_id
            form.keep(but=_NOT_KEPT)
        if is_touched or mine.drafting == of.case.case_id:
            st.button(
                "Discard what is not saved",
                key=f"discard {form.token}",
                type="tertiary",
                on_click=_discard,
                args=(form,),
            )


def _discard(form: forms.Form) -> None:
    """In a button's callback: the form goes, or begins anew."""
    forms.clear(form.name)
    del mine.drafting
    st.rerun()


# --- subjects ---


def _add(form: forms.Form, one: Subject) -> None:
    slots = form.value("slots") or []
    slot = max(slots, default=-1) + 1
    for each in fields(Subject):
        session.set_value(form.key(f"subject {slot} {each.name}"), getattr(one, each.name))
    session.set_value(form.key("slots"), [*slots, slot])


def _remove(form: forms.Form, slot: int) -> None:
    """In a button's callback."""
    session.set_value(form.key("slots"), [one for one in form.value("slots") or [] if one != slot])


def _add_chosen(form: forms.Form, found: Sequence[Subject]) -> None:
    """In a button's callback: the counterparty that was chosen or, where none was, somebody without a name."""
    chosen = form.value("candidate")
    _add(form, next((one for one in found if one.name == chosen), Subject("", SubjectRole.UNKNOWN)))
    session.set_value(form.key("candidate"), None)


def _subjects(form: forms.Form, of: Drafting) -> None:
    st.markdown("**Subjects**")
    for slot in form.value("slots") or []:
        _subject(form, slot)
    form.tell("subjects")
    _told_by_fincen(of, "subjects")
    taken = {form.value(f"subject {slot} name") for slot in form.value("slots") or []}
    found = [one for one in filing.candidates(of.case, of.facts.kept) if one.name not in taken]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Add from the counterparties",
            [one.name for one in found],
            format_func=words.shown,
            index=None,
            placeholder="The one with most money comes first",
            key=form.key("candidate"),
        )
        chosen = form.value("candidate")
        st.button(
            "Add" if chosen else "Add an unknown subject",
            key=f"add {form.token}",
            icon=":material/person_add:",
            on_click=_add_chosen,
            args=(form, found),
        )


def _subject(form: forms.Form, slot: int) -> None:
    def key(name: str) -> str:
        return form.key(f"subject {slot} {name}")

    name = form.value(f"subject {slot} name") or ""
    role = SubjectRole(form.value(f"subject {slot} role"))
    with st.expander(words.plain(f"{name or 'No name known'}, {sar_words.ROLES[role]}"), key=f"{key('box')}"):
        with st.grid(2, min_column_width=170):
            st.selectbox(
                "Role", list(SubjectRole), format_func=sar_words.ROLES.__getitem__, key=key("role"), persist_state=KEPT
            )
            st.selectbox(
                "Person or entity",
                list(SubjectKind),
                format_func=sar_words.KINDS.__getitem__,
                key=key("kind"),
                persist_state=KEPT,
            )
            _line("Name", key("name"))
            is_person = form.value(f"subject {slot} kind") == SubjectKind.PERSON
            for field, label in (*(_NAME_PARTS.items() if is_person else ()), *_TEXTS.items()):
                _line(label, key(field))
            label = "Born" if is_person else "Formed"
            st.date_input(
                label, None, min_value=date(1900, 1, 1), max_value=_today(), key=key("born"), persist_state=KEPT
            )
        st.button(
            "Leave out of the draft",
            key=f"remove {slot} {form.token}",
            icon=":material/person_remove:",
            type="tertiary",
            on_click=_remove,
            args=(form, slot),
        )


def _line(label: str, key: str, **options: Any) -> None:
    st.text_input(label, key=key, persist_state=KEPT, **options)


# --- activity, money, days, kind ---


def _activity(form: forms.Form, of: Drafting) -> None:
    choices = (
        ("Types of suspicious activity", "activity_types", fincen.ACTIVITIES),
        ("Instruments and products", "instruments", fincen.ASSETS),
    )
    for label, field, known in choices:
        st.multiselect(
            label, list(known), format_func=fincen.words, key=form.key(field), persist_state=KEPT, select_all=False
        )
        form.tell(field)
        _told_by_fincen(of, field)
        for code in form.value(field) or []:
            if code in fincen.OTHER:
                _line(f"What “{fincen.words(code)}” is", form.key(f"described {code}"), max_chars=50)
    form.tell("described")
    _told_by_fincen(of, "described")
    if of.start.key_term:
        _line("Key term of FinCEN’s advisory", form.key("key_term"))


def _money_and_days(form: forms.Form, of: Drafting) -> None:
    counted = filing.count(of.case, of.facts.kept)
    currency = of.case.currency
    with st.grid(3, min_column_width=150):
        with st.container(gap="xsmall"):
            _line(f"Amount in {currency}, counted once", form.key("amount"))
            form.tell("amount")
        for label, field in (("First suspicious item", "from_day"), ("Last suspicious item", "to_day")):
            with st.container(gap="xsmall"):
                st.date_input(
                    label, None, min_value=date(1900, 1, 1), max_value=_today(), key=form.key(field), persist_state=KEPT
                )
                form.tell(field)
    st.caption(words.plain(counted.words))
    if currency != "USD":
        _line("Amount in dollars", form.key("amount_usd"))
        form.tell("amount_usd")
    _told_by_fincen(of, "amount", "from_day", "to_day")


def _kind(form: forms.Form, of: Drafting) -> None:
    st.segmented_control(
        "Kind of report",
        list(ReportKind),
        format_func=sar_words.REPORTS.__getitem__,
        required=True,
        key=form.key("kind"),
        persist_state=KEPT,
    )
    if form.value("kind") == ReportKind.INITIAL:
        if of.prior_bsa_ids:
            newest = of.prior_bsa_ids[0]
            st.button(
                f"Make it a continuing report of {newest}",
                key=f"continue {form.token}",
                icon=":material/history:",
                on_click=_continue,
                args=(form, newest),
            )
        return
    with st.grid(2, min_column_width=170):
        with st.container(gap="xsmall"):
            _line("BSA id of the report before", form.key("prior_bsa_id"), max_chars=filing.BSA_ID_DIGITS)
            form.tell("prior_bsa_id")
        if form.value("kind") == ReportKind.CONTINUING:
            with st.container(gap="xsmall"):
                _line("With earlier reports, in dollars", form.key("cumulative"))
                form.tell("cumulative")
    _told_by_fincen(of, "kind", "prior_bsa_id", "cumulative")


def _continue(form: forms.Form, bsa_id: str) -> None:
    """In a button's callback."""
    session.set_value(form.key("kind"), ReportKind.CONTINUING)
    session.set_value(form.key("prior_bsa_id"), bsa_id)


# --- the narrative ---


def _narrative(form: forms.Form, of: Drafting, draft: Draft) -> Draft:
    """Draw it and return the draft with it. As long as nobody touched what the desk began, it follows the fields."""
    text, begun = form.value("narrative") or "", form.value("begun")
    if of.is_begun and text == begun and not form.value("accepted"):
        text = narrative.begin(of.case, of.facts.kept, of.events, draft)
        session.set_value(form.key("narrative", str), text)
        session.set_value(form.key("begun"), text)
    st.text_area(
        "Narrative",
        key=form.key("narrative", str),
        height=420,
        persist_state=KEPT,
        placeholder="Who, what, when, where, why and how, in plain sentences",
    )
    form.tell("narrative")
    _told_by_fincen(of, "narrative")
    text = form.value("narrative") or ""
    st.caption(f"{len(text):,} of {MAX_NARRATIVE:,} characters. Counted when you leave the text, or at Ctrl+Enter.")
    if _is_untouched(form):
        st.caption(
            ":material/edit_note: **A draft.** The desk put this together from the evidence and the notes. Change it, "
            "or say that it stands."
        )
    if of.is_begun and text == form.value("begun"):
        st.checkbox("I have read it, and it stands", key=form.key("accepted"), persist_state=KEPT)
    st.html(fault_list(text))
    return replace(draft, narrative=text)


def fault_list(text: str) -> str:
    """Return as HTML what a narrative must not hold, with the words that it holds."""
    told = []
    for fault in gaps.narrative_faults(text):
        found = text[fault.position : fault.position + min(fault.length, 60)].strip()
        quoted = f" “{escape(words.shown(found))}”" if found and fault.position < MAX_NARRATIVE else ""
        told.append(f"<p class='fault' dir='auto'><b>Not in a narrative:</b>{quoted} {escape(fault.sentence)}</p>")
    return f"<div>{''.join(told)}</div>"


def _is_untouched(form: forms.Form) -> bool:
    """Say whether the narrative is what the desk began, and nobody has said that it stands."""
    begun = form.value("begun")
    return bool(begun) and form.value("narrative") == begun and not form.value("accepted")


# --- what is missing ---


def _gaps(draft: Draft, of: Drafting) -> None:
    st.markdown("**What is missing**")
    found = gaps.gaps(draft, of.facts)
    st.html(gap_list(found))
    if any(gap.is_critical for gap in found):
        st.caption("With one of those marked, the draft is kept and is not yet for approval.")


def gap_list(found: Sequence[gaps.Gap]) -> str:
    """Return gaps as HTML, question by question; what keeps the draft from approval is marked."""
    rows = []
    for question in gaps.Question:
        own = [gap for gap in found if gap.question is question]
        told = "".join(map(_gap, own)) or "<li>Nothing.</li>"
        rows.append(f"<dt>{question.value.capitalize()}</dt><dd><ul>{told}</ul></dd>")
    return f"<dl class='draft gaps'>{''.join(rows)}</dl>"


def _gap(gap: gaps.Gap) -> str:
    kind = "critical" if gap.is_critical else "hint"
    return f"<li class='{kind}' dir='auto'>{escape(words.shown(gap.sentence))}</li>"


def _told_by_fincen(of: Drafting, *at: str) -> None:
    """Say below fields what FinCEN found wrong in them; "" is the place of what belongs to no field of the form."""
    for error in of.errors:
        field = acknowledgement.field_of(error)
        if (field if field in _FIELDS else "") in at:
            st.html(f"<p class='fault' dir='auto'><b>FinCEN:</b> {escape(words.shown(error))}</p>")


_FIELDS = frozenset({each.name for each in fields(Draft)} - {"key_term"})


# --- what was typed ---


def _typed(form: forms.Form, of: Drafting) -> tuple[Draft, dict[str, str]]:
    """Return the draft as its fields hold it, without the narrative, and what cannot be read by its field."""
    wrong: dict[str, str] = {}

    def amount(field: str) -> Decimal | None:
        text = (form.value(field) or "").strip().replace(",", "").removeprefix("$")
        read = money.read(text)
        if text and read is None:
            wrong[field] = "Write an amount such as 9,400 or 9400.00."
        return read

    kind = ReportKind(form.value("kind") or ReportKind.INITIAL)
    activities, instruments = (tuple(form.value(field) or ()) for field in ("activity_types", "instruments"))
    told = {code: (form.value(f"described {code}") or "").strip() for code in (*activities, *instruments)}
    counted = filing.count(of.case, of.facts.kept)
    draft = Draft(
        subjects=tuple(_typed_subject(form, slot) for slot in form.value("slots") or []),
        activity_types=activities,
        instruments=instruments,
        described={code: said for code, said in told.items() if code in fincen.OTHER and said},
        amount=amount("amount"),
        amount_usd=amount("amount_usd") if of.case.currency != "USD" else None,
        money_in=counted.money_in,
        money_out=counted.money_out,
        currency=of.case.currency,
        from_day=form.value("from_day"),
        to_day=form.value("to_day"),
        kind=kind,
        prior_bsa_id="" if kind is ReportKind.INITIAL else (form.value("prior_bsa_id") or "").strip(),
        cumulative=amount("cumulative") if kind is ReportKind.CONTINUING else None,
        key_term=(form.value("key_term") or "").strip(),
    )
    return draft, wrong


def _typed_subject(form: forms.Form, slot: int) -> Subject:
    held = {each.name: form.value(f"subject {slot} {each.name}") for each in fields(Subject)}
    texts = {each.name: (held[each.name] or "").strip() for each in fields(Subject) if each.type == "str"}
    kind = SubjectKind(held["kind"])
    if kind is SubjectKind.ENTITY:
        texts |= dict.fromkeys(_NAME_PARTS, "")
    return Subject(
        **texts,
        role=SubjectRole(held["role"]),
        kind=kind,
        born=held["born"],
        is_customer=bool(held["is_customer"]),
    )


def _save(form: forms.Form, of: Drafting) -> None:
    """In a button's callback."""
    draft, wrong = _typed(form, of)
    draft = replace(draft, narrative=form.value("narrative") or "")
    if _is_untouched(form):
        wrong["narrative"] = "The desk began this text. Change it, or say that it stands."
    seen = form.value("base")

    def save() -> Event:
        if wrong:
            raise InvalidForm(wrong)
        return casework.draft_sar(base.desk(), form.actor.user_id, of.case.case_id, draft, form=form.token, seen=seen)

    event = form.send(partial(_saved_words, draft), save)
    outcome = mine.outcome
    if event is not None:
        del mine.drafting
    elif outcome and outcome.since:  # their person is told what happened; sent again, it stands above that
        session.set_value(form.key("base"), outcome.since[-1].event_hash)
        mine.drafting = of.case.case_id
    st.rerun()


def _saved_words(draft: Draft, _: Event) -> str:
    if gaps.is_complete(draft):
        return "Draft saved: it waits for approval."
    return "Draft saved; before it can be approved, what is marked has to be filled in."


def _today() -> date:
    return words.local(datetime.now(UTC)).date()


def open_form(case_id: str) -> None:
    """In a button's callback: draw the form over a draft that waits for approval or filing."""
    mine.put({Session.drafting: case_id})
