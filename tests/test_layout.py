"""The layout is the architecture: imports run one way, and the embedded desk needs no SQL Server driver."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PURE = ("errors", "models", "sampling", "chain", "policy")
FLOORS = (*PURE, "settings", "database", "repository", "sar", "casework", "intake", "audit", "ui", "views")
"""From the ground up; a module imports only from floors below its own."""

PAGES = ("ui", "views", "streamlit_app")
IO_MODULES = {
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "pyodbc",
    "subprocess",
    "tempfile",
    "urllib",
    "time",
}


def imports(file: Path) -> set[str]:
    """Every module that a file imports at run time, `app` modules by their full name."""
    found = set()
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "app" else {node.module}
    return found


def floor(file: Path) -> str:
    return file.relative_to(ROOT / "app").parts[0].removesuffix(".py")


APP = sorted((ROOT / "app").rglob("*.py"))


@pytest.mark.parametrize("file", APP, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_imports_run_one_way(file: Path) -> None:
    own = floor(file)
    above = FLOORS[FLOORS.index(own) :] if own in FLOORS else ()
    for module in imports(file):
        package, _, name = module.partition(".")
        assert package != "seed", f"{file.name} imports {module}"
        if package == "app":
            assert name.split(".")[0] not in above, f"{file.name} imports {module} from above"
        assert package != "streamlit" or own in PAGES, f"{file.name} imports streamlit below the pages"
        assert package not in IO_MODULES or own not in PURE, f"{file.name} is pure, yet it imports {module}"


def test_every_module_has_its_floor() -> None:
    assert {floor(file) for file in APP} == {*FLOORS, "__init__", "__main__", "streamlit_app"}


SERVE_WITHOUT_PYODBC = """
import sys
sys.modules["pyodbc"] = None  # any import of it raises ImportError
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app/streamlit_app.py", default_timeout=60).run()
assert not page.exception, page.exception
print(*(button.label for button in page.button))
"""


def test_the_embedded_desk_serves_where_pyodbc_cannot_be_imported(tmp_path: Path) -> None:
    environment = {**os.environ, "AML_DATABASE": str(tmp_path / "desk.db")}
    for command in (["-m", "seed", "demo"], ["-c", SERVE_WITHOUT_PYODBC]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "Unassigned" in done.stdout
