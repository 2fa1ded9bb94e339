"""`ml-guard alerts`: a route tried out, policies from a file with errors that name the field, a list."""

import json
from pathlib import Path

import pytest

from guard_cli.main import main
from guard_store.alerts.policies import PolicyStore
from guard_store.db.database import Database
from tests.serving.alerts.receivers import http_receiver, mail_server
from tests.support.alert_facts import PROJECT, Facts

GOOD = """
projects:
  flights:
    - name: drift
      when: drift
      severity: error
      routes: [chat]
      quiet_hours: {start: "22:00", end: "07:00"}
    - {name: slow, when: latency, threshold: 200, days: 2, of_days: 3}
"""


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    from guard_store.db.migrate import migrate

    url = f"sqlite:///{tmp_path / 'guard.db'}"
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path))
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", url)
    monkeypatch.setenv("ML_GUARD_ALERT_ROUTES", json.dumps({"chat": f"file://{tmp_path}/alerts.txt"}))
    database = Database(url)
    migrate(database)
    return database


def test_a_test_message_goes_out_on_each_kind_of_route_and_the_outcome_is_printed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", "test", "chat"]) == 0
    assert "a test message" in (tmp_path / "alerts.txt").read_text()
    with http_receiver() as hooks, mail_server() as mailbox:
        hook = hooks.url.replace("http://", "webhook+http://:sixteen-letters-@")
        mail = f"mailto://127.0.0.1:{mailbox.port}?to=a@example.com"
        monkeypatch.setenv("ML_GUARD_ALERT_ROUTES", json.dumps({"hook": hook, "mail": mail}))
        assert [main(["alerts", "test", name]) for name in ("hook", "mail")] == [0, 0]
        assert hooks.requests[0]["body"]["state"] == "test"
        assert mailbox.mails[0]["Subject"] == "[INFO] ML Guard: a test message"
        hooks.always = "refuse"
        assert main(["alerts", "test", "hook"]) == 1
    said = capsys.readouterr()
    assert "sent on hook (webhook+http)" in said.out
    assert "not sent on hook (webhook+http): the receiver answered 500" in said.out
    assert "sixteen-letters-" not in said.out + said.err
    assert main(["alerts", "test", "nobody"]) == 2
    assert "no route 'nobody'; there is hook, mail" in capsys.readouterr().err


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nothing://x", "is not a URL that Apprise knows"),
        ("webhook+https://host/path", "the secret must have 16 characters"),
        ("mailto://host", "to: needs an address"),
        ("mailto://host?to=a@b.c&mode=odd", "mode: must be one of"),
        ("mailto://host?to=a@b.c&cc=x", "cc: is not known"),
        ("file://relative/path", "needs the absolute path"),
    ],
)
def test_a_wrong_route_stops_the_server_with_its_name_and_without_its_url(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, why: str
) -> None:
    monkeypatch.setenv("ML_GUARD_ALERT_ROUTES", json.dumps({"pager": url}))
    assert main(["serve"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ml-guard: ML_GUARD_ALERT_ROUTES: pager: {why}")
    assert url not in said


def test_a_file_replaces_the_policies_of_the_projects_that_it_names(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = Facts(database)
    facts.policy("old", when="drift")
    file = tmp_path / "alerts.yaml"
    file.write_text(GOOD)
    assert main(["alerts", "import", str(file)]) == 0
    assert [policy.name for policy in PolicyStore(database).of_project(PROJECT)] == ["drift", "slow"]
    assert "flights: 2 policies of its own" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("threshold: 200, ", ""), "projects.flights[1]: threshold: required for latency"),
        (GOOD.replace("severity: error", "severity: bad"), "projects.flights[0].severity: must be"),
        (GOOD.replace("[chat]", "[pager]"), "projects.flights[0].routes: ML_GUARD_ALERT_ROUTES has no route 'pager'"),
        (GOOD.replace("name: slow", "name: drift"), "projects.flights[1].name: 'drift' is there twice"),
        (GOOD.replace("flights", "nowhere"), "projects.nowhere: there is no such project"),
        ("projects: [", "line 1: is not YAML"),
        ("{}", "projects: is missing"),
    ],
)
def test_a_wrong_file_names_the_field_and_changes_nothing(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    Facts(database).policy("old", when="drift")
    file = tmp_path / "alerts.yaml"
    file.write_text(text)
    assert main(["alerts", "import", str(file)]) == 2
    assert why in capsys.readouterr().err
    assert [policy.name for policy in PolicyStore(database).of_project(PROJECT)] == ["old"]


def test_open_alerts_are_listed_and_all_of_them_when_asked(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = Facts(database)
    facts.drift("2013-03-05")
    facts.fold()
    assert main(["alerts", "list"]) == 0
    assert "flights/late" in capsys.readouterr().out
    facts.drift("2013-03-06", op="clears")
    facts.fold()
    assert main(["alerts", "list", "--project", PROJECT]) == 0
    assert "flights/late" not in capsys.readouterr().out
    assert main(["alerts", "list", "--all"]) == 0
    assert "resolved" in capsys.readouterr().out
    assert main(["alerts", "list", "--all", "--json"]) == 0
    (alert,) = json.loads(capsys.readouterr().out)
    assert (alert["state"], alert["where"]) == ("resolved", {"project": PROJECT, "model": "late"})
