"""API keys, and sessions of people who look at the pages.

- `sessions`: sessions and one-time links, found by the hash of their token
- `store`: keys, found by the hash of their secret
- `tables`: tables of keys and of sessions
"""
