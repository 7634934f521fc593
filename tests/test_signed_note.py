"""Signed notes, keys, checkpoints and log proofs: as others wrote and read them, to the byte; and what is refused."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidNote, InvalidProof
from app.log import merkle, signed_note

SEED = bytes(range(32))
KEY = signed_note.signing_key("bank.example/aml", SEED)
OTHER_KEY = signed_note.signing_key("bank.example/aml", bytes(32))
LEAVES = [bytes([number]) * 32 for number in range(21)]


def checkpoint_of(leaves: list[bytes], key: signed_note.SigningKey = KEY) -> bytes:
    tree = merkle.Tree()
    for leaf in leaves:
        tree.append(leaf)
    return key.sign(signed_note.Checkpoint(key.verifier.name, tree.size, tree.head()).text).encode()


PROOF = signed_note.LogProof(LEAVES[7], 7, tuple(merkle.inclusion_proof(LEAVES, 7, 21)), checkpoint_of(LEAVES))

# --- as others wrote them: the examples of c2sp.org/signed-note and of Go's golang.org/x/mod/sumdb/note ---

PUBLISHED = {
    "c2sp.org/signed-note": (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    "golang.org/x/mod/sumdb/note": (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
}
GO_SIGNING_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
"""The secret half of the second: a published example, which protects nothing."""


@pytest.mark.parametrize("source", PUBLISHED)
def test_a_note_that_others_signed_is_verified(source: str) -> None:
    vkey, text, signatures = PUBLISHED[source]
    key = signed_note.read_verifier_key(vkey)
    assert str(key) == vkey
    signed = signed_note.read_signed_note(f"{text}\n{signatures}".encode())
    assert signed.text == text
    assert signed.is_signed_by(key)
    assert not signed.is_signed_by(KEY.verifier)


def test_a_note_is_signed_byte_for_byte_as_go_signs_it() -> None:
    vkey, text, signatures = PUBLISHED["golang.org/x/mod/sumdb/note"]
    key = signed_note.read_signing_key(GO_SIGNING_KEY)
    assert str(key) == GO_SIGNING_KEY
    assert str(key.verifier) == vkey
    assert key.sign(text) == f"{text}\n{signatures}"


def test_a_verifier_key_of_a_log_in_use_is_read() -> None:
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(signed_note.read_verifier_key(f" {vkey}\n")) == vkey


# --- keys ---


@given(
    st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="+"))
)
def test_a_key_is_read_back_as_it_was(seed: bytes, name: str) -> None:
    key = signed_note.signing_key(name or "log", seed)
    assert signed_note.read_signing_key(f"{key}\n") == key
    assert signed_note.read_verifier_key(str(key.verifier)) == key.verifier


def one_letter_changes(text: str) -> list[str]:
    changed = [text[:at] + other + text[at + 1 :] for at in range(len(text)) for other in "A0+= " if text[at] != other]
    cut = [text[:at] + text[at + 1 :] for at in range(len(text))]
    return [*changed, *cut, text + "A", "x" + text]


def test_no_letter_of_a_key_can_change_unseen() -> None:
    for changed in one_letter_changes(str(KEY.verifier)):
        if changed.strip() != str(KEY.verifier):
            with pytest.raises(InvalidNote):
                signed_note.read_verifier_key(changed)
    for changed in one_letter_changes(str(KEY)):
        with pytest.raises(InvalidNote) as refusal:
            signed_note.read_signing_key(changed)
        assert b64encode(signed_note.ED25519 + SEED).decode()[:20] not in str(refusal.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_name_that_no_note_can_carry_makes_no_key(name: str) -> None:
    with pytest.raises(InvalidNote, match="cannot name a key"):
        signed_note.signing_key(name, SEED)


def test_a_secret_is_not_shown_by_accident() -> None:
    assert SEED.hex() not in repr(KEY)
    assert repr(SEED)[2:20] not in repr(KEY)


# --- notes ---

SIGNED = checkpoint_of(LEAVES)


def test_no_byte_of_a_checkpoint_can_change_unseen() -> None:
    key = KEY.verifier
    assert signed_note.read_signed_note(SIGNED).is_signed_by(key)
    for at in range(len(SIGNED)):
        for changed in (
            SIGNED[:at] + bytes([SIGNED[at] ^ 1]) + SIGNED[at + 1 :],
            SIGNED[:at] + SIGNED[at + 1 :],
            SIGNED[:at],
        ):
            try:
                assert not signed_note.read_signed_note(changed).is_signed_by(key)
            except InvalidNote:
                continue


def test_signatures_of_others_are_read_over_and_a_bad_one_of_the_key_spoils_the_note() -> None:
    text, _, own = SIGNED.decode().rpartition("\n\n")
    other = OTHER_KEY.sign(text + "\n").rpartition("\n\n")[2]
    stranger = signed_note.signing_key("witness.example", SEED).sign(text + "\n").rpartition("\n\n")[2]
    signed = f"{text}\n\n"
    assert signed_note.read_signed_note((signed + stranger + other + own).encode()).is_signed_by(KEY.verifier)
    assert not signed_note.read_signed_note((signed + stranger + other).encode()).is_signed_by(KEY.verifier)
    forged = b64decode(own.split(" ")[2])
    spoiled = f"— {KEY.verifier.name} {b64encode(forged[:-1] + bytes([forged[-1] ^ 1])).decode()}\n"
    assert not signed_note.read_signed_note((signed + own + spoiled).encode()).is_signed_by(KEY.verifier)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "blank line"),
        (b"text\n", "blank line"),
        (SIGNED[:-1], "blank line"),
        (b"a\n\n", "blank line"),
        (b"a\n\nb\n", "is not a signature line"),
        (SIGNED.replace("— ".encode(), b"- "), "is not a signature line"),
        (SIGNED.replace(b"\n", b"\r\n"), "control character"),
        (SIGNED.replace(b"bank", b"b\x00nk"), "control character"),
        (SIGNED.replace(b"bank", b"b\xffnk"), "not UTF-8"),
        (SIGNED[:-2] + b"\n", "is not a signature line"),
        (b"a\n\n" + "— a AAAA\n".encode(), "is not a signature line"),
        (b"a\n\n" + 101 * SIGNED.rpartition(b"\n\n")[2], "more than 100 signatures"),
        (b"a" * 1_000_001, "longer than"),
    ],
)
def test_what_is_not_a_note_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidNote, match=reason):
        signed_note.read_signed_note(data)


@pytest.mark.parametrize("text", ["", "no newline", "a\x00\n", "tab\t\n", "\ud800\n"])
def test_a_text_that_no_note_may_hold_is_not_signed(text: str) -> None:
    with pytest.raises(InvalidNote, match="lines of text without control characters"):
        KEY.sign(text)


# --- checkpoints ---


def told(text: str) -> signed_note.Checkpoint:
    return signed_note.read_checkpoint(signed_note.SignedNote(text, ()))


def test_a_checkpoint_says_origin_size_and_head() -> None:
    found = signed_note.read_checkpoint(signed_note.read_signed_note(SIGNED))
    assert (found.origin, found.size) == ("bank.example/aml", 21)
    assert SIGNED.startswith(found.text.encode() + b"\n")
    assert told(found.text + "an extension line\n") == found


HEAD = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        f"\n1\n{HEAD}\n",
        f"a\n01\n{HEAD}\n",
        f"a\n-1\n{HEAD}\n",
        f"a\n+1\n{HEAD}\n",
        f"a\n1_0\n{HEAD}\n",
        f"a\n٣\n{HEAD}\n",
        f"a\n1 \n{HEAD}\n",
        f"a\n{1 << 63}\n{HEAD}\n",
        f"a\n{'9' * 5000}\n{HEAD}\n",
        f"a\n1\n{HEAD[:-1]}\n",
        f"a\n1\n{HEAD[:-2]}B=\n",
        f"a\n1\n{b64encode(bytes(31)).decode()}\n",
        f"a\n1\n{HEAD}\n\nb\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidNote):
        told(text)


# --- log proofs ---


def test_a_log_proof_is_written_line_by_line() -> None:
    lines = bytes(PROOF).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", f"extra {b64encode(LEAVES[7]).decode()}", "index 7"]
    assert [b64decode(line) for line in lines[3 : lines.index("")]] == list(PROOF.hashes)
    assert bytes(PROOF).endswith(b"\n\n" + SIGNED)


def test_a_log_proof_is_read_back_and_holds() -> None:
    read = signed_note.read_proof(bytes(PROOF))
    assert read == PROOF
    read.verify(signed_note.read_checkpoint(signed_note.read_signed_note(read.checkpoint)))


def test_no_byte_of_a_log_proof_can_change_unseen() -> None:
    data = bytes(PROOF)
    for at in range(len(data)):
        for changed in (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], data[:at] + data[at + 1 :], data[:at]):
            try:
                proof = signed_note.read_proof(changed)
                signed = signed_note.read_signed_note(proof.checkpoint)
                if signed.is_signed_by(KEY.verifier):
                    with pytest.raises(InvalidProof):
                        proof.verify(signed_note.read_checkpoint(signed))
            except InvalidNote:
                continue


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    "change",
    [
        swap("@v1", "@v2"),
        swap("extra ", ""),
        swap("extra ", "extra  "),
        swap("index 7", "index 07"),
        swap("index 7", "index -7"),
        swap("index 7\n", ""),
        swap("index 7", "index 99999999999999999999"),
        swap("index 7\n", f"index 7\n{64 * (HEAD + chr(10))}"),
        swap("index 7\n", "index 7\nAAAA\n"),
        swap("index 7\n", "index 7\né\n"),
        lambda text: text.replace("\n\n", "\n"),
        lambda _: "",
    ],
)
def test_what_is_not_a_log_proof_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(InvalidNote):
        signed_note.read_proof(change(bytes(PROOF).decode()).encode())


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_whatever_a_file_holds_the_readers_refuse_or_read_it(data: bytes) -> None:
    for read in (signed_note.read_signed_note, signed_note.read_proof):
        try:
            read(data)
        except InvalidNote:
            continue
    for read_text in (signed_note.read_verifier_key, signed_note.read_signing_key):
        with pytest.raises(InvalidNote):
            read_text(data.decode("utf-8", "replace"))
