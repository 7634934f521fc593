"""Who is in the data set: the people of the desk, customers' names, firms and branches. All invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faker import Faker
from faker.providers.person.ja_JP import Provider as Japanese

from app.models import ALERT_FEED_USER, Role, User
from seed.draw import Draw

ANALYSTS = (
    User("a.nguyen", "An Nguyễn", Role.ANALYST, active=True),
    User("d.kowalski", "Dana Kowalski", Role.ANALYST, active=True),
    User("j.whitfield", "Jordan Whitfield", Role.ANALYST, active=True),
    User("m.okafor", "Marcus Okafor", Role.ANALYST, active=True),
    User("p.raman", "Priya Raman", Role.ANALYST, active=True),
    User("s.alvarez", "Sofía Álvarez", Role.ANALYST, active=True),
)
REVIEWERS = (
    User("l.chen", "Lin Chen", Role.QA, active=True),
    User("r.haddad", "Rania Haddad", Role.QA, active=True),
    User("t.brooks", "Tyrone Brooks", Role.QA, active=True),
)
MANAGERS = (
    User("c.marchetti", "Carla Marchetti", Role.MANAGER, active=True),
    User("e.suzuki", "Emi Suzuki", Role.MANAGER, active=True),
    User("k.oneill", "Kevin O'Neill", Role.MANAGER, active=True),
)
LEAVER = User("b.hansen", "Björn Hansen", Role.ANALYST, active=True)
"""An Analyst, as they were until they left."""

USERS = (
    *ANALYSTS,
    *REVIEWERS,
    *MANAGERS,
    replace(LEAVER, active=False),
    ALERT_FEED_USER,
)
"""The rows of `users`, the same for every seed."""


@dataclass(frozen=True, slots=True)
class Name:
    """A person: as the customer record shows them, as an analyst writes them, and their family name."""

    shown: str
    latin: str
    family: str


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    city: str
    state: str

    @property
    def place(self) -> str:
        return f"{self.name} branch, {self.city} {self.state}"


def _branches(state: str, *cities: str) -> tuple[Branch, ...]:
    """`cities` are texts like "Queens: Flushing, Jamaica Ave"."""
    return tuple(
        Branch(name.strip(), city, state)
        for text in cities
        for city, _, names in [text.partition(":")]
        for name in names.split(",")
    )


BRANCHES = (
    _branches("NY", "Queens: Flushing, Jamaica Ave, Steinway St", "Brooklyn: Bay Ridge, Kings Hwy, Fulton St"),
    _branches("NJ", "Newark: Ironbound, Broad St", "Jersey City: Journal Sq, Newport", "Edison: Oak Tree Rd"),
    _branches("PA", "Philadelphia: Market St, Kensington, Olney", "Allentown: Hamilton St, Tilghman St"),
    _branches("MA", "Boston: Dorchester, Allston, East Boston", "Worcester: Main St, Shrewsbury St"),
    _branches("MD", "Baltimore: Highlandtown, Pratt St, Towson", "Silver Spring: Georgia Ave, Wheaton"),
    _branches("FL", "Miami: Flagler St, Hialeah, Coral Way", "Orlando: Orange Ave, Kissimmee"),
    _branches("GA", "Atlanta: Buford Hwy, Peachtree St, West End", "Savannah: Abercorn St, Bay St"),
    _branches("OH", "Columbus: High St, Morse Rd", "Cleveland: Lorain Ave, Euclid Ave, Parma"),
    _branches("VA", "Richmond: Broad St, Hull St", "Annandale: Little River Tpke, Columbia Pike"),
    _branches("NC", "Charlotte: Central Ave, South Blvd, Trade St", "Raleigh: Capital Blvd, New Bern Ave"),
)
"""The bank's branches, a tuple a state."""

FAR_BRANCHES = (
    Branch("Nolana Ave", "McAllen", "TX"),
    Branch("Montana Ave", "El Paso", "TX"),
    Branch("Indian School Rd", "Phoenix", "AZ"),
    Branch("Nogales Hwy", "Tucson", "AZ"),
    Branch("Imperial Ave", "San Diego", "CA"),
    Branch("26th St", "Chicago", "IL"),
    Branch("Rainier Ave", "Seattle", "WA"),
    Branch("Federal Blvd", "Denver", "CO"),
)

LOCALES = [
    "en_US",
    "es_MX",
    "zh_CN",
    "vi_VN",
    "pt_BR",
    "ko_KR",
    "hi_IN",
    "ar_SA",
    "ru_RU",
    "he_IL",
    "uk_UA",
    "ja_JP",
    "tr_TR",
]
LOCALE_WEIGHTS = (0.65, 0.09, 0.05, 0.04, 0.03, 0.025, 0.025, 0.02, 0.02, 0.015, 0.015, 0.01, 0.01)

# Family and given names of scripts that no rule turns into Latin, each written next to its own Latin form.
PAIRED = {
    "zh_CN": (
        "陈 Chen 王 Wang 李 Li 张 Zhang 刘 Liu 黄 Huang 林 Lin 吴 Wu 周 Zhou 徐 Xu 孙 Sun 马 Ma 朱 Zhu 胡 Hu "
        "郭 Guo 何 He 高 Gao 罗 Luo 郑 Zheng 梁 Liang 谢 Xie 宋 Song 唐 Tang 许 Xu 邓 Deng 冯 Feng 韩 Han 曹 Cao",
        "伟 Wei 芳 Fang 娜 Na 敏 Min 静 Jing 丽 Li 强 Qiang 磊 Lei 洋 Yang 艳 Yan 勇 Yong 杰 Jie 娟 Juan 涛 Tao "
        "明 Ming 超 Chao 秀英 Xiuying 霞 Xia 平 Ping 刚 Gang 桂英 Guiying 玉兰 Yulan 建华 Jianhua 志强 Zhiqiang "
        "晓梅 Xiaomei 文博 Wenbo 雪 Xue 俊 Jun 丹 Dan 海燕 Haiyan",
    ),
    "ko_KR": (
        "김 Kim 이 Lee 박 Park 최 Choi 정 Jung 강 Kang 조 Cho 윤 Yoon 장 Jang 임 Lim 한 Han 오 Oh 서 Seo 신 Shin "
        "권 Kwon 황 Hwang 안 Ahn 송 Song",
        "민준 Min-jun 서연 Seo-yeon 지훈 Ji-hoon 수진 Soo-jin 영수 Young-soo 미경 Mi-kyung 현우 Hyun-woo "
        "은지 Eun-ji 성호 Sung-ho 정희 Jung-hee 동현 Dong-hyun 혜진 Hye-jin 상훈 Sang-hoon 유진 Yu-jin "
        "재현 Jae-hyun 보람 Bo-ram 경희 Kyung-hee 준호 Jun-ho",
    ),
    "ar_SA": (
        "الحربي Al-Harbi القحطاني Al-Qahtani الغامدي Al-Ghamdi الزهراني Al-Zahrani الشمري Al-Shammari "
        "العتيبي Al-Otaibi المالكي Al-Maliki الدوسري Al-Dosari السبيعي Al-Subaie العنزي Al-Anazi "
        "الشهري Al-Shehri المطيري Al-Mutairi النعيمي Al-Nuaimi الخالدي Al-Khalidi",
        "محمد Mohammed أحمد Ahmed عبدالله Abdullah خالد Khalid فاطمة Fatima نورة Noura سعود Saud فهد Fahd "
        "مريم Maryam عائشة Aisha يوسف Yousef عمر Omar سارة Sarah هند Hind ماجد Majed ريم Reem طارق Tariq ليلى Layla",
    ),
    "he_IL": (
        "כהן Cohen לוי Levy מזרחי Mizrahi פרץ Peretz ביטון Biton דהן Dahan אברהם Avraham פרידמן Friedman "
        "מלכה Malka אזולאי Azoulay כץ Katz יוסף Yosef דוד David עמר Amar חדד Hadad גבאי Gabay",
        "נועם Noam יעל Yael דניאל Daniel שירה Shira אורי Uri תמר Tamar איתן Eitan מיכל Michal יונתן Yonatan "
        "רחל Rachel אביגיל Avigail משה Moshe נועה Noa אלון Alon רונית Ronit גיל Gil",
    ),
    "hi_IN": (
        "शर्मा Sharma वर्मा Verma कुमार Kumar सिंह Singh गुप्ता Gupta पटेल Patel मेहता Mehta जोशी Joshi अग्रवाल Agarwal "
        "मिश्रा Mishra चौहान Chauhan यादव Yadav कपूर Kapoor सक्सेना Saxena तिवारी Tiwari नायर Nair",
        "राहुल Rahul प्रिया Priya अमित Amit सुनीता Sunita विजय Vijay अनिता Anita संजय Sanjay पूजा Pooja राजेश Rajesh "
        "नेहा Neha अर्जुन Arjun कविता Kavita दीपक Deepak मीना Meena रोहित Rohit आशा Asha",
    ),
}

CYRILLIC = {
    "ru_RU": "а a б b в v г g д d е e ё yo ж zh з z и i й y к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts "
    "ч ch ш sh щ shch ъ ъ ы y ь ь э e ю yu я ya",
    "uk_UA": "а a б b в v г h ґ g д d е e є ie ж zh з z и y і i ї i й i к k л l м m н n о o п p р r с s т t у u "
    "ф f х kh ц ts ч ch ш sh щ shch ь ь ю iu я ia",
}
"""Letter by letter into Latin; a letter that stands for itself is silent."""
INITIAL = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
"""Ukrainian letters that read otherwise at the start of a name."""
SILENT = "ъь'’ʼ"

PROVIDERS = ["faker.providers.person", "faker.providers.company"]
"""Those of Faker that are needed: loading the others as well would nearly double the time."""

POOL = 400
"""Names that are drawn from Faker a locale and kind."""

ABROAD = {
    "AE": ("Noorvale|Marsa Fahd|Qasr Delma|Sahil Wadi", "General Trading FZE|Trading LLC|Metals DMCC"),
    "AM": ("Arevtrans|Masisko|Vanatekh", "LLC|Trade LLC"),
    "CY": ("Kalidonas|Petravelli|Aphrion", "Holdings Ltd|Consulting Ltd"),
    "GB": ("Wexcombe|Aldermoor|Tavistan", "Partners LLP|Trading Ltd"),
    "HK": (
        "Brightquay|Sun Lok Fai|Harbourkin|Wing Tat Shun",
        "Trading Limited|Industries Limited|(HK) Limited",
    ),
    "KG": ("Ala-Temir|Bishtorg|Kench-Ata", "Invest OsOO|Trade OsOO"),
    "KZ": ("Saryzhol|Altynkom|Esil Tekh", "Logistics TOO|Service TOO"),
    "MX": ("Valle Alto|Comercial Peñasco|Distribuidora Ágave", "S.A. de C.V.|S. de R.L. de C.V."),
    "PA": ("Vistamar|Comercial Darién|Istmo Azul", "S.A.|International S.A."),
    "SG": ("Tanjong Keel|Merlin Straits", "Pte Ltd|Resources Pte Ltd"),
    "TR": ("Karvelli|Güneşsoy|Ilgazhan", "Dış Ticaret Ltd. Şti.|Elektronik A.Ş."),
}
CHINESE_FIRMS = (
    "恒瑞达 Hengruida|金汇通 Jinhuitong|远景盛 Yuanjingsheng|海云泰 Haiyuntai",
    "贸易有限公司 Trading Co., Ltd|电子有限公司 Electronics Co., Ltd|进出口有限公司 Import & Export Co., Ltd",
)
VASPS = ("Coinharbor", "BlockFjord", "Peakcoin Exchange", "Satoshi Lane")
KIOSKS = ("CoinStop kiosk 2214", "BitCorner kiosk 88", "EZ-Coin kiosk 507")


class Names:
    """Pools of names made by Faker from a seed; who is picked is up to the case that draws."""

    def __init__(self, seed: int) -> None:
        self._pools: dict[str, list[tuple[list[Name], list[Name]]]] = {}
        for locale in LOCALES:
            self._pools[locale] = _pools(locale, seed)
        fake = _faker("en_US", seed)
        companies = (fake.company() for _ in range(POOL))
        self.companies = list(dict.fromkeys(c.replace(" PLC", " Inc").replace(" Ltd", " LLC") for c in companies))

    def person(self, draw: Draw) -> Name:
        """Anybody: guilty and innocent, customers and counterparties come from the same pools."""
        locale = draw.weighted(LOCALES, LOCALE_WEIGHTS)
        givens, families = draw.pick(self._pools[locale])
        given, family = draw.pick(givens), draw.pick(families)
        if locale in ("zh_CN", "ko_KR"):
            return Name(
                f"{family.shown}{given.shown} / {family.latin} {given.latin}",
                f"{family.latin} {given.latin}",
                family.latin,
            )
        if locale == "vi_VN":
            name = f"{family.latin} {given.latin}"
            return Name(name, name, family.latin)
        latin = f"{given.latin} {family.latin}"
        if locale == "ja_JP":
            return Name(f"{family.shown} {given.shown} / {latin}", latin, family.latin)
        if given.shown != given.latin:
            return Name(f"{given.shown} {family.shown} / {latin}", latin, family.latin)
        if locale in ("es_MX", "pt_BR") and draw.chance(0.5):
            latin += f" {draw.pick(families).latin}"
        return Name(latin, latin, family.latin)

    def company(self, draw: Draw) -> str:
        """Return a company in the United States."""
        return draw.pick(self.companies)

    def abroad(self, draw: Draw, country: str) -> str:
        """Return a company in one of the countries of `ABROAD`, or in China."""
        stems, forms = (text.split("|") for text in ABROAD.get(country, CHINESE_FIRMS))
        stem, form = draw.pick(stems), draw.pick(forms)
        if country != "CN":
            return f"{stem} {form}"
        (native, latin), (native_form, latin_form) = stem.split(" ", 1), form.split(" ", 1)
        return f"{native}{native_form} / {latin} {latin_form}"


def _faker(locale: str, seed: int) -> Faker:
    fake = Faker(locale, providers=PROVIDERS)
    fake.seed_instance(seed)
    return fake


def _pools(locale: str, seed: int) -> list[tuple[list[Name], list[Name]]]:
    """Given and family names that go together: a pair of lists for each gender that a language tells apart."""
    if locale in PAIRED:
        families, givens = (_paired(text.split()) for text in PAIRED[locale])
        return [(givens, families)]
    if locale == "ja_JP":
        japanese = [Name(native, latin, latin) for native, _, latin in Japanese.first_name_pairs]
        return [(japanese, [Name(native, latin, latin) for native, _, latin in Japanese.last_name_pairs])]
    fake = _faker(locale, seed)
    if locale in CYRILLIC:
        letters = dict(zip(CYRILLIC[locale].split()[::2], CYRILLIC[locale].split()[1::2], strict=True))
        pairs = (
            (fake.first_name_male, fake.last_name_male),
            (fake.first_name_female, fake.last_name_female),
        )
        return [
            (
                [_latin(given(), letters) for _ in range(POOL)],
                [_latin(family(), letters) for _ in range(POOL)],
            )
            for given, family in pairs
        ]
    families = [_same(fake.last_name()) for _ in range(POOL)]
    if locale == "vi_VN":
        women = [_same(f"Thị {fake.first_name_female()}") for _ in range(POOL)]
        return [(women, families), ([_same(f"Văn {fake.first_name_male()}") for _ in range(POOL)], families)]
    return [([_same(fake.first_name()) for _ in range(POOL)], families)]


def _same(text: str) -> Name:
    return Name(text, text, text)


def _paired(words: Sequence[str]) -> list[Name]:
    return [Name(native, latin, latin) for native, latin in zip(words[::2], words[1::2], strict=True)]


def _latin(name: str, letters: dict[str, str]) -> Name:
    first, rest = name[0].lower(), name[1:].lower()
    latin = INITIAL.get(first, letters[first])
    latin += "".join("" if letter in SILENT else letters.get(letter, letter) for letter in rest)
    return Name(name, latin.title(), latin.title())
