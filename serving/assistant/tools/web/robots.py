"""What sites ask of robots (RFC 9309): read once an hour under the same rules as pages, kept for the last sites that were asked."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from protego import Protego

from serving.assistant.tools.web.urls import Target

AGENT: Final = "ml-guard"
_KEPT_S = 3_600.0
_SITES = 256
_MOST_CHARACTERS = 512_000

Read: TypeAlias = Callable[[Target], Awaitable[tuple[int, str]]]
"""Status and text of the robots.txt of a target's site."""


class Robots:
    """Rules of sites."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: OrderedDict[str, tuple[float, Protego | None]] = OrderedDict()

    async def allow(self, target: Target) -> bool:
        """Whether a page may be asked for; where the site fails to say its rules, none may.

        Raises
        ------
        DeniedError, ToolError
            Where robots.txt leads to where nobody may be sent, or the site cannot be reached.
        """
        known = self._known.get(target.origin)
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + _KEPT_S, _rules(*await self._read(target)))
            self._known[target.origin] = known
            while len(self._known) > _SITES:
                self._known.popitem(last=False)
        rules = known[1]
        return rules is not None and bool(rules.can_fetch(target.url, AGENT))


def _rules(status: int, text: str) -> Protego | None:
    """The rules; None where nothing is allowed. A site that says it has none allows everything."""
    if status == 200:
        return Protego.parse(text[:_MOST_CHARACTERS])
    return Protego.parse("") if 400 <= status < 500 and status != 429 else None
