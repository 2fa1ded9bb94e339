"""The processes of `ml-guard up`."""

import sqlite3
from pathlib import Path

import pytest

from guard_cli.stack import stack
from guard_cli.terminal import CommandError
from tests.support.settings import settings_of


def test_the_tables_of_a_new_registry_are_made_once(tmp_path: Path) -> None:
    stack.make_registry(settings_of(home=tmp_path), tmp_path)
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert {"experiments", "registered_models"} <= names
    written = (tmp_path / "mlflow.db").stat().st_mtime_ns
    stack.make_registry(settings_of(home=tmp_path), tmp_path)
    assert (tmp_path / "mlflow.db").stat().st_mtime_ns == written


def test_a_registry_that_cannot_be_made_is_an_error_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    broken = settings_of(home=tmp_path, mlflow_url=f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(CommandError, match="mlflow could not make the tables of the registry"):
        stack.make_registry(broken, tmp_path)
