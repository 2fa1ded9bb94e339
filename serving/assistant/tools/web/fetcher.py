"""Fetches one page of the web: each hop is checked, resolved, pinned and limited; redirects are followed explicitly.

Requests use no proxy, no cookies and no credentials of this machine.
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
from serving.assistant.tools.web.resolving import PinnedResolver, Resolve, resolve_by_system, resolve_checked
from serving.assistant.tools.web.robots import AGENT, Robots
from serving.assistant.tools.web.urls import Target, UrlRules
from serving.http.body import make_decompressor
from serving.http.problems import BadRequest, UnsupportedMedia

_MAX_REDIRECTS = 3
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 2**16
TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
}
"""Supported media types, with the file suffix of each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a page: bytes after decompression, seconds including redirects."""

    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Page:
    """A fetched page; `url` is the target of the last redirect."""

    url: str
    media_type: str
    charset: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    location: str | None
    page: Page


class WebFetcher:
    """Fetches pages under rules.

    Parameters
    ----------
    forbidden : networks that are never connected to.
    resolve : resolves names to addresses.
    trust : trusted certificates; those of the system by default.
    """

    def __init__(
        self,
        rules: UrlRules,
        limits: Limits,
        *,
        forbidden: Collection[Network] = FORBIDDEN,
        resolve: Resolve = resolve_by_system,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._forbidden = forbidden
        self._resolve = resolve
        self._trust = trust
        self._robots = Robots(self._fetch_robots)

    async def fetch(self, url: str) -> Page:
        """Fetch a page.

        Raises
        ------
        DeniedError
            If a rule forbids it, at any hop.
        ToolError
            If it cannot be fetched, or its media type is not supported.
        """
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                answer = await self._follow(self._rules.check(url), TYPES, robots=True)
        except TimeoutError:
            raise ToolError(f"The page took more than {self._limits.timeout_s:g} s.") from None
        if answer.status != 200:
            raise ToolError(f"The server answered {answer.status}.")
        return answer.page

    async def _follow(self, target: Target, types: Collection[str], *, robots: bool) -> _Response:
        for _ in range(_MAX_REDIRECTS + 1):
            if robots and not await self._robots.allows(target):
                raise DeniedError("robots", f"The robots.txt of {target.host} does not allow this page.")
            answer = await self._request(target, types)
            if answer.location is None:
                return answer
            target = self._rules.check_redirect(target, answer.location)
        raise DeniedError("url.redirects", f"More than {_MAX_REDIRECTS} redirects are not followed.")

    async def _fetch_robots(self, target: Target) -> tuple[int, str]:
        robots = Target(target.scheme, target.host, target.port, "/robots.txt", "")
        answer = await self._follow(robots, (*TYPES, ""), robots=False)
        return answer.status, answer.page.data.decode("utf-8", "replace")

    async def _request(self, target: Target, types: Collection[str]) -> _Response:
        addresses = await resolve_checked(target, self._resolve, self._forbidden)
        try:
            async with _open_response(target, addresses, self._trust) as response:
                return await self._read(target, response, types)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ToolError(f"{target.host} cannot be reached or breaks off ({type(error).__name__}).") from error

    async def _read(self, target: Target, response: aiohttp.ClientResponse, types: Collection[str]) -> _Response:
        location = response.headers.get("Location") if response.status in _REDIRECT_STATUSES else None
        media_type = response.content_type if "Content-Type" in response.headers else ""
        page = Page(target.url, media_type, response.charset, b"")
        if location is not None or response.status != 200:
            return _Response(response.status, location, page)
        if media_type not in types:
            raise ToolError(f"The page is {media_type or 'of no media type'}: only {', '.join(TYPES)} are read.")
        data = await self._read_body(response)
        return _Response(200, None, Page(target.url, media_type, response.charset, data))

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body, decompressed piece by piece, so that one that grows too large is abandoned at once."""
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
async def _open_response(
    target: Target, addresses: Collection[str], trust: ssl.SSLContext | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send a request on a new connection to one of the addresses; TLS verifies the name of the host."""
    connector = aiohttp.TCPConnector(
        resolver=PinnedResolver(target, addresses), use_dns_cache=False, force_close=True, ssl=trust or True
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
