"""Assets: the retrain rule on each local day, and with one partition per model the steps from a retrain flag to a version.

What the rule reads is in `stage`, what each step of a training does in `training`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self

import dagster as dg
from pydantic import Field, model_validator

from guard_pipelines.days.assets import stage_asset
from guard_pipelines.days.loop import Outcome, Scope
from guard_pipelines.external_assets import labels
from guard_pipelines.monitoring.assets import performance
from guard_pipelines.partitions import MODELS, model_of_key, require_partitions
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.heartbeat import log_heartbeat
from guard_pipelines.retraining.training_metadata import metadata_of
from guard_pipelines.tags import TRAINING_POOL

if TYPE_CHECKING:
    from guard_pipelines.retraining.training import Training
    from guard_store.retraining.training_runs import TrainingRun

_MODEL = "the model to train"
_GROUP = "retraining"


@stage_asset(stage="retrain", deps=[performance], kinds={"python"}, table="retrain")
def retrain_recommended(scope: Scope, guard: Guard) -> Outcome:
    """The retrain rule on each model's newest day: every reason with its numbers, and a flag if it recommends training. A new champion that is surely worse than the old one is rolled back."""
    from guard_pipelines.retraining.stage import evaluate_days

    return evaluate_days(scope, guard.database, guard.lake, guard.settings)


class TrainingConfig(dg.Config):
    """Run config of `training_set`: whether to raise a flag for the model first, and why."""

    force: bool = Field(default=False, description="Raise a retrain flag, unless one is active. Needs a reason.")
    reason: str = Field(default="", max_length=500, description="Why: it is recorded with the decision.")

    @model_validator(mode="after")
    def _require_reason(self) -> Self:
        if self.force and not self.reason.strip():
            raise ValueError("reason: give the reason for forcing a training, it is recorded")
        return self


@dg.asset(
    deps=[dg.AssetDep(retrain_recommended, partition_mapping=dg.AllPartitionMapping()), labels],
    partitions_def=MODELS,
    group_name=_GROUP,
    kinds={"deltalake"},
    output_required=False,
    pool=TRAINING_POOL,
)
def training_set(
    context: dg.AssetExecutionContext, config: TrainingConfig, guard: Guard
) -> Iterator[dg.MaterializeResult[None]]:
    """The labelled rows that were known when the flag was raised: which version of the lake, which days, split in time.

    Without enough of them nothing is materialised, the later steps are skipped, and the flag waits.
    """
    from guard_pipelines.retraining.flag_requests import force_flag, hold_back_short_flag

    require_partitions(context, _MODEL)
    key = model_of_key(context.partition_key)
    if config.force:
        context.log.info("flag %s", force_flag(guard.database, key, config.reason).id)
    shortage = hold_back_short_flag(guard.database, guard.lake, guard.settings, key)
    if shortage is not None:
        context.log.warning("%s is not trained: %s", context.partition_key, shortage)
        return
    yield _run_step(context, guard, lambda training: training.prepare())


@dg.asset(
    deps=[training_set], partitions_def=MODELS, group_name=_GROUP, kinds={"sklearn", "mlflow"}, pool=TRAINING_POOL
)
def candidate_model(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """The best of several models on rows later than those they learned from, trained on all training rows, logged in MLflow."""
    return _run_step(context, guard, lambda training: training.train())


@dg.asset(
    deps=[candidate_model], partitions_def=MODELS, group_name=_GROUP, kinds={"sklearn", "mlflow"}, pool=TRAINING_POOL
)
def model_evaluation(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Candidate and champion on the newest labelled days, which the candidate has not seen; and the decision on its promotion."""
    return _run_step(context, guard, lambda training: training.evaluate())


@dg.asset(deps=[model_evaluation], partitions_def=MODELS, group_name=_GROUP, kinds={"mlflow"}, pool=TRAINING_POOL)
def registered_model(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """A version of the registry: champion if the promotion rule accepts it, with a baseline of its own; otherwise challenger."""
    return _run_step(context, guard, lambda training: training.register())


def _run_step(
    context: dg.AssetExecutionContext, guard: Guard, step: "Callable[[Training], TrainingRun]"
) -> dg.MaterializeResult[None]:
    from guard_pipelines.retraining.training import Training
    from guard_pipelines.runs import is_running

    require_partitions(context, _MODEL)
    training = Training.begin(
        guard.database,
        guard.lake,
        guard.settings,
        guard.training_rows,
        model_of_key(context.partition_key),
        context.run.run_id,
        is_running=lambda run_id: is_running(context.instance, run_id),
        log=context.log.info,
    )
    with log_heartbeat(context.log.info):
        run = step(training)
    return dg.MaterializeResult(metadata=metadata_of(run, guard.settings))
