"""The layout is the architecture: imports run one way, and the embedded desk needs no SQL Server driver."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PURE = (
    "text",
    "models",
    "errors",
    "money",
    "sampling",
    "chain",
    "typed",
    "evidence_values",
    "evidence",
    "case_keys",
    "counterparties",
    "hops",
    "cash_days",
    "expected",
    "rules",
    "policy",
    "joining",
    "new_case",
    "names",
    "fincen",
    "filing",
    "gaps",
    "sar_track",
    "narrative",
    "log.merkle",
    "log.signed_note",
    "demo.tampering",
    "ui.chart",
    "ui.network",
    "ui.flow",
)
STORE = (
    "database.odbc",
    "database.engine",
    "database.watch",
    "database.sqlite",
    "database.sqlserver_schema",
    "database.sqlserver_values",
    "database.sqlserver",
    "database",
)
ROOMS = (
    "rows",
    "repository",
    "key_query",
    "alert_query",
    "qa_query",
    "unsent",
    "triage_query",
    "connected",
    "schema",
    "casework",
    "users",
    "opening",
    "intake",
    "log.keys",
    "log.tiles",
    "log.index",
    "log.lines",
    "log.checkpoint",
    "log.proofs",
    "verification",
    "exports.audit_csv",
    "exports.markdown",
    "exports.sar_flow",
    "exports.sar",
    "exports.filer",
    "exports.sarx",
    "exports.acknowledgement",
    "exports.case_export",
    "exports.fincen_file",
    "exports.bundle.page",
    "exports.bundle.verify",
    "exports.bundle",
    "exports.taking",
)
UI = (
    "ui.words",
    "ui.session",
    "ui.base",
    "ui.streamlit_seams",
    "ui.integrity",
    "ui.tables",
    "ui.timeline",
    "ui.facts",
    "ui.who",
    "ui.alert",
    "ui.connected_panel",
    "ui.downloads",
    "ui.forms",
    "ui.queue",
    "ui.sign_in",
    "ui.sar_words",
    "ui.sar_draft",
    "ui.sar_forms",
    "ui.sar_panel",
)
DEMO = ("demo.steps", "demo.tour", "demo.tamper_panel")
FLOORS = (
    *PURE,
    "gate",
    "sending",
    "settings",
    "files",
    "disk_sort",
    *STORE,
    *ROOMS,
    *UI,
    *DEMO,
    "views",
    "terminal",
    "feed_command",
    "sar_commands",
)
"""From the ground up; a module imports only from floors below its own."""

PAGES = (*UI, *DEMO, "views", "streamlit_app", "server")
PACKAGES = ("demo", "exports", "log", "ui")
"""With nothing in the package's own file."""
DRIVERS = {"sqlite3", "pyodbc"}
IO_MODULES = {
    *DRIVERS,
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "urllib",
    "time",
}
PRINTING = ("print", "sys.stdout", "sys.stderr", "argparse.ArgumentParser")
APP = sorted((ROOT / "app").rglob("*.py"))


def name(file: Path) -> str:
    """A file of `app` as others import it: `database.odbc`, and `database` for the package's own file."""
    parts = file.relative_to(ROOT / "app").with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


NAMES = {name(file) for file in APP}


def floor(module: str) -> str:
    """A module's floor: its own, or that of the innermost package that has one."""
    while module not in FLOORS and "." in module:
        module = module.rpartition(".")[0]
    return module


def imports(file: Path) -> set[str]:
    """Every module that a file imports, for typing alone too, `app` modules by their full name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole.removeprefix("app.") in NAMES else node.module)
    return found


@pytest.mark.parametrize("file", APP, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_imports_run_one_way(file: Path) -> None:
    own = floor(name(file))
    above = FLOORS[FLOORS.index(own) :] if own in FLOORS else ()
    for module in imports(file):
        package, _, inner = module.partition(".")
        assert package != "seed", f"{file.name} imports {module}"
        if package == "app":
            assert floor(inner) not in above, f"{file.name} imports {module} from above"
        assert package != "streamlit" or own in PAGES, f"{file.name} imports streamlit below the pages"
        assert package not in IO_MODULES or own not in PURE, f"{file.name} is pure, yet it imports {module}"
        assert package not in DRIVERS or own in STORE, f"{file.name} imports {module} past the database package"


def test_the_two_engines_know_nothing_of_each_other() -> None:
    for one, other in (("sqlite", "sqlserver"), ("sqlserver", "sqlite")):
        assert f"app.database.{other}" not in imports(ROOT / "app" / "database" / f"{one}.py")
    assert not DRIVERS & imports(ROOT / "app" / "database" / "engine.py")


def test_nothing_reaches_a_terminal_but_through_the_module_that_escapes() -> None:
    """The linter finds each `print` as well, but not a stream that is written to. `verify.py` stands alone."""
    printers = {ROOT / "app" / "terminal.py", ROOT / "app" / "exports" / "bundle" / "verify.py"}
    for file in {*APP, *(ROOT / "seed").rglob("*.py")} - printers:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Name | ast.Attribute):
                assert ast.unparse(node) not in PRINTING, f"{file.name}, line {node.lineno}"


def test_every_module_has_its_floor() -> None:
    assert {floor(module) for module in NAMES} == {
        *FLOORS,
        *PACKAGES,
        "__init__",
        "__main__",
        "launch",
        "server",
        "streamlit_app",
    }


def test_a_file_and_a_function_can_be_read_in_one_go() -> None:
    """The two verifiers go to an examiner as one file each; their functions are as short as any."""
    verifiers = {ROOT / "app" / "exports" / "bundle" / name for name in ("verify.py", "audit.js")}
    for file in {path for kind in ("*.py", "*.js", "*.css") for path in (ROOT / "app").rglob(kind)} - verifiers:
        assert len(file.read_text("utf-8").splitlines()) <= 500, f"{file.relative_to(ROOT)} is too long"
    for file in [*APP, *(ROOT / "seed").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 60, f"{file.relative_to(ROOT)}: {node.name} has {lines} lines"


SERVE_WITHOUT_PYODBC = """
import sys
sys.modules["pyodbc"] = None  # any import of it raises ImportError
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app/streamlit_app.py", default_timeout=60)
page.session_state["acted"] = ""
page.run()
assert not page.exception, page.exception
print(*(part.proto.json for part in page.get("bidi_component")))
"""


def test_the_embedded_desk_serves_where_pyodbc_cannot_be_imported(tmp_path: Path) -> None:
    environment = {**os.environ, "AML_DATABASE": str(tmp_path / "desk.db"), "AML_EXPORTS": str(tmp_path)}
    for command in (["-m", "seed", "demo"], ["-c", SERVE_WITHOUT_PYODBC]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "Unassigned" in done.stdout
