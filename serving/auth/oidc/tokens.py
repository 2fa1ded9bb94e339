"""Tokens of the issuer (JWT): verifies signature, issuer, audience and times, then reads role and project.

Bearer tokens are authenticated here, ID tokens by `code_flow`; the keys of the issuer are `signing_keys`.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import jwt

from guard_core.settings import ROLES, Role, Settings
from guard_core.ttl_cache import TtlCache
from guard_store.auth.store import PREFIX
from serving.auth.oidc.signing_keys import SigningKeys
from serving.auth.principal import Principal
from serving.http.problems import Forbidden, Unauthorised

CALLER_PREFIX: Final = "oidc:"
"""Prefix of the id of a caller with a token."""
_ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})  # never `none`, never a shared secret
_LEEWAY_S = 30
_MAX_CHARACTERS = 16_384
_ALL_PROJECTS = "*"
_WORDS_CLAIMS = frozenset({"scope", "scp"})  # space-separated by RFC 8693; other claims are single values
_plain_subject = re.compile(r"[A-Za-z0-9._@|:-]{1,100}").fullmatch
_REASONS: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "has expired"),
    (jwt.ImmatureSignatureError, "is not valid yet"),
    (jwt.InvalidAudienceError, "is for another audience"),
    (jwt.InvalidIssuerError, "is of another issuer"),
    (jwt.InvalidSignatureError, "has a wrong signature"),
    (jwt.MissingRequiredClaimError, "lacks a claim: exp, iss, aud and sub must be there"),
)


class _TokenError(Exception):
    """A token is invalid; the message is the reason, and never contains the token."""


class TokenRing:
    """Verifies tokens of the issuer in the settings, and caches the valid ones for some seconds."""

    def __init__(self, settings: Settings, keys: SigningKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or SigningKeys(settings)
        self._principals: TtlCache[bytes, Principal] = TtlCache(settings.server.key_cache_s)

    @staticmethod
    def is_token(secret: str) -> bool:
        """Return whether a bearer secret has the form of a signed token; our keys have no dot."""
        return secret.count(".") == 2 and not secret.startswith(PREFIX)

    def find_cached(self, token: str) -> Principal | None:
        """Return the caller of a token, if it was verified within the last seconds."""
        return self._principals.get(hashlib.sha256(token.encode()).digest())

    async def authenticate(self, token: str) -> Principal:
        """Return the caller of a token.

        Raises
        ------
        Unauthorised
            If the token is invalid; the reason never contains the token.
        Forbidden
            If it must name a project and does not.
        Unavailable
            If no key of the issuer could be fetched.
        """
        cached = self.find_cached(token)
        if cached is not None:
            return cached
        claims = await self.verify(token, str(self._settings.oidc.audience))
        principal = Principal(caller_id(claims), self.role_of(claims) or "guest", self.project_of(claims))
        valid_s = min(self._principals.ttl_s, int(claims["exp"]) + _LEEWAY_S - time.time())
        digest = hashlib.sha256(token.encode()).digest()
        self._principals.put(digest, principal, expires_at=time.monotonic() + valid_s)
        return principal

    async def verify(self, token: str, audience: str, *, name: str = "bearer token") -> dict[str, Any]:
        """Return the claims of a token that the issuer has signed for an audience; it is valid now.

        Parameters
        ----------
        name : of the token, in the reason why it is refused.

        Raises
        ------
        Unauthorised, Unavailable
            As `authenticate`.
        """
        try:
            return await self._verify(token, audience)
        except _TokenError as error:
            raise Unauthorised(f"The {name} {error}.") from error

    async def _verify(self, token: str, audience: str) -> dict[str, Any]:
        if len(token) > _MAX_CHARACTERS:
            raise _TokenError(f"has more than {_MAX_CHARACTERS} characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, RecursionError) as error:
            raise _TokenError("cannot be read") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in _ALGORITHMS or "crit" in header:
            raise _TokenError("is not signed as we accept it: RS256, ES256 or EdDSA")
        key = await self._keys.find(kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise _TokenError("is signed with a key that its issuer does not publish")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=audience,
                issuer=self._settings.oidc.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise _TokenError(_reason(error)) from error
        return claims

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the highest role among the values of the role claim; None if no value has a role."""
        name = self._settings.oidc.role_claim
        claim = _claim(claims, name)
        values = claim.split() if isinstance(claim, str) and name in _WORDS_CLAIMS else claim
        value_list = values if isinstance(values, list) else [values]
        roles = {self._settings.oidc.roles.get(value) for value in value_list if isinstance(value, str)}
        return next((role for role in ROLES if role in roles), None)

    def project_of(self, claims: Mapping[str, Any]) -> str | None:
        """Return the only project that the caller may access; None for all.

        Raises
        ------
        Forbidden
            If the project claim does not name one.
        """
        name = self._settings.oidc.project_claim
        if name is None:
            return None
        claim = _claim(claims, name)
        value = claim[0] if isinstance(claim, list) and len(claim) == 1 else claim
        if not isinstance(value, str) or not value:
            raise Forbidden(f"The token must name one project in its claim {name!r}.")
        return None if value == _ALL_PROJECTS else value


def caller_id(claims: Mapping[str, Any]) -> str:
    """Return the id of a caller in ledger, usage and logs: short, stable, and never the token."""
    text = str(claims["sub"])
    if _plain_subject(text):
        return CALLER_PREFIX + text
    return f"{CALLER_PREFIX}#{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, else by its path: the name of a claim may be a URL with dots."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _reason(error: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "is not valid")
