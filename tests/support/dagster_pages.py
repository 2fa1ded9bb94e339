"""Dagster's GraphQL, which its pages send: the code location in a code server of its own, on an instance that starts runs at once."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_graphql.schema import create_schema

from tests.support.paths import ROOT

_LAUNCH = """mutation($job: String!, $assets: [AssetKeyInput!], $tags: [ExecutionTag!]) { launchRun(executionParams: {
  selector: {jobName: $job, repositoryName: "__repository__", repositoryLocationName: "guard_pipelines", assetSelection: $assets},
  executionMetadata: {tags: $tags}}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True, slots=True)
class DagsterPages:
    """What a person sees and presses on Dagster's pages."""

    instance: DagsterInstance
    workspace: WorkspaceProcessContext
    schema: Any  # of graphene, which has no types

    def query(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query or a mutation, and return its data."""
        context = self.workspace.create_request_context()
        # As the webserver does: mutations are coroutines.
        answer = asyncio.run(self.schema.execute_async(query, variable_values=variables, context_value=context))
        assert not answer.errors, answer.errors
        data: dict[str, Any] = answer.data
        return data

    def launch(self, job: str, *assets: str, tags: Mapping[str, str] | None = None) -> str:
        """Launch a job or some assets of it, wait for the end of the run, and return its status."""
        launched = self.query(
            _LAUNCH,
            job=job,
            assets=[{"path": [asset]} for asset in assets] or None,
            tags=[{"key": key, "value": value} for key, value in (tags or {}).items()],
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = str(self.query(_STATUS, run=launched["run"]["runId"])["runOrError"]["status"])
            if status in _ENDED:
                return status
            time.sleep(0.2)
        raise TimeoutError(f"the run {launched['run']['runId']} has not ended")


@contextmanager
def open_pages(folder: Path) -> Iterator[DagsterPages]:
    """Open the pages of an instance in `folder` with the event log of the repository's dagster.yaml, and without its queue."""
    folder.mkdir()
    values = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    config = {
        "event_log_storage": values["event_log_storage"],
        "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"},
        "telemetry": {"enabled": False},
    }
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    target = ModuleTarget("guard_pipelines.definitions", None, str(ROOT), "guard_pipelines")
    with DagsterInstance.from_config(str(folder)) as instance:
        with WorkspaceProcessContext(instance, target) as workspace:
            yield DagsterPages(instance, workspace, create_schema())
        # Otherwise the process of the code server would end in the middle of another test.
        workspace._grpc_server_registry.wait_for_processes()
