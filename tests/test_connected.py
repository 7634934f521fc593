"""Connected cases: a ring is found through what it shares, whatever that is to each; what many know connects nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import connected, evidence
from app.connected import Connections, Strength
from app.database import Database
from app.models import Case
from app.ui import connected_panel
from app.ui.network import CASES, HUBS, Hub, Line, Neighbour, picture
from tests.conftest import TRANSACTIONS, OpenCase, stored, tamper


@pytest.fixture
def numbers() -> Iterator[int]:
    """What tells customers and their accounts apart."""
    return iter(range(1, 1000))


@pytest.fixture
def customer(open_case: OpenCase, numbers: Iterator[int]) -> OpenCase:
    """Opens a case of a customer of its own, who moves money with `paid`, the others by name."""

    def opened(*paid: str, account: str = "", **facts: Any) -> Case:
        number = next(numbers)
        told = {"customer_id": f"C-{number:08d}", "customer_name": f"Customer {number} Ltd", **facts}
        rows = [{**TRANSACTIONS[0], "counterparty": name} for name in paid]
        return open_case(**told, customer={"account": account or f"77{number:08d}"}, transactions=rows)

    return opened


def connections(desk: Database, case: Case) -> Connections:
    return desk.read(lambda tx: connected.of_case(tx, case))


def strengths(desk: Database, case: Case) -> dict[str, list[Strength]]:
    return {case_id: [tie.strength for tie in ties] for case_id, ties in connections(desk, case).ties.items()}


def test_mules_with_one_controller_are_found_and_a_payroll_that_half_the_cases_know_is_none(
    desk: Database, customer: OpenCase
) -> None:
    mules = [
        customer("Keystone Payroll", "Ostrava HOLDINGS LLC"),
        customer("Ostrava Holdings, LLC", "Keystone payroll"),
    ]
    mules.append(customer("Keystone Payroll", "ostrava holdings llc"))
    for _ in range(connected.LEAST):
        customer("Keystone Payroll")
    assert strengths(desk, mules[0]) == {mules[2].case_id: [Strength.NAME]}, "by name as it is searched for"
    assert [(known.key, known.others) for known in connections(desk, mules[0]).common] == [("keystone payroll", 7)]
    alone = connections(desk, customer("Keystone Payroll", "Nobody else"))
    assert (list(alone.cases), alone.ties) == ([], {})


def test_money_that_ends_at_another_cases_customer_connects_both_by_name_and_by_account(
    desk: Database, customer: OpenCase
) -> None:
    funnel = customer("Łódź Trading", "4417002199830001")
    by_name, by_account = customer(customer_name="LODZ trading"), customer(account="4417002199830001")
    assert strengths(desk, funnel) == {by_account.case_id: [Strength.ACCOUNT], by_name.case_id: [Strength.PARTY]}
    assert strengths(desk, by_name) == {funnel.case_id: [Strength.PARTY]}
    assert strengths(desk, by_account) == {funnel.case_id: [Strength.ACCOUNT]}


def test_a_shared_account_is_stronger_than_a_shared_name_and_that_stronger_the_fewer_know_it(
    desk: Database, customer: OpenCase
) -> None:
    case = customer("7730041188", "Larkspur Agents", "Few Know Me Inc")
    three = [customer("Larkspur Agents") for _ in range(3)]
    few, account = customer("Few Know Me Inc"), customer("7730041188")
    both = customer("Few Know Me Inc", "Larkspur Agents")
    namesake = customer(customer_name=case.customer_name)
    joint = customer(account="77" + f"{1:08d}")
    ranked = list(connections(desk, case).ties)
    assert set(ranked[:2]) == {account.case_id, joint.case_id}
    assert ranked[2:4] == [both.case_id, few.case_id]
    assert (set(ranked[4:-1]), ranked[-1]) == ({one.case_id for one in three}, namesake.case_id)


def test_an_account_of_which_four_digits_are_shown_connects_nobody(desk: Database, customer: OpenCase) -> None:
    case, _ = customer(account="****7687"), customer(account="****7687")
    found = connections(desk, case)
    assert (found.ties, [known.key for known in found.vague]) == ({}, ["****7687"])


def test_the_cases_of_one_customer_are_connected_as_such_and_make_nothing_common(
    desk: Database, customer: OpenCase
) -> None:
    facts = {"customer_id": "C-1", "customer_name": "Tenant"}
    case, *own = [customer("Hilltop Landlord", **facts) for _ in range(connected.LEAST + 3)]
    other = customer("Hilltop Landlord")
    found = connections(desk, case)
    newest = [one.case_id for one in sorted(own, key=lambda one: (one.opened_at, one.case_id))[::-1]]
    assert [one.case_id for one in found.cases] == [*newest[: connected.SHOWN_OWN], other.case_id]
    assert (found.more_own, found.common) == (len(own) - connected.SHOWN_OWN, [])
    assert found.ties[newest[0]] == [connected.Tie(Strength.CUSTOMER)]


def test_a_name_that_hundreds_know_is_counted_no_further_than_it_is_told(desk: Database, customer: OpenCase) -> None:
    case = customer("Card Network", "Somebody", "Customer 1 Ltd")
    for _ in range(connected.COMMON + 2):
        customer("Card Network")
    customer("Somebody")
    (common,) = connections(desk, case).common
    assert connected_panel.known_words(common.others) == "50+ other cases"
    counts = desk.read(lambda tx: connected.known(tx, case.case_id, ["Card  NETWORK", "Somebody", "Customer 1 Ltd"]))
    assert counts == {"Card  NETWORK": 51, "Somebody": 1, "Customer 1 Ltd": 0}


def test_the_more_cases_a_desk_has_the_more_may_share_a_link_up_to_what_a_person_can_look_through() -> None:
    sizes = (0, 100, 500, 1000, 1_000_000)
    assert [connected.most_customers(size, of_account=True) for size in sizes] == [5, 5, 10, 20, 20]
    assert [connected.most_customers(size, of_account=False) for size in sizes] == [5, 5, 5, 10, 20]


def test_of_more_connected_cases_than_are_shown_the_weaker_are_counted(desk: Database, customer: OpenCase) -> None:
    case = customer(*(f"Name {number}" for number in range(6)), "88005553535")
    for number in range(6):
        for _ in range(5):
            customer(f"Name {number}")
    strong = customer("88005553535")
    found = connections(desk, case)
    assert (len(found.cases), found.more, found.cases[0].case_id) == (connected.SHOWN, 7, strong.case_id)


def test_a_connected_case_whose_row_was_damaged_is_told_and_hides_no_other(desk: Database, customer: OpenCase) -> None:
    case, damaged, sound = (customer("Ostrava Holdings LLC") for _ in range(3))
    if not desk.is_embedded:
        pytest.skip("a server keeps what is no time out of a column of times")
    tamper(desk, "UPDATE cases SET due_at = '2026-12-31' WHERE case_id = ?", damaged.case_id)
    found = connections(desk, case)
    assert [one.case_id for one in found.cases] == [sound.case_id]
    assert [error.case_id for error in found.cases.broken] == [damaged.case_id]


# --- in words ---


def test_an_account_is_told_with_who_has_it_and_their_name_is_no_second_link(
    desk: Database, open_case: OpenCase
) -> None:
    row = {**TRANSACTIONS[0], "counterparty": "Trần Văn Minh", "account": "8869209765", "direction": "out"}
    mules = [open_case(customer_id=f"C-{one}", customer_name=one, transactions=[row]) for one in ("Ann", "Bo")]
    case, events = stored(desk, mules[0].case_id)
    told = connected_panel.parties(case, evidence.read(events))
    ties = connections(desk, case).ties[mules[1].case_id]
    assert [tie.strength for tie in ties] == [Strength.ACCOUNT, Strength.NAME]
    assert connected_panel.ties_words(ties, told) == "Same account, 8869209765 of Trần Văn Minh"
    assert told.moved["8869209765"] == "USD 9,400.00 out"
    end = open_case(
        customer_id="C-End", customer_name="tran van minh", customer={"account": "8869209765"}, transactions=[]
    )
    ties = connections(desk, case).ties[end.case_id]
    words = "Account 8869209765 of Trần Văn Minh, its customer, is on the other side here"
    assert connected_panel.ties_words(ties, told) == words


# --- the picture ---


def neighbour(case_id: str, *keys: str) -> Neighbour:
    return Neighbour(case_id, "Somebody · New", dict.fromkeys(keys, Line.NAME))


def test_the_picture_draws_who_shares_what_and_says_what_it_leaves_out() -> None:
    hubs = {key: Hub(f"<b>{key}</b>", "name, 3 cases", Line.NAME) for key in "abcdefghijkl"}
    few = [neighbour("AML-1", "b"), Neighbour("AML-2", "Two · Closed · SAR", {"a": Line.OWN, "b": Line.NAME})]
    drawn = picture("AML-0", hubs, few)
    texts = [node["text"] for node in drawn.data["nodes"]]
    lines = {(texts[line["from"]], texts[line["to"]], line["kind"]) for line in drawn.data["lines"]}
    assert lines == {
        ("AML-0", "<b>a</b>", "name"),
        ("AML-0", "<b>b</b>", "name"),
        ("<b>b</b>", "AML-1", "name"),
        ("<b>a</b>", "AML-2", "own"),
        ("<b>b</b>", "AML-2", "name"),
    }
    assert "<b>b</b> (name, 3 cases) with AML-1, AML-2" in drawn.data["label"]
    assert (drawn.cases_left, drawn.hubs_left) == (0, 0)
    many = picture(
        "AML-0", hubs, [*(neighbour(f"AML-{n}", "a") for n in range(CASES + 3)), neighbour("AML-x", *"cdefghijkl")]
    )
    assert (many.cases_left, many.hubs_left) == (4, 10)
    wide = picture("AML-0", hubs, [neighbour("AML-9", *"abcdefghijkl")])
    assert (wide.cases_left, wide.hubs_left) == (0, 12 - HUBS)
    for node in wide.data["nodes"]:
        assert 0 < node["top"] < wide.data["height"]
