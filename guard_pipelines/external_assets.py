"""External assets: what the pipelines read or serve and do not make, so that the graph reads from received events to `/predict`.

The job `observe_external_assets` observes them. Only three have a data version: why is in docs/decisions/0043-external-assets.md.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg

from guard_core.days import from_microseconds
from guard_pipelines.resources import Guard

_API = "api"

prediction_events = dg.AssetSpec(
    "prediction_events",
    group_name=_API,
    kinds={"fastapi"},
    description="Events that applications have sent to /api/v1/events, and those of /predict. Which days of them are not processed yet is in the check"
    " days_processed.",
)
labels = dg.AssetSpec(
    "labels",
    group_name=_API,
    kinds={"fastapi"},
    description="Labels that applications have sent to /api/v1/labels, with the event that each belongs to.",
)
baselines = dg.AssetSpec(
    "baselines",
    group_name="monitoring",
    kinds={"sql"},
    description="Baselines that users or trainings have captured, and which of them is active in each model. Days that a new one applies to are"
    " evaluated again by themselves.",
)
model_registry = dg.AssetSpec(
    "model_registry",
    deps=["registered_model"],
    group_name="retraining",
    kinds={"mlflow"},
    description="Champion and challenger of each model in MLflow, as promotions, rollbacks and users have chosen them.",
)
predict_api = dg.AssetSpec(
    "predict_api",
    deps=[model_registry],
    group_name=_API,
    kinds={"fastapi"},
    description="/predict: answers of the champions, which are stored as prediction_events.",
)
content_policies = dg.AssetSpec(
    "content_policies",
    group_name="governance",
    kinds={"yaml"},
    description="The file ML_GUARD_LLM_POLICIES: what may be sent to language models and come back.",
)
gateway_calls = dg.AssetSpec(
    "gateway_calls",
    deps=[content_policies],
    group_name=_API,
    kinds={"fastapi"},
    description="Calls of language models through the gateway, with their usage.",
)
knowledge_sources = dg.AssetSpec(
    "knowledge_sources",
    group_name="knowledge",
    kinds={"file"},
    description="Files of ML_GUARD_KNOWLEDGE_URL: their names, sizes and times of change.",
)


def _observe_events(guard: Guard) -> dg.ObserveResult:
    from guard_store.day_state.store import DayStateStore

    totals = DayStateStore(guard.database).totals()
    numbers: dict[str, str | int] = {
        "events": totals.events,
        "models": totals.models,
        "newest_day": totals.newest_day or "none",
    }
    return dg.ObserveResult(asset_key=prediction_events.key, metadata=numbers)


def _observe_labels(guard: Guard) -> dg.ObserveResult:
    from guard_store.day_state.store import DayStateStore

    return dg.ObserveResult(asset_key=labels.key, metadata={"labels": DayStateStore(guard.database).totals().labels})


def _observe_baselines(guard: Guard) -> dg.ObserveResult:
    from guard_store.monitoring.baselines import BaselineStore

    active = BaselineStore(guard.database).all_active()
    newest_us = max((baseline.created_us for baseline in active), default=None)
    newest = {} if newest_us is None else {"newest": dg.MetadataValue.timestamp(from_microseconds(newest_us))}
    return dg.ObserveResult(asset_key=baselines.key, metadata={"models": len(active), **newest})


def _observe_registry(guard: Guard) -> dg.ObserveResult:
    from guard_store.retraining.registry import CHAMPION, Registry

    aliases = Registry(guard.settings.storage.mlflow).all_aliases()
    version = _hash(sorted((key, sorted(of_model.items())) for key, of_model in aliases.items()))
    champions = sum(CHAMPION in of_model for of_model in aliases.values())
    return dg.ObserveResult(
        asset_key=model_registry.key, data_version=version, metadata={"models": len(aliases), "champions": champions}
    )


def _observe_policies(guard: Guard) -> dg.ObserveResult:
    file = guard.settings.llm.policies
    return dg.ObserveResult(
        asset_key=content_policies.key, data_version=_version_of(file), metadata={"file": str(file or "built-in")}
    )


def _version_of(file: Path | None) -> dg.DataVersion:
    if file is None:
        return dg.DataVersion("built-in")
    try:
        return _hash(file.read_bytes())
    except FileNotFoundError:  # a code server on another machine than the API needs none
        return dg.DataVersion("no such file")


def _observe_knowledge(guard: Guard) -> dg.ObserveResult:
    from guard_store.knowledge.store import Sources

    sources = Sources(guard.settings.knowledge.location)
    try:
        version, files = sources.stamp(), len(sources.names())
    except FileNotFoundError:  # an installation without a knowledge base
        version, files = "no such folder", 0
    return dg.ObserveResult(
        asset_key=knowledge_sources.key, data_version=dg.DataVersion(version), metadata={"files": files}
    )


def _hash(content: object) -> dg.DataVersion:
    data = content if isinstance(content, bytes) else repr(content).encode()
    return dg.DataVersion(hashlib.sha256(data).hexdigest())


# Those of the database first: sources may be in S3, which may not answer, and what was observed before stays.
_OBSERVED: Sequence[tuple[dg.AssetSpec, Callable[[Guard], dg.ObserveResult]]] = (
    (prediction_events, _observe_events),
    (labels, _observe_labels),
    (baselines, _observe_baselines),
    (content_policies, _observe_policies),
    (knowledge_sources, _observe_knowledge),
)

with warnings.catch_warnings():
    # The lock file keeps the version of Dagster that was tested.
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Function `multi_observable_source_asset`")

    @dg.multi_observable_source_asset(specs=[spec for spec, _ in _OBSERVED], can_subset=True)  # type: ignore[untyped-decorator]
    def observe_inputs(context: dg.AssetExecutionContext, guard: Guard) -> Iterator[dg.ObserveResult]:
        """Observe what is selected: sums of a table, the number of active baselines and when the newest was captured, one file, a list of files."""
        for spec, observe in _OBSERVED:
            if spec.key in context.selected_asset_keys:
                yield observe(guard)

    # By a function of its own: the registry depends, through other assets, on those above.
    @dg.multi_observable_source_asset(specs=[model_registry])  # type: ignore[untyped-decorator]
    def observe_registry(guard: Guard) -> dg.ObserveResult:
        """Observe the aliases of all models."""
        return _observe_registry(guard)


OBSERVED = (*(spec for spec, _ in _OBSERVED), model_registry)
"""What the job `observe_external_assets` observes."""

EXTERNAL = (observe_inputs, observe_registry, predict_api, gateway_calls)
"""All external assets, for the definitions."""
