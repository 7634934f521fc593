"""Which characters a text may not hold where people type it, and how any text is shown. Pure; no I/O."""

from __future__ import annotations

import re
from unicodedata import category, normalize

BIDIRECTIONAL = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Controls that make the words around them read in another order (UAX #9): an `exe` can be made to end in `png`."""

_LOOKS_EMPTY = frozenset("\u2800\u115f\u1160\u3164\uffa0")
"""A Braille pattern and Hangul fillers: by their category they could be seen, but they are drawn as nothing."""

_APOSTROPHE = re.compile("['`\u00b4\u02b9\u02bb-\u02bf\u02c8\u2018\u2019\u201b\u2032]")
"""Also what stands for one where a language is written in Latin letters: ayn, hamza, okina, the soft sign."""

_LETTER = (
    "A-Za-z\u00c0-\u024f\u0250-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f"  # Latin
    "\u0370-\u03ff\u1f00-\u1fff"  # Greek
    "\u0400-\u052f\u1c80-\u1c8f\ua640-\ua69f"  # Cyrillic
)
_MARKED = re.compile(f"([{_LETTER}])[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""A letter with its combining marks, by the blocks of Unicode that hold them."""

_SPELLED_OUT = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that have no mark to lose; to fold the case of ß makes ss of it. ð is often typed for đ."""

_SELECTOR = re.compile(r"[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks by their category, which draw nothing and choose at most how the letter before them is drawn."""


def is_visible(text: str) -> bool:
    """Say whether the text has a character that a person can see: a letter, number, punctuation mark or symbol."""
    return any(category(one)[0] in "LNPS" and one not in _LOOKS_EMPTY for one in text)


def has_unseen(text: str) -> bool:
    """Say whether a character of the text leaves no mark: a space, a control, a joiner, a filler."""
    return any(one.isspace() or _is_unseen(one) for one in text)


def folded(text: str) -> str:
    """Return what two ids have in common that differ by letter case, width or characters that leave no mark alone."""
    text = normalize("NFKC", normalize("NFKC", text).casefold())
    return "".join(one for one in text if not _is_unseen(one)).strip()


def normal_form(text: str, units: int) -> str:
    """Return what is compared when people search: of what is stored and of what is asked alike.

    Letter case and width do not count (NFKC, casefold, NFKC), nor do marks of Latin, Greek and Cyrillic letters,
    apostrophes, and characters that only say how others are shown or joined; letters that have no mark to lose are
    spelled out (đ is d, æ is ae); spaces are single; the rest is NFC. Cut at so many UTF-16 `units`.
    """
    text = " ".join(_APOSTROPHE.sub("", text.casefold() if text.isascii() else _unmarked(text)).split())
    if 2 * len(text) > units:
        cut = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
        text = cut.decode("utf-16-le", "ignore").rstrip()
    return text


def _unmarked(text: str) -> str:
    text = _APOSTROPHE.sub("", normalize("NFC", text))  # before NFKC, which makes a space and a mark of some
    text = normalize("NFKC", normalize("NFKC", text).casefold())
    text = "".join(one for one in _APOSTROPHE.sub("", text) if category(one) != "Cf")
    text = _MARKED.sub(r"\1", normalize("NFD", text)).translate(_SPELLED_OUT)
    return normalize("NFC", text)


def legible(text: str) -> str:
    """Return the text for a page or a report: bidirectional controls and lone surrogates stand in it as escapes."""
    text = BIDIRECTIONAL.sub(lambda found: _escape(found[0]), text)
    return text.encode("utf-8", "backslashreplace").decode()


def flat(text: str) -> str:
    """Return the text on one line: every tab, line end and run of spaces in it is one space, and none at its ends."""
    return " ".join(text.split())


def digits(text: str) -> str:
    """Return the digits 0 to 9 of a text, which a number is written with; spaces and hyphens between them go."""
    return "".join(one for one in text if one in "0123456789")


def printable(text: str) -> str:
    """Return the text for one line of a terminal: whatever does not print, or is obeyed, stands in it as an escape."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _escape(one) for one in text)


def quoted(name: str) -> str:
    """Return a name as a reason shows it: in quotes, on one line, and not all of a long one."""
    text = repr(name)
    return text if len(text) <= 70 else f"{text[:69]}…"


def _is_unseen(one: str) -> bool:
    return category(one)[0] == "C" or one in _LOOKS_EMPTY or bool(_SELECTOR.match(one))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
