"""Which characters a text may not hold where people type it, and how any text is shown. Pure; no I/O."""

from __future__ import annotations

import re
from unicodedata import category, normalize

BIDIRECTIONAL = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Controls that make the words around them read in another order (UAX #9): an `exe` can be made to end in `png`."""

_LOOKS_EMPTY = frozenset("\u2800\u115f\u1160\u3164\uffa0")
"""A Braille pattern and Hangul fillers: by their category they could be seen, but they are drawn as nothing."""


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


def _is_unseen(one: str) -> bool:
    return category(one)[0] == "C" or one in _LOOKS_EMPTY or bool(_SELECTOR.match(one))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
