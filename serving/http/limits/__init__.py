"""Limits on callers.

- `addresses`: client addresses behind trusted proxies
- `body`: time limit of receiving a body, and the depth of its JSON
- `buckets`: token buckets
- `rates`: requests by key, by address, and failed keys by address

Limits on the size of a body belong to the routes.
"""
