"""Web search behind one interface: APIs of SearXNG, Brave and Tavily. Results are not fetched here.

The operator chooses the server, so the checks of fetched pages do not apply to it; redirects are not followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from guard_core.settings import Settings
from serving.assistant.tools.errors import ToolError

_URLS = {"brave": "https://api.search.brave.com", "tavily": "https://api.tavily.com"}
_MAX_BYTES = 2 * 2**20
_MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result; `text` is the search engine's excerpt of the page."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: Mapping[str, str]
    body: Mapping[str, Any] | None
    headers: Mapping[str, str]
    place: tuple[str, ...]
    text: str


class WebSearch:
    """The configured search engine."""

    def __init__(self, provider: str, url: str, key: str | None) -> None:
        self.provider = provider
        self._url = url.rstrip("/")
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> "WebSearch | None":
        """Return the configured engine; None if there is none."""
        if settings.search.provider is None:
            return None
        key = settings.search.api_key
        url = settings.search.url or _URLS[settings.search.provider]
        return cls(settings.search.provider, url, None if key is None else key.get_secret_value())

    async def search(self, topic: str, n: int) -> list[Hit]:
        """Search for a topic and return the best pages.

        Raises
        ------
        ToolError
            If the engine fails or returns something unexpected.
        """
        request = self._request(topic, n)
        try:
            answer = await self._send(request)
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ToolError(f"{self.provider} cannot be reached ({type(error).__name__}).") from error
        for name in request.place:
            answer = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(answer, list):
            raise ToolError(f"{self.provider} answered without results.")
        hits = [_hit(item, request.text) for item in answer if isinstance(item, dict)]
        unique = {hit.url: hit for hit in reversed(hits) if hit.url}
        return list(reversed(unique.values()))[:n]

    async def _send(self, request: _Request) -> Any:
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                request.method,
                self._url + request.path,
                params=request.params,
                json=request.body,
                headers={"Accept": "application/json", **request.headers},
                allow_redirects=False,
            ) as response,
        ):
            if response.status != 200:
                raise ToolError(f"{self.provider} answered {response.status}.")
            data = await response.content.read(_MAX_BYTES)
            while not response.content.at_eof():
                data += await response.content.read(_MAX_BYTES)
                if len(data) > _MAX_BYTES:
                    raise ToolError(f"{self.provider} answered with too many bytes.")
            return msgspec.json.decode(data)

    def _request(self, topic: str, n: int) -> _Request:
        match self.provider:
            case "searxng":
                bearer = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                return _Request("GET", "/search", {"q": topic, "format": "json"}, None, bearer, ("results",), "content")
            case "brave":
                token = {"X-Subscription-Token": self._key} if self._key else {}
                params = {"q": topic[:400], "count": str(n)}
                return _Request("GET", "/res/v1/web/search", params, None, token, ("web", "results"), "description")
            case _:
                bearer = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                return _Request(
                    "POST", "/search", {}, {"query": topic, "max_results": n}, bearer, ("results",), "content"
                )


def _hit(result: Mapping[str, Any], text: str) -> Hit:
    def field(name: str) -> str:
        value = result.get(name)
        return value[:_MAX_TEXT] if isinstance(value, str) else ""

    return Hit(field("url"), field("title"), field(text))
