"""Pages to sign in and out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from guard_store.auth.sessions import SESSION_S
from serving.audit.entry import AuditEntry
from serving.auth.oidc.tokens import CALLER_PREFIX
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, part
from serving.http.problems import Unauthorised
from serving.http.routing import ANYONE
from serving.pages.addresses import own_path
from serving.pages.rendering import Renderer, RendererDep
from serving.pages.routing import Form, page_router
from serving.pages.sessions.oidc_service import OidcSignInService
from serving.pages.sessions.service import COOKIE, SessionService

router = page_router()
Sessions = Annotated[SessionService, Depends(part(SessionService))]
OidcSignIn = Annotated[OidcSignInService, Depends(part(OidcSignInService))]


@router.get("/sign-in", openapi_extra=ANYONE)
async def show_sign_in(
    request: Request,
    pages: RendererDep,
    oidc: OidcSignIn,
    *,
    next: Annotated[str, Query(max_length=2_000)] = "/",  # noqa: A002 - the field's word
    signed_out: Annotated[bool, Query(description="Whether a session of the issuer may remain.")] = False,
) -> Response:
    """Show the form that asks for an API key, and the link to the issuer."""
    end_session = await oidc.end_session_address() if signed_out else None
    return show_form(request, pages, oidc, HTTPStatus.OK, own_path(next), end_session=end_session)


@router.post("/sign-in", openapi_extra=ANYONE)
async def sign_in(
    request: Request, pages: RendererDep, sessions: Sessions, oidc: OidcSignIn, form: Form, entry: EntryDep
) -> Response:
    """Open a session with an API key."""
    target = own_path(form.get("next", "/"))
    try:
        token, principal = await sessions.open_with_key(form.get("key", "").strip(), request.scope)
    except Unauthorised as problem:
        reason = problem.detail.partition(":")[0] + "."
        return show_form(request, pages, oidc, HTTPStatus.UNAUTHORIZED, target, reason)
    return redirect_signed_in(request, token, principal, entry, target, "key")


@router.get("/sign-in/link", openapi_extra=ANYONE)
async def sign_in_by_link(
    request: Request,
    pages: RendererDep,
    sessions: Sessions,
    oidc: OidcSignIn,
    entry: EntryDep,
    token: Annotated[str, Query(max_length=200, description="In the query, because paths are logged.")],
) -> Response:
    """Open a session with a one-time link, as `ml-guard up` and `ml-guard open` print it."""
    try:
        session, principal = await sessions.open_with_link(token)
    except Unauthorised as problem:
        return show_form(request, pages, oidc, HTTPStatus.UNAUTHORIZED, "/", problem.detail)
    return redirect_signed_in(request, session, principal, entry, "/", "link")


@router.post("/sign-out", openapi_extra=ANYONE)
async def sign_out(request: Request, sessions: Sessions, caller: Caller) -> Response:
    """End the session; the page after it offers to end that of the issuer, too."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        await sessions.end(token)
    is_of_issuer = (caller.key_id or "").startswith(CALLER_PREFIX)
    # No redirect to the issuer from here: `form-action 'self'` forbids a form to lead to another site.
    response = RedirectResponse(f"/sign-in{'?signed_out=true' if is_of_issuer else ''}", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, path="/")
    return response


def show_form(
    request: Request,
    pages: Renderer,
    oidc: OidcSignInService,
    status: int,
    target: str,
    error: str | None = None,
    *,
    end_session: str | None = None,
) -> Response:
    """Show the page to sign in, with the reason why an attempt has failed."""
    issuer = oidc.issuer_name
    return pages.page(request, "sign_in.html", status, next=target, error=error, issuer=issuer, end_session=end_session)


def redirect_signed_in(
    request: Request,
    token: str,
    principal: Principal,
    entry: AuditEntry,
    target: str,
    credential: str,
    valid_s: int = SESSION_S,
) -> Response:
    """Hand the browser a session, put the person on the ledger, and show the page that was asked for."""
    entry.key_id, entry.role = principal.key_id, principal.role
    entry.details["sign_in"] = credential
    response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE, token, max_age=valid_s, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return response
