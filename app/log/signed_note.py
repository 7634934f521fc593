"""What the log says in public, byte for byte as others read it. Pure; no I/O.

    signed note   c2sp.org/signed-note      a text and its Ed25519 signatures; Go: golang.org/x/mod/sumdb/note
    checkpoint    c2sp.org/tlog-checkpoint  a signed note that says a log's origin, size and head
    log proof     c2sp.org/tlog-proof       a checkpoint, and the proof that it covers an entry
    consistency   a text like it            a checkpoint, and the proof that its log continues an older one's

Keys are texts too: `<name>+<key id>+<base64>`, the secret one with PRIVATE+KEY+ before it.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app import chain
from app.errors import RUN, InvalidNote, InvalidProof
from app.log import merkle

ED25519 = b"\x01"
"""The signature type, before a key's own 32 bytes."""

MAX_NOTE = 1_000_000
"""Bytes; a longer note is refused."""
MAX_SIGNATURES = 100
MAX_PROOF = 63
"""Hashes: the levels of a tree of 2^63 leaves."""

PROOF_VERSION = "c2sp.org/tlog-proof@v1"
CONSISTENCY_VERSION = "aml-case-desk/consistency-proof@v1"

_SECRET = "PRIVATE+KEY+"  # noqa: S105
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_UNWRITABLE = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a log's key. `key_id` is eight hex digits, `public` 32 bytes."""

    name: str
    key_id: str
    public: bytes

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{b64encode(ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A log's key. `seed` are the 32 secret bytes; `str()` is what the key file holds."""

    verifier: VerifierKey
    seed: bytes = field(repr=False)

    def __str__(self) -> str:
        data = b64encode(ED25519 + self.seed).decode()
        return f"{_SECRET}{self.verifier.name}+{self.verifier.key_id}+{data}"

    def sign(self, text: str) -> str:
        """Return the signed note of a text that ends in a newline. Raises InvalidNote for what no note may hold."""
        if not text.endswith("\n") or _UNWRITABLE.search(text):
            raise InvalidNote("A note is lines of text without control characters.")
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        data = b64encode(bytes.fromhex(self.verifier.key_id) + signature).decode()
        return f"{text}\n— {self.verifier.name} {data}\n"


def signing_key(name: str, seed: bytes) -> SigningKey:
    """Return the key of this name (the log's origin: no spaces, no +) with 32 secret bytes. Raises InvalidNote."""
    if not re.fullmatch(r"[^\s+]+", name) or not name.isprintable():
        raise InvalidNote(f"{name!r} cannot name a key: it needs a name without spaces and without +.")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return SigningKey(VerifierKey(name, _key_id(name, public), public), seed)


def read_signing_key(text: str) -> SigningKey:
    """Return the key of a key file's text. Raises InvalidNote, in which the secret does not appear."""
    text = text.removesuffix("\n")
    found = _KEY.fullmatch(text.removeprefix(_SECRET))
    data = b"" if found is None else _decode(found[3])
    if found is None or not text.startswith(_SECRET) or len(data) != 33 or data[:1] != ED25519:
        raise InvalidNote(
            f"This is no signing key. Put your copy back, or move it away and make one with: {RUN} keygen"
        )
    key = signing_key(found[1], data[1:])
    if key.verifier.key_id != found[2]:
        raise InvalidNote("This signing key was changed: its id is not that of its name and bytes.")
    return key


def read_verifier_key(text: str) -> VerifierKey:
    """Return a verifier key from the text that the verb `keygen` prints. Raises InvalidNote."""
    found = _KEY.fullmatch(text.strip())
    data = b"" if found is None else _decode(found[3])
    sound = len(data) == 33 and data[:1] == ED25519 and text.strip().isprintable()
    if found is None or not sound or _key_id(found[1], data[1:]) != found[2]:
        raise InvalidNote(
            f"{text.strip()[:200]!r} is not a verifier key, which looks like name+a1b2c3d4+… and is copied whole."
        )
    return VerifierKey(found[1], found[2], data[1:])


def _key_id(name: str, public: bytes) -> str:
    """Return SHA-256(key name || 0x0A || 0x01 || 32-byte Ed25519 public key)[:4], in hex."""
    return sha256(name.encode() + b"\n" + ED25519 + public).hexdigest()[:8]


def _decode(text: str) -> bytes:
    """Return the bytes of base 64 as it is written in one way only; none for any other text."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if b64encode(data).decode() == text else b""


# --- signed notes ---


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text, and signatures on it that nobody has verified yet: name, key id (hex) and 64 bytes of each."""

    text: str
    signatures: tuple[tuple[str, str, bytes], ...]

    def claimed(self) -> str:
        """Return names and ids of the keys that it says it is signed by, as evidence that can be printed."""
        return chain.show(", ".join(f"{name}+{key_id}" for name, key_id, _ in self.signatures))

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Return whether the key signed it. A signature of that name and id that does not verify spoils the note."""
        of_key = [data for name, key_id, data in self.signatures if (name, key_id) == (key.name, key.key_id)]
        public = Ed25519PublicKey.from_public_bytes(key.public)
        try:
            for signature in of_key:
                public.verify(signature, self.text.encode())
        except InvalidSignature:
            return False
        return bool(of_key)


def read_signed_note(data: bytes) -> SignedNote:
    """Return the signed note in a file. Raises InvalidNote where it is not written as one; nothing is verified yet."""
    if len(data) > MAX_NOTE:
        raise InvalidNote(f"It is longer than {MAX_NOTE:,} bytes.")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidNote("It is not UTF-8 text.") from error
    if _UNWRITABLE.search(whole):
        raise InvalidNote("It holds a control character.")
    text, blank, block = whole.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise InvalidNote("It does not end in a blank line and signatures.")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise InvalidNote(f"It has more than {MAX_SIGNATURES} signatures.")
    signatures = []
    for line in lines:
        found = _SIGNATURE.fullmatch(line)
        signature = _decode(found[2]) if found else b""
        if found is None or len(signature) < 5:
            raise InvalidNote(f"{line[:200]!r} is not a signature line.")
        signatures.append((found[1], signature[:4].hex(), signature[4:]))
    return SignedNote(text + "\n", tuple(signatures))


# --- checkpoints ---


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: the log's origin, how many leaves its tree has, and its head (32 bytes)."""

    origin: str
    size: int
    head: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.head).decode()}\n"


def read_checkpoint(note: SignedNote) -> Checkpoint:
    """Return what a signed note says as a checkpoint. Raises InvalidNote. Extension lines are read over."""
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise InvalidNote("It is not a checkpoint: origin, size and head, a line each.")
    origin, size, head = lines[:3]
    if not _NUMBER.fullmatch(size) or int(size) >= 1 << 63:
        raise InvalidNote(f"The size {size[:40]!r} is not a number of leaves.")
    if len(_decode(head)) != merkle.HASH_SIZE:
        raise InvalidNote(f"The head {head[:100]!r} is not 32 bytes in base 64.")
    return Checkpoint(origin, int(size), _decode(head))


# --- log proofs ---


@dataclass(frozen=True, slots=True)
class LogProof:
    """That a log holds an event. `event_hash` are the leaf's 32 bytes; `checkpoint` is the signed note as it stands."""

    event_hash: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        lines = [
            PROOF_VERSION,
            f"extra {b64encode(self.event_hash).decode()}",
            f"index {self.index}",
            *(b64encode(node).decode() for node in self.hashes),
        ]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    def verify(self, checkpoint: Checkpoint) -> None:
        """Check that the checkpoint's tree holds the event. Raises InvalidProof."""
        leaf = merkle.leaf_hash(self.event_hash)
        merkle.verify_inclusion(leaf, self.index, checkpoint.size, self.hashes, checkpoint.head)


def read_proof(data: bytes) -> LogProof:
    """Return the proof in a `.tlog-proof`, the event's hash as its extra data. Raises InvalidNote; verifies nothing."""
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidNote("It is not a log proof: it holds other than ASCII characters.") from error
    if not blank or lines[0] != PROOF_VERSION or len(lines) < 3:
        raise InvalidNote(f"It is not a log proof: it does not start with {PROOF_VERSION}, extra and index.")
    extra, index, *hashes = lines[1:]
    event_hash = _decode(extra.removeprefix("extra "))
    if not extra.startswith("extra ") or len(event_hash) != merkle.HASH_SIZE:
        raise InvalidNote("It is not a log proof: its extra data are not the 32 bytes of an event's hash.")
    number = index.removeprefix("index ")
    if not index.startswith("index ") or not _NUMBER.fullmatch(number):
        raise InvalidNote("It is not a log proof: it has no index.")
    nodes = tuple(map(_decode, hashes))
    if len(nodes) > MAX_PROOF or any(len(node) != merkle.HASH_SIZE for node in nodes):
        raise InvalidNote("It is not a log proof: a hash in it is not 32 bytes in base 64.")
    return LogProof(event_hash, int(number), nodes, checkpoint)


# --- consistency proofs ---


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That a log only grew since an older checkpoint, of `old_size` leaves: PROOF(old_size, D[n]) of RFC 6962.

    `checkpoint` is the newer one, the signed note as it stands. The older one is not in it: whoever checks has it.
    """

    old_size: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        lines = [CONSISTENCY_VERSION, f"old {self.old_size}", *(b64encode(node).decode() for node in self.hashes)]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    def verify(self, old: Checkpoint, new: Checkpoint) -> None:
        """Check that the newer checkpoint's tree begins with the older one's. Raises InvalidProof."""
        if old.size != self.old_size:
            raise InvalidProof(f"it is about a checkpoint of {self.old_size} events, not one of {old.size}")
        merkle.verify_consistency(old.size, old.head, new.size, new.head, self.hashes)


def read_consistency_proof(data: bytes) -> ConsistencyProof:
    """Return the proof in a file. Raises InvalidNote where it is not written as one; nothing is verified yet."""
    head, blank, checkpoint = data.partition(b"\n\n")
    version, old, *hashes = [*head.decode("ascii", "replace").split("\n"), ""]
    number = old.removeprefix("old ")
    if not blank or version != CONSISTENCY_VERSION or not old.startswith("old ") or not _NUMBER.fullmatch(number):
        raise InvalidNote(f"It is not a consistency proof: it does not start with {CONSISTENCY_VERSION} and old.")
    nodes = tuple(map(_decode, hashes[:-1]))
    if len(nodes) > MAX_PROOF or any(len(node) != merkle.HASH_SIZE for node in nodes):
        raise InvalidNote("It is not a consistency proof: a hash in it is not 32 bytes in base 64.")
    return ConsistencyProof(int(number), nodes, checkpoint)
