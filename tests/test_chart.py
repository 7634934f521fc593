"""The chart of transactions: every amount in its place, lines where they mean something, and no text becomes markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.chart import Bar, money_over_time
from tests.markup import tags_of

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""A Monday."""
PIECE = re.compile(
    r"<i class='(in|out)([a-z ]*)' style='left:(.+?)%;width:.+?%;bottom:(.+?)%;height:(.+?)%'></i>",
)
AMOUNTS = st.decimals(Decimal(0), Decimal("9999999999999.99"), places=2)
BARS = st.builds(
    Bar,
    st.datetimes(timezones=st.just(UTC)),
    st.booleans(),
    AMOUNTS,
    st.tuples(st.text()),
    st.booleans(),
    st.booleans(),
)


def moved(amount: object, day: float = 0, *, out: bool = False, cash: bool = False, fired: bool = False) -> Bar:
    return Bar(NOON + timedelta(days=day), out, Decimal(str(amount)), ("by wire",), cash, fired)


def pieces(html: str) -> list[tuple[str, float, float, float]]:
    """Of each piece its classes, how far along, its foot and its height, all in percent."""
    return [
        (f"{way}{also}", float(left), float(foot), float(height))
        for way, also, left, foot, height in PIECE.findall(html)
    ]


def amounts(html: str) -> list[str]:
    """Those beside the lines, up to the balance below."""
    return re.findall(r"class='amount' style='bottom[^>]*>(.+?)<", html)


def lines(html: str) -> list[tuple[str, str, float]]:
    """Of each line its kind, its words and how high it is."""
    found = re.findall(r"<b class='line (\w+) \w+' style='bottom:(.+?)%'><span>(.+?)</span>", html)
    return [(kind, words, float(height)) for kind, height, words in found]


def test_money_in_stands_on_its_line_and_money_out_hangs_from_its_own() -> None:
    html = money_over_time([moved(300), moved(100, 1, out=True)], "EUR")
    assert pieces(html) == [("in", 25, 54, 46), ("out", 75, 0, 46)]
    assert amounts(money_over_time([moved(9400)], "EUR")) == ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]


def test_transactions_of_a_day_stand_on_each_other_cash_first_and_their_heights_add_up() -> None:
    day = [moved(2000), moved(3000, cash=True), moved(1000, 0.1, cash=True), moved(4000, 1)]
    html = money_over_time(day, "EUR")
    stack = pieces(html)[:3]
    assert [round(foot + height, 2) for _, _, foot, height in stack] == [50, 66.67, 100]
    assert [round(foot, 2) for _, _, foot, _ in stack] == [0, 50, 66.67]


def test_fourteen_deposits_beside_one_great_outflow_are_no_stubs_and_nobody_reads_the_two_as_one_scale() -> None:
    deposits = [moved(9400, number) for number in range(14)]
    html = money_over_time([*deposits, moved(500_000, 15, out=True)], "USD")
    assert {kind: height for kind, _, _, height in pieces(html)} == {"in": 43.24, "out": 46}
    assert amounts(html) == ["0", "5,000", "10,000", "0", "250,000", "500,000"]
    assert "In, up to 10,000" in html
    assert "Out, up to 500,000" in html
    assert "Two scales" in html
    assert "money in above, up to 10,000 and money out below, up to 500,000, each on a scale of its own" in html
    assert "scale" not in money_over_time(deposits, "USD")
    assert "scale" not in money_over_time([*deposits, moved(9000, out=True)], "USD"), "they compare"


def test_one_huge_day_is_cut_off_and_says_how_high_it_is_and_the_others_are_seen() -> None:
    html = money_over_time([*(moved(500 + number, number) for number in range(20)), moved(800_000, 7.1)], "EUR")
    _, *whole = sorted(height for _, _, _, height in pieces(html))
    assert min(whole) > 80
    assert max(foot + height for _, _, foot, height in pieces(html)) == 100
    assert "<span class='high in'" in html
    assert ">800,507<" in html
    assert "A day of money in is cut off at the top." in html
    assert "cut" not in money_over_time([moved(500 + 2 * number, number) for number in range(20)], "EUR")


@pytest.mark.parametrize(
    ("bars", "currency", "drawn"),
    [
        ([moved(9400, n, cash=True) for n in range(3)], "USD", True),
        ([moved(9400, n) for n in range(3)], "USD", False),
        ([moved(9400, n, cash=True) for n in range(3)], "EUR", False),
        ([moved(400, n, cash=True) for n in range(3)], "USD", False),
    ],
    ids=["cash in dollars", "no cash", "other money", "far below"],
)
def test_the_threshold_is_a_line_where_there_is_cash_in_dollars_near_it(
    bars: list[Bar], currency: str, drawn: bool
) -> None:
    html = money_over_time(bars, currency)
    assert [(kind, words) for kind, words, _ in lines(html)] == ([("threshold", "10,000 cash")] if drawn else [])
    assert ("31 CFR 1010.311" in html) is drawn


def test_cash_is_counted_by_business_day_and_what_is_not_cash_is_told_apart_from_it() -> None:
    html = money_over_time([moved(6000, 5, cash=True), moved(4001, 7, cash=True), moved(8000, 2)], "USD")
    assert "Cash in on 1 business day (a weekend counts to its Monday), 1 above USD 10,000" in html
    assert "the most is USD 10,001.00" in html
    assert Counter(kind for kind, *_ in pieces(html)) == {"in": 2, "in other": 1}
    assert "In, not cash" in html
    (_, _, height), *_ = lines(html)
    assert height == 100
    exactly = money_over_time([moved(10_000, cash=True)], "USD")
    assert "Cash in on 1 business day, none above USD 10,000; the most is USD 10,000.00." in exactly


@pytest.mark.parametrize(
    ("bars", "named"),
    [
        ([moved(9400, cash=True), moved(9400, 1, cash=True, out=True), moved(8000, 2, out=True)], "Out, not cash"),
        (
            [moved(9400, cash=True), moved(8000, 1), moved(9400, cash=True, out=True), moved(1, out=True)],
            "In and out, not cash",
        ),
        ([moved(9400, cash=True), moved(8000, 1, out=True)], None),
    ],
    ids=["out", "both", "a side without the line of cash"],
)
def test_the_legend_names_the_sides_that_are_hatched(bars: list[Bar], named: str | None) -> None:
    html = money_over_time(bars, "USD")
    hatched = {kind.removesuffix(" other") for kind, *_ in pieces(html) if kind.endswith(" other")}
    told = html.partition("<i class='other'></i>")[2].partition("<")[0] or None
    assert told == named
    assert hatched == {
        side for side in ("in", "out") if named and side in named.removesuffix(", not cash").lower().split()
    }


def test_what_was_expected_in_a_month_is_a_line_beside_days_that_come_near_it_and_else_told() -> None:
    near = money_over_time([moved(9400)], "EUR", Decimal(5000))
    assert lines(near) == [("expected", "5,000 a month", 50)]
    assert "Dotted: what was expected in a whole month, EUR 5,000.00." in near
    for far in (Decimal(90_000), Decimal(20)):
        html = money_over_time([moved(9400)], "EUR", far)
        assert not lines(html)
        assert "Without a line: what was expected in a month" in html
    assert "expected" not in money_over_time([moved(9400)], "EUR")


def test_what_made_a_rule_fire_is_solid_where_something_else_is_there_too() -> None:
    html = money_over_time([moved(10, fired=True), moved(5, 1), moved(5, 1.1, fired=True)], "EUR")
    assert [kind for kind, *_ in pieces(html)] == ["in", "in", "in quiet next"]
    assert "Not named as what fired" in html
    for same in (True, False):
        assert "quiet" not in money_over_time([moved(10, fired=same)], "EUR")


def test_the_balance_begins_with_nothing_and_says_whose_it_is_not() -> None:
    html = money_over_time([moved(100), moved(250, 0.25, out=True), moved(50, 1)], "EUR")
    (points,) = re.findall(r"polygon\((.+?)\)", html)
    assert points == (
        "0 40.00%,25.0% 40.00%,25.0% 0.00%,37.5% 0.00%,37.5% 100.00%,75.0% 100.00%,75.0% 80.00%,100% 80.00%,100% 40.00%"
    )
    assert "not the account's balance): −EUR 100.00 at the end" in html


def test_each_day_with_money_is_told_to_the_keyboard_with_what_it_leaves() -> None:
    html = money_over_time([moved(9400), moved(100, 0.1), *(moved(n, 1, out=True) for n in range(1, 6))], "EUR")
    assert re.findall(r"aria-label='(\w+ \d.+?)'", html) == [
        "Mon 05 Jan 2026: in EUR 9,500.00 (2)",
        "Tue 06 Jan 2026: out EUR 15.00 (5)",
    ]
    assert "leaves EUR 9,485.00" in html
    assert "<li dir='auto'>12:00 in EUR 9,400.00, by wire</li>" in html
    assert "<li>and 2 more</li>" in html


def told(bars: Iterable[Bar]) -> Counter[bool]:
    """How many days there are of money in and out."""
    return Counter(out for out, _ in {(bar.out, bar.at.date()) for bar in bars})


@given(st.lists(BARS, min_size=1, max_size=30), st.sampled_from(["USD", "JPY"]), st.none() | AMOUNTS)
def test_whatever_moved_is_drawn_inside_the_chart_and_no_text_becomes_markup(
    bars: list[Bar], currency: str, expected: Decimal | None
) -> None:
    html = money_over_time(bars, currency, expected)
    found = pieces(html)
    assert len(found) == len(PIECE.findall(html)) == html.count("%'></i>")
    days = Counter(kind.startswith("out") for kind, *_ in {(kind[:3], left) for kind, left, _, _ in found})
    assert days.keys() == told(bars).keys()
    for _, left, foot, height in found:
        assert 0 <= left <= 100
        assert foot >= 0
        assert foot + height <= 100.02
    assert html.count("<hr") <= 8  # and that of the balance
    assert 1 <= html.count("class='date'") <= 6
    assert html.count("<input") == len({bar.at.date() for bar in bars})
    assert tags_of(html) <= {"p", "i", "b", "u", "hr", "ul", "li", "div", "span", "label", "input"}


def test_words_are_no_markup() -> None:
    words = "'><script>alert(1)</script>\u202e"
    html = money_over_time([Bar(NOON, False, Decimal(1), (words, "", "x"))], "USD")
    assert "<script" not in html
    assert "\u202e" not in html
    assert "12:00 in USD 1.00, '><script>alert(1)</script>\\u202e, x" in unescape(html)


def test_nothing_is_drawn_of_nothing_and_a_crowded_day_is_few_pieces() -> None:
    assert money_over_time([], "USD") == ""
    crowd = [moved(1, 0, fired=number % 2 == 0) for number in range(2000)]
    assert Counter(kind for kind, *_ in pieces(money_over_time(crowd, "EUR"))) == {"in": 1, "in quiet next": 1}
