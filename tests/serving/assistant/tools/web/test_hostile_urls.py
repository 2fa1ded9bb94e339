"""Everything that was ever tried against such a guard is refused, and nobody inside is asked."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.assistant.tools.errors import DeniedError
from serving.assistant.tools.web.addresses import FORBIDDEN, is_forbidden
from serving.assistant.tools.web.fetcher import WebFetcher
from serving.assistant.tools.web.urls import UrlRules
from tests.serving.assistant.tools.web.hostile import HOSTILE
from tests.serving.assistant.tools.web.site import Names, Site


def test_there_are_at_least_sixty_of_them() -> None:
    assert len(set(HOSTILE)) >= 120


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_url_is_denied_with_its_rule(fetcher: WebFetcher, inner: Site, names: Names, url: str) -> None:
    with pytest.raises(DeniedError) as denied:
        await fetcher.fetch(url)
    assert denied.value.rule.startswith(("url.", "ssrf."))
    assert inner.seen == []


@given(st.text(max_size=60).map("http://{}".format) | st.text(max_size=60))
def test_whatever_is_let_through_is_plain_and_means_one_host(url: str) -> None:
    rules = UrlRules(hosts=("docs.example.org",), schemes=("http",), ports=(80,))
    try:
        target = rules.check(url)
    except DeniedError:
        return
    assert (target.scheme, target.host, target.port) == ("http", "docs.example.org", 80)


@given(st.ip_addresses())
def test_every_address_that_is_not_global_is_forbidden(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert is_forbidden(address, FORBIDDEN)


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.216.34", True),
        ("8.8.8.8", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:8.8.8.8", False),
        ("2002:808:808::1", False),
        ("64:ff9b::808:808", False),
    ],
)
def test_public_addresses_pass_unless_they_come_in_another_format(address: str, is_public: bool) -> None:
    assert is_forbidden(ipaddress.ip_address(address), FORBIDDEN) is not is_public
