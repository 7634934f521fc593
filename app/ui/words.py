"""Values in words: times in the reader's zone, people, risks, what is due, colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st

from app import chain, policy
from app.exports import markdown
from app.models import Break, Case, Disposition, Risk, Status, User
from app.text import legible
from app.triage_query import SOON

_ICON = re.compile(r"\\:(?=[\w/\\-]+\\:)")


def break_text(found: Break) -> str:
    return f"{found.kind.capitalize()}: {found.field}, expected {found.expected}, found {found.found}"


# --- words ---


def plain(text: object) -> str:
    """Return text for a widget that reads Markdown: what people typed shows as it is, Streamlit's icons too."""
    return _ICON.sub("`:`", markdown.escape(str(text)))


def shown(value: object) -> str:
    """Return a value as text that a page can carry, whatever a feed told or a damaged database handed out."""
    return legible(str(value))


def count(number: int, noun: str) -> str:
    """Return a number of things in words: `1 case`, `1,204 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def owner_label(person: User) -> str:
    """Return a person by name and id, for where names may be alike."""
    return f"{person.name} ({shown(person.user_id)}{'' if person.active else ', inactive'})"


def name_of(user_id: str | None, names: Mapping[str, User]) -> str:
    """Return whom an id stands for: a name, the id where nobody has it, and a word where it is None."""
    if user_id is None:
        return "Unassigned"
    return names[user_id].name if user_id in names else shown(user_id)


def risk_text(case: Case) -> str:
    """Return a case's risk as shape, word and number, so that the colour is not needed."""
    shape = {Risk.HIGH: "▲", Risk.MEDIUM: "◆", Risk.LOW: "▽"}[case.risk]
    return f"{shape} {case.risk} {case.risk_score}"


def age(case: Case, now: datetime) -> str:
    """Return the days since the case was opened; of a closed one, those until it was closed.

    Days are those of the reader's calendar, as in how late a case is.
    """
    return f"{(local(case.closed_at or now).date() - local(case.opened_at).date()).days} d"


def due_text(case: Case, now: datetime) -> tuple[str, str]:
    """Return when the case is due, or its SAR where it is closed or that comes first; and the tone of it.

    Days are those of the reader's calendar. Of a case that is closed for good, return how late it was.
    """
    due = local(case.due_at)
    if (day := policy.sar_is_due_by(case)) and (case.status is Status.CLOSED or day.date() < due.date()):
        return sar_due_text(day, now)
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


def sar_due_text(sar_due_at: datetime, now: datetime) -> tuple[str, str]:
    """Return when a SAR that has not been filed is due, in days of the reader's calendar; and the tone of it."""
    days = (sar_due_at - day_of(now)).days
    if days < 0:
        return f"⚠ SAR {-days} d late", "alarm"
    if days == 0:
        return "◷ SAR today", "alarm"
    return (f"◷ SAR in {days} d", "warn") if days <= SOON.days else (f"SAR in {days} d", "quiet")


def decided(case: Case) -> str:
    """Return how the case was decided and, of a SAR, where that stands; empty where it is not decided."""
    return " · ".join(filter(None, (case.disposition, case.filing)))


def state(case: Case) -> str:
    """Return where the case stands: how it was decided, after its status where that alone does not say it."""
    return decided(case) if case.filing else " · ".join(filter(None, (case.status, decided(case))))


def duration(span: timedelta) -> str:
    """Return how long something is, to the nearest day, hour or minute."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if span >= length:
            return count(round(span / length), unit)
    return count(round(span / timedelta(minutes=1)), "minute")


def day(moment: datetime | None) -> str:
    """Return a day of the law as YYYY-MM-DD; empty for None.

    It is kept as midnight UTC, of which the date alone counts, in whatever zone it is read.
    """
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def day_of(moment: datetime) -> datetime:
    """Return the day that it is then on the reader's calendar, as a day of the law is kept: midnight UTC."""
    return local(moment).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


# --- times, in the reader's zone ---


def zone() -> tzinfo:
    """Return the reader's time zone, as their browser names it; UTC where it names none that is known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC


def local(moment: datetime, where: tzinfo | None = None) -> datetime:
    """Return the time in a zone, which is the reader's unless it is given."""
    try:
        return moment.astimezone(where or zone())
    except OverflowError:  # at an end of the calendar, where only a damaged time lies
        return moment


def clock(moment: datetime | None, where: tzinfo | None = None) -> str:
    """Return a time as its reader's clock shows it, with the short name of the zone; empty for None."""
    return "" if moment is None else _minute(local(moment, where))


def clock_utc(moment: datetime) -> str:
    """Return a time in UTC, as a clock shows it."""
    return _minute(moment.astimezone(UTC))


def clocks(moment: datetime | None) -> str:
    """Return a time in the reader's zone and in UTC, for where one hovers already; empty for None."""
    if moment is None:
        return ""
    here, everywhere = clock(moment), clock_utc(moment)
    return here if here == everywhere else f"{here} = {everywhere}"


def _minute(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'minutes')[:16]} {moment.tzname()}"


def read_time(text: object) -> datetime | None:
    """Return a time that is written as the chain does, in UTC; None for anything else."""
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
