"""Decorators that make partitioned assets out of functions over the days of a run.

What is done with the days belongs to the stage of each domain.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable
from datetime import timedelta

import dagster as dg

from guard_pipelines.days.findings import Inspection, check_result
from guard_pipelines.days.loop import Outcome, Scope
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import UNPROCESSED

DAILY_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
"""Age at which the operator is alerted: the daily schedule runs with or without unprocessed days, so a day without a run means
that the daemon is down. A backfill of old days looks fresh too; `latest_due_day` checks that the newest day is there."""

Result = dg.MaterializeResult[None]


def daily_asset(
    *,
    group: str,
    kinds: set[str],
    deps: Iterable[dg.AssetsDefinition] = (),
    freshness: dg.FreshnessPolicy | None = DAILY_FRESHNESS,
) -> Callable[[Callable[[Scope, Guard], Result]], dg.AssetsDefinition]:
    """Make an asset with one partition per local day of a function, with the name and the docstring of the function."""

    def decorate(work: Callable[[Scope, Guard], Result]) -> dg.AssetsDefinition:
        def run(context: dg.AssetExecutionContext, guard: Guard) -> Result:
            return work(_scope(context), guard)

        return _asset(run, work, group, kinds, deps, freshness)

    return decorate


def stage_asset(
    *,
    kinds: set[str],
    table: str,
    table_of_day: str | None = None,
    deps: Iterable[dg.AssetsDefinition] = (),
    check: dg.AssetCheckSpec | None = None,
) -> Callable[[Callable[[Scope, Guard], Outcome]], dg.AssetsDefinition]:
    """Make an asset of the group `monitoring` of a stage, with the numbers and tables of the outcome as its metadata.

    Parameters
    ----------
    table : name of the metadata entry with the newest days of the run.
    table_of_day : name of the entry that each partition gets; without it partitions get none.
    check : the check that fails with an error if the outcome has findings.
    """

    def decorate(stage: Callable[[Scope, Guard], Outcome]) -> dg.AssetsDefinition:
        # Dagster recognises the result of an asset with a check by the class without a parameter.
        def run(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult:  # type: ignore[type-arg]
            outcome = stage(_scope(context), guard)
            if table_of_day is not None:
                for day in outcome.facts:
                    table_md = dg.MetadataValue.md(outcome.table(day))
                    context.add_asset_metadata({table_of_day: table_md}, partition_key=day)
            metadata = {**outcome.numbers(), table: dg.MetadataValue.md(outcome.table())}
            if check is None:
                return dg.MaterializeResult(metadata=metadata)
            inspection = Inspection(outcome.looked_at, outcome.findings)
            result = check_result(
                inspection, dg.AssetCheckSeverity.ERROR, context.partition_keys, check_name=check.name
            )
            return dg.MaterializeResult(metadata=metadata, check_results=[result])

        return _asset(run, stage, "monitoring", kinds, deps, DAILY_FRESHNESS, check)

    return decorate


def _scope(context: dg.AssetExecutionContext) -> Scope:
    return Scope(context.partition_keys, UNPROCESSED in context.run.tags, context.run.run_id)


def _asset(
    run: Callable[[dg.AssetExecutionContext, Guard], Result],
    documented: Callable[..., object],
    group: str,
    kinds: set[str],
    deps: Iterable[dg.AssetsDefinition],
    freshness: dg.FreshnessPolicy | None,
    check: dg.AssetCheckSpec | None = None,
) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        # Ranges of days in one run need it; the lock file keeps the version of Dagster that was tested.
        warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `backfill_policy`")
        return dg.asset(
            run,
            name=documented.__name__,
            description=inspect.getdoc(documented),
            deps=list(deps),
            partitions_def=DAILY,
            backfill_policy=dg.BackfillPolicy.single_run(),
            freshness_policy=freshness,
            group_name=group,
            kinds=kinds,
            check_specs=None if check is None else [check],
        )
