"""The log's secret key: where it is, how it is made, and how it is read."""

from __future__ import annotations

import secrets
from pathlib import Path

from app import files, settings
from app.database import odbc
from app.errors import RUN, DeskError, InvalidNote, SettingsError
from app.log import signed_note
from app.log.signed_note import SigningKey, VerifierKey


def key_file(config: settings.Settings) -> Path:
    """Return where the secret key is: as the settings say, else beside an embedded database, else in `.data`.

    Raises SettingsError where that cannot be looked at.
    """
    if config.signing_key:
        return config.signing_key
    if odbc.is_connection_string(config.database):
        return settings.ROOT / ".data" / "signing.key"
    beside, real = Path(f"{config.database}.key"), Path(f"{Path(config.database).resolve()}.key")
    return beside if is_there(beside) else real  # a link to the database has its key where the database is


def make_key(file: Path, name: str = "") -> SigningKey:
    """Make a key in a new file that only its owner may read, and return it. A file that is there is never replaced.

    `name` is the log's origin: no spaces and no +, best an address of one's own such as bank.example/aml; where it is
    empty, one is made up. Raises DeskError where the file is there or cannot be written, InvalidNote for the name, and
    SettingsError as `key_file` does.
    """
    key = signed_note.signing_key(name or f"aml-case-desk/{secrets.token_hex(4)}", secrets.token_bytes(32))
    if is_there(file):
        raise DeskError(f"{file} is there already and stays as it is. Its verifier key: {load_key(file).verifier}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.create(file, f"{key}\n".encode(), 0o600)
    except OSError as error:
        raise DeskError(f"{file} cannot be written: {error.strerror}.") from error
    return key


def load_key(file: Path) -> SigningKey:
    """Return the key in a file. Raises SettingsError where there is none, or InvalidNote where it is not one."""
    try:
        return signed_note.read_signing_key(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"There is no signing key at {file}. Make one with: {RUN} keygen") from error
    except InvalidNote as error:
        raise InvalidNote(f"{file}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The signing key at {file} cannot be read: {type(error).__name__}.") from error


def memory_of(file: Path, key: VerifierKey) -> Path:
    """Return where it stands what this key signed last, the secret key being in `file`."""
    return file.with_name(f"{file.name}.{key.key_id}.signed")


def is_there(file: Path) -> bool:
    """Return whether there is such a file. Raises SettingsError where that cannot be told."""
    try:
        return file.exists()
    except OSError as error:
        raise SettingsError(f"{file} cannot be looked at: {error.strerror}.") from error
