"""What people have typed on a case and not sent, kept for the person and the case: one function a query.

It is no evidence: no chain, export, bundle or log holds it. Each row is read for its own person alone. It goes with
what is sent, with its person's deactivation, and after KEPT_FOR.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from app import repository
from app.database import Transaction

KEPT_FOR = timedelta(days=90)
"""Counted from when something was kept last in a field."""
LIMIT = 60_000
"""Characters of a value, as JSON: three times the longest text that a form accepts. What is longer is not kept."""

SELECT_UNSENT = "SELECT form, field, value FROM unsent WHERE user_id = ? AND case_id = ?"


def kept(tx: Transaction, user_id: str, case_id: str) -> dict[str, dict[str, Any]]:
    """Return by form and field what this person has typed on the case and not sent. What cannot be read is left out."""
    found: dict[str, dict[str, Any]] = {}
    for form, field, value in tx.stream_tuples(SELECT_UNSENT, (user_id, case_id)):
        with suppress(ValueError, TypeError, KeyError):
            found.setdefault(str(form), {})[str(field)] = _read(json.loads(value))
    return found


DELETE_FIELD = "DELETE FROM unsent WHERE user_id = ? AND case_id = ? AND form = ? AND field = ?"
INSERT_FIELD = "INSERT INTO unsent (user_id, case_id, form, field, value, kept_at) VALUES (?, ?, ?, ?, ?, ?)"
DELETE_OLD = "DELETE FROM unsent WHERE user_id = ? AND kept_at < ?"


def keep(tx: Transaction, user_id: str, case_id: str, form: str, values: Mapping[str, Any], now: datetime) -> None:
    """Keep what these fields of a form hold, in place of what they held; a field whose value is None is forgotten.

    Nothing is kept for whoever is not active. Raises UnknownUser or UnknownCase.
    """
    if not repository.user(tx, user_id).active:
        return
    repository.case(tx, case_id)
    tx.execute(DELETE_OLD, (user_id, now - KEPT_FOR))
    for field, value in sorted(values.items()):
        tx.execute(DELETE_FIELD, (user_id, case_id, form, field))
        text = json.dumps(_told(value), ensure_ascii=False).encode("utf-8", "replace").decode()
        if value is not None and len(text) <= LIMIT:
            tx.execute(INSERT_FIELD, (user_id, case_id, form, field, text, now))


DELETE_FORM = "DELETE FROM unsent WHERE user_id = ? AND case_id = ? AND form = ?"


def forget(tx: Transaction, user_id: str, case_id: str, form: str) -> None:
    """Forget what the person typed in a form: it was sent, or discarded."""
    tx.execute(DELETE_FORM, (user_id, case_id, form))


DELETE_PERSON = "DELETE FROM unsent WHERE user_id = ?"


def forget_person(tx: Transaction, user_id: str) -> None:
    """Forget all that the person typed and did not send."""
    tx.execute(DELETE_PERSON, (user_id,))


def _told(value: Any) -> Any:
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _read(value: Any) -> Any:
    return date.fromisoformat(value["day"]) if isinstance(value, dict) else value
