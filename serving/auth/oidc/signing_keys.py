"""The issuer's public keys (JWKS): fetched on demand, at a limited rate, and kept while the issuer is down.

Verifying tokens with them is `tokens`.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import jwt

from guard_core.settings import Settings
from serving.auth.oidc.metadata import TIMEOUT_S, FetchError, endpoint_of, fetch_json, fetch_metadata
from serving.http.problems import Unavailable

_log = logging.getLogger(__name__)
_ALGORITHMS: Final = {"RSA": "RS256", "P-256": "ES256", "Ed25519": "EdDSA"}
_MIN_RSA_BITS = 2048
_FRESH_S = 3600.0
_REFETCH_S = 10.0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key, and the only algorithm that it may be used with."""

    kid: str | None
    algorithm: str
    key: jwt.PyJWK


class SigningKeys:
    """The keys of one issuer.

    Parameters
    ----------
    refetch_s : least seconds between two fetches, whatever tokens callers send.
    """

    def __init__(self, settings: Settings, *, refetch_s: float = _REFETCH_S) -> None:
        self._issuer = settings.oidc.issuer or ""
        self._url = settings.oidc.jwks_url
        self._refetch_s = refetch_s
        self._keys: tuple[SigningKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> SigningKey | None:
        """Return the key of this id and algorithm; without an id, the only one of this algorithm.

        Raises
        ------
        Unavailable
            If no key has been fetched, and the issuer does not answer.
        """
        key = self._find_cached(kid, algorithm)
        if key is None:
            await self._fetch()
            key = self._find_cached(kid, algorithm)
        elif time.monotonic() - self._fetched_at > _FRESH_S:
            self._begin_fetch()  # in the background: the cached keys stay valid until the issuer replaces them
        if key is None and not self._keys:
            raise Unavailable(
                "The issuer of bearer tokens does not publish its keys now; an API key works.", retry_after_s=10
            )
        return key

    def _find_cached(self, kid: str | None, algorithm: str) -> SigningKey | None:
        fitting = [key for key in self._keys if key.algorithm == algorithm and kid in (None, key.kid)]
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        fetching = self._begin_fetch()
        if fetching is not None:
            await asyncio.shield(fetching)

    def _begin_fetch(self) -> "asyncio.Task[None] | None":
        """Return the fetch in progress, started if need be; None if it is too early for one."""
        if self._fetching is None and time.monotonic() - self._tried_at >= self._refetch_s:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._replace_keys())
        return self._fetching

    async def _replace_keys(self) -> None:
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
                url = self._url or endpoint_of(await fetch_metadata(session, self._issuer), "jwks_uri")
                self._keys = usable_keys(await fetch_json(session, url))
            self._fetched_at = time.monotonic()
        except (FetchError, aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) if isinstance(error, FetchError) else type(error).__name__
            _log.warning("the keys of %s were not fetched: %s", self._issuer, reason)
        finally:
            self._fetching = None


def usable_keys(jwks: dict[str, Any]) -> tuple[SigningKey, ...]:
    """Return the signing keys of a JWKS; other keys are skipped.

    Raises
    ------
    FetchError
        If there is none.
    """
    jwk_list = jwks.get("keys")
    keys = [_signing_key(jwk) for jwk in jwk_list] if isinstance(jwk_list, list) else []
    usable = tuple(key for key in keys if key is not None)
    if not usable:
        raise FetchError("its JWKS has no key for RS256, ES256 or EdDSA")
    return usable


def _signing_key(jwk: Any) -> SigningKey | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    kind = jwk.get("kty")
    algorithm = _ALGORITHMS.get(str(kind if kind == "RSA" else jwk.get("crv")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    public = {
        name: value for name, value in jwk.items() if name != "d"
    }  # never keep a private key, even a published one
    try:
        key = jwt.PyJWK(public, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
    if kind == "RSA" and getattr(key.key, "key_size", 0) < _MIN_RSA_BITS:
        return None
    kid = jwk.get("kid")
    return SigningKey(kid if isinstance(kid, str) else None, algorithm, key)
