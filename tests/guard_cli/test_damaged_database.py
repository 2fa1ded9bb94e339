"""A damaged database file: every command says so in one line, with what to do, and exit code 2."""

import shutil
from pathlib import Path

import pytest

from guard_cli.main import main
from tests.support.server import free_port

COMMANDS = (("audit", "verify"), ("up", "--detach"), ("serve",), ("migrate",), ("keys", "list"))


def _overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\x5a" * 100)


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(20_000)


def _overwrite_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * 3 * 4096)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("damage", [_overwrite_header, _truncate, _overwrite_pages])
def test_a_damaged_database_is_one_line_that_says_what_to_do(
    migrated_sqlite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: object,
    command: tuple[str, ...],
) -> None:
    path = tmp_path / "home" / "guard.db"
    path.parent.mkdir()
    shutil.copyfile(migrated_sqlite, path)
    damage(path)  # type: ignore[operator]
    monkeypatch.setenv("ML_GUARD_HOME", str(path.parent))
    for name in ("PORT", "DAGSTER_PORT", "MLFLOW_PORT"):
        monkeypatch.setenv(f"ML_GUARD_{name}", str(free_port()))
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ml-guard: the file of the database is damaged")
    assert "backup" in line
