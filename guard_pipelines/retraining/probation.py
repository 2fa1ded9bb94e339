"""The probation of a champion that the rule has promoted: score both versions on the labelled days since, and roll back if it is worse.

The comparison is `ml.retraining.probation`, its state and the rollback are kept by `guard_store.retraining.probations`.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from guard_core.columns import FEATURE_PREFIX, LABEL
from guard_core.names import display_name
from guard_core.project_settings.promotion import PromotionSettings
from guard_core.settings import Settings
from guard_pipelines.monitoring.stages.lake_columns import read_day
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import CHAMPION_ACTIONS, DecisionStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.probations import Probation, ProbationOverError, ProbationStore, is_promotion_by_rule
from guard_store.retraining.registry import CHAMPION, Registry
from guard_store.retraining.training_runs import TrainingRun, TrainingRunStore
from ml.monitoring.performance.tasks import Task
from ml.retraining.predictor.errors import ModelError
from ml.retraining.predictor.load import load_native_predictor
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.trust import Trust
from ml.retraining.probation import Look, is_look_due, look_at
from ml.retraining.promotion import Answers, PairedAnswers
from ml.retraining.training.features import has_label, targets
from ml.retraining.training.held_out import answers_of


def probation_at_promotion(evaluation: Mapping[str, Any], settings: PromotionSettings) -> Probation | None:
    """Return the probation with which a promoted version begins; None if it is switched off or there is no old champion to return to."""
    against = evaluation["champion_version"]
    if not settings.probation_days or against is None or evaluation["against"] != "champion":
        return None
    return Probation(against, settings.probation_days)


def advance_probation(database: Database, lake: Lake, settings: Settings, item: DayState) -> str:
    """Look at the champion of a model on the labelled days up to the item's, and roll back if it is surely worse.

    What a look has found is stored before the rollback: a run that was killed in between is completed by the next one.

    Returns
    -------
    How far the probation is, in words; empty if no version is on probation.

    Raises
    ------
    RegistryUnavailableError
        If the registry does not answer; the day must be tried again.
    """
    watched = _find(database, *item.key[:2])
    if watched is None:
        return ""
    registry, store = Registry(settings.storage.mlflow), ProbationStore(database)
    if watched.probation.state == "watching":
        watched = replace(watched, probation=_advance(watched, database, lake, settings, registry, item))
    if watched.probation.state == "worse":
        watched = replace(watched, probation=_roll_back(watched, store, registry, item.request_id))
    return watched.in_words()


@dataclass(frozen=True)
class _Watched:
    """A version on probation, with the flag and the training that produced it."""

    flag: Flag
    run: TrainingRun
    probation: Probation

    @property
    def key(self) -> tuple[str, str]:
        return self.run.project_id, self.run.model_id

    @property
    def version(self) -> str:
        return str(self.run.model_version)

    @property
    def task(self) -> Task:
        task: Task = (self.run.evaluation or {})["task"]
        return task

    def in_words(self) -> str:
        probation = self.probation
        days = f"{probation.days} of {probation.of_days} labelled days"
        return f"version {self.version} against {probation.against}: {probation.state.replace('_', ' ')}, {days}"


def _find(database: Database, project_id: str, model_id: str) -> _Watched | None:
    """Find the version that the last decision, one of the rule, has promoted, if its probation is not over."""
    decision = DecisionStore(database).last(project_id, model_id, *CHAMPION_ACTIONS)
    if decision is None or decision.version is None or not is_promotion_by_rule(decision, decision.version):
        return None
    run = TrainingRunStore(database).of_version(project_id, model_id, decision.version)
    flag = None if run is None else FlagStore(database).flag(run.flag_id)
    probation = None if run is None else Probation.of(run.evaluation)
    if run is None or flag is None or probation is None or probation.state not in ("watching", "worse"):
        return None
    return _Watched(flag, run, probation)


def _advance(
    watched: _Watched, database: Database, lake: Lake, settings: Settings, registry: Registry, item: DayState
) -> Probation:
    """Look at the labelled days, if there are new ones, and store the result."""
    probation = watched.probation
    snapshot = lake.snapshot(*watched.key)
    days = {} if snapshot is None else _count_labelled_rows(snapshot, watched, item.day)
    min_rows = ProjectStore(database).model_settings(*watched.key, PromotionSettings).min_rows
    if snapshot is None or not is_look_due(len(days), sum(days.values()), probation.days, min_rows):
        return probation
    ended = _find_end(watched, registry)
    after = replace(probation, state="ended", reason=ended)
    if ended is None:
        try:
            after = _after_look(watched, _look(watched, registry, snapshot, list(days), settings), max(days))
        except ModelError as error:  # no later attempt could read that version
            after = replace(probation, state="ended", reason=f"a version cannot be loaded: {error}")
    if after != probation:
        ProbationStore(database).record(watched.flag.id, after)
    return after


def _count_labelled_rows(snapshot: LakeSnapshot, watched: _Watched, last_day: str) -> dict[str, int]:
    """Count the rows with a label on the first labelled days of the probation, by day; those before are known to the new champion."""
    counts: dict[str, int] = {}
    for day in snapshot.days:
        if watched.flag.day < day <= last_day and len(counts) < watched.probation.of_days:
            labels = read_day(snapshot, day, [LABEL])
            rows = int(np.count_nonzero(has_label(labels, watched.task)))
            counts |= {day: rows} if rows else {}
    return counts


def _find_end(watched: _Watched, registry: Registry) -> str | None:
    """Return the reason for which there is nothing to compare or to roll back any more."""
    champion = registry.aliases(*watched.key).get(CHAMPION)
    if champion != watched.version:
        return f"the registry has version {champion} as champion, without a decision on record"
    if registry.version(*watched.key, watched.probation.against) is None:
        return f"version {watched.probation.against} is not in the registry any more"
    return None


def _look(watched: _Watched, registry: Registry, snapshot: LakeSnapshot, days: list[str], settings: Settings) -> Look:
    with tempfile.TemporaryDirectory() as scratch:
        new, old = (
            load_native_predictor(
                registry.download(*watched.key, version, Path(scratch) / version),
                Trust.of(settings.predict),
            )
            for version in (watched.version, watched.probation.against)
        )
        pair = _score(new, old, snapshot, days)
    return look_at(pair, watched.probation.days, watched.probation.of_days)


def _score(new: NativePredictor, old: NativePredictor, snapshot: LakeSnapshot, days: list[str]) -> PairedAnswers:
    """Score both versions day by day, so that the features of only one day are in memory."""
    target = new.schema.target
    columns = [LABEL, *(name for name in snapshot.columns if name.startswith(FEATURE_PREFIX))]
    labels, answers, rows = [], [], []
    for day in days:
        table = read_day(snapshot, day, columns)
        table = table.filter(has_label(table, target.task))
        labels.append(targets(table, target.task))
        answers.append((answers_of(new, table), answers_of(old, table, target)))
        rows.append(len(table))
    ours, theirs = (_join([pair[place] for pair in answers]) for place in (0, 1))
    return PairedAnswers(target, np.concatenate(labels), ours, theirs, np.repeat(np.array(days, dtype=object), rows))


def _join(answers: list[Answers]) -> Answers:
    probabilities = [part.y_proba for part in answers if part.y_proba is not None]
    return Answers(
        np.concatenate([part.y_pred for part in answers]), np.concatenate(probabilities) if probabilities else None
    )


def _after_look(watched: _Watched, look: Look, last_day: str) -> Probation:
    probation = watched.probation
    if not look.is_defined:
        return probation
    after = replace(
        probation,
        days=look.days,
        rows=look.rows,
        last_day=last_day,
        metric=look.metric,
        gain=asdict(look.gain),
        state="worse" if look.is_worse else "passed" if look.days == probation.of_days else "watching",
    )
    reason = (
        f"on probation, {display_name(look.metric)} of version {watched.version} is worse than that of version"
        f" {probation.against}: by {look.gain.in_words()}, on {look.days} labelled days up to {last_day}"
    )
    return replace(after, reason=reason) if look.is_worse else after


def _roll_back(watched: _Watched, store: ProbationStore, registry: Registry, request_id: str | None) -> Probation:
    """Roll back, unless the alias was moved to a third version; it may have been moved by a run that was killed after it."""
    probation = watched.probation
    champion = registry.aliases(*watched.key).get(CHAMPION)
    if champion not in (watched.version, probation.against):
        ended = replace(
            probation, state="ended", reason=f"the registry has version {champion} as champion, without a decision"
        )
        store.record(watched.flag.id, ended)
        return ended
    try:
        return store.roll_back(registry, watched.flag, watched.run, probation, request_id=request_id)
    except ProbationOverError as error:  # what was decided meanwhile stands
        ended = replace(probation, state="ended", reason=str(error))
        store.record(watched.flag.id, ended)
        return ended
