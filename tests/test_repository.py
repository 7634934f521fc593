"""What is stored comes back as it was, and every list shows what it says it does, in order, once."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast

import pytest

from app import casework, chain, key_query, policy, qa_query, repository, triage_query, verification
from app.case_keys import KeyKind
from app.casework import add_note, assign, record_qa, set_disposition
from app.database import Database, Sql, Transaction
from app.errors import BrokenCase, ConstraintBroken, DatabaseError, UnknownCase, UnknownUser
from app.models import (
    ALERT_FEED,
    CASE_COLUMNS,
    MAX_AMOUNT,
    Action,
    Case,
    Disposition,
    Event,
    Filing,
    QaResult,
    Risk,
    Role,
    Status,
    User,
    search_text,
)
from app.policy import Decision
from app.triage_query import COUNT_LIMIT, Filters, Keyset, Order, Page, Sars, triage_page
from tests import lives
from tests.attacks import without_keys
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, OTHER_ANALYST, PEOPLE, REVIEWER, OpenCase, address, tamper

NO_SAR = Disposition.NO_SAR


def stored(desk: Database, cases: Iterable[Case]) -> list[Case]:
    """The cases in the desk, each with the event that opened it, and told apart by their ids alone."""
    chained: list[Case] = []
    events: list[Event] = []
    for number, case in enumerate(cases, 1):
        search = search_text(case.case_id, case.customer_id, case.customer_name, case.typology)
        fresh, event = chain.open_chain(replace(case, event_count=0, search=search), ALERT_FEED, {})
        chained.append(fresh)
        events.append(replace(event, event_id=number))
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, chained, events)
    return chained


def numbered(number: int, **columns: Any) -> Case:
    return replace(lives.opened(f"AML-{number:08d}").case, **columns)


def read(desk: Database, case: Case) -> Case:
    with desk.snapshot() as tx:
        return repository.case(tx, case.case_id)


def page_of(desk: Database, filters: Filters, order: Order, size: int, keyset: Keyset | None = None) -> Page:
    with desk.snapshot() as tx:
        return triage_page(tx, filters, order, size, keyset)


def ids(cases: Iterable[Case]) -> list[str]:
    return [case.case_id for case in cases]


# --- triage: pages ---

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
IN_ORDER: dict[Order, Callable[[list[Case]], list[Case]]] = {
    Order.DUE: lambda cases: sorted(cases, key=lambda case: (case.due_at, case.case_id)),
    Order.AGE: lambda cases: sorted(cases, key=lambda case: (case.opened_at, case.case_id)),
    Order.RISK: lambda cases: sorted(cases, key=lambda case: (case.risk_score, case.case_id), reverse=True),
    Order.AMOUNT: lambda cases: sorted(cases, key=lambda case: (case.amount, case.case_id), reverse=True),
    Order.SAR_DUE: lambda cases: sorted(cases, key=lambda case: (str(case.sar_due_at), case.case_id)),
    Order.LATEST_DUE: lambda cases: IN_ORDER[Order.DUE](cases)[::-1],
    Order.NEWEST: lambda cases: IN_ORDER[Order.AGE](cases)[::-1],
    Order.LOWEST_RISK: lambda cases: IN_ORDER[Order.RISK](cases)[::-1],
    Order.LEAST_AMOUNT: lambda cases: IN_ORDER[Order.AMOUNT](cases)[::-1],
    Order.LATEST_SAR_DUE: lambda cases: IN_ORDER[Order.SAR_DUE](cases)[::-1],
}
TODAY = datetime(2026, 3, 2, tzinfo=UTC)
SARS: dict[Sars, Callable[[Case], bool]] = {
    Sars.UNDER_WAY: lambda case: case.filing in ("To draft", "To approve", "To file"),
    Sars.TO_DRAFT: lambda case: case.filing == "To draft",
    Sars.TO_APPROVE: lambda case: case.filing == "To approve",
    Sars.TO_FILE: lambda case: case.filing == "To file",
    Sars.DUE: lambda case: TODAY <= (policy.sar_is_due_by(case) or NOON - timedelta(99)) <= TODAY + timedelta(7),
    Sars.LATE: lambda case: (policy.sar_is_due_by(case) or NOON) < TODAY,
    Sars.FILED: lambda case: case.filing == "Filed",
    Sars.NOT_KEPT: lambda case: case.disposition == "SAR" and case.filing == "",
}
FILTERED: dict[str, tuple[Filters, Callable[[Case], bool]]] = {
    "open": (Filters(), lambda case: True),
    "closed too": (Filters(include_closed=True), lambda case: True),
    "mine": (Filters(owner=ANALYST.user_id), lambda case: case.owner == ANALYST.user_id),
    "unassigned": (Filters(unassigned=True), lambda case: case.owner is None),
    "due": (Filters(due_before=NOON), lambda case: policy.is_overdue(case, NOON)),
    "due or closed late": (Filters(due_before=NOON, include_closed=True), lambda case: policy.is_overdue(case, NOON)),
    "all of them": (
        Filters(owner=ANALYST.user_id, risk=Risk.HIGH, due_before=NOON, search="smurf", include_closed=True),
        lambda case: (
            case.owner == ANALYST.user_id
            and case.risk == "High"
            and policy.is_overdue(case, NOON)
            and case.typology == "Smurfing"
        ),
    ),
    "new": (Filters(status=Status.NEW), lambda case: case.status == "New"),
    "in review": (Filters(status=Status.IN_REVIEW), lambda case: case.status == "In Review"),
    "closed": (Filters(status=Status.CLOSED), lambda case: case.status == "Closed"),
    "one typology in review": (
        Filters(status=Status.IN_REVIEW, typology="Smurfing"),
        lambda case: case.status == "In Review" and case.typology == "Smurfing",
    ),
    "one typology": (Filters(typology="Smurfing"), lambda case: case.typology == "Smurfing"),
    "decided SAR": (Filters(disposition=Disposition.SAR), lambda case: case.disposition == "SAR"),
    "decided No SAR": (Filters(disposition=NO_SAR), lambda case: case.disposition == "No SAR"),
    "escalated": (Filters(disposition=Disposition.ESCALATE), lambda case: case.disposition == "Escalate"),
    **{f"SAR {one}": (Filters(sars=one, day=TODAY), passes) for one, passes in SARS.items()},
    "my SARs under way": (
        Filters(owner=ANALYST.user_id, sars=Sars.UNDER_WAY),
        lambda case: case.owner == ANALYST.user_id and SARS[Sars.UNDER_WAY](case),
    ),
    "nothing": (Filters(search="no such customer"), lambda case: False),
}


def listed(name: str, cases: list[Case], order: Order) -> list[str]:
    """The ids that a list of FILTERED holds, in order: of open cases alone, unless it asks for what is closed."""
    filters, passes = FILTERED[name]
    if order.by_sar:
        cases = [case for case in cases if case.sar_due_at and (filters.sars or not case.filed_at)]
    elif not (
        filters.status or filters.include_closed or filters.sars or filters.disposition in (Disposition.SAR, NO_SAR)
    ):
        cases = [case for case in cases if case.status != "Closed"]
    return ids(IN_ORDER[order]([case for case in cases if passes(case)]))


@pytest.fixture
def many(desk: Database) -> list[Case]:
    """Cases with many ties, and some apart by a microsecond or a cent."""
    draw = random.Random(6)
    moments = [NOON + timedelta(microseconds=step) for step in (-1, 0, 0, 1)]
    amounts = [Decimal(text) for text in ("0.00", "9.99", "10.00", "10.01", "100.00", "9999999999999.98")]

    def sar(status: Status) -> dict[str, Any]:
        day = draw.choice([None, *(TODAY + timedelta(days=days) for days in (-30, -1, 0, 0, 7, 8, 30))])
        if status is not Status.CLOSED:
            return {"disposition": draw.choice([Disposition.NONE, Disposition.ESCALATE]), "sar_due_at": day}
        if day is None:
            return {"disposition": draw.choice([Disposition.SAR, NO_SAR])}
        filing = draw.choice([*Filing][1:])
        filed_at = draw.choice([None, TODAY]) if filing is Filing.TO_DRAFT else TODAY if filing == "Filed" else None
        return {"disposition": Disposition.SAR, "filing": filing, "sar_due_at": day, "filed_at": filed_at}

    def one(number: int) -> Case:
        status = draw.choice([*Status])
        return numbered(
            number,
            status=status,
            owner=None if status is Status.NEW else draw.choice([ANALYST, OTHER_ANALYST]).user_id,
            risk=draw.choice([*Risk]),
            risk_score=draw.choice([0, 7, 50, 100]),
            amount=draw.choice(amounts),
            opened_at=draw.choice(moments),
            due_at=draw.choice(moments),
            closed_at=draw.choice(moments[:3]) if status is Status.CLOSED else None,
            typology=draw.choice(["Smurfing", "Funnel account"]),
            **sar(status),
        )

    return stored(desk, [one(number) for number in draw.sample(range(10_000), 197)])


WITHOUT_A_DAY = {"SAR Not recorded", "decided No SAR"}


@pytest.mark.parametrize("order", Order)
def test_paging_there_and_back_shows_each_case_once_and_in_order(
    desk: Database, many: list[Case], order: Order
) -> None:
    for name, (filters, _) in FILTERED.items():
        expected = listed(name, many, order)
        size = 7
        is_empty = name == "nothing" or (order.by_sar and name in WITHOUT_A_DAY)
        assert (len(expected) < 1) if is_empty else (len(expected) > 1), f"the cases drawn test too little: {name}"
        for at in range(0, len(expected) or 1, size):
            keyset = Keyset(expected[at - 1]) if at else None
            page = page_of(desk, filters, order, size, keyset)
            assert ids(page.cases) == expected[at : at + size], (name, at)
            assert (page.position, page.total) == (at, len(expected))
            assert (page.has_previous, page.has_next) == (at > 0, at + size < len(expected))
        for at in range((len(expected) - 1) // size * size - size, -1, -size):
            page = page_of(desk, filters, order, size, Keyset(expected[at + size], backward=True))
            assert ids(page.cases) == expected[at : at + size], (name, at)
            assert (page.position, page.total) == (at, len(expected))
            assert (page.has_previous, page.has_next) == (at > 0, True)


def test_going_back_to_less_than_a_page_shows_what_there_is(desk: Database, many: list[Case]) -> None:
    expected = ids(IN_ORDER[Order.DUE](many))
    page = page_of(desk, Filters(include_closed=True), Order.DUE, 7, Keyset(expected[3], backward=True))
    assert ids(page.cases) == expected[:3]
    assert (page.position, page.has_previous, page.has_next) == (0, False, True)


def test_a_page_still_follows_a_case_that_has_left_the_list(desk: Database, many: list[Case]) -> None:
    everything = IN_ORDER[Order.AMOUNT](many)
    at = next(at for at, case in enumerate(everything) if case.status == "Closed" and at > 30)
    expected = [case.case_id for case in everything[at:] if case.status != "Closed"]
    page = page_of(desk, Filters(), Order.AMOUNT, 5, Keyset(everything[at].case_id))
    assert ids(page.cases) == expected[:5]


@pytest.mark.parametrize(("order", "change"), [(Order.SAR_DUE, "sar_due_at = NULL"), (Order.AMOUNT, "amount = 999999")])
def test_a_page_stays_where_it_was_when_its_last_case_is_sorted_elsewhere_meanwhile(
    desk: Database, many: list[Case], order: Order, change: str
) -> None:
    expected = listed("open", many, order)
    keyset = page_of(desk, Filters(), order, 9).after
    assert keyset
    with desk.transaction() as tx:
        tx.execute(f"UPDATE cases SET {change} WHERE case_id = ?", (keyset.case_id,))
    page = page_of(desk, Filters(), order, 9, keyset)
    assert ids(page.cases) == expected[9:18]
    assert page.before
    assert ids(page_of(desk, Filters(), order, 9, page.before).cases)[-8:] == expected[:8]


@pytest.mark.parametrize("order", Order)
def test_an_address_holds_where_a_page_begins(desk: Database, many: list[Case], order: Order) -> None:
    page = page_of(desk, Filters(include_closed=True), order, 9)
    for keyset in (page.before, page.after):
        assert keyset is not None
        assert triage_query.read_keyset(str(keyset), order) == keyset
    assert triage_query.read_keyset("after-AML-7~x", order) == Keyset("AML-7~x")
    assert triage_query.read_keyset("before-AML-7", order) == Keyset("AML-7", backward=True)
    assert triage_query.read_keyset("beside-AML-7", order) is None


@pytest.mark.parametrize("order", Order)
def test_an_unknown_case_or_one_with_nothing_beyond_it_is_the_first_page(
    desk: Database, many: list[Case], order: Order
) -> None:
    expected = listed("open", many, order)
    first = page_of(desk, Filters(), order, 9)
    without_a_day = next(case.case_id for case in many if case.sar_due_at is None)
    for keyset in (
        *([Keyset(without_a_day), Keyset(without_a_day, backward=True)] if order.by_sar else []),
        Keyset("AML-NOBODY00"),
        Keyset("AML-NOBODY00", backward=True),
        Keyset("' OR 1=1 --"),
        Keyset(expected[-1]),  # say that all the cases after it were closed since
        Keyset(expected[0], backward=True),
    ):
        assert page_of(desk, Filters(), order, 9, keyset) == first
    assert ids(first.cases) == expected[:9]
    assert (first.total, first.position, first.has_previous, first.has_next) == (len(expected), 0, False, True)


def copies(desk: Database) -> str:
    """A statement that puts ten thousand cases beside the only one there is."""
    digits = " UNION ALL ".join(f"SELECT '{digit}' AS digit" for digit in range(10))
    plus = "||" if desk.is_embedded else "+"
    case_id = f" {plus} ".join(["'AML-0000'", "a.digit", "b.digit", "c.digit", "d.digit"])
    columns = ", ".join(CASE_COLUMNS[1:])
    return f"""
        WITH digits AS ({digits}) INSERT INTO cases (case_id, {columns})
        SELECT {case_id}, {columns} FROM cases, digits AS a, digits AS b, digits AS c, digits AS d
    """


def test_counting_stops_at_the_limit(desk: Database) -> None:
    model = replace(numbered(0), case_id="AML-MODEL")
    with desk.transaction() as tx:
        repository.insert_case(tx, model)
        tx.execute(copies(desk))
        tx.execute("DELETE FROM cases WHERE case_id = ?", (model.case_id,))
    with desk.snapshot() as tx:
        assert triage_query.count(tx, Filters()) == repository.case_count(tx) == COUNT_LIMIT
    with desk.transaction() as tx:
        for number in range(COUNT_LIMIT, COUNT_LIMIT + 7):
            repository.insert_case(tx, replace(model, case_id=f"AML-{number:08d}"))
    last = page_of(desk, Filters(), Order.DUE, 5, Keyset(f"AML-{COUNT_LIMIT + 4:08d}"))
    assert ids(last.cases) == [f"AML-{COUNT_LIMIT + 5:08d}", f"AML-{COUNT_LIMIT + 6:08d}"]
    assert (last.total, last.position) == (COUNT_LIMIT + 1, COUNT_LIMIT + 1)


def test_typologies_come_once_each_in_order_and_no_more_than_asked_for(desk: Database) -> None:
    told = ["Smurfing", "Funnel account", "smurfing", "Ünal", "Smurfing", "Elder exploitation"]
    stored(desk, [numbered(number, typology=one) for number, one in enumerate(told)])
    expected = ["Elder exploitation", "Funnel account", "Smurfing", "smurfing", "Ünal"]
    with desk.snapshot() as tx:
        assert triage_query.typologies(tx) == expected
        assert triage_query.typologies(tx, 2) == expected[:2]


def test_the_queue_goes_on_by_the_day_of_a_sar_until_the_case_has_none(desk: Database) -> None:
    days = [TODAY + timedelta(days=days) for days in (9, 3, 3)]
    sars = [
        numbered(number, status=Status.CLOSED, disposition=Disposition.SAR, filing=Filing.TO_DRAFT, sar_due_at=day)
        for number, day in enumerate(days)
    ]
    cases = stored(desk, [*sars, numbered(9)])
    walk = partial(triage_query.neighbour, filters=Filters(), order=Order.SAR_DUE)
    with desk.snapshot() as tx:
        assert [walk(tx, case_id=case.case_id, backward=False) for case in cases] == [
            None,
            cases[2].case_id,
            cases[0].case_id,
            None,
        ]
        assert walk(tx, case_id=cases[3].case_id, backward=True) is None


def test_a_place_is_counted_at_the_head_of_the_queue_and_neighbours_are_found_wherever(
    desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_query, "PLACES", 3)
    stored(desk, [numbered(number) for number in range(5)])
    with desk.snapshot() as tx:
        order = [case.case_id for case in triage_query.triage_page(tx, Filters(), Order.DUE, 10).cases]
        places = [triage_query.place(tx, Filters(), Order.DUE, case_id) for case_id in order]
        few = triage_query.place(tx, Filters(search=order[4]), Order.DUE, order[4])
        outside = triage_query.place(tx, Filters(risk=Risk.LOW), Order.DUE, order[2])
    assert [place.position for place in places] == [1, 2, 3, None, None]
    assert {(place.total, place.is_more) for place in places} == {(3, True)}
    assert [place.before for place in places] == [None, *order[:4]]
    assert [place.after for place in places] == [*order[1:], None]
    assert few == triage_query.Place(None, None, 1, 1, is_more=False)
    assert (outside.position, outside.total) == (None, 0)


# --- triage: search ---


@pytest.mark.parametrize(
    ("name", "found_by", "missed_by"),
    [
        ("Ünal Öztürk", ["ünal", "ÜNAL", " öZTÜRK ", "nal öz", "unal"], ["ü nal"]),
        ("Straßer & Co", ["straße", "STRASSE", "strasser & c"], ["strase"]),
        ("ΣΊΣΥΦΟΣ", ["σίσυφος", "ΣΊΣΥΦΟΣ", "σισυφος"], ["sisyphos"]),
        ("José Peña", ["Jose\u0301", "jose pen\u0303a", "JOSE"], ["josephine"]),
        ("İstanbul Döviz", ["istanbul", "ISTANBUL", "ıstanbul"], ["stanbull"]),
        ("Shane O’Brien", ["O'Brien", "obrien", "o`brien", "OʼBRIEN"], ["o brien"]),
        ("Nguyễn Thị\u00a0Đào", ["Nguyen", "thi dao", "Thi\u2003 Dao"], ["nguyenn"]),
        ("Łódź Ærø Œuvre", ["lodz", "aero", "oeuvre", "ŁÓDŹ"], ["lodzz"]),
        ("Ｆｕｌｌ Width", ["full width", "ｗｉｄｔｈ"], ["fullwidth"]),
        ("Йосиф Чайковский", ["иосиф", "ЧАЙКОВСКИЙ"], ["чаиковскии."]),
        ("がんだむ", ["がんだむ"], ["かんたむ"]),
        ("soft\u00adhyphen\u200b Ltd", ["softhyphen ltd"], ["soft hyphen"]),
        ("100% Pure", ["100%", "% p"], ["1%e", "%%"]),
        ("snake_case", ["e_c", "_"], ["snakexcase", "s_ake"]),
        ("[a-z] Ltd", ["[a-z]", "[", "]"], ["[m]", "[^x]"]),
        ("back\\slash", ["back\\slash", "\\", "K\\S"], ["back\\\\slash", "\\%"]),
        ("O'Neill; --", ["o'neill; --", "''; --"], ["o neill"]),
        ("🦊 Fox", ["🦊", "🦊 fox"], ["🦝"]),
    ],
)
def test_search_finds_what_is_meant_and_nothing_else(
    desk: Database, open_case: OpenCase, name: str, found_by: list[str], missed_by: list[str]
) -> None:
    case = open_case(customer_name=name)
    open_case(customer_name="Someone Else")
    for typed in found_by:
        assert ids(page_of(desk, Filters(search=typed), Order.DUE, 5).cases) == [case.case_id], typed
    for typed in missed_by:
        assert page_of(desk, Filters(search=typed), Order.DUE, 5).cases == [], typed


def test_search_looks_at_ids_and_typology_too_and_a_blank_one_at_nothing(desk: Database, open_case: OpenCase) -> None:
    case = open_case(customer_id="C-777", typology="Funnel account")
    open_case()
    for typed in (case.case_id.lower(), "c-777", "FUNNEL"):
        assert ids(page_of(desk, Filters(search=typed), Order.DUE, 5).cases) == [case.case_id]
    for blank in ("  ", "’"):
        assert page_of(desk, Filters(search=blank), Order.DUE, 5).total == 2


def test_search_by_a_whole_id_lists_its_cases_alone_and_by_a_whole_name_those_who_deal_with_it_too(
    desk: Database, open_case: OpenCase
) -> None:
    shared, other, namesake = open_case(), open_case(customer_id="TM-77"), open_case(customer_name="Harbour Point Ltd")
    with desk.transaction() as tx:
        tx.execute("UPDATE cases SET status = 'Closed' WHERE case_id = ?", (shared.case_id,))
        keys = {(KeyKind.ALERT, "TM-7"), (KeyKind.ACCOUNT, "gb29 nwbk 77"), (KeyKind.COUNTERPARTY, "harbour point ltd")}
        key_query.insert_keys(tx, shared.case_id, keys)
        key_query.insert_keys(tx, other.case_id, {(KeyKind.COUNTERPARTY, "harbour point ltd")})
    for typed in (shared.case_id, f" {shared.case_id.lower()}", "TM-7", "tm-7", "GB29 NWBK 77"):
        page = page_of(desk, Filters(search=typed), Order.DUE, 5)
        assert (ids(page.cases), page.by_id, page.total) == ([shared.case_id], True, 1), typed
        assert page_of(desk, Filters(search=typed, unassigned=True), Order.RISK, 5).total == 1
        assert page_of(desk, Filters(search=typed, owner=ANALYST.user_id), Order.DUE, 5).total == 0
        assert page_of(desk, Filters(search=typed, status=Status.NEW), Order.DUE, 5).total == 0
    for filters, expected in (
        (Filters(search="Harbour  Point LTD"), {other.case_id, namesake.case_id}),
        (Filters(search="Harbour Point Ltd", include_closed=True), {shared.case_id, other.case_id, namesake.case_id}),
        (Filters(search="Harbour Point"), {namesake.case_id}),
        (Filters(search="TM-"), {other.case_id}),
    ):
        page = page_of(desk, filters, Order.DUE, 5)
        assert ({*ids(page.cases)}, page.by_id) == (expected, False), filters


# --- what is stored comes back ---


@pytest.mark.parametrize("text", ["0.00", "0.01", "0.10", "1234567.89", "8999999999999.99", "9999999999999.98"])
def test_money_comes_back_to_the_cent_and_orders_by_it(desk: Database, open_case: OpenCase, text: str) -> None:
    amount, next_cent = Decimal(text), Decimal(text) + Decimal("0.01")
    lower, higher = open_case(amount=amount), open_case(amount=next_cent)
    assert [str(case.amount) for case in (lower, higher)] == [text, str(next_cent)]
    assert verification.verify_case(desk, lower.case_id).intact
    top = page_of(desk, Filters(), Order.AMOUNT, 1)
    assert ids(top.cases) == [higher.case_id]
    below = page_of(desk, Filters(), Order.AMOUNT, 1, Keyset(higher.case_id))
    assert (ids(below.cases), below.position) == ([lower.case_id], 1)


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
@pytest.mark.parametrize("year", [1970, 2026, 9999])
def test_times_come_back_to_the_microsecond(desk: Database, year: int, microsecond: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, microsecond, tzinfo=UTC)
    (case,) = stored(desk, [numbered(1, opened_at=moment, due_at=moment, closed_at=moment, determined_at=moment)])
    assert read(desk, case) == case
    with desk.snapshot() as tx:
        (event,) = repository.events(tx, case.case_id)
    assert event.ts == chain.format_ts(moment)


TEXTS = {
    "spaces": " both ends  ",
    "lines": "\n\ta\tb\n c\n",
    "beyond the basic plane": "🦊👩‍👩‍👧 𠀀",
    "composed or not": "e\u0301 or é",
    "quotes": "'\"`;--",
    "right to left": "\u202eright to left",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "longest": "漢" * 200,
    "longest beyond the basic plane": "🦊" * 200,
}


@pytest.mark.parametrize("name", TEXTS.values(), ids=TEXTS)
def test_a_row_comes_back_as_it_was(desk: Database, name: str) -> None:
    (case,) = stored(desk, [numbered(1, customer_name=name, qa_notes=name, amount=MAX_AMOUNT)])
    assert read(desk, case) == case
    changed = replace(case, qa_notes=name * 50, head_hash="f" * 64)
    with desk.transaction() as tx:
        assert repository.update_case(tx, changed, case.head_hash)
    assert read(desk, case) == changed


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("times", [1, 50])
def test_an_event_comes_back_as_it_was_hashed(desk: Database, text: str, times: int) -> None:
    life = lives.opened(evidence={"alert": text * times})
    life.add(ANALYST, policy.Change(Action.NOTE, text * times))  # old notes hold what nobody may type any more
    with desk.transaction() as tx:
        repository.insert_case(tx, life.case)
        for event in life.events:
            repository.insert_event(tx, event)
    with desk.snapshot() as tx:
        assert repository.events(tx, life.case.case_id) == life.events
        assert repository.opening(tx, life.case.case_id) == life.events[0]
    assert verification.verify_case(desk, life.case.case_id) == verification.Verified(1, 2, ())


def test_a_whole_life_comes_back_with_what_is_empty_empty_and_what_is_missing_missing(desk: Database) -> None:
    alive = [lives.opened("AML-00000001"), lives.full_life("AML-00000004")]
    events = [event for life in alive for event in life.events]
    events = [replace(event, event_id=number) for number, event in enumerate(events, 1)]
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, [life.case for life in alive], events)
    with desk.snapshot() as tx:
        assert [repository.case(tx, life.case.case_id) for life in alive] == [life.case for life in alive]
        assert [event for life in alive for event in repository.events(tx, life.case.case_id)] == events
    fresh = read(desk, alive[0].case)
    assert (fresh.owner, fresh.determined_at, fresh.closed_at, fresh.qa_reviewer, fresh.qa_at) == (None,) * 5
    assert (fresh.disposition, fresh.qa_result, fresh.qa_notes, events[0].notes) == ("",) * 4
    assert verification.verify_database(desk) == verification.Verified(2, len(events), ())


# --- what the store refuses ---


@pytest.mark.parametrize(
    "columns",
    [
        {"case_id": ""},
        {"case_id": " AML-00000001"},
        {"case_id": "AML-00000001 "},
        {"risk": "Extreme"},
        {"risk": "high"},
        {"risk_score": -1},
        {"risk_score": 101},
        {"amount": Decimal("-0.01")},
        {"amount": Decimal("10000000000000.00")},
        {"status": "Open"},
        {"owner": "nobody"},
        {"disposition": "Maybe"},
        {"qa_result": "pass"},
        {"qa_reviewer": "nobody"},
        {"qa_bucket": 10},
        {"customer_name": None},
        {"due_at": None},
    ],
    ids=repr,
)
def test_the_schema_refuses_a_row_that_makes_no_sense(desk: Database, columns: dict[str, Any]) -> None:
    with pytest.raises(ConstraintBroken), desk.transaction() as tx:
        repository.insert_case(tx, replace(lives.opened().case, **columns))
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == 0


@pytest.mark.parametrize("user_id", ["", " ann", "ann ", ANALYST.user_id])
def test_the_schema_refuses_a_user_id_that_reads_like_another(desk: Database, user_id: str) -> None:
    with pytest.raises(ConstraintBroken), desk.transaction() as tx:
        repository.insert_user(tx, User(user_id, "Ann", Role.ANALYST, active=True))


def test_the_schema_refuses_an_event_of_nobody_of_no_case_or_beside_another(
    desk: Database, open_case: OpenCase
) -> None:
    case = open_case()
    good = chain.link(case.head_hash, case.case_id, chain.format_ts(case.opened_at), ANALYST.user_id, "note", "x", "")
    beside = replace(good, prev_hash=chain.GENESIS)
    for bad in (replace(good, user="nobody"), replace(good, case_id="AML-NOBODY00"), beside):
        with pytest.raises(ConstraintBroken), desk.transaction() as tx:
            repository.insert_event(tx, bad)
    assert verification.verify_case(desk, case.case_id).intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_events SET notes = 'x'",
        "UPDATE case_events SET event_hash = event_hash",
        "DELETE FROM case_events",
        "DELETE FROM cases",
    ],
)
def test_no_statement_of_the_app_could_change_or_take_away_an_event(
    desk: Database, open_case: OpenCase, statement: str
) -> None:
    case = open_case()
    with pytest.raises(DatabaseError), desk.transaction() as tx:
        tx.execute(statement)
    assert verification.verify_case(desk, case.case_id).intact


def test_two_writers_of_the_same_row_swap_it_once(desk: Database, open_case: OpenCase) -> None:
    case = open_case()
    changed = replace(case, head_hash="f" * 64, event_count=2)
    with desk.transaction() as tx:
        assert repository.update_case(tx, changed, case.head_hash)
        assert not repository.update_case(tx, changed, case.head_hash)


# --- the other lists ---


def test_all_chains_come_by_case_even_where_a_row_or_its_events_are_missing(
    desk: Database, open_case: OpenCase
) -> None:
    cases = sorted([open_case(), open_case()], key=lambda case: case.case_id)
    for case in (*cases, *cases):
        add_note(desk, ANALYST.user_id, case.case_id, "x")
    with desk.transaction() as tx:
        for bare in ("AML-00000000", "AML-ZZZZZZZZ"):
            repository.insert_case(tx, lives.opened(bare).case)
    with desk.snapshot() as tx:
        found = [(case_id, len(events), row is not None) for case_id, events, row, _ in repository.all_chains(tx)]
    assert found == [
        ("AML-00000000", 0, True),
        *((case.case_id, 3, True) for case in cases),
        ("AML-ZZZZZZZZ", 0, True),
    ]
    assert not verification.verify_database(desk).intact


def test_events_come_in_the_order_they_were_stored_even_where_their_times_do_not(desk: Database) -> None:
    life = lives.full_life()
    times = [event.ts for event in reversed(life.events)]
    backdated = [replace(event, ts=ts) for event, ts in zip(life.events, times, strict=True)]
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, [life.case], backdated)
    with desk.snapshot() as tx:
        assert repository.events(tx, life.case.case_id) == backdated
        ((_, rows, *_),) = repository.all_chains(tx)
    assert [chain.event_of(row) for row in rows] == backdated


def test_rows_that_nobody_reads_to_the_end_hold_up_nothing(desk: Database) -> None:
    with desk.snapshot() as tx:
        for read in (tx.stream, tx.stream_tuples):
            with closing(cast(Generator[Any, None, None], read(repository.SELECT_USERS))) as rows:
                next(rows)
            assert repository.case_count(tx) == 0
        half_read = tx.stream_tuples(repository.SELECT_USERS)
        next(half_read)
    assert len(desk.read(repository.users)) == len(PEOPLE)


def test_a_chain_of_nothing_is_an_unknown_case(desk: Database) -> None:
    with desk.snapshot() as tx, pytest.raises(UnknownCase):
        repository.chains_of(tx, "AML-NOBODY00")


def test_an_id_with_a_space_at_an_end_is_nobodys(desk: Database, open_case: OpenCase) -> None:
    case_id, user_id = open_case().case_id, ANALYST.user_id
    for asked in (f"{case_id} ", f" {case_id}", case_id.lower()):
        with desk.snapshot() as tx:
            with pytest.raises(UnknownCase):
                repository.case(tx, asked)
            with pytest.raises(UnknownCase):
                repository.chains_of(tx, asked)
    for asked in (f"{user_id} ", f" {user_id}", user_id.upper()):
        with desk.snapshot() as tx, pytest.raises(UnknownUser):
            repository.user(tx, asked)


def test_a_customers_other_cases_come_newest_first_without_this_one(desk: Database) -> None:
    moments = [NOON, NOON + timedelta(microseconds=1), NOON, NOON]
    cases = stored(desk, [numbered(number, opened_at=moment) for number, moment in enumerate(moments)])
    stored_elsewhere = numbered(9, customer_id="c-00412873")  # another letter case is another customer
    with desk.transaction() as tx:
        repository.insert_case(tx, stored_elsewhere)
    with desk.snapshot() as tx:
        others = repository.other_cases(tx, cases[0].customer_id, cases[2].case_id)
    assert ids(others) == ids([cases[1], cases[3], cases[0]])


def test_qa_lists_what_waits_longest_first_and_counts_what_it_has_seen(desk: Database, open_case: OpenCase) -> None:
    cases = [open_case(sampled=True) for _ in range(6)]
    for case in (*cases, open_case(sampled=False)):
        assign(desk, ANALYST.user_id, case.case_id, ANALYST.user_id)
    closing = [cases[at] for at in (3, 0, 4, 2, 1)]
    for case in closing:
        set_disposition(desk, ANALYST.user_id, case.case_id, Decision(NO_SAR, "Why."))
    for case, result in zip(closing, (QaResult.PASS, QaResult.PASS, QaResult.FAIL), strict=False):
        record_qa(desk, REVIEWER.user_id, case.case_id, result, "Why.")
    casework.reopen(desk, MANAGER.user_id, closing[1].case_id, "Why.")
    with desk.snapshot() as tx:
        assert ids(qa_query.qa_waiting(tx, 10)) == ids(closing[3:])
        assert ids(qa_query.qa_waiting(tx, 1)) == ids(closing[3:4])
        assert ids(qa_query.qa_reviewed(tx, 10)) == ids([closing[2], closing[0]])
        assert ids(qa_query.qa_reviewed(tx, 1)) == ids(closing[2:3])
        assert qa_query.qa_counts(tx) == qa_query.QaCounts(waiting=2, passed=1, failed=1)


def test_users_come_back_with_role_and_whether_they_are_active(desk: Database) -> None:
    left = User("y.left", "Ýr Left", Role.MANAGER, active=False)
    with desk.transaction() as tx:
        repository.insert_user(tx, left)
    with desk.snapshot() as tx:
        people = repository.users(tx)
        assert repository.user(tx, "y.left") == left
    assert left in people
    assert [person.user_id for person in people] == sorted(person.user_id for person in people)


# --- what someone did behind the desk's back ---


@ON_SQLITE
@pytest.mark.parametrize("change", ["closed_at = '31/12/2026'", "amount = 'a lot'", "status = 'Gone'", "due_at = 5"])
def test_a_row_changed_behind_the_desks_back_is_an_error_that_says_where_to_look(desk: Database, change: str) -> None:
    (case,) = stored(desk, [numbered(1)])
    with closing(sqlite3.connect(address(desk), isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE cases SET {change}")
    with pytest.raises(BrokenCase, match="AML-00000001 .* row cannot be read .* Verify it"):
        read(desk, case)
    assert not verification.verify_case(desk, "AML-00000001").intact


def test_events_whose_case_is_gone_are_found_all_the_same(desk: Database) -> None:
    stored(desk, [numbered(1)])
    with without_keys(desk):
        tamper(desk, "DELETE FROM cases")
        with desk.snapshot() as tx:
            ((case_id, events, row, alerts),) = repository.all_chains(tx)
        with desk.snapshot() as tx:
            assert repository.chains_of(tx, "AML-00000001") == [(case_id, events, row, alerts)]
    assert (case_id, len(events), row) == ("AML-00000001", 1, None)


# --- how SQLite goes about it ---


@pytest.fixture
def one(desk: Database) -> Case:
    (case,) = stored(desk, [numbered(1)])
    return case


def plan_of(desk: Database, ask: Callable[[Any], object]) -> list[str]:
    """How SQLite goes about each statement of `ask`."""
    steps: list[str] = []

    class Explained:
        """A transaction that first asks how each statement would be done."""

        def __init__(self, tx: Transaction) -> None:
            self.tx = tx

        def __getattr__(self, name: str) -> Any:
            run = getattr(self.tx, name)

            def explained(sql: Sql, parameters: Sequence[object] = ()) -> Any:
                plan = self.tx.fetch_all(f"EXPLAIN QUERY PLAN {self.tx.text(sql)}", parameters)
                steps.extend(row["detail"] for row in plan)
                return run(sql, parameters)

            return run if name == "text" else explained

    with desk.snapshot() as tx:
        ask(Explained(tx))
    return steps


INDEX_OF = {"due_at": "due", "risk_score": "risk", "amount": "amount", "opened_at": "age", "sar_due_at": "sar_due"}


@ON_SQLITE
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("include_closed", [False, True])
def test_sqlite_reads_a_page_along_an_index_and_sorts_nothing(
    desk: Database, one: Case, order: Order, backward: bool, include_closed: bool
) -> None:
    filters = Filters(include_closed=include_closed)
    index = f"cases_{'' if include_closed or order.by_sar else 'open_'}{INDEX_OF[order.column]}"
    for keyset in (None, Keyset(one.case_id, backward)):
        steps = plan_of(desk, partial(triage_page, filters=filters, order=order, size=5, keyset=keyset))
        assert not any("TEMP B-TREE" in step for step in steps), steps
        assert any(f"USING INDEX {index}" in step for step in steps), steps
        assert "SCAN cases" not in steps


@ON_SQLITE
@pytest.mark.parametrize("sars", Sars)
def test_sqlite_finds_sars_by_index_however_many_cases_there_are(desk: Database, one: Case, sars: Sars) -> None:
    filters = Filters(sars=sars, day=TODAY)
    by_day, not_kept = sars in (Sars.DUE, Sars.LATE), sars is Sars.NOT_KEPT
    index = "cases_sar_due" if by_day else "cases_by_disposition" if not_kept else "cases_by_filing"
    for order in Order:
        for ask in (triage_query.count, partial(triage_page, size=5)):
            steps = plan_of(desk, partial(ask, filters=filters, order=order))
            is_sorted = any("TEMP B-TREE" in step for step in steps)
            if sars is Sars.FILED and not order.by_sar:  # too many to be sorted
                assert any(f"INDEX cases_{INDEX_OF[order.column]}" in step for step in steps), steps
                assert not is_sorted
            elif not (not_kept and order.by_sar):  # which have no day
                assert any(f"INDEX {index} (" in step for step in steps), steps
                assert not (is_sorted and order.by_sar and sars is not Sars.UNDER_WAY), steps
            assert "SCAN cases" not in steps
    if not not_kept:
        steps = plan_of(desk, partial(triage_query.count, filters=filters, order=Order.SAR_DUE))
        assert any(f"USING COVERING INDEX {index} (" in step for step in steps), steps


@ON_SQLITE
def test_sqlite_finds_escalated_cases_and_all_typologies_by_index(desk: Database, one: Case) -> None:
    escalated = partial(triage_page, filters=Filters(disposition=Disposition.ESCALATE), order=Order.RISK, size=5)
    for ask, index in ((escalated, "cases_by_disposition (disposition=?)"), (triage_query.typologies, "typology>?")):
        steps = plan_of(desk, ask)
        assert all(index in step for step in steps if "cases" in step), steps


@ON_SQLITE
@pytest.mark.parametrize("order", Order)
def test_sqlite_finds_whole_ids_by_key_and_counts_a_typology_in_its_index(
    desk: Database, one: Case, order: Order
) -> None:
    steps = plan_of(desk, partial(triage_page, filters=Filters(search=one.case_id), order=order, size=5))
    assert not [step for step in steps if step.startswith("SCAN cases")], steps
    assert any("sqlite_autoindex_cases_1 (case_id=?)" in step for step in steps), steps
    steps = plan_of(desk, partial(triage_query.count, filters=Filters(typology="Smurfing"), order=order))
    if not order.by_sar:
        assert any("USING COVERING INDEX cases_typology (typology=?)" in step for step in steps), steps


@ON_SQLITE
def test_sqlite_finds_what_waits_for_qa_without_going_through_the_closed_cases(desk: Database) -> None:
    for ask, how in (
        (partial(qa_query.qa_waiting, limit=50), "(status=? AND qa_bucket=? AND qa_result=?)"),
        (partial(qa_query.qa_reviewed, limit=50), "INDEX cases_qa_reviewed"),
        (qa_query.qa_counts, "(status=? AND qa_bucket=? AND qa_result=?)"),
    ):
        steps = plan_of(desk, ask)
        assert any(how in step for step in steps), steps
        assert not any("ORDER BY" in step for step in steps), steps


@ON_SQLITE
def test_sqlite_finds_a_case_its_events_and_its_customer_by_index(desk: Database, one: Case) -> None:
    for ask in (
        partial(repository.case, case_id=one.case_id),
        partial(repository.events, case_id=one.case_id),
        partial(repository.other_cases, customer_id="C-1", case_id=one.case_id),
        partial(repository.prior_sars, customer_id="C-1", case_id=one.case_id),
        partial(repository.case_of_report, bsa_id="31000123456789"),
    ):
        steps = plan_of(desk, ask)
        assert steps
        assert all(step.startswith(("SEARCH case", "USE TEMP B-TREE")) for step in steps), steps
