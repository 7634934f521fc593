"""The words of the demo data: files that a person edits, refused with their place where something is wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

import seed
from app import chain, sampling
from app.errors import UnreadableFile
from seed import book as making
from seed import story
from seed.book import Book
from seed.typologies import TYPOLOGIES, Typology
from seed.typologies.base import fill
from seed.words import ANY_CASE, TEXT, StoryWords, story_words, typology_words

FOLDER = Path(seed.__file__).parent

WORDS = """
name = "Smurfing"
alerts = ["{n_in} deposits, {low}"]
checks = ["KYC: {full}"]
escalations = ["To a Manager: {amt}"]
passes = ["Agreed."]
misses = ["Not cited."]

[[concerns]]
note = "Note: {low}"
rationale = "Rationale: {amt_in}"

[[profiles]]
kind = "Business"
trade = "Car wash"
account_type = "Checking"
monthly = [1_000, 2_000]
held = [31, 400]
firms = ["{family} Wash LLC"]
goods = [{ name = "soap", unit = "kg", benchmark = 240 }]

[[profiles.explained]]
note = "Explained: {who}"
rationale = "Explained to {br}."
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Any]:
    """Reads the text as the words of a typology that fills {low} and {goods} and looks back 30 days."""

    def read(text: str) -> Any:
        file = tmp_path / "smurfing.toml"
        file.write_bytes(text.encode())
        return typology_words(file, {"low", "goods"}, 30)

    return read


def texts(words: object) -> Iterator[str]:
    """Every text in them, whatever it is for."""
    if isinstance(words, str):
        yield words
    elif isinstance(words, tuple):
        for one in words:
            yield from texts(one)
    elif is_dataclass(words):
        for field in fields(words):
            yield from texts(getattr(words, field.name))


# The files


def test_each_typology_has_its_file_and_each_file_its_typology() -> None:
    makers = [typology.make.__name__ for typology in TYPOLOGIES]
    assert sorted(makers) == sorted(file.stem for file in FOLDER.rglob("typologies/*.toml"))


def explained_in(file: Path) -> set[str]:
    return set(re.findall(r"^#   \{(\w+)\} +\S", file.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("typology", TYPOLOGIES, ids=lambda typology: typology.make.__name__)
def test_a_file_explains_the_slots_that_its_texts_may_have(typology: Typology) -> None:
    assert explained_in(FOLDER / "typologies" / f"{typology.make.__name__}.toml") == typology.slots
    assert explained_in(FOLDER / "story.toml") == ANY_CASE


def test_every_text_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the cases that are in QA's sample: of the texts, its remarks are the rarest."""
    used: set[str] = {""}
    expected = set(texts((story.WORDS, *(typology.words for typology in TYPOLOGIES))))
    profiles = [profile for typology in TYPOLOGIES for profile in typology.words.profiles]
    kinds = {what for profile in profiles for what in (profile.payer, profile.payee)}
    widest = 0

    def record(template: str, slots: Mapping[str, str]) -> str:
        nonlocal widest
        used.add(template)
        used.update(slots[name] for name in ("goods", "unit") if name in slots)
        widest = max(widest, *map(len, slots.values()))
        return fill(template, slots)

    monkeypatch.setattr(making, "fill", record)
    monkeypatch.setattr(story, "fill", record)
    book = Book(5, date(2026, 1, 31))
    sampled = (number for number in count(1) if sampling.is_sampled(sampling.qa_bucket(book.case_id(number))))
    for number in islice(sampled, 6_000):
        case, events = book.case(number)
        told = chain.read_meta(events[0])
        used |= {case.typology, *told["customer"].values()}
        used |= {what for what in kinds - used for row in told["transactions"] if row["counterparty"].endswith(what)}
        if expected <= used:
            break
    assert expected <= used
    assert widest <= TEXT[1]


# What is refused


def test_the_words_of_the_example_are_taken(read: Callable[[str], Any]) -> None:
    words = read(WORDS)
    assert words.name == "Smurfing"
    assert words.profiles[0].goods[0].benchmark == 240
    assert words.profiles[0].explained[0].rationale == "Explained to {br}."


@pytest.mark.parametrize(
    ("text", "instead", "problem"),
    [
        # slots
        ("deposits, {low}", "deposits, {lo}", "alerts 1 has the slot {lo}, which nothing fills. Its slots are: {amt} "),
        ("Explained: {who}", "{analyst}", "profiles 1, explained 1, note has the slot {analyst}, which nothing fills"),
        ("{family} Wash", "{full} Wash", "profiles 1, firms 1 has the slot {full}, which nothing fills. Its slots are"),
        (
            "{family} Wash",
            "Quick Wash",
            "profiles 1, firms has a name without the slot {family}, by which no two firms",
        ),
        ("Car wash", "{low} wash", "profiles 1, trade has the slot {low}, which nothing fills. Its slots are: none"),
        ("{amt_in}", "{amt_in:>9}", "concerns 1, rationale has the slot {amt_in}, which nothing fills"),
        ("{amt_in}", "{amt_in.real}", "concerns 1, rationale has the slot {amt_in.real}, which nothing fills"),
        ("{amt_in}", "{}", "concerns 1, rationale has the slot {}, which nothing fills"),
        ("{amt_in}", "{amt_in", "concerns 1, rationale has a brace too many or too few"),
        # keys
        ('passes = ["Agreed."]', "", "passes is missing"),
        ('passes = ["Agreed."]', "passes = []", "passes is empty"),
        ('passes = ["Agreed."]', 'passes = "Agreed."', "passes is not a list"),
        ('passes = ["Agreed."]', 'passes = ["Agreed.", 7]', "passes 2 is not a text"),
        ('name = "Smurfing"', "name = 7", "name is not a text"),
        ('note = "Note: {low}"\n', "", "concerns 1, note is missing"),
        ("[[concerns]]", "[concerns]", "concerns is not a list"),
        ("[[profiles.explained]]", "[[profiles.explaned]]", "profiles 1, explained is missing"),
        ('name = "Smurfing"', 'name = "Smurfing"\nfail = ["No."]', "fail is not a key that belongs here"),
        ('note = "Expl', 'no_suspect = "No."\nnote = "Expl', "profiles 1, explained 1, no_suspect is not a key that"),
        ('kind = "Business"', 'kind = "Individual"', "profiles 1, firms is not a key that belongs here"),
        ('unit = "kg"', 'unit = "kg", per = 1', "profiles 1, goods 1, per is not a key that belongs here"),
        # values
        ('kind = "Business"', 'kind = "Trust"', "profiles 1, kind is neither Individual nor Business"),
        ("held = [31,", "held = [30,", "profiles 1, held 1 is 30, which is not within 31 to 36,500"),
        (
            "[1_000, 2_000]",
            "[2_000, 1_000]",
            "profiles 1, monthly is not two numbers of which the first is",
        ),
        ("[1_000, 2_000]", "[1_000]", "profiles 1, monthly is not two numbers of which the first is"),
        ("[1_000, 2_000]", "[1_000, 2_000.5]", "profiles 1, monthly 2 is not a whole number"),
        ("[1_000, 2_000]", "[true, 2_000]", "profiles 1, monthly 1 is not a whole number"),
        ("benchmark = 240", "benchmark = 2", "profiles 1, goods 1, benchmark is 2, which is not within 10 to 100,000"),
        # what people may not type either
        ("Agreed.", "", "passes 1 is empty"),
        ("Agreed.", "\\u2800", "passes 1 is empty"),
        ("Agreed.", "Ag\\u202ereed.", "passes 1 holds a character (U+202E) that makes words read in another order"),
        ("Agreed.", "Ag\\u0007reed.", "passes 1 holds a character (U+0007) that cannot be kept"),
        ("Agreed.", "Ag\\rreed.", "passes 1 holds a character (U+000D) that cannot be kept"),
        ("Agreed.", "Agreed" * 600, "passes 1 has 3,600 characters; there is room for 3,333"),
        ("Agreed.", "{amt}" * 25, "passes 1 has 125 characters with 25 slots of up to 150; there is room for 3,333"),
        ("Agreed.", "Agreed...", "passes 1 has two periods in a row; write … for an ellipsis"),
        ("Smurfing", "Smurfing" * 13, "name has 104 characters; there is room for 100"),
        ("{family} Wash LLC", "{family}" * 5, "profiles 1, firms 1 has 40 characters with 5 slots of up to 40"),
        ('"Car wash"', '"""Car\n\nwash"""', "profiles 1, trade does not stand on one line"),
        # no TOML
        ('name = "Smurfing"', 'name = "Smurfing', "this is not TOML: Illegal character '\\n' (at line 2, column 17)"),
        ('name = "Smurfing"', 'name = "A"\nname = "B"', "this is not TOML: Cannot overwrite a value (at line 3"),
        ("[1_000,", "[" + "9" * 5_000 + ",", "this is not TOML: Exceeds the limit"),
    ],
)
def test_a_mistake_is_refused_with_its_file_and_place(
    read: Callable[[str], Any], tmp_path: Path, text: str, instead: str, problem: str
) -> None:
    assert text in WORDS
    with pytest.raises(UnreadableFile) as refused:
        read(WORDS.replace(text, instead))
    assert str(refused.value).startswith(f"{tmp_path / 'smurfing.toml'}: {problem}")


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "smurfing.toml"
    file.write_bytes(WORDS.replace("Car wash", "Café").encode("latin-1"))
    with pytest.raises(UnreadableFile, match="smurfing.toml, line 15: this is not UTF-8 text"):
        typology_words(file, {"low", "goods"}, 30)


@pytest.mark.parametrize("key", StoryWords.__dataclass_fields__)
def test_the_story_needs_each_of_its_texts_and_fills_no_others_slots(tmp_path: Path, key: str) -> None:
    whole, file = (FOLDER / "story.toml").read_text("utf-8"), tmp_path / "story.toml"
    file.write_text(re.sub(rf"^(\[*){key}(?= =|\]\])", rf"\1{key}s", whole, flags=re.MULTILINE), "utf-8")
    with pytest.raises(UnreadableFile, match=f"story.toml: {key} is missing"):
        story_words(file)
    first = rf'^({key} = \[?\s*"+|\[\[{key}\]\]\nreason = ")'
    file.write_text(re.sub(first, r"\1{low}", whole, flags=re.MULTILINE), "utf-8")
    with pytest.raises(
        UnreadableFile, match=rf"story.toml: {key}( 1)?(, reason)? has the slot {{low}}, which nothing fills"
    ):
        story_words(file)


def test_generating_ends_with_the_place_of_a_mistake_before_anything_is_written(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "seed")
    file = tmp_path / "seed" / "typologies" / "mule.toml"
    file.write_text(file.read_text("utf-8").replace("({kept_pct})", "({kept_share})"), "utf-8")
    command = [sys.executable, "-m", "seed", "generate", "--cases", "1", "--out", "out"]
    paths = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=paths, capture_output=True, encoding="utf-8")
    assert done.returncode == 2
    assert f"{file}: " in done.stderr
    assert "has the slot {kept_share}, which nothing fills" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


# What is made of it


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_joined_and_an_empty_one_starts_a_new_one(read: Callable[[str], Any], line_end: str) -> None:
    several = '"""\n    Agreed\n    in full.  \n \t\n    And in part.\n"""'
    words = read("\ufeff" + WORDS.replace('"Agreed."', several).replace("\n", line_end))
    assert words.passes == ("Agreed in full.\nAnd in part.",)
