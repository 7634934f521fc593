"""Typologies of misused accounts: mules, elders, crypto ramps, dormant accounts, stolen checks."""

from __future__ import annotations

from collections.abc import Sequence

from seed.draw import DAY, SPREAD_50, SPREAD_80, business_day_after, business_days
from seed.people import KIOSKS, VASPS
from seed.typologies.base import (
    LOW_MEDIUM,
    MEDIUM,
    MEDIUM_HIGH,
    Finding,
    Profile,
    Scene,
    Typology,
    biggest,
    counted,
    date_text,
    hours_later,
    latin,
    listed,
    money,
    percent,
    settle,
)


def _named(people: Sequence[str]) -> str:
    """`Ann Lee and Bo Chen`, or `5 people, Ann Lee, Bo Chen and Cy Park among them`."""
    names = listed(latin(name) for name in people[:3])
    return names if len(people) <= 3 else f"{len(people)} people, {names} among them"


def mule(scene: Scene) -> None:
    """4 to 8 credits from strangers; 88 to 95% of each goes on within 24 hours."""
    draw, book = scene.draw, scene.ledger
    count = draw.between(4, 8)
    senders = scene.people(draw.between(3, min(6, count)))
    payees = [(name, "US", "P2P") for name in scene.people(2)]
    payees.append((draw.pick(VASPS), "US", "VASP"))
    if not scene.explained and draw.chance(0.4):
        payees.append((scene.person(), draw.pick(("NG", "GH", "PH", "MX")), "remittance"))
    if scene.explained:
        landlord = scene.names.company(draw)
        payees = [(landlord, "US", "RTP")]
    paid_to: list[str] = []
    span = (scene.last - scene.first).days
    starts = sorted(scene.first + draw.between(0, span - 2) * DAY for _ in range(count))
    for number, day in enumerate(starts):
        moment, cents = draw.time(day, 8, 18), draw.cents(1_400, 7_500)
        book.credit(moment, cents, draw.pick(("P2P", "P2P", "RTP")), senders[number % len(senders)])
        for piece in draw.split(draw.share(cents, 88, 95), 1 if scene.explained else draw.between(1, 2)):
            name, country, channel = draw.pick(payees)
            paid_to.append(name)
            book.debit(hours_later(draw, moment, 0.4, 23.5), piece, channel, name, country)
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


MULE = Typology(
    name="Money mule",
    weight=10,
    look_back=21,
    risk=MEDIUM,
    odds=(42, 46, 12),
    make=mule,
    alerts=(
        "{n_in} P2P credits from {k} senders new to the account, {pct_out} out within 24 hours",
        "Account {held} old: turnover {amt_in}, {yearly} of stated yearly income in three weeks",
    ),
    profiles=(
        Profile(
            "Individual",
            "Student",
            "Checking",
            (700, 1500),
            (25, 170),
            (
                Finding(
                    "Documents: lease with {k} roommates’ names — the senders — and {cp} as landlord. Rent, deposit "
                    "and furniture are split in the group.",
                    "Senders are the roommates on the lease; the customer collects and pays {cp}, the landlord. "
                    "Amounts reconcile ({amt_in} in, {amt_out} out), {kept} is the customer's own share. No third "
                    "party’s money.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Delivery driver",
            "Checking",
            (1400, 2600),
            (30, 175),
            (
                Finding(
                    "KYC call with {who}: organizes a charter for the soccer league; {k} parents pay in, {cp} is the "
                    "bus company. Flyer and contract received.",
                    "Customer collects for a league trip: {n_in} payments from {k} parents, passed to the bus company "
                    "{cp}. Flyer, contract and list of payers agree with the ledger. One-off, ended with the trip.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Barista",
            "Checking",
            (1100, 2100),
            (26, 160),
            (
                Finding(
                    "Documents: invoices of a wedding hall ({cp}) and a list of relatives who share the cost, {k} of "
                    "them senders here.",
                    "Relatives share the cost of a wedding and the customer forwards it to the hall, {cp}. Invoices "
                    "cover {amt_out}. Sender names match the list received; no recall, no complaint. Explained.",
                ),
            ),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, account {held} old. Stated income about {expected} a month; {amt_in} in over three "
        "weeks.",
        "Transactions: {n_in} credits from {senders}, each passed on within a day to {payees}. {kept} ({kept_pct}) "
        "stayed.",
        "Asked {br} to call the customer for a profile update: source of the incoming payments, and who the "
        "recipients are.",
        "Counterparties: {cp} is the largest recipient. No earlier payments between them.",
    ),
    concerns=(
        Finding(
            "KYC call with {who}: found an online job as “payment processor”, keeps a fee, never met the employer. "
            "Says they were told to open the account.",
            "{n_in} credits from {k} strangers, {amt_in}; {pct_out} forwarded within 24 hours as instructed by an "
            "employer known only online, {kept} ({kept_pct}) kept as a fee. Account {held} old, turnover {yearly} of "
            "yearly income. Pattern of a money mule (FIN-2020-A003); whether knowing or not is left open in the "
            "narrative.",
            "No suspect identified: the person behind the online contact is unknown; the customer is treated as "
            "unwitting.",
        ),
        Finding(
            "Counterparty: the bank of {sender} reports a scam claim and asks for return of funds. Of the {amt_in}, "
            "{kept} stayed here; the rest went on to {payees}.",
            "Sender {sender} reported a scam to their bank. The customer had forwarded {amt_out} of {amt_in} to "
            "{payees}, mainly {cp}, within hours. No explanation was offered on two calls. Senders are victims and "
            "appear in the narrative only.",
        ),
    ),
    escalations=(
        "Escalating: customer may be a victim (romance contact, coached answers). Manager to decide on hold and "
        "outreach.",
        "Escalating: recall request from the bank of {sender}, funds partly still here ({kept}). Needs a decision "
        "today.",
    ),
    passes=(
        "Knowing or unwitting addressed; fee computed ({kept_pct}).",
        "Each credit tied to its onward payment; senders not listed as subjects.",
    ),
    misses=(
        "Senders ({senders}) and possible recalls are not addressed.",
        "Rationale does not say whether the customer knew, and the share kept ({kept_pct}) is missing.",
    ),
)


def scam(scene: Scene) -> None:
    """Strangers: payments by any means, to new payees and kiosks."""
    _savings(scene, ("wire", "cashier's check", "cash", "VASP"))


def trusted_person(scene: Scene) -> None:
    """Somebody close: bills and checks."""
    _savings(scene, ("check", "cashier's check", "cash", "ACH"))


def _savings(scene: Scene, channels: Sequence[str]) -> None:
    """3 to 9 ascending payments to new payees that take 30 to 90% of savings; the last one at the branch."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    count = draw.between(3, 9)
    amounts = sorted(draw.spread(SPREAD_80, 4_000, 2_000, 45_000) for _ in range(count))
    days = draw.some(business_days(scene.first + 8 * DAY, scene.last), count)
    payees = scene.companies(1) if scene.explained else [*scene.companies(1), *scene.people(draw.between(1, 2))]
    if scene.explained:
        channels = ("check", "cashier's check", "ACH")
    paid_to: list[str] = []
    for number, (cents, day) in enumerate(zip(amounts, days, strict=True)):
        channel = draw.pick(channels) if number < count - 1 else "cashier's check"
        name = draw.pick(payees)
        if channel == "VASP":
            name = draw.pick(KIOSKS)
        elif channel == "cash":
            name = scene.customer.contact
        paid_to.append(name)
        place = own[0].place if channel in ("cash", "cashier's check") else ""
        book.debit(draw.time(day, 9.2, 16.8), cents, channel, name, place=place)
    pension = draw.cents(1_450, 2_700)
    for month in range(2):
        start = scene.first + 30 * month * DAY
        book.credit(draw.time(business_days(start, start + 6 * DAY)[0], 8, 9), pension, "ACH", "US Treasury — SSA")
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
        channels=listed(dict.fromkeys(row["channel"] for row in book.rows() if row["direction"] == "out")),
        last_out=date_text(days[-1]),
    )


RETIREES = (
    Profile(
        "Individual",
        "Retired teacher",
        "Savings",
        (2100, 3400),
        (2500, 11000),
        (
            Finding(
                "KYC call with {who} and, on their wish, the daughter: roof and plumbing after a storm. Contract, "
                "permits and photos received; {cp} is licensed.",
                "Home repair after a storm, confirmed by the customer and a daughter who was asked separately. "
                "Contract and permits of {cp} cover {amt_out} in {n_out} payments. The customer was alert and spoke "
                "freely.",
            ),
        ),
    ),
    Profile(
        "Individual",
        "Retired machinist",
        "Money market",
        (1900, 3000),
        (2000, 9000),
        (
            Finding(
                "Documents: admission agreement with an assisted-living home; {cp} handles its entrance fee and the "
                "move. {who} signed in person at {br}.",
                "Move into assisted living: the entrance fee and moving costs account for {amt_out}. Agreement signed "
                "at {br}, where staff have known the customer since {since}. Payments rose with the stages of the "
                "contract.",
            ),
        ),
    ),
)

ELDER_SCAM = Typology(
    name="Elder exploitation",
    weight=7,
    look_back=60,
    risk=MEDIUM,
    odds=(46, 42, 12),
    make=scam,
    alerts=(
        "Age 60+: {n_out} payments to {k} new payees, {amt_out}, rising from {low} to {high}",
        "Age {age}: {pct} of savings out in {span} days by {channels}",
    ),
    profiles=RETIREES,
    checks=(
        "KYC: {full}, {trade}, age {age}, customer since {since}. Expected activity {expected} a month: pension and "
        "little else.",
        "Transactions: {n_out} debits, {amt_out}, rising from {low} to {high}; {pct} of an opening balance of "
        "{balance}.",
        "Asked {br}: did the customer come alone, was anyone on the phone, what was the payment said to be for?",
        "Called the customer on the number held since {since}, not the newest one. Left a neutral message to call the "
        "branch.",
    ),
    concerns=(
        Finding(
            "RFI reply, {br}: a caller coached the customer on the phone during the {last_out} visit (“don’t tell the "
            "bank what it is for”). Teller slowed the payment and called the supervisor.",
            "Payments of {amt_out} to {k} new payees in {span} days, out of pattern for a pensioner with {expected} a "
            "month; coached by phone at {br} on {last_out}. {pct} of savings gone. Reason to suspect a scam by "
            "strangers. The customer is a victim and is named in the narrative only. Key term: EFE FIN-2022-A002.",
            "No suspect identified: the caller used a spoofed number, and the payees appear to be mules.",
        ),
        Finding(
            "KYC call with {who}: believes a “federal officer” moves the savings to a safe account; was told to lie "
            "to the teller. Understood by the end of the call; very distressed.",
            "Customer (age {age}) was led to believe that savings had to be moved: {n_out} payments, {low} to {high}, "
            "by {channels}. {amt_out} left between {first} and {last}, largest payee {cp}. Victim, not subject; APS "
            "referral offered. Key term: EFE FIN-2022-A002.",
            "No suspect identified: the “officer” is known by a first name and a spoofed number only.",
        ),
    ),
    escalations=(
        "Escalating: next payment announced for tomorrow. Manager to decide on a hold under state law and a call to "
        "APS.",
        "Escalating: customer insists on sending more ({amt_out} so far) and the trusted contact cannot be reached.",
    ),
    passes=(
        "Branch and customer both heard; rationale follows from what they said.",
        "Channels and payees complete, share of savings computed ({pct}).",
    ),
    misses=(
        "Rationale does not say whether the customer was spoken to alone, or may be a victim.",
        "Trusted contact is not mentioned; payee {cp} is not addressed.",
    ),
)

WITH_ATTORNEY = (
    Profile(
        "Individual",
        "Retired bookkeeper",
        "Savings",
        (1800, 3100),
        (2500, 10000),
        (
            Finding(
                "KYC call with {who}, alone: own lawyer drew up the power of attorney before hip surgery; the niece "
                "pays rehabilitation and a care home, {cp}. Lawyer confirms.",
                "The power of attorney was the customer's own wish, drawn up by their lawyer before surgery. Payments "
                "of {amt_out} are rehabilitation and the care home {cp}, invoices seen. The customer, called alone, "
                "knew of all {n_out} payments.",
            ),
        ),
    ),
)

ELDER_TRUST = Typology(
    name="Elder exploitation",
    weight=2,
    look_back=60,
    risk=MEDIUM,
    odds=(46, 42, 12),
    make=trusted_person,
    alerts=(
        "Age {age}: new signer on the account, then {n_out} payments, {amt_out}",
        "New power of attorney, {pct} of savings out in {span} days",
    ),
    profiles=WITH_ATTORNEY,
    checks=(
        "KYC: {full}, age {age}, since {since}. New power of attorney on file; copy requested from {br}.",
        "Transactions since the change: {n_out} debits by {channels}, {amt_out}, largest payee {cp}.",
        "RFI to {br}: who presented the power of attorney, and was the customer seen in person?",
    ),
    concerns=(
        Finding(
            "KYC: power of attorney added nine days before the first payment; the attorney-in-fact’s own bills are "
            "among the debits. Customer, called alone: “I thought it was for my taxes”.",
            "A person in a position of trust spent {amt_out} in {n_out} payments soon after a new power of attorney, "
            "against a usual {expected} a month. The customer (age {age}) did not know of them. Undue influence "
            "suspected; the attorney-in-fact is the subject, the customer the victim. Key term: EFE FIN-2022-A002.",
        ),
    ),
    escalations=(
        "Escalating: conflict in the family, two relatives claim authority. APS and a hold are a Manager's decision.",
    ),
    passes=("Authority of the signer examined; payments since the change listed.",),
    misses=("Rationale does not mention the power of attorney, which the alert is about.",),
)


def on_ramp(scene: Scene) -> None:
    """5 to 12 credits; 90 to 99% of each goes to a virtual asset service within 24 hours."""
    draw, book = scene.draw, scene.ledger
    count = draw.between(5, 12)
    senders = [scene.names.company(draw)] if scene.explained else scene.people(draw.between(4, min(7, count)))
    services = draw.some((*VASPS, *(() if scene.explained else KIOSKS)), 1 if scene.explained else draw.between(1, 3))
    span = (scene.last - scene.first).days
    starts = sorted(scene.first + draw.between(0, span - 2) * DAY for _ in range(count))
    paid_to: list[str] = []
    for number, day in enumerate(starts):
        moment = draw.time(day, 8, 18)
        cents = draw.cents(1_000, 3_800 if scene.explained else 9_000)
        channel = "P2P" if not scene.explained else "RTP"
        book.credit(moment, cents, channel, senders[number % len(senders)])
        service = draw.pick(services)
        paid_to.append(service)
        book.debit(hours_later(draw, moment, 0.3, 23.5), draw.share(cents, 90, 99), "VASP", service)
    scene.slots.update(
        k=str(len(senders)),
        counted_payers=counted(len(senders), "payer"),
        senders=_named(senders),
        sender=latin(senders[0]),
        cp=biggest(paid_to, book.paid_out),
        services=listed(dict.fromkeys(paid_to)),
    )


CRYPTO_USER = Profile(
    "Individual",
    "Software developer",
    "Checking",
    (4500, 9000),
    (200, 2500),
    (
        Finding(
            "KYC call with {who}: contractor paid by {sender} through an instant-pay app; buys at {cp} with own "
            "money, own wallet, since 2021. Statements of both received.",
            "Own pay, own wallet, long history: every credit comes from the customer's client {sender}, and the {cp} "
            "account is in the customer's name. {amt_out} of {amt_in} converted is a choice of investment. No other "
            "person's money.",
        ),
    ),
)
CRYPTO_TRADER = Profile(
    "Individual",
    "Self-employed reseller",
    "Checking",
    (2200, 4200),
    (60, 900),
    (
        Finding(
            "Documents: marketplace payouts of {sender}, tax return with the same turnover, and {cp} statements in "
            "the customer's own name.",
            "Credits are payouts for the customer's own sales by {sender}; the tax return shows them. Purchases at "
            "{cp} are in the customer's name, no transfers to other wallets within the period. Nothing points to "
            "exchange for others.",
        ),
    ),
)

ON_RAMP = Typology(
    name="Crypto on/off-ramp",
    weight=5,
    look_back=30,
    risk=MEDIUM_HIGH,
    odds=(28, 60, 12),
    make=on_ramp,
    alerts=(
        "{n_in} credits, then {pct_out} to {services} within 24 hours",
        "Credits of {amt_in} converted at {services} the same day",
    ),
    profiles=(CRYPTO_USER, CRYPTO_TRADER),
    checks=(
        "KYC: {full}, {trade}, since {since}. Expected {expected} a month, virtual assets not mentioned at opening.",
        "Transactions: {n_in} credits, {amt_in}, each followed within a day by a payment to {services}. {amt_out} "
        "converted.",
        "OSINT: FinCEN's MSB registrant search run for {name}: no entry.",
        "RFI to {br} for the customer: statements of the account at {cp}, for a profile update.",
    ),
    concerns=(
        Finding(
            "Counterparty: {cp} answered under 314(b): wallet cluster tagged as scam by their tracing tool; the "
            "hashes are in the case folder.",
            "{n_in} credits from {k} people, {amt_in}, pooled and converted at {services} within 24 hours "
            "({pct_out}). The receiving wallets belong to a cluster tagged as scam. Senders ({senders}) have no tie "
            "to the customer. Hashes and amounts are listed in the case folder; reason to suspect conversion of "
            "victims' funds.",
        ),
        Finding(
            "KYC call with {who}: buys coins “for friends” for 3% and has {k} regular clients. No MSB registration "
            "was found.",
            "Customer exchanges money for others for a fee: {k} senders, {n_in} credits, {amt_in}, {pct_out} on to "
            "{services}. No registration as a money services business, expected activity {expected} a month. Reason "
            "to suspect an unlicensed exchanger (FIN-2019-A003).",
        ),
    ),
    escalations=(
        "Escalating: one receiving wallet shows exposure to a sanctioned address. OFAC question first, then the "
        "decision.",
        "Escalating: {cp} asks under 314(b) for our file; Manager to approve the reply.",
    ),
    passes=(
        "Hashes and wallets listed; own and others’ money kept apart.",
        "Every credit tied to its conversion; totals agree ({amt_in} in, {amt_out} out).",
    ),
    misses=(
        "Receiving wallet is missing from the rationale; the flow ends at {cp}.",
        "Whose money it is stays open: {counted_payers}, none addressed.",
    ),
)


def off_ramp(scene: Scene) -> None:
    """2 to 6 credits from a virtual asset service, 85 to 98% of each drained within 48 hours."""
    draw, book = scene.draw, scene.ledger
    service = draw.pick(VASPS)
    days = draw.some(business_days(scene.first, scene.last - 4 * DAY), draw.between(2, 6))
    payees = scene.companies(1) if scene.explained else [*scene.people(2), *scene.companies(1)]
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
        cp=service,
        k=str(len(set(paid_to))),
        payees=listed(latin(name) for name in dict.fromkeys(paid_to)),
        payee=latin(biggest(paid_to, book.paid_out)),
    )


OFF_RAMP = Typology(
    name="Crypto on/off-ramp",
    weight=3,
    look_back=30,
    risk=MEDIUM_HIGH,
    odds=(28, 60, 12),
    make=off_ramp,
    alerts=(
        "VASP credits {amt_in} drained within 48 hours",
        "{cp} paid in {amt_in}; {pct_out} out to {payees}",
    ),
    profiles=(
        Profile(
            "Individual",
            "Engineer",
            "Checking",
            (5200, 9500),
            (400, 4000),
            (
                Finding(
                    "Documents: purchase contract for a house, {payee} as settlement agent; {cp} statements show "
                    "coins bought from salary since 2017.",
                    "Customer sold coins bought from salary since 2017 to pay for a house; contract and settlement "
                    "agent {payee} were confirmed. {cp} statements carry the purchase history. Source and use of "
                    "{amt_in} known.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Rideshare driver",
            "Checking",
            (1800, 3200),
            (50, 700),
            (
                Finding(
                    "Documents: court order on an inheritance held in coins, {cp} statement of the estate, bill of "
                    "sale from {payee} for a taxi medallion share and vehicle.",
                    "The coins came from an estate (court order seen) and paid for a vehicle and license share from "
                    "{payee}. Low income explained the alert, not the money. Sums agree: {amt_in} in, {amt_out} out.",
                ),
            ),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}; expected {expected} a month. {amt_in} from {cp} in the look-back.",
        "Transactions: {n_in} credits from {cp}, {amt_in}; {amt_out} out by wire within 48 hours to {payees}.",
        "RFI to {cp}: wallet history behind the {n_in} withdrawals (asked as counterparty, facts only).",
    ),
    concerns=(
        Finding(
            "Counterparty: reply of {cp}: coins arrived from a mixer hours before each withdrawal; account opened the "
            "same month.",
            "{amt_in} from {cp} in {n_in} credits, {pct_out} wired on within 48 hours to {payees}. The coins had come "
            "from a mixer hours before. Expected activity {expected} a month ({trade}); the customer gave no source. "
            "Reason to suspect concealment of origin.",
        ),
        Finding(
            "KYC call with {who}: was “asked to cash out” by a contact from a chat group, has never used a wallet "
            "alone.",
            "Customer cashes out coins for another person: {n_in} credits, {amt_in}, onward to {payees} as told in a "
            "chat. No tie to the payees, no fee agreement, no source. Out of profile by far ({expected} a month).",
            "No suspect identified: the person behind the chat account is unknown.",
        ),
    ),
    escalations=(
        "Escalating: tracing shows exposure to a sanctioned wallet upstream of {cp}. Needs OFAC review before the "
        "decision.",
    ),
    passes=(
        "Wallet history obtained and dated; payees addressed.",
        "Source and use both tied to documents; totals agree ({amt_in}).",
    ),
    misses=(
        "Rationale stops at {cp}: no wallet, no history of the coins.",
        "Payees ({payees}) are not addressed.",
    ),
)


def dormant(scene: Scene) -> None:
    """Quiet for over a year; contact data change, money arrives, and 80 to 97% leaves within 5 business days."""
    draw, book, own = scene.draw, scene.ledger, scene.customer.branches
    change = scene.first + draw.between(0, 3) * DAY
    days = draw.some(business_days(change + DAY, scene.first + 14 * DAY), draw.between(1, 4))
    sources = scene.companies(1) if scene.explained else scene.companies(2)
    for day in days:
        cents = draw.dollars(6_000, 60_000, 5)
        book.credit(draw.time(day, 9, 14), cents, draw.pick(("wire", "ACH", "check")), draw.pick(sources))
    payees = scene.companies(1) if scene.explained else [*scene.people(2), draw.pick(VASPS)]
    total = draw.share(sum(book.paid_in), 80, 97)
    paid_to: list[str] = []
    for piece in draw.split(total, draw.between(2, 8)):
        day = settle(draw, days[-1], 1, 5)
        name = draw.pick(payees)
        channel = "VASP" if name in VASPS else draw.pick(("wire", "ACH", "P2P"))
        if scene.explained:
            channel = draw.pick(("check", "ACH"))
        paid_to.append(name)
        book.debit(draw.time(day, 9.2, 16.8), piece, channel, name)
    scene.slots.update(
        idle=f"{draw.between(365, 1_100):,}",
        change=date_text(change),
        cp=latin(biggest(paid_to, book.paid_out)),
        payees=counted(len(set(paid_to)), "payee"),
        source=sources[0],
        last_in=date_text(days[-1]),
        near=own[0].name,
    )


DORMANT = Typology(
    name="Dormant account reactivated",
    weight=5,
    look_back=30,
    risk=LOW_MEDIUM,
    odds=(15, 77, 8),
    make=dormant,
    again=False,
    alerts=(
        "Idle {idle} days, then {amt_in} in",
        "Contact data changed {change}, {pct_out} of {amt_in} out within 5 business days",
    ),
    profiles=(
        Profile(
            "Individual",
            "Retired nurse",
            "Savings",
            (300, 900),
            (1500, 9000),
            (
                Finding(
                    "Documents: letters of administration and the executor’s account; {source} pays out a brother's "
                    "estate. Phone number was changed in branch, with ID.",
                    "Inheritance: probate papers show {amt_in} from {source}. Contact data were changed in person at "
                    "{br} with ID. Payments to {cp} are a care home contract. Called back on the old number: customer "
                    "confirms.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Merchant mariner",
            "Savings",
            (500, 1500),
            (1200, 6000),
            (
                Finding(
                    "KYC call with {who} on the number held since {since}: back from sea, settled the sale of a boat; "
                    "{source} is the broker.",
                    "Customer was at sea and is back: sale of a boat through {source}, contract seen, then payments "
                    "to {cp} for a house. Identity confirmed by call-back to the old number and by a visit to {br}.",
                ),
            ),
        ),
        Profile(
            "Business",
            "Seasonal contractor",
            "Business checking",
            (1000, 4000),
            (1300, 5000),
            (
                Finding(
                    "Documents: contract with {source} after a pause in business; state registration was renewed "
                    "before the account was used again.",
                    "Business resumed after a pause: registration renewed, contract with {source} covers {amt_in}, "
                    "materials bought from {cp}. New phone belongs to the owner {who}, confirmed at {br}.",
                ),
            ),
            ("{family} Paving Inc.", "{family} Roofing LLC", "{family} Pools & Decks LLC"),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, since {since}; no customer activity for {idle} days. Phone and e-mail changed {change}.",
        "Transactions: {credits}, {amt_in}, last on {last_in}; {debits}, {amt_out}, within five business days.",
        "Call-back to the old number tried twice, no answer; {br} asked to write to the address on file.",
        "Compared old and new profile: address unchanged, phone and e-mail new since {change}.",
    ),
    concerns=(
        Finding(
            "KYC call to the old number: {who} was not aware of any change or payment. Login device is new, foreign "
            "IP address.",
            "Account takeover suspected: contact data changed {change} from a new device, after {idle} quiet days; "
            "{amt_in} came in and {amt_out} left to {payees} within five business days. The customer knew nothing of "
            "it and is a victim. Referred to Fraud; account blocked.",
            "No suspect identified: the new device and number cannot be tied to a person.",
        ),
        Finding(
            "Counterparty: {source} says the payment instruction came by a look-alike e-mail and asks for return. "
            "{cp} got most of it.",
            "{amt_in} reached a long-idle account by a deceived payer ({source}) and left within days, mostly to "
            "{cp}. Change of contact data on {change} fits preparation. Reason to suspect use of a dormant account to "
            "move proceeds of fraud.",
            "No suspect identified: the sender of the look-alike e-mail is unknown.",
        ),
    ),
    escalations=(
        "Escalating to decide with Fraud who leads: takeover of a dormant account, {amt_out} gone, recall possible.",
    ),
    passes=(
        "Old and new profile compared; call-back documented.",
        "Source of the credit confirmed with {source}; dates agree.",
    ),
    misses=(
        "Rationale does not say whether the customer was called back on the old number.",
        "Change of contact data on {change} is not mentioned.",
    ),
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
            payee = scene.customer.contact if channel == "ATM cash" else draw.pick(payees)
            paid_to.append(payee)
            channels.append(channel)
            book.debit(out, piece, channel, payee)
    out_total = sum(book.paid_out)
    for number in returned:
        day, cents = deposits[number]
        moment = draw.time(settle(draw, day, 4, 8), 8, 9)
        book.debit(moment, cents, "check return", drawers[number % len(drawers)])
    scene.counted = sum(book.paid_in)  # a returned check goes out again: it is no payment
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


CHECK_FRAUD = Typology(
    name="Check fraud",
    weight=6,
    look_back=30,
    risk=MEDIUM,
    odds=(48, 44, 8),
    make=check_fraud,
    alerts=(
        "{n_in} remote check deposits, {amt_in}; {pct} out within 3 business days",
        "Account {held} old: checks of {drawers}, {amt_in}; {n_back} returned so far",
    ),
    profiles=(
        Profile(
            "Individual",
            "Home health aide",
            "Checking",
            (1500, 2600),
            (34, 88),
            (
                Finding(
                    "Counterparty: {drawer} confirms the checks: insurance settlement after an accident, {n_in} "
                    "installments. Images show no change.",
                    "Insurance payout confirmed by the drawer {drawer} ({n_in} checks, {amt_in}); images are clean, "
                    "none was returned. Quick withdrawals paid relatives ({cp}) who had lent money after the "
                    "accident. Explained.",
                ),
            ),
        ),
        Profile(
            "Individual",
            "Rideshare driver",
            "Checking",
            (1600, 2800),
            (32, 85),
            (
                Finding(
                    "Documents: severance letter of {drawer}, payroll confirms check numbers and dates by phone.",
                    "Severance pay of {drawer} in {n_in} checks, {amt_in}, confirmed by payroll; no item returned. "
                    "Customer moved banks, which is why the account is new. Transfers to {cp} are shared rent and a "
                    "car.",
                ),
            ),
        ),
    ),
    checks=(
        "KYC: {full}, {trade}, account {held} old. Expected {expected} a month; checks of {amt_in} within days.",
        "Transactions: {n_in} check deposits by phone or ATM, {amt_in}; {cashed} out in one to three business days; "
        "{n_back} returned.",
        "Image review ordered for the {n_in} items: payee line, amount line, endorsement.",
        "Asked the drawer {drawer} by the number in its register entry whether the checks are theirs as deposited.",
    ),
    concerns=(
        Finding(
            "Image review: payee line retyped in another font, endorsement does not match the signature card. "
            "{drawer} says the check was mailed {mailed} days before.",
            "{n_in} checks, {amt_in}, deposited into an account {held} old; {n_back} returned ({back}), {how}. "
            "{drawer} had mailed its check {mailed} days before the deposit. {cashed} left within three business "
            "days. Images cited in the folder. Reason to suspect stolen mail. Key term: FIN-2023-MAILTHEFT.",
            "No suspect identified: who took the mail is unknown, and the depositor's face is hidden on the ATM image.",
        ),
        Finding(
            "KYC call with {who}: “sold” the card and login to someone met on social media for $500; police report "
            "suggested.",
            "Account of {name} was used by others to deposit {n_in} checks of {drawers} ({amt_in}); {n_back} came "
            "back, {how}. {pct} had been taken out before. The drawers are victims. Cash-out by {via}; loss depends "
            "on recovery of {back}.",
        ),
    ),
    escalations=(
        "Escalating: same endorsement on checks in several new accounts. Ring suspected, needs one owner and a hold "
        "decision.",
    ),
    passes=(
        "Images and drawers addressed; each deposit tied to what followed.",
        "Returns kept apart from cash-out; totals agree ({amt_in} in).",
    ),
    misses=(
        "Check images are not cited.",
        "Rationale says nothing about the drawers, nor about returns ({n_back}).",
    ),
)
