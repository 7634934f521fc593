"""Names of people and firms: each case has numbers of its own and each number a name, so none recurs by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from faker import Faker
from faker.providers.person.en_US import Provider as American
from faker.providers.person.ja_JP import Provider as Japanese

from app.text import normal_form
from seed import firms
from seed.draw import Draw
from seed.firms import step


@dataclass(frozen=True, slots=True)
class Name:
    """A person: as the customer record shows them, as an analyst writes them, and their family name."""

    shown: str
    latin: str
    family: str


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
LOCALE_WEIGHTS = (650, 90, 50, 40, 30, 25, 25, 20, 20, 15, 15, 10, 10)
"""How many of a thousand names."""

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

TWO_FAMILIES = ("es_MX", "pt_BR")
"""Languages whose people may have a second family name after the first."""

OWNERS = ("en_US", "es_MX", "pt_BR", "tr_TR")
"""Languages that have family names enough for firms to be called after."""

POOL = 400
"""Names that are drawn from Faker a locale and kind."""

PERSONS, FIRMS, SHELLS, ABROAD = 12, 10, 5, 4
"""How many numbers a case has for each kind of name: more than it needs."""


class Pool(NamedTuple):
    """Given and family names that go together."""

    givens: Sequence[Name]
    families: Sequence[Name]


class Owner(NamedTuple):
    """A family name that a business can be called after, with the pool whose language it is of."""

    locale: str
    pool: Pool
    family: Name


class Names:
    """All names that a data set can have, from a seed."""

    def __init__(self, seed: int) -> None:
        self._pools = {locale: _pools(locale, seed) for locale in LOCALES}
        places = [
            (locale, place) for locale, weight in zip(LOCALES, LOCALE_WEIGHTS, strict=True) for place in range(weight)
        ]
        self._offset = Draw(f"{seed}:names").between(0, 9_999)
        self._places = [(*each, LOCALE_WEIGHTS[LOCALES.index(each[0])]) for each in places]
        owners: dict[str, Owner] = {}
        for locale in OWNERS:
            for pool in self._pools[locale]:
                for name in pool.families:
                    owners.setdefault(normal_form(name.latin, 200), Owner(locale, pool, name))
        self._owners = list(owners.values())

    def person(self, number: int) -> Name:
        """Return somebody, guilty or innocent, customer or not, with the same odds of each language."""
        thousand, rest = divmod(number + self._offset, len(self._places))
        locale, place, weight = self._places[rest * step(len(self._places)) % len(self._places)]
        rank = thousand * weight + place
        pools = self._pools[locale]
        rank, which = divmod(rank, len(pools))
        givens, families = pools[which]
        size = len(givens) * len(families)
        again, place = divmod(rank, size)
        family, given = divmod((place * step(size) + self._offset) % size, len(givens))
        if locale in TWO_FAMILIES:
            second = (7 * family + 1 + again) % len(families)
            return _called(locale, givens[given], families[family], [families[second]])
        middles = []
        while again:
            again, digit = divmod(again, len(givens))
            middles.append(givens[(given + digit) % len(givens)])
        return _called(locale, givens[given], families[family], middles)

    def owner(self, number: int) -> Name:
        """Return who owns a business: of a family name that no other owner has, with a middle name that persons lack.

        Where there are more owners than family names they have two of them.
        """
        owners = self._owners
        again, place = divmod(number, len(owners))
        place = (place * step(len(owners)) + self._offset) % len(owners)
        locale, pool, family = owners[place]
        if again:
            locale, pool = owners[0].locale, owners[0].pool
        latin = family.latin
        while again:
            again, digit = divmod(again, len(owners))
            latin += f"-{owners[(place + digit) % len(owners)].family.latin}"
            family = _same(latin)
        given, middle = (pool.givens[number * way % len(pool.givens)] for way in (31, 47))
        if middle is given:
            middle = pool.givens[(number * 47 + 1) % len(pool.givens)]
        return _called(locale if locale not in TWO_FAMILIES else "", given, family, [middle])


class Cast:
    """Those who play in one case, in the order in which they are asked for."""

    def __init__(self, names: Names, number: int) -> None:
        self._names, self._number = names, number
        self._persons, self._firms, self._shells, self._abroad = (count() for _ in range(4))

    def person(self) -> Name:
        return self._names.person(_own(self._number, PERSONS, self._persons))

    def owner(self) -> Name:
        return self._names.owner(self._number)

    def company(self) -> str:
        """Return a company in the United States."""
        return firms.firm(_own(self._number, FIRMS, self._firms))

    def shell(self) -> str:
        """Return a company in the United States that only holds and passes on."""
        return firms.shell(_own(self._number, SHELLS, self._shells))

    def kiosk(self) -> str:
        """Return a machine that sells virtual assets for cash; a case has one."""
        return firms.kiosk(self._number)

    def firm(self, what: str) -> str:
        """Return a firm of a kind such as Motor Inn; a case has one of each kind."""
        return firms.called(self._number, what)

    def abroad(self, country: str) -> str:
        """Return a company in one of the countries of `firms.ABROAD`."""
        return firms.abroad(_own(self._number, ABROAD, self._abroad), country)


def _own(number: int, room: int, asked: count[int]) -> int:
    place = next(asked)
    if place >= room:
        raise ValueError(f"Case {number} needs more than {room} names of a kind")
    return number * room + place


def _called(locale: str, given: Name, family: Name, middles: Sequence[Name]) -> Name:
    """Return a person's name as their language puts it together; Japanese and Korean leave out the middle."""
    if locale in ("zh_CN", "ko_KR"):
        more = middles if locale == "zh_CN" else []
        native, latin = given.shown, given.latin
        for one in more:
            native, latin = native + one.shown, latin + one.latin.lower()
        return Name(f"{family.shown}{native} / {family.latin} {latin}", f"{family.latin} {latin}", family.latin)
    if locale == "vi_VN":
        name = " ".join((family.latin, given.latin, *(one.latin.split()[-1] for one in middles)))
        return Name(name, name, family.latin)
    if locale in TWO_FAMILIES:
        name = " ".join((given.latin, family.latin, *(one.latin for one in middles)))
        return Name(name, name, family.latin)
    if locale == "en_US":
        name = " ".join((given.latin, *(f"{one.latin[0]}." for one in middles), family.latin))
        return Name(name, name, family.latin)
    between = middles if locale != "ja_JP" else ()
    latin = " ".join((given.latin, *(one.latin for one in between), family.latin))
    if given.shown == given.latin:
        return Name(latin, latin, family.latin)
    order = (family, given) if locale == "ja_JP" else (given, *between, family)
    return Name(f"{' '.join(one.shown for one in order)} / {latin}", latin, family.latin)


def _pools(locale: str, seed: int) -> list[Pool]:
    """Given and family names that go together: a pool for each gender that a language tells apart."""
    if locale == "en_US":
        return [Pool([_same(name) for name in American.first_names], [_same(name) for name in American.last_names])]
    if locale in PAIRED:
        families, givens = (_paired(text.split()) for text in PAIRED[locale])
        return [Pool(_syllables(givens) if locale == "ko_KR" else givens, families)]
    if locale == "ja_JP":
        japanese = [Name(native, latin, latin) for native, _, latin in Japanese.first_name_pairs]
        return [
            Pool(_each_once(japanese), _each_once([Name(n, latin, latin) for n, _, latin in Japanese.last_name_pairs]))
        ]
    fake = Faker(locale, providers=["faker.providers.person"])
    fake.seed_instance(seed)
    if locale in CYRILLIC:
        letters = dict(zip(CYRILLIC[locale].split()[::2], CYRILLIC[locale].split()[1::2], strict=True))
        pairs = ((fake.first_name_male, fake.last_name_male), (fake.first_name_female, fake.last_name_female))
        return [
            Pool(*(_each_once([_latin(make(), letters) for _ in range(POOL)]) for make in (given, family)))
            for given, family in pairs
        ]
    families = _each_once([_same(fake.last_name()) for _ in range(POOL)])
    if locale == "vi_VN":
        women = _each_once([_same(f"Thị {fake.first_name_female()}") for _ in range(POOL)])
        return [
            Pool(women, families),
            Pool(_each_once([_same(f"Văn {fake.first_name_male()}") for _ in range(POOL)]), families),
        ]
    return [Pool(_each_once([_same(fake.first_name()) for _ in range(POOL)]), families)]


def _syllables(givens: Sequence[Name]) -> list[Name]:
    """Korean given names: each first syllable of those with each second one."""
    pairs = [(name.shown, *name.latin.split("-")) for name in givens]
    firsts = {shown[0]: first for shown, first, _ in pairs}
    seconds = {shown[1]: second for shown, _, second in pairs}
    return [
        Name(native + other, f"{first}-{second}", "")
        for native, first in firsts.items()
        for other, second in seconds.items()
        if native != other
    ]


def _each_once(names: Sequence[Name]) -> list[Name]:
    """The names without those that a search takes for another of them."""
    return list({normal_form(name.latin, 200): name for name in names}.values())


def _same(text: str) -> Name:
    return Name(text, text, text)


def _paired(words: Sequence[str]) -> list[Name]:
    return [Name(native, latin, latin) for native, latin in zip(words[::2], words[1::2], strict=True)]


def _latin(name: str, letters: dict[str, str]) -> Name:
    first, rest = name[0].lower(), name[1:].lower()
    latin = INITIAL.get(first, letters[first])
    latin += "".join("" if letter in SILENT else letters.get(letter, letter) for letter in rest)
    return Name(name, latin.title(), latin.title())
