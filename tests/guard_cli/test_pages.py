"""`ml-guard open` as a real process: its link reaches the browser of the machine, and leads to a signed-in page."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from guard_store.db.database import Database
from guard_store.ledger.store import LedgerFilter, LedgerStore
from tests.support.server import environment, ml_guard, serving, wait_until


def test_the_link_is_opened_in_the_browser_and_signs_its_reader_in_once(
    tmp_path: Path, empty_database_url: str
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    home = tmp_path / "home"
    with serving(home, database_url=empty_database_url) as server:
        settings = environment(home, database_url=empty_database_url, port=urlsplit(server.url).port)
        command = ml_guard("open", "--role", "analyst", env={**settings, "BROWSER": str(browser)}, cwd=tmp_path)
        assert command.returncode == 0, command.stderr
        link = command.stdout.strip()
        wait_until(opened.is_file, "opened")
        assert opened.read_text().split() == [link]
        with httpx.Client(follow_redirects=True, trust_env=False) as reader:
            page = reader.get(link)
            assert (page.status_code, str(page.url)) == (200, f"{server.url}/")
            assert "Sign out" in page.text
        with httpx.Client(follow_redirects=True, trust_env=False) as other:
            assert other.get(link).status_code == 401
        quiet = ml_guard("open", "--no-browser", env={**settings, "BROWSER": str(browser)}, cwd=tmp_path)
        assert quiet.stdout.strip() not in opened.read_text()
    database = Database(empty_database_url)
    rows = LedgerStore(database, None).page(LedgerFilter(route="ml-guard open"), None, 10)
    database.close()
    assert [json.loads(row.details)["role"] for row in rows] == ["admin", "analyst"]
