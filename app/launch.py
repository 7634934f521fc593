"""What run.sh and run.ps1 start: it sets the desk up where that is not done yet, then serves it or runs a verb.

    python -E -s -u -m app.launch [VERB [ARGUMENTS]]      in the folder of the desk

It runs before any package is installed, on whichever Python 3.11 or newer was found: so it imports the standard library
alone, and of the desk what needs no more than that. A verb runs on the Python in .venv. Lines of its own go to standard
error, but for the address of the desk and the help.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from app import terminal
from app.errors import RUN
from app.terminal import tell, warn

SCRIPT = RUN.removeprefix("./")
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

MADE = VENV / ".made-by-run"
"""Says that .venv is the desk's own: comes before all else, is kept to the last, and is locked by whoever installs."""
INSTALLING = VENV / ".installing"
"""There from before an install until pip has ended by itself: an install that was cut short leaves it."""
LISTS = {"run": ("requirements.txt",), "dev": ("requirements.txt", "requirements-dev.txt")}
"""What is installed to run the desk, and to work on it; the last list of each includes those before it."""
MEDDLING = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH")
"""A person's own settings that would put packages elsewhere than into .venv, or others before those in it."""

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
START, GRACE = 60, 5
"""Seconds that the server may take until it answers, and a command that is to end until it is killed."""

TESTED = (
    "chain",
    "policy",
    "rules",
    "sar_track",
    "sampling",
    "exports.audit_csv",
    "log",
    "exports.bundle",
    "demo.tampering",
)
"""What evidence and rules rest on: a run of all tests takes every branch of it."""
TEST_ALL = (
    *("--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder", "--cov-branch", "--cov-fail-under=100"),
    *(f"--cov=app.{module}" for module in TESTED),
)
SOURCES = ("app", "seed", "tests")
CHECKS = (("ruff", "check", *SOURCES), ("ruff", "format", "--check", *SOURCES), ("mypy", "--strict", *SOURCES))
OF_THE_DESK = ("verify", "verify-file", "export", "keygen", "checkpoint", "init", "open", "user", "sar")
"""Verbs of `python -m app`."""

USAGE = f"""\
Usage: {RUN} [VERB [ARGUMENTS]]

  serve         set up what is missing, then serve the app on localhost (the default)
  test ...      run all tests, or what the arguments tell pytest
  check         ruff check, ruff format --check and mypy --strict
  seed ...      fill a database with made-up data   (python -m seed ...)
  verify ...    check the audit trail               (python -m app verify ...)
  export ...    write an export                     (python -m app export ...)
  verify-file ...  check what was exported          (python -m app verify-file ...)
  keygen ...    make the key of the log             (python -m app keygen ...)
  checkpoint    sign what the log is now            (python -m app checkpoint)
  init          make the tables of a new database   (python -m app init)
  open ...      open cases on a file of alerts      (python -m app open ...)
  user ...      add, deactivate and list people     (python -m app user ...)
  sar ...       draft, approve and file SARs        (python -m app sar ...)
  help          print this

Relative paths count from the folder of this script.

Environment:
  PORT            port to serve on, 8501 unless set
  PYTHON          the Python (3.11 or newer) to make .venv with
  AML_DATABASE    the database to use instead of the embedded one: the file of another,
                  or the ODBC connection string of a SQL Server
  AML_NO_BROWSER  set it to open no browser; none is opened either with CI set,
                  over SSH, without a display or without a terminal

Exit codes: 2 for a wrong call or a missing Python, 1 if .venv cannot be made or the
server cannot start, 130 after Ctrl-C, 143 after SIGTERM; otherwise that of the Python command.
"""


def main() -> int:
    verb, *arguments = sys.argv[1:] or ["serve"]
    if verb in ("serve", "check") and arguments:
        fail(2, f"{verb} takes no arguments; see {RUN} help.")
    for name in MEDDLING:
        os.environ.pop(name, None)
    os.environ["PIP_USER"] = "0"  # rather than removed: pip.conf may ask for it as well
    heed_signals()
    if verb == "serve":
        return serve()
    if verb == "test":
        # Whoever wants no bytecode kept: hundreds of processes would compile the desk, each for itself.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        set_up("dev")
        return become("pytest", *(arguments or TEST_ALL))
    if verb == "check":
        set_up("dev")
        return max(attend(PYTHON, "-m", *check) for check in CHECKS)
    if verb == "seed":
        set_up("run")
        return become("seed", *arguments)
    if verb in OF_THE_DESK:
        set_up("run")
        return become("app", verb, *arguments)
    if verb in ("help", "-h", "--help"):
        for line in USAGE.splitlines():
            tell(line)
        return 0
    for line in (f"{SCRIPT}: unknown verb {verb!r}", *USAGE.splitlines()):
        warn(line)
    return 2


def fail(code: int, *lines: str) -> NoReturn:
    """End with this exit code, having said why."""
    for line in lines:
        warn(f"{SCRIPT}: {line}")
    raise SystemExit(code)


# Commands, and what ends them


def heed_signals() -> None:
    """Let each end the process by an exception, so that no command is left behind; what nohup ignores stays so."""

    def unwind(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, unwind)


@contextmanager
def started(*command: str | Path, output: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command, which ends with the block at the latest. `output` is the descriptor that it writes to."""
    child = subprocess.Popen(command, stdout=output)
    try:
        yield child
    finally:
        if child.poll() is None:
            for number in SIGNALS:  # impatience leaves nothing behind either
                signal.signal(number, signal.SIG_IGN)
            if os.name != "nt":  # there Ctrl-C has reached it already, and terminate() would kill it
                child.terminate()
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def attend(*command: str | Path, output: int | None = None) -> int:
    """Run a command to its end and return its exit code."""
    with started(*command, output=output) as child:
        return exit_code(child.wait())


def become(module: str, *arguments: str) -> int:
    """Run a module of .venv's Python in the place of this process: its signals and its exit code are its own."""
    if os.name != "nt":  # where the shell would not wait for what takes a process's place
        os.execv(PYTHON, (str(PYTHON), "-m", module, *arguments))
    return attend(PYTHON, "-m", module, *arguments)


def exit_code(returned: int) -> int:
    """Return an exit code as a shell tells it: 143 for a command that SIGTERM ended, not -15."""
    return returned if returned >= 0 else 128 - returned


# The virtual environment


def set_up(kind: str) -> None:
    """Make .venv and install the packages to `run` the desk or to work on it (`dev`), unless that is done already."""
    try:
        if is_set_up(kind):
            return
        if not is_ours():
            fail(
                1,
                f"{VENV} was not made by this script, or is a link, so it stays as it is.",
                f"Move it away, or delete it, and start again: {SCRIPT} then makes one of its own.",
            )
        VENV.mkdir(exist_ok=True)
        with locked():
            if not is_set_up(kind):  # somebody else may have done it meanwhile
                install(kind)
    except subprocess.CalledProcessError as error:
        fail(1, f"{VENV} cannot be made: {error}", *error.output.decode(errors="replace").splitlines())
    except (OSError, ValueError) as error:
        fail(1, f"{VENV} cannot be made: {error}")


def is_set_up(kind: str) -> bool:
    """Say whether .venv holds what is asked for now, whole."""
    now = fingerprint(kind)
    return now != "" and now == contents(stamp(kind)) and not INSTALLING.exists()


def install(kind: str) -> None:
    """Install the packages, into an environment made anew where there is none that can be trusted."""
    usable = not INSTALLING.exists() and fingerprint(kind) and has_pip()
    INSTALLING.touch()
    if not usable:
        warn(f"Making {VENV.name} ...")
        clear()
        venv.create(VENV, symlinks=os.name != "nt", with_pip=True)
    warn(f"Installing the packages in {LISTS[kind][-1]} ...")
    stamp(kind).unlink(missing_ok=True)
    failed = attend(
        *(PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-r", LISTS[kind][-1]),
        output=STANDARD_ERROR,
    )
    INSTALLING.unlink()
    if failed:
        fail(1, "the packages could not be installed; pip says why above.")
    for each in {"run", kind}:
        stamp(each).write_text(fingerprint(each), "ascii")


def fingerprint(kind: str) -> str:
    """Return a digest of the Python in .venv and of the packages asked for; empty where it does not run, or is old."""
    tell_version = "import sys; sys.stdout.write(sys.version); sys.exit(sys.version_info < (3, 11))"
    try:
        asked = subprocess.run(
            (PYTHON, "-I", "-S", "-c", tell_version), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return hashlib.sha256(asked.stdout + b"".join((ROOT / name).read_bytes() for name in LISTS[kind])).hexdigest()


def stamp(kind: str) -> Path:
    """Return the file that keeps the fingerprint of what was installed last."""
    return VENV / f".installed-{kind}"


def contents(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def has_pip() -> bool:
    asked = subprocess.run(
        (PYTHON, "-m", "pip", "--version"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return asked.returncode == 0


def is_ours() -> bool:
    """Say whether there is nothing in .venv, or what the desk made: only that is changed, or cleared."""
    if VENV.resolve() != VENV:  # a link, or a junction of Windows
        return False
    if not VENV.is_dir():
        return not VENV.exists()
    names = {entry.name for entry in VENV.iterdir()}
    return not names or not names.isdisjoint({MADE.name, INSTALLING.name, stamp("run").name})


def clear() -> None:
    """Take everything out of .venv but what says whose it is and that it is not whole."""
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry not in (MADE, INSTALLING):
            entry.unlink()


@contextmanager
def locked() -> Iterator[None]:
    """Let nobody else install meanwhile. The system lets go of the lock however this process ends."""
    with MADE.open("ab") as mark:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(mark.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):  # and not that the file system knows no locks
                fail(1, f"another {SCRIPT} is installing packages into {VENV.name}; start again when it is done.")
        yield


# The server


def serve() -> int:
    """Serve until the server ends, or a signal ends it; return its exit code."""
    port = chosen_port()
    set_up("run")
    require_free(port)
    if failed := attend(PYTHON, "-m", "seed", "demo"):
        return failed
    path = base_path()
    url = f"http://localhost:{port}{quote(path)}"
    warn("Starting the server ...")
    # The options that keep it private are given here too, as environment variables outrank config.toml.
    with started(
        *(PYTHON, "-m", "streamlit", "run", "app/server.py", "--server.address=localhost", f"--server.port={port}"),
        *(f"--server.baseUrlPath={path}", "--server.headless=true", "--browser.gatherUsageStats=false"),
    ) as server:
        wait_for(server, port, f"{quote(path)}/_stcore/health")
        tell(f"AML Case Desk: {url}  (Ctrl-C ends it)")
        open_browser(url)
        ended = exit_code(server.wait())
    fail(ended, f"the server ended (exit code {ended}).")


def chosen_port() -> int:
    text = os.environ.get("PORT") or "8501"
    port = int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
    if not 1 <= port <= 65_535:
        fail(2, f"PORT={text!r} is not a number from 1 to 65535.")
    return port


def require_free(port: int) -> None:
    """End where the port cannot be had, on either loopback address: browsers try both for `localhost`."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((host, port)) == 0:
                fail_taken(port)
    with socket.socket() as probe:
        if os.name != "nt":  # where it would let two servers share a port; here it overlooks connections just closed
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            fail(1, f"this user may not serve on port {port}; choose one from 1024 up: {with_port(8600)}")
        except OSError:
            fail_taken(port)


def fail_taken(port: int) -> NoReturn:
    fail(1, f"port {port} is in use; end what uses it, or choose another: {with_port(port % 65_535 + 1)}")


def with_port(port: int) -> str:
    """Return what to type to serve on another port."""
    return f"$env:PORT = {port}; {RUN}" if os.name == "nt" else f"PORT={port} {RUN}"


def base_path() -> str:
    """Return the path that the desk is served below, such as `/desk`; empty for the root.

    Streamlit's option `server.baseUrlPath`, looked for where Streamlit does: the environment, the desk's settings,
    the person's.
    """
    found = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH")
    for folder in (ROOT, Path("~")):
        if found is None:
            with suppress(OSError, ValueError, RuntimeError):  # no file, no home; what is wrong in it Streamlit says
                file = folder.expanduser() / ".streamlit" / "config.toml"
                settings = tomllib.loads(file.read_text("utf-8"))
                found = settings.get("server", {}).get("baseUrlPath")
    return f"/{path}" if (path := str(found or "").strip("/")) else ""


def wait_for(server: subprocess.Popen[bytes], port: int, path: str) -> None:
    """Wait until the server answers; end where it does not."""
    since = time.monotonic()
    told = 10
    while not answers(port, path):
        if server.poll() is not None:
            fail(1, f"the server ended before it answered (exit code {exit_code(server.returncode)}).")
        waited = time.monotonic() - since
        if waited >= START:
            fail(1, f"the server did not answer within {START} seconds.")
        if waited >= told:
            warn(f"Still starting, {told} of at most {START} seconds ...")
            told += 10
        time.sleep(0.1)


def answers(port: int, path: str) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def open_browser(url: str) -> None:
    """Open the desk where a person sits at this screen, and a text browser cannot take the terminal."""
    elsewhere = any(os.environ.get(name) for name in ("CI", "AML_NO_BROWSER", "SSH_CONNECTION"))
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if os.isatty(STANDARD_OUTPUT) and screen and not elsewhere:
        nowhere = subprocess.DEVNULL
        subprocess.Popen(
            (PYTHON, "-m", "webbrowser", url), stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )  # a session of its own: Ctrl-C ends the desk, not the browser


if __name__ == "__main__":
    sys.exit(terminal.run(main))
