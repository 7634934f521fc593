"""The packages: what is imported is declared, what is declared is imported, what is installed has known bytes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
OPTIONAL: list[str] = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
TEST: list[str] = PROJECT["dependency-groups"]["test"]
DEV: list[str] = [line for line in PROJECT["dependency-groups"]["dev"] if isinstance(line, str)]

COMPILED = {
    "requirements.txt": [*RUNTIME, *TEST],
    "requirements-dev.txt": [*RUNTIME, *TEST, *DEV],
}
PIN = re.compile(r"([a-z0-9.-]+)==(\S+)((?: ; [^\\]+)?)((?: --hash=sha256:[0-9a-f]{64})+)")
"""A package with its version, the marker of the platforms that need it, and the hashes of its files; nothing else."""


class Pin(NamedTuple):
    version: str
    marker: str
    hashes: str


def pins(name: str) -> dict[str, Pin]:
    """What a compiled file installs; fails on a line that is anything but a pin with its hashes."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    text = "\n".join(line.strip() for line in lines if not line.lstrip().startswith("#"))
    found = {}
    for line in text.replace(" \\\n", " ").splitlines():
        pin = PIN.fullmatch(line)
        assert pin, f"{name}: {line}"
        found[pin[1]] = Pin(pin[2], pin[3], pin[4])
    return found


def names(lines: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(*folders: str) -> set[str]:
    """The packages of others that a folder's files import, by hand with `import_module` too."""
    modules: set[str] = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Import():
                    modules |= {alias.name for alias in node.names}
                case ast.ImportFrom(module=str(module), level=0):
                    modules.add(module)
                case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module))]):
                    modules.add(module)
    found = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"app", "seed", "tests"}
    installed = packages_distributions()
    return {canonicalize_name(installed.get(module, [module])[0]) for module in found}


def test_what_the_desk_imports_is_declared_and_nothing_else_is() -> None:
    assert imported("app", "seed") == names([*RUNTIME, *OPTIONAL])


def test_what_the_tests_import_is_declared() -> None:
    assert imported("tests") <= names([*RUNTIME, *OPTIONAL, *TEST, *DEV])


@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_file_holds_what_is_declared_and_what_that_needs(name: str) -> None:
    found = pins(name)
    wanted = [Requirement(line) for line in COMPILED[name]]
    seen: set[tuple[str, str]] = set()
    for requirement in wanted:  # which grows
        package = canonicalize_name(requirement.name)
        assert package in found, f"{name} lacks {requirement}"
        assert requirement.specifier.contains(found[package].version), f"{name}: {found[package]} is not {requirement}"
        for extra in {"", *requirement.extras} - {extra for of, extra in seen if of == package}:
            seen.add((package, extra))
            needs = [Requirement(line) for line in requires(package) or []]
            wanted += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]


def test_the_tests_run_with_the_packages_of_the_desk() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_file_names_no_index_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"://|file:|-index|find-links|(?<=[\s=])(?:[~.]{0,2}/|[A-Za-z]:\\)", text)


def test_the_licence_of_every_package_is_listed() -> None:
    listed = re.findall(r"^\| (\w[\w.-]*) +\|", (ROOT / ".github" / "LICENCES.md").read_text("utf-8"), re.MULTILINE)
    assert {canonicalize_name(name) for name in listed} - {"name"} == pins("requirements-dev.txt").keys()


def test_an_action_is_pinned_by_its_commit() -> None:
    for file in (ROOT / ".github" / "workflows").iterdir():
        for action in re.findall(r"uses: *(.+)", file.read_text("utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), f"{file.name}: {action}"
