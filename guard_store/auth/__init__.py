"""API keys.

- `store`: keys, found by the hash of their secret
- `tables`: table of keys
"""
