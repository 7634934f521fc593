"""The QA sample: SQL Server's own CHECKSUM, so that the database and the desk choose the same cases."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import CROCKFORD
from app.sampling import checksum, is_sampled, qa_bucket

INT_MIN = "\u8000\0\0\0\0"
"""A text whose checksum is the one number that has no absolute value in 32 bits."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("abc", 26435), ("ABC", 17763), (INT_MIN, -2147483648)],
)
def test_checksum_is_the_one_of_sql_server(text: str, expected: int) -> None:
    assert checksum(text) == expected


def test_a_character_beyond_the_basic_plane_counts_as_its_two_utf_16_units() -> None:
    assert checksum("💶") == 0xD83D << 4 ^ 0xDCB6
    assert checksum("\udca5") == 0xDCA5
    assert checksum("a💶") == ((0x61 << 4 ^ 0xD83D) << 4) ^ 0xDCB6


@given(st.text(st.characters()))
def test_the_bucket_is_the_absolute_value_of_a_remainder_that_has_the_sign_of_the_checksum(text: str) -> None:
    """T-SQL's ABS(CHECKSUM(...) % 10), whose % works as C's does."""
    number = checksum(text)
    assert -(2**31) <= number < 2**31
    assert qa_bucket(text) == abs(int(math.fmod(number, 10)))


def test_known_case_ids_stay_in_their_buckets() -> None:
    assert [qa_bucket(text) for text in ("AML-7F3KQ2XA", "AML-00000004", INT_MIN)] == [3, 0, 8]


def test_a_tenth_of_random_case_ids_falls_into_each_bucket() -> None:
    dice = random.Random(1)
    ids = ["AML-" + "".join(dice.choices(CROCKFORD, k=8)) for _ in range(20_000)]
    counts = Counter(map(qa_bucket, ids))
    assert sorted(counts) == list(range(10))
    assert all(1_850 < count < 2_150 for count in counts.values()), counts
    assert counts == Counter(map(qa_bucket, ids))


def test_bucket_zero_is_the_sample() -> None:
    assert [bucket for bucket in range(10) if is_sampled(bucket)] == [0]
