"""`ml-guard report`: a file, JSON, and errors with the fix."""

import json
from pathlib import Path

import pytest

from guard_cli.main import main
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from tests.support.alert_facts import add_project
from tests.support.stored_events import event, store


@pytest.fixture(autouse=True)
def _model_of_january(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'guard.db'}"
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path))
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    database = Database(url)
    migrate(database)
    add_project(database, "flights")
    store(database, [event("flights", "late", "2013-01-05T12:00:00Z")])
    database.close()


def test_a_report_is_written_as_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "late", "--project", "flights"]) == 0
    assert capsys.readouterr().out == "flights-late-2013-01.html\n"
    text = (tmp_path / "flights-late-2013-01.html").read_text()
    assert "<h1>late received 1 event in January 2013" in text
    assert main(["report", "late", "--project", "flights", "--month", "2013-02", "--output", "empty.html"]) == 0
    assert "late has no events in February 2013" in (tmp_path / "empty.html").read_text()


def test_json_is_that_of_the_route(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "late", "--project", "flights", "--month", "2013-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["volume"]["events"] == 1
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["late", "--project", "nowhere"], "there is no project 'nowhere'"),
        (["never", "--project", "flights"], "Model 'never' of project 'flights' has no events"),
        (["late", "--project", "flights", "--month", "1/2013"], "month: must be a month like 2013-03"),
        (
            ["late", "--project", "flights", "--output", "no/such/folder.html"],
            "--output no/such/folder.html: No such file",
        ),
    ],
)
def test_what_cannot_be_written_is_one_line(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *arguments]) == 2
    assert error in capsys.readouterr().err
