"""Templates to responses; every page gets the navigation, the caller, and the token for its forms."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket, BytecodeCache
from markupsafe import Markup
from starlette.responses import HTMLResponse

from guard_core.alerting.links import Addresses
from guard_core.formats import FILTERS
from guard_core.settings import Role
from serving.auth.principal import ANONYMOUS, Principal
from serving.http.dependencies import part
from serving.http.problems import Problem
from serving.pages import addresses
from serving.pages.assets import Assets
from serving.pages.sessions.service import COOKIE, form_token

_NAVIGATION: Final[tuple[tuple[str, str, Role], ...]] = (
    ("/", "Overview", "analyst"),
    ("/incidents", "Incidents", "analyst"),
    ("/costs", "LLM & costs", "analyst"),
    ("/ask", "Ask", "guest"),
    ("/evidence", "Evidence", "analyst"),
    ("/audit", "Audit", "admin"),
    ("/system", "System", "analyst"),
    ("/settings", "Settings", "analyst"),
)
"""Address, name and least role of the pages that every page links to, in this order."""
_NEXT_STEPS: Final[Mapping[int, str]] = {
    403: "Sign out, and in again with a key that may do this; an admin creates one under Settings.",
    404: "Check the address, or begin at the overview.",
    409: "Open the page again to see the present state.",
    413: "Send less at once.",
    422: "Correct what is named above, and send it again.",
    429: "Wait, then try again.",
    500: "Try again. If it happens again, search the log of the server for the request id below.",
    503: "Try again in a moment; the page System shows what cannot be reached.",
    504: "Try again, or ask for fewer days.",
}
_NOT_SHOWN: Final = frozenset({"csrf", "key"})
"""Fields of a form that an error page does not repeat: the token has a field of its own, and a key is a secret."""


class _ProcessBytecode(BytecodeCache):
    """Compiled templates of this process, so that every app after its first one only loads them."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with the code of its template, if it was compiled from the same text."""
        code = self._code.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._code[bucket.key] = bucket.bytecode_to_string()


_BYTECODE: Final = _ProcessBytecode()


class Renderer:
    """Renders the templates of the pages.

    Parameters
    ----------
    servers : public addresses, for links and for commands that a page shows.
    version : of ML Guard.
    """

    def __init__(self, assets: Assets, servers: Addresses, *, version: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            bytecode_cache=_BYTECODE,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._styles = Markup(assets.text("charts.css") + assets.text("pages.css"))  # noqa: S704 - our own files
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(
            address=addresses,
            asset=assets.address,
            servers=servers,
            version=version,
        )

    def load_templates(self) -> None:
        """Compile all templates, so that the first request of a page does not wait for it."""
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)

    def page(self, request: Request, template: str, status: int = HTTPStatus.OK, /, **context: Any) -> HTMLResponse:
        """Render a page, or a part of one."""
        token = request.cookies.get(COOKIE)
        caller: Principal = request.scope["state"].get("principal", ANONYMOUS)
        text = self._environment.get_template(template).render(
            caller=caller,
            navigation=[(address, name) for address, name, least in _NAVIGATION if caller.has_role(least)],
            csrf="" if token is None else form_token(token),
            path=request.url.path,
            now=datetime.now(UTC),
            **context,
        )
        return HTMLResponse(text, status_code=status)

    def document(self, template: str, /, **context: Any) -> str:
        """Render a self-contained document: its style sheet is in it, its links lead to this server."""
        return self._environment.get_template(template).render(styles=self._styles, now=datetime.now(UTC), **context)

    def error(self, request: Request, problem: Problem) -> HTMLResponse:
        """Render a problem as a page; a form with wrong fields is shown again with its values."""
        state = request.scope["state"]
        is_form = problem.status == HTTPStatus.UNPROCESSABLE_ENTITY and state.get("form")
        response = self.page(
            request,
            "error.html",
            problem.status,
            problem=problem,
            next_step=_NEXT_STEPS.get(problem.status),
            form={name: value for name, value in state["form"].items() if name not in _NOT_SHOWN} if is_form else {},
            reasons=_reasons_by_field(problem),
            request_id=state["request_id"],
        )
        response.headers.update(problem.headers)
        return response


def _reasons_by_field(problem: Problem) -> dict[str, str]:
    errors: Any = problem.members.get("errors", ())
    return {error["field"].rpartition(".")[2]: error["reason"] for error in errors}


RendererDep = Annotated[Renderer, Depends(part(Renderer))]
