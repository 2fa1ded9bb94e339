"""What sites ask of robots (RFC 9309): read once an hour under the same rules as pages, kept for the last sites that were asked."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from protego import Protego

from guard_core.ttl_cache import TtlCache
from serving.assistant.tools.web.urls import Target

AGENT: Final = "ml-guard"
_KEPT_S = 3_600.0
_SITES = 256
_MOST_CHARACTERS = 512_000

Read: TypeAlias = Callable[[Target], Awaitable[tuple[int, str]]]
"""Status and text of the robots.txt of a target's site."""
Rules: TypeAlias = Callable[[str], bool]
"""Whether a URL of the site may be fetched."""


class Robots:
    """Rules of sites."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._rules: TtlCache[str, Rules] = TtlCache(_KEPT_S, _SITES)

    async def allow(self, target: Target) -> bool:
        """Whether a page may be asked for; where the site fails to say its rules, none may.

        Raises
        ------
        DeniedError, ToolError
            Where robots.txt leads to where nobody may be sent, or the site cannot be reached.
        """
        rules = self._rules.get(target.origin)
        if rules is None:
            rules = _rules(*await self._read(target))
            self._rules.put(target.origin, rules)
        return rules(target.url)


def _rules(status: int, text: str) -> Rules:
    """Return the rules of an answer: a site without robots.txt allows everything, one that fails nothing."""
    if status != 200 and (status == 429 or not 400 <= status < 500):
        return lambda _: False
    rules = Protego.parse(text[:_MOST_CHARACTERS] if status == 200 else "")
    return lambda url: bool(rules.can_fetch(url, AGENT))
