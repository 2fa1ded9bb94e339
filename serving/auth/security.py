"""Authentication: from the key or token in a request's headers to its principal.

Keys are stored by `guard_store.auth.store`, bearer tokens are verified in `serving.auth.oidc`; the role that a route needs is declared at the route.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from guard_store.auth.store import KeyStore, hash_key
from guard_store.db.last_known import LastKnown
from serving.audit.entry import AuditEntry
from serving.auth.oidc.tokens import TokenRing
from serving.auth.principal import ANONYMOUS, HOW_TO_SEND, Principal
from serving.http.dependencies import part_of
from serving.http.limits.addresses import address_of
from serving.http.limits.rates import RateLimits
from serving.http.problems import TooManyRequests, Unauthorised


class KeyRing:
    """Authenticates API keys, and caches the valid ones for some seconds.

    Parameters
    ----------
    cache_s : seconds after which a key is looked up again.
    outage_s : seconds for which a key is valid beyond that while the database cannot be read.
    """

    def __init__(self, keys: KeyStore, *, cache_s: float, outage_s: float) -> None:
        self._store = keys
        self._keys = LastKnown(self._look_up, ttl_s=cache_s, outage_s=outage_s, what="API keys")

    def find_cached(self, secret: str) -> Principal | None:
        """Return the caller of a key, if it was looked up within the last seconds."""
        key = self._keys.get(hash_key(secret))
        return None if key is None or key.is_revoked else key.principal

    async def authenticate(self, secret: str) -> Principal:
        """Return the caller of a key.

        Raises
        ------
        Unauthorised
            If the key is unknown or revoked.
        """
        digest = hash_key(secret)
        key = (await self._keys.find((digest,))).get(digest)
        if key is None or key.is_revoked:
            raise Unauthorised(f"The key is {'unknown' if key is None else 'revoked'}: {HOW_TO_SEND}.")
        return key.principal

    def forget(self, key_id: str) -> None:
        """Look a key up again at its next use, because it has been revoked."""
        self._keys.forget(lambda key: key.principal.key_id == key_id)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which keys could not be looked up; None if they can."""
        return self._keys.silent_s

    def _look_up(self, digests: Collection[str]) -> "dict[str, _KnownKey]":
        keys = self._store.find_hashed(digests)
        return {
            digest: _KnownKey(Principal(key.id, key.role, key.project_id), key.revoked_us is not None)
            for digest, key in keys.items()
        }


@dataclass(frozen=True, slots=True)
class _KnownKey:
    principal: Principal
    is_revoked: bool


class Authenticator:
    """Authenticates the credentials of a request, within the rate limits."""

    def __init__(self, key_ring: KeyRing, tokens: TokenRing | None, rates: RateLimits) -> None:
        self._key_ring = key_ring
        self._tokens = tokens
        self._rates = rates

    async def authenticate(self, scope: Scope) -> Principal:
        """Return the caller of a request; without a key or token, the anonymous guest.

        Raises
        ------
        Unauthorised
            If the request has an unknown or revoked key, or an invalid token.
        TooManyRequests
            If the caller exceeds a rate limit.
        """
        secret, is_bearer = _secret_of(scope)
        if secret is None:
            self.count_request(ANONYMOUS, scope)
            return ANONYMOUS
        ring: KeyRing | TokenRing = self._key_ring
        if self._tokens is not None and is_bearer and self._tokens.is_token(secret):
            ring = self._tokens
        principal = await self._authenticate_secret(ring, secret, scope)
        self.count_request(principal, scope)
        return principal

    def count_request(self, principal: Principal, scope: Scope) -> None:
        """Count a request against the rate limit of its caller: a key has one limit, whether its secret or its session is sent.

        Raises
        ------
        TooManyRequests
            If the caller exceeds the limit.
        """
        if principal.key_id is None:
            self._rates.count_anonymous_request(address_of(scope))
        else:
            self._rates.count_keyed_request(principal.key_id)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which keys could not be looked up; None if they can."""
        return self._key_ring.silent_s

    async def authenticate_key(self, secret: str, scope: Scope) -> Principal:
        """Return the caller of a key that a request has in its form, not in a header; raises as `authenticate`."""
        return await self._authenticate_secret(self._key_ring, secret, scope)

    async def _authenticate_secret(self, ring: "KeyRing | TokenRing", secret: str, scope: Scope) -> Principal:
        principal = ring.find_cached(secret)
        if principal is not None:
            return principal
        address = address_of(scope)
        self._rates.check_failed_keys(address)
        try:
            return await ring.authenticate(secret)
        except Unauthorised:
            self._rates.record_failed_key(address)
            raise


async def authenticate(scope: Scope) -> Principal:
    """Return the caller of a request, and add it to the ledger entry; later calls return the same caller.

    Raises
    ------
    Unauthorised
        If the request has an unknown or revoked key, or an invalid token.
    TooManyRequests
        If the caller exceeds a rate limit.
    """
    state = scope["state"]
    cached: Principal | None = state.get("principal")
    if cached is not None:
        return cached
    entry: AuditEntry = state["entry"]
    try:
        principal = await part_of(scope, Authenticator).authenticate(scope)
    except TooManyRequests:
        entry.committed = True  # the request was not processed; a row for each would flood the ledger
        raise
    state["principal"] = principal
    state["key_id"] = principal.key_id  # for the access log
    entry.key_id, entry.role = principal.key_id, principal.role
    entry.note_outage(part_of(scope, Authenticator).silent_s)
    return principal


def _secret_of(scope: Scope) -> tuple[str | None, bool]:
    """Return the secret of a request, and whether it was sent as a bearer token."""
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
