"""`ml-guard down --purge`: it names what it deletes, deletes that only, and refuses where data lies elsewhere."""

import io
import socket
from pathlib import Path

import pytest

from guard_cli.main import main
from tests.support.server import free_port


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a home folder with a project, a lake, and a file of somebody else."""
    home = tmp_path / "home"
    monkeypatch.setenv("ML_GUARD_HOME", str(home))
    monkeypatch.setenv("ML_GUARD_PORT", str(free_port()))
    assert main(["projects", "create", "Shop", "--id", "shop"]) == 0
    (home / "lake" / "shop").mkdir(parents=True)
    (home / "lake" / "shop" / "part.parquet").write_bytes(b"0" * 2_000_000)
    return home


def _answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_the_question_names_folder_projects_events_and_size_and_no_deletes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(monkeypatch, "n\n")
    capsys.readouterr()
    assert main(["down", "--purge"]) == 1
    captured = capsys.readouterr()
    assert f"delete {home}: 1 project, 0 events, 2." in captured.err
    assert captured.out == "nothing was stopped or deleted\n"
    assert (home / "lake" / "shop" / "part.parquet").exists()
    assert (home / "guard.db").exists()


def test_without_an_answer_nothing_is_deleted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, "")
    assert main(["down", "--purge"]) == 130
    assert (home / "guard.db").exists()


def test_yes_deletes_the_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(monkeypatch, "y\n")
    capsys.readouterr()
    assert main(["down", "--purge"]) == 0
    assert f"nothing was up\ndeleted {home}: 1 project, 0 events, 2." in capsys.readouterr().out
    assert not home.exists()


def test_what_something_else_has_created_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "notes.txt").write_text("mine")
    assert main(["down", "--purge", "--yes"]) == 0
    assert "not created by ML Guard, and kept: notes.txt" in capsys.readouterr().out
    assert [path.name for path in home.iterdir()] == ["notes.txt"]


def test_data_outside_the_home_folder_is_refused_with_its_settings(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_LAKE_URL", str(tmp_path / "lake"))
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", "postgresql://guard:hunter2@db/guard")
    assert main(["down", "--purge", "--yes"]) == 2
    error = capsys.readouterr().err
    assert "ML_GUARD_DATABASE_URL, ML_GUARD_LAKE_URL: data lies outside" in error
    assert "hunter2" not in error
    assert (home / "guard.db").exists()


def test_a_folder_that_is_no_home_of_ml_guard_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path))
    assert main(["down", "--purge", "--yes"]) == 2
    assert "there is no data of ML Guard" in capsys.readouterr().err
    assert (tmp_path / "logs").exists()


def test_a_link_to_data_elsewhere_is_refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    (home / "models").symlink_to(tmp_path / "models")
    assert main(["down", "--purge", "--yes"]) == 2
    assert "models is a symbolic link" in capsys.readouterr().err


def test_a_server_that_up_has_not_started_must_be_stopped_first(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("ML_GUARD_PORT", str(taken.getsockname()[1]))
        assert main(["down", "--purge", "--yes"]) == 2
    assert "stop what listens there" in capsys.readouterr().err
    assert (home / "guard.db").exists()
