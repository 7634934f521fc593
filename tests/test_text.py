"""A text that cannot be seen is blank, and no text rewrites the line that it is shown in."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from app import text


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\u2060\u00ad", "\ufe0f", "\u3164", "\u2800 \u115f", "\u0301"])
def test_what_nobody_can_see_is_not_visible(blank: str) -> None:
    assert not text.is_visible(blank)


@pytest.mark.parametrize("seen", ["x", "7", "–", "€", "陈", "\u200bא", "👍"])
def test_a_letter_a_number_a_mark_or_a_symbol_is_visible(seen: str) -> None:
    assert text.is_visible(seen)


@pytest.mark.parametrize(
    "alike", ["Ann", "ann ", "\u200bann", "a\u00adnn", "ａｎｎ", "ann\ufe0f", "a\u3164nn", "a\u202enn"]
)
def test_ids_that_can_be_taken_for_one_another_fold_to_the_same(alike: str) -> None:
    assert text.folded(alike) == "ann"
    assert alike in ("Ann", "ａｎｎ") or text.has_unseen(alike)


@pytest.mark.parametrize("other", ["anna", "a nn", "a.nn", "ánn"])
def test_ids_of_other_letters_or_marks_stay_apart(other: str) -> None:
    assert text.folded(other) == other


def test_a_terminal_obeys_nothing_in_a_text() -> None:
    hostile = "\x1b[40A\x1b[J\r\n\x07\u202egnp.exe\u2069\ud800"
    shown = text.printable(hostile)
    assert shown == r"\x1b[40A\x1b[J\r\n\x07\u202egnp.exe\u2069\ud800"
    assert text.printable("Anh Nguyễn 陈伟 👍") == "Anh Nguyễn 陈伟 👍"


def test_a_page_keeps_lines_and_joiners_and_escapes_what_turns_words_around() -> None:
    assert text.legible("SAR\u202e RAS\nnoon\u2066\ud800") == "SAR\\u202e RAS\nnoon\\u2066\\ud800"
    joined = "می\u200cخواهم 👩\u200d🔬"
    assert text.legible(joined) == joined


@given(draw.text(), draw.sampled_from([7, 200, 1_200]))
def test_the_normal_form_of_a_search_fits_its_column_and_is_its_own(typed: str, units: int) -> None:
    form = text.normal_form(typed, units)
    assert len(form.encode("utf-16-le")) <= 2 * units
    assert text.normal_form(form, units) == form
    for written in ("NFC", "NFD"):
        assert text.normal_form(normalize(written, typed), units) == form


def test_the_normal_form_is_not_cut_in_the_middle_of_a_character() -> None:
    assert text.normal_form("ab" + "\U0001f98a" * 3, 5) == "ab\U0001f98a"
