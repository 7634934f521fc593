"""Checkpoints: how long the log was and what its head, signed, and kept where whoever rules the database cannot write.

    <checkpoints>/<key id>/000001/checkpoint    a signed note: origin, size, head (app/note.py)
                                  events.csv    event_id,case_id,event_hash of each event since the checkpoint before
                           000002/…

A log has one key and one folder, which is named by the key's id. Against them the database is held: no event below a
checkpoint may change, vanish, appear or move, whole chains with fresh hashes included.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TextIO

from app import chain, repository, settings
from app.chain import Break, BreakKind
from app.database import Database, odbc
from app.errors import RUN, BrokenLog, DeskError, InvalidNote, NotSigned, SettingsError, UnreadableFile, kinds
from app.log import merkle, signed_note
from app.log.signed_note import Checkpoint, LogProof, SigningKey, VerifierKey
from app.repository import LogLine

CHECKPOINT, EVENTS = "checkpoint", "events.csv"

MAX_BREAKS = 100
"""Where more events differ, the first of them are named."""

_LOGGER = logging.getLogger(__name__)
_NUMBERED = re.compile(r"[0-9]{6}")
_LINE = re.compile(r"([1-9][0-9]{0,18}),([A-Za-z0-9._-]{1,40}),([0-9a-f]{64})\n")
MAX_LINE = 128
"""Bytes; no line of the file is longer."""
_HASH = re.compile(r"[0-9a-f]{64}")

# --- keys ---


def key_file(config: settings.Settings) -> Path:
    """Where the log's secret key is: as the settings say, else beside an embedded database, else in `.data`."""
    if config.signing_key:
        return config.signing_key
    if odbc.is_connection_string(config.database):
        return settings.ROOT / ".data" / "signing.key"
    beside, real = Path(f"{config.database}.key"), Path(f"{Path(config.database).resolve()}.key")
    return beside if _is_there(beside) else real  # a link to the database has its key where the database is


def make_key(file: Path, name: str = "") -> SigningKey:
    """A new key, which only its owner may read; an existing file is never replaced. Raises DeskError or InvalidNote.

    `name` is the log's origin: no spaces and no +, best an address of one's own such as bank.example/aml.
    """
    key = signed_note.signing_key(name or f"aml-case-desk/{secrets.token_hex(4)}", secrets.token_bytes(32))
    if _is_there(file):
        raise DeskError(f"{file} is there already and stays as it is. Its verifier key: {load_key(file).verifier}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            try:
                out.write(f"{key}\n")
                _keep(out)
            except OSError:
                file.unlink()
                raise
    except OSError as error:
        raise DeskError(f"{file} cannot be written: {error.strerror}.") from error
    return key


def load_key(file: Path) -> SigningKey:
    """Raises SettingsError where there is none, or InvalidNote."""
    try:
        return signed_note.read_signing_key(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no signing key at {file}. Make one with: {RUN} keygen") from error
    except InvalidNote as error:
        raise InvalidNote(f"{file}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The signing key at {file} cannot be read: {type(error).__name__}.") from error


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise SettingsError(f"{file} cannot be looked at: {error.strerror}.") from error


# --- the log's folder ---


@dataclass(frozen=True, slots=True)
class Log:
    """A log as its checkpoints tell it: the key that signs them, their folder, and what remembers the last of them.

    `memory` is a file beside the secret key, which need not be on this machine.
    """

    key: VerifierKey
    folder: Path
    memory: Path | None = None

    def numbered(self) -> list[Path]:
        """The folder of each checkpoint, the oldest first. Raises UnreadableFile."""
        try:
            return sorted(path for path in self.folder.iterdir() if _NUMBERED.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnreadableFile(self.folder, None, f"it cannot be read: {error.strerror}") from error

    def newest(self) -> Anchor | None:
        """The newest checkpoint in the folder; None where there is none yet.

        Raises UnreadableFile or NotSigned, and DeskError where the folder ends before what was signed last.
        """
        newest, signed = self.in_folder(), self.remembered()
        size = newest.checkpoint.size if newest else 0
        if signed and size < signed.checkpoint.size:
            raise DeskError(
                f"The last checkpoint that was signed covers {signed.checkpoint.size:,} events, but those in "
                f"{self.folder} end at {size:,}. Is the share mounted, and AML_CHECKPOINTS right?"
            )
        return newest

    def in_folder(self) -> Anchor | None:
        """The newest checkpoint in the folder, without a look at the memory. Raises UnreadableFile or NotSigned."""
        found = self.numbered()
        return read_anchor(found[-1] / CHECKPOINT, self.key) if found else None

    def remembered(self) -> Anchor | None:
        """The last checkpoint that was signed here; None where this user cannot know. Raises as `in_folder`."""
        if self.memory is None or not os.access(self.memory, os.R_OK):
            return None
        return read_anchor(self.memory, self.key)

    def anchors(self, named: Anchor | None = None) -> list[Anchor]:
        """What the database is held against, what covers most at the end.

        That is the named checkpoint, or else the newest in the folder, and always the last that was signed here: who
        rolls back the database and the folder need not have got at the memory. What cannot be used is left out.
        """
        found: dict[Checkpoint, Anchor] = {}
        for read in (self.remembered, self.in_folder if named is None else lambda: named):
            with suppress(DeskError):
                if anchor := read():
                    found[anchor.checkpoint] = anchor
        return sorted(found.values(), key=lambda anchor: anchor.checkpoint.size)


def log_of(config: settings.Settings, key: VerifierKey | None = None) -> Log | None:
    """The log with this key, or that of the database which the settings name; None where it has no key yet.

    Raises SettingsError or InvalidNote.
    """
    file = key_file(config)
    if key is None and config.verifier_key:
        key = signed_note.read_verifier_key(config.verifier_key)
    elif key is None and _is_there(file):
        key = load_key(file).verifier
    if key is None:
        return None
    return Log(key, config.checkpoints / key.key_id, memory_of(file, key))


def memory_of(file: Path, key: VerifierKey) -> Path:
    """Where it stands what this key signed last, the secret key being in `file`."""
    return file.with_name(f"{file.name}.{key.key_id}.signed")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint whose signature was verified, its file, and the signed note in it as it stands."""

    checkpoint: Checkpoint
    file: Path
    signed: bytes
    key: VerifierKey

    def lines(self) -> Iterator[LogLine]:
        """The events that it was signed over, as the files beside it and before it tell them, by event_id.

        At the end they were proven to be those of the signed head: raises UnreadableFile or NotSigned where they are
        not.
        """
        tree, last = merkle.Tree(), 0
        for folder in self._folders():
            with _opened(folder / EVENTS) as text:
                for line in text:
                    found = _LINE.fullmatch(line)
                    if found is None or int(found[1]) <= last:
                        reason = f"{line[:100]!r} is not event_id,case_id,event_hash in the order of event_id"
                        raise UnreadableFile(folder / EVENTS, None, reason)
                    last = int(found[1])
                    tree.append(bytes.fromhex(found[3]))
                    yield last, found[2], found[3]
            told = self.checkpoint if folder == self._folder else read_anchor(folder / CHECKPOINT, self.key).checkpoint
            if (tree.size, tree.head()) != (told.size, told.head):
                raise UnreadableFile(
                    folder / EVENTS, None, "these are not the events that its checkpoint was signed over"
                )

    def last_event_id(self) -> int:
        """The highest event_id that it was signed over, as the file beside it tells it. Raises UnreadableFile."""
        file = self._folder / EVENTS
        try:
            with file.open("rb") as lines:
                lines.seek(max(0, file.stat().st_size - MAX_LINE))
                last = lines.readlines()[-1].decode("ascii", "replace")
        except (OSError, IndexError) as error:
            raise UnreadableFile(file, None, "it cannot be read, or is empty") from error
        if (found := _LINE.fullmatch(last)) is None:
            raise UnreadableFile(file, None, f"{last[:100]!r} is not event_id,case_id,event_hash")
        return int(found[1])

    def has_lines(self) -> bool:
        return (self._folder / EVENTS).is_file()

    @property
    def _folder(self) -> Path:
        return self.file.resolve().parent

    def _folders(self) -> list[Path]:
        """Its own folder, the last, and those of the checkpoints before it."""
        if not _NUMBERED.fullmatch(self._folder.name):
            return [self._folder]
        return [path for path in Log(self.key, self._folder.parent).numbered() if path.name <= self._folder.name]


def read_anchor(file: Path, key: VerifierKey) -> Anchor:
    """Raises UnreadableFile where it is no checkpoint, and NotSigned where the key did not sign it."""
    signed = read_file(file, signed_note.MAX_NOTE)
    try:
        found = signed_note.read_note(signed)
        checkpoint = signed_note.read_checkpoint(found)
    except InvalidNote as error:
        raise UnreadableFile(file, None, str(error)) from error
    if checkpoint.origin != key.name or not found.is_signed_by(key):
        raise NotSigned(file, key, found.claimed())
    return Anchor(checkpoint, file, signed, key)


def read_file(file: Path, limit: int) -> bytes:
    """A file's bytes, `limit` at most. Raises UnreadableFile, for what is no file too: a pipe would never end."""
    try:
        if not file.is_file():
            reason = "it is not a file" if file.exists() else "there is no such file"
            raise UnreadableFile(file, None, reason)
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except OSError as error:
        raise UnreadableFile(file, None, f"it cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise UnreadableFile(file, None, f"it is longer than {limit:,} bytes")
    return data


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        with file.open(encoding="utf-8", errors="strict", newline="") as text:
            yield text
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(file, None, f"it cannot be read: {error}") from error


# --- the database against a checkpoint ---


def compare(log: Callable[[], Iterator[LogLine]], anchor: Anchor) -> list[Break]:
    """What is no longer as it was when the checkpoint was signed; nothing where the head is still the signed one.

    `log` gives the database's events, as often as it is asked. The lines beside the checkpoint name the events that
    differ, MAX_BREAKS at most; where they are gone, or are not those that were signed, only the heads are told.
    """
    told, tree = anchor.checkpoint, merkle.Tree()
    for line in islice(log(), told.size):
        tree.append(_leaf(line))
    if (tree.size, tree.head()) == (told.size, told.head):
        return []
    try:
        return _first(differences(log(), anchor.lines()))
    except (UnreadableFile, NotSigned) as error:
        if tree.size < told.size:
            found = Break("", None, BreakKind.TRUNCATED, "size", f"{told.size} events", f"{tree.size}")
        else:
            found = Break("", None, BreakKind.NOT_IN_LOG, "head", told.head.hex(), tree.head().hex())
        if not anchor.has_lines():
            return [found]
        return [found, Break("", None, BreakKind.MISSING, "lines", "those signed over", chain.show(str(error)))]


def differences(now: Iterator[LogLine], then: Iterator[LogLine]) -> Iterator[Break]:
    """What is no longer as it was then: of the log, or of one case; both ascend by event_id."""
    nothing_left = False
    current: LogLine | None = None
    for event_id, case_id, event_hash in then:
        while not nothing_left and (current is None or current[0] < event_id):
            if current is not None:
                case, found = chain.show(current[1]), chain.show(current[2])
                yield Break(case, current[0], BreakKind.NOT_IN_LOG, "event_hash", "no such event", found)
            current = next(now, None)
            nothing_left = current is None
        if current is None or current[0] > event_id:
            yield Break(case_id, event_id, BreakKind.MISSING, "event_hash", event_hash, "none")
            continue
        if current[1] != case_id:
            yield Break(case_id, event_id, BreakKind.NOT_IN_LOG, "case_id", case_id, chain.show(current[1]))
        if current[2] != event_hash:
            yield Break(case_id, event_id, BreakKind.NOT_IN_LOG, "event_hash", event_hash, chain.show(current[2]))
        current = None


def _first(breaks: Iterator[Break]) -> list[Break]:
    """The first of them; all are read, as only at their end the lines are proven to be those that were signed."""
    first = list(islice(breaks, MAX_BREAKS))
    for _ in breaks:
        pass
    return first


def _leaf(line: LogLine) -> bytes:
    """A leaf's data; of what is no hash, some that no log of the desk's holds."""
    event_hash: object = line[2]
    return bytes.fromhex(event_hash) if isinstance(event_hash, str) and _HASH.fullmatch(event_hash) else b""


# --- a new checkpoint ---


@dataclass(frozen=True, slots=True)
class Appended:
    """What came of it: the newest checkpoint (None: there are no events yet), and how many events are new in it."""

    anchor: Anchor | None
    events: int


def sign(database: Database, config: settings.Settings) -> Appended:
    """`append` with the key, in the folder and with the memory that the settings say. Raises SettingsError too."""
    file = key_file(config)
    key = load_key(file)
    if config.verifier_key and signed_note.read_verifier_key(config.verifier_key) != key.verifier:
        raise SettingsError(f"AML_VERIFIER_KEY is not the key of {file}, which is {key.verifier}.")
    try:
        appended = append(database, config.checkpoints, key, memory_of(file, key.verifier))
    except DeskError as error:
        _LOGGER.info("No checkpoint: %s", kinds(error))
        raise
    if appended.anchor and appended.events:
        told = appended.anchor.checkpoint
        _LOGGER.info("Checkpoint of %d events, %d of them new, head %s", told.size, appended.events, told.head.hex())
    return appended


def append(database: Database, checkpoints: Path, key: SigningKey, memory: Path | None = None) -> Appended:
    """Sign the log as it is now, into its folder under `checkpoints`. Nothing is written where it has not grown.

    `memory` is a file beside the key with the last checkpoint that it signed: a log signs no second history, not even
    where its folder was emptied, rolled back, or is not mounted. Raises BrokenLog where an event below the newest
    checkpoint is not what it was, UnreadableFile or NotSigned where the log's folder was changed, and DeskError where
    it lacks what was signed, cannot be written, or someone else makes a checkpoint just now.
    """
    log = Log(key.verifier, checkpoints / key.verifier.key_id, memory)
    newest = log.newest()
    number = int(newest.file.parent.name) + 1 if newest else 1
    last = database.write(repository.last_event_id)
    target = log.folder / f"{number:06}"
    try:
        log.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=log.folder, prefix=".") as drafts, database.snapshot() as tx:
            draft = Path(drafts) / "draft"
            draft.mkdir(mode=0o755)
            tree, now = merkle.Tree(), repository.log(tx, last)
            if newest:
                for line in islice(now, newest.checkpoint.size):
                    tree.append(_leaf(line))
                if (tree.size, tree.head()) != (newest.checkpoint.size, newest.checkpoint.head):
                    now.close()  # one result at a time
                    raise BrokenLog(compare(lambda: repository.log(tx, last), newest))
            before = tree.size
            with (draft / EVENTS).open("w", encoding="utf-8", newline="") as out:
                for line in now:
                    tree.append(bytes.fromhex(_checked(line)[2]))
                    out.write(f"{line[0]},{line[1]},{line[2]}\n")
                _keep(out)
            if tree.size == before:
                return Appended(newest, 0)
            signed = key.sign(Checkpoint(log.key.name, tree.size, tree.head()).text)
            with (draft / CHECKPOINT).open("w", encoding="utf-8", newline="") as out:
                out.write(signed)
                _keep(out)
            draft.rename(target)
            if memory:
                fresh = memory.with_name(f"{memory.name}.new")
                with fresh.open("w", encoding="utf-8", newline="") as out:
                    out.write(signed)
                    _keep(out)
                fresh.replace(memory)
    except OSError as error:
        raise DeskError(
            f"The checkpoint cannot be written to {log.folder}: {error.strerror}. Where another one is being made at "
            "this moment, try again when it is done."
        ) from error
    return Appended(read_anchor(target / CHECKPOINT, log.key), tree.size - before)


def _keep(file: TextIO) -> None:
    """What was written survives a power cut."""
    file.flush()
    os.fsync(file.fileno())


def _checked(line: LogLine) -> LogLine:
    """A line that can be written. Raises BrokenLog."""
    if not _LINE.fullmatch(f"{line[0]},{line[1]},{line[2]}\n"):
        expected = "a case id, and 64 hex digits"
        raise BrokenLog(
            [Break(chain.show(line[1]), line[0], BreakKind.EDITED, "event_hash", expected, chain.show(line[2]))]
        )
    return line


def begin(database: Database, config: settings.Settings, anew: bool) -> Appended:
    """The first checkpoint of demo data that were just loaded, with a key of their own.

    `anew`: they took the place of others, so that a new log begins; the key of the old one is kept under its id.
    """
    file = key_file(config)
    if anew and _is_there(file):
        file.rename(file.with_name(f"{file.name}.{load_key(file).verifier.key_id}"))
    if not _is_there(file):
        make_key(file)
    return sign(database, config)


# --- one case in the log ---


@lru_cache(maxsize=100)
def lines_of(anchor: Anchor, case_id: str) -> tuple[LogLine, ...]:
    """The case's events that the checkpoint was signed over. Raises UnreadableFile as `Anchor.lines` does."""
    return tuple(line for line in anchor.lines() if line[1] == case_id)


@lru_cache(maxsize=100)
def prove(anchor: Anchor, case_id: str) -> LogProof | None:
    """That the log holds the case's last event at or below the checkpoint; None where it has none there.

    Raises UnreadableFile where the lines beside the checkpoint are missing, or not those that were signed.
    """
    found = None
    for index, (_, owner, event_hash) in enumerate(anchor.lines()):
        if owner == case_id:
            found = index, bytes.fromhex(event_hash)
    if found is None:
        return None
    index, event_hash_bytes = found
    leaves = (bytes.fromhex(line[2]) for line in anchor.lines())
    hashes = merkle.inclusion_proof(leaves, index, anchor.checkpoint.size)
    return LogProof(event_hash_bytes, index, tuple(hashes), anchor.signed)
