"""Pages of the web for a service that must not become a way into its own network: URLs, addresses, robots, the fetcher.

What is made of a page is the tool `fetch`.
"""
