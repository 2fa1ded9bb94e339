"""The issuer's public keys (JWKS): fetched where they are needed, kept where the issuer is down, never fetched too often.

What a token must say is `tokens`.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec

from guard_core.settings import Settings
from serving.http.problems import Unavailable

_log = logging.getLogger(__name__)
_ALGORITHMS: Final = {"RSA": "RS256", "P-256": "ES256", "Ed25519": "EdDSA"}
_LEAST_RSA_BITS = 2048
_MOST_BYTES = 2**20
_TIMEOUT_S = 5.0
_FRESH_S = 3600.0
_REFETCH_S = 10.0


class FetchError(Exception):
    """The issuer does not say its keys."""


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
    refetch_s : seconds between two fetches at least, whatever callers send.
    """

    def __init__(self, settings: Settings, *, refetch_s: float = _REFETCH_S) -> None:
        self._issuer = settings.oidc.issuer or ""
        self._url = settings.oidc.jwks_url
        self._refetch_s = refetch_s
        self._keys: tuple[SigningKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> SigningKey | None:
        """The key of this id and algorithm; without an id, the only one of this algorithm.

        Raises
        ------
        Unavailable
            Where no key is known, and the issuer does not answer.
        """
        found = self._known(kid, algorithm)
        if found is None:
            await self._fetch()
            found = self._known(kid, algorithm)
        elif time.monotonic() - self._fetched_at > _FRESH_S:
            self._begin_fetch()  # the known ones are good until the issuer says otherwise
        if found is None and not self._keys:
            raise Unavailable(
                "The issuer of bearer tokens does not say its keys now; an API key works.", retry_after_s=10
            )
        return found

    def _known(self, kid: str | None, algorithm: str) -> SigningKey | None:
        fitting = [key for key in self._keys if key.algorithm == algorithm and kid in (None, key.kid)]
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        fetching = self._begin_fetch()
        if fetching is not None:
            await asyncio.shield(fetching)

    def _begin_fetch(self) -> "asyncio.Task[None] | None":
        """The fetch that runs; None where it is too early for one."""
        if self._fetching is None and time.monotonic() - self._tried_at >= self._refetch_s:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._replace())
        return self._fetching

    async def _replace(self) -> None:
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
                url = self._url or await self._discovered(session)
                self._keys = usable_keys(await _json_of(session, url))
            self._fetched_at = time.monotonic()
        except (FetchError, aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) if isinstance(error, FetchError) else type(error).__name__
            _log.warning("the keys of %s were not fetched: %s", self._issuer, reason)
        finally:
            self._fetching = None

    async def _discovered(self, session: aiohttp.ClientSession) -> str:
        said = await _json_of(session, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        url = said.get("jwks_uri")
        if said.get("issuer") != self._issuer or not isinstance(url, str):
            raise FetchError("its discovery document is of another issuer, or names no jwks_uri")
        if urlsplit(url).scheme not in {"https", urlsplit(self._issuer).scheme}:
            raise FetchError("its discovery document names a jwks_uri without TLS")
        return url


def usable_keys(said: dict[str, Any]) -> tuple[SigningKey, ...]:
    """The keys of a JWKS that may sign; others are passed over.

    Raises
    ------
    FetchError
        Where there is none.
    """
    listed = said.get("keys")
    keys = [_usable(one) for one in listed] if isinstance(listed, list) else []
    usable = tuple(key for key in keys if key is not None)
    if not usable:
        raise FetchError("its JWKS has no key for RS256, ES256 or EdDSA")
    return usable


def _usable(said: Any) -> SigningKey | None:
    if not isinstance(said, dict) or said.get("use", "sig") != "sig":
        return None
    kind = said.get("kty")
    algorithm = _ALGORITHMS.get(str(kind if kind == "RSA" else said.get("crv")))
    if algorithm is None or said.get("alg", algorithm) != algorithm:
        return None
    public = {name: value for name, value in said.items() if name != "d"}  # whoever publishes it, we do not keep it
    try:
        key = jwt.PyJWK(public, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
    if kind == "RSA" and getattr(key.key, "key_size", 0) < _LEAST_RSA_BITS:
        return None
    kid = said.get("kid")
    return SigningKey(kid if isinstance(kid, str) else None, algorithm, key)


async def _json_of(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response:
        if response.status != 200:
            raise FetchError(f"{url} answered {response.status}")
        data = await response.content.read(_MOST_BYTES)
        while not response.content.at_eof() and len(data) < _MOST_BYTES:
            data += await response.content.read(_MOST_BYTES)
    try:
        said = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise FetchError(f"{url} answered what is not a JSON object")
    return said
