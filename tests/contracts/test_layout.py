"""The layout of the tree: no import circles, small folders, packages that name their modules, paths that exist, quiet imports."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.source_tree import ROOMS, circles, imports_of, modules, names_defined, prose_of, tree_of

FILES_IN_A_FOLDER = 20
PACKAGES = {name: path for name, path in modules(*ROOMS, "tests/support").items() if path.name == "__init__.py"}
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "prompts" / "README.md", ROOT / "sdk" / "README.md"]
)

_LISTED = re.compile(r"^(?:- )?`(\w+)`:", re.MULTILINE)
_ROOM = r"(?:guard_core|ml|guard_store|guard_pipelines|serving|guard_cli|demo|bench|tests)"
_FILE = re.compile(rf"(?<![\w./-])(?:sdk/ml_guard|{_ROOM})/[\w./-]*\w\.(?:py|md|yaml|csv|ini)\b")
_FOLDER = re.compile(rf"`((?:sdk|{_ROOM})/[\w/-]*)`")
_DOTTED = re.compile(rf"(?<![\w./-]){_ROOM}(?:\.[A-Za-z_]\w*)+(?![\w/]|\.\w)")
_DATA_SUFFIXES = {"csv", "db", "example", "ini", "json", "log", "md", "py", "toml", "yaml"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    graph = {name: imports_of(name, path, known) for name, path in known.items()}
    assert circles(graph) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]


def test_imports_in_functions_and_for_types_only_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "three.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from room import one\n"
        "def late():\n    import room.two\n"
        "from .four import name\n"
    )
    known = {f"room.{name}": file for name in ("one", "two", "three", "four", "five")}
    assert imports_of("room.three", file, known) == {"room.one", "room.two", "room.four"}


def test_no_folder_has_more_files_than_a_reader_sees_at_a_glance() -> None:
    counts = Counter(path.parent for path in modules().values() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in counts.items() if n > FILES_IN_A_FOLDER} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_modules_all_of_them_and_no_others(package: str) -> None:
    """A line of its docstring is "- `name`: what it holds" for each module and package in its folder."""
    folder = PACKAGES[package].parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    listed = _LISTED.findall(ast.get_docstring(tree_of(PACKAGES[package])) or "")
    assert sorted(listed) == sorted(files | folders)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_a_page_names_exist(page: Path) -> None:
    assert missing_paths(page.read_text(encoding="utf-8")) == set()


def test_modules_that_docstrings_and_comments_name_exist() -> None:
    missing = {
        str(path.relative_to(ROOT)): names
        for path in modules(*ROOMS, "tests").values()
        if (names := {name for text in prose_of(path) for name in missing_paths(text)})
    }
    assert missing == {}


def missing_paths(text: str) -> set[str]:
    """Return the files and the dotted names of our modules in a text that lead to nothing."""
    files = {path for path in _FILE.findall(text) + _FOLDER.findall(text) if not (ROOT / path).exists()}
    return files | {name for name in _DOTTED.findall(text) if not names_something(name)}


def names_something(dotted: str) -> bool:
    """Return whether a dotted name is a module, or a module and a name that it defines."""
    known = modules(*ROOMS, "tests")
    module, rest = dotted, ""
    while module not in known:
        module, _, last = module.rpartition(".")
        rest = last
        if not module:
            return False
    if not rest or rest in names_defined(known[module]):
        return True
    return "." not in module and dotted.count(".") == 1 and rest in _DATA_SUFFIXES  # a file: demo.json, serving.log


def test_paths_that_lead_nowhere_are_found() -> None:
    assert (
        missing_paths(
            "see `ml/drift.py`, `ml/monitoring/`, ml.monitoring.verdicts.judge, `ml.monitoring.verdicts.judge.judge`, demo.json"
        )
        == set()
    )
    nowhere = {"ml/nothing.py", "ml/nowhere/", "ml.nothing", "serving.app.nothing"}
    assert missing_paths("see `ml/nothing.py`, `ml/nowhere/`, (ml.nothing) and serving.app.nothing.") == nowhere


def test_tests_share_nothing_but_support_and_their_own_conftest() -> None:
    known = modules("tests")
    borrowed = {
        name: sorted(others)
        for name, path in known.items()
        if (others := {other for other in imports_of(name, path, known) if belongs_to_others(other, name)})
    }
    assert borrowed == {}


def belongs_to_others(imported: str, importer: str) -> bool:
    """Return whether an imported module of tests is a test, or the conftest of a folder that the importer is not in."""
    folder, _, module = imported.rpartition(".")
    return module.startswith("test_") or (module == "conftest" and not importer.startswith(f"{folder}."))


# Run by a new interpreter. Libraries write variables and filters when they are imported; a write is ours where one of our
# files is on the stack before the next import is.
_WATCH = """
import importlib, json, sys, warnings

modules = json.loads(sys.argv[1])
writes = []
lasting = warnings.filters

def note(what):
    frame = sys._getframe(2)
    while frame and "importlib" not in frame.f_code.co_filename:
        if frame.f_code.co_filename in modules.values():
            writes.append(f"{frame.f_code.co_filename}:{frame.f_lineno} {what}")
            return
        frame = frame.f_back

def watched(function):
    def call(*args, **kwargs):
        if warnings.filters is lasting:  # `catch_warnings` works on a copy, and takes it away
            note(f"warnings.{function.__name__}")
        return function(*args, **kwargs)
    return call

def audit(event, args):
    if event in ("os.putenv", "os.unsetenv"):
        note(f"{event} {args[0].decode()}")

warnings.filterwarnings = watched(warnings.filterwarnings)
warnings.simplefilter = watched(warnings.simplefilter)
sys.addaudithook(audit)
for name in modules:
    importlib.import_module(name)
print(json.dumps(writes))
"""
# Two that need the product which they measure, one that Alembic runs inside a migration, and the fork server's entry point:
# importing it is its work.
_NOT_IMPORTED = (
    "bench.evidently_peer",
    "bench.nannyml_peer",
    "guard_store.db.migrations.env",
    "guard_pipelines.runtime.preloaded",
)


def test_importing_a_module_writes_no_environment_variable_and_no_filter_of_warnings(tmp_path: Path) -> None:
    imported = {name: str(path) for name, path in modules().items() if name not in _NOT_IMPORTED}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    command = [sys.executable, "-c", _WATCH, json.dumps(imported)]
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == []
