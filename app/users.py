"""The verbs on people, who are outside the chains."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app import repository, typed, unsent
from app.database import Database, Transaction
from app.errors import (
    InvalidInput,
    NotAllowed,
    SignedOut,
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
    """Raise InvalidInput or NotAllowed unless a new person may have this id. Old ones keep what they have."""
    if has_unseen(user_id):
        raise InvalidInput("The user id has a space, or a character that cannot be seen.")
    for other in repository.users(tx):
        if folded(other.user_id) == folded(user_id):
            raise NotAllowed(
                f"The user id {user_id!r} can be taken for {other.user_id!r}, which is {other.name}'s. "
                "Nothing was changed; choose another id."
            )


def deactivate_user(database: Database, user_id: str) -> int:
    """End someone's acting; what they did stays theirs, and what they typed and did not send goes.

    Returns how many open cases they still own. Raises UnknownUser, or NotAllowed for the service user.
    """

    def work(tx: Transaction) -> int:
        _check_person(user_id)
        repository.user(tx, user_id)
        repository.set_active(tx, user_id, False)
        unsent.forget_person(tx, user_id)
        return repository.open_cases_of(tx, user_id)

    return database.write(work)


def sign_out(database: Database, user_id: str, signed_in_at: datetime) -> datetime:
    """Keep that a person signs out: whatever they signed in to up to now is over, in every browser that holds it.

    `signed_in_at` is when the provider says that they signed in; its clock may run ahead of the desk's. Returns the
    moment that is kept. Raises UnknownUser.
    """
    moment = max(datetime.now(UTC), signed_in_at)

    def work(tx: Transaction) -> datetime:
        person = repository.user_alike(tx, user_id)
        kept = max(moment, person.signed_out_at or moment)
        repository.set_signed_out(tx, person.user_id, kept)
        return kept

    return database.write(work)


def check_signed_in(person: User, signed_in_at: datetime) -> None:
    """Raise SignedOut where the person signed out after this sign-in, or in the second of it.

    A provider tells a sign-in (`iat`) in whole seconds, so that within one nobody can tell which came first: the
    earlier sign-in must not outlive it, and so the page that signs somebody out lets the second pass before it goes on.
    """
    if person.signed_out_at and signed_in_at.replace(microsecond=0) <= person.signed_out_at:
        raise SignedOut


def _check_person(user_id: str) -> None:
    if user_id == ALERT_FEED:
        raise NotAllowed(f"{ALERT_FEED!r} is the alert feed's service user, not a person. It stays as it is.")
