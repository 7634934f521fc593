"""The code lists of FinCEN's SAR form (SARX batch schema 1.2): kinds of activity, instruments and products.

Pure; no I/O. The codes are FinCEN's, the words are the desk's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

STRUCTURING, BELOW_CTR = 112, 114
TRADE, FUNNEL, UNLICENSED_MSB, TAKEOVER, ELDER, TRAFFICKING = 823, 824, 913, 920, 921, 927

ACTIVITY_KINDS: Mapping[int, str] = {
    1: "Structuring",
    3: "Fraud",
    4: "Identification documents",
    5: "Insurance",
    6: "Securities, futures, options",
    7: "Terrorist financing",
    8: "Money laundering",
    9: "Other suspicious activity",
    10: "Mortgage fraud",
    11: "Cyber event",
    12: "Gaming",
}

ACTIVITIES: Mapping[int, str] = {
    106: "Asked about reporting or record-keeping rules",
    111: "Changed or cancelled a transaction to avoid record keeping",
    112: "Changed or cancelled a transaction to avoid a CTR",
    113: "Transactions below the record-keeping threshold",
    114: "Transactions below the CTR threshold",
    1999: "Structuring, other",
    301: "Check fraud",
    304: "Consumer loan fraud",
    305: "Credit or debit card fraud",
    308: "Mail fraud",
    309: "Mass-marketing fraud",
    310: "Pyramid scheme",
    312: "Wire transfer fraud",
    320: "ACH fraud",
    321: "Business loan fraud",
    322: "Advance fee fraud",
    323: "Health care or health insurance fraud",
    324: "Ponzi scheme",
    325: "Securities fraud",
    3999: "Fraud, other",
    401: "Changed the spelling or order of a name",
    402: "Several people with the same or a similar identity",
    403: "Questionable or false documents",
    404: "Refused or avoided giving documents",
    405: "One person with several identities",
    409: "Questionable or false identification",
    4999: "Identification documents, other",
    501: "Excessive insurance",
    502: "Excessive or unusual borrowing against a policy or annuity",
    504: "Insurance proceeds sent to an unrelated third party",
    505: "Suspicious sale of life insurance",
    506: "Suspicious end of a policy or contract",
    507: "Unclear or no insurable interest",
    5999: "Insurance, other",
    601: "Insider trading",
    603: "Misappropriation",
    604: "Unauthorized pooling",
    608: "Market manipulation",
    609: "Wash trading",
    6999: "Securities, futures, options, other",
    701: "Known or suspected terrorist or terrorist organization",
    7999: "Terrorist financing, other",
    801: "Exchanged small bills for large ones or the reverse",
    804: "Suspicious choice of beneficiaries, assignees or joint owners",
    805: "Suspicious wire or other electronic transfers",
    806: "Suspicious receipt of government payments",
    807: "Suspicious use of several accounts",
    808: "Suspicious use of noncash monetary instruments",
    809: "Suspicious use of third parties (straw man)",
    812: "Transactions out of pattern for the customer",
    820: "Suspicious physical condition of funds",
    821: "Suspicious source of funds",
    822: "Suspicious exchange of currencies",
    823: "Trade-based money laundering, Black Market Peso Exchange",
    824: "Funnel account",
    8999: "Money laundering, other",
    901: "Bribery or gratuity",
    903: "Embezzlement, theft or disappearance of funds",
    904: "Forgeries",
    905: "Identity theft",
    907: "Suspected corruption, domestic",
    908: "Suspected corruption, foreign",
    909: "Suspicious use of an informal value transfer system",
    910: "Suspicious use of several locations",
    911: "Two or more people working together",
    913: "Unlicensed or unregistered money services business",
    917: "Counterfeit instrument",
    920: "Account takeover",
    921: "Elder financial exploitation",
    922: "Little concern for performance, penalties, fees or taxes",
    924: "Misuse of position or self-dealing",
    925: "No apparent economic, business or lawful purpose",
    926: "Human smuggling",
    927: "Human trafficking",
    928: "Transactions with a foreign high-risk jurisdiction",
    9999: "Other suspicious activity",
    1001: "Appraisal fraud",
    1003: "Loan modification fraud",
    1005: "Mortgage application fraud",
    1006: "Foreclosure or short sale fraud",
    1007: "Origination fraud",
    10999: "Mortgage fraud, other",
    1101: "Cyber event against a financial institution",
    1102: "Cyber event against customers of a financial institution",
    11999: "Cyber event, other",
    1201: "Chip walking",
    1202: "Minimal gaming with large transactions",
    1203: "Suspicious use of counter checks or markers",
    1204: "Unknown source of chips",
    12999: "Gaming, other",
}
"""What a SAR can say about the activity, by FinCEN's subtype code, in the order of the form."""

INSTRUMENTS: Mapping[int, str] = {
    31: "Bank or cashier's check",
    32: "Foreign currency",
    33: "Funds transfer",
    34: "Gaming instruments",
    35: "Government payment",
    36: "Money orders",
    37: "Personal or business check",
    38: "Travelers checks",
    39: "U.S. currency",
    41: "Another instrument or payment mechanism",
}
"""Instruments and payment mechanisms, by FinCEN's asset code."""

PRODUCTS: Mapping[int, str] = {
    1: "Another instrument, product or service",
    2: "Bonds or notes",
    3: "Commercial mortgage",
    4: "Commercial paper",
    5: "Credit card",
    6: "Debit card",
    7: "Forex transactions",
    8: "Futures or options on futures",
    9: "Hedge fund",
    10: "Home equity loan",
    11: "Home equity line of credit",
    12: "Insurance or annuity products",
    13: "Mutual fund",
    14: "Options on securities",
    16: "Prepaid access",
    17: "Residential mortgage",
    18: "Security futures products",
    19: "Stocks",
    20: "Swap, hybrid or other derivative",
    30: "Another product",
    46: "Deposit account",
    47: "Microcap securities",
}
"""Products, by FinCEN's asset code."""

ASSETS: Mapping[int, str] = {**INSTRUMENTS, **PRODUCTS}

OTHER = frozenset({1, 30, 41, *(code for code in ACTIVITIES if code % 1000 == 999)})
"""The codes of "other", which the form wants described in words of at most 50 characters."""

_OUT_OF_PATTERN, _SOURCE, _NO_PURPOSE, _TOGETHER, _THIRD_PARTY = 812, 821, 925, 911, 809
_TRANSFERS, _LOCATIONS, _FOREIGN, _CHECKS, _MAIL = 805, 910, 928, 301, 308

BY_TYPOLOGY: Mapping[str, tuple[int, ...]] = {
    "structuring": (STRUCTURING, BELOW_CTR, _SOURCE),
    "rapid movement of funds": (_TRANSFERS, _NO_PURPOSE),
    "funnel account": (FUNNEL, BELOW_CTR, _LOCATIONS),
    "money mule": (_THIRD_PARTY, _SOURCE, _OUT_OF_PATTERN),
    "trade-based laundering": (TRADE, _TRANSFERS),
    "shell company layering": (_TRANSFERS, _NO_PURPOSE, _TOGETHER),
    "human trafficking": (TRAFFICKING, _SOURCE),
    "elder exploitation": (ELDER, _OUT_OF_PATTERN),
    "crypto on/off-ramp": (UNLICENSED_MSB, _SOURCE),
    "dormant account reactivated": (TAKEOVER, _OUT_OF_PATTERN),
    "sanctions evasion": (_TRANSFERS, _FOREIGN),
    "cash-intensive business": (_SOURCE, _OUT_OF_PATTERN),
    "check fraud": (_CHECKS, _MAIL),
}
"""The activity types that a typology suggests, by its name in small letters; a person keeps those that fit."""

KEY_TERMS: Mapping[str, str] = {
    "elder exploitation": "EFE FIN-2022-A002",
    "check fraud": "FIN-2023-MAILTHEFT",
    "sanctions evasion": "FIN-2023-GLOBALEXPORT",
    "human trafficking": "HUMAN TRAFFICKING FIN-2020-A008",
}
"""By typology, in small letters, the term by which FinCEN's advisory asks to find such reports."""

_CASH, _TRANSFER, _CHECK, _BANK_CHECK, _DEBIT_CARD, _PREPAID, _OTHER_MECHANISM = 39, 33, 37, 31, 6, 16, 41

_BY_CHANNEL: tuple[tuple[str, int], ...] = (
    ("cashier's check", _BANK_CHECK),
    ("bank check", _BANK_CHECK),
    ("money order", 36),
    ("traveler", 38),
    ("check", _CHECK),
    ("cheque", _CHECK),
    ("prepaid", _PREPAID),
    ("gift card", _PREPAID),
    ("credit card", 5),
    ("card", _DEBIT_CARD),
    ("cash", _CASH),
    ("atm", _CASH),
    ("night drop", _CASH),
    ("vasp", _OTHER_MECHANISM),
    ("crypto", _OTHER_MECHANISM),
    ("letter of credit", _OTHER_MECHANISM),
    *((word, _TRANSFER) for word in ("wire", "ach", "rtp", "fednow", "p2p", "remittance", "transfer", "swift")),
)
"""How words of a channel's name begin, in small letters, and the asset that they mean; the first found counts."""

_DESCRIBED = {"vasp": "Virtual currency", "crypto": "Virtual currency", "letter of credit": "Letter of credit"}


def activity_kind(code: int) -> int:
    """Return the type that a subtype belongs to, as FinCEN numbers them: 112 and 1999 are of type 1, 1001 of 10."""
    return code // 1000 if code in OTHER else code // 100


def asset_kind(code: int) -> int:
    """Return FinCEN's type of an asset: 6 for an instrument or payment mechanism, 5 for a product."""
    return 6 if code in INSTRUMENTS else 5


def activities_of(typology: str) -> tuple[int, ...]:
    """Return the activity types that a typology suggests; none where the desk does not know the typology."""
    return BY_TYPOLOGY.get(typology.strip().casefold(), ())


def assets_of(channels: Iterable[str], currency: str) -> dict[int, str]:
    """Return the assets that channels of payment suggest, by code and in order, each with its description.

    The description is empty but for the codes of `OTHER`. A channel that the desk cannot place suggests none; cash in
    another currency (a code as in ISO 4217) than the dollar is foreign currency.
    """
    found: dict[int, str] = {}
    for channel in channels:
        word, code = _asset(channel)
        if code == _CASH and currency != "USD":
            code = 32
        if code:
            words = [text for text in (found.get(code, ""), _DESCRIBED.get(word, "")) if text]
            found[code] = ", ".join(dict.fromkeys(", ".join(words).split(", ")))
    return dict(sorted(found.items()))


def is_cash(channel: str) -> bool:
    """Say whether a channel of payment moves notes and coins; a cashier's check does not."""
    return _asset(channel)[1] == _CASH


def _asset(channel: str) -> tuple[str, int]:
    name = channel.casefold()
    return next(((word, code) for word, code in _BY_CHANNEL if re.search(rf"\b{word}", name)), ("", 0))


def words(code: int) -> str:
    """Return what an activity type or asset is called; the code itself where the form has no such code."""
    return ACTIVITIES.get(code) or ASSETS.get(code) or f"code {code}"
