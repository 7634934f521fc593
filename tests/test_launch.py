"""./run.sh and app.launch: a desk is set up and served where it lies, and nothing of anybody else's is touched."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRECIOUS = "what nobody else has"

SEED = "import os, sys; print(os.getcwd(), *sys.argv[1:], sep='|')"
SLOW_PIP = """
import os, sys, time
if "install" in sys.argv:
    print("Collecting", os.getpid(), flush=True)
    while True:
        time.sleep(0.05)
"""
QUICK_VENV = """
import shutil

def create(folder, symlinks, with_pip):
    shutil.copytree({made!r}, folder, symlinks=True, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
"""
"""In place of `venv`, whose pip takes seconds: an environment like one that was made."""

SERVER = """
import http.server, os, sys

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

options = dict(option.split("=") for option in sys.argv if "=" in option)
print("server", os.getpid(), options["--server.address"], flush=True)
served = http.server.HTTPServer(("127.0.0.1", int(options["--server.port"])), Health)
served.handle_request()
if "ENDS" in os.environ:
    sys.exit(7)
served.serve_forever()
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="run.sh is for Linux and macOS")


def surroundings(**environment: str) -> dict[str, str]:
    """This process's environment without what would lead the desk elsewhere."""
    meant = ("PYTHON", "PIP_", "VIRTUAL_ENV", "PORT", "STREAMLIT_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(meant)}
    return {**clean, "PYTHON": sys.executable, **environment}


def run(script: Path | str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = surroundings(**environment)
    return subprocess.run(
        [str(script), *arguments], cwd="/", env=found, capture_output=True, encoding="utf-8", check=False
    )


@contextmanager
def begun(
    script: Path, *arguments: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], str]]]:
    """A run that goes on, both its streams in one, and what reads on until a line begins with a text."""
    output = subprocess.PIPE
    found = surroundings(**environment)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, as in a shell's background
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and this under nohup
    process = subprocess.Popen(
        [str(script), *arguments], cwd="/", env=found, stdout=output, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGHUP, hung_up)

    def line(beginning: str) -> str:
        assert process.stdout
        seen = []
        for text in process.stdout:
            seen.append(text)
            if text.startswith(beginning):
                return text
        raise AssertionError("".join(seen))

    with process:
        try:
            yield process, line
        finally:
            process.kill()


def gone(pid: str) -> bool:
    """Whether a process ends, within a few seconds."""
    for _ in range(100):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def stub(folder: Path, package: str, code: str) -> Path:
    """A package in the folder of the desk, which comes before any that is installed."""
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    (folder / package / "__main__.py").write_text(code, "utf-8")
    return folder / package


def listed(folder: Path) -> list[Path]:
    """All that is in a folder, but for what Python keeps of modules that it read."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def copied(folder: Path) -> Path:
    """A desk that needs no packages, and says where it is."""
    stub(folder, "seed", SEED)
    shutil.copy(ROOT / "run.sh", folder)
    (folder / "app").mkdir()
    for name in ("__init__", "errors", "launch", "models", "terminal", "text"):
        shutil.copy(ROOT / "app" / f"{name}.py", folder / "app")
    (folder / "requirements.txt").write_text("", "utf-8")
    return folder


def precious(venv: Path) -> Path:
    """An environment of somebody else's, with a Python that works."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "precious").write_text(PRECIOUS, "utf-8")
    return venv / "precious"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set up by run.sh over an environment of before it left its mark, whose Python is gone."""
    folder = copied(tmp_path_factory.mktemp("the desk").resolve())
    (folder / ".venv" / "lib").mkdir(parents=True)
    (folder / ".venv" / "lib" / "stale").write_text("", "utf-8")
    (folder / ".venv" / ".installed-run").write_text("of another Python", "utf-8")
    done = run(folder / "run.sh", "seed")
    assert (done.returncode, done.stdout) == (0, f"{folder}\n"), done.stderr
    assert "Making .venv" in done.stderr
    assert not (folder / ".venv" / "lib" / "stale").exists()
    return folder


@pytest.fixture
def other(desk: Path, tmp_path: Path) -> Path:
    """A desk that is set up, for one test alone."""
    return Path(shutil.copytree(desk, tmp_path.resolve() / "other", symlinks=True))


@pytest.mark.parametrize("why", ["changed requirements", "never installed"])
def test_packages_are_installed_where_what_is_asked_for_changed_and_only_then(other: Path, why: str) -> None:
    if why == "changed requirements":
        (other / "requirements.txt").write_text("# nothing else", "utf-8")
    else:
        (other / ".venv" / ".installed-run").unlink()
    done = run(other / "run.sh", "seed", "$(id)", "a  b", "*", "'", "--help")
    assert (done.returncode, done.stdout) == (0, f"{other}|$(id)|a  b|*|'|--help\n"), done.stderr
    assert "Installing" in done.stderr
    assert "Making" not in done.stderr
    assert run(other / "run.sh", "seed").stderr == ""


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_install_is_seen_and_alone_and_one_that_is_cut_short_is_made_anew(
    desk: Path, other: Path, by: signal.Signals
) -> None:
    (other / "requirements.txt").write_text("# slow", "utf-8")
    slow = stub(other, "pip", SLOW_PIP)
    (stub(other, "venv", "") / "__init__.py").write_text(QUICK_VENV.format(made=str(desk / ".venv")), "utf-8")
    with begun(other / "run.sh", "seed") as (process, line):
        pip = line("Collecting").split()[1]
        second = run(other / "run.sh", "seed")
        assert (second.returncode, second.stdout) == (1, "")
        assert (
            second.stderr == "run.sh: another run.sh is installing packages into .venv; start again when it is done.\n"
        )
        process.send_signal(by)
        assert process.wait() == (-by if by is signal.SIGKILL else 128 + by)
        if by is signal.SIGKILL:
            os.kill(int(pip), by)
        assert gone(pip)
    shutil.rmtree(slow)
    (other / ".venv" / "half a package").touch()
    third = run(other / "run.sh", "seed")
    assert (third.returncode, third.stdout) == (0, f"{other}\n"), third.stderr
    assert "Making .venv" in third.stderr
    assert not (other / ".venv" / "half a package").exists()


def test_packages_that_cannot_be_installed_are_tried_again(other: Path) -> None:
    (other / "requirements.txt").write_text("./none-such.whl", "utf-8")
    for _ in range(2):
        done = run(other / "run.sh", "seed")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("run.sh: the packages could not be installed; pip says why above.\n")
        assert "none-such.whl" in done.stderr
        assert "Making" not in done.stderr


def test_what_a_person_set_for_their_own_python_and_pip_does_no_harm(tmp_path: Path) -> None:
    folder = copied(tmp_path.resolve() / "copy")
    with zipfile.ZipFile(folder / "tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "print('tiny')")
        wheel.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    (folder / "requirements.txt").write_text("./tiny-1-py3-none-any.whl", "utf-8")
    (folder / "seed" / "__main__.py").write_text("import tiny", "utf-8")
    own = tmp_path / "own"
    own.mkdir()
    for name in ("json", "tiny", "seed", "app"):
        (own / f"{name}.py").write_text("raise SystemExit('not this one')", "utf-8")
    found = {"PYTHONPATH": str(own), "PYTHONHOME": str(own), "PYTHONSAFEPATH": "1", "PIP_USER": "1"}
    for _ in range(2):
        done = run(folder / "run.sh", "seed", **found, PIP_TARGET=str(own))
        assert (done.returncode, done.stdout) == (0, "tiny\n"), done.stderr
    assert not (own / "tiny-1.dist-info").exists()


@pytest.mark.parametrize("kind", ["absolute", "relative", "link to a link", "below a linked folder"])
def test_a_link_to_it_leads_to_its_desk(desk: Path, tmp_path: Path, kind: str) -> None:
    kept = precious(tmp_path / ".venv")
    link = tmp_path / "desk"
    if kind == "absolute":
        link.symlink_to(desk / "run.sh")
    elif kind == "relative":
        link.symlink_to(os.path.relpath(desk / "run.sh", tmp_path.resolve()))
    elif kind == "link to a link":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "one").symlink_to(desk / "run.sh")
        link.symlink_to("bin/one")
    else:
        (desk / "bin").mkdir()
        (desk / "bin" / "desk").symlink_to("../run.sh")
        (tmp_path / "bin").symlink_to(desk / "bin")
        link = tmp_path / "bin" / "desk"
    done = run(link, "seed")
    assert (done.returncode, done.stdout) == (0, f"{desk}\n"), done.stderr
    assert kept.read_text("utf-8") == PRECIOUS


@pytest.mark.parametrize("kind", ["a folder", "a folder whose Python is gone", "a link", "a link to nowhere", "a file"])
def test_an_environment_of_somebody_elses_stays_as_it_is(desk: Path, tmp_path: Path, kind: str) -> None:
    folder = copied(tmp_path / "copy")
    venv = folder / ".venv"
    kept = None
    if kind.startswith("a folder"):
        kept = precious(venv)
        if "gone" in kind:
            (venv / "bin" / "python").unlink()
    elif kind == "a link":
        kept = precious(tmp_path / "other")
        (tmp_path / "other" / ".made-by-run").touch()
        venv.symlink_to(tmp_path / "other")
    elif kind == "a link to nowhere":
        venv.symlink_to(tmp_path / "nowhere")
    else:
        venv.write_text(PRECIOUS, "utf-8")
        kept = venv
    before = listed(folder)
    done = run(folder / "run.sh", "seed")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{folder.resolve()}/.venv was not made by this script" in done.stderr
    assert "Move it away" in done.stderr
    assert listed(folder) == before
    assert kept is None or kept.read_text("utf-8") == PRECIOUS


@pytest.mark.parametrize("port", ["²", "٣", "0", "65536", "8501 ", "1e3", "-1", "\x1b[J", "999999", "$(id)"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    done = run(copied(tmp_path / "copy") / "run.sh", PORT=port)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a number from 1 to 65535." in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_somebody_has_is_left_to_them(other: Path, host: str) -> None:
    stub(other, "streamlit", SERVER)
    try:
        taken = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with closing(taken):
        port = taken.getsockname()[1]
        done = run(other / "run.sh", PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"port {port} is in use; end what uses it, or choose another: PORT={port % 65_535 + 1} ./run.sh" in done.stderr
    )


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server_too(other: Path, by: signal.Signals) -> None:
    stub(other, "streamlit", SERVER)
    port = free_port()
    with begun(other / "run.sh", PORT=f"0{port}"[-5:]) as (process, line):
        assert line(str(other)) == f"{other}|demo\n"
        _, server, address = line("server").split()
        assert address == "localhost"
        assert line("AML") == f"AML Case Desk: http://localhost:{port}  (Ctrl-C ends it)\n"
        process.send_signal(by)
        assert process.wait() == 128 + by
        assert gone(server)


def test_a_server_that_ends_by_itself_says_so(other: Path) -> None:
    serving = stub(other, "streamlit", SERVER)
    done = run(other / "run.sh", PORT=str(free_port()), ENDS="1")
    assert done.returncode == 7
    assert "AML Case Desk: http://localhost:" in done.stdout
    assert done.stderr.endswith("run.sh: the server ended (exit code 7).\n")
    (serving / "__main__.py").write_text("import os; os.abort()", "utf-8")
    done = run(other / "run.sh", PORT=str(free_port()))
    assert done.returncode == 1
    assert done.stderr.endswith("run.sh: the server ended before it answered (exit code 134).\n")


@pytest.mark.parametrize("said", ["in the environment", "in the settings"])
def test_the_desk_is_served_below_a_path(tmp_path: Path, said: str) -> None:
    """By Streamlit itself: the packages of this run stand in for those that would be installed."""
    folder = tmp_path.resolve() / "copy"
    for name in ("app", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    shutil.copy(ROOT / "run.sh", folder)
    shutil.copy(ROOT / "requirements.txt", folder)
    stub(folder, "seed", SEED)
    venv = folder / ".venv"
    packages = Path(sysconfig.get_path("purelib"))
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n", "utf-8")
    (venv / "lib" / packages.parent.name).mkdir(parents=True)
    (venv / "lib" / packages.parent.name / "site-packages").symlink_to(packages)
    stamp = "from app import launch; launch.stamp('run').write_text(launch.fingerprint('run'))"
    subprocess.run([sys.executable, "-c", stamp], cwd=folder, check=True)
    found = {"PORT": str(free_port()), "AML_DATABASE": str(tmp_path / "desk.db"), "AML_EXPORTS": str(tmp_path)}
    if said == "in the environment":
        found["STREAMLIT_SERVER_BASE_URL_PATH"] = "/desk/"
    else:
        settings = folder / ".streamlit" / "config.toml"
        settings.write_text(
            settings.read_text("utf-8").replace("[server]\n", '[server]\nbaseUrlPath = "desk"\n'), "utf-8"
        )
    with begun(folder / "run.sh", **found) as (process, line):
        url = line("AML").split()[3]
        assert url == f"http://localhost:{found['PORT']}/desk"
        with closing(http.client.HTTPConnection("localhost", int(found["PORT"]))) as connection:
            connection.request("GET", "/desk/")
            assert b"<title>" in connection.getresponse().read()
        process.terminate()
        assert process.wait() == 143


@pytest.mark.parametrize(
    ("python3", "told"),
    [
        ("exit 127", "Python 3.11 or newer is needed and was not found."),
        ("printf 3.9; exit 3", "Python 3.11 or newer is needed and was not found (python3 is 3.9)."),
        ("printf 3.12; exit 4", "python3 (Python 3.12) lacks the venv or ensurepip module."),
    ],
)
def test_a_python_that_will_not_do_is_named(tmp_path: Path, python3: str, told: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dirname").symlink_to(str(shutil.which("dirname")))
    (programs / "python3").write_text(f"#!/bin/sh\n{python3}\n", "utf-8")
    (programs / "python3").chmod(0o755)
    script = copied(tmp_path / "copy") / "run.sh"
    done = subprocess.run(
        [str(shutil.which("bash")), str(script)],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"run.sh: {told}\n")
    named = run(script, PYTHON=str(programs / "python3"))
    assert named.returncode == 2
    assert str(programs / "python3") in named.stderr


def test_it_runs_before_any_package_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", "-m", "app.launch", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Usage: ./run.sh"), done.stderr


def test_an_unknown_verb_is_named_and_not_obeyed(tmp_path: Path) -> None:
    done = run(copied(tmp_path / "copy") / "run.sh", "\x1b[40A\x1b[J")
    assert done.returncode == 2
    assert all(line.isprintable() for line in done.stderr.split("\n"))
