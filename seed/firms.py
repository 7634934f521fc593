"""Names of firms: words that are put together, so that no firm recurs by chance."""

from __future__ import annotations

from functools import lru_cache
from math import gcd


def _words(text: str, between: str = " ") -> list[str]:
    return text.split(between)


FIRST = _words(
    "Alder Amber Anchor Arbor Ashby Aspen Aurora Banner Basalt Beacon Beech Birch Blaze Bolton Boulder Bramble Briar "
    "Bristol Brook Cactus Calder Camden Canal Canyon Cardinal Carver Cascade Cedar Chestnut Cinder Citadel Clover "
    "Cobalt Colby Compass Copper Coral Cotton Crane Crescent Crystal Cypress Dalton Delta Dover Drake Dune Eagle "
    "Easton Ember Emerald Everett Falcon Fern Finch Flint Forge Foster Fox Garnet Glacier Golden Granite Grove Gull "
    "Hamlet Harbor Hartley Harvest Hawk Hazel Heron Hickory Hudson Iron Ivy Jasper Juniper Keel Kestrel Kingston "
    "Lantern Larch Laurel Linden Lumen Lynx Magnolia Maple Marble Marlin Meadow Merit Mill Mission Monarch Mosaic "
    "Myrtle Nickel Noble North Oak Ocean Olive Onyx Opal Orchard Otter Palisade Pearl Pelican Pepper Pewter Pine "
    "Pioneer Plum Poplar Prairie Quarry Quartz Raven Redwood Ridgeway River Robin Rowan Sable Sage Saltbox Sandpiper "
    "Sapphire Schooner Sequoia Shore Sierra Silver Slate Sparrow Spruce Sterling Stone Summit Swan Sycamore Tamarack "
    "Teal Thistle Timber Topaz Trident Tulip Union Valley Verdant Vista Walnut Warren Willow Windsor Wren Yarrow"
)
SECOND = _words(
    "Ridge Creek Gate Point Field Bend Crest Hollow Bridge Landing Run Harbor Hill Lake Grove Park Square Cove Glen "
    "Bluff Rock Brook Heights Meadow Crossing Terrace Vale Spring Shore Trail Fork Branch Lane Court Mark Path Key "
    "Haven Wharf Pass"
)
TRADES = _words(
    "Packaging|Supply|Logistics|Printing|Foods|Properties|Construction|Electric|Plumbing Supply|Hardware|Textiles|"
    "Furniture|Auto Parts|Equipment|Distributors|Marketing|Design|Machine Works|Tool & Die|Roofing Supply|Seafood|"
    "Produce|Beverages|Paper|Plastics|Signs|Flooring|Glass|Steel|Lumber|Medical Supply|Software|Engineering|"
    "Insurance Services|Property Management|Catering|Events|Nurseries|Uniforms|Recycling",
    "|",
)
FORMS = ("LLC", "Inc.", "Co.", "Corp.")
SHELLS = ("Holdings LLC", "Ventures LLC", "Capital LLC")
"""How companies are called that only hold and pass on."""

ABROAD = {
    "AE": ("Noor Marsa Qasr Sahil Wadi Jumana Rahal Zafir Barsha Duran", "vale fahd delma rim haya sufra tal mira"),
    "AM": ("Arev Masis Vana Tigra Sevan Garni Hayk Ararat", "trans ko tekh med shin plast"),
    "CY": ("Kali Petra Aphri Leme Pafo Kyre Akro Halio", "donas velli on ssa nia thea mar"),
    "GB": ("Wex Alder Tavi Bram Hather Pen Thorn Stan Glen Kirk", "combe moor stan ley wick ford sea by"),
    "HK": ("Bright Harbour Lok Wing Sun Tat Kwong Fai Jade Lion", "quay kin fung shun yip tai star ming"),
    "KG": ("Ala Bish Kench Issyk Talas Naryn Osh Batken", "temir torg ata stroy el kol"),
    "KZ": ("Sary Altyn Esil Kara Ak Tobol Irtysh Zhetysu", "zhol kom tekh stan nur tau"),
    "MX": ("Valle Pena Agave Monte Cerro Solar Lago Costa", "alto sur norte mar verde luz"),
    "PA": ("Vista Darien Istmo Colon Chagres Boquete Perla Canal", "mar azul norte sol oro dos"),
    "SG": ("Tanjong Merlin Raffles Keppel Sentosa Katong Jurong Kallang", "keel straits link bay wave port"),
    "TR": ("Karv Günes Ilgaz Yildiz Deniz Bogaz Anadol Ege", "elli soy han tas kaya ova"),
    "CN": (
        "恒瑞Hengrui 金汇Jinhui 远景Yuanjing 海云Haiyun 华茂Huamao 瑞丰Ruifeng 盛隆Shenglong 中联Zhonglian 东泰Dongtai",
        "达da 通tong 盛sheng 泰tai 源yuan 信xin 和he 宏hong",
    ),
}
"""Beginnings and ends of firms' names in other countries; those of China in both scripts."""
FORMS_ABROAD = {
    "AE": "General Trading FZE|Trading LLC|Metals DMCC",
    "AM": "LLC|Trade LLC",
    "CY": "Holdings Ltd|Consulting Ltd",
    "GB": "Partners LLP|Trading Ltd",
    "HK": "Trading Limited|Industries Limited|(HK) Limited",
    "KG": "Invest OsOO|Trade OsOO",
    "KZ": "Logistics TOO|Service TOO",
    "MX": "S.A. de C.V.|S. de R.L. de C.V.",
    "PA": "S.A.|International S.A.",
    "SG": "Pte Ltd|Resources Pte Ltd",
    "TR": "Dış Ticaret Ltd. Şti.|Elektronik A.Ş.",
    "CN": "贸易有限公司 Trading Co., Ltd|电子有限公司 Electronics Co., Ltd|进出口有限公司 Import & Export Co., Ltd",
}
COUNTRIES = sorted(set(ABROAD) - {"CN"})
"""Where a firm may be that only a name is known of."""


def firm(number: int) -> str:
    """Return a firm in the United States: another one for each number."""
    names = (FIRST, SECOND, TRADES, FORMS)
    (first, second, trade, form), again = _picked(number, *names)
    return f"{first} {second}{_more(again)} {trade} {form}"


def shell(number: int) -> str:
    """Return a company that only holds and passes on: another one for each number."""
    (first, second, form), again = _picked(number, FIRST, SECOND, SHELLS)
    return f"{first} {second}{_more(again)} {form}"


def called(number: int, what: str) -> str:
    """Return a firm of a kind such as Motor Inn: another one for each number."""
    (first, second), again = _picked(number, FIRST, SECOND)
    return f"{first} {second}{_more(again)} {what}"


def kiosk(number: int) -> str:
    """Return a machine that sells virtual assets for cash: another one for each number."""
    brand = ("CoinStop", "BitCorner", "EZ-Coin")[number % 3]
    return f"{brand} kiosk {1_000 + number}"


def abroad(number: int, country: str) -> str:
    """Return a firm in one of the countries of `ABROAD`: another one for each number."""
    starts, ends = (text.split() for text in ABROAD[country])
    (start, end, form), again = _picked(number, starts, ends, FORMS_ABROAD[country].split("|"))
    if country != "CN":
        return f"{start}{end}{_more(again)} {form}"
    native_form, latin_form = form.split(" ", 1)
    native = "".join(letter for letter in start + end if letter > "\u3000")
    latin = "".join(letter for letter in start + end if letter < "\u3000")
    return f"{native}{_NUMBERED[again % 10] if again else ''}{native_form} / {latin}{_more(again)} {latin_form}"


_NUMBERED = "甲乙丙丁戊己庚辛壬癸"


def _picked(number: int, *lists: list[str] | tuple[str, ...]) -> tuple[list[str], int]:
    """Return a word of each list, and how many times all that they give has been given before.

    Numbers that follow one another give words far apart.
    """
    count = 1
    for words in lists:
        count *= len(words)
    again, place = divmod(number, count)
    place = (place * step(count) + 7) % count
    found = []
    for words in lists:
        place, which = divmod(place, len(words))
        found.append(words[which])
    return found, again


@lru_cache(maxsize=256)
def step(count: int) -> int:
    """Return a number near the golden section of `count` that has no divisor in common with it."""
    step = int(count * 0.618) | 1
    while gcd(step, count) != 1:
        step += 2
    return step


def _more(again: int) -> str:
    """Return further words for a name whose first ones have been given: none at first, then one, then two."""
    words = ""
    while again:
        again, which = divmod(again - 1, len(FIRST))
        words += f" {FIRST[which]}"
    return words
