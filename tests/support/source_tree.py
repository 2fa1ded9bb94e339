"""The source tree as modules: their files, docstrings, comments and imports, read without importing any of them."""

import ast
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

from tests.support.paths import ROOT

ROOMS = ("guard_core", "ml", "guard_store", "guard_pipelines", "serving", "guard_cli", "demo", "bench", "sdk/ml_guard")
# Scripts that are no part of a package: revisions of the schema, which Alembic loads by path, and the makers of sample data
_NO_MODULES = ("guard_store/db/migrations/versions", "ml/data")


@cache
def modules(*folders: str) -> dict[str, Path]:
    """Return the files of all modules below these folders, by the name that an import gives them."""
    named = {}
    for folder in folders or ROOMS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if not relative.as_posix().startswith(_NO_MODULES):
                parts = relative.with_suffix("").parts
                parts = parts[1:] if parts[0] == "sdk" else parts
                named[".".join(parts).removesuffix(".__init__")] = path
    return named


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """Return the known modules that a module imports anywhere: at the top, in a function, under `TYPE_CHECKING`.

    The packages that an import runs on the way to a module are not counted: every module is below its package.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imported = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            members = {alias.name: f"{source}.{alias.name}" for alias in node.names}
            imported |= {full if full in known else source for full in members.values()}
    return (imported & known.keys()) - {name}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other by imports (strongly connected components of two or more; Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return groups


def prose_of(path: Path) -> Iterator[str]:
    """Yield the docstrings and the comments of a Python file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""
    with tokenize.open(path) as file:
        yield from (token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT)


def names_defined(path: Path) -> set[str]:
    """Return the names that a module defines or imports at its top level."""
    names: set[str] = set()
    for node in tree_of(path).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names
