"""What a log's folder keeps to find things: a checkpoint and a proof read little of it and trust nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import casework, files, repository, verification
from app.__main__ import main
from app.database import Database
from app.errors import BrokenLog, BrokenTile, DeskError, UnreadableFile
from app.log import checkpoint, index, keys, lines, merkle, proofs, tiles
from app.log.checkpoint import Anchor, Log
from app.log.signed_note import VerifierKey
from app.models import Case
from tests.bundles import bundled
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, OpenCase, tamper
from tests.test_checkpoint import KEY, copy_of, cut_the_tail, rewrite_a_note, sign


@pytest.fixture
def cases(desk: Database, open_case: OpenCase) -> list[Case]:
    """Four with two events each."""
    opened = [open_case() for _ in range(4)]
    for case in opened:
        casework.assign(desk, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    return opened


def note(desk: Database, case: Case, text: str = "Teller called.") -> None:
    casework.add_note(desk, ANALYST.user_id, case.case_id, text)


def in_full(desk: Database, folder: Path) -> checkpoint.Appended:
    return checkpoint.append(desk, folder, KEY, full=True)


def folder_of(anchor: Anchor) -> Path:
    return anchor.file.parent.parent


def kept(anchor: Anchor) -> dict[str, bytes]:
    """What the folder of the log keeps beside checkpoints and lines."""
    log = folder_of(anchor)
    found = (path for pattern in ("tile/**/*", "0*/cases-*") for path in log.glob(pattern) if path.is_file())
    return {path.relative_to(log).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def signed(desk: Database, cases: list[Case], tmp_path: Path) -> Anchor:
    """The second of two checkpoints, and after it one more note."""
    sign(desk, tmp_path)
    for case in cases:
        note(desk, case)
    anchor = sign(desk, tmp_path)
    note(desk, cases[0], "Later.")
    return anchor


def as_an_older_desk_left_it(anchor: Anchor) -> None:
    """Checkpoints and lines alone."""
    shutil.rmtree(folder_of(anchor) / "tile")
    for file in folder_of(anchor).glob("0*/cases-*"):
        file.unlink()


# --- a checkpoint ---


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The event_ids from which the database's log was read."""
    real, found = repository.log, []

    def log(tx: Any, last: int = repository.MAX_EVENT_ID, first: int = 0) -> Any:
        found.append(first)
        return real(tx, last, first)

    monkeypatch.setattr(repository, "log", log)
    return found


@ON_SQLITE
def test_a_checkpoint_reads_what_is_new_and_the_newest_event_that_was_signed(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, reads: list[int]
) -> None:
    sign(desk, tmp_path)
    assert reads == [signed.last_event_id()]
    assert in_full(desk, tmp_path).events == 0
    assert reads[1:] == [0]


@ON_SQLITE
def test_an_event_further_down_that_was_changed_is_found_in_full_alone(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path
) -> None:
    """The limit of the quick one, which README names."""
    tamper(desk, "UPDATE case_events SET event_hash = prev_hash WHERE event_id = 3")
    assert checkpoint.append(desk, tmp_path, KEY).events == 1
    with pytest.raises(BrokenLog) as refusal:
        in_full(desk, tmp_path)
    assert [one.event_id for one in refusal.value.breaks] == [3]
    newest = Log(KEY.verifier, folder_of(signed)).newest()
    assert newest is not None
    assert [one.event_id for one in verification.verify_log(desk, newest).breaks] == [3]


@pytest.mark.parametrize("newer", [True, False])
@ON_SQLITE
def test_where_the_newest_signed_event_is_gone_or_changed_nothing_is_signed(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, newer: bool
) -> None:
    last = signed.last_event_id()
    if not newer:
        tamper(desk, "DELETE FROM case_events WHERE event_id > ?", last)
    tamper(desk, "UPDATE case_events SET event_hash = prev_hash WHERE event_id = ?", last)
    with pytest.raises(BrokenLog) as refusal:
        sign(desk, tmp_path)
    assert [one.event_id for one in refusal.value.breaks] == [last]
    tamper(desk, "DELETE FROM case_events WHERE event_id = ?", last)
    with pytest.raises(BrokenLog) as refusal:
        sign(desk, tmp_path)
    assert last in [one.event_id for one in refusal.value.breaks]
    assert len(Log(KEY.verifier, folder_of(signed)).numbered()) == 2


@ON_SQLITE
def test_the_newest_signed_event_under_another_number_is_named_though_the_head_be_the_same(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path
) -> None:
    tamper(desk, "DELETE FROM case_events WHERE event_id > ?", signed.last_event_id())
    tamper(desk, "UPDATE case_events SET event_id = event_id + 5 WHERE event_id = ?", signed.last_event_id())
    with pytest.raises(BrokenLog) as refusal:
        sign(desk, tmp_path)
    assert [one.event_id for one in refusal.value.breaks] == [signed.last_event_id()]


@pytest.mark.parametrize("new", [True, False], ids=["with new events", "without new ones"])
@ON_SQLITE
def test_the_folder_of_an_older_desk_gets_tiles_and_lists_once(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, reads: list[int], new: bool
) -> None:
    if not new:
        signed = sign(desk, tmp_path)
    width = tiles.path(0, 0, signed.checkpoint.size)
    before = kept(signed)[width]
    as_an_older_desk_left_it(signed)
    proof = proofs.prove(signed, cases[1].case_id)
    del reads[:]
    made = checkpoint.append(desk, tmp_path, KEY)
    assert (made.events, made.mended, made.damaged) == (int(new), (), "")
    assert reads == [0]
    assert made.anchor is not None
    assert kept(made.anchor)[width] == before
    note(desk, cases[0], "Newer.")
    assert sign(desk, tmp_path).checkpoint.size == made.anchor.checkpoint.size + 1
    assert reads[1:] == [made.anchor.last_event_id()]
    assert proofs.prove(signed, cases[1].case_id) == proof


@ON_SQLITE
def test_a_crash_before_the_signature_leaves_a_folder_that_works(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the events on their way to it were lost with the database, and others came."""
    real = files.put

    def power_cut(target: Path, data: bytes, mode: int = 0o644) -> None:
        if target.name == "checkpoint":
            raise OSError(5, "power cut")
        real(target, data, mode)

    with monkeypatch.context() as patch:
        patch.setattr(files, "put", power_cut)
        with pytest.raises(DeskError, match="power cut"):
            sign(desk, tmp_path)
    assert (folder_of(signed) / tiles.path(0, 0, signed.checkpoint.size + 1)).exists()
    events = copy_of(desk, cases[0].case_id).events
    tamper(desk, "DELETE FROM case_events WHERE event_id = ?", events[-1].event_id)
    before = "UPDATE cases SET event_count = event_count - 1, head_hash = ? WHERE case_id = ?"
    tamper(desk, before, events[-1].prev_hash, cases[0].case_id)
    note(desk, cases[0], "Another.")
    newest = sign(desk, tmp_path)
    assert verification.verify_log(desk, newest).intact
    for case in cases:
        assert proofs.prove(newest, case.case_id)
    assert in_full(desk, tmp_path).mended == ()


# --- damaged ---


@ON_SQLITE
def test_a_damaged_tile_is_named_and_in_full_made_anew(
    terminal: Database, cases: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys.make_key(tmp_path / "signing.key", "bank.example/aml")
    assert main(["checkpoint"]) == 0
    tile = tmp_path / "exports" / "checkpoints" / key.verifier.key_id / "tile" / "0" / "000.p" / "8"
    sound = tile.read_bytes()
    tile.write_bytes(bytes(32) + sound[32:])
    note(terminal, cases[0])
    capsys.readouterr()
    assert main(["checkpoint"]) == 1
    assert "000.p/8: this tile of the log's tree adds up to the head" in capsys.readouterr().err
    assert main(["export", cases[0].case_id, "--as", ANALYST.user_id, "--bundle"]) == 1
    assert main(["verify"]) == 0
    capsys.readouterr()
    assert main(["checkpoint", "--full"]) == 0
    assert capsys.readouterr().err == f"{tile} was damaged or missing, and was made anew.\n"
    assert tile.read_bytes() == sound
    assert main(["checkpoint", "--full"]) == 0
    assert capsys.readouterr().err == ""
    note(terminal, cases[0])
    assert main(["checkpoint"]) == 0


@ON_SQLITE
def test_tiles_that_an_older_desk_did_not_write_on_are_found_and_made_anew(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path
) -> None:
    shutil.copytree(folder_of(signed), tmp_path / "before")
    by_older = sign(desk, tmp_path)
    shutil.rmtree(folder_of(signed) / "tile")
    shutil.copytree(tmp_path / "before" / "tile", folder_of(signed) / "tile")
    for file in by_older.file.parent.glob("cases-*"):
        file.unlink()
    with pytest.raises(BrokenTile, match="is missing"):
        sign(desk, tmp_path)
    with pytest.raises(BrokenTile, match="is missing"):
        proofs.prove(by_older, cases[0].case_id)
    assert [path.name for path in in_full(desk, tmp_path).mended] == [str(by_older.checkpoint.size)]
    proof = proofs.prove(by_older, cases[0].case_id)
    assert proof is not None
    assert proof.index == by_older.checkpoint.size - 1


def change_a_line(folder: Path) -> None:
    text = (folder / "events.csv").read_text("utf-8")
    (folder / "events.csv").write_text(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n", "utf-8")


def empty_the_lines(folder: Path) -> None:
    (folder / "events.csv").write_bytes(b"")


@pytest.mark.parametrize("attack", [change_a_line, empty_the_lines], ids=lambda attack: attack.__name__)
@ON_SQLITE
def test_damaged_lines_are_named_and_a_full_checkpoint_goes_on_without(
    terminal: Database,
    cases: list[Case],
    tmp_path: Path,
    attack: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = keys.make_key(tmp_path / "signing.key", "bank.example/aml")
    assert main(["checkpoint"]) == 0
    attack(tmp_path / "exports" / "checkpoints" / key.verifier.key_id / "000001")
    note(terminal, cases[0])
    assert main(["checkpoint"]) == 2
    assert "Go on with: ./run.sh checkpoint --full" in capsys.readouterr().err
    assert main(["checkpoint", "--full"]) == 1
    out, err = capsys.readouterr()
    assert "9 events, 1 of them new" in out
    assert "000001/events.csv: these are not the events that its checkpoint was signed over. This is not needed" in err
    note(terminal, cases[0])
    assert main(["checkpoint"]) == 0


@ON_SQLITE
def test_a_lost_tile_of_a_higher_row_is_made_anew_while_the_log_grows(
    desk: Database, cases: list[Case], tmp_path: Path
) -> None:
    for number in range(tiles.WIDTH):
        note(desk, cases[number % 4])
    signed = sign(desk, tmp_path)
    tile = folder_of(signed) / tiles.path(1, 0, 1)
    sound = tile.read_bytes()
    tile.unlink()
    note(desk, cases[0])
    made = in_full(desk, tmp_path)
    assert (made.events, made.mended) == (1, (tile,))
    assert tile.read_bytes() == sound
    note(desk, cases[0])
    assert checkpoint.append(desk, tmp_path, KEY).events == 1


# --- more than one at once ---


@ON_SQLITE
def test_drafts_of_killed_processes_are_cleared_and_no_other(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What someone works on who went on from the newest checkpoint stays."""
    log, real = folder_of(signed), files.put
    left: list[str] = []

    def leave_drafts(target: Path, data: bytes, mode: int = 0o644) -> None:
        real(target, data, mode)
        if target.name == "checkpoint":
            drafts = target.parent.parent
            left.append(drafts.name)
            number = drafts.name[:-8]
            for name in (f"{number}_killed0", ".0lder_dk", ".000004.at_work0"):
                shutil.copytree(drafts, log / name)

    with monkeypatch.context() as patch:
        patch.setattr(files, "put", leave_drafts)
        sign(desk, tmp_path)
    assert [name[:-8] for name in left] == [".000003."]
    kept = ["000001", "000002", "000003", "tile"]
    assert sorted(path.name for path in log.iterdir()) == [".000004.at_work0", *kept]


@ON_SQLITE
def test_a_checkpoint_that_comes_while_the_newest_is_looked_for_is_no_alarm(
    desk: Database, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, real = tmp_path / "remembered", checkpoint.read_anchor
    checkpoint.append(desk, tmp_path, KEY, memory)
    note(desk, cases[0])

    def and_meanwhile(file: Path, key: VerifierKey) -> Anchor:
        found = real(file, key)
        monkeypatch.setattr(checkpoint, "read_anchor", real)
        assert checkpoint.append(desk, tmp_path, KEY, memory).events == 1
        return found

    monkeypatch.setattr(checkpoint, "read_anchor", and_meanwhile)
    newest = Log(KEY.verifier, tmp_path / KEY.verifier.key_id, memory).newest()
    assert newest is not None
    assert newest.checkpoint.size == 9


@ON_SQLITE
def test_a_list_that_a_checkpoint_takes_over_while_it_is_looked_into_is_no_alarm(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, real = proofs.prove(signed, cases[0].case_id), index.find

    def and_meanwhile(file: Path, case_id: str) -> index.Entry | None:
        monkeypatch.setattr(index, "find", real)
        sign(desk, tmp_path)
        assert not file.exists()
        return real(file, case_id)

    monkeypatch.setattr(index, "find", and_meanwhile)
    assert proofs.prove(signed, cases[0].case_id) == truth


# --- which leaf is a case's newest ---


@ON_SQLITE
def test_a_case_is_found_whatever_lists_it_is_in(
    desk: Database, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists are merged while they are short; every proof is that which the lines alone give."""
    monkeypatch.setattr(index, "IN_MEMORY", 2)
    monkeypatch.setattr(index, "SHORT", 300)
    anchors = [sign(desk, tmp_path)]
    for round_ in range(5):
        for case in cases[: round_ % 4 + 1]:
            note(desk, case)
        anchors.append(sign(desk, tmp_path))
    names = [path.relative_to(folder_of(anchors[0])).as_posix() for path in folder_of(anchors[0]).glob("0*/cases-*")]
    assert 1 < len(names) < len(anchors)
    told = {(a, c.case_id): proofs.prove(a, c.case_id) for a in anchors for c in cases}
    assert proofs.prove(anchors[-1], "AML-00000000") is None
    assert proofs.prove(anchors[-1], "AML-ZZZZZZZZ") is None
    as_an_older_desk_left_it(anchors[0])
    assert {(a, c.case_id): proofs.prove(a, c.case_id) for a in anchors for c in cases} == told


@ON_SQLITE
def test_an_event_that_was_cut_off_the_database_is_still_proven_to_have_been_there(
    desk: Database, cases: list[Case], signed: Anchor
) -> None:
    newest = copy_of(desk, cases[1].case_id).events[-1]
    cut_the_tail(desk, cases[1])
    rewrite_a_note(desk, cases[2])
    proof = proofs.prove(signed, cases[1].case_id)
    assert proof is not None
    assert proof.event_hash.hex() == newest.event_hash


def hide_the_newest(file: Path, case_id: str) -> None:
    lines = file.read_text("ascii").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith(case_id)), "ascii")


def name_another_place(file: Path, case_id: str) -> None:
    lines = file.read_text("ascii").splitlines(keepends=True)
    other = next(line for line in lines if not line.startswith(case_id)).partition(",")[2]
    file.write_text("".join(f"{case_id},{other}" if line.startswith(case_id) else line for line in lines), "ascii")


def name_another_hash(file: Path, case_id: str) -> None:
    lines = file.read_text("ascii").splitlines()
    file.write_text("".join(f"{line[:-64]}{'0' * 64}\n" for line in lines), "ascii")


def name_no_leaf(file: Path, case_id: str) -> None:
    lines = file.read_text("ascii").splitlines()
    file.write_text("".join(f"{line[:12]},99999,{line[-64:]}\n" for line in lines), "ascii")


def write_rubbish(file: Path, case_id: str) -> None:
    file.write_bytes(b"\xff" * 300)


def empty_the_list(file: Path, case_id: str) -> None:
    file.write_bytes(b"")


def put_a_folder_there(file: Path, case_id: str) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("attack", "refused"),
    [
        (hide_the_newest, False),
        (name_another_place, False),
        (name_another_hash, True),
        (name_no_leaf, True),
        (write_rubbish, True),
        (empty_the_list, True),
        (put_a_folder_there, True),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
@ON_SQLITE
def test_a_list_that_was_changed_proves_nothing_false_and_is_made_anew_in_full(
    desk: Database,
    cases: list[Case],
    signed: Anchor,
    tmp_path: Path,
    attack: Callable[[Path, str], None],
    refused: bool,
) -> None:
    """It may hide an event, which `checkpoint --full` and `verify` see; no proof of what was not signed comes of it."""
    case_id = cases[1].case_id
    truth = proofs.prove(signed, case_id)
    (file,) = signed.file.parent.glob("cases-*")
    attack(file, case_id)
    if refused:
        with pytest.raises(UnreadableFile):
            proofs.prove(signed, case_id)
    elif proof := proofs.prove(signed, case_id):
        proof.verify(signed.checkpoint)
    if attack is put_a_folder_there:
        file.rmdir()
    mended = in_full(desk, tmp_path).mended
    assert mended == (() if attack is put_a_folder_there else (file,))
    assert proofs.prove(signed, case_id) == truth


def name_an_older_event(file: Path, case_id: str) -> None:
    """As a list that was put back from before."""
    first = next(line for line in lines.read(file.parent.parent / "000001") if line[1] == case_id)
    others = file.read_text("ascii").splitlines(keepends=True)
    place = first[0] - 1
    file.write_text(
        "".join(f"{case_id},{place},{first[2]}\n" if one.startswith(case_id) else one for one in others), "ascii"
    )


@pytest.mark.parametrize("attack", [hide_the_newest, name_an_older_event], ids=lambda attack: attack.__name__)
@ON_SQLITE
def test_no_bundle_is_made_that_anchors_less_of_a_case_than_was_signed(
    desk: Database, cases: list[Case], signed: Anchor, tmp_path: Path, attack: Callable[[Path, str], None]
) -> None:
    """Not after a quick checkpoint took the damaged list over either."""
    log = Log(KEY.verifier, folder_of(signed))
    victim, other = cases[2].case_id, cases[1].case_id
    attack(next(signed.file.parent.glob("cases-*")), victim)
    for newer in (False, True):
        if newer:
            note(desk, cases[1])
            sign(desk, tmp_path)
        with pytest.raises(UnreadableFile, match=rf"of {victim} is older.*checkpoint --full"):
            bundled(desk, victim, log)
        assert bundled(desk, other, log).not_yet == 0
    assert len(in_full(desk, tmp_path).mended) == 1
    note(desk, cases[2])
    assert bundled(desk, victim, log).not_yet == 1


def lose_a_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").unlink()


@pytest.mark.parametrize("attack", [write_rubbish, empty_the_list, hide_the_newest], ids=lambda attack: attack.__name__)
@pytest.mark.parametrize(
    "loss", [change_a_line, empty_the_lines, lose_a_checkpoint], ids=lambda attack: attack.__name__
)
@ON_SQLITE
def test_a_list_is_made_anew_from_the_database_where_the_lines_are_damaged_too(
    desk: Database,
    cases: list[Case],
    signed: Anchor,
    tmp_path: Path,
    loss: Callable[[Path], None],
    attack: Callable[[Path, str], None],
) -> None:
    """Signing is never stuck: the hashes in the database were just held against the signed head."""
    truth = {case.case_id: proofs.prove(signed, case.case_id) for case in cases}
    (file,) = signed.file.parent.glob("cases-*")
    attack(file, cases[1].case_id)
    loss(folder_of(signed) / "000001")
    made = in_full(desk, tmp_path)
    assert (made.events, made.mended) == (1, (file,))
    assert "000001/" in made.damaged
    assert made.anchor is not None
    for case in cases:
        proof = proofs.prove(made.anchor, case.case_id)
        assert proof is not None
        proof.verify(made.anchor.checkpoint)
        last = copy_of(desk, case.case_id).events[-1]
        assert proof.event_hash.hex() == last.event_hash
        told = truth[case.case_id]
        assert told is not None
        assert (proof.index == told.index) == (case is not cases[0])


@pytest.fixture
def many(tmp_path: Path) -> Iterator[tuple[Path, list[index.Entry]]]:
    events = index.Sorter(tmp_path / "drafts")
    entries = [(f"AML-{number * 7:08}", number, f"{number:064x}") for number in range(1000)]
    for entry in entries:
        events.add(*entry)
    index.write(tmp_path, [], events)
    yield tmp_path / "cases-000001", entries


def test_every_case_of_a_list_is_found_and_no_other(many: tuple[Path, list[index.Entry]]) -> None:
    file, entries = many
    for entry in entries:
        assert index.find(file, entry[0]) == entry
        assert index.find(file, f"{entry[0][:-1]}x") is None
    assert index.find(file, "AML-") is None
    assert list(index.newest([])) == []
    file.write_bytes(b"")
    with pytest.raises(UnreadableFile, match="it is empty"):
        index.find(file, entries[0][0])


def test_a_folder_that_cannot_be_looked_into_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        index.list_of(tmp_path / "gone")
    with pytest.raises(UnreadableFile, match="cannot be read"):
        list(index.read(tmp_path / "gone"))


@ON_SQLITE
def test_tree_and_tiles_have_one_head(desk: Database, cases: list[Case], signed: Anchor) -> None:
    tree = merkle.Tree()
    for _, _, event_hash in signed.lines():
        tree.append(bytes.fromhex(event_hash))
    assert tree.head() == signed.read_tiles().edge.head() == signed.checkpoint.head
