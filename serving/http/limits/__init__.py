"""Limits on callers.

- `addresses`: client addresses behind trusted proxies
- `body`: time that a body may take, and the depth of its JSON
- `buckets`: token buckets
- `rates`: requests by key, by address, and by address with wrong keys

Sizes of the bodies of single routes belong to the routes.
"""
