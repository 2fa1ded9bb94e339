"""A real Dagster instance in a temporary home, real ticks of the sensor, and the runs that they ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from tests.support.paths import ROOT
from tests.support.pipelines import home, instance, pipelines

__all__ = ["home", "instance", "pipelines"]


@pytest.fixture
def kept_instance(home: Path, tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance of the repository's own dagster.yaml."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(
        (ROOT / "guard_pipelines" / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


@pytest.fixture
def on_postgresql(home: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it before `pipelines`, and they run on PostgreSQL."""
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", postgresql_url)
