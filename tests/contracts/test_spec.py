"""docs/spec.md holds each sentence of the specification against what exists: paths, routes, targets of the Makefile, tests.

What the tests there prove is theirs; sentences about the files of the repository, which no other test holds, are held here.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.source_tree import tree_of

PAGE = ROOT / "docs" / "spec.md"
_ROW = re.compile(r"^\| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`]*)`")
_TARGET = re.compile(r"`make (\w+)`")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_UNTESTED = ("**open**: ", "**needs a cloud account**")


def rows(page: str) -> list[tuple[str, str, str]]:
    """Return sentence, place and test of each row, without the headings of the tables."""
    return [row for row in _ROW.findall(page) if row[0] != "sentence"]


def functions_of(path: Path) -> set[str]:
    """Return the names of all functions and methods of a file; none if there is no file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree_of(path)) if isinstance(node, functions)} if path.is_file() else set()


def unknown_names(page: str) -> list[str]:
    """Return what the rows of a page name and what does not exist."""
    routes = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    unknown = []
    for _, place, test in rows(page):
        unknown += [link for link in _LINK.findall(place) if not (PAGE.parent / link).exists()]
        unknown += [" ".join(route) for route in _ROUTE.findall(place) if route not in routes]
        unknown += [f"make {target}" for target in _TARGET.findall(place) if target not in targets]
        unknown += [f"{path}::{name}" for path, name in _TEST.findall(test) if name not in functions_of(ROOT / path)]
    return unknown


def test_every_path_route_target_and_test_of_the_page_exists() -> None:
    assert unknown_names(PAGE.read_text()) == []


def test_every_sentence_has_a_test_or_the_reason_why_not() -> None:
    untested = [
        sentence
        for sentence, _, test in rows(PAGE.read_text())
        if not _TEST.search(test) and not test.startswith(_UNTESTED)
    ]
    assert untested == []


@pytest.mark.parametrize(
    ("row", "unknown"),
    [
        ("| s | [a](../nowhere.py) | `tests/contracts/test_spec.py::rows` |", "../nowhere.py"),
        ("| s | `GET /nowhere` | `tests/contracts/test_spec.py::rows` |", "GET /nowhere"),
        ("| s | `make nothing` | `tests/contracts/test_spec.py::rows` |", "make nothing"),
        ("| s | place | `tests/contracts/test_spec.py::nothing` |", "tests/contracts/test_spec.py::nothing"),
        ("| s | place | `tests/nowhere.py::rows` |", "tests/nowhere.py::rows"),
    ],
)
def test_a_name_that_does_not_exist_is_found(row: str, unknown: str) -> None:
    assert unknown_names(row) == [unknown]


def test_the_tables_of_the_page_are_read_whole() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    headings = sum(line.startswith("| sentence |") for line in lines)
    assert headings > 20
    assert len(rows(PAGE.read_text())) == len(lines) - headings


def test_python_and_licence_are_those_of_the_documents() -> None:
    projects = {
        path: tomllib.loads((ROOT / path).read_text())["project"] for path in ("pyproject.toml", "sdk/pyproject.toml")
    }
    assert {project["license"] for project in projects.values()} == {"Apache-2.0"}
    assert (ROOT / "LICENSE").read_text().split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert projects["sdk/pyproject.toml"]["requires-python"] == ">=3.10"
    assert projects["pyproject.toml"]["requires-python"] == ">=3.11"


def test_the_sdk_needs_httpx_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]
    (dependency,) = project["dependencies"]
    assert re.match(r"[\w-]+", dependency)[0] == "httpx"  # type: ignore[index]


def test_ci_runs_on_pull_requests_and_main_with_a_python_of_its_own() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    triggers = workflow[True]  # YAML 1.1 reads the key `on` as a boolean
    assert "pull_request" in triggers
    assert triggers["push"]["branches"] == ["main"]
    (job,) = workflow["jobs"].values()
    assert "actions/setup-python" in str(job["steps"])
