"""The verbs on people, who are outside the chains."""

from __future__ import annotations

from dataclasses import replace

from app import repository, typed
from app.database import Database, Transaction
from app.errors import (
    InvalidInput,
    NotAllowed,
    UnknownUser,
)
from app.models import (
    ALERT_FEED,
    Role,
    User,
)
from app.text import folded, has_unseen

# --- users, who are outside the chains ---


def add_user(database: Database, user_id: str, name: str, role: Role) -> User | None:
    """Let someone act; the same person who was deactivated is activated again.

    Returns the user as they were before, None where there was none. Raises InvalidInput, or NotAllowed where the id
    is someone else's, or differs from theirs by letter case or characters that nobody sees alone.
    """
    typed.one_line("user id", user_id, 64)
    typed.one_line("name", name, 200)
    typed.check_typed("name", name)
    new = User(user_id, name, role, active=True)

    def work(tx: Transaction) -> User | None:
        _check_person(user_id)
        try:
            before = repository.user(tx, user_id)
        except UnknownUser:
            _check_new_id(tx, user_id)
            repository.insert_user(tx, new)
            return None
        if replace(before, active=True) != new:
            raise NotAllowed(
                f"The user id {user_id!r} is taken by {before.name}, {before.role.value}. "
                "Nothing was changed; choose another id."
            )
        repository.set_active(tx, user_id, True)
        return before

    return database.write(work)


def _check_new_id(tx: Transaction, user_id: str) -> None:
    """Raises InvalidInput or NotAllowed unless a new person may have this id. Old ones keep what they have."""
    if has_unseen(user_id):
        raise InvalidInput("The user id has a space, or a character that cannot be seen.")
    for other in repository.users(tx):
        if folded(other.user_id) == folded(user_id):
            raise NotAllowed(
                f"The user id {user_id!r} can be taken for {other.user_id!r}, which is {other.name}'s. "
                "Nothing was changed; choose another id."
            )


def deactivate_user(database: Database, user_id: str) -> int:
    """End someone's acting; what they did stays theirs.

    Returns how many open cases they still own. Raises UnknownUser, or NotAllowed for the service user.
    """

    def work(tx: Transaction) -> int:
        _check_person(user_id)
        repository.user(tx, user_id)
        repository.set_active(tx, user_id, False)
        return repository.open_cases_of(tx, user_id)

    return database.write(work)


def _check_person(user_id: str) -> None:
    if user_id == ALERT_FEED:
        raise NotAllowed(f"{ALERT_FEED!r} is the alert feed's service user, not a person. It stays as it is.")
