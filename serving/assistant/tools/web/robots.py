"""Rules of robots.txt (RFC 9309): fetched once an hour under the same rules as pages, cached for the most recent sites."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from protego import Protego

from guard_core.ttl_cache import TtlCache
from serving.assistant.tools.web.urls import Target

AGENT: Final = "ml-guard"
_CACHE_S = 3_600.0
_MAX_SITES = 256
_MAX_CHARACTERS = 512_000

Fetch: TypeAlias = Callable[[Target], Awaitable[tuple[int, str]]]
"""Returns status and text of the robots.txt of a target's site."""
Rules: TypeAlias = Callable[[str], bool]
"""Returns whether a URL of the site may be fetched."""


class Robots:
    """Cached rules of sites."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._rules: TtlCache[str, Rules] = TtlCache(_CACHE_S, _MAX_SITES)

    async def allows(self, target: Target) -> bool:
        """Return whether a page may be fetched; False for all pages of a site whose rules cannot be read.

        Raises
        ------
        DeniedError, ToolError
            If robots.txt redirects to a forbidden address, or the site cannot be reached.
        """
        rules = self._rules.get(target.origin)
        if rules is None:
            rules = _rules(*await self._fetch(target))
            self._rules.put(target.origin, rules)
        return rules(target.url)


def _rules(status: int, text: str) -> Rules:
    """Return the rules of a response: a site without robots.txt allows everything, one with an error nothing."""
    if status != 200 and (status == 429 or not 400 <= status < 500):
        return lambda _: False
    rules = Protego.parse(text[:_MAX_CHARACTERS] if status == 200 else "")
    return lambda url: bool(rules.can_fetch(url, AGENT))
