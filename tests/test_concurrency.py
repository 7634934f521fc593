"""Many at once, and the plug pulled: what was acknowledged is stored, once, and nothing else is."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from app import casework, database, repository, settings, triage_query, verification
from app.database import Database
from app.errors import NotAllowed, StaleCase
from app.models import Disposition, User
from app.policy import Decision
from tests.attacks import ON_SERVER
from tests.conftest import ANALYST, MANAGER, OTHER_ANALYST, OTHER_MANAGER, OpenCase

OWNERS = (ANALYST.user_id, OTHER_ANALYST.user_id, MANAGER.user_id, OTHER_MANAGER.user_id)
THREADS = 8

Result = TypeVar("Result")


def at_once(count: int, work: Callable[[int], Result]) -> list[Result]:
    """What `work` returns for 0 to count - 1, each in a thread of its own, let go at the same moment."""
    together = threading.Barrier(count)

    def started(number: int) -> Result:
        together.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return [done.result() for done in [threads.submit(started, number) for number in range(count)]]


def busy_work(desk: Database, case_ids: Sequence[str], seed: int, rounds: int) -> list[str]:
    """Notes and assignments in any order; the hashes of the events that casework acknowledged."""
    draw = random.Random(seed)
    acknowledged = []
    for number in range(rounds):
        case_id = draw.choice(case_ids)
        if draw.random() < 0.6:
            event = casework.add_note(desk, draw.choice(OWNERS), case_id, f"note {number} of {seed}")
        else:
            try:
                event = casework.assign(desk, MANAGER.user_id, case_id, draw.choice(OWNERS), "Knows the branch.")
            except NotAllowed:  # they own it already
                continue
        acknowledged.append(event.event_hash)
    return acknowledged


def hashes(desk: Database, case_ids: Sequence[str]) -> list[str]:
    with desk.snapshot() as tx:
        return [event.event_hash for case_id in case_ids for event in repository.events(tx, case_id)]


def test_threads_at_work_on_the_same_cases_lose_nothing_and_store_nothing_twice(
    desk: Database, open_case: OpenCase
) -> None:
    cases = [open_case() for _ in range(3)]
    case_ids = [case.case_id for case in cases]
    acknowledged = at_once(THREADS, lambda seed: busy_work(desk, case_ids, seed, rounds=25))
    expected = [case.head_hash for case in cases] + [one for done in acknowledged for one in done]
    assert sorted(hashes(desk, case_ids)) == sorted(expected)
    assert verification.verify_database(desk).intact


def test_verification_during_work_sees_no_break(desk: Database, open_case: OpenCase) -> None:
    case_ids = [open_case().case_id for _ in range(2)]
    done = threading.Event()

    def work_or_watch(seed: int) -> int:
        if seed:
            try:
                return len(busy_work(desk, case_ids, seed, rounds=40))
            finally:
                done.set()
        looks = 0
        while not done.is_set() or not looks:
            assert verification.verify_database(desk).intact
            assert verification.verify_case(desk, case_ids[0]).intact
            looks += 1
        return looks

    assert all(at_once(3, work_or_watch))


@pytest.mark.parametrize("knows_the_head", [True, False])
def test_of_two_people_who_take_a_case_at_once_exactly_one_gets_it(
    desk: Database, open_case: OpenCase, knows_the_head: bool
) -> None:
    takers = (ANALYST.user_id, OTHER_ANALYST.user_id)
    for _ in range(10):
        case = open_case()
        seen = case.head_hash if knows_the_head else None

        def take(number: int, case_id: str = case.case_id, seen: str | None = seen) -> str | None:
            try:
                return casework.assign(desk, takers[number], case_id, takers[number], seen=seen).user
            except (StaleCase, NotAllowed) as refused:
                assert isinstance(refused, StaleCase) is (seen is not None)
                return None

        (winner,) = filter(None, at_once(2, take))
        with desk.snapshot() as tx:
            row = repository.case(tx, case.case_id)
        assert (row.owner, row.event_count) == (winner, 2)
        assert verification.verify_case(desk, case.case_id).intact


def test_people_who_take_the_next_case_at_once_get_one_each_the_most_urgent_first(
    desk: Database, open_case: OpenCase
) -> None:
    due = [case.case_id for case in sorted((open_case() for _ in range(THREADS + 2)), key=lambda case: case.due_at)]

    def take(number: int) -> str | None:
        event = casework.take_next(desk, OWNERS[number % len(OWNERS)])
        return event.case_id if event else None

    assert sorted(filter(None, at_once(THREADS, take))) == sorted(due[:THREADS])
    assert [take(0), take(1), take(2)] == [*due[THREADS:], None]
    assert verification.verify_database(desk).intact


@pytest.mark.parametrize("taker", [ANALYST, MANAGER], ids=["an analyst", "a manager, who could hand it over"])
def test_a_case_that_was_taken_a_moment_earlier_stays_with_who_took_it(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch, taker: User
) -> None:
    taken, free = (open_case().case_id for _ in range(2))
    casework.assign(desk, OTHER_ANALYST.user_id, taken, OTHER_ANALYST.user_id)
    ask, told = triage_query.next_unassigned, iter([taken])
    monkeypatch.setattr(triage_query, "next_unassigned", lambda tx, after=None: next(told, None) or ask(tx, after))
    event = casework.take_next(desk, taker.user_id)
    assert event is not None
    assert event.case_id == free
    assert desk.read(lambda tx: repository.case(tx, taken)).owner == OTHER_ANALYST.user_id


def test_of_two_people_who_decide_at_once_exactly_one_does(desk: Database, open_case: OpenCase) -> None:
    for _ in range(5):
        case_id = open_case().case_id
        seen = casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id).event_hash

        def decide(number: int, case_id: str = case_id, seen: str = seen) -> bool:
            try:
                who = (ANALYST, MANAGER)[number].user_id
                casework.set_disposition(desk, who, case_id, Decision(Disposition.NO_SAR, "Why."), seen=seen)
            except StaleCase as stale:
                assert [event.action for event in stale.since] == ["disposition"]
                return False
            return True

        assert sorted(at_once(2, decide)) == [False, True]
        assert len(hashes(desk, [case_id])) == 3


def test_a_form_sent_by_many_threads_at_once_makes_one_event(desk: Database, open_case: OpenCase) -> None:
    for _ in range(5):
        case = open_case()

        def send(number: int, case_id: str = case.case_id, seen: str = case.head_hash) -> str:
            if number % 2:
                return casework.add_note(desk, ANALYST.user_id, case_id, "once", form="token").event_hash
            return casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id, form="other", seen=seen).event_hash

        sent = at_once(THREADS, send)
        assert len(set(sent)) == 2
        assert sorted(hashes(desk, [case.case_id])) == sorted({case.head_hash, *sent})


def test_cases_opened_at_once_are_all_there(desk: Database, open_case: OpenCase) -> None:
    opened = at_once(THREADS, lambda _: [open_case().case_id for _ in range(5)])
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == len({one for some in opened for one in some}) == THREADS * 5


# --- processes, on the embedded store: a server takes care of this by itself ---


def connected(file: str) -> Database:
    return database.connect(settings.Settings(file, Path(file).parent, busy_timeout=30))


def in_a_process(file: str, case_ids: Sequence[str], seed: int) -> list[str]:
    return busy_work(connected(file), case_ids, seed, rounds=25)


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_processes_at_work_on_the_same_cases_lose_nothing_and_store_nothing_twice(
    desk: Database, open_case: OpenCase
) -> None:
    cases = [open_case() for _ in range(3)]
    case_ids = [case.case_id for case in cases]
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        working = [processes.submit(in_a_process, str(desk), case_ids, seed) for seed in range(3)]
        expected = [case.head_hash for case in cases] + busy_work(desk, case_ids, 99, rounds=25)
        for done in working:
            expected += done.result()
    assert sorted(hashes(desk, case_ids)) == sorted(expected)
    assert verification.verify_database(desk).intact


def work_until_killed(file: str, case_ids: Sequence[str]) -> None:
    """Two threads that write long notes and give cases away; a line for each event once it is acknowledged."""
    desk = connected(file)

    def work(seed: int) -> None:
        for number in range(1_000_000):
            case_id = case_ids[number % len(case_ids)]
            if number % 3:
                event = casework.add_note(desk, ANALYST.user_id, case_id, f"{seed} {number} " + "long " * 1_900)
            else:
                try:
                    event = casework.assign(
                        desk, MANAGER.user_id, case_id, OWNERS[number // 3 % 2 + seed * 2], "Knows the branch."
                    )
                except NotAllowed:
                    continue
            os.write(1, f"{event.event_hash}\n".encode())

    at_once(2, work)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_killed_process_leaves_a_desk_that_opens_verifies_and_holds_what_was_acknowledged(
    desk: Database, open_case: OpenCase
) -> None:
    cases = [open_case() for _ in range(3)]
    case_ids = [case.case_id for case in cases]
    expected = {case.head_hash for case in cases}
    program = f"from tests.test_concurrency import work_until_killed as work; work({str(desk)!r}, {case_ids!r})"
    for lines in (1, 10, 23, 40, 61):
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=settings.ROOT, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            acknowledged = [child.stdout.readline() for _ in range(lines)]
            child.kill()
            acknowledged += child.stdout.readlines()
        assert child.returncode == -signal.SIGKILL
        expected |= {line.strip() for line in acknowledged}

        found = hashes(desk, case_ids)
        assert len(found) == len(set(found))
        assert expected <= set(found), "something acknowledged is lost"
        assert len(set(found) - expected) <= 2, "a thread had at most one event stored that it had not yet reported"
        assert verification.verify_database(connected(str(desk))).intact
        expected = {*found, casework.add_note(desk, ANALYST.user_id, case_ids[0], "and on it goes").event_hash}


@ON_SERVER
def test_nobody_gets_a_case_while_they_are_being_deactivated(desk: Database, open_case: OpenCase) -> None:
    case_id = open_case().case_id
    refusals: list[Exception] = []

    def assign() -> None:
        try:
            casework.assign(desk, MANAGER.user_id, case_id, ANALYST.user_id, "Knows the branch.")
        except NotAllowed as error:
            refusals.append(error)

    assigning = threading.Thread(target=assign)
    with desk.transaction() as tx:
        repository.set_active(tx, ANALYST.user_id, False)
        assigning.start()
        assigning.join(1)
        assert assigning.is_alive(), "it did not wait"
    assigning.join(30)
    assert ["is inactive and cannot receive cases" in str(error) for error in refusals] == [True]
    assert desk.read(lambda tx: repository.case(tx, case_id)).owner is None
