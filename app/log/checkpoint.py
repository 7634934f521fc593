"""Checkpoints: how long the log was and what its head, signed, and kept where whoever rules the database cannot write.

    <checkpoints>/<key id>/000001/checkpoint    a signed note: origin, size, head (signed_note.py)
                                  events.csv    the events since the checkpoint before (lines.py)
                                  cases-000001  which leaf is a case's newest (index.py)
                           000002/…
                           tile/…               the tree of all of them (tiles.py)

A log has one key and one folder, which is named by the key's id. Against them the database is held: no event below a
checkpoint may change, vanish, appear or move, whole chains with fresh hashes included.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app import chain, files, repository, settings
from app.database import Database, Transaction
from app.errors import RUN, BrokenLog, DeskError, InvalidNote, NotSigned, SettingsError, UnreadableFile, kinds
from app.log import index, keys, lines, merkle, signed_note, tiles
from app.log.signed_note import Checkpoint, SigningKey, VerifierKey
from app.models import Break, BreakKind
from app.repository import LogLine

CHECKPOINT = "checkpoint"

_LOGGER = logging.getLogger(__name__)
_NUMBERED = re.compile(r"[0-9]{6}")
_DRAFTS = re.compile(r"\.(?:([0-9]{6})\.)?[a-z0-9_]{8}")
"""A folder of drafts, and the number of the checkpoint in it, which older desks left out."""

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
        """Return the folder of each checkpoint, the oldest first. Raises UnreadableFile."""
        try:
            return sorted(path for path in self.folder.iterdir() if _NUMBERED.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnreadableFile(self.folder, None, f"it cannot be read: {error.strerror}") from error

    def newest(self) -> Anchor | None:
        """Return the newest checkpoint in the folder; None where there is none yet.

        Raises UnreadableFile or NotSigned, and DeskError where the folder ends before what was signed last.
        """
        signed = self.remembered()  # first: a checkpoint is in the folder before it is remembered
        newest = self.in_folder()
        size = newest.checkpoint.size if newest else 0
        if signed and size < signed.checkpoint.size:
            raise DeskError(
                f"The last checkpoint that was signed covers {signed.checkpoint.size:,} events, but those in "
                f"{self.folder} end at {size:,}. Is the share mounted, and AML_CHECKPOINTS right?"
            )
        return newest

    def in_folder(self) -> Anchor | None:
        """Return the newest checkpoint in the folder, whatever was signed last. Raises UnreadableFile or NotSigned."""
        found = self.numbered()
        return read_anchor(found[-1] / CHECKPOINT, self.key) if found else None

    def remembered(self) -> Anchor | None:
        """Return the last checkpoint that was signed here; None where this user cannot know. Raises as `in_folder`."""
        if self.memory is None or not os.access(self.memory, os.R_OK):
            return None
        return read_anchor(self.memory, self.key)

    def anchors(self, named: Anchor | None = None) -> list[Anchor]:
        """Return the checkpoints that the database is held against, the one that covers most last.

        These are the named checkpoint, or else the newest in the folder, and always the last that was signed here: who
        rolls back the database and the folder need not have got at the memory. What cannot be used is left out.
        """
        found: dict[Checkpoint, Anchor] = {}
        for read in (self.remembered, self.in_folder if named is None else lambda: named):
            with suppress(DeskError):
                if anchor := read():
                    found[anchor.checkpoint] = anchor
        return sorted(found.values(), key=lambda anchor: anchor.checkpoint.size)


def log_of(config: settings.Settings, key: VerifierKey | None = None) -> Log | None:
    """Return the log with this key, or that of the database which the settings name; None where it has no key yet.

    Raises SettingsError or InvalidNote.
    """
    file = keys.key_file(config)
    if key is None and config.verifier_key:
        key = signed_note.read_verifier_key(config.verifier_key)
    elif key is None and keys.is_there(file):
        key = keys.load_key(file).verifier
    if key is None:
        return None
    return Log(key, config.checkpoints / key.key_id, keys.memory_of(file, key))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint whose signature was verified, its file, and the signed note in it as it stands."""

    checkpoint: Checkpoint
    file: Path
    signed: bytes
    key: VerifierKey

    def lines(self) -> Iterator[LogLine]:
        """Give the events that it was signed over, by event_id, as the files beside it and before it tell them.

        Only at the end it is known that they are those of the signed head: raises UnreadableFile where they are not,
        or NotSigned.
        """
        tree, last = merkle.Tree(), 0
        for folder in self.folders():
            for line in lines.read(folder, last):
                last = line[0]
                tree.append(bytes.fromhex(line[2]))
                yield line
            told = self.checkpoint if folder == self._folder else read_anchor(folder / CHECKPOINT, self.key).checkpoint
            if (tree.size, tree.head()) != (told.size, told.head):
                raise UnreadableFile(
                    folder / lines.EVENTS, None, "these are not the events that its checkpoint was signed over"
                )

    def last_line(self) -> LogLine:
        """Return the newest event that it was signed over, as the file beside it tells it. Raises UnreadableFile."""
        return lines.newest(self._folder)

    def last_event_id(self) -> int:
        """Return the highest event_id that it was signed over. Raises UnreadableFile."""
        return self.last_line()[0]

    def has_lines(self) -> bool:
        """Return whether the events are told beside it, as they are in the log's folder."""
        return (self._folder / lines.EVENTS).is_file()

    def has_tiles(self) -> bool:
        """Return whether the tree's tiles are kept beside it, as they are in the log's folder."""
        return tiles.are_kept(self._folder.parent)

    def read_tiles(self) -> tiles.Tiles:
        """Return the tiles of the tree that it was signed over. Raises BrokenTile."""
        return tiles.Tiles(self._folder.parent, self.checkpoint.size, self.checkpoint.head)

    def folders(self) -> list[Path]:
        """Return the folders of the checkpoints before it and its own, the last. Raises UnreadableFile."""
        if not _NUMBERED.fullmatch(self._folder.name):
            return [self._folder]
        return [path for path in Log(self.key, self._folder.parent).numbered() if path.name <= self._folder.name]

    @property
    def _folder(self) -> Path:
        return self.file.resolve().parent


def read_anchor(file: Path, key: VerifierKey) -> Anchor:
    """Return the checkpoint in a file. Raises UnreadableFile for another file, NotSigned where the key did not sign."""
    signed = read_file(file, signed_note.MAX_NOTE)
    return Anchor(read_signed(signed, file, key), file, signed, key)


def read_signed(signed: bytes, name: Path | str, key: VerifierKey) -> Checkpoint:
    """Return what a signed note says as a checkpoint of the log with this key. Raises as `read_anchor`.

    `name` says where it is from.
    """
    try:
        found = signed_note.read_signed_note(signed)
        checkpoint = signed_note.read_checkpoint(found)
    except InvalidNote as error:
        raise UnreadableFile(name, None, str(error)) from error
    if checkpoint.origin != key.name or not found.is_signed_by(key):
        raise NotSigned(name, key, found.claimed())
    return checkpoint


def read_file(file: Path, limit: int) -> bytes:
    """Return a file's bytes, `limit` at most. Raises UnreadableFile, for a pipe too, which would never end."""
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


# --- the database against a checkpoint ---

MAX_BREAKS = 100
"""Where more events differ, the first of them are named."""


def compare(log: Callable[[], Iterator[LogLine]], anchor: Anchor) -> list[Break]:
    """Hold all events against a checkpoint, and return what is no longer as it was when it was signed.

    `log` reads the database's events anew each time that it is called. Nothing is returned where their head is the
    signed one. Else the lines beside the checkpoint tell which events differ, of which the first MAX_BREAKS are named;
    where the lines are gone, or are not those that were signed, only the heads are named.
    """
    told, tree = anchor.checkpoint, merkle.Tree()
    for line in islice(log(), told.size):
        tree.append(lines.leaf(line))
    if (tree.size, tree.head()) == (told.size, told.head):
        return []
    try:
        return _first(lines.differences(log(), anchor.lines()))
    except (UnreadableFile, NotSigned) as error:
        if tree.size < told.size:
            found = Break("", None, BreakKind.TRUNCATED, "size", f"{told.size} events", f"{tree.size}")
        else:
            found = Break("", None, BreakKind.NOT_IN_LOG, "head", told.head.hex(), tree.head().hex())
        if not anchor.has_lines():
            return [found]
        return [found, Break("", None, BreakKind.MISSING, "lines", "those signed over", chain.show(str(error)))]


def _first(breaks: Iterator[Break]) -> list[Break]:
    """Return the first breaks. All are read, as only at the end the lines are known to be those that were signed."""
    first = list(islice(breaks, MAX_BREAKS))
    for _ in breaks:
        pass
    return first


# --- a new checkpoint ---


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of it: the newest checkpoint (None: there are no events yet), and how many events are new in it.

    `mended` are files of the log's folder that were damaged or missing and were made anew; `damaged` says which cannot
    be, as only they know what they said.
    """

    anchor: Anchor | None
    events: int
    mended: tuple[Path, ...] = ()
    damaged: str = ""


def sign(database: Database, config: settings.Settings, full: bool = False) -> Appended:
    """`append` with the key, in the folder and with the memory that the settings say. Raises SettingsError too."""
    file = keys.key_file(config)
    key = keys.load_key(file)
    if config.verifier_key and signed_note.read_verifier_key(config.verifier_key) != key.verifier:
        raise SettingsError(f"AML_VERIFIER_KEY is not the key of {file}, which is {key.verifier}.")
    try:
        appended = append(database, config.checkpoints, key, keys.memory_of(file, key.verifier), full)
    except DeskError as error:
        _LOGGER.info("No checkpoint: %s", kinds(error))
        raise
    if appended.anchor and appended.events:
        told = appended.anchor.checkpoint
        _LOGGER.info("Checkpoint of %d events, %d of them new, head %s", told.size, appended.events, told.head.hex())
    return appended


def append(
    database: Database, checkpoints: Path, key: SigningKey, memory: Path | None = None, full: bool = False
) -> Appended:
    """Sign the log as it is now, into its folder under `checkpoints`. Nothing is signed where it has not grown.

    The events since the newest checkpoint are read, and the newest one before them, which has to be as it was signed.
    With `full`, or where the log has no tiles yet, all events are read and held against the newest checkpoint, and what
    the folder keeps to find things is held against them and made anew where it is damaged.

    `memory` is a file beside the key with the last checkpoint that it signed: a log signs no second history, not even
    where its folder was emptied, rolled back, or is not mounted. Raises BrokenLog where an event below the newest
    checkpoint is not what it was, BrokenTile, UnreadableFile or NotSigned where the log's folder was changed, and
    DeskError where it lacks what was signed, cannot be written, or someone else makes a checkpoint just now.
    """
    log = Log(key.verifier, checkpoints / key.verifier.key_id, memory)
    newest = log.newest()
    number = int(newest.file.parent.name) + 1 if newest else 1
    last = database.write(repository.last_event_id)
    target = log.folder / f"{number:06}"
    try:
        log.folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=log.folder, prefix=f".{target.name}.") as drafts,
            database.snapshot() as tx,
        ):
            draft = _Draft(log, newest, Path(drafts))
            quick = newest if newest and newest.has_tiles() and not full else None
            now = draft.read_new(tx, last, quick) if quick else draft.read_all(tx, last)
            if not draft.take(now):
                draft.tiles.install()
                return Appended(newest, 0, tuple(draft.mended), draft.damaged)
            signed = draft.finish(key)
            draft.folder.rename(target)
            draft.tidy()
            if memory:
                files.put(memory, signed.encode())
        _clear(log.folder, target.name)
    except OSError as error:
        raise DeskError(
            f"The checkpoint cannot be written to {log.folder}: {error.strerror}. Where another one is being made at "
            "this moment, try again when it is done."
        ) from error
    made = read_anchor(target / CHECKPOINT, log.key)
    return Appended(made, draft.events, tuple(draft.mended), draft.damaged)


def _clear(folder: Path, made: str) -> None:
    """Take away what killed processes left of drafts of the checkpoint `made`, and of those before it.

    None of them can take its place any more: who still works on one is told to try again, as without this.
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if (drafts := _DRAFTS.fullmatch(path.name)) and (drafts[1] or made) <= made:
                shutil.rmtree(path, ignore_errors=True)


class _Draft:
    """A checkpoint on its way: what it adds to the log's folder, until all of that is put in its place."""

    def __init__(self, log: Log, newest: Anchor | None, drafts: Path) -> None:
        self._log, self._newest = log, newest
        self._size = newest.checkpoint.size if newest else 0
        self._before = newest.folders() if newest else []
        self._drafts = drafts
        self.folder = drafts / "draft"
        self.folder.mkdir(mode=0o755)
        self._edge = tiles.Edge()
        self.tiles = tiles.Writer(log.folder, drafts)
        self._cases = index.Sorter(drafts / "cases")
        self._merged: list[Path] = []
        self.events = 0
        self.mended: list[Path] = []
        self.damaged = ""

    def read_new(self, tx: Transaction, last: int, newest: Anchor) -> Generator[LogLine]:
        """Return the events that are not signed yet, where the newest signed one is still as it was signed.

        Raises BrokenLog where it is not, and BrokenTile or UnreadableFile where that cannot be told.
        """
        kept = newest.read_tiles()
        leaf = kept.leaf(self._size - 1)
        try:
            told = newest.last_line()
            if merkle.leaf_hash(bytes.fromhex(told[2])) != leaf:
                file = newest.file.with_name(lines.EVENTS)
                raise UnreadableFile(file, None, "its last line is not what was signed last")
        except UnreadableFile as error:
            raise UnreadableFile(error.file, None, f"{error.reason}. Go on with: {RUN} checkpoint --full") from error
        now = repository.log(tx, last, told[0])
        found = next(now, None)
        if found is None or (found[0], found[2]) != (told[0], told[2]):
            now.close()  # one result at a time
            gone = Break(told[1], told[0], BreakKind.MISSING, "event_hash", told[2], "none")
            raise BrokenLog(compare(lambda: repository.log(tx, last), newest) or [gone])
        self._edge = kept.edge
        return now

    def read_all(self, tx: Transaction, last: int) -> Generator[LogLine]:
        """Return the events that are not signed yet, where those before them lead to the signed head.

        The tiles are held against them, and the lists of cases against the lines; what says something else is made
        anew. Where the lines cannot be read, the lists are held against the database: its hashes were signed, though
        not whose they are, which only a verification of the case shows.
        """
        now = repository.log(tx, last)
        for line in islice(now, self._size):
            self.tiles.write(self._edge.append(merkle.leaf_hash(lines.leaf(line))))
        if self._newest is None:
            return now
        told = self._newest.checkpoint
        if (self._edge.size, self._edge.head()) != (told.size, told.head):
            now.close()  # one result at a time
            raise BrokenLog(compare(lambda: repository.log(tx, last), self._newest))
        self.tiles.write(self._edge.partial())
        if self._newest.has_tiles():
            self.mended += [self._log.folder / name for name in self.tiles.waiting]
        try:
            signed = self._sorted(self._newest.lines())
        except (UnreadableFile, NotSigned) as error:
            self.damaged = str(error)
            now.close()
            now = repository.log(tx, last)
            signed = self._sorted(map(lines.check, islice(now, self._size)))
        had = index.list_of(self._before[-1])
        if (file := index.hold(self._before, signed)) and had:
            self.mended.append(file)
        return now

    def _sorted(self, signed: Iterator[LogLine]) -> index.Sorter:
        """Return the newest event of each case. Raises as reading the signed events does."""
        cases = index.Sorter(self._drafts / "signed")
        for place, (_, case_id, event_hash) in enumerate(signed):
            cases.add(case_id, place, event_hash)
        return cases

    def take(self, now: Iterator[LogLine]) -> int:
        """Take in the events that are not signed yet, and return how many they are. Raises BrokenLog, OSError."""
        with (self.folder / lines.EVENTS).open("w", encoding="utf-8", newline="") as out:
            for event_id, case_id, event_hash in map(lines.check, now):
                self._cases.add(case_id, self._edge.size, event_hash)
                self.tiles.write(self._edge.append(merkle.leaf_hash(bytes.fromhex(event_hash))))
                out.write(f"{event_id},{case_id},{event_hash}\n")
            files.keep(out)
        self.events = self._edge.size - self._size
        return self.events

    def finish(self, key: SigningKey) -> str:
        """Put the tiles in their place, sign, and return the signed note, which is in the draft with its lines."""
        self._merged = index.write(self.folder, self._before, self._cases)
        self.tiles.write(self._edge.partial())
        self.tiles.install()
        signed = key.sign(Checkpoint(self._log.key.name, self._edge.size, self._edge.head()).text)
        files.put(self.folder / CHECKPOINT, signed.encode())
        return signed

    def tidy(self) -> None:
        """Take away what the new checkpoint took over. What stays for a fault does no harm."""
        self.tiles.tidy()
        for file in self._merged:
            with suppress(OSError):
                file.unlink()


def begin(database: Database, config: settings.Settings, anew: bool) -> Appended:
    """Make the first checkpoint of demo data that were just loaded, with a key of their own.

    `anew`: they took the place of others, so that a new log begins; the key of the old one is kept under its id.
    """
    file = keys.key_file(config)
    if anew and keys.is_there(file):
        file.rename(file.with_name(f"{file.name}.{keys.load_key(file).verifier.key_id}"))
    if not keys.is_there(file):
        keys.make_key(file)
    return sign(database, config)
