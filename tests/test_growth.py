"""The proof that a log only grew: from the terminal, and checked by the desk and by verify.py, which agree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import casework, settings
from app.__main__ import main
from app.database import Database
from app.errors import InvalidInput, InvalidNote, InvalidProof
from app.exports.bundle import verify as script
from app.log import checkpoint, keys, merkle, proofs, signed_note
from app.log.checkpoint import Anchor
from app.log.signed_note import Checkpoint, ConsistencyProof
from tests.conftest import ANALYST, MANAGER, ON_SQLITE, OpenCase

KEY = signed_note.signing_key("bank.example/aml", bytes(range(32)))
OTHER_KEY = signed_note.signing_key("bank.example/aml", bytes(32))
VKEY = str(KEY.verifier)
LEAVES = [bytes([number]) * 32 for number in range(70)]


def signed(size: int, key: signed_note.SigningKey = KEY, leaves: list[bytes] | None = None) -> bytes:
    tree = merkle.Tree()
    for leaf in (leaves or LEAVES)[:size]:
        tree.append(leaf)
    return key.sign(Checkpoint(key.verifier.name, size, tree.head()).text).encode()


def proof_of(old: int, new: int) -> ConsistencyProof:
    return ConsistencyProof(old, tuple(merkle.consistency_proof(LEAVES, old, new)), signed(new))


def verdicts(folder: Path, proof: bytes, old: bytes, key: str = VKEY) -> str:
    """What the desk and the script say, which is the same."""
    file, since = folder / "log.tlog-consistency", folder / "old"
    file.write_bytes(proof)
    since.write_bytes(old)
    said = script.verify_growth(file, since, key)
    try:
        desk = {0: "ok", 1: "broken", 2: "unreadable"}[
            main(["verify-file", str(file), "--since", str(since), "--key", key])
        ]
    except KeyError:
        desk = "another exit code"
    assert said.verdict == desk, said
    return str(said.verdict)


@pytest.mark.parametrize("old", [1, 2, 3, 31, 32, 33, 63, 64, 69, 70])
@pytest.mark.parametrize("new", [32, 33, 64, 70])
def test_a_log_that_only_grew_is_proven(tmp_path: Path, old: int, new: int) -> None:
    if old <= new:
        assert verdicts(tmp_path, bytes(proof_of(old, new)), signed(old)) == "ok"
    else:
        with pytest.raises(ValueError, match="no proof of consistency"):
            proof_of(old, new)


@given(st.integers(1, 70), st.data())
def test_no_forged_proof_is_taken_by_the_script_or_the_desk(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof, told = proof_of(old, new), signed(old)
    hashes = list(proof.hashes)
    forged = [[*hashes, bytes(32)], [bytes(32), *hashes]]
    forged += [hashes[:at] + hashes[at + 1 :] for at in range(len(hashes))]
    forged += [[*hashes[:at], bytes([node[0] ^ 1]) + node[1:], *hashes[at + 1 :]] for at, node in enumerate(hashes)]
    forged += [hashes[::-1]] if hashes != hashes[::-1] else []
    older = signed_note.read_checkpoint(signed_note.read_signed_note(told))
    newer = signed_note.read_checkpoint(signed_note.read_signed_note(proof.checkpoint))
    one, other = (script.read_checkpoint(note.decode(), "it") for note in (told, proof.checkpoint))
    heads = f"{older.head.hex()} and {newer.head.hex()}"
    assert script.heads_of_trees(one, other, hashes) == heads
    for bad in forged:
        assert script.heads_of_trees(one, other, bad) != heads
        with pytest.raises(InvalidProof):
            replace(proof, hashes=tuple(bad)).verify(older, newer)


OLD, NEW = signed(40), proof_of(40, 70)
REFUSED: dict[str, tuple[bytes, bytes, str]] = {
    "of another older size": (bytes(replace(NEW, old_size=39)), OLD, "broken"),
    "against another older checkpoint": (bytes(NEW), signed(39), "broken"),
    "old and new in each other's place": (bytes(replace(NEW, checkpoint=OLD)), NEW.checkpoint, "broken"),
    "a newer checkpoint of the old size": (bytes(replace(NEW, checkpoint=OLD)), OLD, "broken"),
    "without its hashes": (bytes(replace(NEW, hashes=())), OLD, "broken"),
    "an older history that is another": (bytes(NEW), signed(40, leaves=[b"x" * 32, *LEAVES[1:]]), "broken"),
    "a newer history that is another": (
        bytes(replace(NEW, checkpoint=signed(70, leaves=[*LEAVES[:39], b"x" * 32, *LEAVES[40:]]))),
        OLD,
        "broken",
    ),
    "the older signed by another key": (bytes(NEW), signed(40, OTHER_KEY), "broken"),
    "the newer signed by another key": (bytes(replace(NEW, checkpoint=signed(70, OTHER_KEY))), OLD, "broken"),
    "of nothing": (bytes(replace(NEW, old_size=0, hashes=())), signed(0), "broken"),
    "an older checkpoint that is none": (bytes(NEW), b"rubbish", "unreadable"),
    "a newer checkpoint that is none": (bytes(replace(NEW, checkpoint=b"rubbish")), OLD, "unreadable"),
    "a proof that is none": (b"rubbish", OLD, "unreadable"),
    "another kind of proof": (bytes(NEW).replace(b"aml-case-desk", b"c2sp.org"), OLD, "unreadable"),
    "a size that is none": (bytes(NEW).replace(b"old 40", b"old 040"), OLD, "unreadable"),
    "a hash that is none": (bytes(NEW).replace(b"\n\n", b"\nAAAA\n\n", 1), OLD, "unreadable"),
    "bytes that are no text": (b"\xff" + bytes(NEW), OLD, "unreadable"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_proves_nothing_is_refused_alike(tmp_path: Path, why: str) -> None:
    proof, old, expected = REFUSED[why]
    assert verdicts(tmp_path, proof, old) == expected


def test_a_key_from_elsewhere_proves_nothing(tmp_path: Path) -> None:
    assert verdicts(tmp_path, bytes(NEW), OLD, str(OTHER_KEY.verifier)) == "broken"
    assert verdicts(tmp_path, bytes(NEW), OLD, VKEY[:-1]) == "unreadable"


@pytest.fixture
def grown(
    terminal: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Anchor, str]:
    """The first of two checkpoints, and the log's verifier key."""
    vkey = str(keys.make_key(tmp_path / "signing.key", "bank.example/aml").verifier)
    case = open_case()
    first = checkpoint.sign(terminal, settings.load()).anchor
    assert first is not None
    casework.assign(terminal, MANAGER.user_id, case.case_id, ANALYST.user_id, "Knows the branch.")
    checkpoint.sign(terminal, settings.load())
    return first, vkey


@pytest.mark.parametrize("kept", ["tiles", "lines alone"])
@ON_SQLITE
def test_the_way_of_the_proof_through_the_terminal(
    terminal: Database, grown: tuple[Anchor, str], tmp_path: Path, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, vkey = grown
    if kept != "tiles":
        shutil.rmtree(first.file.parent.parent / "tile")
    since = ["--since", str(first.file), "--key", vkey]
    assert main(["checkpoint", *since]) == 0
    (file,) = (tmp_path / "exports").glob("*.tlog-consistency")
    assert file.name == f"{first.key.key_id}-1-2.tlog-consistency"
    assert capsys.readouterr().out.startswith(f"{file}: of the 2 events of ")
    assert main(["verify-file", str(file), *since]) == 0
    assert "ok, the log of bank.example/aml only grew from 1 to 2 events" in capsys.readouterr().out
    assert main(["verify-file", str(file), "--key", vkey]) == 2
    assert "is verified with both: --since" in capsys.readouterr().err
    path = str(script.__file__)
    for arguments, verdict in ((since, "ok"), (since[:2], "unreadable"), (since[2:], "unreadable")):
        done = subprocess.run(
            [sys.executable, path, str(file), *arguments, "--json"], capture_output=True, timeout=60, check=False
        )
        assert json.loads(done.stdout)["verdict"] == verdict


@ON_SQLITE
def test_what_cannot_be_proven_is_said(
    terminal: Database,
    grown: tuple[Anchor, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, vkey = grown
    since = ["--since", str(first.file)]
    for arguments in (since, ["--key", vkey], [*since, "--key", vkey, "--full"]):
        assert main(["checkpoint", *arguments]) == 2
        assert "needs both: --since" in capsys.readouterr().err
    assert main(["checkpoint", *since, "--key", VKEY]) == 2
    assert "There is no checkpoint by bank.example/aml" in capsys.readouterr().err
    key = keys.load_key(tmp_path / "signing.key")
    other = tmp_path / "other"
    for size, status in ((1, 1), (3, 2)):  # two histories; and one that is not older
        other.write_bytes(signed(size, key))
        assert main(["checkpoint", "--since", str(other), "--key", vkey]) == status
    assert "it is not older" in capsys.readouterr().err
    (tmp_path / "file").touch()
    monkeypatch.setenv("AML_CHECKPOINTS", str(tmp_path / "exports" / "checkpoints"))
    monkeypatch.setenv("AML_EXPORTS", str(tmp_path / "file"))
    assert main(["checkpoint", *since, "--key", vkey]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_proof_is_read_as_it_is_written() -> None:
    for proof in (NEW, proof_of(70, 70)):
        assert signed_note.read_consistency_proof(bytes(proof)) == proof
    with pytest.raises(InvalidNote, match="a hash in it"):
        signed_note.read_consistency_proof(bytes(replace(NEW, hashes=(bytes(32),) * 64)))
    with pytest.raises(InvalidInput):
        proofs.verify_growth(b"", "it", Anchor(Checkpoint("", 1, b""), Path("old"), b"", KEY.verifier), KEY.verifier)
