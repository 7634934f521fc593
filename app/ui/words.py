"""Values in words: times in the reader's zone, people, risks, what is due, colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st

from app import chain, policy
from app.exports import sar
from app.models import Break, Case, Disposition, Risk, Status, User
from app.text import legible

_ICON = re.compile(r"\\:(?=[\w/\\-]+\\:)")


def break_text(found: Break) -> str:
    return f"{found.kind.capitalize()}: {found.field}, expected {found.expected}, found {found.found}"


# --- words ---


def plain(text: object) -> str:
    """Text for a widget that reads Markdown: whatever people typed in it shows as it is, Streamlit's icons too."""
    return _ICON.sub("`:`", sar.escape(str(text)))


def shown(value: object) -> str:
    """A value as text that a page can carry, whatever a feed told or a damaged database handed out."""
    return legible(str(value))


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def owner_label(person: User) -> str:
    return f"{person.name} ({shown(person.user_id)}{'' if person.active else ', inactive'})"


def name_of(user_id: str | None, names: Mapping[str, User]) -> str:
    if user_id is None:
        return "Unassigned"
    return names[user_id].name if user_id in names else shown(user_id)


def risk_text(case: Case) -> str:
    """Shape, word and number, so that the colour is not needed."""
    shape = {Risk.HIGH: "▲", Risk.MEDIUM: "◆", Risk.LOW: "▽"}[case.risk]
    return f"{shape} {case.risk} {case.risk_score}"


def age(case: Case, now: datetime) -> str:
    """Days since the case was opened; of a closed one, those until it was closed."""
    return f"{((case.closed_at or now) - case.opened_at).days} d"


def due_text(case: Case, now: datetime) -> tuple[str, str]:
    """When the case is due in words, in days of the reader's calendar, and its tone; how late it was closed."""
    due = local(case.due_at)
    days = (due.date() - local(case.closed_at or now).date()).days
    overdue = policy.is_overdue(case, now)
    if case.status is Status.CLOSED:
        late = f"closed {-days} d late" if days else "closed late"
        return late if overdue else f"{due:%Y-%m-%d}", "quiet"
    if overdue:
        return (f"⚠ {-days} d late" if days else "⚠ late today"), "alarm"
    if days == 0:
        return f"◷ today {due:%H:%M}", "warn"
    return ("◷ in 1 d", "warn") if days == 1 else (f"in {days} d", "")


def duration(span: timedelta) -> str:
    """How long something is, to the nearest day, hour or minute."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if span >= length:
            return count(round(span / length), unit)
    return count(round(span / timedelta(minutes=1)), "minute")


def day(moment: datetime | None) -> str:
    """A day of the law: kept as midnight UTC, of which the date alone counts, in whatever zone it is read."""
    return "" if moment is None else f"{moment:%Y-%m-%d}"


# --- times, in the reader's zone ---


def zone() -> tzinfo:
    """The reader's time zone, as their browser names it; UTC where it names none that is known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC


def local(moment: datetime, where: tzinfo | None = None) -> datetime:
    """The time in a zone, which is the reader's unless it is given."""
    try:
        return moment.astimezone(where or zone())
    except OverflowError:  # at an end of the calendar, where only a damaged time lies
        return moment


def clock(moment: datetime | None, where: tzinfo | None = None) -> str:
    """A time as its reader's clock shows it, with the short name of the zone."""
    return "" if moment is None else _minute(local(moment, where))


def clock_utc(moment: datetime) -> str:
    return _minute(moment.astimezone(UTC))


def clocks(moment: datetime | None) -> str:
    """Both, for where one hovers already."""
    if moment is None:
        return ""
    here, everywhere = clock(moment), clock_utc(moment)
    return here if here == everywhere else f"{here} = {everywhere}"


def _minute(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'minutes')[:16]} {moment.tzname()}"


def read_time(text: object) -> datetime | None:
    """A time as the chain writes it; None for anything else."""
    try:
        return chain.parse_ts(str(text))
    except ValueError:
        return None


# --- colours and facts ---

Colour = Literal["red", "orange", "yellow", "green", "blue", "gray"]
RISK_COLOUR: Mapping[Risk, Colour] = {Risk.HIGH: "red", Risk.MEDIUM: "yellow", Risk.LOW: "gray"}
DUE_COLOUR: Mapping[str, Colour] = {"alarm": "red", "warn": "orange"}
DISPOSITION_COLOUR: Mapping[Disposition, Colour] = {
    Disposition.SAR: "red",
    Disposition.ESCALATE: "orange",
    Disposition.NO_SAR: "green",
}
