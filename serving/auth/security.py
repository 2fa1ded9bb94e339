"""Who is asking, and may they: API keys from headers to principals, roles and project scopes.

How keys are kept is `guard_store.auth.store`, what a bearer token says `serving.auth.oidc`; which role a route wants is said at the route.
"""

import asyncio
import hashlib
import time
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from guard_core.ttl_cache import TtlCache
from guard_store.auth.store import ApiKey, KeyStore
from serving.audit.entry import AuditEntry
from serving.auth.oidc.tokens import TokenRing
from serving.auth.principal import ANONYMOUS, HOW_TO_SEND, Principal
from serving.http.limits.addresses import address_of
from serving.http.limits.rates import RateLimits
from serving.http.problems import TooManyRequests, Unauthorised


class KeyRing:
    """Looks keys up, and remembers those that work for some seconds."""

    def __init__(self, keys: KeyStore, *, cache_s: float) -> None:
        self._keys = keys
        self._principals: TtlCache[bytes, Principal] = TtlCache(cache_s)
        self._pending: dict[bytes, tuple[float, asyncio.Task[ApiKey | None]]] = {}

    def known(self, secret: str) -> Principal | None:
        """The caller of a key that was looked up some seconds ago at most."""
        return self._principals.get(hashlib.sha256(secret.encode()).digest())

    async def principal(self, secret: str) -> Principal:
        """The caller of a key.

        Raises
        ------
        Unauthorised
            Where the key is unknown or revoked.
        """
        known = self.known(secret)
        if known is not None:
            return known
        digest = hashlib.sha256(secret.encode()).digest()
        # All requests of an expired key share one look-up. It counts from before the look-up, so that a key revoked
        # meanwhile works no longer than the setting says.
        if digest not in self._pending:
            task = asyncio.create_task(asyncio.to_thread(self._keys.find, secret))
            self._pending[digest] = (time.monotonic(), task)
            task.add_done_callback(lambda _: self._pending.pop(digest, None))
        looked_up_at, pending = self._pending[digest]
        key = await asyncio.shield(pending)
        if key is None or key.revoked_us is not None:
            self._principals.discard(digest)
            raise Unauthorised(f"The key is {'unknown' if key is None else 'revoked'}: {HOW_TO_SEND}.")
        principal = Principal(key.id, key.role, key.project_id)
        self._principals.put(digest, principal, expires_at=looked_up_at + self._principals.ttl_s)
        return principal

    def forget(self, key_id: str) -> None:
        """Look a key up again at its next use: it was just revoked."""
        self._principals.discard_values(lambda principal: principal.key_id == key_id)


async def authenticate(scope: Scope) -> Principal:
    """The caller of a request; without a key or token, the anonymous guest. Asked again, it says the same.

    Raises
    ------
    Unauthorised
        Where a key was sent that is unknown or revoked, or a token that is not good.
    TooManyRequests
        Where the caller asks too often.
    """
    state = scope["state"]
    known: Principal | None = state.get("principal")
    if known is not None:
        return known
    entry: AuditEntry = state["entry"]
    try:
        principal = await _principal(scope)
    except TooManyRequests:
        entry.committed = True  # nothing was looked at; a row for each would be a flood of its own
        raise
    state["principal"] = principal
    state["key_id"] = principal.key_id  # for the access log
    entry.key_id, entry.role = principal.key_id, principal.role
    return principal


async def _principal(scope: Scope) -> Principal:
    services = scope["app"].state.services
    rates: RateLimits = services.rates
    secret, is_bearer = _secret_of(scope)
    if secret is None:
        rates.anonymous(address_of(scope))
        return ANONYMOUS
    tokens: TokenRing | None = services.tokens
    ring: KeyRing | TokenRing = services.key_ring
    if tokens is not None and is_bearer and tokens.reads(secret):
        ring = tokens
    principal = ring.known(secret)
    if principal is None:
        address = address_of(scope)
        rates.may_try_key(address)
        try:
            principal = await ring.principal(secret)
        except Unauthorised:
            rates.wrong_key(address)
            raise
    if principal.key_id is not None:
        rates.keyed(principal.key_id)
    return principal


def _secret_of(scope: Scope) -> tuple[str | None, bool]:
    """The secret that was sent, and whether it was sent as a bearer token."""
    authorization: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return str(value, "latin-1"), False
        if name == b"authorization":
            authorization = value
    if authorization is None:
        return None, False
    scheme, _, secret = str(authorization, "latin-1").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorised(f"The Authorization header is not a bearer token: {HOW_TO_SEND}.")
    return secret.strip(), True


async def _caller(request: Request) -> Principal:
    return await authenticate(request.scope)


Caller = Annotated[Principal, Depends(_caller)]
