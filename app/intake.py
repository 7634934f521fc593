"""Alerts from a file: JSON Lines in UTF-8, one alert a line, each of which opens a case.

    {"alert_id": "TM-20260105-0042", "customer_id": "C-00412873", "customer_name": "Zoë Łukasik",
     "typology": "Structuring", "risk": "High", "risk_score": 87, "amount": "18800.00", "currency": "USD",
     "alert": "2 cash deposits just under $10,000 in 2 days",
     "window": {"from": "2026-01-05", "to": "2026-01-06"},
     "customer": {"kind": "Individual", "occupation": "Florist", "since": "2019-03-01"},
     "transactions": [{"time": "2026-01-05T15:00:00Z", "amount": "9400.00", "direction": "in", "channel": "cash",
                       "counterparty": "Zoë Łukasik", "country": "US", "place": "Main St"}]}

(on one line). No key but these, and none twice:

    alert_id       the source system's own id, 1 to 64 printable characters
    customer_id    1 to 40 characters; customer_name 1 to 200; typology 1 to 100; each on one line
    risk           Low, Medium or High; risk_score a whole number from 0 to 100
    amount         the activity alerted on, counted once: the larger of money in and money out, never their sum. It is
                   the source's own statement, kept as it is told
    currency       the ISO 4217 code of a currency; not XXX, XTS or a metal, which have no amounts
    alert          what the source system says, up to 10,000 characters
    window         may be left out: the days looked back on, both included
    customer       may be left out: what is known of the customer, each of kind, business, occupation, account,
                   account_type, since (a day) and expected_monthly (an amount) or not
    transactions   may be an empty list; of each, only `place` may be left out. time is UTC; direction is in or out;
                   counterparty may be empty; country is an ISO 3166 code of two letters

An amount is text such as "9400.00" or "9400", never a number: JSON's numbers are binary fractions in many a program,
and what one of those made of the amount on its way cannot be seen here. Two decimals are kept, and nothing is ever
rounded: an amount that they cannot hold is refused (9400.125 KWD; 9400.120 is fine), and so is a fraction of a currency
that has none (100.50 JPY; 100.00 is fine). A text may hold tabs and line breaks, where it need not stand on one line,
but no other control character; one that may not be empty has something that can be seen. Kept are amounts with two
places, times with microseconds, line breaks as a line feed; the rest as it is.

Blank lines are passed over, and so is a byte order mark at the start. A line is at most 1 MiB.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from app import chain, money, opening, typed
from app.database import Database
from app.errors import RUN, DatabaseMissing, InvalidInput, UnknownUser, UnreadableFile
from app.models import ALERT_FEED, Risk
from app.text import is_visible

MAX_LINE = 1024 * 1024
"""Bytes of a line, its end included."""

SHOWN = 20
"""Bad lines whose reasons are kept; the others are only counted."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{2,9})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")

_Check = Callable[[str, object], Any]
"""Takes where a value stands and the value; returns what is kept of it. Raises InvalidInput."""


class _Direction(StrEnum):
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class _Fraction:
    """A JSON number that is not whole, as it was written."""

    text: str


@dataclass(slots=True)
class Taken:
    """What came of a file: cases opened, alerts that had one already, lines refused, and why (the first SHOWN).

    `changed` are alerts and their cases that were opened on other facts than the file tells; they stay as they are.
    """

    opened: int = 0
    already: int = 0
    refused: int = 0
    reasons: list[UnreadableFile] = field(default_factory=list)
    changed: Sequence[tuple[str, str]] = ()

    def refuse(self, reason: UnreadableFile) -> None:
        self.refused += 1
        if len(self.reasons) < SHOWN:
            self.reasons.append(reason)


@contextmanager
def alert_file(name: str, standard_input: BinaryIO) -> Iterator[BinaryIO]:
    """The file, opened so that it can be read twice; `-` is standard input. Raises UnreadableFile.

    What can be read only once, a pipe, is copied to a temporary file that is gone in the end.
    """
    with ExitStack() as stack:
        try:
            file: BinaryIO = standard_input if name == "-" else stack.enter_context(Path(name).open("rb"))
            if name == "-" or not file.seekable():
                copy = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(file, copy)
                file = copy
        except (OSError, ValueError) as error:
            raise UnreadableFile(name, None, getattr(error, "strerror", None) or str(error)) from error
        yield file


def take_in(database: Database, file: BinaryIO, name: str, skip_bad: bool = False) -> Taken:
    """Open a case on each alert of the file that has none yet, in one transaction.

    A bad line is refused with its reason, in which `name` stands for the file; then nothing is stored, unless
    `skip_bad` leaves such lines out. All lines are checked before the transaction begins, so that it is short; what
    is added to the file meanwhile is left for the next time. Raises DatabaseError, or UnreadableFile where the file
    fails or changes meanwhile.
    """
    taken = Taken()
    bad: set[int] = set()
    last = 0
    for last, reason in _checked(file, name):
        if reason:
            bad.add(last)
            taken.refuse(reason)
    if bad and not skip_bad:
        return taken

    def good() -> Iterator[opening.Alert]:
        for number, line in _lines(file, name):
            if number > last:
                return
            if number in bad:
                continue
            try:
                yield read_alert(line)
            except InvalidInput as error:
                raise UnreadableFile(name, number, str(error)) from error

    try:
        done = opening.open_alerts(database, ALERT_FEED, good)
    except UnknownUser as error:
        raise DatabaseMissing(
            f"{database} lacks the alert feed's user {ALERT_FEED!r}. Create it with: {RUN} init"
        ) from error
    taken.opened, taken.already, taken.changed = done.opened, done.already, done.changed
    return taken


def read_alert(line: bytes) -> opening.Alert:
    """The alert that a line tells; whether a case can be opened on it is not judged. Raises InvalidInput."""
    if len(line) > MAX_LINE:
        raise InvalidInput(f"The line is longer than {MAX_LINE:,} bytes.")
    try:
        told = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_no_key_twice,
            parse_float=_Fraction,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as error:
        raise InvalidInput(f"This is not UTF-8 text (byte {error.start + 1} of the line).") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"This is not JSON ({error.msg}, character {error.pos + 1} of the line).") from error
    except ValueError as error:
        raise InvalidInput("This holds a number of thousands of digits.") from error
    except RecursionError as error:
        raise InvalidInput("This is nested too deeply.") from error
    facts = _object(_ALERT, optional=frozenset({"window", "customer"}))("", told)
    return opening.Alert(
        **{name: facts.pop(name) for name in _FACTS},
        amount=Decimal(facts.pop("amount")),
        evidence=facts,
    )


def _checked(file: BinaryIO, name: str) -> Iterator[tuple[int, UnreadableFile | None]]:
    """The number of each line, and why it is refused where it is."""
    digests: dict[str, bytes] = {}
    for number, line in _lines(file, name):
        try:
            alert = read_alert(line)
            opening.check_alert(alert)
            digest = sha256(repr(alert).encode()).digest()
            if digests.setdefault(alert.alert_id, digest) != digest:
                raise InvalidInput(f"The alert id {_quoted(alert.alert_id)} comes twice, with different contents.")
        except InvalidInput as error:
            yield number, UnreadableFile(name, number, str(error))
        else:
            yield number, None


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, from the start, and their numbers from 1; only the start of one that is too long.

    Raises UnreadableFile where the file fails.
    """
    number = 0
    try:
        file.seek(0)
        while line := file.readline(MAX_LINE + 1):
            number += 1
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE + 1)
            if number == 1 and len(line) <= MAX_LINE:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if len(line) > MAX_LINE or line.strip(b" \t\r\n"):
                yield number, line
    except OSError as error:
        raise UnreadableFile(name, number + 1, error.strerror or str(error)) from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput(f"The key {_quoted(name)} comes twice in one object.")
        found[name] = value
    return found


def _no_number(text: str) -> NoReturn:
    raise InvalidInput(f"{text} is not JSON.")


def _quoted(name: str) -> str:
    """A name as the reason shows it: on one line, and not all of a long one."""
    text = repr(name)
    return text if len(text) <= 70 else f"{text[:69]}…"


# --- what each key holds ---


def _object(checks: Mapping[str, _Check], optional: frozenset[str] = frozenset()) -> _Check:
    def check(where: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidInput(f"{where or 'The line'} is not an object.")
        if unknown := [_quoted(name) for name in value if name not in checks]:
            raise InvalidInput(f"{where or 'The alert'} has unknown keys: {_some(unknown)}.")
        if missing := [name for name in checks if name not in value and name not in optional]:
            raise InvalidInput(f"{where or 'The alert'} lacks {_some(missing)}.")
        inside = f"{where}." if where else ""
        return {name: checks[name](f"{inside}{name}", value[name]) for name in checks if name in value}

    return check


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")


def _list(check: _Check) -> _Check:
    def each(where: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidInput(f"{where} is not a list.")
        return [check(f"{where}[{number}]", told) for number, told in enumerate(value)]

    return each


def _any_text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where} is not a text.")
    return chain.clean_text(where, value)


def _text(where: str, value: object) -> str:
    text = _any_text(where, value)
    if not is_visible(text):
        raise InvalidInput(f"{where} is empty.")
    return text


def _narrative(where: str, value: object) -> str:
    return typed.told(where, _any_text(where, value))


def _whole(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{where} is not a whole number.")
    return value


def _amount(where: str, value: object) -> str:
    if isinstance(value, int | _Fraction) and not isinstance(value, bool):
        raise InvalidInput(f'{where} is a number. Write it as text such as "9400.00", so that it stays exact.')
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise InvalidInput(f'{where} is not an amount such as "9400.00".')
    amount = Decimal(value)
    if reason := money.too_fine(amount):
        raise InvalidInput(f"{where} is {reason}.")
    return f"{amount:.2f}"


def _time(where: str, value: object) -> str:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return chain.format_ts(datetime.fromisoformat(value))
        except ValueError:
            pass
    raise InvalidInput(f"{where} is not a UTC time such as 2026-01-05T15:00:00Z.")


def _day(where: str, value: object) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise InvalidInput(f"{where} is not a day such as 2026-01-05.")


def _country(where: str, value: object) -> str:
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise InvalidInput(f"{where} is not an ISO 3166 code such as US.")
    return value


def _word(words: type[StrEnum]) -> _Check:
    def check(where: str, value: object) -> StrEnum:
        try:
            return words(cast(str, value))
        except ValueError as error:
            raise InvalidInput(f"{where} is not one of {', '.join(words)}.") from error

    return check


def _window(where: str, value: object) -> dict[str, str]:
    days = cast(dict[str, str], _object({"from": _day, "to": _day})(where, value))
    if days["from"] > days["to"]:
        raise InvalidInput(f"{where} ends before it begins.")
    return days


_CUSTOMER: Mapping[str, _Check] = {
    "kind": _text,
    "business": _text,
    "occupation": _text,
    "account": _text,
    "account_type": _text,
    "since": _day,
    "expected_monthly": _amount,
}
_TRANSACTION: Mapping[str, _Check] = {
    "time": _time,
    "amount": _amount,
    "direction": _word(_Direction),
    "channel": _text,
    "counterparty": _any_text,
    "country": _country,
    "place": _any_text,
}
_ALERT: Mapping[str, _Check] = {
    "alert_id": _text,
    "customer_id": _text,
    "customer_name": _text,
    "typology": _text,
    "risk": _word(Risk),
    "risk_score": _whole,
    "amount": _amount,
    "currency": _text,
    "alert": _narrative,
    "window": _window,
    "customer": _object(_CUSTOMER, optional=frozenset(_CUSTOMER)),
    "transactions": _list(_object(_TRANSACTION, optional=frozenset({"place"}))),
}
_FACTS = ("alert_id", "customer_id", "customer_name", "typology", "risk", "risk_score", "currency")
