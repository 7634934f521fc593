"""What the commands print, what the desk logs, and how commands end: nothing else in the desk writes to a terminal.

Ids, names, times, hashes and file names come from outside, and a terminal obeys what stands in them: ESC[40A ESC[J
takes back what was printed before. So each line goes out as `text.printable` writes it, whatever it says.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from app.errors import SettingsError
from app.text import printable

FAILED, INTERRUPTED, CUT_OFF = 4, 130, 141
"""Exit status: a fault of the desk's own, or output that cannot be written; Ctrl-C; a reader that left, as `head`."""

_READER_LEFT = (errno.EPIPE, errno.EINVAL)
"""The latter is what Windows says."""


class _Lost(Exception):
    """Standard output takes no more, for this reason. Not an OSError: it passes whatever handles those of files."""


class _Formatter(logging.Formatter):
    """A line a record: time (UTC, RFC 3339), level, module, and what happened, of which nothing ends the line early."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))


class _Handler(logging.Handler):
    """Writes records to standard error, whichever stream that is by then."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _err(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)


class Parser(argparse.ArgumentParser):
    """A parser of arguments that shows what was typed as `printable` writes it."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))

    def _print_message(self, message: str, file: object = None) -> None:
        (_out if file is sys.stdout else _err)(message)


def start_logging(level: int) -> None:
    """Write what the desk's modules log from now on to standard error: what is of this level of `logging`, or above.

    A module logs what no caller hears of; what it raises, whoever catches it tells. So commands begin at WARNING, and
    the served desk at INFO, for whoever runs it. User ids and case ids stand there, never names, texts or secrets.
    """
    handler = _Handler()
    handler.setFormatter(_Formatter())
    logger = logging.getLogger("app")
    logger.handlers = [handler]
    logger.setLevel(level)


def tell(line: object) -> None:
    """Print a line of what was asked for, on standard output."""
    _out(f"{printable(str(line))}\n")


def warn(problem: object) -> None:
    """Print what is wrong as a line on standard error, and below it the steps that a SettingsError names."""
    steps = problem.steps if isinstance(problem, SettingsError) else ""
    _err(f"{printable(str(problem).removesuffix(steps))}{steps}\n")


def counted(number: int, noun: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def progress(what: str) -> Callable[[int, int], None]:
    """Return a function that prints how much is done, in per cent, on one line; nothing where nobody watches.

    It is called with how many are done, and of how many.
    """
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // total if done < total else 100
        if percent != shown and sys.stderr and sys.stderr.isatty():
            shown = percent
            _err(f"{what} {percent}%" + ("\n" if percent == 100 else "\r"))

    return show


def run(main: Callable[[], int]) -> int:
    """Run a command and return its exit status, whatever becomes of it and of what it prints.

    A file or a pipe gets UTF-8, which it would not on Windows; a terminal gets what it can show, the rest as escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            as_it_is = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if as_it_is else "utf-8", errors="backslashreplace")
    start_logging(logging.WARNING)
    try:
        status = _status(main)
        with _arriving():
            if sys.stdout:
                sys.stdout.flush()
    except _Lost as lost:
        _silence(sys.stdout)
        if isinstance(lost.__cause__, OSError) and lost.__cause__.errno in _READER_LEFT:
            return CUT_OFF
        warn(f"What was found or done cannot be told: {lost}.")
        return FAILED
    return status


def _status(main: Callable[[], int]) -> int:
    """Return the exit status of a command, and print why where it ends by an error."""
    try:
        return main()
    except SystemExit as stopped:  # argparse has said why
        return stopped.code if isinstance(stopped.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Lost:
        raise
    except Exception:  # which is not to pass for a break that was found
        for line in traceback.format_exc().splitlines():
            warn(line)
        return FAILED


def _out(text: str) -> None:
    if not sys.stdout:
        raise _Lost("standard output is closed")
    with _arriving():
        sys.stdout.write(text)


def _err(text: str) -> None:
    """Write to standard error. Where that takes nothing, there is nobody left to tell, and so nothing is raised."""
    if sys.stderr:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            _silence(sys.stderr)


@contextmanager
def _arriving() -> Iterator[None]:
    """Raise _Lost where what is written inside does not arrive."""
    try:
        yield
    except OSError as error:
        raise _Lost(error.strerror) from error


def _silence(stream: IO[str] | None) -> None:
    """Let what a stream still holds back go nowhere: else Python would write it again as it ends, and complain."""
    if stream:
        with suppress(OSError), Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
