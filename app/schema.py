"""What the desk needs before its first case."""

from __future__ import annotations

from app import repository
from app.database import Database, Transaction
from app.errors import (
    ConstraintBroken,
    UnknownUser,
)
from app.models import (
    ALERT_FEED,
    ALERT_FEED_USER,
)


def init(database: Database) -> None:
    """Make what the desk needs before its first case: the tables, and the service user that opens cases."""

    def add_the_alert_feed(tx: Transaction) -> None:
        try:
            repository.user(tx, ALERT_FEED)
        except UnknownUser:
            repository.insert_user(tx, ALERT_FEED_USER)

    database.create_schema()
    try:
        database.write(add_the_alert_feed)
    except ConstraintBroken:  # another desk that started at the same moment was quicker
        database.read(lambda tx: repository.user(tx, ALERT_FEED))
