"""Decorators that make partitioned assets out of functions over the days of a run.

What is done with the days belongs to the stage of each domain.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from guard_core.alerting import links
from guard_core.alerting.links import Addresses
from guard_core.settings import Settings
from guard_pipelines.days.findings import Inspection, check_result
from guard_pipelines.days.loop import Cell, Outcome, Scope
from guard_pipelines.days.numbers import DayNumbers
from guard_pipelines.days.partition_states import PartitionStates
from guard_pipelines.partitions import DAILY, require_partitions
from guard_pipelines.resources import Guard
from guard_pipelines.runtime.partial_ranges import materialise_only
from guard_pipelines.tags import UNPROCESSED
from guard_store.day_state.store import Stage

DAILY_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
"""Age at which the operator is alerted: the daily schedule runs with or without unprocessed days, so a day without a run means
that the daemon is down. A backfill of old days looks fresh too; `latest_due_day` checks that the newest day is there."""

Result = dg.MaterializeResult[None]


@dataclass(frozen=True, slots=True)
class DaysReport:
    """The result of a daily asset: the totals of a run, which go to its log, and the metadata of a day's partition."""

    totals: Mapping[str, Cell]
    metadata_of: Callable[[str], Mapping[str, Any]]

    def record(
        self, context: dg.AssetExecutionContext, skipped: Sequence[str] = (), unchanged: Sequence[str] = ()
    ) -> None:
        """Log the totals, and materialise the partitions of the run, each with the metadata of its own day.

        For `skipped` days an observation with the metadata is logged: their partitions keep their status. Those of `unchanged` days
        keep the metadata of the run that has materialised them.
        """
        context.log.info("%s", ", ".join(f"{name} {value}" for name, value in self.totals.items()))
        evaluated = [day for day in context.partition_keys if day not in skipped and day not in unchanged]
        for day in evaluated:
            context.add_asset_metadata(self.metadata_of(day), partition_key=day)
        for day in skipped:
            context.log_event(dg.AssetObservation(context.asset_key, metadata=self.metadata_of(day), partition=day))
        if skipped or unchanged:
            materialise_only(context, evaluated)


def daily_asset(
    *,
    group: str,
    kinds: set[str],
    deps: Iterable[dg.AssetsDefinition | dg.AssetSpec] = (),
    freshness: dg.FreshnessPolicy | None = DAILY_FRESHNESS,
) -> Callable[[Callable[[Scope, Guard], DaysReport]], dg.AssetsDefinition]:
    """Make an asset with one partition per local day of a function, with the name and the docstring of the function."""

    def decorate(work: Callable[[Scope, Guard], DaysReport]) -> dg.AssetsDefinition:
        def run(context: dg.AssetExecutionContext, guard: Guard) -> Result:
            work(_scope(context), guard).record(context)
            return dg.MaterializeResult()

        return _asset(run, work, group, kinds, deps, freshness)

    return decorate


def stage_asset(
    *,
    stage: Stage | None = None,
    kinds: set[str],
    table: str,
    numbers: DayNumbers | None = None,
    deps: Iterable[dg.AssetsDefinition | dg.AssetSpec] = (),
    check: dg.AssetCheckSpec | None = None,
) -> Callable[[Callable[[Scope, Guard], Outcome]], dg.AssetsDefinition]:
    """Make an asset of the group `monitoring` of a stage. The metadata of a partition are those of its day; totals of the run are in its log.

    A partition is materialised if the stage has processed its day in every model. If a run of unprocessed days had nothing to do
    for the day in this stage, a partition that is materialised already stays as it is.

    Parameters
    ----------
    stage : the stage in the states of days; without it, the asset follows all of them.
    table : name of the metadata entry with the table of the day.
    numbers : numbers of the day over all of its models, which Dagster plots by partition.
    check : the check that fails with an error if the outcome has findings.
    """

    def decorate(work: Callable[[Scope, Guard], Outcome]) -> dg.AssetsDefinition:
        # Dagster recognises the result of an asset with a check by the class without a parameter.
        def run(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult:  # type: ignore[type-arg]
            outcome = work(_scope(context), guard)
            states = PartitionStates.after(stage, context.partition_keys, guard.database, guard.settings)
            numbers_of = (
                {} if numbers is None else numbers.of_days(guard.database, states.of_models, outcome.table_rows)
            )

            def metadata_of(day: str) -> dict[str, Any]:
                tables = {table: dg.MetadataValue.md(outcome.table_of(day))} if outcome.table_rows.get(day) else {}
                page = _page_of(outcome.table_rows.get(day, ()), guard.settings)
                return {**numbers_of.get(day, {}), **states.entries.get(day, {}), **page, **tables}

            DaysReport(outcome.numbers(), metadata_of).record(context, states.skipped, _unchanged(context, outcome))
            context.log.info("%s", outcome.table())
            if check is None:
                return dg.MaterializeResult()
            inspection = Inspection(outcome.inspected, outcome.findings)
            result = check_result(
                inspection, dg.AssetCheckSeverity.ERROR, context.partition_keys, check_name=check.name
            )
            return dg.MaterializeResult(check_results=[result])

        return _asset(run, work, "monitoring", kinds, deps, DAILY_FRESHNESS, check)

    return decorate


def _unchanged(context: dg.AssetExecutionContext, outcome: Outcome) -> list[str]:
    """Return the materialised days that a run of unprocessed days had nothing to do for; those of a run by hand are all evaluated."""
    idle = [day for day in context.partition_keys if not outcome.table_rows.get(day)]
    if not idle or not _scope(context).only_unprocessed:
        return []
    materialised = context.instance.get_materialized_partitions(context.asset_key)
    return [day for day in idle if day in materialised]


def _page_of(rows: Sequence[Mapping[str, Cell]], settings: Settings) -> dict[str, dg.UrlMetadataValue]:
    """Return the link to our page of a day, if it is the day of one model; for many they would outgrow the event log."""
    if len(rows) != 1:
        return {}
    targets = links.of_model_day(*(str(rows[0][name]) for name in ("project", "model", "day")))
    (url,) = Addresses.of(settings).urls(targets).values()
    return {"page": dg.MetadataValue.url(url)}


def _scope(context: dg.AssetExecutionContext) -> Scope:
    require_partitions(context, "the days to process")
    return Scope(context.partition_keys, UNPROCESSED in context.run.tags, context.run.run_id)


def _asset(
    run: Callable[[dg.AssetExecutionContext, Guard], Result],
    documented: Callable[..., object],
    group: str,
    kinds: set[str],
    deps: Iterable[dg.AssetsDefinition | dg.AssetSpec],
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
