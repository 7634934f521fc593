"""What the environment and the secrets file may say: anything else is an error that names where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest

from app import settings
from app.__main__ import main
from app.errors import SettingsError
from tests.conftest import ON_SQLITE, forget_the_desk

PAGE = str(Path(__file__).resolve().parent.parent / "app" / "streamlit_app.py")
PASSWORD = "hunter2"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the secrets file would be; the environment says nothing."""
    file = tmp_path / "secrets.toml"
    monkeypatch.setattr(settings, "SECRETS", file)
    for name in ("DATABASE", "EXPORTS", "SIGNING_KEY", "SIGN_IN"):
        monkeypatch.delenv(f"AML_{name}", raising=False)
    return file


@pytest.mark.parametrize("number", ["²", "٣", "1_0", "1e1", "0", "10001", "9" * 5000, " 5", "5\n", "-1", "5.0"])
@pytest.mark.parametrize("name", ["pool_size", "connect_timeout", "query_timeout"])
def test_a_whole_number_is_written_in_plain_digits(name: str, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AML_{name.upper()}", number)
    with pytest.raises(SettingsError, match=f"^AML_{name.upper()} is a whole number from 1 to 10,000, not "):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("busy_timeout", "٣", "AML_BUSY_TIMEOUT is a number of seconds"),
        ("busy_timeout", "5s", "AML_BUSY_TIMEOUT is a number of seconds"),
        ("sign_in", "Demo", "AML_SIGN_IN is demo or oidc, not 'Demo'"),
        ("sign_in", "demo ", "AML_SIGN_IN is demo or oidc, not 'demo '"),
        ("exports", "a\tb", r"AML_EXPORTS is the path of .*, not 'a\\tb'"),
    ],
)
def test_any_other_setting_is_named_as_well(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AML_{name.upper()}", value)
    with pytest.raises(SettingsError, match=said):
        settings.load()


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_a_secrets_file_is_read_with_and_without_a_byte_order_mark(secrets: Path, start: bytes) -> None:
    secrets.write_bytes(start + b"[aml]\npool_size = 5\ndatabase = 'C:\\Users\\desk.db'\nbusy_timeout = 0.5\n")
    found = settings.load()
    assert (found.pool_size, found.database, found.busy_timeout) == (5, r"C:\Users\desk.db", 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rb'[aml]\n\ndatabase = "C:\Users\desk.db"', "line 3: .* A Windows path stands in single quotes"),
        (rb'[aml]\ndatabase = "C:\desk.db"', "line 2: .* A Windows path stands in single quotes"),
        (b"[aml]\ndatabase = hunter2", "line 2: "),
        (b'[aml]\ndatabase = "Server=a;PWD=hunter2', "line 2: Unterminated string"),
        (b"[aml]\npool_size = " + b"9" * 5000, "line 2: "),
        ("[aml]\ndatabase = 'Ł'".encode("utf-16"), "line 1: this is not UTF-8 text"),
        (b"[aml]\ndatabase = '\xa3hunter2'", "line 2: this is not UTF-8 text"),
        (b"aml = 5", "is not a section"),
        (b"[aml]\npool_size = '\xc2\xb2'", r"pool_size in \[aml\] of .*secrets.toml is a whole number"),
        (b'[aml]\nexports = "C:\\temp"', r"exports in \[aml\] of .*in single quotes"),
        (b"[aml]\nsign_in = true", r"sign_in in \[aml\] of .* is demo or oidc"),
        (b"[aml]\ndatabase = { Server = 'a', PWD = 'hunter2' }", "is neither a text nor a number"),
        (b"[aml]\ndatabse = 'Server=a;PWD=hunter2'", "'databse', which is no setting"),
    ],
)
def test_a_secrets_file_that_cannot_be_used_is_named_with_its_line(secrets: Path, text: bytes, said: str) -> None:
    secrets.write_bytes(text.replace(rb"\n", b"\n"))
    with pytest.raises(SettingsError, match=said) as refused:
        settings.load()
    assert str(secrets) in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_secrets_file_that_may_not_be_read_is_named(secrets: Path) -> None:
    secrets.mkdir()
    with pytest.raises(SettingsError, match="secrets.toml cannot be read: Is a directory"):
        settings.load()


@pytest.mark.parametrize("verb", [["verify"], ["keygen"], ["checkpoint"], ["init"], ["user", "list"]])
@pytest.mark.parametrize("where", ["environment", "option", "secrets"])
def test_a_server_in_quotes_is_no_demo(
    secrets: Path,
    verb: list[str],
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    quoted = f'"Server=localhost;Database=aml;UID=sa;PWD={PASSWORD}"'
    if where == "environment":
        monkeypatch.setenv("AML_DATABASE", quoted)
    elif where == "secrets":
        secrets.write_text(f"[aml]\ndatabase = '{quoted}'", "utf-8")
    before = set(tmp_path.iterdir())
    assert main([*verb, *(["--database", quoted] if where == "option" else [])]) == 2
    printed = capsys.readouterr().err
    assert 'has quotes or spaces around it: "Server=localhost;Database=aml;UID=sa;PWD=***' in printed
    assert PASSWORD not in printed
    assert set(tmp_path.iterdir()) == before


AUTH = b'[auth]\nredirect_uri = "http://localhost/oauth2callback"\n'


@ON_SQLITE
@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "Sign-in is not configured."),
        (b"[aml]\npool_size = 5\n", "Sign-in is not configured."),
        (b"\xef\xbb\xbf" + AUTH, "without a byte order mark, and start the desk again."),
        (AUTH + b'[aml]\nexports = "C:\\Users"\n', "line 4: "),
        ("[aml]\n".encode("utf-16"), "line 1: this is not UTF-8 text"),
    ],
    ids=["no file", "no provider", "byte order mark", "Windows path", "UTF-16"],
)
def test_a_page_says_what_is_wrong_with_the_secrets_file(
    secrets: Path, text: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch, terminal: object
) -> None:
    monkeypatch.setenv("AML_DATABASE", str(terminal))
    monkeypatch.setenv("AML_SIGN_IN", "oidc")
    if text is not None:
        secrets.write_bytes(text)
    files = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(secrets)])
    forget_the_desk()
    secrets_singleton._reset()
    try:
        page = AppTest.from_file(PAGE, default_timeout=30).run()
    finally:
        config.set_option("secrets.files", files)
        forget_the_desk()
        secrets_singleton._reset()
    assert not page.exception, page.exception[0].message
    assert said in page.error[0].value.replace("\\", "")
