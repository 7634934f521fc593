"""Typologies of wires and trade: pass-through, trade-based laundering, shell layering, sanctions evasion."""

from __future__ import annotations

from seed.draw import DAY, SPREAD_50, business_day_after, business_days
from seed.people import ABROAD
from seed.typologies.base import (
    HIGH,
    Finding,
    Profile,
    Scene,
    Typology,
    biggest,
    counted,
    latin,
    listed,
    money,
    percent,
    settle,
    soon,
    times,
)


def pass_through(scene: Scene) -> None:
    """4 to 8 credits, each followed within 48 hours by payments of 85 to 98% of it."""
    draw, book = scene.draw, scene.ledger
    days = draw.some(business_days(scene.first, scene.last - 2 * DAY), draw.between(4, 8))
    payers = scene.companies(draw.between(3, min(6, len(days))))
    payees = [(name, "US") for name in scene.companies(draw.between(1, 2))]
    if not scene.explained and draw.chance(0.7):
        country = draw.pick(("HK", "AE", "CY", "SG", "TR", "MX", "GB"))
        payees.append((scene.names.abroad(draw, country), country))
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


PASS_THROUGH = Typology(
    name="Rapid movement of funds",
    weight=13,
    look_back=30,
    risk=HIGH,
    odds=(26, 60, 14),
    make=pass_through,
    alerts=(
        "{pct_out} of {amt_in} left within 48 hours of receipt",
        "{n_in} credits from {k} originators swept to {payees}, largest {cp} ({cc})",
        "Pass-through: {amt_in} in, {amt_out} out, balance kept {kept}",
    ),
    profiles=(
        Profile(
            "Business",
            "Management consulting",
            "Business checking",
            (18000, 40000),
            (60, 350),
            (
                Finding(
                    "Documents: subcontractor agreements on “pay when paid” terms; each payout matches an invoice of "
                    "{cp}, less the agreed margin.",
                    "Payments to subcontractors are due within two days of the client's payment under agreements that "
                    "were seen; invoices tie each in/out pair, {credits} and {debits}. Retained {kept} is the margin. "
                    "Clients confirmed in public registers.",
                ),
            ),
            (
                "{family} Advisory Partners LLC",
                "{family} Strategy Group LLC",
                "Northgate {family} Consulting LLC",
            ),
        ),
        Profile(
            "Business",
            "Freight arranger",
            "Business checking",
            (40000, 90000),
            (90, 360),
            (
                Finding(
                    "Documents: broker license, load confirmations and carriers' quick-pay terms. {cp} is the carrier "
                    "on most of the loads.",
                    "The customer is a licensed freight broker; carriers are paid on quick-pay terms from shippers' "
                    "receipts. Load confirmations tie all {n_in} credits to the payments. A low balance is normal in "
                    "this trade.",
                ),
            ),
            ("{family} Freight Brokers LLC", "{family} Logistics LLC"),
        ),
        Profile(
            "Business",
            "Title and escrow agent",
            "Trust account",
            (120000, 300000),
            (120, 1800),
            (
                Finding(
                    "Documents: closing statements for the escrow files behind the {n_in} credits; payouts agree to "
                    "the dollar, recording numbers checked.",
                    "Escrow account: buyers' funds arrive and go out at closing, by design. Closing statements were "
                    "seen for every file ({amt_in} in, {amt_out} out), the rest is fees and open files. Innocent "
                    "pass-through.",
                ),
            ),
            ("{family} Title & Escrow Inc.", "{family} Title Agency LLC"),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, account opened {since}. Expected {expected} a month; credits are {ratio}x that.",
        "Transactions: each credit tied to what followed it. {amt_in} in ({n_in} items, {k} payers), {amt_out} out "
        "({n_out} items), all within 48 hours.",
        "Counterparties: {payers} — no common owner in public registers. Largest payee {cp} ({cc}), {cp_amt}.",
        "RFI to {br} for the customer: contracts or invoices behind the five largest payments, please.",
    ),
    concerns=(
        Finding(
            "OSINT: website of {name} is a template with stock photos, domain three weeks older than the account. No "
            "staff, no clients named.",
            "{pct_out} of {amt_in} left within 48 hours; {k} unrelated payers, funds on to {payees}, most to {cp} "
            "({cc}). No contracts were produced, and no trade presence was found for stated {trade}. Expected "
            "activity is {expected} a month. No lawful business purpose identified.",
        ),
        Finding(
            "Counterparty: {cp} ({cc}) was formed the same quarter as the customer; no trade link to the stated "
            "business. Two payers said they were paying for goods.",
            "The account is drained after each credit: {n_in} credits, {n_out} payments, {kept} kept of {amt_in}. "
            "Payers say they bought goods, the customer says {trade}. Payee {cp} ({cc}) received {cp_amt} without a "
            "purpose on the wires. Reason to suspect layering between {first} and {last}.",
        ),
    ),
    escalations=(
        "Escalating: {cp} is a payee in two other open cases. Suggest one review of the group; needs a Manager's "
        "decision.",
        "Escalating: customer's counsel answered the RFI and disputes our right to ask. Want a Manager's view before "
        "the decision. {amt_in} in, {amt_out} out.",
    ),
    passes=(
        "Each in/out pair tied; {credits} and {debits} agree with the ledger.",
        "Payees researched, purpose addressed, amounts counted in and out apart.",
    ),
    misses=(
        "Payees are not addressed: {cp} received {cp_amt} and is missing from the rationale.",
        "Rationale does not keep in ({amt_in}) and out ({amt_out}) apart, and ties no credit to its payments.",
    ),
)

GOODS = (
    ("polyester yarn", "kg", 240),
    ("phone cases", "piece", 190),
    ("frozen shrimp", "kg", 780),
)
BUILDING_GOODS = (
    ("LED panels", "piece", 3_800),
    ("ceramic tiles", "m²", 950),
    ("brass fittings", "kg", 870),
)
"""What, per what, and the benchmark price of one in cents."""


def trade(scene: Scene) -> None:
    """6 to 11 invoices at prices far from the benchmark, some paid to third parties, each funded days before."""
    draw, book = scene.draw, scene.ledger
    goods, unit, benchmark = draw.pick(BUILDING_GOODS if "Building" in scene.customer.profile.trade else GOODS)
    countries = draw.some(("CN", "HK", "AE", "PA"), draw.between(2, 3))
    suppliers = [(scene.names.abroad(draw, country), country) for country in countries]
    third = draw.pick([country for country in ("AE", "CY", "GB", "SG", "TR") if country not in countries])
    third_party = scene.names.abroad(draw, third)
    buyers = scene.companies(draw.between(2, 3))
    high = scene.explained or draw.chance(0.6)
    days = draw.some(business_days(scene.first + 10 * DAY, scene.last), draw.between(6, 11))
    odd = odd_price = odd_cents = 0
    for number, day in enumerate(days):
        mispriced = number % 5 in (0, 2, 4)
        factor = draw.between(160, 400) if high else draw.between(25, 60)
        price = benchmark * (factor if mispriced else draw.between(90, 112)) // 100
        cents = price * (draw.dollars(40_000, 160_000) // price)
        if mispriced:
            odd += 1
            if (price > odd_price) == high or not odd_price:
                odd_price, odd_cents = price, cents
        name, country = (third_party, third) if number % 3 == 0 else suppliers[number % len(suppliers)]
        book.debit(draw.time(day, 10, 16), cents, draw.pick(("wire", "wire", "letter of credit")), name, country)
        funded = draw.pick(business_days(day - 6 * DAY, day - DAY))
        funding = draw.share(cents, 100, 110)
        book.credit(draw.time(funded, 10, 16), funding, draw.pick(("wire", "ACH")), draw.pick(buyers))
    scene.slots.update(
        goods=goods,
        unit=unit,
        benchmark=money(benchmark),
        odd=str(odd),
        odd_price=money(odd_price),
        odd_amt=money(odd_cents),
        odd_pct=percent(odd_price, benchmark),
        quantity=f"{odd_cents // odd_price:,}",
        cp=latin(suppliers[0][0]),
        cc=suppliers[0][1],
        third=latin(third_party),
        third_cc=third,
        n_third=str(len(days[::3])),
        lading="too low" if high else "too high",
        buyers=listed(buyers),
    )


TRADE = Typology(
    name="Trade-based laundering",
    weight=4,
    look_back=180,
    risk=HIGH,
    odds=(25, 50, 25),
    make=trade,
    alerts=(
        "{n_out} trade payments for {goods}, unit price {odd_pct} of benchmark",
        "Third party in {third_cc} was paid for invoices of {cp} ({cc}); {n_third} of {n_out} payments",
    ),
    profiles=(
        Profile(
            "Business",
            "Import wholesaler",
            "Business checking",
            (90000, 260000),
            (400, 4000),
            (
                Finding(
                    "Documents: purchase orders, invoices and inspection certificates for {n_out} shipments. The odd "
                    "invoices are for certified goods at another grade; an independent quote agrees.",
                    "Grade explains the price: {odd} of {n_out} invoices are for certified {goods} at {odd_price} per "
                    "{unit}; the benchmark of {benchmark} is for commodity grade. Third party {third} is the "
                    "suppliers' factoring agent; assignment notices were seen. Weights and values agree with the "
                    "customs entries.",
                ),
            ),
            (
                "{family} Import & Wholesale Inc.",
                "Atlantic {family} Trading Inc.",
                "{family} Brothers Imports LLC",
            ),
        ),
        Profile(
            "Business",
            "Building materials importer",
            "Business checking",
            (120000, 300000),
            (600, 5000),
            (
                Finding(
                    "Documents: customs entry summaries and the supply contract with {cp}; price includes tooling, "
                    "spread over the first shipments. Assignment to {third} notarized.",
                    "The supply contract with {cp} spreads tooling cost over early shipments, which accounts for "
                    "{odd_pct} of benchmark on {odd} invoices. Payments to {third} ({third_cc}) follow a notarized "
                    "assignment. Goods arrived and were sold on to {buyers}. Nothing left unexplained.",
                ),
            ),
            ("{family} Building Supply Inc.", "{family} Stone & Tile Import LLC"),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}. Expected {expected} a month; trade in {goods} is plausible for it.",
        "Transactions: {n_out} payments, {amt_out}, each funded one to seven days before by {buyers} ({amt_in}).",
        "Price check: {odd} of {n_out} invoices outside ±30% of the benchmark ({benchmark} per {unit}, industry quote "
        "of the month). Largest deviation {odd_pct}: {quantity} × {odd_price} = {odd_amt}.",
        "RFI to {br} for the customer: invoices, bills of lading and customs entries of the payments listed.",
    ),
    concerns=(
        Finding(
            "Documents: the bill of lading's weight is {lading} for {quantity} {unit} of {goods}; the invoice of "
            "{odd_amt} gives no Incoterm and no grade.",
            "{odd} of {n_out} invoices for {goods} lie far off, one at {odd_pct} of the benchmark ({odd_price} "
            "against {benchmark} per {unit}); the bill of lading does not fit the quantity. {n_third} payments went "
            "to {third} ({third_cc}), not to the supplier. {amt_out} out between {first} and {last}. No commercial "
            "reason given; reason to suspect value transfer through mispriced trade (FIN-2010-A001).",
        ),
        Finding(
            "OSINT: the address of {cp} ({cc}) is a residential block; no export registration found. {third} "
            "({third_cc}) has no visible link to the goods.",
            "Supplier {cp} ({cc}) could not be confirmed as a trading firm, and {third} in {third_cc} was paid in its "
            "place ({n_third} of {n_out} payments) without an assignment. One price is {odd_pct} of the benchmark. "
            "Funding from {buyers} arrives days before and matches almost to the dollar: {amt_in} in, {amt_out} out.",
        ),
    ),
    escalations=(
        "Escalating: needs a trade finance expert on grade and price of {goods} ({odd_pct} of benchmark) before a "
        "decision.",
        "Escalating: the relationship manager vouches for {cp} but sends no papers. {amt_out} at stake; Manager to "
        "decide on restricting the letter of credit line.",
    ),
    passes=(
        "Benchmark is dated and sourced; {quantity} × {odd_price} re-computed.",
        "Invoices, shipping papers and payments compared; third party explained.",
    ),
    misses=(
        "Rationale cites no invoice; it rests on the alert alone.",
        "Third party {third} ({n_third} payments) is not explained.",
    ),
)


def layering(scene: Scene) -> None:
    """2 to 4 rounds: an entry wire, hops through linked entities that take 1 to 8% each, an exit or a return."""
    draw, book = scene.draw, scene.ledger
    entry, exit_ = scene.companies(2)
    family = scene.names.person(draw).family
    stems = draw.some(("Blue Heron", "Larkspur", "Granite Point", "Silver Birch", "Ostrava"), draw.between(3, 4))
    linked = [f"{stem} {draw.pick(('Holdings', 'Ventures', 'Capital'))} LLC" for stem in stems]
    linked[0] = f"{family} {linked[0]}"
    country = draw.pick(sorted(ABROAD))
    offshore = scene.names.abroad(draw, country)
    rounds = draw.between(2, 4)
    returned = entered = 0
    for number in range(rounds):
        day = draw.pick(business_days(scene.first + 20 * number * DAY, scene.first + (20 * number + 6) * DAY))
        amount = draw.dollars(100_000, 400_000, 500)
        entered += amount
        book.credit(draw.time(day, 10, 13), amount, "wire", entry)
        for hop in range(2):
            day, amount = settle(draw, day, 1, 3), draw.share(amount, 92, 99)
            book.debit(draw.time(day, 10, 16), amount, "wire", linked[(number + hop) % len(linked)])
            day, amount = settle(draw, day, 1, 2), draw.share(amount, 95, 99)
            source = linked[(number + hop + 1) % len(linked)]
            book.credit(draw.time(day, 10, 16), amount, "wire", source)
        day, amount = settle(draw, day, 1, 2), draw.share(amount, 95, 99)
        returned += amount
        name, where = (offshore, country) if number % 2 and not scene.explained else (exit_, "US")
        book.debit(draw.time(day, 10, 16), amount, "wire", name, where)
    scene.counted = entered  # each hop comes back: only what entered is new money
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


LAYERING = Typology(
    name="Shell company layering",
    weight=6,
    look_back=90,
    risk=HIGH,
    odds=(30, 48, 22),
    make=layering,
    alerts=(
        "{k} entities share one address; {entered} went round {rounds} times",
        "Circular wires via {linked}: {back} of entry left again",
    ),
    profiles=(
        Profile(
            "Business",
            "Holding company",
            "Business checking",
            (20000, 60000),
            (120, 900),
            (
                Finding(
                    "Documents: audited group chart with {k} entities, intercompany loan agreements, and board "
                    "minutes for each of the {rounds} rounds.",
                    "Intragroup treasury: the audited chart shows all {k} entities under one parent, and loan "
                    "agreements cover the wires. Entry from {entry} is a bank-financed sale. Counted once, {entered} "
                    "entered and {left} left. Purpose shown.",
                ),
            ),
            ("{family} Holdings LLC", "{family} Capital Partners LLC", "Meridian {family} Holdings LLC"),
        ),
        Profile(
            "Business",
            "Real estate investment",
            "Business checking",
            (30000, 90000),
            (120, 1500),
            (
                Finding(
                    "Documents: settlement statements of {rounds} purchases, each held in its own LLC as the lender "
                    "asked; owners of 25% and more verified.",
                    "One LLC a property is what the lender requires; settlement statements match the {rounds} rounds "
                    "({entered} in from {entry}). Owners of 25% and more are known and verified (31 CFR 1010.230). "
                    "Intercompany wires are capital calls and distributions.",
                ),
            ),
            ("{family} Realty Ventures LLC", "{family} Property Group LLC"),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}. Ownership certification dates from opening; 25% test to be repeated.",
        "Ledger by hop: {rounds} rounds, {entered} in from {entry}, through {linked}, {left} out ({back}). Gross "
        "{gross} counts hops more than once.",
        "Registers: {k} entities with one organizer and one agent address. Asked for a group chart.",
        "RFI to {br}: who gives the wire instructions for these companies, and from where?",
    ),
    concerns=(
        Finding(
            "KYC: same organizer, phone and login device for all {k} LLCs. Owners named by a nominee service.",
            "Entry wires of {entered} from {entry} passed through {linked} and left again ({back}) within days, "
            "{rounds} times. All {k} entities share organizer, phone and login device; owners are unclear. No goods "
            "or service behind any wire. Reason to suspect layering between {first} and {last} (FIN-2006-G014).",
        ),
        Finding(
            "OSINT: no staff, no website, no tax footprint for {linked}. Payee {offshore} ({cc}) is at a formation "
            "agent's address.",
            "{name} and {linked} show no business of their own. {entered} entered, {left} left to {exit} and "
            "{offshore} ({cc}), less a few percent a hop. The stated purpose ({trade}) was not supported by any paper "
            "asked for. Entry is counted once a round; gross activity is {gross}.",
        ),
    ),
    escalations=(
        "Escalating: one of the owners may be a relative of a foreign official; EDD and a Manager's decision needed.",
        "Escalating: {k} entities, four with accounts here. A decision for the group is above my authority. Entry "
        "{entered}.",
    ),
    passes=(
        "Chart matches the ledger; entry counted once ({entered}).",
        "Ownership addressed, every hop dated, exit traced to {exit}.",
    ),
    misses=(
        "Rationale does not count each round once: entry is {entered}, gross activity {gross}.",
        "Beneficial owners are not addressed; the 25% test is not mentioned.",
    ),
)


def transshipment(scene: Scene) -> None:
    """4 to 10 wires for electronics whose payer and consignee sit in different countries."""
    draw, book = scene.draw, scene.ledger
    countries = draw.some(("TR", "AE", "HK", "KG", "AM", "KZ"), draw.between(2, 3))
    payers = [(scene.names.abroad(draw, country), country) for country in countries]
    consignee_country = draw.pick([c for c in ("KG", "AM", "KZ", "TR") if c not in countries] or ["KZ"])
    consignee = scene.names.abroad(draw, consignee_country)
    distributor, forwarder = scene.companies(2)
    days = draw.some(business_days(scene.first + 20 * DAY, scene.last - 12 * DAY), draw.between(4, 8))
    paid_by: list[str] = []
    for number, day in enumerate(days):
        cents = draw.dollars(25_000, 220_000, 50)
        name, country = payers[number % len(payers)]
        paid_by.append(name)
        book.credit(draw.time(day, 9.5, 15), cents, "wire", name, country)
        if number % 2 == 0:
            moment = draw.time(business_day_after(day, draw.between(2, 5)), 10, 16)
            book.debit(moment, draw.share(cents, 55, 80), "wire", distributor)
    total = sum(book.paid_in)
    moment = draw.time(business_day_after(days[-1], draw.between(2, 4)), 10, 16)
    book.debit(moment, draw.share(total, 1, 4), "ACH", forwarder)
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


TRANSSHIPMENT = Typology(
    name="Sanctions evasion",
    weight=3,
    look_back=180,
    risk=HIGH,
    odds=(25, 45, 30),
    make=transshipment,
    alerts=(
        "HS 8542 goods: consignee in {consignee_cc}, paid from {cc}",
        "Export credits {growth}x the prior 180 days, via {countries}",
    ),
    profiles=(
        Profile(
            "Business",
            "Electronics wholesaler",
            "Business checking",
            (60000, 150000),
            (500, 4000),
            (
                Finding(
                    "Documents: export license and signed end-use letter for the consignee {consignee} "
                    "({consignee_cc}), confirmed with the issuing office by phone.",
                    "Payer {cp} ({cc}) is the procurement arm of consignee {consignee} ({consignee_cc}); license, "
                    "end-use letter and group chart were seen. All parties screened, no match. Growth to {amt_in} "
                    "follows one tender that is public.",
                ),
            ),
            ("{family} Components Inc.", "{family} Micro Devices LLC", "Piedmont {family} Electronics Inc."),
        ),
        Profile(
            "Business",
            "Freight forwarder",
            "Business checking",
            (80000, 200000),
            (400, 3600),
            (
                Finding(
                    "Documents: airway bills and delivery proofs for {n_in} shipments. Goods are consumer chargers; "
                    "the HS code on the invoice was wrong and has been corrected.",
                    "The HS code on the invoice was wrong, and the growth is one retailer's season. Airway bills and "
                    "a corrected entry show consumer chargers, delivered to a retailer in {consignee_cc}; the payer "
                    "in {cc} is that retailer's bank-financed buying agent. All parties and vessels screened.",
                ),
            ),
            ("{family} Forwarding Inc.", "{family} Global Freight LLC"),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}. Expected {expected} a month. Export volume {growth}x the prior 180 days "
        "({prior}).",
        "Transactions: {n_in} wires from {countries}, {amt_in}; supplier {distributor} paid from them.",
        "Screening: customer, {cp} and {consignee} run against current lists, names in both scripts. No true match.",
        "RFI to {br} for the customer: end-use statement, airway bills and HS codes of the {n_in} sales.",
    ),
    concerns=(
        Finding(
            "OSINT: consignee {consignee} ({consignee_cc}) was formed after February 2022, no website, no technical "
            "staff.",
            "Payer {cp} ({cc}) and consignee {consignee} ({consignee_cc}) differ and neither uses such parts; the "
            "end-user field is blank. {amt_in} in {n_in} wires, {growth}x the prior period. Goods fall under HS 8542. "
            "Reason to suspect diversion through third countries. Key term: FIN-2023-GLOBALEXPORT.",
        ),
        Finding(
            "Documents: part numbers are on the common high-priority list; consignee was switched to {consignee} "
            "({consignee_cc}) after booking, according to {forwarder}.",
            "Consignee switched after booking to {consignee} in {consignee_cc}; payment from {cc} by {cp}. "
            "High-priority items, no end-use statement although asked for. {n_in} wires, {amt_in}, {first} to {last}. "
            "Pattern of FIN-2023-Alert004.",
        ),
    ),
    escalations=(
        "Escalating: possible list match on a director of {consignee}. If true: block, and report to OFAC within 10 "
        "business days (31 CFR 501.603).",
        "Escalating: next shipment for {cp} ({cc}) leaves this week. Manager to decide on holding the payment.",
    ),
    passes=(
        "All parties screened, both scripts; end use addressed.",
        "Routes and payers laid out per wire; totals agree ({amt_in}).",
    ),
    misses=(
        "No word on screening of vessel and forwarder ({forwarder}).",
        "End use is not addressed; consignee {consignee} is missing from the rationale.",
    ),
)
