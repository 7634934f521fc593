"""Typologies that start with cash: structuring, funnel accounts, cash-intensive businesses, trafficking."""

from __future__ import annotations

from seed.draw import DAY, business_day_after, business_days
from seed.people import BRANCHES, BRANDS, FAR_BRANCHES
from seed.typologies.base import (
    HIGH,
    MEDIUM,
    Scene,
    counted,
    latin,
    listed,
    money,
    percent,
    settle,
    times,
    typology,
)


@typology("low high branches where", weight=18, look_back=30, risk=HIGH, odds=(40, 48, 12))
def structuring(scene: Scene) -> None:
    """6 to 14 cash deposits just under $10,000, at most one a business day, over several branches."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    days = draw.some(business_days(scene.first, scene.last - 7 * DAY), draw.between(6, 14))
    visited = [own[0], *draw.some(own[1:], draw.between(0, 1) if scene.explained else draw.between(2, 4))]
    depositor = scene.customer.contact
    for number, day in enumerate(days):
        branch = visited[number] if number < len(visited) else draw.pick(visited)
        cents = max(draw.dollars(7_500, 9_900, 10), draw.dollars(7_500, 9_900, 10))
        book.credit(draw.time(day, 9.2, 16.8), cents, "cash", depositor, place=branch.place)
    if not scene.explained and draw.chance(0.6):
        out = draw.share(sum(book.paid_in), 60, 90) // 100 * 100
        channel = draw.pick(("wire", "cashier's check"))
        book.debit(draw.time(settle(draw, days[-1], 1, 3), 10, 16), out, channel, scene.cast.company(), fires=False)
    elif scene.explained:
        out = draw.share(sum(book.paid_in), 20, 60)
        book.debit(draw.time(settle(draw, days[-1], 1, 3), 10, 16), out, "ACH", scene.cast.company(), fires=False)
    scene.slots.update(
        low=money(min(book.paid_in)),
        high=money(max(book.paid_in)),
        branches=counted(len(visited), "branch", "branches"),
        where=listed(branch.name for branch in visited),
    )


@typology("k states away home depositors persons far far_city cp", weight=7, look_back=45, risk=HIGH, odds=(45, 38, 17))
def funnel(scene: Scene) -> None:
    """10 to 15 cash deposits in other states, drawn at home within 72 hours, batch by batch."""
    draw, book = scene.draw, scene.ledger
    home = scene.customer.branches
    days = draw.some(business_days(scene.first, scene.last - 5 * DAY), draw.between(10, 15))
    elsewhere = [draw.pick(state) for state in draw.some(BRANCHES, 6) if state[0].state != home[0].state]
    elsewhere += draw.some(FAR_BRANCHES, 3)
    remote = draw.some(elsewhere, draw.between(3, 5))
    depositors = scene.people(len(remote) + 1)  # one at each branch, and the last of them at home
    landlord, *payees = scene.companies(3)
    if scene.explained and scene.customer.profile.kind == "Individual":
        landlord, *payees = scene.cast.firm("Apartments LLC"), scene.payee()
    batch, size = 0, draw.between(2, 3)
    held = 0
    for number, day in enumerate(days):
        where = -1 if number % 4 == 3 else number % len(remote)
        place = [*remote, home[0]][where]
        cents = draw.dollars(1_500, 9_500, 20)
        moment = draw.time(day, 9.4 + place.behind, 13.4)
        book.credit(moment, cents, "cash", depositors[where], place=place.place, fires=where >= 0)
        batch, held = batch + 1, held + cents
        if batch < size and number + 1 < len(days):
            continue
        out, following = draw.share(held, 85, 95) // 100 * 100, business_day_after(day)
        moment = draw.time(day, 14, 16.8)
        if (following - day).days == 1 and draw.chance(0.6):
            moment = draw.time(following, 9.2, 16.5)
        if scene.explained:
            book.debit(moment, out, draw.pick(("ACH", "check")), draw.pick((landlord, *payees)))
        elif scene.hubs:
            book.debit(moment, out, "wire", scene.hubs[0])
        elif out <= 950_000:
            book.debit(moment, out, "cash", scene.customer.contact, place=home[0].place)
        else:
            book.debit(moment, out, draw.pick(("wire", "cashier's check")), draw.pick(payees))
        batch, held, size = 0, 0, draw.between(2, 3)
    states = list(dict.fromkeys(branch.state for branch in remote))
    away = sum(number % 4 != 3 for number in range(len(days)))
    scene.slots.update(
        k=str(len(states)),
        states=listed(states),
        away=str(away),
        home=home[0].state,
        depositors=listed(latin(name) for name in depositors[:2]),
        persons=str(len(depositors)),
        far=remote[0].name,
        far_city=f"{remote[0].city} {remote[0].state}",
        cp=landlord if scene.explained else latin(scene.hubs[0].name) if scene.hubs else payees[0],
    )


@typology("pct factor expected_quarter high ctr supplier", weight=8, look_back=90, risk=MEDIUM, odds=(20, 70, 10))
def cash_business(scene: Scene) -> None:
    """Three months of takings at two to three times the expected cash, seven deposits a month."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    expected = scene.customer.monthly
    supplier = scene.cast.company()
    per_month = 7
    for month in range(3):
        start = scene.first + 30 * month * DAY
        days = draw.some(business_days(start, start + 28 * DAY), per_month)
        mean = draw.share(expected, 200, 310) // per_month
        shift = 0
        for number, day in enumerate(days):
            shift = -shift if number % 2 else draw.share(mean, 0, 25)
            cents = mean if number == per_month - 1 else mean + shift
            channel = draw.pick(("cash", "cash", "night drop"))
            moment = draw.time(day, 9.2, 16.8) if channel == "cash" else draw.time(day, 17.4, 18.8)
            book.credit(
                moment,
                cents - cents % 100,
                channel,
                scene.customer.contact,
                place=own[0].place,
            )
        out = draw.share(mean * per_month, 5, 15)
        book.debit(draw.time(days[-1], 10, 16), out, draw.pick(("ACH", "check")), supplier, fires=False)
    large = sum(cents > 1_000_000 for cents in book.paid_in)
    scene.slots.update(
        pct=percent(sum(book.paid_in), 3 * expected),
        factor=times(sum(book.paid_in), 3 * expected),
        expected_quarter=money(3 * expected),
        high=money(max(book.paid_in)),
        ctr="no day above $10,000, so no CTR was due"
        if not large
        else f"{counted(large, 'day')} above $10,000, CTR on file for each",
        supplier=supplier,
    )


@typology("n_cash night n_night k cities cp amt_cash", weight=3, look_back=60, risk=HIGH, odds=(38, 34, 28))
def trafficking(scene: Scene) -> None:
    """Small cash and P2P credits, mostly at night; ads, motels and rides; the rest to one or two controllers."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    cities = [branch for state in draw.some(BRANCHES, 2) for branch in draw.some(state, 2)]
    cities = list(dict.fromkeys([own[0], *cities]))
    span = (scene.last - scene.first).days
    at_night = 0
    visited = []
    for number, back in enumerate(draw.some(range(span - 5), draw.between(6, 8))):
        day, branch = scene.first + back * DAY, draw.pick(cities)
        visited.append(branch.city)
        night = number % 4 != 3
        at_night += night
        moment = draw.time(day, 22, 29) if night else draw.time(day, 10, 18)
        place = f"ATM {branch.name}, {branch.city} {branch.state}"
        cents = draw.dollars(700, 1_800, 20)
        book.credit(moment, cents, "ATM cash", scene.customer.contact, place=place, fires=night)
    senders = scene.people(4)
    cash = len(book.paid_in)
    for number in range(draw.between(4, 5)):
        day = scene.first + draw.between(0, span - 6) * DAY
        night = number % 4 != 3
        at_night += night
        moment = draw.time(day, 22, 29) if night else draw.time(day, 12, 18)
        book.credit(moment, draw.dollars(60, 400, 20), "P2P", senders[number % 4], fires=night)
    controllers = scene.people(draw.between(1, 2))
    paid = sum(book.paid_in)
    rides, reload, classifieds = (brand.name for brand in BRANDS)
    spending = (
        ("card", rides),
        ("card", scene.cast.firm("Motor Inn")),
        ("prepaid", reload),
        ("card", scene.cast.company() if scene.explained else classifieds),
    )
    for channel, shop in spending[draw.between(0, 1) :]:
        day = scene.first + draw.between(0, span - 6) * DAY
        book.debit(draw.time(day, 10, 18), draw.cents(15, 95), channel, shop, fires=False)
    rest = draw.share(paid, 70, 85) - sum(book.paid_out)
    parts = -(-rest // 240_000)
    for piece in draw.split(rest, parts, 8):
        day = scene.first + draw.between(span // 2, span - 1) * DAY
        book.debit(draw.time(day, 12, 18), piece, "P2P", draw.pick(controllers))
    scene.slots.update(
        n_cash=str(cash),
        night=percent(at_night, len(book.paid_in)),
        n_night=str(at_night),
        k=counted(len(set(visited)), "city", "cities"),
        cities=listed(dict.fromkeys(visited)),
        cp=listed(latin(name) for name in controllers),
        amt_cash=money(sum(book.paid_in[:cash])),
    )
