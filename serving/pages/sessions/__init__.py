"""Signing in and out of the pages.

- `endpoints`: the page to sign in, one-time links, signing out
- `service`: sessions by their cookie, and the token of forms
"""
