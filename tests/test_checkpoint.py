"""The log and its checkpoints: what only they find, what they refuse, and that no event slips in below one."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import casework, chain, files, repository, settings, verification
from app.__main__ import main
from app.database import Database, Transaction
from app.demo import tampering
from app.errors import RUN, BrokenLog, DeskError, InvalidNote, NotSigned, SettingsError, UnreadableFile
from app.log import checkpoint, keys, lines, merkle, proofs, signed_note
from app.log.checkpoint import Anchor, Log
from app.models import BreakKind, Case, Event
from tests.attacks import ON_SERVER, without_keys
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, OpenCase, address, tamper

KEY = signed_note.signing_key("bank.example/aml", bytes(range(32)))
OTHER_KEY = signed_note.signing_key("bank.example/aml", bytes(32))


def sign(desk: Database, folder: Path, key: signed_note.SigningKey = KEY) -> Anchor:
    anchor = checkpoint.append(desk, folder, key).anchor
    assert anchor is not None
    return anchor


@pytest.fixture
def cases(desk: Database, open_case: OpenCase) -> list[Case]:
    """Three cases whose events lie between each other, the first with five of them."""
    opened = [open_case() for _ in range(3)]
    for case in opened:
        casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    for text in ("Teller called.", "Branch visited.", "Cash counted."):
        casework.add_note(desk, ANALYST.user_id, opened[0].case_id, text)
    return opened


@pytest.fixture
def signed(desk: Database, cases: list[Case], tmp_path: Path) -> Anchor:
    """A checkpoint over them, and after it one more note."""
    anchor = sign(desk, tmp_path)
    casework.add_note(desk, ANALYST.user_id, cases[1].case_id, "Later.")
    return anchor


def copy_of(desk: Database, case_id: str) -> tampering.Copy:
    events, read = desk.read(lambda tx: (repository.events(tx, case_id), repository.chains_of(tx, case_id)[0]))
    row = read[2]
    assert row is not None
    return tampering.Copy(case_id, tuple(events), row)


def put(desk: Database, case: tampering.Copy) -> None:
    """Make the database say of a case what the copy says, past all guards."""
    stored = {event.event_id for event in copy_of(desk, case.case_id).events}
    for event_id in stored - {event.event_id for event in case.events}:
        tamper(desk, "DELETE FROM case_events WHERE event_id = ?", event_id)
    for event in case.events:
        tamper(
            desk,
            "UPDATE case_events SET notes = ?, prev_hash = ?, event_hash = ? WHERE event_id = ?",
            *(event.notes, event.prev_hash, event.event_hash, event.event_id),
        )
    row = tampering.agree(case).row
    tamper(
        desk,
        "UPDATE cases SET event_count = ?, head_hash = ? WHERE case_id = ?",
        *(row["event_count"], row["head_hash"], case.case_id),
    )


def rewrite_a_note(desk: Database, case: Case) -> None:
    put(desk, tampering.rewrite(copy_of(desk, case.case_id), 2, "notes", "Teller never called."))


def rewrite_from_the_start(desk: Database, case: Case) -> None:
    put(desk, tampering.rewrite(copy_of(desk, case.case_id), 0, "notes", "x"))


def cut_the_tail(desk: Database, case: Case) -> None:
    put(desk, tampering.cut(copy_of(desk, case.case_id), 3))


def drop_the_case(desk: Database, case: Case) -> None:
    tamper(desk, "DELETE FROM case_keys WHERE case_id = ?", case.case_id)
    tamper(desk, "DELETE FROM case_events WHERE case_id = ?", case.case_id)
    tamper(desk, "DELETE FROM cases WHERE case_id = ?", case.case_id)


def reorder_across_cases(desk: Database, case: Case) -> None:
    """Two events of different cases in each other's place: in each case the order stays."""
    ids = desk.read(lambda tx: [case_id for case_id, *_ in repository.all_chains(tx)])
    other = next(case_id for case_id in ids if case_id != case.case_id)
    one, another = copy_of(desk, case.case_id).events[1], copy_of(desk, other).events[1]
    tamper(desk, "DELETE FROM case_events WHERE event_id IN (?, ?)", one.event_id, another.event_id)
    moved = [replace(one, event_id=another.event_id), replace(another, event_id=one.event_id)]
    with desk.transaction() as tx, tx.bulk_load():
        repository.load(tx, [], moved)


UNSEEN = (rewrite_a_note, rewrite_from_the_start, cut_the_tail, drop_the_case, reorder_across_cases)
"""Attacks that leave chains and rows consistent in themselves."""


@pytest.mark.parametrize("lines", ["with its lines", "on its own"])
@pytest.mark.parametrize("attack", UNSEEN, ids=lambda attack: attack.__name__)
def test_what_no_chain_shows_the_checkpoint_does(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, attack: Callable[..., None], lines: str
) -> None:
    if lines == "on its own":
        alone = tmp_path / "alone"
        alone.write_bytes(signed.signed)
        signed = checkpoint.read_anchor(alone, KEY.verifier)
    assert verification.verify_database(desk, anchors=[signed]).intact
    with without_keys(desk):
        attack(desk, cases[0])
        assert verification.verify_database(desk).intact, "found without a checkpoint: it belongs to another test"
        found = verification.verify_database(desk, anchors=[signed])
    assert not found.intact
    if lines == "on its own":
        assert [one.field for one in found.breaks] in (["head"], ["size"])
    else:
        assert {one.case_id for one in found.breaks} >= {cases[0].case_id}
        assert all(one.kind in (BreakKind.NOT_IN_LOG, BreakKind.MISSING) for one in found.breaks)


@given(st.data())
def test_whatever_differs_from_the_lines_is_named_and_nothing_else(data: st.DataObject) -> None:
    """Events taken away, put in and changed in any mixture."""
    numbers = data.draw(st.lists(st.integers(1, 40), unique=True).map(sorted))
    then = [(number, f"AML-{number % 3}", f"{number:064x}") for number in numbers]
    gone = data.draw(st.sets(st.sampled_from(numbers))) if numbers else set()
    changed = data.draw(st.sets(st.sampled_from(numbers))) - gone if numbers else set()
    put_in = data.draw(st.sets(st.integers(1, max(numbers, default=1)))) - set(numbers)
    now = [(number, case_id, "f" * 64 if number in changed else digest) for number, case_id, digest in then]
    now = [line for line in now if line[0] not in gone] + [(number, "AML-9", "e" * 64) for number in put_in]
    after = [(50, "AML-8", "d" * 64)]
    stream = iter(sorted(now) + after)
    found = {(one.event_id, one.kind) for one in lines.differences(stream, iter(then))}
    expected = {(number, BreakKind.MISSING) for number in gone}
    expected |= {(number, BreakKind.NOT_IN_LOG) for number in changed | put_in}
    assert found == (expected if numbers else set())
    if not expected:
        assert list(stream) == after


def test_an_event_that_was_rewritten_is_named_with_both_hashes(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path
) -> None:
    before = copy_of(desk, cases[0].case_id).events
    rewrite_a_note(desk, cases[0])
    after = copy_of(desk, cases[0].case_id).events
    expected = [(e.event_id, e.event_hash, now.event_hash) for e, now in zip(before[2:], after[2:], strict=True)]
    with pytest.raises(BrokenLog) as refusal:
        sign(desk, tmp_path)
    assert [(b.event_id, b.expected, b.found) for b in refusal.value.breaks] == expected
    assert [path.name for path in Log(KEY.verifier, tmp_path / KEY.verifier.key_id).numbered()] == ["000001"]


def test_a_rewrite_after_the_checkpoint_is_not_found_until_the_next_one(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path
) -> None:
    """The limit of a checkpoint: it speaks for what came before it."""
    case = copy_of(desk, cases[1].case_id)
    put(desk, tampering.rewrite(case, 2, "notes", "Rewritten."))
    assert verification.verify_database(desk, anchors=[signed]).intact
    put(desk, case)
    newer = sign(desk, tmp_path)
    put(desk, tampering.rewrite(case, 2, "notes", "Rewritten."))
    assert [one.event_id for one in verification.verify_database(desk, anchors=[newer]).breaks] == [
        case.events[2].event_id
    ]


def test_each_checkpoint_continues_the_one_before_it(desk: Database, cases: list[Case], tmp_path: Path) -> None:
    anchors = [sign(desk, tmp_path)]
    for number in range(4):
        casework.add_note(desk, ANALYST.user_id, cases[0].case_id, f"Note {number}")
        anchors.append(sign(desk, tmp_path))
    leaves = [bytes.fromhex(line[2]) for line in anchors[-1].lines()]
    for earlier, later in zip(anchors, anchors[1:], strict=False):
        one, next_one = earlier.checkpoint, later.checkpoint
        proof = merkle.consistency_proof(leaves, one.size, next_one.size)
        merkle.verify_consistency(one.size, one.head, next_one.size, next_one.head, proof)
        assert verification.verify_database(desk, anchors=[earlier]).intact
    assert [anchor.file.parent.name for anchor in anchors] == [f"00000{number}" for number in range(1, 6)]


def test_a_crash_while_a_checkpoint_is_being_remembered_leaves_the_one_before(
    desk: Database, open_case: OpenCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, kept = tmp_path / "remembered", files.keep

    def power_cut(file: Any) -> None:
        if memory.name in str(file.name):
            raise OSError(5, "power cut")
        kept(file)

    open_case()
    checkpoint.append(desk, tmp_path / "logs", KEY, memory)
    before = memory.read_text("utf-8")
    open_case()
    with monkeypatch.context() as patch:
        patch.setattr(files, "keep", power_cut)
        with pytest.raises(DeskError, match="power cut"):
            checkpoint.append(desk, tmp_path / "logs", KEY, memory)
    assert memory.read_text("utf-8") == before
    open_case()
    assert checkpoint.append(desk, tmp_path / "logs", KEY, memory).events == 1
    assert memory.read_text("utf-8") != before


def test_where_nothing_is_new_nothing_is_signed(desk: Database, tmp_path: Path, open_case: OpenCase) -> None:
    assert checkpoint.append(desk, tmp_path, KEY).anchor is None
    open_case()
    first = sign(desk, tmp_path)
    again = checkpoint.append(desk, tmp_path, KEY)
    assert (again.anchor, again.events) == (first, 0)


def test_the_lines_beside_a_checkpoint_can_be_hashed_with_public_tools(
    desk: Database, signed: Anchor, cases: list[Case]
) -> None:
    lines = (signed.file.parent / "events.csv").read_text("utf-8").splitlines()
    stored = [e for case in cases for e in copy_of(desk, case.case_id).events if e.notes != "Later."]
    stored.sort(key=lambda event: event.event_id or 0)
    assert lines == [f"{e.event_id},{e.case_id},{e.event_hash}" for e in stored]
    tree = merkle.Tree()
    for line in lines:
        tree.append(bytes.fromhex(line.split(",")[2]))
    assert (tree.size, tree.head()) == (signed.checkpoint.size, signed.checkpoint.head)


# --- the folder is not trusted either ---


def empty_the_lines(folder: Path) -> None:
    (folder / "events.csv").write_bytes(b"")


def change_a_hash(folder: Path) -> None:
    text = (folder / "events.csv").read_text("utf-8")
    (folder / "events.csv").write_text(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n", "utf-8")


def cut_a_line(folder: Path) -> None:
    lines = (folder / "events.csv").read_text("utf-8").splitlines(keepends=True)
    (folder / "events.csv").write_text("".join(lines[:-1]), "utf-8")


def add_a_line_of_another_form(folder: Path) -> None:
    with (folder / "events.csv").open("a", encoding="utf-8") as file:
        file.write("10,AML-7F3KQ2XA\n")


def add_rubbish(folder: Path) -> None:
    with (folder / "events.csv").open("ab") as file:
        file.write(b"\xff")


def remove_the_lines(folder: Path) -> None:
    (folder / "events.csv").unlink()


def sign_with_another_key(folder: Path) -> None:
    told = signed_note.read_checkpoint(signed_note.read_signed_note((folder / "checkpoint").read_bytes()))
    (folder / "checkpoint").write_text(OTHER_KEY.sign(told.text), "utf-8")


def raise_the_size(folder: Path) -> None:
    (folder / "checkpoint").write_bytes((folder / "checkpoint").read_bytes().replace(b"\n9\n", b"\n8\n"))


def cut_the_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").write_bytes((folder / "checkpoint").read_bytes()[:-5])


def put_a_pipe_there(folder: Path) -> None:
    (folder / "checkpoint").unlink()
    os.mkfifo(folder / "checkpoint")


def swap_two_lines(folder: Path) -> None:
    first, second, *rest = (folder / "events.csv").read_text("utf-8").splitlines(keepends=True)
    (folder / "events.csv").write_text("".join([second, first, *rest]), "utf-8")


@pytest.mark.parametrize(
    "attack",
    [sign_with_another_key, raise_the_size, cut_the_checkpoint, put_a_pipe_there],
    ids=lambda attack: attack.__name__,
)
@ON_SQLITE
def test_a_checkpoint_that_was_changed_ends_the_log(
    desk: Database, signed: Anchor, tmp_path: Path, attack: Callable[[Path], None]
) -> None:
    attack(signed.file.parent)
    with pytest.raises((UnreadableFile, NotSigned)):
        sign(desk, tmp_path)
    assert len(Log(KEY.verifier, tmp_path / KEY.verifier.key_id).numbered()) == 1


@pytest.mark.parametrize(
    "attack",
    [change_a_hash, cut_a_line, swap_two_lines, add_a_line_of_another_form, add_rubbish, remove_the_lines],
    ids=lambda attack: attack.__name__,
)
@ON_SQLITE
def test_lines_that_were_changed_accuse_nobody_and_hide_nothing(
    desk: Database, cases: list[Case], signed: Anchor, attack: Callable[[Path], None]
) -> None:
    """The signed head decides; the lines only name what differs, and only where they are those that were signed.

    In a log without tiles, which an older desk made, no case is proven by such lines either.
    """
    shutil.rmtree(signed.file.parent.parent / "tile")
    attack(signed.file.parent)
    assert verification.verify_log(desk, signed).intact
    with pytest.raises(UnreadableFile):
        proofs.prove(signed, cases[0].case_id)
    lines = ["lines"] if signed.has_lines() else []
    rewrite_a_note(desk, cases[0])
    assert [found.field for found in verification.verify_log(desk, signed).breaks] == ["head", *lines]
    cut_the_tail(desk, cases[0])
    assert [found.field for found in verification.verify_log(desk, signed).breaks] == ["size", *lines]


@ON_SQLITE
def test_of_two_that_sign_at_once_one_is_refused(
    desk: Database, signed: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = repository.log

    def slowly(*arguments: Any) -> Any:
        monkeypatch.setattr(repository, "log", real)
        sign(desk, tmp_path)
        return real(*arguments)

    monkeypatch.setattr(repository, "log", slowly)
    with pytest.raises(DeskError, match="someone else|another one is being made"):
        sign(desk, tmp_path)
    folder = tmp_path / KEY.verifier.key_id
    assert sorted(path.name for path in folder.iterdir()) == ["000001", "000002", "tile"]


@ON_SQLITE
def test_an_event_whose_hash_is_none_is_not_signed_over(desk: Database, signed: Anchor, tmp_path: Path) -> None:
    tamper(desk, "UPDATE case_events SET event_hash = UPPER(event_hash) WHERE notes = 'Later.'")
    with pytest.raises(BrokenLog) as refusal:
        sign(desk, tmp_path)
    assert [one.expected for one in refusal.value.breaks] == ["a case id, and 64 hex digits"]


@ON_SQLITE
def test_of_many_that_differ_the_first_are_named(
    desk: Database, signed: Anchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_BREAKS", 2)
    tamper(desk, "UPDATE case_events SET event_hash = prev_hash")
    assert [found.event_id for found in verification.verify_log(desk, signed).breaks] == [1, 2]


@ON_SQLITE
def test_what_a_forged_row_says_cannot_write_to_the_terminal(desk: Database, signed: Anchor) -> None:
    tamper(desk, "PRAGMA foreign_keys = OFF")
    tamper(
        desk, "UPDATE case_events SET case_id = ?, event_hash = ? WHERE event_id = 2", "\x1b[2J", "all intact\x1b[8m"
    )
    found = [str(one) for one in verification.verify_log(desk, signed).breaks]
    assert found
    assert all(line.isprintable() for line in found)


@ON_SQLITE
def test_a_log_is_not_signed_anew_where_its_folder_was_emptied_rolled_back_or_is_not_mounted(
    desk: Database, cases: list[Case], tmp_path: Path
) -> None:
    config = settings.Settings(
        address(desk), tmp_path, checkpoints=tmp_path / "share", signing_key=tmp_path / "signing.key"
    )
    keys.make_key(tmp_path / "signing.key")
    first = checkpoint.sign(desk, config).anchor
    assert first is not None
    casework.add_note(desk, ANALYST.user_id, cases[0].case_id, "Newer.")
    second = checkpoint.sign(desk, config).anchor
    assert second is not None
    drop_the_case(desk, cases[1])
    with pytest.raises(DeskError, match="Is the share mounted"):
        checkpoint.sign(desk, replace(config, checkpoints=tmp_path / "elsewhere"))
    shutil.rmtree(second.file.parent)
    with pytest.raises(DeskError, match="covers 10 events, but those in .* end at 9"):
        checkpoint.sign(desk, config)
    with pytest.raises(SettingsError, match="is not the key of"):
        checkpoint.sign(desk, replace(config, verifier_key=str(OTHER_KEY.verifier)))


def roll_back(desk: Database, folder: Path) -> None:
    """Cut the newest note off the log, and the newest checkpoint, with its lines, off the folder."""
    case = copy_of(desk, desk.read(lambda tx: list(repository.log(tx)))[-1][1])
    put(desk, tampering.cut(case, len(case.events) - 1))
    shutil.rmtree(sorted(folder.glob("*/0*"))[-1])


@pytest.fixture
def signed_twice(terminal: Database, cases: list[Case], tmp_path: Path) -> tuple[str, str]:
    """The key, and the first of two checkpoints that the terminal's log has: of 9 events and of 10."""
    vkey = str(keys.make_key(tmp_path / "signing.key", "bank.example/aml").verifier)
    first = checkpoint.sign(terminal, settings.load()).anchor
    casework.add_note(terminal, ANALYST.user_id, cases[0].case_id, "Newer.")
    second = checkpoint.sign(terminal, settings.load()).anchor
    assert first is not None
    assert second is not None
    assert (first.checkpoint.size, second.checkpoint.size) == (9, 10)
    return vkey, str(first.file)


def test_a_rollback_of_database_and_folder_together_is_found_by_what_was_remembered_beside_the_key(
    terminal: Database,
    cases: list[Case],
    signed_twice: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vkey, first = signed_twice
    ways: tuple[list[str], ...] = ([], [cases[1].case_id], ["--checkpoint", first, "--key", vkey])
    for arguments in ways:
        assert main(["verify", *arguments]) == 0
    with without_keys(terminal):
        roll_back(terminal, tmp_path / "exports" / "checkpoints")
        for arguments in ways:
            capsys.readouterr()
            assert main(["verify", *arguments]) == 1
            out, err = capsys.readouterr()
            assert "truncated  size: expected 10 events, found 9" in out
            assert "fewer events than were signed" in err
        assert main(["export", cases[1].case_id, "--as", ANALYST.user_id, "--bundle"]) == 2
        assert "covers 10 events, but those in" in capsys.readouterr().err
        next(tmp_path.glob("signing.key.*.signed")).unlink()  # then nothing here knows better
        for arguments in ways:
            assert main(["verify", *arguments]) == 0


def test_a_folder_that_was_rolled_back_alone_is_told_and_the_database_still_held_against_all_that_was_signed(
    terminal: Database, signed_twice: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(sorted((tmp_path / "exports" / "checkpoints").glob("*/0*"))[-1])
    assert main(["verify"]) == 2
    out, err = capsys.readouterr()
    assert "all intact\nThe first 10 events are those that bank.example/aml signed" in out
    assert "covers 10 events, but those in" in err
    assert "end at 9. Is the share mounted" in err


@pytest.mark.parametrize("file", ["signing.key.*.signed", "exports/checkpoints/*/000002/checkpoint"])
def test_what_was_signed_and_then_changed_is_told_after_the_rest_was_verified(
    terminal: Database,
    signed_twice: tuple[str, str],
    tmp_path: Path,
    file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (changed,) = tmp_path.glob(file)
    told = signed_note.read_checkpoint(signed_note.read_signed_note(changed.read_bytes()))
    changed.write_text(OTHER_KEY.sign(told.text), "utf-8")
    assert main(["verify"]) == 1
    out, err = capsys.readouterr()
    assert "all intact\nThe first 10 events" in out
    assert "is not signed by" in err


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in another way")
@ON_SQLITE
def test_a_memory_and_a_key_that_one_may_not_read_say_nothing(
    terminal: Database,
    signed_twice: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    vkey, first = signed_twice
    real = Path.read_text

    def refused(self: Path, *arguments: Any) -> str:
        if self.name == "signing.key":
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments)

    monkeypatch.setattr(os, "access", lambda path, *_, **__: not str(path).endswith(".signed"))
    shutil.rmtree(sorted((tmp_path / "exports" / "checkpoints").glob("*/0*"))[-1])
    assert main(["verify"]) == 0
    assert "The first 9 events are those" in capsys.readouterr().out
    monkeypatch.setattr(Path, "read_text", refused)
    assert main(["verify"]) == 0
    out, err = capsys.readouterr()
    assert "The tail is not anchored" in out
    assert "signing.key cannot be read: PermissionError. So what was signed with it is left out." in err
    assert main(["verify", "--checkpoint", first, "--key", vkey]) == 0


# --- proofs of a case ---


def test_lines_and_proof_of_a_case_are_of_its_events_below_the_checkpoint(
    desk: Database, cases: list[Case], signed: Anchor, open_case: OpenCase
) -> None:
    for case in cases:
        proof = proofs.prove(signed, case.case_id)
        assert proof is not None
        proof.verify(signed.checkpoint)
        events = [event for event in copy_of(desk, case.case_id).events if event.notes != "Later."]
        assert proof.event_hash.hex() == events[-1].event_hash
        told = tuple((event.event_id, case.case_id, event.event_hash) for event in events)
        assert proofs.lines_of(signed, case.case_id) == told
    assert proofs.prove(signed, open_case().case_id) is None


# --- no event slips in below a checkpoint ---


def appended(desk: Database, case: Case, text: str) -> Callable[[Transaction], Event]:
    """Adds a note as casework does, inside a transaction that the caller holds open."""

    def work(tx: Transaction) -> Event:
        stored = repository.case(tx, case.case_id)
        at = repository.events(tx, case.case_id)[-1].ts
        changed, event = chain.append(stored, ANALYST.user_id, at, "note", text, {}, {})
        assert repository.update_case(tx, changed, stored.head_hash)
        repository.insert_event(tx, event)
        return event

    return work


@ON_SERVER
def test_a_checkpoint_waits_for_every_event_on_its_way(desk: Database, cases: list[Case], tmp_path: Path) -> None:
    """Two connections: one has an event's number but has not committed, the other has committed a higher one."""
    made: list[Anchor] = []
    signer = threading.Thread(target=lambda: made.append(sign(desk, tmp_path)))
    with desk.transaction() as slow:
        appended(desk, cases[0], "On its way.")(slow)
        casework.add_note(desk, ANALYST.user_id, cases[1].case_id, "Quicker, with a higher number.")
        signer.start()
        signer.join(1)
        assert signer.is_alive(), "it did not wait"
        assert not made
    signer.join(30)
    assert made[0].checkpoint.size == sum(len(copy_of(desk, case.case_id).events) for case in cases)
    assert verification.verify_database(desk, anchors=[made[0]]).intact


@ON_SERVER
def test_without_the_lock_an_event_would_slip_in(
    desk: Database, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the test above tests something: without the lock the log is signed too early, and breaks by itself."""
    monkeypatch.setattr("app.database.sqlserver.SqlServerTransaction.lock_log", lambda self, exclusive: None)
    with desk.transaction() as slow:
        appended(desk, cases[0], "On its way.")(slow)
        casework.add_note(desk, ANALYST.user_id, cases[1].case_id, "Quicker, with a higher number.")
        early = sign(desk, tmp_path)
    found = verification.verify_database(desk, anchors=[early]).breaks
    assert [(one.case_id, one.expected) for one in found] == [(cases[0].case_id, "no such event")]


# --- keys and the terminal ---


def test_the_way_of_a_checkpoint_through_the_terminal(
    terminal: Database, cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["checkpoint"]) == 2
    assert f"{RUN} keygen" in capsys.readouterr().err
    assert main(["keygen", "--name", "bank.example/aml"]) == 0
    vkey = capsys.readouterr().out.splitlines()[-1]
    assert vkey.startswith("bank.example/aml+")
    assert main(["keygen"]) == 2
    assert vkey in capsys.readouterr().err
    assert main(["checkpoint"]) == 0
    file = capsys.readouterr().out.partition(":")[0]
    assert main(["checkpoint"]) == 0
    assert "no events since" in capsys.readouterr().out
    assert main(["verify"]) == 0
    assert f"The first 9 events are those that bank.example/aml signed ({file})" in capsys.readouterr().out
    assert main(["verify", "--checkpoint", file, "--key", vkey]) == 0
    assert "The first 9 events are those that bank.example/aml signed" in capsys.readouterr().out
    assert main(["verify", cases[0].case_id, "--checkpoint", file, "--key", vkey]) == 0
    assert main(["verify", "--checkpoint", file, "--key", str(OTHER_KEY.verifier)]) == 1
    assert "is not signed by" in capsys.readouterr().err
    assert main(["verify", "--checkpoint", file]) == 2
    assert main(["verify", "--checkpoint", file, "--key", vkey[:-1]]) == 2
    assert main(["verify", "--checkpoint", file + "x", "--key", vkey]) == 2
    rewrite_a_note(terminal, cases[0])
    capsys.readouterr()
    assert main(["verify", "--checkpoint", file, "--key", vkey]) == 1
    assert "not in the log  event_hash: expected" in capsys.readouterr().out
    assert main(["verify", cases[1].case_id, "--checkpoint", file, "--key", vkey]) == 1
    assert main(["checkpoint"]) == 1
    out, err = capsys.readouterr()
    assert f"{cases[0].case_id}  event 7" in out or cases[0].case_id in out
    assert "no new one is made" in err


def test_a_signing_key_is_for_its_owner_alone_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "signing.key"
    key = keys.make_key(file)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.load_key(file) == key
    before = file.read_bytes()
    with pytest.raises(DeskError, match="stays as it is"):
        keys.make_key(file)
    assert file.read_bytes() == before
    with pytest.raises(DeskError, match="cannot be"):
        keys.make_key(file / "below a file")
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.load_key(tmp_path)
    file.write_text("rubbish", "utf-8")
    with pytest.raises(InvalidNote, match="no signing key"):
        keys.load_key(file)


@pytest.mark.parametrize(
    "attack", [empty_the_lines, add_rubbish, add_a_line_of_another_form, remove_the_lines], ids=lambda it: it.__name__
)
@ON_SQLITE
def test_the_last_event_of_the_log_is_read_from_its_lines_or_not_at_all(
    desk: Database, signed: Anchor, attack: Callable[[Path], None]
) -> None:
    assert signed.last_event_id() == desk.read(repository.last_event_id) - 1
    attack(signed.file.parent)
    with pytest.raises(UnreadableFile):
        signed.last_event_id()


def test_a_key_that_cannot_be_written_leaves_none_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "keep", full)
        with pytest.raises(DeskError, match="No space left on device"):
            keys.make_key(tmp_path / "signing.key")
    assert list(tmp_path.iterdir()) == []
    keys.make_key(tmp_path / "signing.key")


def test_what_cannot_be_looked_at_is_a_message(tmp_path: Path) -> None:
    nowhere = tmp_path / ("x" * 300)
    with pytest.raises(SettingsError, match="cannot be looked at"):
        keys.make_key(nowhere)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        checkpoint.read_anchor(nowhere, KEY.verifier)
    (tmp_path / "file").write_bytes(bytes(signed_note.MAX_NOTE + 1))
    with pytest.raises(UnreadableFile, match="longer than"):
        checkpoint.read_anchor(tmp_path / "file", KEY.verifier)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        Log(KEY.verifier, tmp_path / "file").numbered()


def test_where_the_key_is_looked_for(tmp_path: Path) -> None:
    config = settings.Settings(str(tmp_path / "desk.db"), tmp_path, checkpoints=tmp_path / "checkpoints")
    assert keys.key_file(config) == tmp_path / "desk.db.key"
    assert checkpoint.log_of(config) is None
    keys.make_key(tmp_path / "desk.db.key")
    log = checkpoint.log_of(config)
    assert log is not None
    assert log.folder == tmp_path / "checkpoints" / log.key.key_id
    server = replace(config, database="Server=localhost;Database=aml")
    assert keys.key_file(server) == settings.ROOT / ".data" / "signing.key"
    elsewhere = replace(config, signing_key=tmp_path / "elsewhere")
    assert keys.key_file(elsewhere) == tmp_path / "elsewhere"
    public = checkpoint.log_of(replace(elsewhere, verifier_key=str(KEY.verifier)))
    assert public is not None
    assert public.key == KEY.verifier


@ON_SQLITE
def test_demo_data_that_are_loaded_anew_begin_a_log_anew(desk: Database, cases: list[Case], tmp_path: Path) -> None:
    config = settings.Settings(address(desk), tmp_path, checkpoints=tmp_path / "checkpoints")
    made = keys.make_key(keys.key_file(config))
    first = checkpoint.begin(desk, config, anew=False).anchor
    second = checkpoint.begin(desk, config, anew=True).anchor
    assert first is not None
    assert second is not None
    assert first.key == made.verifier != second.key
    assert first.file.exists()
    log = checkpoint.log_of(config)
    assert log is not None
    assert log.key == second.key
    assert Path(f"{keys.key_file(config)}.{first.key.key_id}").exists()
