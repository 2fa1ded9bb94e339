"""Fetches web pages, and never reaches into the server's own network.

- `addresses`: addresses that are not public
- `fetcher`: one page, each redirect checked
- `resolving`: name resolution, pinned for each redirect
- `robots`: robots.txt (RFC 9309)
- `urls`: URLs by a strict grammar

The tool `fetch` extracts the text of a page.
"""
