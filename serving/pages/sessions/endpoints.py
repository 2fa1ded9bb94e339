"""Pages to sign in and out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from guard_store.auth.sessions import SESSION_S
from serving.auth.principal import Principal
from serving.http.dependencies import EntryDep, part
from serving.http.problems import Unauthorised
from serving.http.routing import ANYONE
from serving.pages.addresses import own_path
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router
from serving.pages.sessions.service import COOKIE, SessionService

router = page_router()
Sessions = Annotated[SessionService, Depends(part(SessionService))]


@router.get("/sign-in", openapi_extra=ANYONE)
async def show_sign_in(
    request: Request,
    pages: RendererDep,
    next: Annotated[str, Query(max_length=2_000)] = "/",  # noqa: A002 - the field's word
) -> Response:
    """Show the form that asks for an API key."""
    return pages.page(request, "sign_in.html", next=own_path(next), error=None)


@router.post("/sign-in", openapi_extra=ANYONE)
async def sign_in(request: Request, pages: RendererDep, sessions: Sessions, form: Form, entry: EntryDep) -> Response:
    """Open a session with an API key."""
    target = own_path(form.get("next", "/"))
    try:
        token, principal = await sessions.open_with_key(form.get("key", "").strip(), request.scope)
    except Unauthorised as problem:
        reason = problem.detail.partition(":")[0] + "."
        return pages.page(request, "sign_in.html", HTTPStatus.UNAUTHORIZED, next=target, error=reason)
    return _signed_in(request, token, principal, entry, target, "key")


@router.get("/sign-in/link", openapi_extra=ANYONE)
async def sign_in_by_link(
    request: Request,
    pages: RendererDep,
    sessions: Sessions,
    entry: EntryDep,
    token: Annotated[str, Query(max_length=200, description="In the query, because paths are logged.")],
) -> Response:
    """Open a session with a one-time link, as `ml-guard up` and `ml-guard open` print it."""
    try:
        session, principal = await sessions.open_with_link(token)
    except Unauthorised as problem:
        return pages.page(request, "sign_in.html", HTTPStatus.UNAUTHORIZED, next="/", error=problem.detail)
    return _signed_in(request, session, principal, entry, "/", "link")


@router.post("/sign-out", openapi_extra=ANYONE)
async def sign_out(request: Request, sessions: Sessions) -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        await sessions.end(token)
    response = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, path="/")
    return response


def _signed_in(
    request: Request, token: str, principal: Principal, entry: EntryDep, target: str, credential: str
) -> Response:
    entry.key_id, entry.role = principal.key_id, principal.role
    entry.details["sign_in"] = credential
    response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE, token, max_age=SESSION_S, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return response
