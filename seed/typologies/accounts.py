"""Typologies of misused accounts: mules, elders, crypto ramps, dormant accounts, stolen checks."""

from __future__ import annotations

from collections.abc import Sequence

from seed.draw import DAY, SPREAD_50, SPREAD_80, business_day_after, business_days
from seed.people import SOCIAL_SECURITY, VASP_WEIGHTS, VASPS, Party
from seed.typologies.base import (
    LOW_MEDIUM,
    MEDIUM,
    MEDIUM_HIGH,
    Scene,
    biggest,
    by_hand,
    counted,
    date_text,
    hours_later,
    latin,
    listed,
    money,
    percent,
    settle,
    typology,
)

ATM_LIMIT = 100_000
"""Cents that a machine gives in a day."""


def _exchange(scene: Scene) -> Party:
    return scene.draw.weighted(VASPS, VASP_WEIGHTS)


def _named(people: Sequence[str]) -> str:
    """`Ann Lee and Bo Chen`, or `5 people, Ann Lee, Bo Chen and Cy Park among them`."""
    names = listed(latin(name) for name in people[:3])
    return names if len(people) <= 3 else f"{len(people)} people, {names} among them"


@typology("k sender senders cp payees kept kept_pct yearly", weight=10, look_back=21, risk=MEDIUM, odds=(42, 46, 12))
def mule(scene: Scene) -> None:
    """4 to 8 credits from strangers; 88 to 95% of each goes on within 24 hours."""
    draw, book = scene.draw, scene.ledger
    count = draw.between(4, 8)
    senders = scene.people(draw.between(3, min(6, count)))
    payees = [(Party(name), "US", "P2P") for name in scene.people(2)]
    payees.append((_exchange(scene), "US", "VASP"))
    if not scene.explained and draw.chance(0.4):
        payees.append((Party(scene.person()), draw.pick(("NG", "GH", "PH", "MX")), "remittance"))
    if scene.explained:
        payees = [(Party(scene.payee()), "US", "RTP")]
    if scene.hubs:
        payees = [(scene.hubs[0], "US", "P2P"), *payees[:1]]
    paid_to: list[str] = []
    span = (scene.last - scene.first).days
    starts = sorted(scene.first + draw.between(0, span - 2) * DAY for _ in range(count))
    for number, day in enumerate(starts):
        moment, channel = draw.time(day, 8, 18), draw.pick(("P2P", "P2P", "RTP"))
        cents = draw.cents(1_400, 3_500 if channel == "P2P" else 7_500)
        book.credit(moment, cents, channel, senders[number % len(senders)])
        for place, piece in enumerate(
            draw.split(draw.share(cents, 88, 95), 1 if scene.explained else draw.between(1, 2))
        ):
            party, country, channel = payees[0] if scene.hubs and place == 0 else draw.pick(payees)
            paid_to.append(party.name)
            book.debit(hours_later(draw, moment, 0.4, 23.5), piece, by_hand(channel, piece), party, country)
    kept = sum(book.paid_in) - sum(book.paid_out)
    scene.slots.update(
        k=str(len(senders)),
        sender=latin(senders[0]),
        senders=_named(senders),
        cp=latin(biggest(paid_to, book.paid_out)),
        payees=counted(len(set(paid_to)), "payee"),
        kept=money(kept),
        kept_pct=percent(kept, sum(book.paid_in)),
        yearly=percent(sum(book.paid_in), 12 * scene.customer.monthly),
    )


@typology("cp k age balance pct low high channels last_out", weight=7, look_back=60, risk=MEDIUM, odds=(46, 42, 12))
def elder_scam(scene: Scene) -> None:
    """Strangers: payments by any means, to new payees and kiosks."""
    _savings(scene, ("wire", "cashier's check", "cash", "VASP"))


@typology("cp k age balance pct low high channels last_out", weight=2, look_back=60, risk=MEDIUM, odds=(46, 42, 12))
def elder_trust(scene: Scene) -> None:
    """Somebody close: bills and checks."""
    _savings(scene, ("check", "cashier's check", "cash", "ACH"))


def _savings(scene: Scene, channels: Sequence[str]) -> None:
    """3 to 9 ascending payments to new payees that take 30 to 90% of savings; the last one at the branch."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    count = draw.between(3, 9)
    amounts = sorted(draw.spread(SPREAD_80, 4_000, 2_000, 45_000) for _ in range(count))
    days = draw.some(business_days(scene.first + 8 * DAY, scene.last), count)
    payees = [scene.payee(), *([] if scene.explained else scene.people(draw.between(1, 2)))]
    if scene.explained:
        channels = ("check", "cashier's check", "ACH")
    paid_to: list[str] = []
    for number, (cents, day) in enumerate(zip(amounts, days, strict=True)):
        channel = draw.pick(channels) if number < count - 1 else "cashier's check"
        if channel in ("VASP", "cash") and cents > 950_000:  # more than a kiosk takes, or a teller gives unasked
            channel = "cashier's check"
        name = draw.pick(payees)
        if channel == "VASP":
            name = scene.cast.kiosk()
        elif channel == "cash":
            name = scene.customer.contact
        paid_to.append(name)
        place = own[0].place if channel in ("cash", "cashier's check") else ""
        book.debit(draw.time(day, 9.2, 16.8), cents, channel, name, place=place)
    pension = draw.cents(1_450, 2_700)
    for month in range(2):
        start = scene.first + 30 * month * DAY
        day = business_days(start, start + 6 * DAY)[0]
        book.credit(draw.time(day, 8, 9), pension, "ACH", SOCIAL_SECURITY, fires=False, counts=False)
    out = sum(book.paid_out)
    balance = out * 100 // draw.between(32, 88)
    by_payee = [(name, cents) for name, cents in zip(paid_to, book.paid_out, strict=True) if name in payees]
    scene.slots.update(
        cp=latin(biggest([name for name, _ in by_payee], [cents for _, cents in by_payee])),
        k=str(len(set(paid_to))),
        age=str(67 + int(scene.customer.account[-2:]) % 25),
        balance=money(balance - balance % 10_000),
        pct=percent(out, balance),
        low=money(amounts[0]),
        high=money(amounts[-1]),
        channels=listed(dict.fromkeys(entry.channel for entry in book.entries if not entry.is_credit)),
        last_out=date_text(days[-1]),
    )


@typology("k counted_payers senders sender cp services", weight=5, look_back=30, risk=MEDIUM_HIGH, odds=(28, 60, 12))
def on_ramp(scene: Scene) -> None:
    """5 to 12 credits; 90 to 99% of each goes to a virtual asset service within 24 hours."""
    draw, book = scene.draw, scene.ledger
    count = draw.between(5, 12)
    senders = [scene.payer()] if scene.explained else scene.people(draw.between(4, min(7, count)))
    services = [_exchange(scene)]
    if not scene.explained:
        services += draw.some(
            (*(each for each in VASPS if each not in services), Party(scene.cast.kiosk())), draw.between(0, 2)
        )
    span = (scene.last - scene.first).days
    starts = sorted(scene.first + draw.between(0, span - 2) * DAY for _ in range(count))
    paid_to: list[str] = []
    for number, day in enumerate(starts):
        moment = draw.time(day, 8, 18)
        cents = draw.cents(1_000, 3_800 if scene.explained else 9_000)
        channel = "P2P" if not scene.explained else "RTP"
        book.credit(moment, cents, by_hand(channel, cents), senders[number % len(senders)])
        service = draw.pick(services)
        paid_to.append(service.name)
        book.debit(hours_later(draw, moment, 0.3, 23.5), draw.share(cents, 90, 99), "VASP", service)
    scene.slots.update(
        k=str(len(senders)),
        counted_payers=counted(len(senders), "payer"),
        senders=_named(senders),
        sender=latin(senders[0]),
        cp=biggest(paid_to, book.paid_out),
        services=listed(dict.fromkeys(paid_to)),
    )


@typology("cp payees payee", weight=3, look_back=30, risk=MEDIUM_HIGH, odds=(28, 60, 12))
def off_ramp(scene: Scene) -> None:
    """2 to 6 credits from a virtual asset service, 85 to 98% of each drained within 48 hours."""
    draw, book = scene.draw, scene.ledger
    service = _exchange(scene)
    days = draw.some(business_days(scene.first, scene.last - 4 * DAY), draw.between(2, 6))
    payees = [*([] if scene.explained else scene.people(2)), scene.payee()]
    paid_to: list[str] = []
    for day in days:
        moment, cents = draw.time(day, 9, 12), draw.dollars(8_000, 60_000, 10)
        book.credit(moment, cents, "VASP", service)
        for piece in draw.split(draw.share(cents, 85, 98), 1 if scene.explained else draw.between(1, 2)):
            name = draw.pick(payees)
            paid_to.append(name)
            following = business_day_after(day)
            soon = draw.time(day, 13, 17)
            if (following - day).days == 1 and draw.chance(0.5):
                soon = draw.time(following, 9.5, 16)
            book.debit(soon, piece, "wire", name)
    scene.slots.update(
        cp=service.name,
        payees=listed(latin(name) for name in dict.fromkeys(paid_to)),
        payee=latin(biggest(paid_to, book.paid_out)),
    )


@typology(
    "idle change cp payees source last_in",
    weight=5,
    look_back=30,
    risk=LOW_MEDIUM,
    odds=(15, 77, 8),
    again=False,
)
def dormant(scene: Scene) -> None:
    """Quiet for over a year; contact data change, money arrives, and 80 to 97% leaves within 5 business days."""
    draw, book = scene.draw, scene.ledger
    change = scene.first + draw.between(0, 3) * DAY
    days = draw.some(business_days(change + DAY, scene.first + 14 * DAY), draw.between(1, 4))
    sources = [scene.payer()] if scene.explained else scene.companies(2)
    for day in days:
        cents = draw.dollars(6_000, 60_000, 5)
        book.credit(draw.time(day, 9, 14), cents, draw.pick(("wire", "ACH", "check")), draw.pick(sources))
    payees = [scene.payee()] if scene.explained else [*scene.people(2), _exchange(scene).name]
    total = draw.share(sum(book.paid_in), 80, 97)
    paid_to: list[str] = []
    for piece in draw.split(total, draw.between(2, 8)):
        day = settle(draw, days[-1], 1, 5)
        name = draw.pick(payees)
        exchange = next((each for each in VASPS if each.name == name), None)
        channel = "VASP" if exchange else by_hand(draw.pick(("wire", "ACH", "P2P")), piece)
        if scene.explained:
            channel = draw.pick(("check", "ACH"))
        paid_to.append(name)
        book.debit(draw.time(day, 9.2, 16.8), piece, channel, exchange or name)
    scene.slots.update(
        idle=f"{draw.between(365, 1_100):,}",
        change=date_text(change),
        cp=latin(biggest(paid_to, book.paid_out)),
        payees=counted(len(set(paid_to)), "payee"),
        source=sources[0],
        last_in=date_text(days[-1]),
    )


@typology(
    "drawers drawer cp via pct cashed n_back back mailed how",
    weight=6,
    look_back=30,
    risk=MEDIUM,
    odds=(48, 44, 8),
)
def check_fraud(scene: Scene) -> None:
    """2 to 8 remote check deposits, cashed out in 1 to 3 business days; 40 to 80% come back unpaid."""
    draw, book = scene.draw, scene.ledger
    days = business_days(scene.first, scene.first + 10 * DAY)
    count = draw.between(2, 6)
    drawers = scene.companies(1 if scene.explained else min(count, 3))
    deposits = sorted((draw.pick(days), draw.spread(SPREAD_50, 7_500, 2_500, 28_000)) for _ in range(count))
    payees = scene.people(2)
    returned = draw.some(range(count), 0 if scene.explained else max(1, count * draw.between(40, 80) // 100))
    paid_to: list[str] = []
    channels: list[str] = []
    for number, (day, cents) in enumerate(deposits):
        channel = draw.pick(("check (RDC)", "check (RDC)", "check (ATM)"))
        book.credit(draw.time(day, 10, 17), cents, channel, drawers[number % len(drawers)])
        for piece in draw.split(draw.share(cents, 75, 97), draw.between(1, 2)):
            out = draw.time(settle(draw, day, 1, 3), 9.5, 17)
            channel = draw.pick(("P2P", "wire") if scene.explained else ("P2P", "wire", "ATM cash"))
            if channel == "ATM cash" and piece > ATM_LIMIT:
                channel = "cash" if piece <= 950_000 else "wire"
            channel = by_hand(channel, piece)
            payee = scene.customer.contact if "cash" in channel else draw.pick(payees)
            paid_to.append(payee)
            channels.append(channel)
            book.debit(out, piece, channel, payee, place=scene.customer.branches[0].place if channel == "cash" else "")
    out_total = sum(book.paid_out)
    for number in returned:
        day, cents = deposits[number]
        moment = draw.time(settle(draw, day, 4, 8), 8, 9)
        drawer = drawers[number % len(drawers)]
        book.debit(moment, cents, "check return", drawer, fires=False, counts=False)  # it goes out again: no payment
    scene.slots.update(
        drawers=listed(drawers),
        drawer=drawers[0],
        cp=latin(biggest(paid_to, book.paid_out[: len(paid_to)])),
        via=listed(dict.fromkeys(channels)),
        pct=percent(out_total, sum(book.paid_in)),
        cashed=money(out_total),
        n_back=counted(len(returned), "check") if returned else "no check",
        back=money(sum(book.paid_out) - out_total),
        mailed=str(draw.between(6, 19)),
        how=draw.weighted(("altered", "counterfeit", "bearing a forged signature"), (0.48, 0.28, 0.24)),
    )
