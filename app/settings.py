"""What the environment and `.streamlit/secrets.toml` say: nothing else in the desk looks at them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    only a desk that makes checkpoints needs (None: see `checkpoint.key_file`), and `verifier_key` the public key, for
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
    secrets = _secrets()

    def said(name: str, default: str) -> str:
        return os.environ.get(f"AML_{name.upper()}") or str(secrets.get(name, "")) or default

    def seconds(name: str, default: str) -> float:
        text = said(name, default)
        if not (re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", text)):
            raise SettingsError(f"AML_{name.upper()} is a number of seconds below 10,000, not {text!r}.")
        return float(text)

    def whole(name: str, default: str) -> int:
        text = said(name, default)
        if not (text.isdigit() and 1 <= int(text) <= 10_000):
            raise SettingsError(f"AML_{name.upper()} is a whole number from 1 to 10,000, not {text!r}.")
        return int(text)

    exports = Path(said("exports", str(ROOT / "exports")))
    signing_key = said("signing_key", "")
    sign_in = said("sign_in", "")
    if sign_in and sign_in not in set(SignIn):
        raise SettingsError(f"AML_SIGN_IN is demo or oidc, not {sign_in!r}.")
    return Settings(
        database=database or said("database", str(DEMO_DATABASE)),
        exports=exports,
        checkpoints=Path(said("checkpoints", str(exports / "checkpoints"))),
        signing_key=Path(signing_key) if signing_key else None,
        verifier_key=said("verifier_key", ""),
        sign_in=SignIn(sign_in) if sign_in else None,
        sign_in_claim=said("sign_in_claim", "preferred_username"),
        busy_timeout=seconds("busy_timeout", "5"),
        read_replica=said("read_replica", ""),
        pool_size=whole("pool_size", "10"),
        connect_timeout=whole("connect_timeout", "10"),
        query_timeout=whole("query_timeout", "60"),
    )


def _secrets() -> Mapping[str, object]:
    try:
        section = tomllib.loads(SECRETS.read_text("utf-8")).get("aml", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{SECRETS} cannot be read: {type(error).__name__}.") from error
    if not isinstance(section, dict):
        raise SettingsError(f"[aml] in {SECRETS} is not a section.")
    return section
