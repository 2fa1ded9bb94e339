"""A public site, an inner one at the same port of another address, names for both, and a fetcher between."""

from collections.abc import AsyncIterator

import pytest

from serving.assistant.tools.web.fetcher import Limits, WebFetcher
from serving.assistant.tools.web.urls import UrlRules
from tests.serving.assistant.tools.web.site import BUT_PUBLIC, INNER, PUBLIC, Names, Site, names_served, site_served


@pytest.fixture
async def names() -> AsyncIterator[Names]:
    """Names of both sites."""
    async with names_served() as names:
        names.answers = {"docs.example.org": [[PUBLIC]], "inner.example.org": [[INNER]]}
        yield names


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The public one."""
    async with site_served(Site()) as site:
        yield site


@pytest.fixture
async def inner(site: Site) -> AsyncIterator[Site]:
    """The one that nobody may reach."""
    async with site_served(Site(site.port), INNER) as inner:
        yield inner


@pytest.fixture
def fetcher(names: Names, site: Site) -> WebFetcher:
    """Every host may be asked, so that addresses alone decide."""
    rules = UrlRules(hosts=("*",), schemes=("http", "https"), ports=(80, 443, site.port))
    return WebFetcher(rules, Limits(100_000, 1.5), forbidden=BUT_PUBLIC, resolve=names.resolve)
