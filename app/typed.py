"""Who may do what with a case, in which state, and what it changes. Pure; casework enforces it.

    verb         who                                              from             to
    -----------  -----------------------------------------------  ---------------  ---------
    open         the alert feed, an inactive service user         -                New
    assign       Analyst: to self where nobody owns it, or an     New, In Review   In Review
                 own case to an Analyst or Manager;
                 Manager: any case to an Analyst or Manager
    note         any active user                                  any              same
    decide       the owner or a Manager; rationale required       In Review        Closed
    escalate     the owner, to another Manager, who becomes       In Review        In Review
                 owner; rationale required
    qa           QA or Manager who never owned the case nor       Closed, sampled, Closed
                 decided on it; notes required on a fail          not yet reviewed
    reopen       Manager; reason required                         Closed           In Review
    view         any active user; recorded once a person a day    any              same
                 where the case has a SAR decision
    export       any active user; recorded each time              any              same

Inactive users neither act nor receive cases. An escalated case stays with Managers until one of them assigns it
to an Analyst: that answers the escalation and clears it.
"""

from __future__ import annotations

from app import chain
from app.errors import InvalidInput, InvalidText
from app.models import (
    MAX_TEXT,
)
from app.text import BIDIRECTIONAL, is_visible


def written(what: str, text: str, blank: str | None = None) -> str:
    """What a person wrote, as it will be kept.

    Raises InvalidText as `told` does, and where it holds what a person may not type (see `check_typed`).
    """
    text = told(what, text, blank)
    check_typed(what, text)
    return text


def told(what: str, text: str, blank: str | None = None) -> str:
    """What a feed tells, as it will be kept.

    Raises InvalidText where it is too long, or nothing of it can be seen (then `blank` stands in if given).
    """
    text = chain.clean_text(what, text)
    if len(text) > MAX_TEXT:
        raise InvalidText(what, f"is {len(text):,} characters long; the limit is {MAX_TEXT:,}")
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
