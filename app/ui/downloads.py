"""Files on their way to the browser."""

from __future__ import annotations

from base64 import b64encode
from time import monotonic

from app.ui import base, session

_handover = base.component("handover")


def hand_over() -> None:
    """In the frame: let the browser save each file that a callback left in `Doings.files`, once.

    Each is given again for some seconds: the run that gave it first may have been overtaken.
    """
    mine = session.doings()
    if not mine.lock.acquire(blocking=False):
        return  # an overtaken callback is at work; the next run gives what it makes
    try:
        now = monotonic()
        mine.files[:] = [file for file in mine.files if file.handed_at is None or now - file.handed_at < 10]
        for file in mine.files:
            file.handed_at = file.handed_at or now
        given = [
            {"token": file.token, "name": file.name, "content": b64encode(file.content).decode()} for file in mine.files
        ]
    finally:
        mine.lock.release()
    if given:
        _handover(data={"files": given}, key="handover")
