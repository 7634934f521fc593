"""Typologies of wires and trade: pass-through, trade-based laundering, shell layering, sanctions evasion."""

from __future__ import annotations

from seed.draw import DAY, SPREAD_50, business_day_after, business_days
from seed.firms import COUNTRIES
from seed.typologies.base import (
    HIGH,
    MINUTE,
    Scene,
    biggest,
    counted,
    latin,
    listed,
    money,
    percent,
    settle,
    soon,
    times,
    typology,
)


@typology("k cp cp_amt cc payers payees kept", weight=13, look_back=30, risk=HIGH, odds=(26, 60, 14))
def pass_through(scene: Scene) -> None:
    """4 to 8 credits, each followed within 48 hours by payments of 85 to 98% of it."""
    draw, book = scene.draw, scene.ledger
    days = draw.some(
        business_days(scene.first, scene.last - 2 * DAY), draw.between(2, 3) if scene.feeds else draw.between(4, 8)
    )
    payers = scene.companies(draw.between(min(3, len(days)), min(6, len(days))))
    payees = [(name, "US") for name in scene.companies(draw.between(1, 2))]
    if not scene.explained and draw.chance(0.7):
        country = draw.pick(("HK", "AE", "CY", "SG", "TR", "MX", "GB"))
        payees.append((scene.cast.abroad(country), country))
    paid_to: list[str] = []
    for number, day in enumerate(days):
        cents = draw.spread(SPREAD_50, 38_000, 15_000, 95_000)
        channel = draw.pick(("wire", "wire", "ACH", "RTP"))
        book.credit(draw.time(day, 9, 12), cents, channel, payers[number % len(payers)])
        for piece in draw.split(draw.share(cents, 85, 98), draw.between(1, 2)):
            following = soon(draw, day, scene.last)
            moment = draw.time(day, 13, 17) if following == day else draw.time(following, 9.5, 16)
            name, country = draw.pick(payees)
            paid_to.append(name)
            book.debit(moment, piece, "wire", name, country)
    for feed in scene.feeds:
        payers.append(feed.sender.name)
        book.credit(feed.when, feed.cents, feed.channel, feed.sender)
        day = feed.when.date()
        moment = feed.when + draw.between(20, 50) * MINUTE
        if (following := soon(draw, day, scene.last)) != day:
            moment = draw.time(following, 9.5, 13)
        name, country = payees[-1]
        paid_to.append(name)
        book.debit(moment, draw.share(feed.cents, 88, 96), "wire", name, country)
    payers = list(dict.fromkeys(payers))
    cp = biggest(paid_to, book.paid_out)
    scene.slots.update(
        k=str(len(payers)),
        cp=latin(cp),
        cp_amt=money(sum(cents for name, cents in zip(paid_to, book.paid_out, strict=True) if name == cp)),
        cc=dict(payees)[cp],
        payers=listed(payers[:3]),
        payees=counted(len(set(paid_to)), "payee"),
        kept=money(sum(book.paid_in) - sum(book.paid_out)),
    )


@typology(
    "goods unit benchmark odd odd_price odd_amt odd_pct quantity cp cc third third_cc n_third lading buyers",
    weight=4,
    look_back=180,
    risk=HIGH,
    odds=(25, 50, 25),
)
def trade(scene: Scene) -> None:
    """6 to 11 invoices at prices far from the benchmark, some paid to third parties, each funded days before."""
    draw, book = scene.draw, scene.ledger
    goods = draw.pick(scene.customer.profile.goods)
    countries = draw.some(("CN", "HK", "AE", "PA"), draw.between(2, 3))
    suppliers = [(scene.cast.abroad(country), country) for country in countries]
    third = draw.pick([country for country in ("AE", "CY", "GB", "SG", "TR") if country not in countries])
    third_party = scene.cast.abroad(third)
    buyers = scene.companies(draw.between(2, 3))
    high = scene.explained or draw.chance(0.6)
    days = draw.some(business_days(scene.first + 10 * DAY, scene.last), draw.between(6, 11))
    odd = odd_price = odd_cents = 0
    for number, day in enumerate(days):
        mispriced = number % 5 in (0, 2, 4)
        factor = draw.between(160, 400) if high else draw.between(25, 60)
        price = goods.benchmark * (factor if mispriced else draw.between(90, 112)) // 100
        cents = price * (draw.dollars(40_000, 160_000) // price)
        if mispriced:
            odd += 1
            if (price > odd_price) == high or not odd_price:
                odd_price, odd_cents = price, cents
        name, country = (third_party, third) if number % 3 == 0 else suppliers[number % len(suppliers)]
        channel = draw.pick(("wire", "wire", "letter of credit"))
        book.debit(draw.time(day, 10, 16), cents, channel, name, country, fires=mispriced or number % 3 == 0)
        funded = draw.pick(business_days(day - 6 * DAY, day - DAY))
        funding = draw.share(cents, 100, 110)
        book.credit(draw.time(funded, 10, 16), funding, draw.pick(("wire", "ACH")), draw.pick(buyers), fires=False)
    scene.slots.update(
        goods=goods.name,
        unit=goods.unit,
        benchmark=money(goods.benchmark),
        odd=str(odd),
        odd_price=money(odd_price),
        odd_amt=money(odd_cents),
        odd_pct=percent(odd_price, goods.benchmark),
        quantity=f"{odd_cents // odd_price:,}",
        cp=latin(suppliers[0][0]),
        cc=suppliers[0][1],
        third=latin(third_party),
        third_cc=third,
        n_third=str(len(days[::3])),
        lading="too low" if high else "too high",
        buyers=listed(buyers),
    )


@typology(
    "k linked entry exit offshore cc rounds entered left back",
    weight=6,
    look_back=90,
    risk=HIGH,
    odds=(30, 48, 22),
)
def layering(scene: Scene) -> None:
    """2 to 4 rounds: an entry wire, hops through linked entities that take 1 to 8% each, an exit or a return."""
    draw, book = scene.draw, scene.ledger
    entry, exit_ = scene.companies(2)
    linked = [scene.cast.shell() for _ in range(draw.between(3, 4))]
    accounts = {}
    if scene.hubs:
        agent, shared = scene.hubs
        linked[0], accounts = shared.name, {shared.name: shared}
        for month in range(3):
            day = business_day_after(scene.first + (6 + 30 * month) * DAY)
            fee = draw.dollars(140, 480, 5)
            book.debit(draw.time(day, 8, 9), fee, "ACH", agent, fires=False, counts=False)
    country = draw.pick(COUNTRIES)
    offshore = scene.cast.abroad(country)
    rounds = draw.between(2, 4)
    returned = entered = 0
    for number in range(rounds):
        day = draw.pick(business_days(scene.first + 20 * number * DAY, scene.first + (20 * number + 6) * DAY))
        amount = draw.dollars(100_000, 400_000, 500)
        entered += amount
        book.credit(draw.time(day, 10, 13), amount, "wire", entry)
        for hop in range(2):
            day, amount = settle(draw, day, 1, 3), draw.share(amount, 92, 99)
            target = linked[(number + hop) % len(linked)]
            book.debit(draw.time(day, 10, 16), amount, "wire", accounts.get(target, target), counts=False)
            day, amount = settle(draw, day, 1, 2), draw.share(amount, 95, 99)
            source = linked[(number + hop + 1) % len(linked)]
            book.credit(draw.time(day, 10, 16), amount, "wire", accounts.get(source, source), counts=False)
        day, amount = settle(draw, day, 1, 2), draw.share(amount, 95, 99)
        returned += amount
        name, where = (offshore, country) if number % 2 and not scene.explained else (exit_, "US")
        book.debit(draw.time(day, 10, 16), amount, "wire", name, where)
    scene.slots.update(
        k=str(len(linked) + 1),
        linked=listed(linked),
        entry=entry,
        exit=exit_,
        offshore=latin(offshore),
        cc=country,
        rounds=str(rounds),
        entered=money(entered),
        left=money(returned),
        back=percent(returned, entered),
    )


@typology(
    "cp cc countries consignee consignee_cc prior growth distributor forwarder",
    weight=3,
    look_back=180,
    risk=HIGH,
    odds=(25, 45, 30),
)
def transshipment(scene: Scene) -> None:
    """4 to 10 wires for electronics whose payer and consignee sit in different countries."""
    draw, book = scene.draw, scene.ledger
    countries = draw.some(("TR", "AE", "HK", "KG", "AM", "KZ"), draw.between(2, 3))
    payers = [(scene.cast.abroad(country), country) for country in countries]
    consignee_country = draw.pick([c for c in ("KG", "AM", "KZ", "TR") if c not in countries] or ["KZ"])
    consignee = scene.cast.abroad(consignee_country)
    distributor, forwarder = scene.cast.firm("Semiconductor Distribution Inc."), scene.cast.firm("Air Freight LLC")
    days = draw.some(business_days(scene.first + 20 * DAY, scene.last - 12 * DAY), draw.between(4, 8))
    paid_by: list[str] = []
    for number, day in enumerate(days):
        cents = draw.dollars(25_000, 220_000, 50)
        name, country = payers[number % len(payers)]
        paid_by.append(name)
        book.credit(draw.time(day, 9.5, 15), cents, "wire", name, country)
        if number % 2 == 0:
            moment = draw.time(business_day_after(day, draw.between(2, 5)), 10, 16)
            book.debit(moment, draw.share(cents, 55, 80), "wire", distributor, fires=False)
    total = sum(book.paid_in)
    moment = draw.time(business_day_after(days[-1], draw.between(2, 4)), 10, 16)
    book.debit(moment, draw.share(total, 1, 4), "ACH", forwarder, fires=False)
    cp = biggest(paid_by, book.paid_in)
    prior = total * 100 // draw.between(310, 700)
    scene.slots.update(
        cp=latin(cp),
        cc=dict(payers)[cp],
        countries=listed(countries),
        consignee=latin(consignee),
        consignee_cc=consignee_country,
        prior=money(prior - prior % 10_000),
        growth=times(total, prior),
        distributor=distributor,
        forwarder=forwarder,
    )
