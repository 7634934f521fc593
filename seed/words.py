"""The words of the demo data: what they are, and how they are read from files that a person can edit.

`story.toml` has those of any case and says how they are written; `typologies/` has a file for each typology. All of it
is checked when it is read, so that whatever can be wrong with a file is said before the first case is made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TypeVar

from app import typed
from app.errors import InvalidText, UnreadableFile
from app.models import MAX_TEXT

T = TypeVar("T")

ANY_CASE = frozenset(
    {
        *("full", "name", "who", "trade", "since", "held", "expected", "br"),
        *("n", "n_in", "n_out", "credits", "debits", "amt", "amt_in", "amt_out", "gross", "pct_out", "ratio"),
        *("first", "last", "span"),
    }
)
"""Slots that every case fills (`generate._slots`); `story.toml` says with what."""

Room = tuple[int, int]
"""Characters of a text at most, and how many of them a slot counts for."""

TEXT, FIRM, LINE = (MAX_TEXT // 3, 150), (200, 40), (100, 0)
"""Up to three texts become one that the desk has to take. All but those stand on one line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What settles a case: the note that records it, and the rationale that argues from it."""

    note: str
    rationale: str
    no_suspect: str = ""
    """The sentence that says why no suspect is known, where that can be."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Why the draft of a SAR is written again, and the sentence that its narrative gets."""

    reason: str
    added: str


@dataclass(frozen=True, slots=True)
class Goods:
    """What is traded, what it is counted in, and the benchmark price of one in cents."""

    name: str
    unit: str
    benchmark: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of customer, and what explains the alert where nothing is wrong with them.

    `monthly` is the expected activity in dollars, `held` how long they have had the account, in days; a
    business is called after one of `firms`, in which {family} and {first} are its owner's.
    """

    kind: str
    trade: str
    account_type: str
    monthly: tuple[int, int]
    held: tuple[int, int]
    explained: tuple[Finding, ...]
    firms: tuple[str, ...]
    goods: tuple[Goods, ...]
    payer: str
    payee: str
    """What kind of firm pays them, or is paid, where nothing is wrong; empty where it is any."""


@dataclass(frozen=True, slots=True)
class TypologyWords:
    """How a desk writes about one pattern."""

    name: str
    alerts: tuple[str, ...]
    early: tuple[str, ...]
    """What an alert says that sees only a part of the pattern; none where there is no such alert."""
    checks: tuple[str, ...]
    """First steps, whatever comes out."""
    escalations: tuple[str, ...]
    passes: tuple[str, ...]
    misses: tuple[str, ...]
    """QA's remarks."""
    concerns: tuple[Finding, ...]
    """What gives reason to suspect."""
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class StoryWords:
    """How a desk writes about any case."""

    assigned: tuple[str, ...]
    handed_over: tuple[str, ...]
    """Why a case goes to somebody else: from a Manager, and from its owner."""
    thin_sar: tuple[str, ...]
    thin_no_sar: tuple[str, ...]
    """Poor rationales."""
    fails: tuple[str, ...]
    passes_sar: tuple[str, ...]
    passes_no_sar: tuple[str, ...]
    """QA's remarks."""
    taken_up: tuple[str, ...]
    handed_back: str
    """What becomes of an escalation."""
    chasers: tuple[str, ...]
    late: tuple[str, ...]
    later: tuple[str, ...]
    rejected: tuple[str, ...]
    """What is said of a SAR that is late, of a later day of determination, and by FinCEN of what it rejects."""
    returned: tuple[Revision, ...]
    amended: tuple[Revision, ...]
    amended_after_qa: tuple[Revision, ...]
    reopened_after_qa: tuple[str, ...]
    reopened: tuple[str, ...]
    rework: tuple[str, ...]
    stands: str
    """How a rationale begins that is the same after reopening."""


def typology_words(file: Path, own: Iterable[str], look_back: int) -> TypologyWords:
    """Return the words of a typology that fills slots of its own and looks back so many days. Raises UnreadableFile."""
    slots = ANY_CASE.union(own)
    with _file(file) as table:
        return TypologyWords(
            name=table.line("name"),
            **{key: table.texts(key, slots) for key in ("alerts", "checks", "escalations", "passes", "misses")},
            early=table.texts("early", ANY_CASE) if "early" in table else (),
            concerns=tuple(_finding(one, slots, concern=True) for one in table.tables("concerns")),
            profiles=tuple(_profile(one, slots, look_back) for one in table.tables("profiles")),
        )


def story_words(file: Path) -> StoryWords:
    """Return the words of any case. Raises UnreadableFile."""
    lists = (
        *("assigned", "handed_over", "thin_sar", "thin_no_sar", "fails", "passes_sar", "passes_no_sar"),
        *("chasers", "late", "later", "rejected", "reopened", "rework"),
    )
    escalated, reviewed = ANY_CASE | {"analyst"}, ANY_CASE | {"reviewed"}
    with _file(file) as table:
        return StoryWords(
            **{key: table.texts(key, ANY_CASE) for key in lists},
            taken_up=table.texts("taken_up", escalated),
            handed_back=table.text("handed_back", escalated),
            reopened_after_qa=table.texts("reopened_after_qa", reviewed),
            stands=table.text("stands", ANY_CASE),
            returned=tuple(_revision(one, ANY_CASE) for one in table.tables("returned")),
            amended=tuple(_revision(one, ANY_CASE) for one in table.tables("amended")),
            amended_after_qa=tuple(_revision(one, reviewed) for one in table.tables("amended_after_qa")),
        )


def _revision(table: _Table, slots: frozenset[str]) -> Revision:
    with table:
        return Revision(table.text("reason", slots), table.text("added", slots))


def _finding(table: _Table, slots: frozenset[str], concern: bool = False) -> Finding:
    with table:
        no_suspect = table.text("no_suspect", slots) if concern and "no_suspect" in table else ""
        return Finding(table.text("note", slots), table.text("rationale", slots), no_suspect)


def _profile(table: _Table, slots: frozenset[str], look_back: int) -> Profile:
    with table:
        kind = table.line("kind")
        if kind not in ("Individual", "Business"):
            raise table.wrong("kind", "is neither Individual nor Business")
        firms = table.texts("firms", frozenset({"family", "first"}), FIRM) if kind == "Business" else ()
        if not all("{family}" in firm for firm in firms):
            raise table.wrong("firms", "has a name without the slot {family}, by which no two firms are called alike")
        return Profile(
            kind=kind,
            trade=table.line("trade"),
            account_type=table.line("account_type"),
            monthly=table.from_to("monthly", 1, 10_000_000),
            held=table.from_to("held", look_back + 1, 36_500),
            explained=tuple(_finding(one, slots) for one in table.tables("explained")),
            firms=firms,
            goods=tuple(map(_goods, table.tables("goods"))) if "goods" in slots else (),
            payer=table.line("payer") if "payer" in table else "",
            payee=table.line("payee") if "payee" in table else "",
        )


def _goods(table: _Table) -> Goods:
    with table:
        return Goods(table.line("name"), table.line("unit"), table.whole("benchmark", 10, 100_000))


def _file(file: Path) -> _Table:
    """Return the file as a table. Raises UnreadableFile, or OSError where it cannot be opened."""
    data = file.read_bytes()
    try:
        return _Table(file, "", tomllib.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(file, line, "this is not UTF-8 text; save the file as UTF-8") from error
    except ValueError as error:
        raise UnreadableFile(file, None, f"this is not TOML: {error}") from error


class _Table:
    """A table of a file, to be left with each of its keys taken: one that is left over is refused.

    Whatever is wrong raises UnreadableFile with the file and where in it: `profiles 2, explained 1, note`.
    """

    def __init__(self, file: Path, where: str, told: dict[str, object]) -> None:
        self._file, self._where, self._left = file, where, told

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if self._left and not failure:
            raise self.wrong(next(iter(self._left)), "is not a key that belongs here")

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def wrong(self, key: str, problem: str) -> UnreadableFile:
        return UnreadableFile(self._file, None, f"{self._where}{key} {problem}")

    def text(self, key: str, slots: frozenset[str]) -> str:
        return self._checked(key, self._take(key, str, "a text"), slots, TEXT)

    def texts(self, key: str, slots: frozenset[str], room: Room = TEXT) -> tuple[str, ...]:
        return tuple(self._checked(name, text, slots, room) for name, text in self._each(key, str, "a text"))

    def line(self, key: str) -> str:
        return self._checked(key, self._take(key, str, "a text"), frozenset(), LINE)

    def tables(self, key: str) -> Iterable[_Table]:
        for name, told in self._each(key, dict, "a table"):
            yield _Table(self._file, f"{self._where}{name}, ", told)

    def whole(self, key: str, low: int, high: int) -> int:
        return self._within(key, self._take(key, int, "a whole number"), low, high)

    def from_to(self, key: str, low: int, high: int) -> tuple[int, int]:
        ends = [self._within(name, end, low, high) for name, end in self._each(key, int, "a whole number")]
        if len(ends) != 2 or ends[0] > ends[1]:
            raise self.wrong(key, "is not two numbers of which the first is the smaller")
        return ends[0], ends[1]

    def _take(self, key: str, kind: type[T], what: str) -> T:
        if key not in self._left:
            raise self.wrong(key, "is missing")
        return self._of(key, self._left.pop(key), kind, what)

    def _each(self, key: str, kind: type[T], what: str) -> list[tuple[str, T]]:
        items: list[object] = self._take(key, list, "a list")
        if not items:
            raise self.wrong(key, "is empty")
        names = [f"{key} {number}" for number in range(1, len(items) + 1)]
        return [(name, self._of(name, item, kind, what)) for name, item in zip(names, items, strict=True)]

    def _of(self, key: str, value: object, kind: type[T], what: str) -> T:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(key, f"is not {what}")
        return value

    def _within(self, key: str, number: int, low: int, high: int) -> int:
        if not low <= number <= high:
            raise self.wrong(key, f"is {number:,}, which is not within {low:,} to {high:,}")
        return number

    def _checked(self, key: str, text: str, slots: frozenset[str], room: Room) -> str:
        """Return the text as it is filled later: wrapped lines are joined, and a blank one breaks the line."""
        paragraphs = re.split(r"[ \t]*\n[ \t]*\n\s*", text.strip())
        text = "\n".join(re.sub(r"[ \t]*\n[ \t]*", " ", paragraph) for paragraph in paragraphs)
        try:
            text = typed.written(key, text)
            parts = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
        except InvalidText as error:
            raise self.wrong(key, error.problem) from error
        except ValueError as error:
            raise self.wrong(key, f"has a brace too many or too few: {error}") from error
        for slot, form, conversion in parts:
            if slot not in slots or form or conversion:
                known = " ".join(f"{{{name}}}" for name in sorted(slots)) or "none"
                raise self.wrong(key, f"has the slot {{{slot}}}, which nothing fills. Its slots are: {known}")
        if ".." in text:
            raise self.wrong(key, "has two periods in a row; write … for an ellipsis")
        if room is not TEXT and not text.isprintable():
            raise self.wrong(key, "does not stand on one line")
        longest, widest = room
        if len(text) + widest * len(parts) > longest:
            slots_too = f" with {len(parts)} slots of up to {widest}" if parts else ""
            raise self.wrong(key, f"has {len(text):,} characters{slots_too}; there is room for {longest:,}")
        return text
