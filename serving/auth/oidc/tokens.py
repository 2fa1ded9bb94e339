"""A bearer token (JWT) becomes a principal: signature, issuer, audience and times first, then its claims.

Where the keys come from is `signing_keys`; what a role may do is said at the routes.
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
"""What the id of a caller with a token begins with."""
_ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})  # never `none`, never a shared secret
_LEEWAY_S = 30
_MOST_CHARACTERS = 16_384
_ALL_PROJECTS = "*"
_WORDS_CLAIMS = frozenset({"scope", "scp"})  # space-separated by RFC 8693; others are values as they stand
_plain_subject = re.compile(r"[A-Za-z0-9._@|:-]{1,100}").fullmatch
_REASONS: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "has expired"),
    (jwt.ImmatureSignatureError, "is not valid yet"),
    (jwt.InvalidAudienceError, "is for another audience"),
    (jwt.InvalidIssuerError, "is of another issuer"),
    (jwt.InvalidSignatureError, "has a wrong signature"),
    (jwt.MissingRequiredClaimError, "lacks a claim: exp, iss, aud and sub must be there"),
)


class TokenRing:
    """Verifies tokens of the settings' issuer, and remembers for some seconds those that were good."""

    def __init__(self, settings: Settings, keys: SigningKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or SigningKeys(settings)
        self._principals: TtlCache[bytes, Principal] = TtlCache(settings.server.key_cache_s)

    @staticmethod
    def reads(secret: str) -> bool:
        """Whether a bearer secret has the form of a signed token; our keys have no dot."""
        return secret.count(".") == 2 and not secret.startswith(PREFIX)

    def known(self, token: str) -> Principal | None:
        """The caller of a token that was verified some seconds ago at most."""
        return self._principals.get(hashlib.sha256(token.encode()).digest())

    async def principal(self, token: str) -> Principal:
        """The caller of a token.

        Raises
        ------
        Unauthorised
            Where it is not good; the reason never repeats it.
        Forbidden
            Where it must name a project and does not.
        Unavailable
            Where no key of the issuer is known.
        """
        known = self.known(token)
        if known is not None:
            return known
        claims = await self._verified(token)
        principal = Principal(_caller_id(claims["sub"]), self._role(claims), self._project(claims))
        good_for_s = min(self._principals.ttl_s, int(claims["exp"]) + _LEEWAY_S - time.time())
        digest = hashlib.sha256(token.encode()).digest()
        self._principals.put(digest, principal, expires_at=time.monotonic() + good_for_s)
        return principal

    async def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > _MOST_CHARACTERS:
            raise _wrong(f"has more than {_MOST_CHARACTERS} characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, RecursionError) as error:
            raise _wrong("cannot be read") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in _ALGORITHMS or "crit" in header:
            raise _wrong("is not signed as we accept it: RS256, ES256 or EdDSA")
        key = await self._keys.find(kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise _wrong("is signed with a key that its issuer does not publish")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=self._settings.oidc.audience,
                issuer=self._settings.oidc.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise _wrong(_reason(error)) from error
        return claims

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The highest role of the claim's values."""
        name = self._settings.oidc.role_claim
        said = _claim(claims, name)
        values = said.split() if isinstance(said, str) and name in _WORDS_CLAIMS else said
        listed = values if isinstance(values, list) else [values]
        roles = {self._settings.oidc.roles.get(value) for value in listed if isinstance(value, str)}
        return next((role for role in ROLES if role in roles), "guest")

    def _project(self, claims: Mapping[str, Any]) -> str | None:
        name = self._settings.oidc.project_claim
        if name is None:
            return None
        said = _claim(claims, name)
        value = said[0] if isinstance(said, list) and len(said) == 1 else said
        if not isinstance(value, str) or not value:
            raise Forbidden(f"The token must name one project in its claim {name!r}.")
        return None if value == _ALL_PROJECTS else value


def _caller_id(subject: Any) -> str:
    """The id of a caller in ledger, usage and logs: short, the same each time, never the token."""
    text = str(subject)
    if _plain_subject(text):
        return CALLER_PREFIX + text
    return f"{CALLER_PREFIX}#{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, else by its path: names of claims may be URLs with dots."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _reason(error: jwt.PyJWTError) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "is not valid")


def _wrong(reason: str) -> Unauthorised:
    return Unauthorised(f"The bearer token {reason}.")
