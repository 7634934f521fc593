"""ODBC connection strings: read, write, complete with a driver and encryption, and show without their secrets.

    complete("Server=localhost;Database=aml_cases;Trusted_Connection=yes")
    # driver=ODBC Driver 18 for SQL Server;server=localhost;…;app=AML Case Desk;encrypt=yes;

Pure, but for the look at which drivers are installed. No error repeats what stands in a string, as a password that
holds a `;` can come to stand anywhere in it; where it has to be seen what was meant, it ends at the first password.
"""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import SettingsError
from app.text import printable

APP = "AML Case Desk"
"""What the server's own views of its sessions call the desk."""

MICROSOFT_DRIVERS = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server")

INSTALL = f"""
  Windows:         winget install Microsoft.msodbcsql.18
  macOS:           brew tap microsoft/mssql-release https://github.com/Microsoft/homebrew-mssql-release
                   HOMEBREW_ACCEPT_EULA=Y brew install msodbcsql18
                   (from Homebrew 6 on, first: brew trust microsoft/mssql-release)
  Debian, Ubuntu:  sudo apt install unixodbc
                   {sys.executable} -m pip install mssql-python-odbc"""
"""Microsoft's driver, which works everywhere, and the driver manager it needs."""

NAMED_BY = "AML_DATABASE or --database"
EXAMPLES = r"""
  A server: Server=localhost\SQLEXPRESS;Database=aml_cases;Trusted_Connection=yes;
  A file:   ./desk, /data/desk or C:/data/desk; a name that ends in .db or .sqlite needs no folder"""

_SERVER = ("server", "addr", "address", "servername")
_DSN = ("dsn", "filedsn")
_TELLING = (*_SERVER, *_DSN, "driver", "database", "uid", "pwd", "trusted_connection")
_FOREIGN = ("data source", "initial catalog", "user id", "password")  # other libraries' names for the same

_CONNECTION_STRING = re.compile(
    rf"[\s;]*(?=[a-z][a-z0-9_ ]*=)(?:.*;)?\s*(?:{'|'.join((*_TELLING, *_FOREIGN))})\s*=", re.IGNORECASE | re.DOTALL
)
_FILE = re.compile(
    r"""(?:\.{0,2}/(?!/)|[a-z]:[\\/]|\\\\(?!.*\\pipe\\)).+               # the path begins with a folder
        |(?![a-z][\w+.-]+:|[a-z][\w ]*=.*;).+\.(?:db3?|s3db|sqlite3?)  # or it has the ending of a SQLite file""",
    re.IGNORECASE | re.VERBOSE,
)
r"""Anything else may well be a server: localhost\SQLEXPRESS, sql01.bank.example, tcp:sql01,1433, or a name alone."""
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_ATTRIBUTE = re.compile(
    r"\s*(?P<key>[A-Za-z][A-Za-z0-9_ ]*)=\s*(?:\{(?P<quoted>(?:[^}]|\}\})*)\}\s*|(?P<plain>(?:[^;{\s][^;]*)?))(?:;|\Z)"
)
_EMPTY = re.compile(r"[\s;]*")
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")
_SECRET = re.compile(r"pwd|pass|secret|token|key|clientcertificate", re.IGNORECASE)
_SECRET_FOLLOWS = re.compile(rf"(?:{_SECRET.pattern})[\w ]*[{_QUOTES}]?\s*[=:]|(?<!\S)-P", re.IGNORECASE)

_DISTRIBUTIONS = {"/etc/alpine-release": "alpine", "/etc/redhat-release": "rhel", "/etc/SUSE-brand": "suse"}
_DISPLACED = (
    (_DSN, (*_DSN, *_SERVER, "port", "driver")),
    (_SERVER, (*_SERVER, "port")),
    (("uid", "trusted_connection", "authentication"), ("uid", "pwd", "trusted_connection", "authentication")),
)
"""What an override makes void beside the attributes it names: where to connect to, and who as."""


def is_connection_string(text: str) -> bool:
    """Return whether the text is meant as one, well-formed or not, or else as the path of a SQLite file.

    Raises SettingsError where it may be neither: a server that is taken for a file would be served as a demo.
    """
    if _CONNECTION_STRING.match(text):
        return True
    if text.strip(_QUOTES + " \t\r\n") != text:
        raise SettingsError(
            f"The database ({NAMED_BY}) has quotes or spaces around it: {_shown(text)}. Leave them out."
        )
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise SettingsError(
            f"The database ({NAMED_BY}) holds a character that does not print: {_shown(text)}. "
            "In a secrets file, the path of a Windows file stands in single quotes."
        )
    if "://" in text or re.search(r"(pwd|password)\s*=", text, re.IGNORECASE) or not _FILE.fullmatch(text):
        raise SettingsError(
            f"The database ({NAMED_BY}) is no ODBC connection string and no path of a SQLite file: {_shown(text)}",
            EXAMPLES,
        )
    return False


def parse(text: str, name: str = "the connection string") -> dict[str, str]:
    """Return the attributes by keyword in lower case; the first of a repeated one counts. Raises SettingsError."""
    if _UNUSABLE.search(text):
        raise SettingsError(f"A character of {name} cannot be sent.")
    attributes: dict[str, str] = {}
    position = _end(_EMPTY.match(text))
    number = 1
    while position < len(text):
        found = _ATTRIBUTE.match(text, position)
        if found is None:
            raise SettingsError(
                f"Part {number} of {name} is not keyword=value. No quotes go around it. "
                "A value with a ; or a leading { goes into braces, a } in it doubled: PWD={a;b}}c}."
            )
        quoted, plain = found["quoted"], found["plain"]
        value = plain.rstrip() if quoted is None else quoted.replace("}}", "}")
        attributes.setdefault(found["key"].rstrip().lower(), value)
        position = _end(_EMPTY.match(text, found.end()))
        number += 1
    return attributes


def build(attributes: Mapping[str, str]) -> str:
    """Return the string that `parse` reads back as the same attributes."""
    return "".join(f"{key}={_quoted(value)};" for key, value in attributes.items())


def complete(text: str) -> str:
    """Return the string for pyodbc: with a driver, encrypted unless it says otherwise, under the desk's name.

    A DSN keeps what it says of driver and encryption. Raises SettingsError.
    """
    attributes = parse(text)
    pyodbc = _pyodbc()
    if any(key in attributes for key in _FOREIGN):
        raise SettingsError(
            "An ODBC connection string says Server, Database, UID and PWD, "
            "not Data Source, Initial Catalog, User ID and Password."
        )
    if not any(attributes.get(key) for key in (*_SERVER, *_DSN)):
        raise SettingsError("The connection string names no Server and no DSN.")
    attributes.setdefault("app", APP)
    if "driver" not in attributes:
        if any(key in attributes for key in _DSN):
            drivers = {name.lower(): driver for name, driver in pyodbc.dataSources().items()}
            if driver := drivers.get(attributes.get("dsn", "").lower()):
                _check_driver(driver)
            return build(attributes)
        attributes = {"driver": _installed_driver(pyodbc.drivers()), **attributes}
    _check_driver(attributes["driver"])
    attributes.setdefault("encrypt", "yes")
    attributes.setdefault("connectretrycount", "0")  # the desk tries again itself, and knows what is safe to
    if (port := attributes.pop("port", "")) and "," not in attributes.get("server", ","):
        attributes["server"] += f",{port}"
    return build(attributes)


def describe(text: str) -> str:
    r"""Return what people call the database: `aml_cases on localhost\SQLEXPRESS`. No secret is in it."""
    attributes = parse(text)
    server = next((attributes[key] for key in _SERVER if attributes.get(key)), "")
    if server and attributes.get("port"):
        server += f",{attributes['port']}"
    where = server or next((f"DSN {attributes[key]}" for key in _DSN if attributes.get(key)), "SQL Server")
    return f"{attributes['database']} on {where}" if attributes.get("database") else where


def with_overrides(text: str, override: str) -> str:
    """Return the string with the override's attributes over its own: a replica's, so read-only unless they say not."""
    base, over = parse(text), parse(override, "AML_READ_REPLICA")
    for naming, displaced in _DISPLACED:
        if any(key in over for key in naming):
            base = {key: value for key, value in base.items() if key not in displaced}
    return build({**base, "applicationintent": "ReadOnly", **over})


def redact(message: str, text: str) -> str:
    """Return a driver's message with *** in the place of each secret of the connection string `text`."""
    secrets = {value for key, value in parse(text).items() if value and _SECRET.search(key)}
    for secret in sorted(secrets | {value.replace("}", "}}") for value in secrets}, key=len, reverse=True):
        message = message.replace(secret, "***")
    return message


def _shown(text: str) -> str:
    """Return as much of what may be a server as holds no secret: up to a password, and without a URL's user."""
    if "=" not in text and ";" in text:  # values without their keywords: any may be the password
        text = text.partition(";")[0] + ";***"
    scheme, url, rest = text.rpartition("://")
    secret = _SECRET_FOLLOWS.search(text)
    if "@" in text and (url or "=" not in text):
        return printable(f"{scheme}{url}***") + ("" if secret else printable(f"@{rest.rpartition('@')[2]}"))
    return printable(f"{text[: secret.end()]}***" if secret else text)


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _quoted(value: str) -> str:
    """Return the value as a connection string holds it: in braces only where it must be, to stay as people wrote it."""
    if ";" in value or value.startswith("{") or value != value.strip():
        return "{" + value.replace("}", "}}") + "}"
    return value


def _pyodbc() -> Any:
    try:
        pyodbc: Any = importlib.import_module("pyodbc")
    except ImportError as error:
        raise SettingsError(f"SQL Server needs pyodbc and unixODBC ({error}). To install them:", INSTALL) from error
    pyodbc.pooling = False  # before anything else is asked of it; the desk's own pool knows which connections are clean
    return pyodbc


def _installed_driver(registered: list[str]) -> str:
    """Return the best driver there is, as a registered name or a file. Raises SettingsError where there is none."""
    names = {name.lower(): name for name in registered}
    for name in MICROSOFT_DRIVERS:
        if name.lower() in names:
            return names[name.lower()]
    for driver in _packaged_drivers():
        return driver
    raise SettingsError("No ODBC driver for SQL Server is installed. To install one:", INSTALL)


def _check_driver(driver: str) -> None:
    """Refuse a driver of somebody else's, which may pass over Encrypt in silence. Raises SettingsError."""
    name = re.split(r"[\\/]", driver.lower())[-1]
    if "msodbcsql" not in name and not re.fullmatch(r"odbc driver \d+ for sql server", name):
        raise SettingsError(
            "The driver that the connection string names is not one the desk can use safely: that is Microsoft's ODBC "
            "Driver for SQL Server, 17 or newer. To install it:",
            INSTALL,
        )


def _packaged_drivers() -> list[str]:
    """Return the files of Microsoft's driver in the Python package mssql-python-odbc; none on Windows, which takes
    registered drivers only.
    """
    if platform.system() == "Windows":
        return []
    try:
        libraries = Path(importlib.import_module("mssql_python_odbc").get_libs_dir())
    except ImportError:
        return []
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    if platform.system() == "Darwin":
        folder = libraries / "macos" / machine / "lib"
    else:
        distribution = next((name for file, name in _DISTRIBUTIONS.items() if Path(file).exists()), "debian_ubuntu")
        folder = libraries / "linux" / distribution / machine / "lib"
    return [str(file) for file in folder.glob("libmsodbcsql*")]
