"""The data set: the same bytes everywhere, whole chains, plausible people, and evidence that shows its typology."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import chain, evidence, filing, gaps, policy, sampling, sar_track
from app.exports import sarx
from app.exports.filer import DEMO_FILER
from app.models import ALERT_FEED, CASE_COLUMNS, CASE_ID, COLUMNS, EVENT_COLUMNS, Event, Role
from seed import book as making
from seed import generate as generating
from seed.__main__ import DEMO_CASES, DEMO_SEED
from seed.book import Book, Cut
from seed.draw import DAY, EASTERN, Draw, business_days, is_business_day
from seed.generate import FILES, generate
from seed.names import Cast
from seed.people import CARD_NETWORK, EMPLOYERS, LEAVER, SOCIAL_SECURITY, USERS
from seed.typologies import TYPOLOGIES
from seed.typologies.base import Scene, fill
from seed.words import ANY_CASE

AS_OF = date(2026, 1, 31)
END = datetime(2026, 1, 31, tzinfo=UTC)
GOLDEN = {
    "users.csv": "b9cd6518c2ffb6df17e17788293f4c224dc320e60bed8ab1d14dd24b434b412d",
    "cases.csv": "02e29de20a0a57cf2aed4ecadc06079fdb488b0a51295305faefcc520d86cb4a",
    "case_events.csv": "3c0f2d26e27af9ca09fa475dd5120ed0d49613fc544838d66ab3ebb644212bac",
    "case_keys.csv": "b5b3940fe4ba19f3ca42ad2c35666e7e8ce593c0786111a95c044cfdf6750092",
}
"""SHA-256 of `python -m seed generate --cases 25 --seed 7 --as-of 2026-01-31`."""

ROLES = {user.user_id: user.role for user in USERS}


def quiet(_done: int, _total: int) -> None:
    pass


def make(folder: Path, cases: int, seed: int = 7) -> dict[str, bytes]:
    generate(folder, cases, seed, AS_OF, quiet)
    return {name: (folder / name).read_bytes() for name in FILES}


@dataclass
class Told:
    """One case as the files tell it."""

    row: dict[str, Any]
    events: list[Event]

    @property
    def opening(self) -> dict[str, Any]:
        return chain.read_meta(self.events[0])

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """What each alert tells, the oldest first."""
        return [chain.read_meta(event) for event in self.events if event.action in ("open", "alert")]

    @property
    def transactions(self) -> list[dict[str, str]]:
        """Those of all alerts."""
        rows = {row["id"]: row for alert in self.alerts for row in alert["transactions"]}
        return sorted(rows.values(), key=lambda row: row["time"])

    @property
    def fired(self) -> list[dict[str, str]]:
        """Those that made the rule fire."""
        named = {one for alert in self.alerts for one in alert["triggered_by"]}
        return [row for row in self.transactions if row["id"] in named]


def read_time(cell: str) -> str | None:
    return f"{cell[:10]}T{cell[11:]}Z" if cell else None


def read(files: dict[str, bytes]) -> list[Told]:
    """The cases as `chain.verify` wants them: the inverse of what BULK INSERT is given."""
    told: dict[str, Told] = {}
    for record in csv.DictReader(io.StringIO(files["cases.csv"].decode(), newline="")):
        row: dict[str, Any] = dict(record)
        for column in COLUMNS:
            cell = record[column.name]
            if column.holds is datetime:
                row[column.name] = read_time(cell)
            elif column.holds is int:
                row[column.name] = int(cell)
            elif column.nullable:
                row[column.name] = cell or None
        told[record["case_id"]] = Told(row, [])
    for record in csv.DictReader(io.StringIO(files["case_events.csv"].decode(), newline="")):
        fields = {**record, "ts": read_time(record["ts"]), "event_id": int(record["event_id"])}
        told[record["case_id"]].events.append(Event(**fields))  # type: ignore[arg-type]
    return list(told.values())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make(tmp_path_factory.mktemp("seed"), 400)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(7, AS_OF)


@pytest.fixture(scope="module")
def cases(files: dict[str, bytes]) -> list[Told]:
    return read(files)


# The files


def test_golden_bytes(tmp_path: Path) -> None:
    files = make(tmp_path, 25)
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == GOLDEN


def test_another_seed_is_another_bank_with_the_same_desk(tmp_path: Path) -> None:
    one, other = make(tmp_path / "7", 25), make(tmp_path / "8", 25, seed=8)
    assert one["users.csv"] == other["users.csv"]
    ids = [{told.row["case_id"] for told in read(files)} for files in (one, other)]
    assert not ids[0] & ids[1]


def test_a_case_does_not_depend_on_how_many_there_are(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in make(tmp_path, 25).items():
        assert files[name].startswith(content)


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_make_the_same_bytes_however_many_there_are(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(generating, "CHUNK", 70)
    monkeypatch.setattr(generating, "WORKERS", workers)
    told: list[tuple[int, int]] = []
    generate(tmp_path, 400, 7, AS_OF, lambda done, total: told.append((done, total)))
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == files
    assert told == [(done, 400) for done in (70, 140, 210, 280, 350, 400)]


def test_lines_are_those_of_the_csv_module(files: dict[str, bytes]) -> None:
    headers = (generating.USER_COLUMNS, CASE_COLUMNS, EVENT_COLUMNS, generating.KEY_COLUMNS)
    for name, columns in zip(FILES, headers, strict=True):
        text = files[name].decode()
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert tuple(rows[0]) == columns
        again = io.StringIO(newline="")
        csv.writer(again, lineterminator="\n").writerows(rows)
        assert again.getvalue() == text


def test_events_are_numbered_and_grouped_like_the_cases(files: dict[str, bytes]) -> None:
    events = list(csv.DictReader(io.StringIO(files["case_events.csv"].decode(), newline="")))
    assert [int(event["event_id"]) for event in events] == list(range(1, len(events) + 1))
    rows = csv.DictReader(io.StringIO(files["cases.csv"].decode(), newline=""))
    ids = [row["case_id"] for row in rows]
    assert list(dict.fromkeys(event["case_id"] for event in events)) == ids
    keys = csv.DictReader(io.StringIO(files["case_keys.csv"].decode(), newline=""))
    assert list(dict.fromkeys(key["case_id"] for key in keys)) == ids


def test_a_half_written_folder_is_not_mistaken_for_a_whole_one(tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    before = make(tmp_path, 3)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, 25, 8, AS_OF, stop)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_ids_do_not_repeat(book: Book) -> None:
    ids = [book.case_id(number) for number in range(1, 20_001)]
    assert len(set(ids)) == len(ids)
    assert all(CASE_ID.fullmatch(case_id) for case_id in ids)
    sampled = sum(sampling.is_sampled(sampling.qa_bucket(case_id)) for case_id in ids)
    assert 1_850 < sampled < 2_150


# The casework


def test_every_case_verifies(cases: list[Told]) -> None:
    for told in cases:
        assert chain.verify(told.row["case_id"], told.events, told.row) == []


def test_all_states_are_there_in_sane_shares(cases: list[Told]) -> None:
    states = Counter((told.row["status"], told.row["disposition"]) for told in cases)
    share = {state: count / len(cases) for state, count in states.items()}
    assert 0.03 < share["New", ""] < 0.12
    assert 0.08 < share["In Review", ""] < 0.20
    assert 0.005 < share["In Review", "Escalate"] < 0.06
    closed = share["Closed", "SAR"] + share["Closed", "No SAR"]
    assert 0.70 < closed < 0.85
    assert 0.30 < share["Closed", "SAR"] / closed < 0.45
    late = sum(told.row["due_at"] < chain.format_ts(END) for told in cases if told.row["status"] != "Closed")
    assert 0.02 < late / (len(cases) * (1 - closed)) < 0.16
    assert {event.action for told in cases for event in told.events} >= {"open", "assign", "note", "disposition"}
    assert any('"suspect":"unknown"' in event.meta for told in cases for event in told.events)


def test_qa_reviews_the_sample_and_fails_some(book: Book) -> None:
    sampled = [n for n in range(1, 6_000) if sampling.is_sampled(sampling.qa_bucket(book.case_id(n)))]
    told = [book.case(number) for number in sampled[:400]]
    closed = [case for case, _ in told if case.status == "Closed"]
    reviewed = Counter(case.qa_result.value for case in closed)
    assert 0.08 < reviewed[""] / len(closed) < 0.35
    verdicts = Counter(event.action for _, events in told for event in events)
    assert 0.05 < verdicts["qa_fail"] / (verdicts["qa_pass"] + verdicts["qa_fail"]) < 0.22
    assert verdicts["reopen"]
    for _, events in told:
        for position, event in enumerate(events):
            if event.action in ("qa_pass", "qa_fail"):
                assert event.user not in policy.involved_in(events[:position])
                assert event.notes or event.action == "qa_pass"


# The SAR's way to FinCEN


def sars(cases: list[Told]) -> list[Told]:
    return [told for told in cases if (told.row["status"], told.row["disposition"]) == ("Closed", "SAR")]


def of(told: Told, *actions: str) -> list[Event]:
    return [event for event in told.events if event.action in actions]


def day(cell: str) -> date:
    return chain.parse_ts(cell).date()


def test_reports_stand_at_every_step_in_sane_shares(cases: list[Told]) -> None:
    found = [told for told in sars(cases) if of(told, "sar_draft") or told.row["filing"] == "To draft"]
    states = Counter(told.row["filing"] for told in found)
    share = {state: count / len(found) for state, count in states.items()}
    assert set(share) == {"To draft", "To approve", "To file", "Filed"}
    assert 0.7 < share["Filed"] < 0.97
    assert all(share[state] < 0.15 for state in ("To draft", "To approve", "To file"))
    filed = [told for told in found if told.row["filing"] == "Filed"]
    assert 0.8 < sum(told.row["bsa_id"] != "" for told in filed) / len(filed) < 1
    steps = Counter(event.action for told in found for event in told.events)
    assert 0.05 < steps["sar_return"] / steps["sar_draft"] < 0.25
    assert 0 < steps["sar_reject"] <= 0.08 * steps["sar_file"]
    assert 0 < steps["sar_amend"] <= 0.08 * steps["sar_file"]
    assert all(told.row["filing"] == "" for told in cases if told not in sars(cases))


@pytest.mark.parametrize("as_of", [date(2025, 12, 24), AS_OF, date(2026, 5, 31), date(2026, 11, 28)])
def test_the_demo_has_a_report_for_whatever_a_demo_shows(as_of: date) -> None:
    """Of its 500 cases, whatever day it is made on."""
    demo, end = Book(DEMO_SEED, as_of), datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    shown: Counter[str] = Counter()
    for case, events in map(demo.case, range(1, DEMO_CASES + 1)):
        shown[case.filing.value] += 1
        shown.update({event.action for event in events})
        if case.sar_due_at and case.filed_at:
            shown["filed late"] += case.filed_at > case.sar_due_at
        elif case.sar_due_at and case.filing:
            shown["late"] += case.sar_due_at < end
            shown["due in 7 days"] += timedelta(0) <= case.sar_due_at - end <= timedelta(days=7)
    needed = {"To draft", "To approve", "To file", "Filed", "late", "due in 7 days", "filed late"}
    assert needed | {"sar_return", "sar_reject", "sar_amend"} <= {what for what, count in shown.items() if count}


def test_no_report_was_approved_or_returned_by_who_decided_or_drafted_it(cases: list[Told]) -> None:
    judged = 0
    for told in sars(cases):
        for place, event in enumerate(told.events):
            if event.action in ("sar_approve", "sar_return"):
                before = told.events[:place]
                own = {one.user for one in before if one.action == "sar_draft" or policy.has_sar_decision([one])}
                assert event.user not in own
                judged += 1
    assert judged


def test_reports_are_filed_on_business_days_in_time_or_with_a_reason(cases: list[Told]) -> None:
    late = 0
    for told in sars(cases):
        approved = date.min
        for event in of(told, "sar_approve", "sar_file"):
            if event.action == "sar_approve":
                approved = chain.parse_ts(event.ts).astimezone(EASTERN).date()
                continue
            meta = chain.read_meta(event)
            filed = date.fromisoformat(meta["day"]) if "day" in meta else day(meta["filed_at"][1])
            assert is_business_day(filed)
            assert approved <= filed == chain.parse_ts(event.ts).astimezone(EASTERN).date()
            is_late = "filed_at" in meta and filed > day(told.row["sar_due_at"])
            assert bool(meta.get("late_because")) is is_late
            late += is_late
    assert late


def test_the_deadline_of_a_report_runs_from_the_first_decision_or_the_later_day_is_accounted_for(book: Book) -> None:
    reopened = 0
    for case, events in map(book.case, range(1, 1_500)):
        decided = [event for event in events if policy.has_sar_decision([event])]
        if len(decided) > 1 and case.determined_at:
            first = chain.read_meta(decided[0])["determined_at"][1]
            assert (chain.format_ts(case.determined_at) > first) is ("later_because" in chain.read_meta(decided[-1]))
            reopened += 1
    assert reopened


def test_each_report_is_whole_and_reads_as_one_ought_to(cases: list[Told]) -> None:
    kept, ids = {told.row["case_id"]: evidence.read(told.events) for told in cases}, []
    for told in sars(cases):
        suspect_known = policy.suspect_known(told.events)
        ids += [chain.read_meta(event)["bsa_id"][1] for event in of(told, "sar_acknowledge")]
        for event in of(told, "sar_draft"):
            draft = filing.read(chain.read_meta(event)["sar"], event.notes)
            assert draft
            report = sarx.Report(told.row["case_id"], chain.parse_ts(event.ts).date())
            assert sarx.missing(draft, DEMO_FILER, report) == []
            assert gaps.narrative_faults(draft.narrative) == []
            assert any(item.counterparty in draft.narrative for item in filing.items(kept[report.case_id]))
            if not suspect_known:
                assert not filing.contradiction(draft, suspect_known)
    assert len(set(ids)) == len(ids) > 80
    assert all(gaps.is_bsa_id(bsa_id) for bsa_id in ids)


def test_a_file_that_was_sent_is_the_one_of_the_approved_draft(cases: list[Told]) -> None:
    sent = 0
    for told in sars(cases):
        for place, event in enumerate(told.events):
            if event.action != "sar_file" or "export" not in chain.read_meta(event):
                continue
            before = told.events[:place]
            (export,) = (one for one in before if one.event_hash == chain.read_meta(event)["export"])
            newest = sar_track.newest_draft(before)
            assert newest
            report = sarx.Report(told.row["case_id"], chain.parse_ts(export.ts).astimezone(EASTERN).date())
            content = sarx.render(newest[1], DEMO_FILER, report)
            assert list(chain.read_meta(export)["files"].values()) == [hashlib.sha256(content).hexdigest()]
            sent += 1
    assert sent


def test_roles_and_hours_are_kept(cases: list[Told]) -> None:
    acting = {
        "assign": {Role.ANALYST, Role.MANAGER},
        "disposition": {Role.ANALYST, Role.MANAGER},
        "qa_pass": {Role.QA, Role.MANAGER},
        "qa_fail": {Role.QA, Role.MANAGER},
        "reopen": {Role.MANAGER},
        "sar_approve": {Role.MANAGER},
        "sar_return": {Role.MANAGER},
        "view": set(Role),
    }
    for told in cases:
        assert [event.user for event in told.events if event.action == "open"] == [ALERT_FEED]
        opened = chain.parse_ts(told.events[0].ts)
        assert opened.weekday() in range(1, 6)
        assert 6 <= opened.hour < 10
        assert all(6 <= chain.parse_ts(event.ts).hour < 10 for event in of(told, "alert"))
        assert timedelta(0) < END - opened < timedelta(days=181)
        last = opened
        for event in told.events[1:]:
            moment = chain.parse_ts(event.ts)
            assert last + timedelta(minutes=1) < moment <= END
            if event.action == "alert":
                assert event.user == ALERT_FEED
                last = moment
                continue
            assert moment.weekday() < 6
            assert 13 <= moment.hour < 24
            assert ROLES[event.user] in acting.get(event.action, {Role.ANALYST, Role.MANAGER})
            last = moment


def test_whoever_acted_on_a_case_with_a_sar_decision_had_opened_it_that_day(cases: list[Told]) -> None:
    views = 0
    for told in cases:
        for place, event in enumerate(told.events):
            is_first_look = policy.view_to_record(event.user, told.events[:place], chain.parse_ts(event.ts))
            assert is_first_look is (event.action == "view")
            views += is_first_look
    assert views


def test_the_leaver_worked_and_left_nothing_open(book: Book, cases: list[Told]) -> None:
    left = book._span.left
    acted = [event for told in cases for event in told.events if event.user == LEAVER.user_id]
    assert acted
    assert all(chain.parse_ts(event.ts) <= left for event in acted)
    owned = [told.row["status"] for told in cases if told.row["owner"] == LEAVER.user_id]
    assert set(owned) == {"Closed"}


def test_customers_come_back(cases: list[Told]) -> None:
    customers: dict[str, list[Told]] = defaultdict(list)
    for told in cases:
        customers[told.row["customer_id"]].append(told)
    again = [group for group in customers.values() if len(group) > 1]
    assert 0.05 < len(again) / len(customers) < 0.20
    for group in again:
        assert len({told.row["customer_name"] for told in group}) == 1
        assert len({json.dumps(told.opening["customer"]) for told in group}) == 1


# The evidence


def cents(row: dict[str, str]) -> int:
    return int(Decimal(row["amount"]) * 100)


def moment(row: dict[str, str]) -> datetime:
    return chain.parse_ts(row["time"])


Rows = list[dict[str, str]]


def in_and_out(rows: Rows) -> tuple[Rows, Rows]:
    return [r for r in rows if r["direction"] == "in"], [r for r in rows if r["direction"] == "out"]


def split(told: Told) -> tuple[Rows, Rows]:
    """The transactions that made the rule fire."""
    return in_and_out(told.fired)


def total(rows: list[dict[str, str]]) -> int:
    return sum(map(cents, rows))


ORDINARY = {CARD_NETWORK.name, SOCIAL_SECURITY.name, *(employer.name for employer in EMPLOYERS.values())}


def counted_once(typology: str, rows: Rows) -> int:
    """Cents of the activity: the larger of in and out, without money that the ledger has twice, and ordinary life."""
    paid_in, paid_out = in_and_out([row for row in rows if row["counterparty"] not in ORDINARY])
    if typology == "Shell company layering":
        hop = ("Holdings LLC", "Ventures LLC", "Capital LLC")
        return total([row for row in paid_in if not row["counterparty"].endswith(hop)])
    if typology == "Check fraud":
        return total(paid_in)
    return max(total(paid_in), total(paid_out))


def test_transactions_add_up_inside_the_window(cases: list[Told]) -> None:
    for told in cases:
        opening, rows = told.opening, told.transactions
        assert 3 <= len(rows) <= 40
        assert 1 <= len(told.fired) <= 35
        assert counted_once(told.row["typology"], rows) == cents(told.row)
        assert all(Decimal(row["amount"]) > 0 for row in rows)
        for alert in told.alerts:
            seen, window = alert["transactions"], alert["window"]
            assert seen == sorted(seen, key=moment)
            assert all(window["from"] <= row["time"][:10] <= window["to"] for row in seen)
        assert opening["window"]["to"] < told.row["opened_at"][:10]
        assert opening["customer"]["since"] < rows[0]["time"][:10]
        assert {len(row["country"]) for row in rows} == {2}
        low, high = {"Low": (0, 39), "Medium": (40, 69), "High": (70, 100)}[told.row["risk"]]
        assert low <= told.row["risk_score"] <= high
        for row in rows:
            if row["channel"] in ("cash", "night drop", "wire", "ACH", "check", "cashier's check", "check return"):
                assert is_business_day(moment(row).date()), row


def structuring(told: Told) -> None:
    paid_in, _ = split(told)
    assert {row["channel"] for row in told.fired} == {"cash"}
    assert all(7_500_00 <= cents(row) < 10_000_00 for row in paid_in)
    assert len({row["time"][:10] for row in paid_in}) == len(paid_in) >= 6


def pass_through(told: Told) -> None:
    paid_in, paid_out = split(told)
    assert 85 <= 100 * total(paid_out) / total(paid_in) <= 98
    for row in paid_in:
        if moment(row).astimezone(EASTERN).hour >= 16:  # near the bank's closing it goes out on the next day
            continue
        following = [r for r in paid_out if timedelta(0) < moment(r) - moment(row) <= timedelta(hours=48)]
        assert total(following) >= 0.85 * cents(row)


def funnel(told: Told) -> None:
    paid_in, paid_out = split(told)
    assert all(row["channel"] == "cash" and 1_500_00 <= cents(row) <= 9_500_00 for row in paid_in)
    states = Counter(row["place"][-2:] for row in paid_in)
    assert len(states) >= 3
    assert len({row["counterparty"] for row in paid_in}) >= 3
    home = told.opening["alert"].partition("domiciled in ")[2] or told.opening["alert"].partition("drawn in ")[2][:2]
    assert not states[home]
    paid_in = [row for row in told.transactions if row["channel"] == "cash" and row["direction"] == "in"]
    last_in = timedelta(hours=72)
    assert all(any(timedelta(0) < moment(o) - moment(i) <= last_in for i in paid_in) for o in paid_out)


def mule(told: Told) -> None:
    paid_in, paid_out = split(told)
    assert len({row["counterparty"] for row in paid_in}) >= 3
    assert 87 <= 100 * total(paid_out) / total(paid_in) <= 96
    day = timedelta(hours=24)
    assert all(any(timedelta(0) < moment(o) - moment(i) <= day for i in paid_in) for o in paid_out)


def trade(told: Told) -> None:
    paid_in, paid_out = split(told)
    assert len(paid_out) >= 3
    paid_in, paid_out = in_and_out([row for row in told.transactions if row["counterparty"] not in ORDINARY])
    assert 6 <= len(paid_out) <= 14
    assert all(row["country"] != "US" for row in paid_out)
    assert 100 <= 100 * total(paid_in) / total(paid_out) <= 110


def layering(told: Told) -> None:
    assert {row["channel"] for row in told.fired} == {"wire"}
    inside = {row["counterparty"] for row in told.transactions if row["counterparty"].endswith("LLC")}
    assert len(inside) >= 3


def trafficking(told: Told) -> None:
    paid_in, paid_out = in_and_out([row for row in told.transactions if row["counterparty"] not in ORDINARY])
    night = [row for row in paid_in if 2 <= moment(row).hour < 10]
    assert len(night) >= 0.6 * len(paid_in)
    assert all(cents(row) <= 2_900_00 for row in paid_out)


def elder(told: Told) -> None:
    _, paid_out = split(told)
    assert 3 <= len(paid_out) <= 10
    assert [cents(row) for row in paid_out] == sorted(cents(row) for row in paid_out)


def crypto(told: Told) -> None:
    paid_in, paid_out = split(told)
    into, hours = ("VASP", 24) if paid_out[0]["channel"] == "VASP" else ("wire", 48)
    assert {row["channel"] for row in paid_out} == {into}
    assert 85 <= 100 * total(paid_out) / total(paid_in) <= 99
    for row in paid_out:
        assert any(timedelta(0) < moment(row) - moment(i) <= timedelta(hours=hours) for i in paid_in)


def dormant(told: Told) -> None:
    paid_in, paid_out = split(told)
    assert 79 <= 100 * total(paid_out) / total(paid_in) <= 97
    last = moment(paid_in[-1]).date()
    assert all(1 <= len(business_days(last, moment(row).date())) - 1 <= 5 for row in paid_out)


def sanctions(told: Told) -> None:
    paid_in, _ = split(told)
    assert 4 <= len(paid_in) <= 12
    assert len({row["country"] for row in paid_in} - {"US"}) >= 2


def cash_business(told: Told) -> None:
    paid_in, paid_out = split(told)
    expected = 3 * Decimal(told.opening["customer"]["expected_monthly"]) * 100
    assert Decimal("1.9") <= total(paid_in) / expected <= Decimal("4")
    _, paid_out = in_and_out([row for row in told.transactions if row["counterparty"] not in ORDINARY])
    assert 0.04 <= total(paid_out) / total(paid_in) <= 0.16


def check_fraud(told: Told) -> None:
    paid_in, paid_out = in_and_out([row for row in told.transactions if row["counterparty"] not in ORDINARY])
    back = [row for row in paid_out if row["channel"] == "check return"]
    deposits = Counter((row["counterparty"], row["amount"]) for row in paid_in)
    assert not Counter((row["counterparty"], row["amount"]) for row in back) - deposits
    assert total(paid_out) - total(back) <= 0.97 * total(paid_in)


PATTERNS: dict[str, Callable[[Told], None]] = {
    "Structuring": structuring,
    "Rapid movement of funds": pass_through,
    "Funnel account": funnel,
    "Money mule": mule,
    "Trade-based laundering": trade,
    "Shell company layering": layering,
    "Human trafficking": trafficking,
    "Elder exploitation": elder,
    "Crypto on/off-ramp": crypto,
    "Dormant account reactivated": dormant,
    "Sanctions evasion": sanctions,
    "Cash-intensive business": cash_business,
    "Check fraud": check_fraud,
}


@pytest.mark.parametrize("typology", PATTERNS)
def test_the_transactions_show_the_pattern(cases: list[Told], typology: str) -> None:
    shown = [told for told in cases if told.row["typology"] == typology]
    assert shown
    for told in shown:
        PATTERNS[typology](told)


def test_every_typology_has_a_pattern_and_the_weights_are_whole() -> None:
    assert {typology.words.name for typology in TYPOLOGIES} == set(PATTERNS)
    assert sum(typology.weight for typology in TYPOLOGIES) == 100


# The words


@pytest.mark.parametrize("typology", TYPOLOGIES, ids=lambda typology: typology.make.__name__)
def test_every_text_can_be_filled(book: Book, typology: Any) -> None:
    draw = Draw(typology.words.name)
    for number, profile in enumerate(typology.words.profiles):
        for explained in (False, True):
            cast, last = Cast(book._names, 1_000 + number), date(2025, 9, 1)
            customer = book._customer(draw, cast, number, typology, last)
            scene = Scene(draw, cast, customer, last - timedelta(days=typology.look_back - 1), last, explained)
            typology.make(scene)
            slots = making._slots(scene, Cut(last + DAY, scene.first, last, scene.ledger), typology)
            findings = profile.explained if explained else typology.words.concerns
            assert scene.slots.keys() == typology.slots
            assert slots.keys() == typology.slots | ANY_CASE
            words = typology.words
            texts = [*words.alerts, *words.early, *words.checks, *words.escalations, *words.passes, *words.misses]
            texts += [text for finding in findings for text in (finding.note, finding.rationale)]
            for text in texts:
                filled = fill(text, slots)
                assert "{" not in filled
                assert len(filled) > 20


def test_texts_are_of_many_scripts_and_lines(files: dict[str, bytes], cases: list[Told]) -> None:
    names = "".join(told.row["customer_name"] for told in cases)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in names)
    assert any("\u0400" <= letter <= "\u04ff" for letter in names)
    assert any("\u0590" <= letter <= "\u06ff" for letter in names)
    notes = [event.notes for told in cases for event in told.events]
    assert any("\n" in note for note in notes)
    assert any("“" in note for note in notes)
    assert b"\r" not in files["case_events.csv"]
    assert not files["cases.csv"].startswith(b"\xef\xbb\xbf")


def test_nothing_pronounces_guilt_or_tips_off(cases: list[Told]) -> None:
    for told in cases:
        for event in told.events:
            words = event.notes.lower()
            assert not any(verdict in words for verdict in ("guilty", "criminal", "is a launderer", "committed"))
            if words.startswith(("rfi to", "asked", "called", "left")):
                assert "sar" not in words.split()
                assert "suspicious" not in words
