"""What a fetch does on a real network: good pages come, hops are checked anew, names cannot change their mind, sizes end."""

from pathlib import Path

import pytest
from aiohttp import web

from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.web.fetcher import Limits, WebFetcher
from serving.assistant.tools.web.urls import Target, UrlRules
from tests.serving.assistant.tools.web.certificates import certified
from tests.serving.assistant.tools.web.site import BUT_PUBLIC, INNER, PUBLIC, Names, Site

DOCS = "docs.example.org"


async def refused(fetcher: WebFetcher, url: str) -> str:
    with pytest.raises(DeniedError) as denied:
        await fetcher.fetch(url)
    return denied.value.rule


@pytest.mark.parametrize(
    "path", ["", "/", "/a/b.html?q=1&r=%20x", "/#part", "#@127.0.0.2:99999/", "/a//b/../c", "/%E2%82%AC", "?only=query"]
)
async def test_a_page_of_an_allowed_host_comes_as_it_was_asked_for(fetcher: WebFetcher, site: Site, path: str) -> None:
    page = await fetcher.fetch(f"http://{DOCS}:{site.port}{path}")
    assert page.media_type == "text/html"
    assert page.data == f"<title>Page</title><p>You asked {DOCS}:{site.port}.</p>".encode()
    asked = path.split("#", maxsplit=1)[0] or "/"
    assert site.seen == [f"/{asked}" if asked.startswith("?") else asked]


async def test_upper_case_names_and_addresses_as_hosts_are_good(fetcher: WebFetcher, site: Site) -> None:
    assert (await fetcher.fetch(f"HTTP://DOCS.Example.org:{site.port}/")).url == f"http://{DOCS}:{site.port}/"
    assert (await fetcher.fetch(f"http://{PUBLIC}:{site.port}/")).media_type == "text/html"


async def test_nothing_of_this_machine_goes_along(
    fetcher: WebFetcher, site: Site, inner: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {DOCS} login me password secret")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{INNER}:{inner.port}")
    await fetcher.fetch(f"http://{DOCS}:{site.port}/")
    assert inner.seen == []
    assert {name.lower() for name in site.headers[0]} == {
        *("host", "user-agent", "accept", "accept-encoding", "connection")
    }


async def test_without_allowed_hosts_nothing_is_fetched(names: Names, site: Site) -> None:
    rules = UrlRules(hosts=(), schemes=("http",), ports=(site.port,))
    fetcher = WebFetcher(rules, Limits(1000, 1), forbidden=BUT_PUBLIC, resolve=names.resolve)
    assert await refused(fetcher, f"http://{DOCS}:{site.port}/") == "url.host"
    assert site.seen == names.asked == []


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("docs.example.org", "docs.example.org", True),
        ("docs.example.org", "docs.example.org.evil.net", False),
        ("docs.example.org", "xdocs.example.org", False),
        ("*.example.org", "docs.example.org", True),
        ("*.example.org", "a.b.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "badexample.org", False),
        ("[2606:2800::1]", "2606:2800::1", True),
        ("*", "any.example.net", True),
    ],
)
def test_an_allowed_host_is_the_whole_name_or_below_it(pattern: str, host: str, fits: bool) -> None:
    assert UrlRules((pattern,), ("https",), (443,)).allows(host) is fits


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_the_page_says_where_it_was(
    fetcher: WebFetcher, site: Site, status: int
) -> None:
    site.redirects = {"/old/page": (status, "../new?x=1")}
    assert (await fetcher.fetch(f"http://{DOCS}:{site.port}/old/page")).url == f"http://{DOCS}:{site.port}/new?x=1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("http://127.0.0.2:{port}/secret", "ssrf.address"),
        ("http://inner.example.org:{port}/secret", "ssrf.address"),
        ("//127.0.0.2:{port}/secret", "ssrf.address"),
        ("http://[::ffff:127.0.0.2]:{port}/", "ssrf.address"),
        ("http://2130706434:{port}/", "url.host_form"),
        ("http://169.254.169.254/latest/meta-data/", "ssrf.address"),
        ("file:///etc/passwd", "url.scheme"),
        ("gopher://127.0.0.2:{port}/", "url.scheme"),
        ("http://docs.example.org@127.0.0.2:{port}/", "url.userinfo"),
        ("http://docs.example.org:22/", "url.port"),
        ("/\\127.0.0.2:{port}/", "url.characters"),
        ("http://127.0.0.2\t:{port}/", "url.characters"),
    ],
)
async def test_a_redirect_is_checked_like_the_first_url(
    fetcher: WebFetcher, site: Site, inner: Site, status: int, location: str, rule: str
) -> None:
    site.redirects = {"/": (status, location.format(port=site.port))}
    assert await refused(fetcher, f"http://{DOCS}:{site.port}/") == rule
    assert inner.seen == []


async def test_the_last_of_many_redirects_is_checked_too_and_there_are_three_at_most(
    fetcher: WebFetcher, site: Site, inner: Site
) -> None:
    site.redirects = {f"/{n}": (302, f"/{n + 1}") for n in range(2)}
    site.redirects["/2"] = (302, f"http://{INNER}:{site.port}/")
    assert await refused(fetcher, f"http://{DOCS}:{site.port}/0") == "ssrf.address"
    assert inner.seen == []
    site.redirects["/2"] = (302, "/3")
    assert (await fetcher.fetch(f"http://{DOCS}:{site.port}/0")).url.endswith("/3")
    site.redirects["/3"] = (302, "/4")
    assert await refused(fetcher, f"http://{DOCS}:{site.port}/0") == "url.redirects"
    site.redirects = {"/": (302, "/")}
    assert await refused(fetcher, f"http://{DOCS}:{site.port}/") == "url.redirects"


def test_a_redirect_from_https_to_http_is_refused() -> None:
    rules = UrlRules(("*",), ("http", "https"), (80, 443))
    with pytest.raises(DeniedError) as denied:
        rules.check_redirect(Target("https", DOCS, 443, "/", ""), f"http://{DOCS}/")
    assert denied.value.rule == "url.downgrade"
    assert rules.check_redirect(Target("http", DOCS, 80, "/", ""), f"https://{DOCS}/").scheme == "https"


async def test_a_name_that_changes_its_mind_after_the_check_is_connected_to_as_checked(
    fetcher: WebFetcher, site: Site, inner: Site, names: Names
) -> None:
    names.answers["rebind.example.org"] = [[PUBLIC], [INNER]]
    page = f"http://rebind.example.org:{site.port}/page"
    assert (
        await refused(fetcher, page) == "ssrf.address"
    )  # robots.txt came from where the first answer led, the page not
    assert names.asked == ["rebind.example.org"] * 2
    assert inner.seen == []


async def test_each_connection_goes_to_the_answer_that_was_checked(
    fetcher: WebFetcher, site: Site, inner: Site, names: Names
) -> None:
    names.answers["rebind.example.org"] = [[PUBLIC], [PUBLIC], [INNER]]
    await fetcher.fetch(f"http://rebind.example.org:{site.port}/page")
    assert names.asked == ["rebind.example.org"] * 2  # one for robots.txt, one for the page; none while connecting
    assert (site.seen, inner.seen) == (["/page"], [])


async def test_a_redirect_to_the_same_name_is_resolved_and_checked_again(
    fetcher: WebFetcher, site: Site, inner: Site, names: Names
) -> None:
    names.answers["rebind.example.org"] = [[PUBLIC], [PUBLIC], [INNER]]
    site.redirects = {"/": (302, "/secret")}
    assert await refused(fetcher, f"http://rebind.example.org:{site.port}/") == "ssrf.address"
    assert inner.seen == []


@pytest.mark.parametrize(
    "addresses",
    [[PUBLIC, INNER], [INNER, PUBLIC], [PUBLIC, "10.0.0.1"], [PUBLIC, "::1"], [PUBLIC, "fe80::1"], ["::ffff:808:808"]],
)
async def test_a_name_with_one_forbidden_address_among_others_is_refused(
    fetcher: WebFetcher, site: Site, names: Names, addresses: list[str]
) -> None:
    names.answers["mixed.example.org"] = [addresses]
    assert await refused(fetcher, f"http://mixed.example.org:{site.port}/") == "ssrf.address"
    assert site.seen == []


async def test_a_name_without_an_address_is_an_error(fetcher: WebFetcher) -> None:
    with pytest.raises(ToolError, match="cannot be resolved"):
        await fetcher.fetch("http://nowhere.example.org/")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/large", "more than 100000 bytes"),
        ("/bomb", "more than 100000 bytes"),
        ("/slow", "more than 1.5 s"),
        ("/drip", "more than 1.5 s"),
        ("/program", "only text/html"),
        ("/lies", "not compressed as it says"),
        ("/nothing", "answered 404"),
    ],
)
async def test_too_large_too_slow_and_other_types_end_early(
    fetcher: WebFetcher, site: Site, path: str, reason: str
) -> None:
    with pytest.raises(ToolError, match=reason):
        await fetcher.fetch(f"http://{DOCS}:{site.port}{path}")


async def test_compressed_pages_are_read(fetcher: WebFetcher, site: Site) -> None:
    assert (await fetcher.fetch(f"http://{DOCS}:{site.port}/gzip")).data == b"packed text"


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /private", "/private/x", False),
        ("User-agent: *\nDisallow: /private", "/public", True),
        ("User-agent: ml-guard\nDisallow: /\n\nUser-agent: *\nAllow: /", "/public", False),
        (404, "/public", True),
        (403, "/public", True),
        (500, "/public", False),
        (429, "/public", False),
    ],
)
async def test_robots_are_respected(
    fetcher: WebFetcher, site: Site, robots: str | int, path: str, allowed: bool
) -> None:
    site.robots = robots
    url = f"http://{DOCS}:{site.port}{path}"
    if allowed:
        await fetcher.fetch(url)
    else:
        assert await refused(fetcher, url) == "robots"
    assert site.seen == ([path] if allowed else [])


async def test_tls_verifies_the_name_although_the_address_is_pinned(names: Names, tmp_path: Path) -> None:
    served, trusted = certified(tmp_path, DOCS)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="over TLS")

    app = web.Application()
    app.router.add_get("/page", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, PUBLIC, 0, ssl_context=served).start()
    try:
        port = runner.addresses[0][1]
        names.answers["other.example.org"] = [[PUBLIC]]
        rules = UrlRules(("*",), ("https",), (port,))
        fetcher = WebFetcher(rules, Limits(1000, 5), forbidden=BUT_PUBLIC, resolve=names.resolve, trust=trusted)
        assert (await fetcher.fetch(f"https://{DOCS}:{port}/page")).data == b"over TLS"
        with pytest.raises(ToolError, match="CertificateError"):
            await fetcher.fetch(f"https://other.example.org:{port}/page")
        mistrusting = WebFetcher(rules, Limits(1000, 5), forbidden=BUT_PUBLIC, resolve=names.resolve)
        with pytest.raises(ToolError, match="CertificateError"):
            await mistrusting.fetch(f"https://{DOCS}:{port}/page")
    finally:
        await runner.cleanup()
