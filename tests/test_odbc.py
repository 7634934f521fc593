"""Connection strings: what is read, what the drivers get, and that no password gets out."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.database import odbc
from app.errors import SettingsError

MICROSOFT_17, MICROSOFT_18 = "ODBC Driver 17 for SQL Server", "ODBC Driver 18 for SQL Server"
PASSWORD = "hunter2"

KEYWORDS = st.from_regex(r"[a-z][a-z0-9_ ]{0,9}[a-z0-9_]", fullmatch=True)
CHARACTERS = st.sampled_from(";={} '\"\\") | st.characters(exclude_categories=["Cs"], min_codepoint=1)
VALUES = st.text(CHARACTERS)
PIECES = [
    *(PASSWORD, "PWD=", "PWD={", "{", "}", ";", "=", "\0", "Server=a;", "DSN=b;", "Driver=FreeTDS;", "Driver="),
    *("Encrypt=", "yes;", "User ID=", "Authentication=", "ApplicationIntent=", "TrustServerCertificate=yes;"),
]

Install = Callable[..., None]


class FakePyodbc(ModuleType):
    def __init__(self, drivers: tuple[str, ...], sources: dict[str, str]) -> None:
        super().__init__("pyodbc")
        self.drivers = lambda: list(drivers)
        self.dataSources = lambda: sources


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a machine that has these drivers and DSNs, and no others."""

    def installed(*drivers: str, **sources: str) -> None:
        monkeypatch.setitem(sys.modules, "mssql_python_odbc", None)
        monkeypatch.setitem(sys.modules, "pyodbc", FakePyodbc(drivers, sources))

    return installed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"Server=localhost\SQLEXPRESS;Database=aml_cases;Trusted_Connection=yes;", True),
        ("DSN=aml", True),
        ("Driver={ODBC Driver 18 for SQL Server};Server=localhost", True),
        (" ; app={a;b};SERVER = localhost", True),
        ("UID=sa;PWD={unfinished", True),
        ("Data Source=localhost;Password=hunter2", True),
        ("Server = x", True),
        ("DSN=", True),
        ("a=b.db", False),
        ("desk.db", False),
        ("My desk 2026.SQLITE3", False),
        ("data/desk.sqlite", False),
        (r"data\desk.db", False),
        (r".\desk.db", False),
        ("./desk", False),
        ("../desk", False),
        ("/data/my desk", False),
        ("/data/x;y.db", False),
        ("/data/;server=x.db", False),
        ("/data/localhost,1433", False),
        (r"C:\data\desk", False),
        ("c:/data/desk", False),
        (r"C:\data\server=1.db", False),
        (r"\\files\share\desk", False),
        ("./server=x.db", False),
    ],
)
def test_a_connection_string_is_told_from_a_file(text: str, expected: bool) -> None:
    assert odbc.is_connection_string(text) is expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((text, text) for text in (r"localhost\SQLEXPRESS", r".\SQLEXPRESS", r"(localdb)\MSSQLLocalDB", "localhost")),
        *((text, text) for text in ("host,1433", "10.0.0.7", "::1", "tcp:host", "tcp:host.db", "np:x", "host:1433")),
        *((text, text) for text in ("sql01.bank.example", r"\\.\pipe\MSSQL$X\sql\query", "SQL01", ":memory:")),
        *(
            (text, text)
            for text in ("Host=a;Catalog=b.db", "sqlite:///desk.db", "file:desk.db", "localhost/SQLEXPRESS")
        ),
        ("", "SQLite file: \n"),
        ('"Server=a;PWD=hunter2;"', '"Server=a;PWD=***'),
        ("'Server=a;Password = hunter2'", "'Server=a;Password =***"),
        ("\u201cServer=a\u201d", "\u201cServer=a\u201d"),
        ('"./desk.db"', '"./desk.db"'),
        ("'desk.db", "'desk.db"),
        (" desk.db", "spaces around it:  desk.db. "),
        ("desk.db\n", r"desk.db\n"),
        ("C:\temp\new.db", r"C:\temp\new.db. In a secrets file"),
        ("mssql+pyodbc://sa:hunter2@host/aml", "mssql+pyodbc://***@host/aml"),
        ("mssql://sa:hunter2@hunter2@host", "mssql://***@host"),
        ("mssql://sa:pass:hunter2@host", "mssql://***"),
        ("jdbc:sqlserver://host;user=sa;password=hunter2@hunter2", "jdbc:sqlserver://***"),
        ("jdbc:sqlserver://host;user=sa;password=hunter2", "jdbc:sqlserver://host;user=sa;password=***"),
        ("sa:hunter2@host", "***@host"),
        ("{'Server': 'a', 'PWD': 'hunter2'}", "{'Server': 'a', 'PWD':***"),
        ("host,1433\x1b[J", r"host,1433\x1b[J"),
        ("-S host -U sa -P hunter2", "-S host -U sa -P***"),
        ("host;sa;hunter2", "host;***"),
        ("//sql01/aml", "//sql01/aml"),
    ],
)
def test_what_may_be_a_server_is_never_a_file(text: str, shown: str) -> None:
    with pytest.raises(SettingsError) as refused:
        odbc.is_connection_string(text)
    assert shown in str(refused.value)
    assert PASSWORD not in str(refused.value)


@given(st.sampled_from(['"', "", "jdbc:x://a;", "Host=a;", " ", "x@y;"]), st.sampled_from(["PWD", "Password", "Token"]))
@example("", "PWD")
def test_what_is_shown_of_it_ends_at_the_first_secret(before: str, keyword: str) -> None:
    for after in (PASSWORD, f"a@{PASSWORD}", f"a;Server=x;{PASSWORD}", f"x://{PASSWORD}@a", f'{PASSWORD}"'):
        assert PASSWORD not in odbc._shown(f"{before}{keyword}={after}")
        assert PASSWORD not in odbc._shown(f"{before}{keyword} = {after}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" ;; Server = tcp:a,1433 ;;\n", {"server": "tcp:a,1433"}),
        ("PWD={a;b}}c=d} ;UID={}", {"pwd": "a;b}c=d", "uid": ""}),
        ("pwd=first;PWD=second;Pwd={third}", {"pwd": "first"}),
        ("PWD=a=b{c}d;UID=", {"pwd": "a=b{c}d", "uid": ""}),
    ],
)
def test_attributes_are_read_by_the_rules_of_odbc(text: str, expected: dict[str, str]) -> None:
    assert odbc.parse(text) == expected


@given(st.dictionaries(KEYWORDS, VALUES))
def test_what_is_built_reads_back_as_it_was(attributes: dict[str, str]) -> None:
    assert odbc.parse(odbc.build(attributes)) == attributes


@pytest.mark.parametrize(
    "text",
    ["Server", "Server=a;hunter2", "=hunter2", "PWD={hunter2", "PWD={hun}ter2", "PWD=hun;ter,2=x", "PWD=hun\0ter2"],
)
def test_a_malformed_string_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        odbc.parse(text)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
@example(f"DSN=b;Encrypt=yes;PWD={PASSWORD}")
@example(f"Server=a;Driver=FreeTDS;Encrypt=yes;PWD={PASSWORD}")
@example(f"Server=a;Driver={PASSWORD}")
def test_no_error_repeats_a_part_of_the_string(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyodbc", FakePyodbc((), {"b": "FreeTDS"}))
        for use in (odbc.complete, odbc.describe, lambda text: odbc.with_overrides("Server=a", text)):
            try:
                use(text)
            except SettingsError as error:
                assert PASSWORD not in str(error)


@pytest.mark.parametrize(
    ("drivers", "expected"),
    [
        (["FreeTDS", MICROSOFT_17, MICROSOFT_18, "SQLite3"], MICROSOFT_18),
        (["FreeTDS", MICROSOFT_17], MICROSOFT_17),
    ],
)
def test_the_best_installed_driver_is_taken(install: Install, drivers: list[str], expected: str) -> None:
    install(*drivers)
    assert odbc.parse(odbc.complete("Server=a;TrustServerCertificate=yes"))["driver"] == expected


@pytest.mark.parametrize(
    ("system", "machine", "file"),
    [
        ("Linux", "x86_64", "linux/debian_ubuntu/x86_64/lib/libmsodbcsql-18.6.so.2.1"),
        ("Linux", "aarch64", "linux/debian_ubuntu/arm64/lib/libmsodbcsql-18.6.so.2.1"),
        ("Darwin", "arm64", "macos/arm64/lib/libmsodbcsql.18.dylib"),
    ],
)
def test_the_driver_of_a_python_package_is_found(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, file: str
) -> None:
    package = ModuleType("mssql_python_odbc")
    package.__dict__["get_libs_dir"] = lambda: str(tmp_path)
    for name in (file, "linux/alpine/x86_64/lib/libmsodbcsql-18.6.so.2.1"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    install("FreeTDS")
    monkeypatch.setitem(sys.modules, "mssql_python_odbc", package)
    monkeypatch.setattr(odbc, "_DISTRIBUTIONS", {})
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert odbc.parse(odbc.complete("Server=a"))["driver"] == str(tmp_path / file)
    monkeypatch.setattr(platform, "system", lambda: "Windows")  # which takes registered drivers only
    with pytest.raises(SettingsError, match="winget install"):
        odbc.complete("Server=a")


def test_without_a_driver_it_says_what_to_install(install: Install) -> None:
    install("SQLite3")
    with pytest.raises(SettingsError, match=r"(?s)winget install.*brew install.*apt install unixodbc.*pip install"):
        odbc.complete("Server=a")


def test_without_pyodbc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(SettingsError, match=r"(?s)pyodbc and unixODBC.*apt install unixodbc"):
        odbc.complete("Driver=FreeTDS;Server=a;TrustServerCertificate=yes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Server=a", f"driver={MICROSOFT_18};server=a;app=AML Case Desk;encrypt=yes;connectretrycount=0;"),
        ("Server=a;Encrypt=strict;APP=x", f"driver={MICROSOFT_18};server=a;encrypt=strict;app=x;connectretrycount=0;"),
        (
            "driver=/opt/libmsodbcsql-18.so;Server=a;Port=1444;MultiSubnetFailover=yes;TrustServerCertificate=no",
            "driver=/opt/libmsodbcsql-18.so;server=a,1444;multisubnetfailover=yes;trustservercertificate=no;"
            "app=AML Case Desk;encrypt=yes;connectretrycount=0;",
        ),
        ("DSN=aml;UID=sa", "dsn=aml;uid=sa;app=AML Case Desk;"),
        ("DSN=aml;Encrypt=yes", "dsn=aml;encrypt=yes;app=AML Case Desk;"),
    ],
)
def test_it_is_encrypted_and_checked_unless_the_string_says_otherwise(
    install: Install, text: str, expected: str
) -> None:
    install(MICROSOFT_18, MICROSOFT_17, aml=MICROSOFT_18)
    assert odbc.complete(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Driver=FreeTDS;Server=a;Encrypt=yes", "use safely"),
        ("DSN=AML;Encrypt=yes", "use safely"),
        ("Driver=SQL Server;Server=a", "use safely"),
        ("Database=a", "no Server"),
        ("Data Source=a;User ID=b", "UID and PWD"),
    ],
)
def test_what_would_silently_be_less_safe_is_refused(install: Install, text: str, said: str) -> None:
    install(MICROSOFT_18, aml="FreeTDS")
    with pytest.raises(SettingsError, match=said):
        odbc.complete(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"Server=localhost\SQLEXPRESS;Database=aml_cases;UID=sa;PWD=x", r"aml_cases on localhost\SQLEXPRESS"),
        ("Addr=a;Port=1444;Database=b", "b on a,1444"),
        ("DSN=aml;Database=b", "b on DSN aml"),
        ("Server=a", "a"),
    ],
)
def test_people_read_where_it_is(text: str, expected: str) -> None:
    assert odbc.describe(text) == expected


@pytest.mark.parametrize(
    ("text", "override", "expected"),
    [
        ("Server=a;Database=b", "", "server=a;database=b;applicationintent=ReadOnly;"),
        ("Server=a;ApplicationIntent=ReadWrite", "", "server=a;applicationintent=ReadOnly;"),
        ("Server=a", "ApplicationIntent=ReadWrite", "server=a;applicationintent=ReadWrite;"),
        ("Addr=a;Port=1444;Database=b", "Server=c", "database=b;applicationintent=ReadOnly;server=c;"),
        ("Driver=x;Server=a;Database=b", "DSN=c", "database=b;applicationintent=ReadOnly;dsn=c;"),
        ("DSN=a;Trusted_Connection=yes", "UID=b;PWD=c", "dsn=a;applicationintent=ReadOnly;uid=b;pwd=c;"),
        ("Server=a;UID=b;PWD=c", "pwd={;}", "server=a;uid=b;pwd={;};applicationintent=ReadOnly;"),
    ],
)
def test_an_override_displaces_what_it_replaces(text: str, override: str, expected: str) -> None:
    assert odbc.with_overrides(text, override) == expected


@pytest.mark.parametrize("override", ['"ApplicationIntent=ReadOnly"', "reader.example", "PWD={hunter2"])
def test_an_override_that_cannot_be_read_is_named(override: str) -> None:
    with pytest.raises(SettingsError, match=r"Part 1 of AML_READ_REPLICA is not keyword=value. No quotes") as refused:
        odbc.with_overrides("Server=a", override)
    assert PASSWORD not in str(refused.value)


@given(st.sampled_from(["PWD", "Password", "AccessToken", "KeyStoreSecret"]), st.text(CHARACTERS, min_size=4))
@example("PWD", "hun};ter2")
def test_no_secret_is_left_in_a_message(keyword: str, secret: str) -> None:
    assume("*" not in secret)
    text = odbc.build({"server": "db.example.com", keyword: secret, "uid": "desk"})
    shown = odbc.redact(f"Login failed for user 'desk' ({secret}): {text}", text)
    assert secret not in shown
    assert secret.replace("}", "}}") not in shown


def test_a_message_keeps_what_is_no_secret() -> None:
    message = "[28000] Login failed for user 'desk' on db.example.com with hunter2."
    text = "Server=db.example.com;UID=desk;PWD=hunter;NewPassword=hunter2;TrustServerCertificate=yes"
    assert odbc.redact(message, text) == message.replace("hunter2", "***")


def test_a_server_knows_the_desk_by_its_name() -> None:
    """A real server; a wrong password is in no message."""
    server = os.environ.get("AML_TEST_SQLSERVER")
    if not server:
        unavailable = pytest.fail if os.environ.get("AML_REQUIRE_SQLSERVER") else pytest.skip
        unavailable("AML_TEST_SQLSERVER names no server")
    import pyodbc

    attributes = odbc.parse(server)
    text = odbc.complete(server)
    with closing(pyodbc.connect(text, timeout=10, autocommit=True)) as connection:
        assert connection.execute("SELECT APP_NAME()").fetchval() == "AML Case Desk"

    wrong = odbc.complete(odbc.build({**attributes, "uid": "nobody", "pwd": "wrong; {pass"}))
    with pytest.raises(pyodbc.Error) as refused:
        pyodbc.connect(wrong, timeout=10)
    assert "wrong; {pass" not in odbc.redact(str(refused.value), wrong)
