"""OpenID Connect: bearer tokens of an issuer, and the sign-in of people there.

- `code_flow`: the authorization code flow with PKCE, up to the claims of a person
- `metadata`: the issuer's discovery document
- `signing_keys`: the issuer's public keys (JWKS)
- `tokens`: verification of a token, its claims as a principal
"""
