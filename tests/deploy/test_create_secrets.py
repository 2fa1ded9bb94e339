"""`create-secrets`: the password of PostgreSQL is created once, given by the operator at any time, and never printed."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.compose import read_services
from tests.support.paths import ROOT


def _create(folder: Path, password: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy" / "create_secrets.py", folder],
        env={"POSTGRES_PASSWORD": password},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def _password(folder: Path) -> str:
    return (folder / "postgres-password").read_text()


def test_first_start_creates_a_random_password_that_only_its_owner_reads_and_nobody_prints(tmp_path: Path) -> None:
    done = _create(tmp_path)
    assert done.returncode == 0, done.stderr
    password = _password(tmp_path)
    assert len(password) == 48
    assert (tmp_path / "pgpass").read_text() == f"*:*:*:*:{password}\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert {path.name for path in tmp_path.iterdir()} == {"postgres-password", "pgpass"}
    assert password not in done.stdout + done.stderr


def test_first_start_prints_how_to_read_the_first_key(tmp_path: Path) -> None:
    command = f"docker compose exec serving cat {tmp_path}/api-key"
    assert command in _create(tmp_path).stdout
    services = read_services({})
    assert services["first-key"].command[-1] == "/secrets/api-key"
    assert services["serving"].mounts["/secrets"] == services["setup"].mounts[services["setup"].command[-1]]


def test_each_installation_has_a_password_of_its_own(tmp_path: Path) -> None:
    passwords = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _create(tmp_path / name)
        passwords.add(_password(tmp_path / name))
    assert len(passwords) == 2


def test_second_start_keeps_the_password(tmp_path: Path) -> None:
    _create(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    done = _create(tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_password_of_the_operator_is_used_and_stays_when_its_setting_is_removed(tmp_path: Path) -> None:
    _create(tmp_path)
    done = _create(tmp_path, "of-the-operator")
    assert _password(tmp_path) == "of-the-operator"
    assert "of-the-operator" not in done.stdout + done.stderr
    _create(tmp_path)
    assert _password(tmp_path) == "of-the-operator"


def test_interrupted_start_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "postgres-password.new").write_text("half")
    (tmp_path / "pgpass.new").write_text("half")
    assert _create(tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"postgres-password", "pgpass"}


@pytest.mark.parametrize("password", ["two\nlines", "carriage\rreturn"])
def test_password_of_several_lines_is_refused(tmp_path: Path, password: str) -> None:
    done = _create(tmp_path, password)
    assert done.returncode == 1
    assert "POSTGRES_PASSWORD" in done.stderr
    assert list(tmp_path.iterdir()) == []
