"""Bearer tokens of an OpenID Connect issuer.

- `signing_keys`: the issuer's public keys (JWKS)
- `tokens`: verification of a token, its claims as a principal
"""
