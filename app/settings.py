"""What the environment and `.streamlit/secrets.toml` say: nothing else in the desk looks at them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from app.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEMO_DATABASE = ROOT / ".data" / "aml_cases.db"
SECRETS = ROOT / ".streamlit" / "secrets.toml"


class SignIn(StrEnum):
    """How people sign in: `app.sign_in` says what each means."""

    DEMO = "demo"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the desk's data is, and how patient it is; all times are in seconds.

    `database` is a file for SQLite or an ODBC connection string for SQL Server, and `read_replica` what is different
    in the string for reads that may lag (empty: there is no replica). Both may hold a password.
    `checkpoints` is the folder with a folder a log in it. `signing_key` is the file with the log's secret key, which
    only a desk that makes checkpoints needs (None: see `keys.key_file`), and `verifier_key` the public key, for
    a desk without that file.
    `sign_in` is None where the engine decides, and `sign_in_claim` what the identity provider calls a user id.
    `busy_timeout` is how long an operation waits for a lock or for one of the `pool_size` connections,
    `connect_timeout` how long for a server to let it in, and `query_timeout` how long for a statement.
    """

    database: str = field(repr=False)
    exports: Path
    busy_timeout: float = 5
    read_replica: str = field(default="", repr=False)
    pool_size: int = 10
    connect_timeout: int = 10
    query_timeout: int = 60
    checkpoints: Path = ROOT / "exports" / "checkpoints"
    signing_key: Path | None = None
    verifier_key: str = ""
    sign_in: SignIn | None = None
    sign_in_claim: str = "preferred_username"


def load(database: str | None = None) -> Settings:
    """Settings from AML_DATABASE, AML_EXPORTS and so on; `database` overrides the first.

    What the environment does not say is looked up in the [aml] section of the secrets file (`database`, `exports` …).
    Raises SettingsError.
    """
    if database == "":
        raise SettingsError("--database is given, but empty.")
    secrets = _secrets()

    def said(name: str, default: str) -> str:
        return os.environ.get(f"AML_{name.upper()}") or secrets.get(name) or default

    def bad(name: str, what: str) -> SettingsError:
        where = f"AML_{name.upper()}" if os.environ.get(f"AML_{name.upper()}") else f"{name} in [aml] of {SECRETS}"
        return SettingsError(f"{where} is {what}, not {said(name, '')!r}.")

    def seconds(name: str, default: str) -> float:
        text = said(name, default)
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", text):
            raise bad(name, "a number of seconds below 10,000")
        return float(text)

    def whole(name: str, default: str) -> int:
        text = said(name, default)
        if not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 10_000):
            raise bad(name, "a whole number from 1 to 10,000")
        return int(text)

    def path(name: str, default: str) -> Path:
        text = said(name, default)
        if not text.isprintable():  # a Windows path in double quotes: TOML reads \t in it as a tab
            raise bad(name, "the path of a file or folder (in single quotes in a secrets file)")
        return Path(text)

    exports = path("exports", str(ROOT / "exports"))
    sign_in = said("sign_in", "")
    if sign_in and sign_in not in set(SignIn):
        raise bad("sign_in", "demo or oidc")
    chosen = database or said("database", str(DEMO_DATABASE))
    return Settings(
        database=str(Path(chosen).expanduser()) if chosen.startswith("~/") else chosen,
        exports=exports,
        checkpoints=path("checkpoints", str(exports / "checkpoints")),
        signing_key=path("signing_key", "") if said("signing_key", "") else None,
        verifier_key=said("verifier_key", ""),
        sign_in=SignIn(sign_in) if sign_in else None,
        sign_in_claim=said("sign_in_claim", "preferred_username"),
        busy_timeout=seconds("busy_timeout", "5"),
        read_replica=said("read_replica", ""),
        pool_size=whole("pool_size", "10"),
        connect_timeout=whole("connect_timeout", "10"),
        query_timeout=whole("query_timeout", "60"),
    )


def _secrets() -> Mapping[str, str]:
    """What stands in [aml]. No error repeats what the file holds, as that may be a password."""
    data = b""
    try:
        data = SECRETS.read_bytes()
        text = data.decode("utf-8-sig")
        section = tomllib.loads(text).get("aml", {})
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{SECRETS} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{SECRETS}, line {line}: this is not UTF-8 text. Save the file as UTF-8.") from error
    except ValueError as error:
        raise SettingsError(_not_toml(text, str(error))) from error
    if not isinstance(section, dict):
        raise SettingsError(f"[aml] in {SECRETS} is not a section.")
    for name, value in section.items():
        if name not in {setting.name for setting in fields(Settings)}:
            raise SettingsError(f"[aml] in {SECRETS} has {name!r}, which is no setting of the desk.")
        if not isinstance(value, str | int | float):
            raise SettingsError(f"{name} in [aml] of {SECRETS} is neither a text nor a number.")
    return {name: str(value) for name, value in section.items()}


def _not_toml(text: str, problem: str) -> str:
    """The message for a file that is not TOML; `problem` is the parser's, which ends in (at line 2, column 15)."""
    found = re.search(r"\(at line (\d+)", problem)
    number = int(found[1]) if found else text.count("\n") + 1
    line = text.splitlines()[number - 1 : number]
    reason = problem.partition(" (at ")[0]
    if any("\\" in one and '"' in one for one in line):
        reason += r". A Windows path stands in single quotes: 'C:\Users\desk.db'"
    return f"{SECRETS}, line {number}: {reason}."
