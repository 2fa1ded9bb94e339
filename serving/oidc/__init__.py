"""Bearer tokens of an OpenID Connect issuer: its keys, what a token must say, and which principal it makes."""

from serving.oidc.tokens import CALLER_PREFIX, TokenRing

__all__ = ["CALLER_PREFIX", "TokenRing"]
