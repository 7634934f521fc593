"""What the panel "Try to break it" does to its copy of a case, and what gives it away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.demo import tampering
from app.demo.tampering import Copy
from app.models import BreakKind
from tests import lives

LIFE = lives.full_life()
WHOLE = Copy(LIFE.case.case_id, tuple(LIFE.events), LIFE.row)
TEXT = "Teller never called."


@pytest.mark.parametrize(
    ("attack", "kind", "event_id"),
    [
        (lambda: tampering.change(WHOLE, 2, "notes", TEXT), BreakKind.EDITED, 3),
        (lambda: tampering.delete(WHOLE, 2), BreakKind.MISSING, 4),
        (lambda: tampering.swap(WHOLE, 2, 3), BreakKind.OUT_OF_ORDER, 3),
        (lambda: tampering.cut(WHOLE, 3), BreakKind.TRUNCATED, None),
        (lambda: tampering.rewrite(WHOLE, 2, "notes", TEXT), BreakKind.TRUNCATED, None),
    ],
    ids=["change", "delete", "swap", "cut", "rewrite"],
)
def test_each_attack_is_named_with_its_place(attack: Callable[[], Copy], kind: BreakKind, event_id: int | None) -> None:
    assert WHOLE.breaks() == []
    found = attack().breaks()
    assert (found[0].kind, found[0].event_id) == (kind, event_id)
    assert WHOLE.breaks() == []


@pytest.mark.parametrize("place", range(len(LIFE.events)))
def test_a_careful_forger_of_the_tail_is_seen_by_no_check_of_the_case_alone(place: int) -> None:
    """Which is what the log is for."""
    assert tampering.agree(tampering.rewrite(WHOLE, place, "user", "z.nobody")).breaks() == []
    assert tampering.agree(tampering.cut(WHOLE, place + 1)).breaks() == []


def test_what_is_taken_out_of_the_middle_is_seen_however_the_row_agrees() -> None:
    for place in range(len(LIFE.events) - 1):
        assert tampering.agree(tampering.delete(WHOLE, place)).breaks()
        assert tampering.agree(tampering.swap(WHOLE, place, place + 1)).breaks()
