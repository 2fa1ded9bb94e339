"""Authentication and authorisation: API keys, bearer tokens, roles and project scopes.

- `keys`: API keys over HTTP
- `oidc`: bearer tokens of an OpenID Connect issuer, and the sign-in of people there
- `principal`: the caller of a request: key, role, project scope
- `security`: from headers to a principal, and the role that a route requires
"""
