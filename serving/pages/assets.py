"""Style sheets, scripts and icons: read once, served compressed under names that contain their hash, and so cached for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import RedirectResponse

from ml.charts import STYLE_SHEET
from serving.http.dependencies import part
from serving.http.middleware import DEFAULT_SECURITY_HEADERS, SECURITY_HEADERS
from serving.http.problems import NotFound

_FOLDER = Path(__file__).parent
_FILES: Final = (
    STYLE_SHEET,
    _FOLDER / "static" / "pages.css",
    _FOLDER / "static" / "pages.js",
    _FOLDER / "static" / "icon.svg",
    _FOLDER / "vendor" / "htmx.min.js",
)
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = [
    *((name, value) for name, value in DEFAULT_SECURITY_HEADERS if name != b"cache-control"),
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"vary", b"accept-encoding"),
]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """The assets of the pages, by file name and by hashed name."""

    def __init__(self) -> None:
        self._hashed_names: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        for path in _FILES:
            content = path.read_bytes()
            hashed_name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}"
            self._hashed_names[path.name] = hashed_name
            self._assets[hashed_name] = Asset(_MEDIA_TYPES[path.suffix], content, gzip.compress(content, mtime=0))

    def address(self, name: str) -> str:
        """Return the address of an asset by the name of its file."""
        return f"/assets/{self._hashed_names[name]}"

    def text(self, name: str) -> str:
        """Return the content of a text file by its name."""
        return self._assets[self._hashed_names[name]].content.decode()

    def find(self, hashed_name: str) -> Asset | None:
        """Return an asset by its hashed name."""
        return self._assets.get(hashed_name)


@router.get("/assets/{name}")
async def read_asset(name: str, request: Request, assets: Annotated[Assets, Depends(part(Assets))]) -> Response:
    """Send an asset."""
    asset = assets.find(name)
    if asset is None:
        raise NotFound(f"There is no asset {name!r}.")
    request.scope["state"][SECURITY_HEADERS] = _HEADERS
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, media_type=asset.media_type, headers={"Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type)


@router.get("/favicon.ico")
async def find_icon(assets: Annotated[Assets, Depends(part(Assets))]) -> Response:
    """Redirect to the icon; browsers request this address for everything that is no page, such as the data of a chart."""
    return RedirectResponse(assets.address("icon.svg"), 302)
