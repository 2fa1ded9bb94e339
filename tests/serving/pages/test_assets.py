"""Assets: named by their hash, cached for ever, compressed, and fetched from nowhere else."""

import hashlib
import re

import httpx

from tests.support.paths import ROOT

_VENDOR = ROOT / "serving" / "pages" / "vendor"


async def test_assets_are_cached_for_ever_under_names_of_their_content(anonymous: httpx.AsyncClient) -> None:
    page = (await anonymous.get("/sign-in")).text
    addresses = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
    assert len(addresses) == 5
    for address in addresses:
        answer = await anonymous.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert hashlib.sha256(answer.content).hexdigest()[:16] in address


async def test_an_asset_is_sent_plainly_to_clients_that_cannot_decompress(anonymous: httpx.AsyncClient) -> None:
    address = re.findall(r'href="(/assets/pages[^"]+)"', (await anonymous.get("/sign-in")).text)[0]
    answer = await anonymous.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("/* Layout of the pages")


async def test_an_unknown_asset_is_not_found(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/assets/pages.0000000000000000.css")).status_code == 404


async def test_a_browser_finds_the_icon_of_an_address_that_is_no_page(anonymous: httpx.AsyncClient) -> None:
    redirect = await anonymous.get("/favicon.ico")
    assert redirect.status_code == 302
    icon = await anonymous.get(redirect.headers["location"])
    assert icon.headers["content-type"] == "image/svg+xml"


def test_scripts_of_others_are_those_that_the_list_names() -> None:
    listed = dict(re.findall(r"\| `([^`]+\.js)` \|.*`([0-9a-f]{64})` \|", (_VENDOR / "README.md").read_text()))
    scripts = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _VENDOR.glob("*.js")}
    assert scripts == listed
    for name in scripts:
        assert (_VENDOR / f"{name.partition('.')[0]}.LICENSE").exists()
