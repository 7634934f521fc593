"""The data set: users, cases and events as CSV files, the same bytes for the same arguments on every machine.

Each case is made from a random generator of its own, keyed by the seed and its number, so it does not depend on
how many there are besides it, nor on which process makes it.
"""

from __future__ import annotations

import gc
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from app import chain, files
from app.models import ALERT_FEED, CASE_COLUMNS, CROCKFORD, EVENT_COLUMNS, Case, Disposition, Event
from app.new_case import new_case
from seed.draw import DAY, Draw, business_day_after, midnight
from seed.people import BRANCHES, USERS, Names
from seed.story import Ending, Span, Story
from seed.typologies import RISKS, SCORES, TYPOLOGIES, WEIGHTS, Customer, Scene, Typology
from seed.typologies.base import MONTHS, counted, date_text, fill, money, percent, times

FILES = ("users.csv", "cases.csv", "case_events.csv")
USER_COLUMNS = ("user_id", "name", "role", "active")

PERIOD = 178
"""Days back from the end in which alerts were born."""

RETURNING = 0.20
LATER = 20
"""Share of cases that look for an earlier case's customer, which has to be so many alert nights older."""

ESCALATED_SAR, KEPT_SAR = 0.5, 0.9
"""How many escalated cases end with a SAR, and what is left of a typology's own odds for the others."""

CHUNK = 500
"""Cases that are made in one go; where there are more than a few such chunks, a process a core shares them."""

WORKERS = min(os.cpu_count() or 2, 16)

Chunk = tuple[int, int]
Lines = tuple[list[str], list[str]]
"""Lines of cases.csv and of case_events.csv, the latter without their event_id."""


def generate(out: Path, cases: int, seed: int, as_of: date, progress: Callable[[int, int], None]) -> dict[str, int]:
    """Write the three files into the folder `out` (made if it is missing) and return their row counts.

    Everything in them lies before `as_of`, in the 180 days before that day began (UTC). `progress` is told
    how many of the cases are done. The files get their names at the very end, `users.csv` last. Raises OSError.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = events = 0
    with ExitStack() as stack:
        drafts = [stack.enter_context(files.draft(out / name)) for name in FILES]
        users_csv, cases_csv, events_csv = (draft.out for draft in drafts)
        users_csv.write(_line(USER_COLUMNS).encode())
        for user in USERS:
            users_csv.write(_line((user.user_id, user.name, user.role.value, str(int(user.active)))).encode())
        cases_csv.write(_line(CASE_COLUMNS).encode())
        events_csv.write(_line(EVENT_COLUMNS).encode())
        for case_lines, event_lines in _in_order(cases, seed, as_of):
            cases_csv.writelines(line.encode() for line in case_lines)
            events_csv.writelines(
                f"{event_id},{line}".encode() for event_id, line in enumerate(event_lines, start=events + 1)
            )
            done += len(case_lines)
            events += len(event_lines)
            progress(done, cases)
        for draft in drafts:
            draft.seal()
        for draft in drafts:
            draft.target.unlink(missing_ok=True)
        for draft in reversed(drafts):
            draft.place()
    return {"users.csv": len(USERS), "cases.csv": cases, "case_events.csv": events}


def _in_order(cases: int, seed: int, as_of: date) -> Iterator[Lines]:
    """The lines of all cases, chunk by chunk. At most two chunks a process are ahead, so memory stays flat.

    They do without the garbage collector: nothing here refers to itself, and it would take a sixth of the time.
    """
    chunks = [(first, min(first + CHUNK, cases + 1)) for first in range(1, cases + 1, CHUNK)]
    if len(chunks) <= 4:
        yield from (_lines(seed, as_of, chunk) for chunk in chunks)
        return
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        ahead: deque[Future[Lines]] = deque()
        for chunk in chunks:
            ahead.append(pool.submit(_lines, seed, as_of, chunk))
            if len(ahead) > 2 * WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _lines(seed: int, as_of: date, chunk: Chunk) -> Lines:
    book = _book(seed, as_of)
    cases: list[str] = []
    events: list[str] = []
    for number in range(*chunk):
        case, history = book.case(number)
        cases.append(_line(_cell(getattr(case, column)) for column in CASE_COLUMNS))
        events += (
            f"{e.case_id},{_time_cell(e.ts)},{e.user},{e.action},{_quoted(e.notes)},{_quoted(e.meta)},"
            f"{e.prev_hash},{e.event_hash}\n"
            for e in history
        )
    return cases, events


@lru_cache(maxsize=1)
def _book(seed: int, as_of: date) -> Book:
    return Book(seed, as_of)


class Origin(NamedTuple):
    draw: Draw
    back: int
    """How many numbers back the case looks for a customer; 0 where it does not."""
    typology: Typology
    night: int
    """The alert night it was born in, 0 being the last one."""
    customer: Customer


class Book:
    """Everything that cases have in common: names, the calendar of alert nights, ids."""

    def __init__(self, seed: int, as_of: date) -> None:
        self._seed, self._names = seed, Names(seed)
        days = (as_of - number * DAY for number in range(1, PERIOD + 1))
        self._nights = [day for day in days if 1 <= day.weekday() <= 5]
        left = midnight(business_day_after(as_of - 66 * DAY)) + timedelta(hours=20)
        self._span = Span(end=midnight(as_of), left=left)
        ids = Draw(f"{seed}:ids")
        self._keys = [ids.between(0, 0xFFFFFFFF) for _ in range(6)]
        self._first_customer = ids.between(0, 9_999_999)

    def case(self, number: int) -> tuple[Case, list[Event]]:
        """Case `number` and its events."""
        origin = self._origin(number)
        draw, typology, night, customer = origin.draw, origin.typology, origin.night, origin.customer
        if 0 < origin.back < number:
            first = self._origin(number - origin.back)
            if not first.back and first.night >= LATER and first.typology.again:
                typology, customer = first.typology, first.customer
                night = draw.between(0, first.night - LATER)
        born = self._nights[night]
        ending = _ending(draw, typology, customer)
        scene = Scene(
            draw=draw,
            names=self._names,
            customer=customer,
            first=born - typology.look_back * DAY,
            last=born - DAY,
            explained=ending.verdict is Disposition.NO_SAR,
        )
        typology.make(scene)
        slots = _slots(scene, typology)
        case, opened = self._open(number, born, scene, typology, slots)
        bsa_ids = (self.bsa_id(2 * number + time) for time in count())
        story = Story(draw, case, opened, typology, slots, ending, self._span, bsa_ids)
        story.tell()
        return story.case, story.events

    def _origin(self, number: int) -> Origin:
        """What a case is about when it stands alone: the first draws of its generator."""
        draw = Draw(f"{self._seed}:{number}")
        back = draw.between(1, 40) if draw.chance(RETURNING) else 0
        typology = draw.weighted(TYPOLOGIES, WEIGHTS)
        recent = draw.random()
        night = int(recent * (0.4 + 0.6 * recent) * len(self._nights))
        return Origin(draw, back, typology, night, self._customer(draw, number, typology, self._nights[night]))

    def _customer(self, draw: Draw, number: int, typology: Typology, born: date) -> Customer:
        profile = draw.pick(typology.words.profiles)
        person = self._names.person(draw)
        first, *others = draw.pick(BRANCHES)
        shown, latin = person.shown, person.latin
        if profile.firms:
            shown = latin = fill(draw.pick(profile.firms), {"family": person.family, "first": latin.split()[0]})
        return Customer(
            customer_id=f"C-{(self._first_customer + 7_654_321 * number) % 10_000_000:08d}",
            shown=shown,
            latin=latin,
            family=person.family,
            contact=person.latin,
            profile=profile,
            account=f"****{draw.between(0, 9999):04d}",
            since=born - draw.between(*profile.held) * DAY,
            monthly=draw.dollars(*profile.monthly, 100),
            branches=(first, *others),
        )

    def _open(
        self, number: int, born: date, scene: Scene, typology: Typology, slots: dict[str, str]
    ) -> tuple[Case, Event]:
        draw, customer, ledger = scene.draw, scene.customer, scene.ledger
        risk = draw.weighted(RISKS, typology.risk)
        case_id = self.case_id(number)
        opened_at = draw.time(born, 2, 5) + timedelta(microseconds=draw.between(0, 999_999))
        kind = customer.profile.kind
        evidence: dict[str, Any] = {
            "alert": fill(draw.pick(typology.words.alerts), slots),
            "alert_id": f"AL-{born:%Y%m%d}-{number:04d}",
            "window": {"from": scene.first.isoformat(), "to": scene.last.isoformat()},
            "customer": {
                "kind": kind,
                "business" if kind == "Business" else "occupation": customer.profile.trade,
                "account": customer.account,
                "account_type": customer.profile.account_type,
                "since": customer.since.isoformat(),
                "expected_monthly": f"{customer.monthly // 100}.00",
            },
            "transactions": ledger.rows(),
        }
        case = new_case(
            case_id,
            customer_id=customer.customer_id,
            customer_name=customer.shown,
            typology=typology.words.name,
            risk=risk,
            risk_score=draw.between(*SCORES[risk]),
            amount=Decimal(scene.amount).scaleb(-2),
            currency="USD",
            opened_at=opened_at,
        )
        return chain.open_chain(case, ALERT_FEED, evidence)

    def bsa_id(self, number: int) -> str:
        """What FinCEN calls a report: 14 digits, no two of them equal below ten billion."""
        return f"3100{(self._first_customer + 7_654_321_987 * number) % 10_000_000_000:010d}"

    def case_id(self, number: int) -> str:
        """Looks drawn at random, yet no two are equal: a Feistel network permutes the 40-bit numbers."""
        left, right = number >> 20, number & 0xFFFFF
        for key in self._keys:
            mixed = (right * 0x9E3779B1 ^ key) * 0x85EBCA6B & 0xFFFFFFFF
            left, right = right, left ^ mixed >> 12
        code = left << 20 | right
        return "AML-" + "".join(CROCKFORD[code >> shift & 31] for shift in range(35, -1, -5))


def _ending(draw: Draw, typology: Typology, customer: Customer) -> Ending:
    """How the case comes out: a finding that gives reason to suspect, or one that explains the alert."""
    sar, no_sar, escalate = typology.odds
    escalated = draw.chance(escalate / 100)
    suspicious = draw.chance(ESCALATED_SAR if escalated else KEPT_SAR * sar / (sar + no_sar))
    if suspicious:
        return Ending(Disposition.SAR, draw.pick(typology.words.concerns), escalated)
    return Ending(Disposition.NO_SAR, draw.pick(customer.profile.explained), escalated)


def _slots(scene: Scene, typology: Typology) -> dict[str, str]:
    """What texts can say about any case, and what the typology's maker added."""
    customer, ledger = scene.customer, scene.ledger
    paid_in, paid_out = sum(ledger.paid_in), sum(ledger.paid_out)
    months = (scene.last - customer.since).days // 30
    trade = customer.profile.trade
    return {
        "full": customer.shown,
        "name": customer.latin,
        "who": customer.contact,
        "trade": trade[0].lower() + trade[1:],
        "since": f"{MONTHS[customer.since.month - 1]} {customer.since.year}",
        "held": counted(max(months, 1), "month") if months < 24 else counted(months // 12, "year"),
        "expected": money(customer.monthly),
        "ratio": times(30 * paid_in, typology.look_back * customer.monthly),
        "n": str(len(ledger.paid_in) + len(ledger.paid_out)),
        "n_in": str(len(ledger.paid_in)),
        "n_out": str(len(ledger.paid_out)),
        "credits": counted(len(ledger.paid_in), "credit"),
        "debits": counted(len(ledger.paid_out), "debit") if ledger.paid_out else "no debits",
        "amt": money(scene.amount),
        "gross": money(paid_in + paid_out),
        "amt_in": money(paid_in),
        "amt_out": money(paid_out),
        "pct_out": percent(paid_out, paid_in),
        "first": date_text(ledger.first),
        "last": date_text(ledger.last),
        "span": str((ledger.last - ledger.first).days + 1),
        "br": customer.branches[0].name,
        **scene.slots,
    }


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(cell: str) -> str:
    """A field as the csv module's QUOTE_MINIMAL writes it, which takes four times as long."""
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL(cell) else cell


_SPECIAL = re.compile('[",\n]').search


def _cell(value: object) -> str:
    """A value as `BULK INSERT` reads it: a space for the T of a time and no Z, nothing for NULL."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return _time_cell(chain.format_ts(value))
    return "" if value is None else str(chain.canonical(value))


def _time_cell(ts: str) -> str:
    return f"{ts[:10]} {ts[11:26]}"
