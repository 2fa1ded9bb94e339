"""Pages of the web for a service that must not become a way into its own network: URLs, addresses, robots, the fetcher.

What is made of a page is the tool `fetch`.
"""

from serving.tools.web.addresses import FORBIDDEN
from serving.tools.web.fetcher import Limits, Page, WebFetcher
from serving.tools.web.urls import UrlRules

__all__ = ["FORBIDDEN", "Limits", "Page", "UrlRules", "WebFetcher"]
