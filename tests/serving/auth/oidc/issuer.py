"""An OpenID Connect issuer for tests: discovery and JWKS over real HTTP, keys that can be rotated, tokens signed as asked."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "ml-guard"
_MAKE: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
_PUBLIC: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


@dataclass
class Issuer:
    """The issuer; `fetched` counts how often its keys were asked for, `down` makes it answer 500."""

    url: str = ""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    fetched: int = 0
    down: bool = False
    named: str | None = None

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
        return web.json_response({"issuer": self.named or self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, _: web.Request) -> web.Response:
        self.fetched += 1
        if self.down:
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
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    issuer.url = f"http://{host}:{port}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
