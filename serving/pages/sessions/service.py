"""Sessions of people who look at the pages: opened with an API key, a one-time link or at the issuer, found by their cookie.

They are stored by `guard_store.auth.sessions`; signing in at the issuer is `oidc_service`.
"""

import asyncio
import hashlib
import hmac
from typing import Final

from starlette.types import Scope

from guard_core.ttl_cache import TtlCache
from guard_store.auth.sessions import SESSION_S, SessionStore, SignedIn
from serving.auth.principal import Principal
from serving.auth.security import Authenticator
from serving.http.problems import Unauthorised

COOKIE: Final = "ml_guard_session"


class SessionService:
    """Opens, finds and ends sessions.

    Parameters
    ----------
    cache_s : seconds for which a session is valid after it has ended, or its key has been revoked, elsewhere.
    """

    def __init__(self, sessions: SessionStore, authenticator: Authenticator, *, cache_s: float) -> None:
        self._sessions = sessions
        self._authenticator = authenticator
        self._principals: TtlCache[str, Principal] = TtlCache(cache_s)

    async def find(self, token: str | None) -> Principal | None:
        """Return the caller of a session; None if there is no such session."""
        if token is None:
            return None
        principal = self._principals.get(token)
        if principal is None:
            signed_in = await asyncio.to_thread(self._sessions.find, token)
            if signed_in is None:
                return None
            principal = Principal(signed_in.caller_id, signed_in.role, signed_in.project_id)
            self._principals.put(token, principal)
        return principal

    async def open_with_key(self, secret: str, scope: Scope) -> tuple[str, Principal]:
        """Open a session with an API key; return its token and its caller.

        Raises
        ------
        Unauthorised
            If the key is unknown or revoked.
        TooManyRequests
            If too many keys from this address were wrong.
        """
        principal = await self._authenticator.authenticate_key(secret, scope)
        return await self.open(SignedIn(str(principal.key_id), principal.role, principal.project_id))

    async def open_with_link(self, token: str) -> tuple[str, Principal]:
        """Open a session with a one-time link; return its token and its caller.

        Raises
        ------
        Unauthorised
            If the link is unknown, used or too old.
        """
        signed_in = await asyncio.to_thread(self._sessions.take_link, token)
        if signed_in is None:
            raise Unauthorised("The link has been used or is too old; `ml-guard open` prints a new one.")
        return await self.open(signed_in)

    async def open(self, caller: SignedIn, valid_s: int = SESSION_S) -> tuple[str, Principal]:
        """Open a session of a caller for some seconds; return its token and its caller."""
        token = await asyncio.to_thread(self._sessions.open, caller, valid_s)
        return token, Principal(caller.caller_id, caller.role, caller.project_id)

    async def end(self, token: str) -> None:
        """End a session."""
        self._principals.discard(token)
        await asyncio.to_thread(self._sessions.end, token)


def form_token(session_token: str) -> str:
    """Return the token that the forms of a session carry; other sites cannot compute it."""
    return hmac.new(session_token.encode(), b"form", hashlib.sha256).hexdigest()
