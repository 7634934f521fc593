"""run.sh works on the desk that it lies in, however it is reached, and takes away no environment of somebody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRECIOUS = "what nobody else has"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="run.sh is for Linux and macOS")


def run(script: Path | str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "PORT"))
    }
    found = {**clean, "PYTHON": sys.executable, **environment}
    return subprocess.run(
        [str(script), *arguments], cwd="/", env=found, capture_output=True, encoding="utf-8", check=False
    )


def copied(folder: Path) -> Path:
    """A desk that needs no packages, and says where it is."""
    (folder / "seed").mkdir(parents=True)
    shutil.copy(ROOT / "run.sh", folder)
    (folder / "requirements.txt").write_text("", "utf-8")
    (folder / "seed" / "__main__.py").write_text("import os, sys; print(os.getcwd(), *sys.argv[1:], sep='|')", "utf-8")
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


def test_what_it_made_it_makes_anew_and_installs_into(desk: Path) -> None:
    (desk / ".venv" / ".installed-run").unlink()
    done = run(desk / "run.sh", "seed", "$(id)", "a  b", "*", "'")
    assert (done.returncode, done.stdout) == (0, f"{desk}|$(id)|a  b|*|'\n"), done.stderr
    assert "Making" not in done.stderr
    assert run(desk / "run.sh", "seed").stderr == ""


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
    before = sorted(folder.rglob("*"))
    done = run(folder / "run.sh", "seed")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{folder.resolve()}/.venv was not made by this script" in done.stderr
    assert "Move it away" in done.stderr
    assert sorted(folder.rglob("*")) == before
    assert kept is None or kept.read_text("utf-8") == PRECIOUS


@pytest.mark.parametrize("port", ["²", "٣", "0", "65536", "8501 ", "1e3", "-1", "\x1b[J", "999999", "$(id)"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    done = run(copied(tmp_path / "copy") / "run.sh", PORT=port)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a number from 1 to 65535." in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


def test_an_unknown_verb_is_named_and_not_obeyed(tmp_path: Path) -> None:
    done = run(copied(tmp_path / "copy") / "run.sh", "\x1b[40A\x1b[J")
    assert done.returncode == 2
    assert all(line.isprintable() for line in done.stderr.split("\n"))
