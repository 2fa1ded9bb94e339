"""`ml-guard keys`, `projects`, `migrate`, `settings`: what they print and what they leave."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from guard_cli.main import main
from guard_core.settings.docs import env_example, markdown_page
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerFilter, LedgerStore


@pytest.fixture(autouse=True)
def _own_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database_url: str) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", empty_database_url)


def test_the_first_admin_key_is_printed_alone_and_works(
    capsys: pytest.CaptureFixture[str], empty_database_url: str
) -> None:
    assert main(["keys", "create", "first", "--role", "admin"]) == 0
    secret = capsys.readouterr().out.strip()
    database = Database(empty_database_url)
    key = KeyStore(database).find(secret)
    database.close()
    assert key is not None
    assert (key.name, key.role, key.project_id) == ("first", "admin", None)


def _admin(url: str, secret: str) -> bool:
    database = Database(url)
    key = KeyStore(database).find(secret)
    database.close()
    return key is not None and (key.role, key.project_id, key.revoked_us) == ("admin", None, None)


def test_bootstrap_writes_the_first_admin_key_to_a_file_that_only_its_owner_reads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, empty_database_url: str
) -> None:
    file = tmp_path / "api-key"
    assert main(["keys", "bootstrap", str(file)]) == 0
    secret = file.read_text().strip()
    assert _admin(empty_database_url, secret)
    assert file.stat().st_mode & 0o777 == 0o600
    output = "".join(capsys.readouterr())
    assert secret not in output
    assert str(file) in output


def test_bootstrap_changes_nothing_where_there_is_an_admin_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    main(["keys", "create", "mine", "--role", "admin"])
    assert main(["keys", "bootstrap", str(tmp_path / "api-key")]) == 0
    assert not (tmp_path / "api-key").exists()
    capsys.readouterr()
    main(["keys", "list", "--json"])
    assert [key["name"] for key in json.loads(capsys.readouterr().out)] == ["mine"]


def test_bootstrap_uses_the_key_of_the_file_in_a_new_database(tmp_path: Path, empty_database_url: str) -> None:
    (tmp_path / "api-key").write_text("mlg_of_the_database_before\n")
    assert main(["keys", "bootstrap", str(tmp_path / "api-key")]) == 0
    assert _admin(empty_database_url, "mlg_of_the_database_before")


def test_bootstrap_replaces_a_revoked_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, empty_database_url: str
) -> None:
    file = tmp_path / "api-key"
    main(["keys", "bootstrap", str(file)])
    revoked = file.read_text()
    capsys.readouterr()
    main(["keys", "list", "--json"])
    main(["keys", "revoke", json.loads(capsys.readouterr().out)[0]["id"]])
    assert main(["keys", "bootstrap", str(file)]) == 0
    assert file.read_text() != revoked
    assert _admin(empty_database_url, file.read_text().strip())


def test_bootstrap_refuses_an_empty_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "api-key").touch()
    assert main(["keys", "bootstrap", str(tmp_path / "api-key")]) == 2
    assert "api-key is empty: write a key into it, or delete it" in capsys.readouterr().err


def test_keys_are_listed_without_themselves_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    main(["projects", "create", "Shop", "--id", "shop"])
    main(["keys", "create", "k", "--project", "shop"])
    secret = capsys.readouterr().out.split()[-1]
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    key_id, name, role, project = listed.splitlines()[1].split()[:4]
    assert (name, role, project) == ("k", "analyst", "shop")
    assert main(["keys", "revoke", key_id]) == 0
    capsys.readouterr()
    main(["keys", "list"])
    assert len(capsys.readouterr().out.splitlines()[1].split()) == 6


def test_a_home_that_cannot_be_made_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("ML_GUARD_DATABASE_URL")
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "file" / "home"))
    assert main(["keys", "list"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "file/home: Not a directory; files are kept below ML_GUARD_HOME" in line


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m guard_cli.main settings --env | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_research_of_which_nothing_is_kept_cannot_be_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["research", "replay", "none"]) == 2
    assert "nothing is kept of a research 'none'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["keys", "revoke", "none"], "no key 'none'"),
        (["keys", "create", "k", "--project", "none"], "no project 'none'"),
        (["projects", "create", "x", "--timezone", "Mars/Olympus"], "IANA"),
        (["projects", "create", "x", "--id", "a/b"], "--id"),
        (["alerts", "list", "--project", "none"], "no project 'none'"),
        (["audit", "verify", "--database", "other://x"], "sqlite:/// or postgresql://"),
        (["audit", "verify", "--database", "sqlite:////none/x.db"], "there is no file /none/x.db"),
        (["audit", "verify", "--database", "postgresql://u:hidden@127.0.0.1:9/x"], "Connection refused"),
        (["audit", "verify", "--public-key", "zzz"], "--public-key 'zzz'"),
        (["audit", "verify", "--export", "none.csv"], "--export none.csv"),
        (["prompts", "check", "--folder", "none"], "none: there is no such folder"),
        (["knowledge", "evaluate", "--questions", "pyproject.toml"], "pyproject.toml: is not YAML"),
        (["research", "evaluate", "--topics", "ml/data/knowledge/questions.yaml"], "topics: is missing"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_projects_are_made_once_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["projects", "create", "Shop", "--id", "shop", "--timezone", "Asia/Tokyo"]) == 0
    assert main(["projects", "create", "Shop", "--id", "shop"]) == 2
    assert "exists already" in capsys.readouterr().err
    main(["projects", "list"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["shop", "Shop", "Asia/Tokyo"]


def test_lists_are_json_with_the_values_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["projects", "create", "Shop", "--id", "shop", "--timezone", "Asia/Tokyo"])
    main(["keys", "create", "first", "--role", "admin"])
    main(["keys", "create", "k", "--project", "shop"])
    capsys.readouterr()
    assert main(["projects", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": "shop", "name": "Shop", "time_zone": "Asia/Tokyo"}]
    assert main(["keys", "list", "--json"]) == 0
    keys = {key["name"]: key for key in json.loads(capsys.readouterr().out)}
    assert {name: (key["role"], key["project"], key["revoked"]) for name, key in keys.items()} == {
        "first": ("admin", None, None),
        "k": ("analyst", "shop", None),
    }
    assert set(keys["k"]) == {"id", "name", "role", "project", "made", "revoked"}
    assert main(["alerts", "list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert main(["prompts", "check", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)[0]) == {"prompt", "hash"}


def test_migrate_and_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert "newest schema" in capsys.readouterr().out
    main(["settings"])
    assert capsys.readouterr().out == markdown_page()
    main(["settings", "--env"])
    assert capsys.readouterr().out == env_example()


def test_a_command_that_is_none_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["dance"])
    assert exit_.value.code == 2
    assert "serve" in capsys.readouterr().err


def test_commands_that_change_something_are_on_record_and_the_ledger_is_proved(
    capsys: pytest.CaptureFixture[str], empty_database_url: str
) -> None:
    main(["projects", "create", "Shop", "--id", "shop"])
    main(["keys", "create", "k", "--project", "shop"])
    secret = capsys.readouterr().out.split()[-1]
    assert main(["audit", "verify"]) == 0
    assert "rows 1 to 2" in capsys.readouterr().out
    assert main(["audit", "verify", "--json"]) == 0
    proof = json.loads(capsys.readouterr().out)
    assert (proof["ok"], proof["first_seq"], proof["last_seq"], proof["trusted"]) == (True, 1, 2, True)
    database = Database(empty_database_url)
    rows = LedgerStore(database, None).page(LedgerFilter(), None, 10)
    assert secret not in str(rows)
    assert [row.route for row in rows] == ["ml-guard keys create", "ml-guard projects create"]
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger WHERE seq = 1")
    database.close()
    assert main(["audit", "verify"]) == 1
    assert "row 1 is missing" in capsys.readouterr().out
    assert main(["audit", "verify", "--json"]) == 1
    proof = json.loads(capsys.readouterr().out)
    assert (proof["ok"], proof["broken_seq"]) == (False, 1)
    assert "row 1 is missing" in proof["problem"]


def test_a_copy_of_the_database_is_proved_with_the_public_key(
    capsys: pytest.CaptureFixture[str], empty_database_url: str
) -> None:
    main(["projects", "create", "Shop"])
    assert main(["audit", "key"]) == 0
    key = capsys.readouterr().out.split()[-1]
    assert main(["audit", "verify", "--database", empty_database_url, "--public-key", key]) == 0
    assert "by whatever keys" not in capsys.readouterr().out
    assert main(["audit", "verify", "--export", "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err
