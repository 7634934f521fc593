"""The bundle as the desk makes and verifies it; and that the desk and the script in it come to the same verdict."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import casework
from app.__main__ import main
from app.database import Database
from app.errors import InvalidInput, UnreadableFile
from app.exports import bundle, case_export, taking
from app.exports.audit_csv import MAX_FIELD
from app.exports.bundle import Verdict, verify
from app.exports.taking import Kind
from app.log import checkpoint, signed_note
from app.log.checkpoint import Log
from app.settings import Settings
from tests.attacks import without_keys
from tests.bundles import (
    EVENTS,
    FILES,
    KEY,
    OTHER_KEY,
    OTHER_SAMPLED_ID,
    OTHER_VKEY,
    PROOF,
    VKEY,
    ZIP,
    ZIP_NAME,
    bundled,
    files_of,
    page_of,
    placed,
    prove,
    small_attacks,
    zipped,
)
from tests.conftest import ANALYST, ON_SQLITE, OpenCase, address, tamper
from tests.lives import SAMPLED_ID, full_life, rehashed

Outcome = tuple[str, list[tuple[int | None, str, str]], int]


def desks(data: bytes, given: str | None = VKEY, name: str = ZIP_NAME) -> Outcome:
    try:
        result = bundle.verify_file(data, name, signed_note.read_verifier_key(given) if given else None)
    except UnreadableFile:
        return "unreadable", [], 0
    return result.verdict.value, [(b.event_id, b.kind.value, b.field) for b in result.breaks], result.anchored


def scripts(data: bytes, given: str | None = VKEY, name: str = ZIP_NAME) -> Outcome:
    named = {name[: len(SAMPLED_ID)]} if name.startswith("AML-") else set()
    try:
        result = verify.verify_files(verify.read_zip(data), given, named)
    except verify.Unreadable:
        return "unreadable", [], 0
    return result.verdict, [found[:3] for found in result.breaks], result.anchored


def both(data: bytes, given: str | None = VKEY, name: str = ZIP_NAME) -> Outcome:
    """The outcome at which the desk and the script both arrive."""
    found = desks(data, given, name)
    assert found == scripts(data, given, name)
    return found


# --- made by the desk ---


@pytest.fixture
def log(desk: Database, tmp_path: Path) -> Log:
    return Log(KEY.verifier, tmp_path / KEY.verifier.key_id)


def test_a_bundle_holds_what_an_examiner_needs_and_is_the_same_whenever_it_is_made(
    desk: Database, open_case: OpenCase, log: Log, tmp_path: Path
) -> None:
    case_id, other_id = open_case().case_id, open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
    checkpoint.append(desk, tmp_path, KEY)
    casework.add_note(desk, ANALYST.user_id, case_id, "Later.")
    made = bundled(desk, case_id, log)
    assert (made.name, made.not_yet, made.breaks) == (f"{case_id}.zip", 1, ())
    assert bundled(desk, case_id, log) == made
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        assert archive.namelist() == [
            f"audit_{case_id}.csv",
            f"case_{case_id}.md",
            f"{case_id}.tlog-proof",
            "verifier-key.txt",
            "verify.py",
            "audit.html",
            "README.txt",
        ]
        assert archive.read(f"audit_{case_id}.csv") == case_export.make_audit_csv(case_export.read(desk, case_id)).data
        assert archive.read("verify.py") == Path(str(verify.__file__)).read_bytes()
    assert both(made.data, name=made.name) == ("ok", [], 2)
    assert both(made.data, None, made.name) == ("compare the key", [], 2)
    assert both(made.data, OTHER_VKEY, made.name)[0] == "broken"
    assert both(made.data, name=f"{other_id}.zip")[0] == "unreadable"


def test_what_no_checkpoint_covers_is_not_anchored(
    desk: Database, open_case: OpenCase, log: Log, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    for of_log in (None, log):
        made = bundled(desk, case_id, of_log)
        assert made.not_yet == 1
        assert both(made.data, name=made.name) == ("not anchored", [], 0)
    checkpoint.append(desk, tmp_path, KEY)
    later = bundled(desk, open_case().case_id, log)
    assert both(later.data, name=later.name) == ("not anchored", [], 0)


def test_a_note_and_a_checkpoint_in_the_middle_of_an_export_break_nothing(
    desk: Database, open_case: OpenCase, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case().case_id
    checkpoint.append(desk, tmp_path, KEY)
    read, newest = case_export.read, Log.newest

    config = Settings(address(desk), tmp_path, checkpoints=log.folder.parent, verifier_key=str(log.key))
    for module, name, asked in ((case_export, "read", read), (Log, "newest", newest)):
        with monkeypatch.context() as patch:

            def first(*given: object, asked: Callable[..., object] = asked) -> object:
                found = asked(*given)
                patch.undo()
                casework.add_note(desk, ANALYST.user_id, case_id, "Meanwhile.")
                checkpoint.append(desk, tmp_path, KEY)
                return found

            patch.setattr(module, name, first)
            taken = taking.take(desk, config, ANALYST.user_id, case_id, [Kind.BUNDLE])
            assert taken.breaks == ()


def test_a_case_that_was_changed_outside_the_desk_leaves_as_a_broken_bundle(
    desk: Database, open_case: OpenCase, log: Log, tmp_path: Path
) -> None:
    case_id = open_case().case_id
    casework.add_note(desk, ANALYST.user_id, case_id, "Teller called.")
    checkpoint.append(desk, tmp_path, KEY)
    with without_keys(desk):
        tamper(desk, "UPDATE case_events SET notes = 'Never called.' WHERE notes = 'Teller called.'")
        edited = bundled(desk, case_id, log)
        assert [(found.kind.value, found.field) for found in edited.breaks] == [("edited", "event_hash")]
        assert both(edited.data, name=edited.name)[0] == "broken"
        tamper(desk, "DELETE FROM case_events WHERE notes = 'Never called.'")
        cut = bundled(desk, case_id, log)
    assert (None, "not in the log", "event_hash") in both(cut.data, name=cut.name)[1]
    assert ("not in the log", "event_hash") in [(found.kind.value, found.field) for found in cut.breaks]


def test_no_bundle_is_made_that_nobody_could_read(desk: Database, open_case: OpenCase) -> None:
    export = case_export.read(desk, open_case().case_id)
    (event,) = export.events
    for events, reason in (
        ([], "holds no events"),
        ([replace(event, event_id=10**15)], "is not a whole number of up to 15 digits"),
        ([event, event], "comes after"),
        ([replace(event, notes="'" + "x" * (MAX_FIELD - 1))], "longer than"),
    ):
        with pytest.raises(UnreadableFile, match=reason):
            bundle.make(replace(export, events=events), None, None)
    longest = replace(event, notes="x" * MAX_FIELD)
    assert bundle.make(replace(export, events=[longest]), None, None).data


@ON_SQLITE
def test_no_bundle_is_named_by_what_is_no_case_id(desk: Database) -> None:
    with pytest.raises(InvalidInput, match="is not a case id"):
        bundled(desk, "../../etc", None)


def test_the_way_of_a_bundle_through_the_terminal(
    terminal: Database, open_case: OpenCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id = open_case().case_id
    assert main(["keygen"]) == main(["checkpoint"]) == 0
    vkey = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("aml-case-desk/"))
    assert main(["export", case_id, "--as", ANALYST.user_id, "--bundle"]) == 0
    out, err = capsys.readouterr()
    assert (Path(out.strip()), err) == (tmp_path / "exports" / f"{case_id}.zip", "")
    assert main(["verify-file", out.strip(), "--key", vkey]) == 0
    assert f"ok, signed by {vkey}" in capsys.readouterr().out
    assert main(["verify-file", out.strip()]) == 3
    assert f"signed by {vkey}: compare with the bank's published key" in capsys.readouterr().out
    assert main(["verify-file", out.strip(), "--key", OTHER_VKEY]) == 1
    casework.add_note(terminal, ANALYST.user_id, case_id, "Later.")
    assert main(["export", case_id, "--as", ANALYST.user_id, "--bundle"]) == 0
    assert "2 of its events are not yet anchored" in capsys.readouterr().err
    assert main(["verify-file", out.strip(), "--key", vkey]) == 0
    assert "not yet anchored: 2" in capsys.readouterr().out
    Path(out.strip()).write_bytes(Path(out.strip()).read_bytes()[:-1])
    assert main(["verify-file", out.strip(), "--key", vkey]) == 2
    tamper(terminal, "UPDATE cases SET disposition = 'SAR'")
    assert main(["export", case_id, "--as", ANALYST.user_id, "--bundle"]) == 1
    assert "row differs  disposition" in capsys.readouterr().err


# --- what somebody could do to one ---


def with_files(**changes: bytes | None) -> dict[str, bytes]:
    """The bundle's files with some of them changed, or None for those that are left out."""
    names = {
        "trail": f"audit_{SAMPLED_ID}.csv",
        "proof": f"{SAMPLED_ID}.tlog-proof",
        "key": "verifier-key.txt",
        "page": "audit.html",
    }
    changed: dict[str, bytes | None] = {**FILES, **{names[name]: data for name, data in changes.items()}}
    return {name: data for name, data in changed.items() if data is not None}


OTHERS = placed(full_life(OTHER_SAMPLED_ID).events)
OTHER_FILES = files_of(OTHERS, prove(OTHERS), case_id=OTHER_SAMPLED_ID)
OTHER_PROOF = OTHER_FILES[f"{OTHER_SAMPLED_ID}.tlog-proof"]
ELSEWHERE = PROOF.partition("\n\n")[0] + "\n\n" + prove(OTHERS).partition("\n\n")[2]
REWRITTEN = rehashed([*EVENTS[:3], replace(EVENTS[3], notes="Nothing to see."), *EVENTS[4:]])
RENAMED = {name.replace(OTHER_SAMPLED_ID, SAMPLED_ID): data for name, data in OTHER_FILES.items()}


def no_text() -> bytes:
    """A key that would be right if the bytes in its name that are no text stood for U+FFFD."""
    name = "bank\ufffd.example"
    key_id = sha256(name.encode() + b"\n\x01" + KEY.verifier.public).hexdigest()[:8]
    key = replace(KEY.verifier, name=name, key_id=key_id)
    return f"{key}\n".encode().replace("\ufffd".encode(), b"\xff")


BUNDLES: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    "untouched": (FILES, "ok"),
    "without the page": (with_files(page=None), "ok"),
    "without the proof": (with_files(proof=None, page=page_of(SAMPLED_ID, EVENTS, None, VKEY)), "not anchored"),
    "without the key": (with_files(key=None), "broken"),
    "the trail of another case": (with_files(trail=OTHER_FILES[f"audit_{OTHER_SAMPLED_ID}.csv"]), "broken"),
    "the proof of another case": (with_files(proof=OTHER_PROOF), "broken"),
    "all of another case under this one's names": (RENAMED, "broken"),
    "the page of another case": (with_files(page=OTHER_FILES["audit.html"]), "broken"),
    "the proof of another tree": (files_of(EVENTS, ELSEWHERE), "broken"),
    "a checkpoint signed by another key": (files_of(EVENTS, prove(EVENTS, key=OTHER_KEY)), "broken"),
    "all of it by a forger with a key of their own": (
        files_of(REWRITTEN, prove(REWRITTEN, key=OTHER_KEY), OTHER_VKEY),
        "broken",
    ),
    "a chain rewritten with fresh hashes": (files_of(REWRITTEN, PROOF), "broken"),
    "a tail that was cut": (files_of(EVENTS[:-1], PROOF), "broken"),
    "no trail": (with_files(trail=None), "unreadable"),
    "an empty trail": (with_files(trail=b""), "unreadable"),
    "a proof that is none": (with_files(proof=b"rubbish"), "unreadable"),
    "a key that is none": (with_files(key=b"rubbish\n"), "unreadable"),
    "a file too many": ({**FILES, "run_me.exe": b""}, "unreadable"),
    "a file of another case": ({**FILES, f"audit_{OTHER_SAMPLED_ID}.csv": b""}, "unreadable"),
    "the summary of another case": ({**FILES, f"case_{OTHER_SAMPLED_ID}.md": b""}, "unreadable"),
    "a key that is no text": (with_files(key=no_text()), "unreadable"),
    "a key without its line end": (with_files(key=VKEY.encode()), "unreadable"),
    "a path": ({**FILES, "../verify.py": b""}, "unreadable"),
}


@pytest.mark.parametrize("what", BUNDLES)
def test_what_was_done_to_a_bundle_is_found_by_the_desk_and_by_the_script(what: str) -> None:
    files, verdict = BUNDLES[what]
    assert both(zipped(files))[0] == verdict


def test_a_forger_with_a_key_of_their_own_is_never_ok_and_is_found_by_the_published_one() -> None:
    """The limit of a bundle whose key nobody compared: by itself, it is as good as a true one."""
    forged = zipped(files_of(REWRITTEN, prove(REWRITTEN, key=OTHER_KEY), OTHER_VKEY))
    assert both(forged, None) == ("compare the key", [], 10)
    assert both(forged) == ("broken", [(None, "not signed", "key"), (None, "not signed", "signature")], 10)


def test_a_tail_cut_with_the_proof_of_an_older_event_is_not_found_from_the_bundle_alone() -> None:
    """The limit that its README names: a proof speaks for one event, and those before it."""
    assert both(zipped(files_of(EVENTS[:-1], prove(EVENTS[:-1])))) == ("ok", [], 9)


def tampered_zips() -> Iterator[tuple[str, bytes]]:
    for what, events in small_attacks():
        try:
            yield what, zipped(files_of(events, PROOF))
        except UnicodeEncodeError:  # such an event cannot leave the desk
            continue


def test_on_every_small_attack_the_desk_and_the_script_agree() -> None:
    verdicts = {what: set[str]() for what, _ in small_attacks()}
    for what, data in tampered_zips():
        verdicts[what].add(both(data)[0])
    assert all(found <= {"broken", "unreadable", "ok"} for found in verdicts.values())
    assert all("ok" not in found for what, found in verdicts.items() if what != "swapped")


def test_no_byte_of_a_zip_can_change_what_is_verified() -> None:
    """Whatever a byte of it is made to be, the verdict is not ok, or the evidence is the same as before."""
    evidence = {name: FILES[name] for name in FILES if name.endswith((".csv", ".tlog-proof", ".txt", ".html"))}
    for at in range(0, len(ZIP), 3):
        for value in {ZIP[at] ^ 1, ZIP[at] ^ 0x80, 0} - {ZIP[at]}:
            data = ZIP[:at] + bytes([value]) + ZIP[at + 1 :]
            if both(data)[0] == "ok":
                files = verify.read_zip(data)
                assert {name: files.get(name) for name in evidence} == evidence


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda data: ZIP[:200] + data))
def test_whatever_the_bytes_there_is_a_verdict_and_it_is_not_ok(data: bytes) -> None:
    assert both(data)[0] == "unreadable"


def test_a_cut_zip_is_refused_at_every_length() -> None:
    for length in range(0, len(ZIP), 7):
        assert both(ZIP[:length])[0] == "unreadable"


def test_the_verdicts_are_the_ones_that_the_script_knows() -> None:
    source = Path(str(verify.__file__)).read_text("utf-8")
    assert all(f'"{verdict.value}"' in source for verdict in Verdict)


# --- zips that show other files to other programs ---


def crafted(change: Callable[[zipfile.ZipInfo], object], packed: bytes | None = None) -> bytes:
    """The bundle with its trail's entry changed, and perhaps another stream in it, headers and directory alike."""
    names = list(FILES)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if name.startswith("audit_"):
                change(entry)
            archive.writestr(entry, FILES[name])
    whole = data.getvalue()
    if packed is None:
        return whole
    header = 30 + len(names[0])
    end = whole.index(b"PK\x03\x04", 4)
    longer = bytearray(whole[:header] + packed + whole[end:])
    shift = len(packed) - (end - header)
    struct.pack_into("<L", longer, 18, len(packed))
    directory = longer.index(b"PK\x01\x02")
    struct.pack_into("<L", longer, directory + 20, len(packed))
    at = directory
    for number in range(len(names)):
        lengths = struct.unpack_from("<HHH", longer, at + 28)
        (offset,) = struct.unpack_from("<L", longer, at + 42)
        struct.pack_into("<L", longer, at + 42, offset + (shift if number else 0))
        at += 46 + sum(lengths)
    (start,) = struct.unpack_from("<L", longer, at + 16)
    struct.pack_into("<L", longer, at + 16, start + shift)
    return bytes(longer)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def renamed_for_others(entry: zipfile.ZipInfo) -> None:
    """The Unicode Path extra field of Info-ZIP: many programs take the name from there."""
    name = b"case_AML-00000004.md"
    entry.extra = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, zlib.crc32(entry.filename.encode())) + name


def nothing(_: zipfile.ZipInfo) -> None: ...


def a_link(entry: zipfile.ZipInfo) -> None:
    entry.external_attr = 0o120777 << 16


def a_comment(entry: zipfile.ZipInfo) -> None:
    entry.comment = b"x"


TRAIL = FILES[f"audit_{SAMPLED_ID}.csv"]


def test_a_zip_as_the_desk_writes_it_is_crafted_right() -> None:
    assert both(crafted(nothing))[0] == both(crafted(nothing, deflated(TRAIL)))[0] == "ok"


@pytest.mark.parametrize(
    "data",
    [
        crafted(renamed_for_others),
        crafted(a_link),
        crafted(a_comment),
        crafted(nothing, deflated(TRAIL + b"and more")),
        crafted(nothing, deflated(TRAIL) + b"and more"),
        crafted(nothing, deflated(TRAIL[:-1])),
    ],
    ids=["another name", "a link", "a comment", "a longer stream", "bytes after the stream", "a shorter stream"],
)
def test_a_zip_that_other_programs_would_unpack_otherwise_is_refused(data: bytes) -> None:
    assert both(data)[0] == "unreadable"
