"""Who paid whom: counterparties once each, bands that add up, hops in order, and no name becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.counterparties import grouped
from app.evidence import Kept, Transaction
from app.hops import hops
from app.ui import flow, who
from tests import lives
from tests.drafts import kept_in
from tests.markup import tags_of

CASE = lives.opened().case


def row(amount: object, way: str, name: str, hour: int = 0, **also: str) -> dict[str, Any]:
    time = f"2026-01-{5 + hour // 24:02d}T{hour % 24:02d}:00:00.000000Z"
    told = {"time": time, "amount": f"{amount}", "direction": way, "channel": "wire", "counterparty": name}
    return {**told, "country": "US", **also}


def kept(*rows: dict[str, Any], **also: object) -> Kept:
    return kept_in({"transactions": list(rows), **also})


def rows_of(*rows: dict[str, Any]) -> Sequence[Transaction]:
    return kept(*rows).transactions


def drawn(*rows: dict[str, Any], **also: object) -> str:
    return who.pictures(who.Who(CASE, kept(*rows, **also), UTC))


def thickness(html: str) -> dict[str, list[float]]:
    """Of each kind of band how thick each is at its left end, in pixels."""
    high = float(re.findall(r"style='height:(\d+)px'", html)[0])
    found: dict[str, list[float]] = {}
    for kind, corners in re.findall(r"<i class='([a-z ]+)' style='clip-path:polygon\((.+?)\)'>", html):
        ends = [float(corner.split()[1][:-1]) for corner in corners.split(",") if corner.startswith("0.0%")]
        found.setdefault(kind, []).append((max(ends) - min(ends)) * high / 100)
    return found


def test_a_counterparty_is_one_in_all_its_spellings_with_what_it_paid_and_was_paid() -> None:
    found = grouped(
        rows_of(
            row("100.00", "in", "Acme Ltd"),
            row("30.50", "out", "  ACME  ltd", 2, country="LV"),
            row("5.00", "in", "", 3),
            row("200.00", "out", "Bo", 4),
            row("7.00", "back", "Acme Ltd", 5),
        )
    )
    assert [(one.name, one.paid_in, one.paid_out, one.net) for one in found] == [
        ("Bo", Decimal(0), Decimal(200), Decimal(-200)),
        ("Acme Ltd", Decimal(100), Decimal("30.50"), Decimal("69.50")),
        ("", Decimal(5), Decimal(0), Decimal(5)),
    ]
    acme = found[1]
    assert (acme.spellings, acme.countries, acme.credits, acme.debits) == (("Acme Ltd", "ACME ltd"), ("US", "LV"), 1, 1)
    assert (acme.first[:13], acme.last[:13], acme.rows) == ("2026-01-05T00", "2026-01-05T02", (0, 1))


def test_hops_are_what_came_in_and_then_went_out_in_order() -> None:
    ways = ("out", "in", "in", "out", "back", "out", "in", "out", "in")
    found = hops(rows_of(*(row(1, way, "x", hour) for hour, way in enumerate(ways))))
    assert [(hop.came, hop.went) for hop in found] == [((), (0,)), ((1, 2), (3, 5)), ((6,), (7,)), ((8,), ())]


def test_bands_are_as_thick_as_their_money_on_one_scale() -> None:
    html = drawn(row("600.00", "in", "A"), row("300.00", "in", "B"), row("450.00", "out", "C"))
    bands = thickness(html)
    assert bands["in"] == pytest.approx([flow.THICK * 2 / 3, flow.THICK / 3], abs=0.1)
    assert bands["out"] == pytest.approx([flow.THICK / 2], abs=0.1)
    assert "600.00" in html
    assert "Nothing went out" in drawn(row("600.00", "in", "A"))


def test_of_many_counterparties_the_largest_are_drawn_and_the_others_are_one_band_that_says_so() -> None:
    rows = [row(f"{100 - number}.00", "in", f"Payer {number:02}", number) for number in range(40)]
    html = drawn(*rows, row("1.00", "out", "Bo", 99))
    names = re.findall(r"<b dir='auto'>(Payer .+?|\d+ others)</b>", html)
    assert names[:6] == ["Payer 00", "Payer 01", "Payer 02", "Payer 03", "Payer 04", "35 others"]
    assert "all of them are in the table" in html
    assert sum(thickness(html)["in"]) == pytest.approx(flow.THICK, abs=1)
    six = drawn(*rows[:6])
    assert "others" not in six, "a band of one other would hide a name for nothing"
    assert six.count("<li style=") == 6


def test_a_to_the_customer_to_b_within_hours_is_one_line() -> None:
    html = drawn(
        row("1000.00", "in", "Anna", 1),
        row("920.00", "out", "Bo", 4),
        row("500.00", "in", "Cy", 30),
        row("400.00", "in", "Di", 50),
        row("880.00", "out", "Bo", 90),
    )
    (listed,) = re.findall(r"<ol class='hops'>(.+?)</ol>", html)
    lines = [" ".join(re.sub(r"<.+?>", " ", line).split()) for line in listed.split("</li>")[:-1]]
    assert lines == [
        "Anna 1,000.00 05 Jan → 3 h Bo 920.00 · 92%",
        "Cy +1 900.00 in 2 06–07 Jan last → 40 h Bo 880.00 · 97%",
    ]
    assert re.findall(r"width:([\d.]+)%", listed) == ["100.0", "92.0", "90.0", "88.0"]
    assert "hops" not in drawn(row("10.00", "in", "Anna"), row("10.00", "in", "Bo", 2)), "nothing went on"


def test_of_many_hops_those_of_most_money_are_drawn_in_order() -> None:
    rows = [row(f"{10 + number % 7}.00", "out" if number % 2 else "in", "x", number) for number in range(60)]
    html = drawn(*rows)
    assert html.count("class='stay'") == flow.HOPS
    assert f"Drawn: {flow.HOPS} of 30, those of most money." in html


def test_what_made_the_rule_fire_is_solid_in_its_band_and_marked_in_its_hop() -> None:
    rows = [row("30.00", "in", "A", 0, id="1"), row("10.00", "in", "A", 1, id="2"), row("40.00", "out", "B", 2, id="3")]
    bands = thickness(html := drawn(*rows, triggered_by=["1"]))
    assert bands == {
        "in": pytest.approx([flow.THICK * 3 / 4], abs=0.1),
        "in quiet": pytest.approx([flow.THICK / 4], abs=0.1),
        "out quiet": pytest.approx([flow.THICK], abs=0.1),
    }
    assert "●" in html
    assert "quiet" not in drawn(*rows)
    assert "●" not in drawn(*rows)


def test_the_customers_own_name_and_whoever_stands_on_both_sides_are_told() -> None:
    html = drawn(row("9.00", "in", CASE.customer_name.upper()), row("8.00", "in", "Bo", 1), row("7.00", "out", "Bo", 2))
    assert html.count("<span>the customer</span>") == 1
    assert html.count("<span>both ways</span>") == 2


WAYS = st.sampled_from(["in", "out", "back", ""])
ROWS = st.builds(
    row,
    st.decimals(Decimal(0), Decimal("9999999999999.99"), places=2),
    WAYS,
    st.text() | st.sampled_from(["A", "a", "<b>", "'\"><script>"]),
    st.integers(0, 600),
)


@given(st.lists(ROWS, max_size=30))
def test_whatever_was_paid_the_groups_and_the_hops_add_up_and_no_name_is_markup(rows: list[dict[str, Any]]) -> None:
    known = kept(*rows)
    moved = known.flow()
    groups = grouped(known.transactions)
    assert sum((one.paid_in for one in groups), Decimal(0)) == moved.paid_in
    assert sum((one.paid_out for one in groups), Decimal(0)) == moved.paid_out
    assert sorted(place for one in groups for place in one.rows) == sorted(
        place for hop in hops(known.transactions) for place in (*hop.came, *hop.went)
    )
    html = who.pictures(who.Who(CASE, known, UTC))
    assert bool(html) is bool(moved.paid_in or moved.paid_out)
    assert tags_of(html) <= {"div", "section", "h4", "ul", "ol", "li", "b", "em", "i", "span", "p"}
    for corners in re.findall(r"clip-path:polygon\((.+?)\)", html):
        assert all(0 <= float(corner) <= 101 for corner in re.findall(r"([\d.]+)%", corners))
    assert "<script" not in html
    for one in groups if html else ():
        if one.name == "'\"><script>":
            assert one.name in unescape(html)
