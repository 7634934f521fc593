"""What people type and feeds tell, as it will be kept. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app import chain
from app.errors import InvalidForm, InvalidInput, InvalidText
from app.models import MAX_TEXT
from app.text import BIDIRECTIONAL, is_visible


def written(what: str, text: str, blank: str | None = None, limit: int = MAX_TEXT) -> str:
    """What a person wrote, as it will be kept.

    Raises InvalidText as `told` does, and where it holds what a person may not type (see `check_typed`).
    """
    text = told(what, text, blank, limit)
    check_typed(what, text)
    return text


def told(what: str, text: str, blank: str | None = None, limit: int = MAX_TEXT) -> str:
    """What a feed tells, as it will be kept; `limit` is in characters.

    Raises InvalidText where it is too long, or nothing of it can be seen (then `blank` stands in if given).
    """
    text = chain.clean_text(what, text)
    if len(text) > limit:
        raise InvalidText(what, f"is {len(text):,} characters long; the limit is {limit:,}")
    if not is_visible(text):
        if blank is not None:
            return blank
        raise InvalidText(what, "is empty")
    return text


def check_typed(what: str, text: str) -> None:
    """Raises InvalidText where a person typed a control that makes the words around it read in another order."""
    if found := BIDIRECTIONAL.search(text):
        problem = f"holds a character (U+{ord(found[0]):04X}) that makes words read in another order"
        raise InvalidText(what, problem, found.start())


def one_line(what: str, text: str, limit: int) -> None:
    """Raises InvalidInput unless the text is 1 to `limit` characters on one line, can be seen, and ends in no space."""
    if not is_visible(text) or len(text.encode("utf-16-le", "surrogatepass")) > 2 * limit:
        raise InvalidInput(f"The {what} needs 1 to {limit} characters.")
    if chain.clean_text(what, text) != text or text.splitlines() != [text] or "\t" in text or text != text.strip():
        raise InvalidInput(f"The {what} has a line break or a tab, or a space at an end.")


@contextmanager
def form() -> Iterator[dict[str, str]]:
    """Collect by its name what is wrong with each field. Raises InvalidForm at the end where there is something."""
    wrong: dict[str, str] = {}
    yield wrong
    if wrong:
        raise InvalidForm(wrong)


def field(
    wrong: dict[str, str], name: str, what: str, text: str, blank: str | None = None, limit: int = MAX_TEXT
) -> str:
    """Return the text as `written` does; what is wrong with it joins what is wrong with the other fields."""
    try:
        return written(what, text, blank, limit)
    except InvalidText as error:
        wrong[name] = str(error)
        return ""
