"""What the environment and `.streamlit/secrets.toml` say: nothing else in the desk looks at them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from app.errors import SettingsError
from app.text import printable

if TYPE_CHECKING:  # imported where it is used: it takes as long as all else that a short verb imports
    from pydantic import GetCoreSchemaHandler
    from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parent.parent
DEMO_DATABASE = ROOT / ".data" / "aml_cases.db"
SECRETS = ROOT / ".streamlit" / "secrets.toml"

OF_OTHERS = frozenset(
    {"AML_NO_BROWSER"}  # app.launch
    | {"AML_TEST_SQLSERVER", "AML_TEST_SQLSERVER_FILES", "AML_REQUIRE_SQLSERVER"}  # the tests, and so the next line
    | {"AML_BROWSER", "AML_REQUIRE_BROWSER", "AML_AXE", "AML_SARX_XSD"}
)
"""Variables that are none of the desk's settings, and are passed over."""

LONGEST_SHOWN = 40
"""Characters of a wrong value that an error repeats."""


class SignIn(StrEnum):
    """How people sign in: `app.ui.sign_in` says what each means."""

    DEMO = "demo"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a setting is written. `read` makes its value of the text, and raises ValueError with what would be right."""

    read: Callable[[str], object]

    def _check(self, said: object) -> object:
        if not isinstance(said, str):
            raise ValueError("neither a text nor a number")
        return self.read(said)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        from pydantic import BeforeValidator

        return BeforeValidator(self._check).__get_pydantic_core_schema__(source, handler)


def _read_path(text: str) -> Path:
    if not text.isprintable():  # a Windows path in double quotes: TOML reads \t in it as a tab
        raise ValueError("the path of a file or folder (in single quotes in a secrets file)")
    if not re.match(r"~[^/\\]*(?:[/\\]|$)", text):
        return Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError("a path, whose ~ stands for a folder that this machine does not know") from error


def _read_database(text: str) -> str:
    """Return a connection string as it is, and the path of a file with its `~` expanded."""
    return str(_read_path(text)) if text.startswith("~") or not ("=" in text or text.isprintable()) else text


def _read_seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", text):
        raise ValueError("a number of seconds below 10,000")
    return float(text)


def _read_whole(text: str) -> int:
    if not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 10_000):
        raise ValueError("a whole number from 1 to 10,000")
    return int(text)


def _read_sign_in(text: str) -> SignIn:
    if text not in set(SignIn):
        raise ValueError("demo or oidc")
    return SignIn(text)


_Text = Annotated[str, _Form(str)]
_Path = Annotated[Path, _Form(_read_path)]
_Whole = Annotated[int, _Form(_read_whole)]
_Seconds = Annotated[float, _Form(_read_seconds)]

_IN_EXPORTS = Path("checkpoints")
"""Stands for the folder of this name in the folder of exports, wherever that is."""


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

    database: Annotated[str, _Form(_read_database)] = field(default=str(DEMO_DATABASE), repr=False)
    exports: _Path = ROOT / "exports"
    busy_timeout: _Seconds = 5
    read_replica: _Text = field(default="", repr=False)
    pool_size: _Whole = 10
    connect_timeout: _Whole = 10
    query_timeout: _Whole = 60
    checkpoints: _Path = _IN_EXPORTS
    signing_key: Annotated[Path | None, _Form(_read_path)] = None
    verifier_key: _Text = ""
    sign_in: Annotated[SignIn | None, _Form(_read_sign_in)] = None
    sign_in_claim: _Text = "preferred_username"

    def __post_init__(self) -> None:
        if self.checkpoints is _IN_EXPORTS:
            object.__setattr__(self, "checkpoints", self.exports / _IN_EXPORTS)

    def signs_in(self, is_embedded: bool) -> SignIn:
        """Return how people sign in to a desk on this kind of database: as is said, else as suits it."""
        return self.sign_in or (SignIn.DEMO if is_embedded else SignIn.OIDC)


NAMES = tuple(setting.name for setting in fields(Settings))


def load(database: str | None = None) -> Settings:
    """Return the settings that AML_DATABASE, AML_EXPORTS and so on say; `database` goes before the first of them.

    What the environment does not say, or says as nothing, is looked up in the [aml] section of the secrets file
    (`database`, `exports` …). Raises SettingsError, with a sentence for each thing that is wrong: none repeats what may
    be a secret.
    """
    if database == "":
        raise SettingsError("--database is given, but empty.")
    from pydantic import ValidationError

    try:
        return _reader()({"aml": {"database": database} if database else {}})
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        raise SettingsError(" ".join(_sentence(one, database is not None) for one in wrong)) from None


@cache
def _reader() -> Callable[[object], Settings]:
    """Return what reads `aml` from its argument, then the environment, then the secrets file, whenever it is called.

    pydantic-settings takes AML_POOL_SIZE for `pool_size` of `aml`, as it stands in the secrets file, so that names
    which no setting has are refused in both. What is returned raises pydantic's ValidationError, and SettingsError.
    """
    from pydantic_settings import (
        BaseSettings,
        EnvSettingsSource,
        InitSettingsSource,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
    )

    class Said(BaseSettings):
        model_config = SettingsConfigDict(
            env_nested_delimiter="_",
            env_nested_max_split=1,
            env_ignore_empty=True,
            validate_default=False,
            hide_input_in_errors=True,
        )
        aml: Settings

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            environment.env_vars = {
                name: value for name, value in environment.env_vars.items() if name.upper() not in {"AML", *OF_OTHERS}
            }
            return init_settings, environment, InitSettingsSource(settings_cls, {"aml": _secrets()})

    return lambda option: Said.model_validate(option).aml


def _sentence(wrong: Mapping[str, Any], has_option: bool) -> str:
    """Return what is wrong with a setting, where it was said, and what would be right."""
    name = str(wrong["loc"][1])  # below `aml`
    variable = f"AML_{name.upper()}"
    is_variable = name == name.lower() and variable in {known.upper() for known, value in os.environ.items() if value}
    if name not in NAMES:
        near = get_close_matches(name.lower(), NAMES, n=1)
        if is_variable:
            hint = f"it may be meant for AML_{near[0].upper()}" if near else "README lists those there are"
            return f"The environment has {printable(variable)}, which is no setting of the desk: {hint}."
        hint = f"it may be meant for {near[0]}" if near else "README lists those there are"
        return f"[aml] in {SECRETS} has {name!r}, which is no setting of the desk: {hint}.{_line_of(name)}"
    what = wrong["ctx"]["error"] if "ctx" in wrong else wrong["msg"]
    if name == "database" and has_option:
        return f"--database is {what}."
    where = variable if is_variable else f"{name} in [aml] of {SECRETS}"
    return f"{where} is {what}{_instead(name, wrong['input'])}.{'' if is_variable else _line_of(name)}"


def _instead(name: str, value: object) -> str:
    """Return how an error ends that says what was written: nothing of what may be, or hold, a secret."""
    if not isinstance(value, str) or name == "database":
        return ""
    return f", not {value!r}" if len(value) <= LONGEST_SHOWN and "=" not in value else ", not what is written there"


def _secrets() -> Mapping[str, object]:
    """Return what stands in [aml] and is not empty, a number as a text. Raises SettingsError as `section` does."""
    found = section("aml")
    said = {name: str(value) if isinstance(value, int | float) else value for name, value in found.items()}
    return {name: value for name, value in said.items() if value != ""}


def section(name: str) -> Mapping[str, Any]:
    """Return what stands in a section of the secrets file; nothing where there is no such section, or no file.

    Raises SettingsError, which never repeats what the file holds, as that may be a password.
    """
    data = b""
    try:
        data = SECRETS.read_bytes()
        text = data.decode("utf-8-sig")
        sections = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{SECRETS} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{SECRETS}, line {line}: this is not UTF-8 text. Save the file as UTF-8.") from None
    except ValueError as error:
        raise SettingsError(_not_toml(text, str(error))) from None
    if other := next((one for one in sections if one != name and one.strip().casefold() == name), None):
        raise SettingsError(f"{SECRETS} has a section [{other}]. It is called [{name}].")
    found = sections.get(name, {})
    if not isinstance(found, dict):
        raise SettingsError(f"[{name}] in {SECRETS} is not a section.")
    return found


def _line_of(name: str) -> str:
    """Return the line of the secrets file that says a setting of [aml], from 1 on; nothing where none is found."""
    section = ""
    for number, line in enumerate(SECRETS.read_text("utf-8-sig").splitlines(), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            section = header[1].strip()
        elif section == "aml" and re.match(rf"""\s*["']?{re.escape(name)}["']?\s*[.=]""", line):
            return f" (Line {number}.)"
    return ""


def _not_toml(text: str, problem: str) -> str:
    """Return the message for a file that is no TOML; `problem` is the parser's, and ends in (at line 2, column 15)."""
    found = re.search(r"\(at line (\d+)", problem)
    number = int(found[1]) if found else text.count("\n") + 1
    line = text.splitlines()[number - 1 : number]
    reason = problem.partition(" (at ")[0]
    if any("\\" in one and '"' in one for one in line):
        reason += r". A Windows path stands in single quotes: 'C:\Users\desk.db'"
    return f"{SECRETS}, line {number}: {reason}."
