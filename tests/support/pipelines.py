"""The pipelines on one database: real ticks of the sensors, and the runs that they ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterInstance
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from guard_core.settings import Settings
from guard_pipelines.days.sensors import unprocessed_days
from guard_pipelines.definitions import defs
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.sensors import retrain_sensor
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The pipelines on one database, as the daemon drives them."""

    database: Database
    settings: Settings
    instance: DagsterInstance

    def tick(self) -> list[dg.RunRequest]:
        """One look of the sensor; runs with a key that was asked for before are dropped, as the daemon does."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs(), sensor_name="unprocessed_days"
        ) as context:
            answer = unprocessed_days(self.settings.pipelines.interval_s)(context)
        requests = list(answer.run_requests or []) if isinstance(answer, dg.SensorResult) else []
        return [request for request in requests if not self._asked_before(request)]

    def skip_reason(self) -> str:
        """What the sensor says when it asks for nothing."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs()
        ) as context:
            answer = unprocessed_days(self.settings.pipelines.interval_s)(context)
        assert isinstance(answer, dg.SkipReason)
        return answer.skip_message or ""

    def tick_retrain(self) -> list[dg.RunRequest]:
        """One look of the retrain sensor, with the partitions that it asks for."""
        with dg.build_sensor_context(
            instance=self.instance, resources={"guard": Guard()}, definitions=defs(), sensor_name="retrain_sensor"
        ) as context:
            answer = retrain_sensor(self.settings.pipelines.interval_s)(context)
        if not isinstance(answer, dg.SensorResult):
            return []
        for request in answer.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return [request for request in answer.run_requests or [] if not self._asked_before(request)]

    def retrain(self, request: dg.RunRequest, *, raises: bool = True) -> dg.ExecuteInProcessResult:
        """The training run that a tick asked for."""
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
        """A run of the daily job."""
        job = defs().resolve_job_def("daily")
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=raises)

    def run_request(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run that a tick asked for."""
        return self.run({**request.tags, "dagster/run_key": request.run_key or ""})

    def hold(
        self, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED, job: str = "daily"
    ) -> dg.DagsterRun:
        """A run of the request that is stuck in a status."""
        tags = {**request.tags, "dagster/run_key": request.run_key or ""}
        # Who is in the queue must say where the daemon finds its job.
        location = RegisteredCodeLocationOrigin("guard_pipelines")
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)
        return self.instance.create_run_for_job(
            defs().resolve_job_def(job), tags=tags, status=status, remote_job_origin=origin
        )

    def settle(self, most: int = 5) -> int:
        """Tick and run until there is nothing to do; returns how many runs it took."""
        runs = 0
        while requests := self.tick():
            for request in requests:
                self.run_request(request)
                runs += 1
            assert runs <= most, "the sensor does not come to rest"
        return runs

    @property
    def news(self) -> DayStateStore:
        """News of the database."""
        return DayStateStore(self.database)

    def lake(self, project_id: str, model_id: str = "m") -> LakeSnapshot:
        """Newest version of a model's table."""
        snapshot = Lake(self.settings.storage.lake).snapshot(project_id, model_id)
        assert snapshot is not None
        return snapshot

    def counts(self, project_id: str, model_id: str = "m") -> dict[str, int]:
        """Events by day, as aggregated."""
        days = AggregateStore(self.database).days(project_id, model_id, "0000-01-01", "9999-12-31")
        return {aggregate.day: aggregate.metrics["count"] for aggregate in days}

    def reports(self, project_id: str, model_id: str = "m") -> Sequence[StoredReport]:
        """All drift reports of a model."""
        return DriftReportStore(self.database).days(project_id, model_id, "0000-01-01", "9999-12-31")

    def _asked_before(self, request: dg.RunRequest) -> bool:
        found = self.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": request.run_key or ""}))
        return bool(found)
