"""The pipelines on one database: real ticks of the sensors, and the runs that they request, on a Dagster instance in a temporary home."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.definitions.dynamic_partitions_request import AddDynamicPartitionsRequest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from guard_core.project_settings.drift import DriftSettings
from guard_core.settings import Settings, load_settings
from guard_pipelines.days.sensors import unprocessed_days
from guard_pipelines.definitions import defs
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.sensors import retrain_sensor
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from ml.monitoring.baseline_content import BaselineContent
from ml.monitoring.profiles.table import TableProfile


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The pipelines on one database, as the daemon drives them."""

    database: Database
    settings: Settings
    instance: DagsterInstance

    def tick(self) -> list[dg.RunRequest]:
        """Evaluate the sensor once, and drop runs whose key was requested before, as the daemon does."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs(), sensor_name="unprocessed_days"
        ) as context:
            answer = unprocessed_days(self.settings.pipelines.interval_s)(context)
        requests = list(answer.run_requests or []) if isinstance(answer, dg.SensorResult) else []
        return [request for request in requests if not self._asked_before(request)]

    def skip_reason(self) -> str:
        """Return the reason that the sensor gives when it requests no run."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs()
        ) as context:
            answer = unprocessed_days(self.settings.pipelines.interval_s)(context)
        assert isinstance(answer, dg.SkipReason)
        return answer.skip_message or ""

    def tick_retrain(self) -> list[dg.RunRequest]:
        """Evaluate the retrain sensor once, and add and remove the partitions as it requests."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs(), sensor_name="retrain_sensor"
        ) as context:
            answer = retrain_sensor(self.settings.pipelines.interval_s)(context)
        if not isinstance(answer, dg.SensorResult):
            return []
        for request in answer.dynamic_partitions_requests or []:
            if isinstance(request, AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
                continue
            for key in request.partition_keys:
                self.instance.delete_dynamic_partition(request.partitions_def_name, key)
        return [request for request in answer.run_requests or [] if not self._asked_before(request)]

    def retrain(self, request: dg.RunRequest, *, raises: bool = True) -> dg.ExecuteInProcessResult:
        """Execute the training run that a tick requested."""
        return (
            defs()
            .resolve_job_def("retrain")
            .execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                tags={**request.tags, "dagster/run_key": request.run_key or ""},
                raise_on_error=raises,
            )
        )

    def run(self, tags: dict[str, str], *, raises: bool = True) -> dg.ExecuteInProcessResult:
        """Execute a run of the daily job."""
        job = defs().resolve_job_def("daily")
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=raises)

    def run_request(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute the run that a tick requested."""
        return self.run({**request.tags, "dagster/run_key": request.run_key or ""})

    def hold(
        self, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED, job: str = "daily"
    ) -> dg.DagsterRun:
        """Create a run of the request that stays in a status."""
        tags = {**request.tags, "dagster/run_key": request.run_key or ""}
        # Who is in the queue must say where the daemon finds its job.
        location = RegisteredCodeLocationOrigin("guard_pipelines")
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)
        return self.instance.create_run_for_job(
            defs().resolve_job_def(job), tags=tags, status=status, remote_job_origin=origin
        )

    def settle(self, most: int = 5) -> int:
        """Tick and run until there is nothing to do, and return the number of runs."""
        runs = 0
        while requests := self.tick():
            for request in requests:
                self.run_request(request)
                runs += 1
            assert runs <= most, "the sensor does not come to rest"
        return runs

    @property
    def day_states(self) -> DayStateStore:
        """News of the database."""
        return DayStateStore(self.database)

    def lake(self, project_id: str, model_id: str = "m") -> LakeSnapshot:
        """Open the newest version of a model's table."""
        snapshot = Lake(self.settings.storage.lake).snapshot(project_id, model_id)
        assert snapshot is not None
        return snapshot

    def counts(self, project_id: str, model_id: str = "m") -> dict[str, int]:
        """Read the aggregated number of events by day."""
        days = AggregateStore(self.database).days(project_id, model_id, "0000-01-01", "9999-12-31")
        return {aggregate.day: aggregate.metrics["count"] for aggregate in days}

    def reports(self, project_id: str, model_id: str = "m") -> Sequence[StoredReport]:
        """Read all drift reports of a model."""
        return DriftReportStore(self.database).days(project_id, model_id, "0000-01-01", "9999-12-31")

    def _asked_before(self, request: dg.RunRequest) -> bool:
        found = self.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": request.run_key or ""}))
        return bool(found)


def capture_baseline(pipelines: Pipelines, project_id: str, first: str, last: str) -> None:
    """Capture the days from `first` to `last` as the baseline, as the API would."""
    stored = AggregateStore(pipelines.database).profiles(project_id, "m", first, last)
    days = {date.fromisoformat(day): TableProfile.from_bytes(data) for day, data in stored.items()}
    BaselineStore(pipelines.database).capture(
        project_id,
        "m",
        first,
        last,
        **BaselineContent.of(days, DriftSettings()).to_dict(),
        created_by=None,
        request_id="baseline-request",
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, which the variables of the environment name."""
    home = tmp_path / "home"
    monkeypatch.setenv("ML_GUARD_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")  # restored after what the event log sets
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRY_DELAY_S", "0")
    return home


@pytest.fixture
def instance(request: pytest.FixtureRequest, home: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance in memory, which takes half the time; the kept one where a test requests it too."""
    if "kept_instance" in request.fixturenames:
        yield request.getfixturevalue("kept_instance")
        return
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pipelines(instance: DagsterInstance, migrated_sqlite: Path, empty_registry: Path) -> Iterator[Pipelines]:
    """The pipelines on SQLite, with a registry without models."""
    settings = load_settings()
    database = Database(settings.storage.database)
    if database.is_sqlite:
        shutil.copyfile(migrated_sqlite, database.path)
    settings.storage.home.mkdir(exist_ok=True)  # on PostgreSQL, nothing has made it yet
    shutil.copyfile(empty_registry, settings.storage.home / "mlflow.db")
    yield Pipelines(database, settings, instance)
    database.close()
