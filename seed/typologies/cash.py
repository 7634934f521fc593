"""Typologies that start with cash: structuring, funnel accounts, cash-intensive businesses, trafficking."""

from __future__ import annotations

from seed.draw import DAY, business_day_after, business_days
from seed.people import BRANCHES, FAR_BRANCHES
from seed.typologies.base import (
    HIGH,
    MEDIUM,
    Finding,
    Profile,
    Scene,
    Typology,
    counted,
    latin,
    listed,
    money,
    percent,
    settle,
    times,
)


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
        book.debit(draw.time(settle(draw, days[-1], 1, 3), 10, 16), out, channel, scene.names.company(draw))
    elif scene.explained:
        out = draw.share(sum(book.paid_in), 20, 60)
        book.debit(draw.time(settle(draw, days[-1], 1, 3), 10, 16), out, "ACH", scene.names.company(draw))
    scene.slots.update(
        low=money(min(book.paid_in)),
        high=money(max(book.paid_in)),
        branches=counted(len(visited), "branch", "branches"),
        where=listed(branch.name for branch in visited),
    )


STRUCTURING = Typology(
    name="Structuring",
    weight=18,
    look_back=30,
    risk=HIGH,
    odds=(40, 48, 12),
    make=structuring,
    alerts=(
        "{n_in} cash deposits of {low} to {high} in {span} days, total {amt_in}; none above $10,000",
        "Sub-CTR cash at {branches}: {n_in} items, {amt_in}, highest {high}",
        "Cash just under the reporting threshold: {amt_in} in {n_in} deposits between {first} and {last}",
    ),
    profiles=(
        Profile(
            "Individual",
            "Registered nurse",
            "Checking",
            (3800, 5600),
            (500, 5200),
            (
                Finding(
                    "Documents: bill of sale and title transfer for a motor home. The buyer paid in cash as his "
                    "bank's daily limit allowed; his withdrawal slips carry the same dates.",
                    "The cash is the price of a motor home: bill of sale, title transfer and the buyer's own "
                    "withdrawals match all {n_in} deposits ({amt_in}). Deposits near $10,000 are not suspicious by "
                    "themselves; here the buyer's daily limit set the sums.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Warehouse supervisor",
            "Checking",
            (4100, 5400),
            (300, 4000),
            (
                Finding(
                    "KYC call with {who}: late father kept cash at home. Estate attorney's inventory lists it, "
                    "counted room by room in front of two witnesses; copy in the case folder.",
                    "Source documented: the estate attorney's inventory lists the cash, and it was banked as each "
                    "room had been counted. {n_in} deposits reconcile to {amt_in}. No question about reporting was "
                    "ever put to the branch. Explained, not suspicious.",
                ),
            ),
        ),
        Profile(
            "Business",
            "Corner grocery",
            "Business checking",
            (38000, 62000),
            (400, 4800),
            (
                Finding(
                    "Documents: register tapes and state sales tax filings for three months. Takings between two "
                    "deposits and the sums deposited agree within 2%.",
                    "The deposits ({low} to {high}) are takings of two to four days each; register tapes and sales "
                    "tax filings match all {n_in} ({amt_in}). The safe's insured limit of $10,000 sets the rhythm, "
                    "not the reporting threshold.",
                ),
            ),
            ("{family} Family Market Inc.", "{family} & Sons Grocery LLC", "{first} Deli & Grocery Corp."),
        ),
        Profile(
            "Business",
            "Liquor store",
            "Business checking",
            (45000, 70000),
            (700, 5200),
            (
                Finding(
                    "RFI reply, {br}: armored pickup ended last quarter, the owner now brings the till in person; "
                    "deposit slips agree with the Z-reports left with us.",
                    "Deposits equal the tills since the deposit before ({n_in} items, {amt_in}); Z-reports agree, and "
                    "the change from armored pickup to the counter explains why the alert fired now. No splitting "
                    "seen.",
                ),
            ),
            ("{family} Wine & Spirits LLC", "{family} Package Store Inc."),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, customer since {since}. Expected monthly activity {expected}; credits in the look-back "
        "are {ratio}x that.",
        "Transactions: {n_in} cash deposits between {first} and {last}, lowest {low}, highest {high}, never two on "
        "one day. Re-added: {amt_in}.",
        "RFI to {br}: who makes the deposits, in what denominations, and what was said at the counter? Reply asked "
        "for within 3 business days.",
        "CTR check: no day's cash exceeds $10,000, so none was due. Aggregated by day and by conductor over {where}: "
        "same result.",
        "RFI reply, {br}: deposits brought in person by {who} — mostly fifties and hundreds, banded.",
    ),
    concerns=(
        Finding(
            "RFI reply, {br}: the teller recalls {who} asking “what sum makes you fill in the form?” and taking some "
            "of the notes back before the count.",
            "{n_in} cash deposits of {low} to {high} at {branches} ({where}) between {first} and {last}, total "
            "{amt_in}, each below $10,000. The {br} teller was asked what sum triggers a report, and part of that "
            "deposit was taken back. Expected monthly activity is {expected}; no lawful source was documented. Reason "
            "to suspect that deposits were split to avoid currency reporting (31 USC 5324).",
        ),
        Finding(
            "KYC call with {who}: cash is “savings from home”. Could not say from what years or work, and declined to "
            "send any papers. Asked why {branches}: no answer.",
            "Customer ({trade}, expected {expected} a month) deposited {amt_in} in cash in {n_in} items, highest "
            "{high}, over {branches}, and could document no source. Amounts, spacing and the change of branches point "
            "to avoidance of the CTR threshold; nothing found explains them.",
        ),
        Finding(
            "Transactions: on days when deposits were made, no other cash use. Amounts cluster between {low} and "
            "{high}, and the branch changes although {br} is the nearest.\nNo payroll, sale or loan in the account "
            "that could have produced {amt_in}.",
            "Activity is out of line with the profile: {amt_in} in cash within {span} days against an expected "
            "{expected} a month. {n_in} deposits, none above {high}, at {where}. Source of funds unknown, use of "
            "several branches without business reason. Reason to suspect structuring.",
        ),
    ),
    escalations=(
        "Escalating: the {br} teller appears to have advised on amounts. An internal referral is a Manager's "
        "decision; deposits in question {n_in}, {amt_in}.",
        "Escalating for a decision on the relationship: the branch asks whether to keep the account. Evidence so far: "
        "{n_in} deposits at {branches}, {amt_in}.",
    ),
    passes=(
        "Sums re-added and agree: {n_in} deposits, {amt_in}. Rationale argues from the evidence.",
        "Aggregation by day checked, CTR position stated. Source of funds addressed.",
    ),
    misses=(
        "Rationale says nothing of same-day aggregation over {branches}, nor of the CTR position.",
        "Source of the {amt_in} is not addressed. What the branch said is not cited.",
    ),
)


def funnel(scene: Scene) -> None:
    """10 to 15 cash deposits in other states, drawn at home within 72 hours, batch by batch."""
    draw, book = scene.draw, scene.ledger
    home = scene.customer.branches
    days = draw.some(business_days(scene.first, scene.last - 5 * DAY), draw.between(10, 15))
    elsewhere = [draw.pick(state) for state in draw.some(BRANCHES, 6) if state[0].state != home[0].state]
    elsewhere += draw.some(FAR_BRANCHES, 3)
    remote = draw.some(elsewhere, draw.between(3, 5))
    depositors = scene.people(draw.between(3, 5))
    if scene.explained and scene.customer.profile.kind == "Individual":
        depositors = [f"{initial}. {scene.customer.family}" for initial in "MRT"]
    landlord, *payees = scene.companies(3)
    batch, size = 0, draw.between(2, 3)
    held = 0
    for number, day in enumerate(days):
        place = home[0] if number % 4 == 3 else remote[number % len(remote)]
        cents = draw.dollars(1_500, 9_500, 20)
        book.credit(draw.time(day, 10, 12.5), cents, "cash", depositors[number % len(depositors)], place=place.place)
        batch, held = batch + 1, held + cents
        if batch < size and number + 1 < len(days):
            continue
        out, following = draw.share(held, 85, 95) // 100 * 100, business_day_after(day)
        moment = draw.time(day, 14, 16.8)
        if (following - day).days == 1 and draw.chance(0.6):
            moment = draw.time(following, 9.2, 16.5)
        if scene.explained:
            book.debit(moment, out, draw.pick(("ACH", "check")), draw.pick((landlord, *payees)))
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
        cp=landlord if scene.explained else payees[0],
    )


FUNNEL = Typology(
    name="Funnel account",
    weight=7,
    look_back=45,
    risk=HIGH,
    odds=(45, 38, 17),
    make=funnel,
    alerts=(
        "Cash in {k} states, {n_in} deposits, {amt_in}; account domiciled in {home}",
        "Remote cash deposits ({states}) drawn in {home} within 3 days, {pct_out} of {amt_in} out",
    ),
    profiles=(
        Profile(
            "Individual",
            "Student",
            "Checking",
            (900, 1800),
            (120, 900),
            (
                Finding(
                    "KYC call with {who}: parents and an aunt live and work in {states} and pay tuition and rent in "
                    "cash at the nearest branch. Enrollment letter and lease received.",
                    "Relatives of the student deposit at their own branches in {states}; {pct_out} goes on to the "
                    "university's and the landlord's accounts. Enrollment letter, lease and invoices cover {amt_out}. "
                    "Depositors are known family members.",
                ),
            ),
        ),
        Profile(
            "Business",
            "Landscaping contractor",
            "Business checking",
            (14000, 32000),
            (250, 2600),
            (
                Finding(
                    "Documents: job sheets for {k} states with crew leads' names; they match the depositors "
                    "({depositors} among them). Suppliers' invoices match the debits.",
                    "Crew leads bank customers' cash payments near the job sites in {states}. Job sheets name the "
                    "same {persons} people as the deposit slips; debits are suppliers and payroll. Business reason "
                    "shown for {n_in} deposits, {amt_in}.",
                ),
            ),
            ("{family} Landscaping LLC", "{family} Tree & Lawn Care LLC"),
        ),
        Profile(
            "Business",
            "Temp staffing",
            "Business checking",
            (20000, 40000),
            (90, 700),
            (
                Finding(
                    "Documents: contracts with client sites in {states}; site managers collect fees from walk-in "
                    "clients in cash and bank them the same week.",
                    "Site managers of the staffing firm bank fees near the client sites ({states}); contracts and fee "
                    "ledgers reconcile to {amt_in}. Outgoing payments are payroll processor and rent.",
                ),
            ),
            ("{family} Staffing Group LLC", "{family} Labor Solutions Inc."),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, account opened in {home} in {since}. None of the {persons} depositors is on the "
        "signature card.",
        "Transactions mapped by branch: {away} of {n_in} deposits outside {home} ({states}); {amt_out} out, each time "
        "within three days of the deposits.",
        "RFI to {far} ({far_city}): was the depositor identified, and what did they say the money was for?",
        "RFI to {br}: does the branch know who pays into this account from other states, and what for?",
    ),
    concerns=(
        Finding(
            "RFI reply, {far}: the depositor ({far_city}) could not name the account holder and read the number from "
            "a phone.",
            "{n_in} cash deposits, {amt_in}, between {first} and {last}; {away} of them in {states}, by {persons} "
            "people without a tie to {name}. One at {far} could not name the holder. {pct_out} was drawn within 72 "
            "hours elsewhere. The profile ({trade}) does not explain cash from {k} states. Pattern of a funnel "
            "account (FIN-2014-A005); source of the cash unknown.",
        ),
        Finding(
            "KYC call with {who}: says “friends pay me back”, could name only one of {persons} depositors. Expected "
            "{expected} a month; {amt_in} came in.",
            "Cash of {amt_in} from {persons} unrelated people in {k} states, against expected {expected} a month. "
            "Balance never stays: {amt_out} out, largest payee {cp}. Customer could not explain who pays and why. "
            "Reason to suspect use as a funnel account.",
        ),
    ),
    escalations=(
        "Escalating: deposits in {far_city} use the same depositor names as another case I hold. Looks like a network "
        "across {states}; needs one owner.",
        "Escalating: {k}-state cash with onward payments to {cp}. Asking for a decision on joining cases and on "
        "contact with law enforcement.",
    ),
    passes=(
        "Branch map included, home-state deposits kept apart. Totals agree ({amt_in} in, {amt_out} out).",
        "Depositors and onward payments both traced; conclusion follows from them.",
    ),
    misses=(
        "Rationale does not part home-state deposits from remote ones ({away} of {n_in}).",
        "Depositors are not addressed: {persons} names on the slips, none in the rationale.",
    ),
)


def cash_business(scene: Scene) -> None:
    """Three months of takings at two to three times the expected cash, seven deposits a month."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    expected = scene.customer.monthly
    supplier = scene.names.company(draw)
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
            book.credit(
                draw.time(day, 9.2, 16.8),
                cents - cents % 100,
                channel,
                scene.customer.contact,
                place=own[0].place,
            )
        out = draw.share(mean * per_month, 5, 15)
        book.debit(draw.time(days[-1], 10, 16), out, draw.pick(("ACH", "check")), supplier)
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


CASH_BUSINESS = Typology(
    name="Cash-intensive business",
    weight=8,
    look_back=90,
    risk=MEDIUM,
    odds=(20, 70, 10),
    make=cash_business,
    alerts=(
        "Cash {pct} of expected over 90 days: {amt_in} against {expected_quarter}",
        "Cash {amt_in} in {n_in} deposits, {factor}x the profile; card sales flat",
    ),
    profiles=(
        Profile(
            "Business",
            "Car wash",
            "Business checking",
            (10000, 21000),
            (500, 4000),
            (
                Finding(
                    "Documents: lease for a second site signed in spring, with water bills for both. Relationship "
                    "manager confirms; the profile had never been updated.",
                    "A second wash opened during the period; lease and water bills for both sites carry the volume. "
                    "{amt_in} over 90 days fits two sites. Expected cash on file ({expected} a month) was stale and "
                    "has been referred for a KYC refresh.",
                ),
            ),
            ("{family} Express Car Wash LLC", "{family} Bay Car Wash Inc.", "{family} Auto Spa LLC"),
        ),
        Profile(
            "Business",
            "Coin laundry",
            "Business checking",
            (10000, 16000),
            (600, 5200),
            (
                Finding(
                    "Site visit by {br}: 46 machines, prices raised, open around the clock since a competitor on the "
                    "same block closed. Meter readings support the turns.",
                    "Site visit and utility meters support the takings: {factor}x the old profile after a competitor "
                    "closed and prices rose. Deposits are even over the week, {ctr}. Profile to be refreshed.",
                ),
            ),
            ("{family} Coin Laundry Inc.", "{family} Suds & Spin LLC"),
        ),
        Profile(
            "Business",
            "Full-service restaurant",
            "Business checking",
            (12000, 22000),
            (300, 4200),
            (
                Finding(
                    "Documents: point-of-sale exports and sales tax returns for the quarter. Cash share of sales rose "
                    "after a “cash discount” was introduced.",
                    "Point-of-sale exports and sales tax returns agree with deposits of {amt_in}; a posted cash "
                    "discount explains flat card sales. Supplier payments ({supplier}) move with sales. Explained.",
                ),
            ),
            (
                "{family}'s Kitchen LLC",
                "Trattoria {family} Inc.",
                "{first}'s Café & Grill LLC",
                "Phở {family} LLC",
            ),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, customer since {since}; expected cash {expected} a month. Actual is {factor}x over "
        "three months.",
        "Transactions: {n_in} cash deposits, {amt_in}, highest {high}; {ctr}. Suppliers paid: {amt_out}.",
        "RFI to {br}: how do deposits compare with similar businesses in the area? Last site visit?",
        "Peer comparison: four {trade} customers of the same size bank between 0.8x and 1.3x of profile; this one "
        "{factor}x.",
    ),
    concerns=(
        Finding(
            "RFI reply, {br}: similar businesses bank less than half of this. Staff drive past daily and “hardly ever "
            "see it busy”.",
            "Cash of {amt_in} in 90 days, {factor}x the expected {expected} a month and more than twice what similar "
            "businesses bank, while supplier spending was only {amt_out}. The branch sees little trade on site. "
            "Source of the excess is not documented; reason to suspect that other cash is mixed with takings.",
        ),
        Finding(
            "OSINT and capacity: opening hours, staff and equipment allow at most half of the deposited sales. "
            "Supplier payments to {supplier} did not grow.",
            "Sales beyond capacity: {n_in} deposits, {amt_in}, cannot come from a {trade} of this size. Costs stayed "
            "flat ({amt_out} to suppliers). {who} was asked for tax filings and gave none. Commingling suspected; "
            "{ctr}.",
        ),
    ),
    escalations=(
        "Escalating for an exit decision: {factor}x expected cash, tax filings asked for twice and not received. "
        "Branch wants to keep the relationship.",
        "Escalating: owner {who} also controls two other cash businesses here. One review of all three is better; "
        "needs a Manager to join them.",
    ),
    passes=(
        "Peer group stated, period and profile date given, totals agree ({amt_in}).",
        "Capacity argument is sourced; CTR position stated ({ctr}).",
    ),
    misses=(
        "The old profile ({expected} a month) is taken as given; no word on a KYC refresh or on peers.",
        "Supplier payments ({amt_out}) are not compared with sales.",
    ),
)


def trafficking(scene: Scene) -> None:
    """Small cash and P2P credits, mostly at night; ads, motels and rides; the rest to one or two controllers."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    cities = [branch for state in draw.some(BRANCHES, 2) for branch in draw.some(state, 2)]
    cities = list(dict.fromkeys([own[0], *cities]))
    span = (scene.last - scene.first).days
    at_night = 0
    visited = []
    for number in range(draw.between(6, 8)):
        day, branch = scene.first + draw.between(0, span - 6) * DAY, draw.pick(cities)
        visited.append(branch.city)
        night = number % 4 != 3
        at_night += night
        moment = draw.time(day, 22, 29) if night else draw.time(day, 10, 18)
        place = f"ATM {branch.name}, {branch.city} {branch.state}"
        book.credit(moment, draw.dollars(700, 1_800, 20), "ATM cash", scene.customer.contact, place=place)
    senders = scene.people(4)
    cash = len(book.paid_in)
    for number in range(draw.between(4, 5)):
        day = scene.first + draw.between(0, span - 6) * DAY
        night = number % 4 != 3
        at_night += night
        moment = draw.time(day, 22, 29) if night else draw.time(day, 12, 18)
        book.credit(moment, draw.dollars(60, 400, 20), "P2P", senders[number % 4])
    controllers = scene.people(draw.between(1, 2))
    paid = sum(book.paid_in)
    spending = (
        ("card", "RideHail"),
        ("card", "Starlite Motor Inn"),
        ("prepaid", "Prepaid card reload"),
        ("card", "Uniform & Linen Shop" if scene.explained else "CityNight Classifieds"),
    )
    for channel, shop in spending[draw.between(0, 1) :]:
        day = scene.first + draw.between(0, span - 6) * DAY
        book.debit(draw.time(day, 10, 18), draw.cents(15, 95), channel, shop)
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


TRAFFICKING = Typology(
    name="Human trafficking",
    weight=3,
    look_back=60,
    risk=HIGH,
    odds=(38, 34, 28),
    make=trafficking,
    alerts=(
        "{night} of credits between 22:00 and 05:00: {n_night} items, {k}",
        "Night ATM cash, motels and P2P in {k}; {amt_in} in, {pct_out} on to {cp}",
    ),
    profiles=(
        Profile(
            "Business",
            "Massage and day spa",
            "Business checking",
            (5000, 11000),
            (120, 1500),
            (
                Finding(
                    "Documents: payroll through a processor at another bank, state licenses for every therapist, shop "
                    "hours to 3 a.m. near the airport.",
                    "Late-hours spa beside an airport: licenses and payroll records of all staff were seen, payments "
                    "to {cp} are rent and profit share under a written agreement, and travel to {cities} is a trade "
                    "show schedule. The night cash ({amt_cash}) fits the opening hours.",
                ),
            ),
            ("{family} Day Spa LLC", "{family} Wellness & Spa Inc.", "{first} & Co. Foot Spa LLC"),
        ),
        Profile(
            "Individual",
            "Bartender",
            "Checking",
            (1800, 3200),
            (200, 2000),
            (
                Finding(
                    "KYC call with {who}, alone and in private: works events in {cities}, banks tips after closing, "
                    "shares a flat with {cp}. Schedules and lease received.",
                    "Tips banked after closing time; event schedules match dates and cities of the {n_cash} cash "
                    "deposits. Payments to {cp} are rent and travel shared under a lease. Customer was interviewed "
                    "alone, spoke freely, holds own ID and phone. No indicator of control.",
                ),
            ),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}. Expected {expected} a month; {amt_in} in over the look-back.",
        "Transactions by hour: {n_night} of {n_in} credits between 22:00 and 05:00 local; ATMs in {cities}. No "
        "payroll or rent paid from the account.",
        "Onward payments: {cp} received most of {amt_out}, in P2P transfers below $3,000.",
        "Asked {br} whether the customer comes alone, who holds the ID and who speaks. Question put neutrally, as "
        "part of a profile update.",
    ),
    concerns=(
        Finding(
            "OSINT: the phone number on file appears in escort ads in {cities}. Ad dates match the motel and ATM days.",
            "Credits of {amt_in}, {night} of them at night, in {k}; small charges for motels, ads and rides; "
            "{pct_out} passed on to {cp}. The number on file appears in escort ads on the same dates. The account "
            "holder may act under control of others and is described in the narrative as a possible victim. Key term: "
            "HUMAN TRAFFICKING FIN-2020-A008.",
        ),
        Finding(
            "RFI reply, {br}: customer came with another person who answered for them and kept the ID. That person is "
            "the payee {cp}.",
            "A third party appears to control the account: speaks for the customer, keeps the ID and received the "
            "larger part of {amt_out} ({cp}). Night cash of {amt_cash} in {cities}, no payroll, motel and ride "
            "charges. Indicators of FIN-2020-A008 present; the worker is treated as a possible victim, not as a "
            "subject.",
        ),
    ),
    escalations=(
        "Escalating today: a person may be in danger. The {br} manager saw signs of control. Please decide on an "
        "immediate call to law enforcement.",
        "Escalating: indicators in {k}; {cp} known from the accounts of two other customers. Needs a Manager and a "
        "specialist.",
    ),
    passes=(
        "Careful wording; the person who may be under control is not treated as a suspect.",
        "Evidence by hour and place, totals agree ({amt_in} in).",
    ),
    misses=(
        "The night share ({night}) is not stated, nor whether the customer was spoken to alone.",
        "Payments to {cp} are not addressed.",
    ),
)
