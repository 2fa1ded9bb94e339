"""An OpenID Connect issuer for tests, over real HTTP: discovery, keys that can be rotated, and the authorization code flow."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "ml-guard"
CLIENT_ID = "ml-guard-pages"
CLIENT_SECRET = "s:cret/of client"
_MAKE: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
_PUBLIC: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


@dataclass
class Issuer:
    """The issuer.

    Attributes
    ----------
    fetched : how often its keys were fetched.
    down, keys_are_down : make it answer 500, or only its keys.
    error : it ends each sign-in with this error.
    person : claims of whoever signs in; they replace those of a good ID token.
    auth_methods : of clients at the token endpoint; None leaves them out of the metadata.
    codes : query of the authorization request by code, until the code is redeemed.
    redeemed : forms that were sent to the token endpoint.
    """

    url: str = ""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    fetched: int = 0
    down: bool = False
    keys_are_down: bool = False
    named: str | None = None
    error: str | None = None
    person: dict[str, Any] = field(default_factory=dict)
    auth_methods: list[str] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)

    def add(self, kid: str, algorithm: str = "RS256") -> None:
        """Publish a new key."""
        self.keys[kid] = (algorithm, _MAKE[algorithm]())

    def jwk(self, kid: str) -> dict[str, Any]:
        """A public key as it is published."""
        algorithm, key = self.keys[kid]
        made: dict[str, Any] = json.loads(_PUBLIC[algorithm].to_jwk(key.public_key()))
        return {**made, "kid": kid, "use": "sig"}

    def token(self, kid: str = "k1", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token; claims that are None are left out."""
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**claims), key, algorithm, {"kid": kid, **(headers or {})})

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Claims of a good token, with these on top."""
        now = int(time.time())
        made = {"iss": self.url, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 300, **claims}
        return {name: value for name, value in made.items() if value is not None}

    async def discovery(self, _: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=500)
        metadata: dict[str, Any] = {
            "issuer": self.named or self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "end_session_endpoint": f"{self.url}/logout",
        }
        if self.auth_methods is not None:
            metadata["token_endpoint_auth_methods_supported"] = self.auth_methods
        return web.json_response(metadata)

    async def authorize(self, request: web.Request) -> web.Response:
        """Sign the person in at once, and send the browser back."""
        query = dict(request.query)
        assert query["tenant"] == "1"
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["client_id"] == CLIENT_ID
        answer = {"state": query["state"], "iss": self.url}
        if self.error is not None:
            answer |= {"error": self.error, "error_description": "<b>internal</b>"}
        else:
            answer["code"] = secrets.token_urlsafe(8)
            self.codes[answer["code"]] = query
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    async def redeem(self, request: web.Request) -> web.Response:
        """Exchange a code for an ID token, once."""
        if self.down:
            return web.Response(status=500)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.redeemed.append({**form, "Authorization": request.headers.get("Authorization", "")})
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        query = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            query is None
            or query["code_challenge"] != challenge.decode()
            or query["redirect_uri"] != form["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.token(**{"aud": CLIENT_ID, "nonce": query["nonce"], **self.person})
        return web.json_response({"id_token": token, "access_token": "opaque", "token_type": "Bearer"})

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        if "client_secret_post" in (self.auth_methods or []):
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if "none" in (self.auth_methods or []):
            return form.get("client_id") == CLIENT_ID
        pair = base64.b64encode(b"ml-guard-pages:s%3Acret%2Fof+client").decode()
        return request.headers.get("Authorization") == f"Basic {pair}"

    async def jwks(self, _: web.Request) -> web.Response:
        self.fetched += 1
        if self.down or self.keys_are_down:
            return web.Response(status=500)
        return web.json_response(
            {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, *map(self.jwk, self.keys)]}
        )


@asynccontextmanager
async def running(issuer: Issuer) -> AsyncIterator[Issuer]:
    """The issuer, listening on a free port."""
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    app.router.add_get("/keys", issuer.jwks)
    app.router.add_get("/authorize", issuer.authorize)
    app.router.add_post("/token", issuer.redeem)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    issuer.url = f"http://{host}:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
