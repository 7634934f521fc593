"""Users at the terminal: who may act is told once, and nobody becomes someone else by it."""

from __future__ import annotations

import pytest

from app import casework, repository, users
from app.__main__ import main
from app.database import Database
from app.errors import InvalidInput, NotAllowed, UnknownUser
from app.models import ALERT_FEED, Role, User
from tests.conftest import ANALYST, GONE, MANAGER, PEOPLE, OpenCase

pytestmark = pytest.mark.usefixtures("terminal")

NEW = User("k.berg", "Kari Berg", Role.ANALYST, active=True)


def people(desk: Database) -> dict[str, User]:
    return {person.user_id: person for person in desk.read(repository.users)}


def add(person: User) -> int:
    return main(["user", "add", person.user_id, "--name", person.name, "--role", person.role.value])


def test_who_was_added_can_act(desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(NEW) == 0
    assert people(desk)[NEW.user_id] == NEW
    assert casework.assign(desk, NEW.user_id, open_case().case_id, NEW.user_id).user == NEW.user_id
    assert add(NEW) == 0
    assert capsys.readouterr().out.splitlines() == [
        "k.berg (Kari Berg, Analyst) was added.",
        "They see every case, and which of them led to a SAR, whatever their role: add nobody who has no BSA need "
        "(31 U.S.C. 5318(g)(2)).",
        "k.berg (Kari Berg, Analyst) was there already; nothing changed.",
    ]


def test_who_left_acts_no_more_and_keeps_their_cases_until_a_manager_reassigns_them(
    desk: Database, open_case: OpenCase, capsys: pytest.CaptureFixture[str]
) -> None:
    case_ids = [open_case().case_id for _ in range(2)]
    for case_id in case_ids:
        casework.assign(desk, ANALYST.user_id, case_id, ANALYST.user_id)
    assert main(["user", "deactivate", ANALYST.user_id]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a.nguyen is inactive.",
        "They still own 2 open cases, which a Manager has to reassign.",
    ]
    with pytest.raises(NotAllowed, match="inactive"):
        casework.add_note(desk, ANALYST.user_id, case_ids[0], "x")
    for case_id in case_ids:
        casework.assign(desk, MANAGER.user_id, case_id, MANAGER.user_id, "The owner has left.")
    assert main(["user", "deactivate", ANALYST.user_id]) == 0
    assert capsys.readouterr().out == "a.nguyen is inactive.\n"


def test_who_comes_back_is_active_again(desk: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(GONE) == 0
    assert people(desk)[GONE.user_id].active
    told = capsys.readouterr().out
    assert "is active again" in told
    assert "add nobody who has no BSA need" in told


@pytest.mark.parametrize("taken", [ANALYST, GONE], ids=["active", "inactive"])
@pytest.mark.parametrize("other", [{"name": "Someone Else"}, {"role": Role.MANAGER}], ids=["name", "role"])
def test_an_id_never_passes_to_someone_else(
    desk: Database, taken: User, other: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = people(desk)
    name, role = other.get("name", taken.name), other.get("role", taken.role)
    assert main(["user", "add", taken.user_id, "--name", name, "--role", role]) == 2
    assert f"is taken by {taken.name}, {taken.role.value}" in capsys.readouterr().err
    assert people(desk) == before


def test_the_service_user_stays_as_it_is(desk: Database, capsys: pytest.CaptureFixture[str]) -> None:
    before = people(desk)
    assert add(before[ALERT_FEED]) == 2
    assert main(["user", "deactivate", ALERT_FEED]) == 2
    assert capsys.readouterr().err.count("service user") == 2
    assert people(desk) == before


@pytest.mark.parametrize(
    "user_id", ["", " ", "\u200b", "x\u202ey", "x" * 65, " x", "x ", "x\ny", "x\ty", "x\x1fy", "x\u2028y", "\udcff"]
)
def test_a_user_id_that_cannot_be_kept_is_refused(desk: Database, user_id: str) -> None:
    with pytest.raises(InvalidInput):
        users.add_user(desk, user_id, "Kari Berg", Role.QA)
    with pytest.raises(InvalidInput):
        users.add_user(desk, "k.berg", user_id.replace("x" * 65, "x" * 201), Role.QA)
    assert len(people(desk)) == len(PEOPLE)


def test_user_ids_are_told_apart_by_letter_case_and_an_unknown_one_is_named(
    desk: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "deactivate", "A.Nguyen"]) == 2
    assert "There is no user 'A.Nguyen'" in capsys.readouterr().err
    assert people(desk)[ANALYST.user_id].active


LOOK_ALIKES = ["A.Nguyen", "a.nguyen\u200b", "ａ.nguyen", "a.ngu\u00adyen"]


@pytest.mark.parametrize("user_id", LOOK_ALIKES)
def test_no_second_person_gets_an_id_that_can_be_taken_for_that_of_another(desk: Database, user_id: str) -> None:
    before = people(desk)
    for name, role in ((ANALYST.name, ANALYST.role), ("Someone Else", Role.MANAGER)):
        with pytest.raises((NotAllowed, InvalidInput), match="taken for 'a.nguyen', which is Anh|cannot be seen"):
            users.add_user(desk, user_id, name, role)
    assert people(desk) == before


@pytest.mark.parametrize("user_id", [ALERT_FEED.upper(), "k berg", "k\u00a0berg", "k\u2060berg"])
def test_nobody_new_is_the_alert_feed_or_has_an_id_with_a_gap(desk: Database, user_id: str) -> None:
    with pytest.raises((NotAllowed, InvalidInput)):
        users.add_user(desk, user_id, "Kari Berg", Role.ANALYST)
    assert len(people(desk)) == len(PEOPLE)


def test_who_had_an_id_with_a_space_before_comes_back_with_it(desk: Database) -> None:
    old = User("k berg", "Kari Berg", Role.ANALYST, active=False)
    with desk.transaction() as tx:
        repository.insert_user(tx, old)
    assert users.add_user(desk, old.user_id, old.name, old.role) == old
    assert people(desk)[old.user_id].active


@pytest.mark.parametrize("claim", [ANALYST.user_id, f" {ANALYST.user_id} ", *LOOK_ALIKES])
def test_a_claim_finds_whom_it_can_only_mean(desk: Database, claim: str) -> None:
    assert desk.read(lambda tx: repository.user_alike(tx, claim)) == ANALYST


def test_a_claim_that_could_mean_two_people_means_the_one_it_names_or_nobody(desk: Database) -> None:
    twin = User("A.Nguyen", "Another Nguyen", Role.MANAGER, active=True)
    with desk.transaction() as tx:
        repository.insert_user(tx, twin)
    for person in (ANALYST, twin):
        assert desk.read(lambda tx, claim=person.user_id: repository.user_alike(tx, claim)) == person  # type: ignore[misc]
    for claim in ("A.NGUYEN", "a.nguyen ", "", "\u200b", "nobody"):
        with pytest.raises(UnknownUser):
            desk.read(lambda tx, claim=claim: repository.user_alike(tx, claim))  # type: ignore[misc]


def test_list_is_a_table_that_no_name_breaks(desk: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with desk.transaction() as tx:
        repository.insert_user(tx, User("z", "a\x1b[2Jb\nc", Role.QA, active=True))
    assert main(["user", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "ROLE", "ACTIVE"]
    assert len(lines) == 1 + len(PEOPLE) + 1
    assert lines[-1].split() == ["z", r"a\x1b[2Jb\nc", "QA", "yes"]
    assert len({line.index(role) for line in lines[1:] for role in ("Analyst", "Manager", "QA ") if role in line}) == 1
    assert {line.split()[-1] for line in lines if line.startswith(("alert-feed", "x.gone"))} == {"no"}


@pytest.mark.parametrize(
    "arguments", [["user"], ["user", "add", "k.berg"], ["user", "add", "k.berg", "--name", "K", "--role", "Boss"]]
)
def test_wrong_use_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
