"""The authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 3.1): from a person's browser to verified claims.

Keeping the attempt and opening the session is `serving.pages.sessions`.
"""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp

from guard_core.settings.oidc import OidcSettings
from guard_core.ttl_cache import TtlCache
from serving.auth.oidc.metadata import TIMEOUT_S, FetchError, endpoint_of, fetch_metadata, read_json
from serving.auth.oidc.tokens import TokenRing
from serving.http.problems import BadGateway, Forbidden, Unauthorised, Unavailable

_log = logging.getLogger(__name__)
_METADATA_S = 3600.0
_error_code = re.compile(r"[a-z_]{1,60}").fullmatch
_BUSY: Final = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One attempt to sign in, by a secret that only the browser has that began it.

    State, nonce and verifier are derived from the secret: from one of them neither the others nor the secret can be computed, and nothing else has to be stored.
    """

    secret: str

    @property
    def state(self) -> str:
        """What the issuer's answer must repeat."""
        return self._derive("state")

    @property
    def nonce(self) -> str:
        """What the ID token must repeat."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """What redeems the code (PKCE)."""
        return self._derive("verifier")

    def _derive(self, purpose: str) -> str:
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


class CodeFlow:
    """The flow with the issuer in the settings, for the client in the settings.

    Parameters
    ----------
    redirect_uri : where the issuer sends the browser back to.
    """

    def __init__(self, oidc: OidcSettings, tokens: TokenRing, redirect_uri: str) -> None:
        self._issuer = oidc.issuer or ""
        self._client_id = oidc.client_id or ""
        self._client_secret = oidc.client_secret
        self._scopes = oidc.scopes
        self._tokens = tokens
        self._redirect_uri = redirect_uri
        self._metadata: TtlCache[str, dict[str, Any]] = TtlCache(_METADATA_S)
        self.issuer_name = urlsplit(self._issuer).netloc

    async def authorization_address(self, attempt: SignInAttempt) -> str:
        """Return the address at the issuer where the person signs in.

        Raises
        ------
        BadGateway
            If the metadata of the issuer cannot be fetched.
        """
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        async with self._requests() as session:
            endpoint = await self._endpoint(session, "authorization_endpoint")
        return _with_query(
            endpoint,
            response_type="code",
            client_id=self._client_id,
            redirect_uri=self._redirect_uri,
            scope=" ".join(self._scopes),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            code_challenge_method="S256",
        )

    def code_of(self, attempt: SignInAttempt, answer: Mapping[str, str]) -> str:
        """Return the code in the query that the issuer has sent the browser back with.

        Raises
        ------
        Unauthorised
            If the answer is of another attempt or of another issuer.
        Forbidden, BadGateway
            If it is an error.
        """
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise Unauthorised("The answer of the identity provider is of another sign-in than this browser began.")
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207
            raise Unauthorised("The answer is of another identity provider.")
        if "error" in answer:
            self._raise_error(answer["error"])
        if not answer.get("code"):
            raise BadGateway(f"{self.issuer_name} answered without a code.")
        return answer["code"]

    async def redeem(self, attempt: SignInAttempt, code: str) -> dict[str, Any]:
        """Exchange a code for the ID token, and return its verified claims.

        Raises
        ------
        Unauthorised
            If the code is invalid, or the ID token is.
        BadGateway
            If the issuer does not answer, or with an error.
        """
        async with self._requests() as session:
            token = await self._exchange(session, attempt, code)
        try:
            claims = await self._tokens.verify(token, self._client_id, name="ID token")
        except Unavailable as problem:  # 503 would mean that nothing was done, and leave no row on the ledger
            raise BadGateway(problem.detail) from problem
        if claims.get("azp", self._client_id) != self._client_id:
            raise Unauthorised("The ID token is for another client.")
        if not hmac.compare_digest(attempt.nonce.encode(), str(claims.get("nonce")).encode()):
            raise Unauthorised("The ID token is of another sign-in: its nonce is wrong.")
        return claims

    async def end_session_address(self) -> str | None:
        """Return the address at the issuer that ends the person's session there; None if the issuer does not name one now."""
        try:
            async with self._requests() as session:
                metadata = await self._fetch_metadata(session)
                if "end_session_endpoint" not in metadata:
                    return None
                endpoint = endpoint_of(metadata, "end_session_endpoint")
        except BadGateway:
            return None
        return _with_query(endpoint, client_id=self._client_id)

    async def _exchange(self, session: aiohttp.ClientSession, attempt: SignInAttempt, code: str) -> str:
        endpoint = await self._endpoint(session, "token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"Accept": "application/json", **self._authenticate_client(await self._fetch_metadata(session), form)}
        async with session.post(endpoint, data=form, headers=headers, allow_redirects=False) as response:
            if response.status not in {200, 400, 401}:
                raise FetchError(f"its token endpoint answered {response.status}")
            answer = await read_json(response)
        if response.status != 200:
            self._raise_error(answer.get("error"))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise BadGateway(f"{self.issuer_name} returned no ID token.")
        return token

    def _authenticate_client(self, metadata: Mapping[str, Any], form: dict[str, str]) -> dict[str, str]:
        """Add the client to the form, or return the header that names it; without a secret the client is public."""
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._client_secret is None or "client_secret_basic" not in methods:
            form["client_id"] = self._client_id
            if self._client_secret is not None:
                form["client_secret"] = self._client_secret.get_secret_value()
            return {}
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret.get_secret_value())}"  # RFC 6749, 2.3.1
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _raise_error(self, error: object) -> None:
        """Raise the problem of an error code; descriptions are not shown, because they may contain anything."""
        code = error if isinstance(error, str) and _error_code(error) else "unknown error"
        _log.warning("%s answered a sign-in with the error %s", self._issuer, code)
        if code == "access_denied":
            raise Forbidden(f"{self.issuer_name} denied access, or the sign-in was cancelled there (access_denied).")
        if code == "invalid_grant":
            raise Unauthorised(f"{self.issuer_name} does not accept the code: it has been used or is too old.")
        if code in {"invalid_client", "unauthorized_client"}:
            raise BadGateway(
                f"{self.issuer_name} does not accept this server as a client ({code}):"
                " check ML_GUARD_OIDC_CLIENT_ID and ML_GUARD_OIDC_CLIENT_SECRET."
            )
        if code in _BUSY:
            raise BadGateway(f"{self.issuer_name} cannot sign anyone in now ({code}): try again later.")
        raise BadGateway(f"{self.issuer_name} answered with an error ({code}).")

    async def _endpoint(self, session: aiohttp.ClientSession, name: str) -> str:
        return endpoint_of(await self._fetch_metadata(session), name)

    async def _fetch_metadata(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        metadata = self._metadata.get(self._issuer)
        if metadata is None:
            metadata = await fetch_metadata(session, self._issuer)
            self._metadata.put(self._issuer, metadata)
        return metadata

    @asynccontextmanager
    async def _requests(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Open a session for requests to the issuer; their failure becomes a problem."""
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
                yield session
        except (FetchError, aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) if isinstance(error, FetchError) else type(error).__name__
            _log.warning("a sign-in at %s failed: %s", self._issuer, reason)
            raise BadGateway(
                f"{self.issuer_name} does not answer as it should now: try again, or sign in with an API key."
            ) from error


def _with_query(address: str, **query: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
