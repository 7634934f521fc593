"""Names of people and firms, as far as a rule can take them apart. Pure; no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORMS = (
    r"inc|llc|llp|lp|plc|ltd|limited|corp|corporation|company|co|gmbh|ag|sa|s\.a|srl|s\.r\.l|sarl|bv|b\.v|oy|ab|kft|"
    r"a\.ş|as|fze|fzco|fzc|pte|jsc|ooo|llp|trust|foundation|bank|group|holdings?|trading|exchange|services?"
)
_ENTITY = re.compile(rf"(?i)(?:^|[\s,(])(?:{_FORMS})\.?(?=$|[\s,)])|有限公司|株式会社|주식회사|&")
"""What only the name of a firm holds: a legal form, or a word for a business."""

_FAMILY_FIRST = re.compile(r"[\u3400-\u9fff\uac00-\ud7a3]+")
"""A Chinese or Korean name is one word in its own script, and its Latin form begins with the family name."""

_VIETNAMESE_MIDDLE = frozenset({"Thị", "Văn"})
_VIETNAMESE = re.compile(r"[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")
"""Letters of Vietnamese alone, whose names begin with the family name."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`last` and `first` are in Latin letters, both empty where no rule says which is which.

    `other` is the name in another script, where the whole name gives it in two.
    """

    last: str = ""
    first: str = ""
    other: str = ""


def is_entity(name: str) -> bool:
    """Say whether the name is that of a firm, as its words tell: a legal form, a bank, an ampersand."""
    return bool(_ENTITY.search(name))


def split(shown: str, entity: bool) -> Parts:
    """Take apart a name such as `Mark Knight`, or `陈伟 / Chen Wei` where it is kept in two scripts.

    A person's name is taken apart where a rule says how: of two Latin words the first is the given name; the family
    name comes first in Chinese, Korean and Vietnamese. Any other name stays whole, as an entity's does.
    """
    other, _, latin = shown.rpartition(" / ")
    words = latin.split()
    if entity or not all(_is_latin(word) for word in words):
        return Parts(other=other)
    if len(words) > 1 and (_FAMILY_FIRST.fullmatch(other) or (len(words) > 2 and words[1] in _VIETNAMESE_MIDDLE)):
        return Parts(words[0], " ".join(words[1:]), other)
    if len(words) == 2 and not _VIETNAMESE.search(latin):
        return Parts(words[1], words[0], other)
    return Parts(other=other)


def _is_latin(word: str) -> bool:
    """Say whether the word is in Latin letters, those with marks among them, as names are written."""
    return bool(re.fullmatch(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff'’.-]+", word))
