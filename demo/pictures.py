"""`python -m demo.pictures`: pictures for the README and the docs, of the demo's year on the servers that run (`make up`).

The pages and their tour, the registry in MLflow's pages, Dagster's pages, lines of the access log, and a run of `make check`. Needs
Playwright (among the development packages) and Chromium; writes into `docs/images`.
"""

import html
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from guard_core.settings import Settings, load_settings, reachable_url

_ROOT = Path(__file__).parents[1]
_FOLDER = _ROOT / "docs" / "images"
_MODEL = "/projects/flights/models/late-arrival"
_PAGES = {
    "overview": "/?days=365",
    "model": f"{_MODEL}?period=365",
    "day": f"{_MODEL}/days/2013-05-08",
    "costs": "/costs?project=flights",
    "incidents": "/incidents",
}
_WIDTH, _HEIGHT = 1280, 800
_COLOURS = 256
_FRAME_MS = 2_000
_SETTLE_MS = 2_000
_FLUSH_S = 1
_WITHOUT_ASSISTANT = """
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
"""
_TERMINAL = """<style>
body {{ margin: 0; padding: 16px; background: #16202b; color: #e6ebf0; font: 13px/1.5 monospace }}
div {{ min-height: 1.5em; padding-left: 2ch; text-indent: -2ch; white-space: pre-wrap; word-break: break-all }}
</style>{}"""
_REQUESTS = (
    ("GET", "/readyz", None),
    ("GET", f"/api/v1{_MODEL}/versions", None),
    ("POST", "/query", {"question": "What is GDPR?"}),
    ("POST", "/predict", {"project_id": "flights"}),
    ("GET", "/api/v1/projects/nobody", None),
)


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
        settings = load_settings()
        for name, show in _TOOLS.items():
            _write(page, _FOLDER / f"{name}.png", show(page, settings))
        browser.close()
    write_tour(frames, _FOLDER / "tour.gif")
    return 0


def write_tour(frames: Sequence[Image.Image], path: Path) -> None:
    """Write pictures as an animation that repeats for ever."""
    first, *rest = frames
    first.save(path, save_all=True, append_images=rest, duration=_FRAME_MS, loop=0, optimize=True)


def _sign_in(page: Page) -> str:
    """Sign in by a link of `ml-guard open`, and return the address of the server."""
    command = [str(Path(sys.executable).with_name("ml-guard")), "open", "--no-browser"]
    link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    page.goto(link)
    return link.partition("/sign-in/")[0]


def _show_registry(page: Page, settings: Settings) -> int:
    """Show the versions of the demo's model in MLflow's pages."""
    page.add_init_script(_WITHOUT_ASSISTANT)
    _open(page, f"{settings.storage.mlflow_ui_url}/#/models/flights~late-arrival")
    page.get_by_text("champion").first.wait_for()
    return _HEIGHT


def _show_lineage(page: Page, settings: Settings) -> int:
    """Show the assets that lead to a registered model in Dagster."""
    _open(page, f"{_dagster_url(settings)}/assets/registered_model?view=lineage&lineageScope=upstream&lineageDepth=10")
    page.get_by_text("Hide navigation").click()
    page.get_by_text("raw_events").first.wait_for()
    page.wait_for_timeout(_SETTLE_MS)  # the graph moves into its place
    page.mouse.move(_WIDTH / 2, _HEIGHT - 100)
    page.mouse.down()
    page.mouse.move(_WIDTH / 2, _HEIGHT - 300, steps=5)  # away from the buttons that cover its end
    page.mouse.up()
    return _HEIGHT // 2


def _show_partitions(page: Page, settings: Settings) -> int:
    """Show the days of the demo's year in Dagster, one of them in detail."""
    _open(page, f"{_dagster_url(settings)}/assets/drift_reports?view=partitions&partition=2013-05-08")
    days = page.locator("input[type=text]").first
    days.fill("[2013-01-01...2013-12-31]")
    days.press("Enter")
    page.wait_for_timeout(_SETTLE_MS)
    return _HEIGHT


def _show_log(page: Page, settings: Settings) -> int:
    """Show the newest lines of the access log after some requests."""
    with httpx.Client(
        base_url=settings.server.public_address, headers={"X-API-Key": "demo-key"}, trust_env=False
    ) as client:
        for method, path, body in _REQUESTS:
            client.request(method, path, json=body)
    time.sleep(_FLUSH_S)
    log = (settings.storage.home / "logs" / "serving.log").read_text(encoding="utf-8")
    lines = [line for line in log.splitlines() if '"serving.access"' in line][-len(_REQUESTS) :]
    command = f"grep serving.access .guard/logs/serving.log | tail -n {len(lines)}"
    return _show_terminal(page, command, "\n".join(lines))


def _show_check(page: Page, _: Settings) -> int:
    """Show a run of `make check`, which is what CI runs before the tests."""
    run = subprocess.run(["make", "check"], cwd=_ROOT, capture_output=True, text=True, check=True)
    return _show_terminal(page, "make check", run.stdout)


# What shows each picture in a page, and returns the height that the picture needs.
_TOOLS: dict[str, Callable[[Page, Settings], int]] = {
    "registry": _show_registry,
    "lineage": _show_lineage,
    "partitions": _show_partitions,
    "log": _show_log,
    "check": _show_check,
}


def _show_terminal(page: Page, command: str, output: str) -> int:
    page.goto("about:blank")
    lines = [f"$ {command}", *output.rstrip().splitlines()]
    page.set_content("<!doctype html>" + _TERMINAL.format("".join(f"<div>{html.escape(line)}</div>" for line in lines)))
    return int(page.evaluate("document.body.offsetHeight"))


def _dagster_url(settings: Settings) -> str:
    return reachable_url(settings.dagster.host, settings.dagster.port)


def _take(page: Page, url: str, path: Path) -> Image.Image:
    _open(page, url)
    return _write(page, path)


def _open(page: Page, url: str) -> None:
    response = page.goto(url)
    if response is None or not response.ok:
        raise RuntimeError(f"{url} was not shown: run `make demo`, then `make up`")


def _write(page: Page, path: Path, height: int = _HEIGHT) -> Image.Image:
    """Write the picture of the top of a page with few colours, which is small, and return it."""
    page.set_viewport_size({"width": _WIDTH, "height": max(height, _HEIGHT)})
    png = page.screenshot(clip={"x": 0, "y": 0, "width": _WIDTH, "height": height})
    picture = Image.open(BytesIO(png)).convert("RGB").quantize(_COLOURS)
    picture.save(path, optimize=True)
    return picture


if __name__ == "__main__":
    sys.exit(main())
