"""Failed days as results of the check `day_processed` on their partitions, and a pass once they are processed.

A partition that was processed before keeps its colour in Dagster when a later run of it fails: the result of the check is the sign.
"""

from collections import defaultdict
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterInstance

from guard_core.settings import Settings
from guard_pipelines.monitoring.checks.unfinished import describe_failure, is_given_up
from guard_pipelines.runtime.check_partitions import (
    DAY_PROCESSED,
    failing_partitions,
    newest_materialisation,
    report_evaluation,
)
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database

_MAX_FAILED = 500
_MAX_MODELS = 5
_MAX_ERROR_CHARACTERS = 200


def report_failed_days(instance: DagsterInstance, run: dg.DagsterRun, database: Database, settings: Settings) -> int:
    """Report, as results of a run that has ended, which days of the store have failed or are processed since; return how many.

    A day with the same newest result is left out.
    """
    store = DayStateStore(database)
    failed = defaultdict[str, list[DayState]](list)
    for item in store.failed(_MAX_FAILED):
        failed[item.day].append(item)
    before = failing_partitions(instance, DAY_PROCESSED)
    evaluations = [_evaluate(instance, day, items, settings) for day, items in failed.items()]
    new = [evaluation for evaluation in evaluations if not _is_same(before.get(str(evaluation.partition)), evaluation)]
    new += [
        _evaluate(instance, day, (), settings)
        for day in before.keys() - failed.keys()
        if all(item.done for item in store.of_days([day]))
    ]
    for evaluation in new:
        report_evaluation(instance, run, evaluation)
    return len(new)


def _evaluate(
    instance: DagsterInstance, day: str, failed: Sequence[DayState], settings: Settings
) -> dg.AssetCheckEvaluation:
    """Build the result of a day: an error if a model's day is given up, a warning if all of them are retried."""
    severity = dg.AssetCheckSeverity.WARN
    if any(is_given_up(item, settings) for item in failed):
        severity = dg.AssetCheckSeverity.ERROR
    lines = [
        f"{item.project_id}/{item.model_id} {describe_failure(item, settings)[:_MAX_ERROR_CHARACTERS]}"
        for item in failed[:_MAX_MODELS]
    ]
    lines += [f"and {len(failed) - _MAX_MODELS} more"] if len(failed) > _MAX_MODELS else []
    return dg.AssetCheckEvaluation(
        asset_key=DAY_PROCESSED.asset_key,
        check_name=DAY_PROCESSED.name,
        passed=not failed,
        severity=severity,
        description="; ".join(lines) or "The day is processed in every model.",
        metadata={"findings": len(failed)},
        target_materialization_data=newest_materialisation(instance, DAY_PROCESSED.asset_key, day),
        partition=day,
    )


def _is_same(before: dg.AssetCheckEvaluation | None, now: dg.AssetCheckEvaluation) -> bool:
    return before is not None and (before.severity, before.description) == (now.severity, now.description)
