"""`python -m demo.pictures`: pictures of the pages for the README, of the demo's year on a server that runs (`make up`).

Needs Playwright (among the development packages) and Chromium; writes into `docs/images`.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

_FOLDER = Path(__file__).parents[1] / "docs" / "images"
_MODEL = "/projects/flights/models/late-arrival"
_PAGES = {
    "overview": "/?days=365",
    "model": f"{_MODEL}?days=365",
    "day": f"{_MODEL}/days/2013-05-08",
    "costs": "/costs?project=flights",
    "incidents": "/incidents",
}
_WIDTH, _HEIGHT = 1280, 800
_COLOURS = 128
_FRAME_MS = 2_000


def main() -> int:
    """Take a picture of each page, and make the tour of all of them."""
    chromium = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if chromium is None:
        print("pictures need Chromium: install the package chromium (or google-chrome) of your system", file=sys.stderr)
        return 1
    _FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light").new_page()
        address = _sign_in(page)
        frames = [_take(page, f"{address}{path}", _FOLDER / f"{name}.png") for name, path in _PAGES.items()]
        browser.close()
    write_tour(frames, _FOLDER / "tour.gif")
    return 0


def write_tour(frames: Sequence[Image.Image], path: Path) -> None:
    """Write pictures as an animation that repeats for ever."""
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=_FRAME_MS, loop=0, optimize=True)


def _sign_in(page: Page) -> str:
    """Sign in by a link of `ml-guard open`, and return the address of the server."""
    command = [str(Path(sys.executable).with_name("ml-guard")), "open", "--no-browser"]
    link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    page.goto(link)
    return link.partition("/sign-in/")[0]


def _take(page: Page, url: str, path: Path) -> Image.Image:
    """Write the picture of a page with few colours, which is small, and return it."""
    response = page.goto(url)
    if response is None or not response.ok:
        raise RuntimeError(f"{url} was not shown: run `make demo`, then `make up`")
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(_COLOURS)
    picture.save(path, optimize=True)
    return picture


if __name__ == "__main__":
    sys.exit(main())
