"""Each case of the data set by its number: its customer, their account's ledger, the alerts cut from it, its life.

Each case is made from a random generator of its own, keyed by the seed and its number. Where cases have to do with one
another, `seed.plan` says so, and the later one looks at what it needs of the earlier one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from app import chain, sar_track
from app.models import ALERT_FEED, CROCKFORD, Action, Case, Disposition, Event, Risk, Status
from app.new_case import new_case
from seed.course import Alert, Course, Ending, Prior, Span
from seed.draw import DAY, Draw, business_day_after, eastern, midnight
from seed.ledgers import ordinary
from seed.names import Cast, Names
from seed.people import BRANCHES, Party
from seed.plan import NOTHING, Part, Plan
from seed.story import Story
from seed.typologies import RISKS, SCORES, TYPOLOGIES, WEIGHTS, Customer, Scene, Typology
from seed.typologies.base import MONTHS, Feed, Ledger, counted, date_text, fill, money, percent, times

PERIOD = 178
"""Days back from the end in which alerts were born."""

FILINGS_KEPT = 166
"""Days back from the end until which the desk kept nothing of how a SAR was filed."""

ESCALATED_SAR, KEPT_SAR = 0.5, 0.9
"""How many escalated cases end with a SAR, and what is left of a typology's own odds for the others."""

JOINED = 0.2
"""In how many cases of a typology with early alerts one comes before the whole pattern shows."""
LEAD = range(3, 17)
"""Days by which an early alert comes before."""
OLD = 120
"""Days for which somebody has been a customer whom other customers pay, at least."""
FEW = 3
"""Transactions that make a rule fire early, at least."""


class Origin(NamedTuple):
    draw: Draw
    part: Part
    cast: Cast
    typology: Typology
    night: int
    """The alert night it was born in, 0 being the last one."""
    customer: Customer


class Cut(NamedTuple):
    """An alert before it is worded: the morning it comes on, the days it looks back on, what it sees of the ledger."""

    born: date
    first: date
    last: date
    ledger: Ledger

    @property
    def fired(self) -> int:
        """How many transactions make the rule fire."""
        return sum(entry.fires for entry in self.ledger.entries)


class Book:
    """Everything that cases have in common: names, the calendar of alert nights, ids."""

    def __init__(self, seed: int, as_of: date) -> None:
        self._seed, self._names = seed, Names(seed)
        days = (as_of - number * DAY for number in range(1, PERIOD + 1))
        self._nights = [day for day in days if 1 <= day.weekday() <= 5]
        self._plan = Plan(seed, self._names, len(self._nights))
        left = midnight(business_day_after(as_of - 66 * DAY)) + timedelta(hours=20)
        self._span = Span(end=midnight(as_of), left=left, filings_kept=midnight(as_of - FILINGS_KEPT * DAY))
        ids = Draw(f"{seed}:ids")
        self._keys = [ids.between(0, 0xFFFFFFFF) for _ in range(6)]
        self._first_customer = ids.between(0, 9_999_999)
        self.case = lru_cache(maxsize=64)(self._case)
        """Return the case of a number and its events; one of a customer who comes back looks at the earlier one."""

    def _case(self, number: int) -> tuple[Case, list[Event]]:
        origin, prior = self._returning(number, self._origin(number))
        draw, typology = origin.draw, origin.typology
        ending = _ending(origin)
        scene = self._scene(number, origin, ending)
        cuts = self._cuts(origin, scene)
        slots = _slots(scene, cuts[-1], typology)
        alerts = self._alerts(number, cuts, typology, scene, slots)
        case, opened = self._open(number, origin, alerts[0])
        usual = frozenset(entry.id for entry in scene.ledger.entries if not entry.is_activity)
        course = Course(alerts[1:], usual, origin.part.prompt, prior)
        bsa_ids = (self.bsa_id(2 * number + time) for time in count())
        story = Story(draw, case, opened, typology, slots, ending, self._span, bsa_ids, course)
        story.tell()
        return story.case, story.events

    def _origin(self, number: int) -> Origin:
        """What a case is about when its customer has no earlier one: the first draws of its generator."""
        draw, part, cast = Draw(f"{self._seed}:{number}"), self._plan.part(number), Cast(self._names, number)
        typology = draw.weighted(TYPOLOGIES, WEIGHTS)
        recent = draw.random()
        night = int(recent * (0.4 + 0.6 * recent) * len(self._nights))
        if part.typology:
            typology, night = part.typology, part.night
        born = self._nights[night]
        customer = self._customer(draw, cast, number, typology, born)
        if part.paid_by:  # for as long at least as those who pay them are looked at
            customer = replace(customer, since=min(customer.since, born - OLD * DAY))
        return Origin(draw, part, cast, typology, night, customer)

    def _customer(self, draw: Draw, cast: Cast, number: int, typology: Typology, born: date) -> Customer:
        profile = draw.pick(typology.words.profiles)
        first, *others = draw.pick(BRANCHES)
        person = cast.owner() if profile.firms else cast.person()
        shown, latin = person.shown, person.latin
        if profile.firms:
            shown = latin = fill(draw.pick(profile.firms), {"family": person.family, "first": latin.split()[0]})
        code = (self._first_customer + 7_654_321 * number) % 10_000_000
        return Customer(
            customer_id=f"C-{code:08d}",
            shown=shown,
            latin=latin,
            family=person.family,
            contact=person.latin,
            profile=profile,
            account=f"41{(self._first_customer + 76_543_217 * number) % 100_000_000:08d}",
            since=born - draw.between(*profile.held) * DAY,
            monthly=draw.dollars(*profile.monthly, 100),
            branches=(first, *others),
        )

    def _returning(self, number: int, origin: Origin) -> tuple[Origin, Prior | None]:
        """The case as one of an earlier one's customer, where it is planned to be and can be, and their report.

        As the desk has it, an alert opens a case where the customer has none open. It looks back on days that the
        earlier case's alerts have not seen.
        """
        part = origin.part
        if not part.back_to:
            return origin, None
        alone = origin._replace(part=replace(part, continues=False))
        first = self._origin(part.back_to)
        fresh = self._nights[first.night] + first.typology.look_back * DAY
        free = sum(day >= fresh for day in self._nights)
        if not free or not first.typology.again or (part.continues and part.night >= free):
            return alone, None
        night = part.night if part.continues else origin.draw.between(0, free - 1)
        born = eastern(self._nights[night], 0)
        case, events = self.case(part.back_to)
        if _is_open(case, events, born):
            return alone, None
        prior = _prior(events, born) if part.continues else None
        if part.continues and not prior:
            return alone, None
        return origin._replace(typology=first.typology, night=night, customer=first.customer), prior

    def _scene(self, number: int, origin: Origin, ending: Ending) -> Scene:
        """What happened on the account: the activity that the case is about, and the customer's ordinary life."""
        part, typology, customer = origin.part, origin.typology, origin.customer
        born = self._nights[origin.night]
        scene = Scene(
            draw=origin.draw,
            cast=origin.cast,
            customer=customer,
            first=born - typology.look_back * DAY,
            last=born - DAY,
            explained=ending.verdict is Disposition.NO_SAR,
            hubs=part.hubs or tuple(map(self._party, (part.pays,) if part.pays else ())),
        )
        scene.feeds = [feed for payer in part.paid_by for feed in self._feeds(payer, scene)]
        typology.make(scene)
        life = Draw(f"{self._seed}:{customer.customer_id}")
        scene.ledger.entries += ordinary(life, customer, typology, scene.first - LEAD.stop * DAY, scene.last)
        scene.ledger.seal(number)
        return scene

    def _party(self, number: int) -> Party:
        """The customer of a case, as others pay them."""
        customer = self._origin(number).customer
        return Party(customer.shown, customer.account)

    def _feeds(self, payer: int, hub: Scene) -> list[Feed]:
        """What the customer of another case pays to the hub's, in its look-back."""
        origin = self._origin(payer)
        scene = self._scene(payer, origin, _ending(origin))
        sender = Party(origin.customer.shown, origin.customer.account)
        return [
            Feed(entry.when, entry.cents, entry.channel, sender)
            for entry in scene.ledger.between(hub.first, hub.last).entries
            if entry.party.account == hub.customer.account
        ]

    def _cuts(self, origin: Origin, scene: Scene) -> list[Cut]:
        """The alerts on the ledger, the oldest first: the last one sees the whole pattern, those before it a part."""
        draw, born, look_back = origin.draw, self._nights[origin.night], origin.typology.look_back

        def cut(day: date) -> Cut:
            first, last = day - look_back * DAY, day - DAY
            return Cut(day, first, last, scene.ledger.between(first, last))

        whole = cut(born)
        if not origin.typology.words.early or origin.part is not NOTHING or not draw.chance(JOINED):
            return [whole]
        fired = whole.fired
        early = [cut(born - lead * DAY) for lead in LEAD if born - lead * DAY in self._nights]
        early = [each for each in early if max(FEW, 0.4 * fired) <= each.fired < fired]
        several = {each.fired: each for each in early}  # of those that see the same the earliest
        chosen = draw.some(sorted(several), draw.weighted((1, 2), (0.65, 0.35)))
        return [*(several[number] for number in chosen), whole]

    def _alerts(
        self, number: int, cuts: list[Cut], typology: Typology, scene: Scene, slots: dict[str, str]
    ) -> list[Alert]:
        """What is told of each, its risk and score never lower than those of the one before; the last fills `slots`."""
        draw, words = scene.draw, typology.words
        found: list[Alert] = []
        risk = draw.weighted(RISKS, typology.risk)
        score = draw.between(*SCORES[risk])
        for cut in reversed(cuts):
            whole = cut is cuts[-1]
            text = draw.pick(words.alerts if whole else words.early)
            evidence = {
                "alert": fill(text, slots if whole else _slots(scene, cut, typology)),
                "alert_id": f"AL-{cut.born:%Y%m%d}-{number:04d}",
                "window": {"from": cut.first.isoformat(), "to": cut.last.isoformat()},
                "customer": _told(scene.customer),
                "transactions": [entry.row for entry in cut.ledger.entries],
                "triggered_by": [entry.id for entry in cut.ledger.entries if entry.fires],
            }
            at = draw.time(cut.born, 2, 5) + timedelta(microseconds=draw.between(0, 999_999))
            found.insert(0, Alert(at, evidence, risk, score, Decimal(cut.ledger.amount).scaleb(-2)))
            if risk is not Risk.LOW and draw.chance(0.5):
                risk = RISKS[RISKS.index(risk) - 1]
            score = min(score, draw.between(*SCORES[risk]))
        return found

    def _open(self, number: int, origin: Origin, alert: Alert) -> tuple[Case, Event]:
        case = new_case(
            self.case_id(number),
            customer_id=origin.customer.customer_id,
            customer_name=origin.customer.shown,
            typology=origin.typology.words.name,
            risk=alert.risk,
            risk_score=alert.risk_score,
            amount=alert.amount,
            currency="USD",
            opened_at=alert.at,
        )
        return chain.open_chain(case, ALERT_FEED, alert.evidence)

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


def _ending(origin: Origin) -> Ending:
    """How the case comes out: a finding that gives reason to suspect, or one that explains the alert."""
    draw, typology = origin.draw, origin.typology
    sar, no_sar, escalate = typology.odds
    escalated = draw.chance(escalate / 100)
    suspicious = draw.chance(ESCALATED_SAR if escalated else KEPT_SAR * sar / (sar + no_sar))
    if origin.part.typology:
        escalated, suspicious = False, True
    if suspicious:
        return Ending(Disposition.SAR, draw.pick(typology.words.concerns), escalated)
    return Ending(Disposition.NO_SAR, draw.pick(origin.customer.profile.explained), escalated)


def _is_open(case: Case, events: list[Event], moment: datetime) -> bool:
    """Say whether the case was open then."""
    status = Status.NEW.value
    for event in events:
        if chain.parse_ts(event.ts) > moment:
            break
        changed = chain.read_meta(event).get("status")
        status = changed[1] if isinstance(changed, list) else status
    return status != Status.CLOSED


def _prior(events: list[Event], moment: datetime) -> Prior | None:
    """The newest report of the case that FinCEN has acknowledged by then, and its amount."""
    before = [event for event in events if chain.parse_ts(event.ts) <= moment]
    ids = [chain.read_meta(event)["bsa_id"][1] for event in before if event.action == Action.SAR_ACKNOWLEDGE]
    draft = sar_track.newest_draft(before)
    return Prior(ids[-1], draft[1].amount) if ids and draft and draft[1].amount else None


def _told(customer: Customer) -> dict[str, str]:
    """The customer as an alert tells of them."""
    kind = customer.profile.kind
    return {
        "kind": kind,
        "business" if kind == "Business" else "occupation": customer.profile.trade,
        "account": customer.account,
        "account_type": customer.profile.account_type,
        "since": customer.since.isoformat(),
        "expected_monthly": f"{customer.monthly // 100}.00",
    }


def _slots(scene: Scene, cut: Cut, typology: Typology) -> dict[str, str]:
    """What texts can say about any case, and what the typology's maker added."""
    customer, ledger = scene.customer, cut.ledger
    credits, debits = ledger.paid_in, ledger.paid_out
    paid_in, paid_out = sum(credits), sum(debits)
    months = (cut.last - customer.since).days // 30
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
        "n": str(len(credits) + len(debits)),
        "n_in": str(len(credits)),
        "n_out": str(len(debits)),
        "credits": counted(len(credits), "credit"),
        "debits": counted(len(debits), "debit") if debits else "no debits",
        "amt": money(ledger.amount),
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
