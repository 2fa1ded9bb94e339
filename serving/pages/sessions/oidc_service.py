"""Signing in at the issuer: each attempt is bound to its browser and completed once, and opens a session.

The protocol is `serving.auth.oidc.code_flow`; role and project come from the claims as they do for bearer tokens.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from guard_core.settings.oidc import OidcSettings, Role
from guard_store.auth.sessions import SessionStore, SignedIn
from serving.audit.entry import AuditEntry
from serving.auth.oidc.code_flow import CodeFlow, SignInAttempt
from serving.auth.oidc.tokens import TokenRing, caller_id
from serving.auth.principal import Principal
from serving.http.problems import Forbidden, NotFound, Unauthorised
from serving.pages.sessions.service import SessionService

_MAX_EMAIL = 254


class OidcSignInService:
    """Begins and completes attempts to sign in at the issuer.

    Parameters
    ----------
    tokens : None if the settings name no issuer.
    redirect_uri : public address of the callback.
    """

    def __init__(
        self,
        oidc: OidcSettings,
        tokens: TokenRing | None,
        store: SessionStore,
        sessions: SessionService,
        *,
        redirect_uri: str,
    ) -> None:
        self._tokens = tokens
        self._store = store
        self._sessions = sessions
        self._role_claim = oidc.role_claim
        self._flow = None if tokens is None or oidc.client_id is None else CodeFlow(oidc, tokens, redirect_uri)
        self.session_s = oidc.session_s

    @property
    def issuer_name(self) -> str | None:
        """Host of the issuer; None if people cannot sign in there."""
        return None if self._flow is None else self._flow.issuer_name

    async def begin(self) -> tuple[str, str]:
        """Begin an attempt; return its secret, and the address at the issuer where it continues.

        Raises
        ------
        NotFound
            If people cannot sign in at an issuer here.
        BadGateway
            If the issuer does not answer.
        """
        flow, _ = self._parts()
        secret = await asyncio.to_thread(self._store.begin_attempt)
        return secret, await flow.authorization_address(SignInAttempt(secret))

    async def complete(self, secret: str | None, answer: Mapping[str, str], entry: AuditEntry) -> tuple[str, Principal]:
        """Open a session with the answer of the issuer to an attempt; return its token and its caller.

        Parameters
        ----------
        secret : of the attempt, from the browser's cookie.
        answer : query that the issuer has sent the browser back with.
        entry : receives the person, also one who is refused for want of a role.

        Raises
        ------
        Unauthorised
            If the attempt, the code or the ID token is invalid.
        Forbidden
            If the issuer denies access, or the claims give no role or project.
        NotFound, BadGateway
            As `begin`, or if the issuer answers with an error.
        """
        flow, tokens = self._parts()
        if secret is None:
            raise Unauthorised("The sign-in began in another browser, or more than 10 minutes ago.")
        attempt = SignInAttempt(secret)
        code = flow.code_of(attempt, answer)
        if not await asyncio.to_thread(self._store.take_attempt, secret):
            raise Unauthorised("The sign-in has been completed already, or began more than 10 minutes ago.")
        claims = await flow.redeem(attempt, code)
        entry.key_id = caller_id(claims)
        entry.details |= _email_of(claims)
        caller = SignedIn(entry.key_id, self._role_of(tokens, claims), tokens.project_of(claims))
        return await self._sessions.open(caller, self.session_s)

    async def end_session_address(self) -> str | None:
        """Return the address that ends the session at the issuer; None if there is none."""
        return None if self._flow is None else await self._flow.end_session_address()

    def _parts(self) -> tuple[CodeFlow, TokenRing]:
        if self._flow is None or self._tokens is None:
            raise NotFound("Nobody can sign in at an identity provider here: ML_GUARD_OIDC_CLIENT_ID is not set.")
        return self._flow, self._tokens

    def _role_of(self, tokens: TokenRing, claims: Mapping[str, Any]) -> Role:
        role = tokens.role_of(claims)
        if role is None:
            raise Forbidden(
                f"You have no role here: your ID token has no value in its claim {self._role_claim!r}"
                " that ML_GUARD_OIDC_ROLES assigns a role to."
            )
        return role


def _email_of(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the person's e-mail for the ledger, unless the issuer calls it unverified."""
    email = claims.get("email")
    is_usable = isinstance(email, str) and email.isprintable() and len(email) <= _MAX_EMAIL
    return {"email": str(email)} if is_usable and claims.get("email_verified", True) is True else {}
