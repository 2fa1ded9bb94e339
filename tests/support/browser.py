"""Chromium for tests of pages: found on this machine, or installed where the tests may do so."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

Scheme = Literal["light", "dark"]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_APT_S = 600


def find_chromium() -> str:
    """Return the path of Chromium; install it with apt-get as root, else skip the test with what is missing."""
    path = _find()
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # apt-get waits for the lock that another worker of the suite may hold.
        wait = ["-o", f"DPkg::Lock::Timeout={_APT_S}", "-qq", "-y"]
        subprocess.run(["apt-get", *wait, "update"], check=False, timeout=_APT_S, capture_output=True)
        subprocess.run(["apt-get", *wait, "install", "chromium"], check=True, timeout=_APT_S, capture_output=True)
        path = _find()
    if path is None:
        pytest.skip("tests of pages need Chromium: install the package chromium (or google-chrome) of your system")
    return path


def _find() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name)) is not None and Path(path).exists()), None)


@contextmanager
def open_window(width: int, scheme: Scheme) -> Iterator[BrowserContext]:
    """Open a browser window of a width in pixels and a colour scheme."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        finally:
            browser.close()
