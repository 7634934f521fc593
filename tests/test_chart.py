"""The chart of transactions: every bar in its place, and nothing of what it is told becomes markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from app.ui.chart import Bar, in_and_out

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BAR = re.compile(r"<i class='(in|out)' style='left:(.+?)%;bottom:(.+?)%;height:(.+?)%' title='(.*?)'></i>", re.DOTALL)
AMOUNTS = st.decimals(Decimal(0), Decimal("9999999999999.99"), places=2)
BARS = st.builds(Bar, st.datetimes(timezones=st.just(UTC)), st.booleans(), AMOUNTS, st.text())


def drawn(*bars: Bar) -> list[tuple[str, float, float, float, str]]:
    """Of each bar its direction, how far along, its foot and its height, all in percent, and its words."""
    found = BAR.findall(in_and_out(bars))
    return [
        (kind, float(left), float(foot), float(height), unescape(words)) for kind, left, foot, height, words in found
    ]


def test_money_in_stands_on_its_line_and_money_out_hangs_from_its_own() -> None:
    bars = drawn(Bar(NOON, False, Decimal(300), "salary"), Bar(NOON + timedelta(days=1), True, Decimal(100), "rent"))
    assert bars == [("in", 25, 54, 34.5, "salary"), ("out", 75, 0, 46, "rent")]
    amounts = re.findall(r"class='amount' [^>]*>(.+?)<", in_and_out([Bar(NOON, False, Decimal(9400), "")]))
    assert amounts == ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]


def test_fourteen_deposits_beside_one_great_outflow_are_no_stubs_and_nobody_reads_the_two_as_one_scale() -> None:
    deposits = [Bar(NOON + timedelta(days=number), False, Decimal(9400), "cash") for number in range(14)]
    bars = [*deposits, Bar(NOON + timedelta(days=15), True, Decimal(500_000), "wire")]
    heights = {kind: height for kind, _, _, height, _ in drawn(*bars)}
    assert heights == {"in": 43.24, "out": 46}
    html = in_and_out(bars)
    assert re.findall(r"class='amount' [^>]*>(.+?)<", html) == ["0", "5,000", "10,000", "0", "500,000"]
    assert "In, up to 10,000" in html
    assert "Out, up to 500,000" in html
    assert "Two scales" in html
    assert "money in above, up to 10,000 and money out below, up to 500,000, each on a scale of its own" in html
    assert "scale" not in in_and_out(deposits)
    assert "scale" not in in_and_out([*deposits, Bar(NOON, True, Decimal(9000), "wire")]), "they compare"


@given(st.lists(BARS, min_size=1, max_size=30))
def test_every_transaction_has_a_bar_inside_the_chart_and_its_words(bars: list[Bar]) -> None:
    found = drawn(*bars)
    assert sorted((words, kind == "out") for kind, *_, words in found) == sorted((bar.words, bar.out) for bar in bars)
    for _, left, foot, height, _ in found:
        assert 0 <= left <= 100
        assert foot >= 0
        assert foot + height <= 100.01
    lines, dates = in_and_out(bars).count("<hr"), in_and_out(bars).count("class='date'")
    assert lines <= 6
    assert 1 <= dates <= 6


def test_words_are_no_markup() -> None:
    words = "'><script>alert(1)</script>"
    assert drawn(Bar(NOON, False, Decimal(1), words))[0][-1] == words
    assert "<script" not in in_and_out([Bar(NOON, False, Decimal(1), words)])


def test_nothing_is_drawn_of_nothing() -> None:
    assert in_and_out([]) == ""
