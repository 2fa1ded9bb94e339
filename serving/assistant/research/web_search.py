"""Web search behind one interface: SearXNG, Brave and Tavily style APIs. What is found is not fetched here.

The server is the operator's choice, so it is asked without the guard of fetched pages; it is never sent anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from guard_core.settings import Settings
from serving.assistant.tools.errors import ToolError

_URLS = {"brave": "https://api.search.brave.com", "tavily": "https://api.tavily.com"}
_MOST_BYTES = 2 * 2**20
_TEXT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found; `text` is what the search engine says of it."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    path: str
    params: Mapping[str, str]
    body: Mapping[str, Any] | None
    headers: Mapping[str, str]
    place: tuple[str, ...]
    text: str


class WebSearch:
    """One search engine of the settings."""

    def __init__(self, provider: str, url: str, key: str | None) -> None:
        self.provider = provider
        self._url = url.rstrip("/")
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> "WebSearch | None":
        """The engine of the settings; None where there is none."""
        if settings.search.provider is None:
            return None
        key = settings.search.api_key
        url = settings.search.url or _URLS[settings.search.provider]
        return cls(settings.search.provider, url, None if key is None else key.get_secret_value())

    async def search(self, topic: str, n: int) -> list[Hit]:
        """The best pages for a topic.

        Raises
        ------
        ToolError
            Where the engine does not answer as it should.
        """
        asked = self._asked(topic, n)
        try:
            answer = await self._answer(asked)
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ToolError(f"{self.provider} cannot be asked ({type(error).__name__}).") from error
        for name in asked.place:
            answer = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(answer, list):
            raise ToolError(f"{self.provider} answered without results.")
        hits = [_hit(one, asked.text) for one in answer if isinstance(one, dict)]
        unique = {hit.url: hit for hit in reversed(hits) if hit.url}
        return list(reversed(unique.values()))[:n]

    async def _answer(self, asked: _Asked) -> Any:
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                asked.method,
                self._url + asked.path,
                params=asked.params,
                json=asked.body,
                headers={"Accept": "application/json", **asked.headers},
                allow_redirects=False,
            ) as response,
        ):
            if response.status != 200:
                raise ToolError(f"{self.provider} answered {response.status}.")
            data = await response.content.read(_MOST_BYTES)
            while not response.content.at_eof():
                data += await response.content.read(_MOST_BYTES)
                if len(data) > _MOST_BYTES:
                    raise ToolError(f"{self.provider} answered with too many bytes.")
            return msgspec.json.decode(data)

    def _asked(self, topic: str, n: int) -> _Asked:
        match self.provider:
            case "searxng":
                bearer = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                return _Asked("GET", "/search", {"q": topic, "format": "json"}, None, bearer, ("results",), "content")
            case "brave":
                token = {"X-Subscription-Token": self._key} if self._key else {}
                params = {"q": topic[:400], "count": str(n)}
                return _Asked("GET", "/res/v1/web/search", params, None, token, ("web", "results"), "description")
            case _:
                bearer = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                return _Asked(
                    "POST", "/search", {}, {"query": topic, "max_results": n}, bearer, ("results",), "content"
                )


def _hit(said: Mapping[str, Any], text: str) -> Hit:
    def field(name: str) -> str:
        value = said.get(name)
        return value[:_TEXT_MOST] if isinstance(value, str) else ""

    return Hit(field("url"), field("title"), field(text))
