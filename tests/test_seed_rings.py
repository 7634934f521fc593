"""Over several cases: the rings to be found, what only looks like one, names, and one ledger an account."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import chain, evidence, filing, sar_track
from app.case_keys import KeyKind, keys_of
from app.models import Case, Disposition, Event, Filing, Status
from app.text import normal_form
from seed import firms, people
from seed.__main__ import DEMO_CASES, DEMO_SEED
from seed.book import Book
from seed.names import PERSONS, Names
from seed.plan import BLOCK, EARLY

AS_OF = date(2026, 1, 31)
KNOWN = {normal_form(name, 200) for name in people.KNOWN}
KNOWN_ACCOUNTS = {party.account for party in (*people.VASPS, people.CARD_NETWORK) if party.account}

Told = tuple[Case, list[Event]]


@pytest.fixture(scope="module")
def demo() -> list[Told]:
    book = Book(DEMO_SEED, AS_OF)
    return [book.case(number) for number in range(1, DEMO_CASES + 1)]


def alerts(told: Told) -> list[dict[str, Any]]:
    return [chain.read_meta(event) for event in told[1] if event.action in ("open", "alert")]


def shared(cases: list[Told]) -> dict[tuple[KeyKind, str], list[Case]]:
    """What several customers' cases have in common, but for what many know."""
    found: dict[tuple[KeyKind, str], dict[str, Case]] = defaultdict(dict)
    for case, events in cases:
        for event in events:
            for key in keys_of(event, case.customer_name):
                found[key][case.case_id] = case
    return {
        key: list(having.values())
        for key, having in found.items()
        if len({case.customer_id for case in having.values()}) > 1 and key[1] not in KNOWN | KNOWN_ACCOUNTS
    }


@pytest.mark.parametrize("count", [300, 500, 1_000])
def test_there_are_three_rings_for_every_five_hundred_cases_and_nothing_else_in_common(count: int) -> None:
    book = Book(7, AS_OF)
    found = shared([book.case(number) for number in range(1, count + 1)])
    sizes = Counter((cases[0].typology, len(cases)) for cases in found.values() if len(cases) > 2)
    blocks = -(-count // BLOCK) if count % BLOCK == 0 or count % BLOCK > EARLY else count // BLOCK
    assert sizes == {
        ("Money mule", 4): 2 * blocks,  # the controller's name and account
        ("Shell company layering", 3): 4 * blocks,  # those of the agent, and of a company that all of them pay
        ("Funnel account", 3): blocks,  # the account that the cash ends on
    }
    others = [cases for cases in found.values() if len(cases) < 3]
    assert all({case.typology for case in cases} <= {"Funnel account", "Rapid movement of funds"} for cases in others)
    assert len(others) == 3 * blocks  # the hub's name, and the accounts of those who pay it


def test_a_ring_can_be_followed_and_is_partly_open_and_partly_reported(demo: list[Told]) -> None:
    for key, cases in shared(demo).items():
        if len(cases) > 2:
            assert any(case.status is not Status.CLOSED for case in cases), key
            assert any(case.disposition is Disposition.SAR for case in cases), key


def test_money_that_one_customer_pays_to_another_stands_in_both_ledgers(demo: list[Told]) -> None:
    accounts = {alerts(told)[0]["customer"]["account"]: told for told in demo}
    followed = 0
    for told in demo:
        own = alerts(told)[-1]
        for row in own["transactions"]:
            if row["direction"] != "out" or row.get("account") not in accounts:
                continue
            case, _ = other = accounts[row["account"]]
            theirs = alerts(other)[-1]
            assert row["counterparty"] == case.customer_name
            assert theirs["customer"]["since"] < row["time"][:10]
            if theirs["window"]["from"] <= row["time"][:10] <= theirs["window"]["to"]:
                back = {**row, "direction": "in", "counterparty": told[0].customer_name}
                back["account"] = own["customer"]["account"]
                assert {**back, "id": ""} in [{**one, "id": ""} for one in theirs["transactions"]]
                followed += 1
    assert followed >= 4


def test_what_looks_like_a_ring_and_is_none_is_there_too(demo: list[Told]) -> None:
    known = Counter(
        name
        for told in demo
        for name in {row["counterparty"] for alert in alerts(told) for row in alert["transactions"]} & people.KNOWN
    )
    assert 0.4 * DEMO_CASES < known[people.CARD_NETWORK.name] < 0.7 * DEMO_CASES
    assert all(known[employer.name] > 15 for employer in people.EMPLOYERS.values())
    assert known[people.VASPS[0].name] > 25
    wages = Counter(
        case.disposition
        for case, events in demo
        if any(f'"{employer.name}"' in events[0].meta for employer in people.EMPLOYERS.values())
    )
    assert len(wages) > 2


# Names


@pytest.mark.parametrize("seed", [7, 8])
def test_no_name_recurs_by_chance(seed: int) -> None:
    names = Names(seed)
    people_of_cases = [normal_form(names.person(number).shown, 200) for number in range(1_000 * PERSONS)]
    assert len(set(people_of_cases)) == len(people_of_cases)
    owners = [names.owner(number) for number in range(20_000)]
    assert len({normal_form(owner.family, 200) for owner in owners}) == len(owners)
    assert not {normal_form(owner.shown, 200) for owner in owners[:1_000]} & set(people_of_cases)


def test_no_firm_has_the_name_of_another() -> None:
    made = [normal_form(firms.firm(number), 200) for number in range(100_000)]
    made += [normal_form(make(number), 200) for make in (firms.shell, firms.kiosk) for number in range(20_000)]
    made += [normal_form(firms.called(number, "Motor Inn"), 200) for number in range(20_000)]
    made += [normal_form(firms.abroad(number, country), 200) for country in firms.ABROAD for number in range(5_000)]
    assert len(set(made)) == len(made)


# Ledgers


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_a_customers_alerts_are_cut_from_one_ledger(seed: int, block: int) -> None:
    """Of one day they tell the same; what is told of the customer is the same in each; each names what fired it."""
    book = Book(seed, AS_OF)
    customers: dict[str, list[Told]] = defaultdict(list)
    for number in range(BLOCK * block - 120, BLOCK * block):
        case, events = book.case(number)
        customers[case.customer_id].append((case, events))
    for cases in customers.values():
        found = sorted((each for told in cases for each in alerts(told)), key=lambda alert: str(alert["window"]["to"]))
        assert len({chain.canonical_json(alert["customer"]) for alert in found}) == 1
        assert len({case.customer_name for case, _ in cases}) == 1
        rows = {row["id"]: row for alert in found for row in alert["transactions"]}
        for alert in found:
            first, last = alert["window"]["from"], alert["window"]["to"]
            assert alert["transactions"] == sorted(
                (row for row in rows.values() if first <= row["time"][:10] <= last), key=lambda row: row["time"]
            )
            assert 0 < len(set(alert["triggered_by"])) == len(alert["triggered_by"])
            assert {row["id"] for row in alert["transactions"]} >= set(alert["triggered_by"])


def test_an_alert_joins_while_the_case_is_open_and_opens_one_once_it_is_closed(demo: list[Told]) -> None:
    joined: Counter[int] = Counter()
    customers: dict[str, list[Told]] = defaultdict(list)
    for case, events in demo:
        customers[case.customer_id].append((case, events))
        assert chain.verify(case.case_id, events, {name: chain.canonical(getattr(case, name)) for name in ROW}) == []
        joined[len(alerts((case, events)))] += 1
        status = "New"
        for event in events:
            assert event.action != "alert" or status != "Closed"
            status = chain.read_meta(event).get("status", ["", status])[1]
        for alert in alerts((case, events)):
            facts = {"customer_id": case.customer_id, "customer_name": case.customer_name, "currency": "USD"}
            told = alert.get("told") or alert["case"]
            facts |= {name: told[name] for name in ("typology", "risk", "risk_score", "amount")}
            evidence.check({**{k: v for k, v in alert.items() if k not in LATER}, **facts})
    assert joined[2] > 15
    assert joined[3] > 3
    again = 0
    for cases in customers.values():
        cases.sort(key=lambda told: told[0].opened_at)
        for (before, _), (after, _) in zip(cases, cases[1:], strict=False):
            assert before.closed_at
            assert before.closed_at < after.opened_at
            again += 1
    assert again > 20


ROW = tuple(Case.__dataclass_fields__)
LATER = {"case", "told", "risk", "risk_score", "amount"}


# Reports


@pytest.mark.parametrize("as_of", [AS_OF, date(2026, 5, 31), date(2026, 11, 28)])
def test_the_demo_has_continuing_reports_and_sars_of_before_filings_were_kept(as_of: date) -> None:
    book = Book(DEMO_SEED, as_of)
    demo = [book.case(number) for number in range(1, EARLY + 1)]
    by_bsa_id = {
        chain.read_meta(e)["bsa_id"][1]: case for case, events in demo for e in events if e.action == "sar_acknowledge"
    }
    continuing = 0
    for case, events in demo:
        newest = sar_track.newest_draft(events)
        if newest is None or newest[1].kind is not filing.ReportKind.CONTINUING:
            continue
        draft, first = newest[1], by_bsa_id[newest[1].prior_bsa_id]
        assert first.customer_id == case.customer_id
        assert first.filed_at
        assert case.sar_due_at
        assert timedelta(days=85) < case.sar_due_at - first.filed_at < timedelta(days=180)
        assert draft.amount
        assert draft.cumulative
        assert draft.cumulative > draft.amount
        continuing += 1
    assert continuing
    old = [case for case, _ in demo if case.disposition is Disposition.SAR and case.sar_due_at is None]
    assert old
    assert all(case.filing is Filing.NONE and case.determined_at for case in old)
