"""Signing in at the issuer: to it, and back from it."""

from typing import Annotated, Final
from urllib.parse import quote, unquote

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from guard_store.auth.sessions import ATTEMPT_S
from serving.http.dependencies import EntryDep
from serving.http.problems import NotFound, Problem
from serving.http.routing import ANYONE
from serving.pages.addresses import own_path
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router
from serving.pages.sessions.endpoints import OidcSignIn, redirect_signed_in, show_form

ATTEMPT_COOKIE: Final = "ml_guard_sign_in"
"""Secret of the attempt, a dot, and the path to show afterwards: no other site can read or send it, but it comes back with the browser."""
_PATH = "/sign-in/oidc"
_MAX_COOKIE = 3_500  # browsers keep 4,096 bytes, name and attributes included

router = page_router()


@router.get(_PATH, openapi_extra=ANYONE)
async def begin_sign_in(
    request: Request,
    pages: RendererDep,
    oidc: OidcSignIn,
    next: Annotated[str, Query(max_length=2_000)] = "/",  # noqa: A002 - the field's word
) -> Response:
    """Send the browser to the issuer."""
    target = own_path(next)
    try:
        secret, address = await oidc.begin()
    except NotFound:
        raise
    except Problem as problem:
        return show_form(request, pages, oidc, problem.status, target, problem.detail)
    response = RedirectResponse(address, status_code=303)
    value = f"{secret}.{quote(target, safe='')}"
    response.set_cookie(
        ATTEMPT_COOKIE,
        value if len(value) <= _MAX_COOKIE else f"{secret}.",
        max_age=ATTEMPT_S,
        path=_PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.get(f"{_PATH}/callback", openapi_extra=ANYONE)
async def complete_sign_in(request: Request, pages: RendererDep, oidc: OidcSignIn, entry: EntryDep) -> Response:
    """Open a session with the answer of the issuer."""
    secret, _, path = request.cookies.get(ATTEMPT_COOKIE, "").partition(".")
    target = own_path(unquote(path))
    entry.details["sign_in"] = "oidc"
    try:
        token, principal = await oidc.complete(secret or None, request.query_params, entry)
    except NotFound:
        raise
    except Problem as problem:
        entry.details["refusal"] = problem.detail
        return show_form(request, pages, oidc, problem.status, target, problem.detail)
    response = redirect_signed_in(request, token, principal, entry, target, "oidc", oidc.session_s)
    response.delete_cookie(ATTEMPT_COOKIE, path=_PATH)
    return response
