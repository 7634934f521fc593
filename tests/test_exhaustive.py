"""What is tried in full: every bit of a chain of fifty events, and ten thousand random chains that nobody touched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from app import chain
from app.demo import tampering
from app.log.lines import differences
from app.models import EVENT_COLUMNS
from tests import lives
from tests.conftest import ANALYST, MANAGER

ROOT = Path(__file__).resolve().parent.parent
FIELDS = [column for column in EVENT_COLUMNS if column != "event_id"]


def fifty_events() -> lives.Life:
    life = lives.full_life()
    lives.reopen(life, MANAGER, "Once more.")
    lives.note(life, "Ünïcode “quotes”, 汉字 and 💶")
    while len(life.events) < 50:
        lives.note(life, f"Note {len(life.events)}", ANALYST)
    return life


LIFE = fifty_events()


def read(data: bytes) -> str:
    """Bytes as the store reads them: what is no UTF-8 becomes lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("field", FIELDS)
def test_no_bit_of_any_field_of_fifty_events_can_change_unseen(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that was edited is named: by its own number, or by that of the one that follows it."""
    monkeypatch.setattr(chain, "_recompute", lru_cache(maxsize=100)(chain._recompute))  # forty-nine stay as they were
    case_id, events = LIFE.case.case_id, list(LIFE.events)
    assert chain.verify(case_id, events, LIFE.row) == []
    for place, whole in enumerate(LIFE.events):
        data = getattr(whole, field).encode()
        named = {whole.event_id, LIFE.events[min(place + 1, 49)].event_id}
        for at, byte in enumerate(data):
            for bit in range(8):
                value = read(data[:at] + bytes([byte ^ 1 << bit]) + data[at + 1 :])
                events[place] = tampering.change(tampering.Copy(case_id, (whole,), {}), 0, field, value).events[0]
                breaks = chain.verify_links(case_id, events[: place + 2])
                assert named & {found.event_id for found in breaks}, (place, field, value)
        events[place] = whole


def test_no_bit_of_an_event_id_can_change_an_order_or_a_number_unseen_by_the_log() -> None:
    """The number is outside the hash: alone, it only has to ascend; the log knows it."""
    lines = [(event.event_id or 0, event.case_id, event.event_hash) for event in LIFE.events]
    for place, (event_id, case_id, event_hash) in enumerate(lines):
        for bit in range(16):
            changed = sorted([*lines[:place], (event_id ^ 1 << bit, case_id, event_hash), *lines[place + 1 :]])
            assert list(differences(iter(changed), iter(lines)))


def test_ten_thousand_random_chains_that_nobody_touched_raise_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "AML_DATABASE": str(tmp_path / "desk.db"), "AML_EXPORTS": str(tmp_path)}
    environment.pop("AML_SIGNING_KEY", None)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("seed", "generate", "--cases", "10000", "--seed", "20261122", "--as-of", "2026-01-31", "--out", str(tmp_path))
    *_, first, key = run("seed", "load", "--from", str(tmp_path)).splitlines()
    file, vkey = first.partition(":")[0], key.removeprefix("Its verifier key: ")
    found = run("app", "verify", "--checkpoint", file, "--key", vkey)
    assert re.match(
        r"10,000 cases, [0-9,]+ events: all intact\nThe first [0-9,]+ events are those that .* signed", found
    )
