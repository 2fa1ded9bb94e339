"""The table of routes in `docs/api.md`, generated from the app by `python -m serving.route_docs`.

A test calls every route with every role, and fails if the responses differ from the page.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from guard_core.settings import Settings
from serving.app import create_app
from serving.http.openapi import document
from serving.http.routing import LEAST_ROLE

PAGE: Final = Path(__file__).parents[1] / "docs" / "api.md"
_START, _END = "<!-- routes -->\n", "<!-- /routes -->"
# Pages with more detail, by tag.
_PAGES: Final[Mapping[str, str]] = {
    "alerts": "alerts.md",
    "audit": "audit.md",
    "costs": "costs.md",
    "knowledge": "knowledge.md",
    "gateway": "gateway.md",
    "models": "retraining.md",
    "predictions": "predict.md",
    "prompts": "../prompts/README.md",
    "query": "query.md",
    "research": "research.md",
    "retraining": "retraining.md",
    "tools": "tools.md",
}


def table_of(app: FastAPI) -> str:
    """Return a Markdown table of all routes: method, path, least role, purpose."""
    rows = [
        f"| {method.upper()} | `{path}` | {operation[LEAST_ROLE]} | {_purpose(operation)} |"
        for path, operations in sorted(document(app)["paths"].items())
        for method, operation in operations.items()
    ]
    return "\n".join(["| method | path | who | what |", "|---|---|---|---|", *rows]) + "\n"


def insert_table(page: str, table: str) -> str:
    """Return a page with the table inserted between its marks."""
    before, rest = page.split(_START)
    return f"{before}{_START}{table}{_END}{rest.split(_END)[1]}"


def _purpose(operation: Mapping[str, Any]) -> str:
    text = str(operation.get("description") or operation["summary"]).split("\n")[0].rstrip(".")
    (tag,) = operation["tags"]
    return f"{text} ([{tag}]({_PAGES[tag]}))" if tag in _PAGES else text


def write() -> None:
    """Update the table in the page."""
    PAGE.write_text(insert_table(PAGE.read_text(), table_of(create_app(Settings()))))


if __name__ == "__main__":
    write()
