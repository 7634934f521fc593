"""Alerts from a file: each opens one case, however often and by however many it is sent; a bad file opens none."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import casework, chain, intake, opening, repository, verification
from app.__main__ import main
from app.database import Database, Transaction
from app.errors import RUN, ConstraintBroken, DatabaseMissing, InvalidInput, NotAllowed, UnreadableFile
from app.models import ALERT_FEED, CASE_COLUMNS, CASE_ID, Case, Event
from app.text import printable
from seed.book import Book
from tests.conftest import EVIDENCE, TRANSACTIONS, OpenCase
from tests.test_concurrency import at_once

ALERT: dict[str, Any] = {
    "alert_id": "TM-1",
    "customer_id": "C-00412873",
    "customer_name": "Zoë Łukasik",
    "typology": "Structuring",
    "risk": "High",
    "risk_score": 87,
    "amount": "65800.00",
    "currency": "USD",
    **EVIDENCE,
}
WINDOW = {"from": "2026-01-05", "to": "2026-01-11"}
FACTS = ("customer_id", "customer_name", "typology", "risk", "risk_score", "amount", "currency")


def alert(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An alert of a customer of its own, the first one's being the one of the other examples."""
    customer_id = "C-00412873" if number == 1 else f"C-{number}"
    return {**ALERT, "alert_id": f"TM-{number}", "customer_id": customer_id, **changes}


def transaction(**changes: Any) -> dict[str, Any]:
    return alert(transactions=[{**TRANSACTIONS[0], **changes}])


def encoded(*lines: dict[str, Any] | bytes) -> bytes:
    """A file of these alerts and lines."""
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def take(
    desk: Database, *lines: dict[str, Any] | bytes, skip_bad: bool = False, separate: bool = False
) -> intake.Taken:
    return intake.take_in(desk, io.BytesIO(encoded(*lines)), "feed", skip_bad, separate)


def counts(taken: intake.Taken) -> tuple[int, int, int]:
    return taken.opened, taken.already, taken.refused


def stored(desk: Database) -> dict[str, tuple[Case, Event]]:
    """Each case with its `open` event, by alert id. No alert has two cases."""
    with desk.snapshot() as tx:
        ids = [row["case_id"] for row in tx.fetch_all("SELECT case_id FROM cases")]
        found = [(repository.case(tx, case_id), repository.events(tx, case_id)[0]) for case_id in ids]
    by_alert = {chain.read_meta(event).get("alert_id", ""): (case, event) for case, event in found}
    assert len(by_alert) == len(found)
    return by_alert


# --- what is taken in ---


def test_a_seeded_alert_is_taken_in_as_it_is(desk: Database) -> None:
    book = Book(7, date(2026, 1, 31))
    seeded = [chain.read_meta(book.case(number)[1][0]) for number in range(1, 61)]
    lines = [
        {**{name: told["case"][name] for name in FACTS}, **{name: told[name] for name in told if name != "case"}}
        for told in seeded
    ]
    assert counts(take(desk, *lines, separate=True)) == (len(seeded), 0, 0)
    found = stored(desk)
    for told in seeded:
        meta = chain.read_meta(found[told["alert_id"]][1])
        facts, wanted = meta.pop("case"), told.pop("case")
        assert meta == told
        assert {name: facts[name] for name in FACTS} == {name: wanted[name] for name in FACTS}
    assert verification.verify_database(desk).intact


@pytest.mark.parametrize(
    ("amount", "kept"),
    [("0", "0.00"), ("0.10", "0.10"), ("9400", "9400.00"), ("9400.120", "9400.12")]
    + [("9007199254740.93", "9007199254740.93")]
    + [("9999999999999.99", "9999999999999.99")],
)
def test_an_amount_is_kept_to_the_cent(desk: Database, amount: str, kept: str) -> None:
    take(desk, {**transaction(amount=amount), "amount": amount})
    case, event = stored(desk)["TM-1"]
    meta = chain.read_meta(event)
    assert (case.amount, meta["case"]["amount"], meta["transactions"][0]["amount"]) == (Decimal(kept), kept, kept)
    assert verification.verify_database(desk).intact


def test_times_are_kept_with_microseconds_and_line_breaks_as_line_feeds(desk: Database) -> None:
    take(desk, {**transaction(time="2026-01-05T15:00:00.5Z"), "alert": "one\r\ntwo\n\tthree"})
    meta = chain.read_meta(stored(desk)["TM-1"][1])
    assert (meta["transactions"][0]["time"], meta["alert"]) == ("2026-01-05T15:00:00.500000Z", "one\ntwo\n\tthree")


def test_a_feed_keeps_what_turns_words_around(desk: Database) -> None:
    turned = "evil\u202egnp.exe"
    take(desk, {**transaction(counterparty=turned), "customer_name": turned, "alert": turned})
    case, event = stored(desk)["TM-1"]
    meta = chain.read_meta(event)
    assert [case.customer_name, meta["alert"], meta["transactions"][0]["counterparty"]] == [turned] * 3
    assert verification.verify_database(desk).intact


def test_blank_lines_windows_line_ends_a_byte_order_mark_and_a_missing_last_line_end_are_no_fault(
    desk: Database,
) -> None:
    one, two = (json.dumps(alert(number), ensure_ascii=False).encode() for number in (1, 2))
    file = io.BytesIO(b"\xef\xbb\xbf" + one + b"\r\n\r\n \t\n" + two)
    assert counts(intake.take_in(desk, file, "feed")) == (2, 0, 0)
    assert set(stored(desk)) == {"TM-1", "TM-2"}
    assert counts(take(desk)) == (0, 0, 0)


def test_the_example_in_the_documentation_is_taken_in(desk: Database) -> None:
    example = re.search(r"\{.*\}\]\}", intake.__doc__ or "", re.DOTALL)
    assert example
    assert counts(take(desk, example[0].replace("\n", " ").encode())) == (1, 0, 0)
    assert set(stored(desk)) == {"TM-20260105-0042"}


# --- what is refused ---


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "This is not JSON (Expecting value, character 1 of the line)."),
        (b'{"alert_id": "\xff"}', "This is not UTF-8 text (byte 15 of the line)."),
        (b"\xff\xfe{\0}\0", "This is not UTF-8 text (byte 1 of the line)."),
        (b"[" * 100_000, "This is nested too deeply."),
        (b"1" * 5_000, "This holds a number of thousands of digits."),
        (b'{"amount": NaN}', "NaN is not JSON."),
        (b'{"amount": -Infinity}', "-Infinity is not JSON."),
        (b'{"risk": "Low", "risk": "High"}', "The key 'risk' comes twice in one object."),
        (b'{"transactions": [{"x\\u001b": 1, "x\\u001b": 1}]}', "The key 'x\\x1b' comes twice in one object."),
        (b" " * 3 * 1024 * 1024 + b"{}", "The line is longer than 1,048,576 bytes."),
        (json.dumps(ALERT).encode() + b" " * 1024 * 1024, "The line is longer than 1,048,576 bytes."),
        (b"[]", "The line is not an object."),
        (alert(note="x", lag=1), "The alert has unknown keys: 'note', 'lag'."),
        ({**ALERT, "\ud800" * 99: 1}, "The alert has unknown keys: '\\ud800" + "\\ud800" * 10 + "\\u…."),
        ({"alert_id": "TM-1"}, "The alert lacks customer_id, customer_name, typology, risk, risk_score, "),
        (alert(alert_id=7), "alert_id is not a text."),
        (alert(alert_id="x" * 65), "The alert id needs 1 to 64 printable characters, and no space at an end."),
        (alert(alert_id="x\u202ey"), "The alert id needs 1 to 64 printable characters, and no space at an end."),
        (alert(alert_id="x "), "The alert id needs 1 to 64 printable characters, and no space at an end."),
        (alert(customer_id=" "), "customer_id is empty."),
        (alert(customer_name="\u200b"), "customer_name is empty."),
        (alert(alert="\u200b\n"), "The alert is empty."),
        (alert(customer_name="Zoë\nŁukasik"), "The customer name has a line break or a tab, or a space at an end."),
        (alert(customer_name="𝒵" * 101), "The customer name needs 1 to 200 characters."),
        (alert(typology="T\x85"), "The typology holds a character (U+0085) that cannot be kept at character 2."),
        (alert(risk="high"), "risk is not one of Low, Medium, High."),
        (alert(risk=["High"]), "risk is not one of Low, Medium, High."),
        (alert(risk_score="87"), "risk_score is not a whole number."),
        (alert(risk_score=True), "risk_score is not a whole number."),
        (alert(risk_score=87.0), "risk_score is not a whole number."),
        (alert(risk_score=101), "The risk score lies between 0 and 100."),
        (alert(amount=9400.1), 'amount is a number. Write it as text such as "9400.00", so that it stays exact.'),
        (alert(amount=9400), 'amount is a number. Write it as text such as "9400.00", so that it stays exact.'),
        (alert(amount="9,400.00"), 'amount is not an amount such as "9400.00".'),
        (alert(amount="-1.00"), 'amount is not an amount such as "9400.00".'),
        (alert(amount="9400.005"), "amount is 9400.005, which two decimals cannot hold; the desk never rounds."),
        (alert(amount="9400.5"), 'amount is not an amount such as "9400.00".'),
        (alert(amount="٩٤٠٠.00"), 'amount is not an amount such as "9400.00".'),
        (alert(amount="10000000000000.00"), 'amount is not an amount such as "9400.00".'),
        (alert(currency="usd"), "The currency 'usd' is not the ISO 4217 code of one that has amounts, such as USD."),
        (alert(currency="ZZZ"), "The currency 'ZZZ' is not the ISO 4217 code of one that has amounts, such as USD."),
        (alert(currency="XAU"), "The currency 'XAU' is not the ISO 4217 code of one that has amounts, such as USD."),
        (
            {**transaction(amount="9.125"), "currency": "KWD"},
            "transactions[0].amount is 9.125, which two decimals cannot",
        ),
        (alert(currency="JPY", amount="100.50"), "amount is 100.50, but JPY has no decimals."),
        (
            {**transaction(amount="9400.50"), "currency": "JPY"},
            "transactions[0].amount is 9400.50, but JPY has no decimals.",
        ),
        (
            alert(currency="JPY", customer={"expected_monthly": "0.50"}),
            "customer.expected_monthly is 0.50, but JPY has no decimals.",
        ),
        (alert(alert="\n"), "The alert is empty."),
        (alert(alert="x" * 10_001), "The alert is 10,001 characters long; the limit is 10,000."),
        (alert(alert="x\0"), "The alert holds a character (U+0000) that cannot be kept at character 2."),
        (alert(alert="\ud800"), "The alert holds a character (U+D800) that cannot be kept at character 1."),
        (alert(window={"from": "2026-01-05"}), "window lacks to."),
        (alert(window={**WINDOW, "to": "2026-02-30"}), "window.to is not a day such as 2026-01-05."),
        (alert(window={**WINDOW, "to": "20260111"}), "window.to is not a day such as 2026-01-05."),
        (alert(window={**WINDOW, "to": "2026-01-04"}), "window ends before it begins."),
        (alert(customer={"owner": "b.diaz"}), "customer has unknown keys: 'owner'."),
        (alert(customer={"expected_monthly": 5}), "customer.expected_monthly is a number."),
        (alert(transactions={}), "transactions is not a list."),
        (alert(transactions=[*TRANSACTIONS, 1]), "transactions[7] is not an object."),
        (transaction(amount=9400), "transactions[0].amount is a number."),
        (transaction(direction="IN"), "transactions[0].direction is not one of in, out."),
        (transaction(country="USA"), "transactions[0].country is not an ISO 3166 code such as US."),
        (transaction(time="2026-01-05T15:00:00+01:00"), "transactions[0].time is not a UTC time such as"),
        (transaction(time="2026-01-05T24:30:00Z"), "transactions[0].time is not a UTC time such as"),
        (transaction(channel=None), "transactions[0].channel is not a text."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_line_is_named_with_its_reason_and_the_whole_file_is_left(
    desk: Database, line: dict[str, Any] | bytes, reason: str
) -> None:
    taken = take(desk, alert(100), b"", line, alert(101))
    assert counts(taken) == (0, 0, 1)
    assert str(taken.reasons[0]).startswith(f"feed, line 3: {reason}")
    assert stored(desk) == {}


@pytest.mark.parametrize("name", [*sorted(set(CASE_COLUMNS) - set(FACTS)), "case", "form", "evidence"])
def test_no_alert_says_what_only_the_desk_says(desk: Database, open_case: OpenCase, name: str) -> None:
    (reason,) = take(desk, {**ALERT, name: ["a.nguyen", "b.diaz"]}).reasons
    assert f"unknown keys: '{name}'" in str(reason)
    with pytest.raises(InvalidInput, match=f"unknown keys: '{name}'"):
        open_case(**{name: "x"})
    assert stored(desk) == {}


def test_bad_lines_can_be_skipped_and_the_rest_is_stored(desk: Database) -> None:
    taken = take(desk, alert(1), b"nonsense", alert(2), alert(1, amount="1.00"), alert(3), skip_bad=True)
    assert counts(taken) == (3, 0, 2)
    assert [(reason.line, reason.reason) for reason in taken.reasons] == [
        (2, "This is not JSON (Expecting value, character 1 of the line)."),
        (4, "The alert id 'TM-1' comes twice, with different contents."),
    ]
    assert {alert_id: case.amount for alert_id, (case, _) in stored(desk).items()} == dict.fromkeys(
        ("TM-1", "TM-2", "TM-3"), Decimal("65800.00")
    )


def test_what_goes_wrong_in_the_middle_leaves_nothing(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    insert, left = repository.insert_event, [1, 1]

    def fails_in_the_end(tx: Transaction, new: Event) -> None:
        if not left:
            raise ConstraintBroken("The database refuses this.")
        left.pop()
        insert(tx, new)

    monkeypatch.setattr(repository, "insert_event", fails_in_the_end)
    with pytest.raises(ConstraintBroken):
        take(desk, alert(1), alert(2), alert(3))
    assert stored(desk) == {}


def test_a_file_that_goes_bad_after_it_was_checked_opens_nothing(desk: Database) -> None:
    class Changing(io.BytesIO):
        readings = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.readings += 1
            if self.readings == 2:
                self.getbuffer()[-2:-1] = b"!"
            return super().seek(offset, whence)

    with pytest.raises(UnreadableFile, match="feed, line 2: This is not JSON"):
        intake.take_in(desk, Changing(encoded(alert(1), alert(2))), "feed")
    assert stored(desk) == {}


def test_what_is_added_to_the_file_after_it_was_checked_is_left_for_the_next_time(desk: Database) -> None:
    class Growing(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            if self.tell():
                self.write(encoded(alert(2)))
            return super().seek(offset, whence)

    assert counts(intake.take_in(desk, Growing(encoded(alert(1))), "feed")) == (1, 0, 0)
    assert set(stored(desk)) == {"TM-1"}


def test_a_file_that_fails_is_a_sentence_and_opens_nothing(desk: Database) -> None:
    class Failing(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().readline(size)

    with pytest.raises(UnreadableFile, match="feed, line 2: Input/output error"):
        intake.take_in(desk, Failing(encoded(alert(1), alert(2))), "feed")
    assert stored(desk) == {}


def near(whole: bytes) -> st.SearchStrategy[bytes]:
    """The file with some of it cut out and something else put in."""
    places = st.integers(0, len(whole))
    return st.builds(lambda a, b, new: whole[: min(a, b)] + new + whole[max(a, b) :], places, places, st.binary())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(ALERT)), inner),
)
ODD_ALERTS = st.builds(lambda name, told: encoded(alert(**{name: told})), st.sampled_from(sorted(ALERT)), JSON)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(file=st.binary() | near(encoded(alert(1), alert(2))) | ODD_ALERTS)
@example(file=b'{"\\ud800": 1e999999999999999999999}\n')
def test_no_file_does_harm(desk: Database, file: bytes) -> None:
    taken = intake.take_in(desk, io.BytesIO(file + b"\n{"), "feed")
    assert (taken.opened, taken.already) == (0, 0)
    assert taken.refused >= 1
    for reason in taken.reasons:
        assert str(reason).isprintable()
        assert len(str(reason)) < 1_000
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == 0


# --- once, however often ---


def test_the_ids_of_an_alert_are_the_same_for_ever() -> None:
    ids = opening.case_ids("TM-20260105-0042")
    assert [next(ids) for _ in range(3)] == ["AML-5SFWJ59V", "AML-EAMY27WH", "AML-QRHTPHVG"]
    assert all(CASE_ID.fullmatch(next(opening.case_ids(str(number)))) for number in range(1_000))


def test_a_file_sent_again_opens_nothing_and_its_new_alerts_are_opened(desk: Database) -> None:
    lines = [alert(number) for number in range(1, 6)]
    assert counts(take(desk, *lines, alert(1))) == (5, 1, 0)
    before = stored(desk)
    again = take(desk, *lines, alert(6))
    assert counts(again) == (1, 5, 0)
    assert not again.changed
    assert {name: found for name, found in stored(desk).items() if name != "TM-6"} == before
    assert verification.verify_database(desk).intact


def test_an_alert_sent_again_in_another_order_of_its_keys_is_the_same(desk: Database) -> None:
    other = dict(reversed(alert(1, window=WINDOW).items()))
    assert counts(take(desk, alert(1, window=WINDOW), other)) == (1, 1, 0)
    assert not take(desk, other).changed


def test_a_case_that_moved_on_is_still_the_one_of_its_alert(desk: Database) -> None:
    take(desk, alert(1))
    case, _ = stored(desk)["TM-1"]
    casework.assign(desk, "m.okafor", case.case_id, "a.nguyen", "Knows the branch.")
    assert counts(take(desk, alert(1))) == (0, 1, 0)


def test_an_alert_that_says_something_else_than_its_case_was_opened_on_is_told(desk: Database) -> None:
    take(desk, alert(1), alert(2))
    before = stored(desk)
    taken = take(desk, alert(1, amount="70000.00"), alert(2))
    assert (counts(taken), taken.changed) == ((0, 2, 0), [("TM-1", before["TM-1"][0].case_id)])
    assert stored(desk) == before


def test_feeds_that_send_the_same_file_at_once_open_each_case_once(desk: Database) -> None:
    lines = [alert(number) for number in range(40)]
    taken = at_once(4, lambda number: take(desk, *(lines if number % 2 else lines[::-1])))
    assert sorted(counts(one) for one in taken) == [(0, 40, 0)] * 3 + [(40, 0, 0)]
    assert len(stored(desk)) == 40
    assert verification.verify_database(desk).intact


def test_alerts_that_hash_alike_each_have_their_case(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = opening.case_ids

    def alike(alert_id: str) -> Iterator[str]:
        yield "AML-00000001"
        yield "AML-00000002"
        yield from ids(alert_id)

    monkeypatch.setattr(opening, "case_ids", alike)
    lines = [alert(number) for number in range(4)]
    assert counts(take(desk, *lines)) == (4, 0, 0)
    assert counts(take(desk, *lines[::-1])) == (0, 4, 0)
    assert {case.case_id for case, _ in stored(desk).values()} >= {"AML-00000001", "AML-00000002"}


def test_an_id_that_a_case_without_an_alert_has_is_passed_over(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "new_case_id", lambda: next(opening.case_ids("TM-1")))
    taken = open_case(customer_id="C-2")
    assert counts(take(desk, alert(1))) == (1, 0, 0)
    assert counts(take(desk, alert(1))) == (0, 1, 0)
    assert stored(desk)["TM-1"][0].case_id != taken.case_id


def test_a_connection_lost_while_committing_opens_nothing_twice(
    desk: Database, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = desk.write

    def twice(work: Callable[[Transaction], object]) -> object:
        write(work)
        return write(work)

    monkeypatch.setattr(desk, "write", twice)
    take(desk, alert(1), alert(2))
    assert set(stored(desk)) == {"TM-1", "TM-2"}
    event = open_case()
    with desk.snapshot() as tx:
        assert repository.case_count(tx) == 3
        assert repository.events(tx, event.case_id)[0].event_hash == event.head_hash


def test_only_the_alert_feed_opens_alerts_and_it_has_to_be_there(desk: Database) -> None:
    with desk.transaction() as tx:
        tx.execute("UPDATE users SET active = 1 WHERE user_id = ?", (ALERT_FEED,))
    with pytest.raises(NotAllowed):
        take(desk, alert(1))
    with desk.transaction() as tx:
        tx.execute("DELETE FROM users WHERE user_id = ?", (ALERT_FEED,))
    with pytest.raises(DatabaseMissing, match=f"{RUN} init"):
        take(desk, alert(1))


# --- at the terminal ---


def test_open_reads_a_file_or_standard_input(
    terminal: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_bytes(encoded(alert(1), alert(2)))
    assert main(["open", str(file)]) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(encoded(alert(2), alert(3)))))
    assert main(["open", "-"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 cases opened, 0 alerts joined to an open case, 0 known, 0 refused.",
        "1 case opened, 0 alerts joined to an open case, 1 known, 0 refused.",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_open_reads_a_pipe(terminal: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(encoded(alert(1))))
    writer.start()
    assert main(["open", str(pipe)]) == 0
    writer.join()
    assert capsys.readouterr().out == "1 case opened, 0 alerts joined to an open case, 0 known, 0 refused.\n"


def test_open_lists_twenty_bad_lines_and_counts_the_others(
    terminal: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_bytes(encoded(alert(1), *[b"{}"] * 25))
    assert main(["open", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == "0 cases opened, 0 alerts joined to an open case, 0 known, 25 refused.\n"
    *lines, more, last = err.splitlines()
    assert [re.findall(r", line (\d+): The alert lacks alert_id", line) for line in lines] == [
        [str(number)] for number in range(2, 22)
    ]
    assert (more, last[:19]) == (f"{file}: 5 more lines like these", "Nothing was stored.")
    assert main(["open", str(file), "--skip-bad"]) == 1
    assert capsys.readouterr().out == "1 case opened, 0 alerts joined to an open case, 0 known, 25 refused.\n"


def test_open_says_that_an_alert_changed(
    terminal: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "feed.jsonl"
    for amount, status in (("1.00", 0), ("2.00", 1)):
        file.write_bytes(encoded(alert(1, amount=amount)))
        assert main(["open", str(file)]) == status
    case, _ = stored(terminal)["TM-1"]
    assert f"Alert 'TM-1' of {case.case_id} told other facts before" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none.jsonl", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_a_sentence_and_status_2(
    terminal: Database, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", str(tmp_path / name)]) == 2
    assert printable(name.strip(".")) in capsys.readouterr().err
