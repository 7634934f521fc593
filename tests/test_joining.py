"""Alerts join the open case of their customer: once each, whoever sends them, and nobody loses what others did."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import (
    casework,
    chain,
    evidence,
    filing,
    intake,
    key_query,
    narrative,
    opening,
    repository,
    schema,
    verification,
)
from app.__main__ import main
from app.case_keys import KeyKind, keys_of
from app.database import Database
from app.errors import ConstraintBroken, StaleCase
from app.exports import sar
from app.models import ALERT_FEED, BreakKind, Case, Disposition, Event, Risk
from app.policy import Decision
from tests import lives
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, TRANSACTIONS, address, alert, stored, tamper
from tests.test_concurrency import at_once
from tests.test_intake import alert as line
from tests.test_intake import encoded, take

ROOT = Path(__file__).resolve().parent.parent


def told(number: int = 1, of: int = 1, **changes: Any) -> dict[str, Any]:
    """An alert of a customer."""
    return line(number, customer_id=f"C-{of}", **changes)


def cases(desk: Database) -> list[Case]:
    return desk.read(
        lambda tx: [repository.case(tx, row["case_id"]) for row in tx.fetch_all("SELECT case_id FROM cases")]
    )


def events_of(desk: Database, case_id: str) -> list[Event]:
    return stored(desk, case_id)[1]


def decided(desk: Database, case_id: str) -> None:
    casework.assign(desk, MANAGER.user_id, case_id, ANALYST.user_id, "Knows the branch.")
    casework.set_disposition(desk, ANALYST.user_id, case_id, Decision(Disposition.NO_SAR, "Payroll."))


def became(taken: intake.Taken) -> tuple[int, int, int]:
    return taken.opened, taken.joined, taken.already


# --- what joins what ---


def test_three_alerts_on_one_customer_make_one_case_with_each_alert_and_every_transaction_once(desk: Database) -> None:
    first, second = TRANSACTIONS[:4], [*TRANSACTIONS[2:], TRANSACTIONS[6]]
    taken = take(
        desk,
        told(1, transactions=first, alert="Four deposits"),
        told(2, transactions=second, alert="Six deposits", typology="Funnel account"),
        told(3, transactions=TRANSACTIONS[:1], alert="One"),
    )
    assert became(taken) == (1, 2, 0)
    (case,) = cases(desk)
    events = events_of(desk, case.case_id)
    assert [(event.action, event.user) for event in events] == [("open", ALERT_FEED), *[("alert", ALERT_FEED)] * 2]
    kept = evidence.read(events)
    assert [(one.alert_id, one.text, one.typology) for one in kept.alerts] == [
        ("TM-1", "Four deposits", "Structuring"),
        ("TM-2", "Six deposits", "Funnel account"),
        ("TM-3", "One", "Structuring"),
    ]
    assert [row.time for row in kept.transactions] == [row["time"] for row in (*TRANSACTIONS, TRANSACTIONS[6])]
    assert [one.rows for one in kept.alerts] == [(0, 1, 2, 3), (2, 3, 4, 5, 6, 7), (0,)]
    assert case.typology == "Structuring"
    assert verification.verify_database(desk).breaks == ()


def test_what_a_joining_alert_may_raise_rises_and_nothing_else_changes(desk: Database) -> None:
    take(desk, told(1, risk="Medium", risk_score=50, amount="100.00"))
    (before,) = cases(desk)
    take(desk, told(2, risk="High", risk_score=40, amount="99.99", customer_name="Zoe Lukasik"))
    take(desk, told(3, risk="Low", risk_score=51, amount="100.01"))
    (case,) = cases(desk)
    assert (case.risk, case.risk_score, case.amount) == (Risk.HIGH, 51, Decimal("100.01"))
    assert (case.due_at, case.customer_name, case.search) == (before.due_at, before.customer_name, before.search)
    metas = [chain.read_meta(event) for event in events_of(desk, case.case_id)[1:]]
    assert [{name: meta[name] for name in chain.RAISED if name in meta} for meta in metas] == [
        {"risk": ["Medium", "High"]},
        {"risk_score": [50, 51], "amount": ["100.00", "100.01"]},
    ]
    assert [meta["told"].get("customer_name") for meta in metas] == ["Zoe Lukasik", None]
    assert [(one.risk, one.risk_score, one.amount) for one in evidence.read(events_of(desk, case.case_id)).alerts] == [
        ("Medium", 50, Decimal("100.00")),
        ("High", 40, Decimal("99.99")),
        ("Low", 51, Decimal("100.01")),
    ]


def test_a_closed_case_another_currency_and_another_customer_are_not_joined(desk: Database) -> None:
    take(desk, told(1))
    decided(desk, cases(desk)[0].case_id)
    assert became(take(desk, told(2), told(3, currency="EUR"), told(4, of=2))) == (3, 0, 0)
    assert became(take(desk, told(5), told(6, currency="EUR"), told(7, of=2))) == (0, 3, 0)
    assert verification.verify_database(desk).intact


def test_the_oldest_open_case_is_joined_also_one_that_was_reopened_and_separate_opens_its_own(desk: Database) -> None:
    assert became(take(desk, told(1), told(2), separate=True)) == (2, 0, 0)
    first, second = sorted(cases(desk), key=lambda case: case.opened_at)
    decided(desk, first.case_id)
    take(desk, told(3))
    casework.reopen(desk, MANAGER.user_id, first.case_id, "Look again.")
    take(desk, told(4))
    assert len(events_of(desk, second.case_id)) == 2
    assert events_of(desk, first.case_id)[-1].action == "alert"


def test_a_case_that_was_damaged_is_passed_over(desk: Database) -> None:
    take(desk, told(1))
    tamper(desk, "UPDATE cases SET head_hash = ?", "0" * 64)
    assert became(take(desk, told(2))) == (1, 0, 0)


def test_transactions_of_one_id_are_one_and_what_made_each_rule_fire_is_known() -> None:
    def row(number: int, day: int, **facts: str) -> dict[str, str]:
        return {**TRANSACTIONS[0], "time": f"2026-01-{day:02d}T15:00:00.000000Z", "id": f"TX-{number}", **facts}

    life = lives.opened(evidence={"alert": "a", "transactions": [row(2, 9), row(1, 8), 7], "triggered_by": ["TX-1"]})
    lives.join(life, transactions=[row(2, 9, channel="wire"), row(3, 7)], triggered_by=["TX-2", "TX-3"])
    kept = evidence.read(life.events)
    assert [(row.id, row.channel) for row in kept.transactions] == [
        ("TX-3", "Cash (branch)"),
        ("TX-1", "Cash (branch)"),
        ("TX-2", "Cash (branch)"),
    ]
    assert [(one.rows, one.triggers) for one in kept.alerts] == [
        ((1, 2), frozenset({1})),
        ((0, 2), frozenset({0, 2})),
    ]
    assert (kept.triggers, kept.unread, kept.flow().credits) == (frozenset({0, 1, 2}), 1, 3)


def test_the_summary_and_the_narrative_tell_each_alert() -> None:
    life = lives.joined_life()
    lives.join(life, alert_id="TM-4", alert="Wires to a shell company", typology="Layering")
    page = sar.summary(life.case, life.events, {}).replace("\\", "")
    for told in ("2026-01-05, TM-1, Structuring", "2026-01-05, TM-4, Layering", "Wires to a shell company"):
        assert told in page
    assert page.count("2026-01-11 15:00") == 1
    kept = evidence.read(life.events)
    text = narrative.begin(life.case, kept, life.events, filing.propose(life.case, kept))
    assert "The alert of January 5, 2026 said: Wires to a shell company." in text
    for _ in range(60):
        lives.join(life, alert="x" * 900)
    kept = evidence.read(life.events)
    text = narrative.begin(life.case, kept, life.events, filing.propose(life.case, kept))
    assert "further alerts are part of it." in text
    assert len(text) < filing.MAX_NARRATIVE


# --- who is at work on the case ---


def test_who_decides_has_to_see_an_alert_that_joined_and_who_assigns_or_notes_does_not(desk: Database) -> None:
    take(desk, told(1))
    (case,) = cases(desk)
    take(desk, told(2))
    casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.", seen=case.head_hash)
    seen = stored(desk, case.case_id)[0].head_hash
    take(desk, told(3))
    casework.add_note(desk, ANALYST.user_id, case.case_id, "Seen.")
    with pytest.raises(StaleCase):
        casework.set_disposition(
            desk, ANALYST.user_id, case.case_id, Decision(Disposition.NO_SAR, "Payroll."), seen=seen
        )
    assert verification.verify_case(desk, case.case_id).intact


def test_feeds_at_once_make_one_case_a_customer_beside_people_who_work_on_them(desk: Database) -> None:
    take(desk, *(told(customer, customer) for customer in range(1, 6)))
    ids = [case.case_id for case in cases(desk)]
    lines = [told(number, number % 10, amount=f"{number}.00") for number in range(10, 90)]

    def work(number: int) -> tuple[int, int, int] | None:
        if number < 3:
            return became(take(desk, *(lines[::-1] if number % 2 else lines)))
        for round_ in range(10):
            case_id = ids[round_ % 5]
            casework.add_note(desk, ANALYST.user_id, case_id, f"{round_} of {number}")
            if number == 3 and round_ < 5:
                receiver = (ANALYST, OTHER_ANALYST)[round_ % 2 ^ 1]
                casework.assign(desk, MANAGER.user_id, case_id, receiver.user_id, "Knows the branch.")
        return None

    sums = [sum(found) for found in zip(*filter(None, at_once(5, work)), strict=True)]
    assert sums == [5, 75, 160]
    assert Counter(case.customer_id for case in cases(desk)) == dict.fromkeys((f"C-{n}" for n in range(10)), 1)
    heads = [len(events_of(desk, case_id)) for case_id in ids]
    assert sum(heads) == 5 + 40 + 20 + 5
    assert verification.verify_database(desk).breaks == ()


# --- sent again ---


def test_an_alert_that_joined_is_known_when_it_is_sent_again_also_after_its_case_was_closed(desk: Database) -> None:
    lines = [told(number, alert=f"Alert {number}", risk_score=60 + number) for number in range(1, 4)]
    take(desk, *lines)
    (case,) = cases(desk)
    decided(desk, case.case_id)
    again = take(desk, *lines)
    assert (became(again), again.changed) == ((0, 0, 3), [])
    changed = take(desk, told(2, alert="Alert 2", risk_score=99), {**lines[2], "customer_name": "Somebody else"})
    assert (became(changed), changed.changed) == ((0, 0, 2), [("TM-2", case.case_id), ("TM-3", case.case_id)])
    assert [len(cases(desk)), stored(desk, case.case_id)[0].risk_score] == [1, 63]


def test_the_case_of_an_alerts_own_id_is_found_without_a_key(desk: Database) -> None:
    take(desk, told(1))
    tamper(desk, "DELETE FROM case_keys")
    assert became(take(desk, told(1))) == (0, 0, 1)


def test_what_is_stored_stays_where_a_later_batch_fails_and_the_feed_goes_on_there(
    desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH", 10)
    lines = [told(number, number // 3) for number in range(25)]
    insert = repository.insert_event

    def fails(tx: Any, new: Event) -> None:
        if '"TM-15"' in new.meta:
            raise ConstraintBroken("The database refuses this.")
        insert(tx, new)

    with monkeypatch.context() as patched, pytest.raises(ConstraintBroken):
        patched.setattr(repository, "insert_event", fails)
        take(desk, *lines)
    before = sum(len(events_of(desk, case.case_id)) for case in cases(desk))
    assert 0 < before <= 20
    taken = take(desk, *lines)
    assert (taken.opened + taken.joined, taken.already, len(cases(desk))) == (25 - before, before, 9)
    assert verification.verify_database(desk).intact


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_feed_that_was_killed_and_is_sent_again_ends_as_if_nothing_had_happened(
    desk: Database, tmp_path: Path
) -> None:
    lines = [told(number, number % 400) for number in range(1_200)]
    file = tmp_path / "feed.jsonl"
    file.write_bytes(encoded(*lines))
    feed = subprocess.Popen([sys.executable, "-m", "app", "open", str(file), "--database", address(desk)], cwd=ROOT)
    while desk.read(repository.case_count) < 20:
        assert feed.poll() is None, "over before it could be killed"
        time.sleep(0.01)
    feed.kill()
    feed.wait()
    before = desk.read(repository.last_event_id)
    assert 0 < before < 1_200
    again = intake.take_in(desk, file.open("rb"), "feed")
    assert (sum(became(again)), again.already) == (1_200, before)
    assert (len(cases(desk)), desk.read(repository.last_event_id)) == (400, 1_200)
    assert verification.verify_database(desk).breaks == ()


# --- keys ---


def test_a_key_that_is_missing_one_too_many_and_one_of_another_case_are_told(desk: Database) -> None:
    take(desk, told(1), told(2), told(3, of=2))
    one, other = (case.case_id for case in sorted(cases(desk), key=lambda case: case.customer_id))
    tamper(desk, "DELETE FROM case_keys WHERE [key] = ?", "TM-1")
    tamper(desk, "UPDATE case_keys SET case_id = ? WHERE [key] = ?", other, "TM-2")
    tamper(desk, "INSERT INTO case_keys (kind, [key], case_id) VALUES ('alert', 'TM-9', ?)", other)
    found = {str(found) for found in verification.verify_database(desk).breaks}
    assert found == {
        f"{one}  event {events_of(desk, one)[0].event_id}  key differs  TM-1: expected {one}, found no key",
        f"{one}  event {events_of(desk, one)[1].event_id}  key differs  TM-2: expected {one}, found {other}",
        f"{other}  alert key  key differs  TM-2: expected an event that tells the alert, found none",
        f"{other}  alert key  key differs  TM-9: expected an event that tells the alert, found none",
    }
    by_case = [verification.verify_case(desk, case_id).breaks for case_id in (one, other)]
    assert {str(found) for breaks in by_case for found in breaks} == found
    assert {found.kind for breaks in by_case for found in breaks} == {BreakKind.KEY_DIFFERS}


def test_a_false_key_hides_no_alert(desk: Database) -> None:
    take(desk, told(1, of=2))
    (case,) = cases(desk)
    tamper(desk, "INSERT INTO case_keys (kind, [key], case_id) VALUES ('alert', 'TM-2', ?)", case.case_id)
    assert became(take(desk, told(2, of=2))) == (1, 0, 0)
    assert became(take(desk, told(2, of=2))) == (0, 0, 1)


def test_accounts_and_counterparties_are_made_anew_and_no_alert_is(
    desk: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = {"account": "DE89 3704 0044 0532 0130 00"}
    rows = [
        {**TRANSACTIONS[0], "counterparty": name} for name in ("Łódź “Main St”", "Shane O’Brien", "ZOË ŁUKASIK", "")
    ]
    take(desk, told(1, transactions=rows, customer=customer), told(2, transactions=rows[:1]))
    (case,) = cases(desk)

    def found() -> list[tuple[str, str]]:
        return sorted((kind.value, key) for kind, key in desk.read(lambda tx: key_query.keys_of_case(tx, case.case_id)))

    before = found()
    assert before == [
        ("account", "de89 3704 0044 0532 0130 00"),
        ("alert", "TM-1"),
        ("alert", "TM-2"),
        ("counterparty", "lodz “main st”"),
        ("counterparty", "shane obrien"),
        ("customer", "zoe lukasik"),
    ]
    with desk.snapshot() as tx:
        assert key_query.cases_with(tx, KeyKind.COUNTERPARTY, "shane obrien", 5) == [case.case_id]
        assert key_query.cases_with(tx, KeyKind.COUNTERPARTY, "obrien", 5) == []
    tamper(desk, "DELETE FROM case_keys WHERE kind = 'account'")
    tamper(desk, "UPDATE case_keys SET [key] = 'x' WHERE [key] = 'shane obrien'")
    assert verification.verify_database(desk).intact
    monkeypatch.setattr(schema, "BATCH", 1)
    assert schema.rebuild_keys(desk) == 4
    assert found() == before
    if desk.is_embedded:
        assert main(["init", "--rebuild-keys", "--database", address(desk)]) == 0
        assert "4 keys made from the events." in capsys.readouterr().out


def test_keys_of_a_damaged_event_are_those_that_can_be_read() -> None:
    def of(meta: Any, action: str = "open") -> set[str]:
        event = Event("AML-1", "", "", action, "", meta if isinstance(meta, str) else json.dumps(meta), "", "")
        return {f"{kind}: {key}" for kind, key in keys_of(event, "Zoë Łukasik")}

    own = {"customer: zoe lukasik"}
    assert of("nonsense") == of([1]) == of({"alert_id": 7, "customer": [], "transactions": {}}) == own
    assert of({"alert_id": "TM-1 "}) == of({"alert_id": "x" * 201}) == own
    assert of({"alert_id": "TM-1"}, "note") == set()
    rows = [{"counterparty": "Ünal"}, {"counterparty": 7}, 7, {"counterparty": "zoe lukasik"}, {"counterparty": " "}]
    assert of({"alert_id": "TM-1", "transactions": rows}, "alert") == own | {"alert: TM-1", "counterparty: unal"}


def test_two_cases_that_were_opened_on_one_alert_are_no_break(desk: Database) -> None:
    first = opening.open_case(desk, ALERT_FEED, alert(alert_id="TM-1"))
    second = opening.open_case(desk, ALERT_FEED, alert(alert_id="TM-1"))
    assert {first.case_id, second.case_id} == {case.case_id for case in cases(desk)}
    assert verification.verify_database(desk).breaks == ()
