"""One page of the web: each hop checked, resolved, pinned and limited; redirects are followed by hand.

No proxy, no cookie, no credential of this machine goes along.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.web.addresses import FORBIDDEN, Network
from serving.assistant.tools.web.resolving import Pinned, Resolve, checked_addresses, system_addresses
from serving.assistant.tools.web.robots import AGENT, Robots
from serving.assistant.tools.web.urls import Target, UrlRules
from serving.http.body import make_decompressor
from serving.http.problems import BadRequest, UnsupportedMedia

_REDIRECTS = 3
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 2**16
TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
}
"""Media types that are read, and the ending of a file of the same kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a page may take: bytes after decompression, seconds with its redirects."""

    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was fetched; `url` is where the redirects led to."""

    url: str
    media_type: str
    charset: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str | None
    page: Page


class WebFetcher:
    """Fetches pages under rules.

    Parameters
    ----------
    forbidden : networks that nobody may be sent to.
    resolve : how names become addresses.
    trust : certificates that are believed; those of the system unless given.
    """

    def __init__(
        self,
        rules: UrlRules,
        limits: Limits,
        *,
        forbidden: Collection[Network] = FORBIDDEN,
        resolve: Resolve = system_addresses,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._forbidden = forbidden
        self._resolve = resolve
        self._trust = trust
        self._robots = Robots(self._robots_text)

    async def fetch(self, url: str) -> Page:
        """Fetch a page.

        Raises
        ------
        DeniedError
            Where a rule forbids it, at whichever hop.
        ToolError
            Where it cannot be had, or is not what is read here.
        """
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                answer = await self._follow(self._rules.check(url), TYPES, robots=True)
        except TimeoutError:
            raise ToolError(f"The page took more than {self._limits.timeout_s:g} s.") from None
        if answer.status != 200:
            raise ToolError(f"The server answered {answer.status}.")
        return answer.page

    async def _follow(self, target: Target, types: Collection[str], *, robots: bool) -> _Answer:
        for _ in range(_REDIRECTS + 1):
            if robots and not await self._robots.allow(target):
                raise DeniedError("robots", f"The robots.txt of {target.host} does not allow this page.")
            answer = await self._ask(target, types)
            if answer.location is None:
                return answer
            target = self._rules.redirected(target, answer.location)
        raise DeniedError("url.redirects", f"More than {_REDIRECTS} redirects are not followed.")

    async def _robots_text(self, target: Target) -> tuple[int, str]:
        asked = Target(target.scheme, target.host, target.port, "/robots.txt", "")
        answer = await self._follow(asked, (*TYPES, ""), robots=False)
        return answer.status, answer.page.data.decode("utf-8", "replace")

    async def _ask(self, target: Target, types: Collection[str]) -> _Answer:
        addresses = await checked_addresses(target, self._resolve, self._forbidden)
        try:
            async with _connected(target, addresses, self._trust) as response:
                return await self._read(target, response, types)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ToolError(f"{target.host} cannot be asked or breaks off ({type(error).__name__}).") from error

    async def _read(self, target: Target, response: aiohttp.ClientResponse, types: Collection[str]) -> _Answer:
        location = response.headers.get("Location") if response.status in _REDIRECTED else None
        media_type = response.content_type if "Content-Type" in response.headers else ""
        page = Page(target.url, media_type, response.charset, b"")
        if location is not None or response.status != 200:
            return _Answer(response.status, location, page)
        if media_type not in types:
            raise ToolError(f"The page is {media_type or 'of no media type'}: only {', '.join(TYPES)} are read.")
        data = await self._body(response)
        return _Answer(200, None, Page(target.url, media_type, response.charset, data))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, decompressed piece by piece: one that grows too large is left alone at once."""
        most = self._limits.max_bytes
        if (response.content_length or 0) > most:
            raise ToolError(f"The page has more than {most} bytes.")
        data = bytearray()
        try:
            unpacked = make_decompressor(response.headers.get("Content-Encoding", ""))
            async for chunk in response.content.iter_chunked(_PIECE_BYTES):
                for piece in unpacked.feed(chunk):
                    data += piece
                    if len(data) > most:
                        raise ToolError(f"The page has more than {most} bytes.")
            unpacked.finish()
        except (BadRequest, UnsupportedMedia) as error:
            raise ToolError("The page is not compressed as it says.") from error
        return bytes(data)


@asynccontextmanager
async def _connected(
    target: Target, addresses: Collection[str], trust: ssl.SSLContext | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """A request on a connection of its own, to one of these addresses; TLS verifies the host's name."""
    connector = aiohttp.TCPConnector(
        resolver=Pinned(target, addresses), use_dns_cache=False, force_close=True, ssl=trust or True
    )
    headers = {"User-Agent": AGENT, "Accept": ", ".join(TYPES), "Accept-Encoding": "gzip, identity"}
    url = URL.build(
        scheme=target.scheme,
        host=target.host,
        port=target.port,
        path=target.path,
        query_string=target.query,
        encoded=True,
    )
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session,
        session.get(url, headers=headers, allow_redirects=False) as response,
    ):
        yield response
