"""Sensor: requests a build of the knowledge base at the first start, and again after its sources or settings have changed.

What a run does is in the assets; chunks whose text has not changed cost next to nothing.
"""

import time
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterInstance, RunRecord, RunsFilter

from guard_pipelines.jobs import knowledge
from guard_pipelines.resources import Guard
from guard_pipelines.runs import runs_in_flight
from guard_pipelines.tags import STAMP

_INTERVAL_S = 30  # each tick lists all sources: in S3 that costs money
_RETRIES = 3
_RETRY_DELAY_S = 60


@dg.sensor(
    job=knowledge,
    minimum_interval_seconds=_INTERVAL_S,
    # Without a knowledge base /query has nothing to answer from.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a new index after a source of the knowledge base, the model or the lake has changed.",
)
def sources(context: dg.SensorEvaluationContext, guard: Guard) -> dg.RunRequest | dg.SkipReason:
    """Request a run if sources, model, lake or readers are not those of the newest run, or that run has failed."""
    from guard_store.knowledge.store import stamp_of
    from ml.knowledge import documents

    stamp = f"{stamp_of(guard.settings)}-{documents.READER_VERSION}"
    skip_reason = _skip_reason(context.instance, stamp, is_built=guard.knowledge.version() is not None)
    return dg.SkipReason(skip_reason) if skip_reason else dg.RunRequest(tags={STAMP: stamp})


def _skip_reason(instance: DagsterInstance, stamp: str, *, is_built: bool) -> str | None:
    """Explain why no run is needed now; None if one is."""
    if any(run.job_name == knowledge.name for run in runs_in_flight(instance)):
        return "the knowledge base is being built"
    newest = instance.get_run_records(RunsFilter(job_name=knowledge.name), limit=_RETRIES + 1)
    if not newest or newest[0].dagster_run.tags.get(STAMP) != stamp:
        return None
    if newest[0].dagster_run.is_success:
        return "nothing has changed" if is_built else None
    failed = _count_failed(stamp, newest)
    if failed > _RETRIES:
        return f"its last {failed} runs have failed; it waits for other sources or settings"
    wait_s = _RETRY_DELAY_S * 2 ** (failed - 1)
    return None if (newest[0].end_time or 0.0) + wait_s <= time.time() else f"its last {failed} runs have failed"


def _count_failed(stamp: str, newest: Sequence[RunRecord]) -> int:
    """Count how many of the newest runs in a row were for these sources and have not succeeded."""
    failed = 0
    for record in newest:
        if record.dagster_run.tags.get(STAMP) != stamp or record.dagster_run.is_success:
            break
        failed += 1
    return failed
