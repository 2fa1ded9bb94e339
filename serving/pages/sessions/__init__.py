"""Signing in and out of the pages.

- `endpoints`: the page to sign in, one-time links, signing out
- `oidc_endpoints`: signing in at the issuer
- `oidc_service`: attempts to sign in there, and the sessions that they open
- `service`: sessions by their cookie, and the token of forms
"""
