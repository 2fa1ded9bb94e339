"""Routes that answer with a page: the caller is the one who signed in, changes need the form's token, errors are pages.

Opening and ending sessions is `serving.pages.sessions`.
"""

import hmac
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse

from guard_core.settings.server import ServerSettings
from serving.audit.entry import AuditEntry
from serving.auth.principal import ANONYMOUS, Principal
from serving.auth.security import Authenticator
from serving.http.dependencies import part_of
from serving.http.error_handlers import render
from serving.http.middleware import DEFAULT_SECURITY_HEADERS, SECURITY_HEADERS
from serving.http.problems import Forbidden, TooLarge, TooManyRequests, Unauthorised
from serving.http.routing import ANYONE, LEAST_ROLE, require_role, respond_in_time
from serving.pages.rendering import Renderer
from serving.pages.sessions.service import COOKIE, SessionService, form_token

SIGN_IN = "/sign-in"
_API_PATHS = ("/api/", "/v1/")
_MAX_FORM_BYTES = 2**16
_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
    b" form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SECURITY_HEADERS = [
    *((name, value) for name, value in DEFAULT_SECURITY_HEADERS if name != b"content-security-policy"),
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
]


class PageRoute(APIRoute):
    """A route for people: a session in place of a key, an answer in HTML whatever happens.

    The least role is declared as on the JSON routes (`openapi_extra=ANALYST`). Pages are not part of the OpenAPI document.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that finds the session, checks the form's token, and renders errors as pages."""
        handle = super().get_route_handler()
        least: str = (self.openapi_extra or {})[LEAST_ROLE]

        async def handle_page(request: Request) -> Response:
            state = request.scope["state"]
            answer_with_pages(request)
            try:
                caller = await _authenticate(request)
                _require_caller(caller, least)
                if request.method == "POST":
                    await _require_own_form(request)
                time_limit_s = part_of(request.scope, ServerSettings).request_timeout_s
                return await respond_in_time(handle(request), time_limit_s, state["entry"])
            except Unauthorised:
                return _redirect_to_sign_in(request)

        return handle_page


def page_router() -> APIRouter:
    """Make a router of pages."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def answer_with_pages(request: Request) -> None:
    """Render all errors of a request as pages, under the headers of pages."""
    state, pages = request.scope["state"], part_of(request.scope, Renderer)
    state[SECURITY_HEADERS] = _SECURITY_HEADERS
    state["entry"].renderer = lambda problem: pages.error(request, problem)


async def render_unrouted(request: Request, error: Exception) -> Response:
    """Render the error of an address that no route answers: as a page for a browser, else in JSON.

    Below the paths of the APIs it is JSON whatever the client accepts.
    """
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_API_PATHS):
        answer_with_pages(request)
        session = await part_of(request.scope, SessionService).find(request.cookies.get(COOKIE))
        request.scope["state"]["principal"] = session or ANONYMOUS
    return await render(request, error)


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form by name; of a repeated name, the last value.

    Raises
    ------
    TooLarge
        If the form has more than 64 KiB.
    """
    cached: dict[str, str] | None = request.scope["state"].get("form")
    if cached is None:
        entry: AuditEntry = request.scope["state"]["entry"]
        body = b""
        async for piece in request.stream():
            entry.add_request(piece)
            body += piece
            if len(body) > _MAX_FORM_BYTES:
                raise TooLarge(f"The form has more than {_MAX_FORM_BYTES} bytes.")
        cached = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        request.scope["state"]["form"] = cached
    return cached


Form = Annotated[dict[str, str], Depends(read_form)]


async def _authenticate(request: Request) -> Principal:
    """Return the caller of the session, and add it to the ledger entry; without a session, the anonymous guest."""
    state = request.scope["state"]
    sessions = part_of(request.scope, SessionService)
    principal = await sessions.find(request.cookies.get(COOKIE))
    principal = principal or ANONYMOUS
    state["principal"] = principal  # `serving.auth.security.Caller` returns it
    state["key_id"] = principal.key_id
    entry: AuditEntry = state["entry"]
    entry.key_id, entry.role = principal.key_id, principal.role
    try:
        part_of(request.scope, Authenticator).count_request(principal, request.scope)
    except TooManyRequests:
        entry.committed = True  # the request was not processed; a row for each would flood the ledger
        raise
    return principal


def _require_caller(caller: Principal, least: str) -> None:
    """Refuse callers below a page's least role; a page for guests needs a session too."""
    if caller.key_id is None and least != ANYONE[LEAST_ROLE]:
        raise Unauthorised("This page needs you to sign in.")
    require_role(caller, least)


async def _require_own_form(request: Request) -> None:
    """Refuse a form that another site has sent, or that was shown in another session."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("The form was sent from another site.")
    token = request.cookies.get(COOKIE)
    if token is None:
        return  # there is no session that a foreign form could use
    form = await read_form(request)
    if not hmac.compare_digest(form_token(token), form.get("csrf", "")):
        raise Forbidden("The form is of another session: open the page again, and send it once more.")


def _redirect_to_sign_in(request: Request) -> Response:
    path = request.url.path if request.method == "GET" else "/"
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    address = f"{SIGN_IN}?next={quote(path + query)}"
    if request.headers.get("hx-request"):  # a part of a page: the whole page goes to sign in
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
