"""Templates to responses; every page gets the navigation, the caller, and the token for its forms."""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from guard_core.alerting.links import Addresses
from guard_core.formats import FILTERS
from serving.auth.principal import ANONYMOUS, Principal
from serving.http.dependencies import part
from serving.http.problems import Problem
from serving.pages import addresses
from serving.pages.assets import Assets
from serving.pages.sessions.service import COOKIE, form_token

_NAVIGATION: Final = (
    ("/", "Overview"),
    ("/incidents", "Incidents"),
    ("/costs", "LLM & costs"),
    ("/ask", "Ask"),
    ("/evidence", "Evidence"),
    ("/audit", "Audit"),
    ("/system", "System"),
    ("/settings", "Settings"),
)
"""Address and name of the pages that every page links to, in this order."""


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
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._styles = Markup(assets.text("charts.css") + assets.text("pages.css"))  # noqa: S704 - our own files
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(
            address=addresses,
            asset=assets.address,
            navigation=_NAVIGATION,
            servers=servers,
            version=version,
        )

    def page(self, request: Request, template: str, status: int = HTTPStatus.OK, /, **context: Any) -> HTMLResponse:
        """Render a page, or a part of one."""
        token = request.cookies.get(COOKIE)
        caller: Principal = request.scope["state"].get("principal", ANONYMOUS)
        text = self._environment.get_template(template).render(
            caller=caller,
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
        """Render a problem as a page."""
        response = self.page(
            request, "error.html", problem.status, problem=problem, request_id=request.scope["state"]["request_id"]
        )
        response.headers.update(problem.headers)
        return response


RendererDep = Annotated[Renderer, Depends(part(Renderer))]
