"""What the environment and the secrets file may say: anything else is an error that names where it stands."""

from __future__ import annotations

import re
import traceback
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
    for name in settings.NAMES:
        monkeypatch.delenv(f"AML_{name.upper()}", raising=False)
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
        (b"[AML]\npool_size = 1", r"has a section \[AML\]. It is called \[aml\]"),
        (b"[aml]\npool_size = '\xc2\xb2'", r"pool_size in \[aml\] of .*secrets.toml is a whole number"),
        (b'[aml]\nexports = "C:\\temp"', r"exports in \[aml\] of .*in single quotes.*\(Line 2\.\)"),
        (b'[aml]\n\ndatabase = "C:\\temp\\files"', r"database in \[aml\] of .*in single quotes.*\(Line 3\.\)"),
        (b"[aml]\nsign_in = true", r"sign_in in \[aml\] of .* is demo or oidc"),
        (b"[aml]\ndatabase = { Server = 'a', PWD = 'hunter2' }", "is neither a text nor a number"),
        (b"[aml]\nPOOL_SIZE = 5", "'POOL_SIZE', which is no setting of the desk: it may be meant for pool_size"),
        (b"[aml]\ndatabse = 'Server=a;PWD=hunter2'", "'databse', which is no setting"),
    ],
)
def test_a_secrets_file_that_cannot_be_used_is_named_with_its_line(secrets: Path, text: bytes, said: str) -> None:
    secrets.write_bytes(text.replace(rb"\n", b"\n"))
    with pytest.raises(SettingsError, match=said) as refused:
        settings.load()
    assert str(secrets) in str(refused.value)
    assert PASSWORD not in str(refused.value)


SAID = {
    "database": "desk.db",
    "exports": "/srv/exports",
    "busy_timeout": "0.5",
    "read_replica": "ApplicationIntent=ReadOnly",
    "pool_size": "3",
    "connect_timeout": "4",
    "query_timeout": "5",
    "checkpoints": "/srv/checkpoints",
    "signing_key": "/srv/signing.key",
    "verifier_key": "bank.example+a1b2c3d4+AQ==",
    "sign_in": "oidc",
    "sign_in_claim": "email",
}


def shown(found: settings.Settings) -> dict[str, str]:
    return {name: str(getattr(found, name)) for name in settings.NAMES}


def test_the_option_goes_before_the_environment_before_the_secrets_file_before_what_the_desk_says(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.load() == settings.Settings()
    secrets.write_text("[aml]\n" + "".join(f"{name} = '{value}'\n" for name, value in SAID.items()), "utf-8")
    assert shown(settings.load()) == SAID
    for name in settings.NAMES:
        monkeypatch.setenv(f"AML_{name.upper()}", "")  # says nothing
    assert shown(settings.load()) == SAID
    environment = {**SAID, "database": "other.db", "exports": "/srv/other", "pool_size": "30", "sign_in": "demo"}
    for name in settings.NAMES:
        monkeypatch.setenv(f"AML_{name.upper()}", environment[name])
    assert shown(settings.load()) == environment
    assert settings.load("third.db").database == "third.db"


def test_checkpoints_stand_in_the_folder_of_exports_unless_they_are_said(secrets: Path) -> None:
    secrets.write_text("[aml]\nexports = '/srv/exports'\n", "utf-8")
    assert settings.load().checkpoints == Path("/srv/exports/checkpoints")
    assert settings.Settings("desk.db", Path("out")).checkpoints == Path("out/checkpoints")


def test_a_tilde_is_the_home_folder(secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    secrets.write_text("[aml]\ndatabase = '~/desk.db'\nexports = '~/out'\nsigning_key = '~/key'\n", "utf-8")
    monkeypatch.setenv("AML_CHECKPOINTS", "~")
    found = settings.load()
    assert (found.database, found.exports, found.checkpoints, found.signing_key) == (
        str(tmp_path / "desk.db"),
        tmp_path / "out",
        tmp_path,
        tmp_path / "key",
    )
    assert settings.load("~/other.db").database == str(tmp_path / "other.db")
    monkeypatch.setenv("AML_EXPORTS", "~nobody.of.this.name/out")
    with pytest.raises(SettingsError, match="^AML_EXPORTS is a path, whose ~ stands for a folder that this machine"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AML_POOL_SISE", "AML_POOL_SISE, which is no setting of the desk: it may be meant for AML_POOL_SIZE."),
        ("aml_datbase", "AML_DATBASE, which is no setting of the desk: it may be meant for AML_DATABASE."),
        ("AML_ZZZZ", "AML_ZZZZ, which is no setting of the desk: README lists those there are."),
        ("AML_A\nB", r"AML_A\nB, which is no setting of the desk: README lists those there are."),
    ],
)
@pytest.mark.usefixtures("secrets")
def test_a_variable_that_no_setting_has_is_refused(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"Server=a;PWD={PASSWORD}")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert str(refused.value) == f"The environment has {said}"


def test_every_variable_of_the_repository_is_a_setting_or_known_to_be_none() -> None:
    root = Path(PAGE).parent.parent
    files = [file for folder in ("app", "seed", "tests", ".ci", ".github") for file in (root / folder).rglob("*")]
    files += [root / name for name in ("README.md", "run.sh", "run.ps1", "compose.yaml")]
    texts = [file.read_text("utf-8") for file in files if file.suffix in {".py", ".md", ".yml", ".yaml", ".sh", ".ps1"}]
    texts.append((root / ".ci" / "run").read_text("utf-8"))
    named = {name for text in texts for name in re.findall(r"AML_[A-Z][A-Z_]*[A-Z]", text)}
    misspelt = {"AML_POOL_SISE", "AML_DATBASE", "AML_ZZZZ"}
    assert named - misspelt - settings.OF_OTHERS == {f"AML_{name.upper()}" for name in settings.NAMES}


def test_all_that_is_wrong_is_told_at_once_with_where_it_was_said(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.write_text(
        "[server]\npool_size = 1\n[aml]\nconnect_timeout = 'soon'\npool_size = 'many'\nsign_in = 'PWD=x'\n[aml2]\n"
        "quety_timeout = 3\n[ aml.quety_timeout ]\n",
        "utf-8",
    )
    monkeypatch.setenv("AML_BUSY_TIMEOUT", "never")
    monkeypatch.setenv("AML_POOL_SIZE", "few")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert str(refused.value) == (
        "AML_BUSY_TIMEOUT is a number of seconds below 10,000, not 'never'. "
        "AML_POOL_SIZE is a whole number from 1 to 10,000, not 'few'. "
        f"connect_timeout in [aml] of {secrets} is a whole number from 1 to 10,000, not 'soon'. (Line 4.) "
        f"sign_in in [aml] of {secrets} is demo or oidc, not what is written there. (Line 6.) "
        f"[aml] in {secrets} has 'quety_timeout', which is no setting of the desk: it may be meant for query_timeout."
    )


@pytest.mark.parametrize("name", settings.NAMES)
@pytest.mark.parametrize("where", ["environment", "secrets"])
def test_no_error_and_no_repr_repeats_a_secret(
    name: str, where: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever setting someone wrote it into, and whatever else is wrong beside it."""
    value = f"Server=a;UID=sa;PWD={PASSWORD}"
    if where == "environment":
        monkeypatch.setenv(f"AML_{name.upper()}", value)
    else:
        secrets.write_text(f"[aml]\n{name} = '{value}'\n", "utf-8")
    if name in ("database", "read_replica"):
        assert PASSWORD not in repr(settings.load())
    monkeypatch.setenv("AML_QUERY_TIMEOUT", "PWD=" + PASSWORD)
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


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
