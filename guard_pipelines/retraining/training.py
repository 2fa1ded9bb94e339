"""The four steps from a flag to a registered version: data, candidate, evaluation, registration.

Each step continues from what is already stored, so that a run that was killed at any point is completed by the next one.
Training and evaluation are computed by `ml`.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from guard_core import page_addresses
from guard_core.columns import PREDICTION
from guard_core.ids import registered_name
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.project import S, settings_of_model
from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.training import TrainingSpec
from guard_core.settings import Settings
from guard_pipelines.retraining.new_baseline import capture_baseline
from guard_pipelines.retraining.probation import probation_at_promotion
from guard_pipelines.retraining.training_data import TrainingRows, choose_rows
from guard_pipelines.retraining.training_facts import facts_of, tags_of
from guard_store.db.database import Database
from guard_store.lake.store import Lake
from guard_store.monitoring.kinds import KindStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import Action, Decision, DecisionStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore, FlagTakenError
from guard_store.retraining.registry import CHALLENGER, CHAMPION, FLAG_TAG, Registry
from guard_store.retraining.training_runs import TrainingRun, TrainingRunStore
from ml.retraining.predictor.load import load_native_predictor
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.trust import Trust
from ml.retraining.training.evaluate import evaluate, write_evaluation
from ml.retraining.training.log_run import LEFT_OUT, MODEL, Tracking, finished_run, log_candidate, log_evaluation
from ml.retraining.training.train import train

RUN_TAG = "ml_guard.dagster_run_id"
_SEED = 2013


class ChampionChangedError(Exception):
    """The champion has changed since the candidate was compared with it."""


@dataclass(frozen=True)
class Training:
    """The training for a model's active flag, in one run."""

    database: Database
    lake: Lake
    settings: Settings
    rows: TrainingRows
    flag: Flag
    run_id: str
    log: Callable[[str], None]

    @classmethod
    def begin(
        cls,
        database: Database,
        lake: Lake,
        settings: Settings,
        rows: TrainingRows,
        key: tuple[str, str],
        run_id: str,
        *,
        is_running: Callable[[str], bool],
        log: Callable[[str], None],
    ) -> "Training":
        """Take the active flag of a model.

        Raises
        ------
        FlagTakenError
            If there is no active flag, or a run that has not ended is training for it.
        """
        store = FlagStore(database)
        flag = store.active(*key)
        if flag is None:
            page = f"{settings.server.public_address}{page_addresses.model(*key, 'versions')}"
            raise FlagTakenError(
                f"{key[0]}/{key[1]} has no active retrain flag: materialise training_set with the run config"
                f" {{force: true, reason: …}}, or force one on {page}"
            )
        if flag.dagster_run_id not in (None, run_id) and is_running(str(flag.dagster_run_id)):
            raise FlagTakenError(f"run {flag.dagster_run_id} trains for flag {flag.id}: one at a time")
        store.start(flag, run_id)
        return cls(database, lake, settings, rows, flag, run_id, log)

    @property
    def key(self) -> tuple[str, str]:
        """Project and model."""
        return self.flag.project_id, self.flag.model_id

    def prepare(self) -> TrainingRun:
        """Choose the rows, once for a flag."""
        stored = self._store.of_flag(self.flag.id)
        if stored is not None:
            self._store.advance(self.flag.id, stored.state, dagster_run_id=self.run_id)
            return stored
        timezone = self._project.timezone
        chosen = choose_rows(self.lake, self.flag, timezone, self._spec)
        return self._store.prepare(self.flag, chosen, self.run_id)

    def train(self) -> TrainingRun:
        """Train a candidate and log it in MLflow, once for a flag."""
        run = self._run
        if run.mlflow_run_id is None:
            mlflow_run_id = finished_run(self._tracking, self._experiment, FLAG_TAG, self.flag.id)
            if mlflow_run_id is None:
                data = self.rows.of(self.lake, self.flag, run.data)
                if data.repeats:
                    self.log(data.repeats_in_words())
                kind = KindStore(self.database).of(*self.key).get(PREDICTION)
                labels = self._section(LabelSettings)
                trained = train(
                    data.trained_on, self._spec, self.log, _SEED, labels=labels, prediction_kind=kind, trust=self._trust
                )
                tags = {FLAG_TAG: self.flag.id, RUN_TAG: self.run_id, **tags_of(self.flag, run)}
                mlflow_run_id = log_candidate(self._tracking, self._experiment, trained, tags)
            self._store.advance(self.flag.id, "trained", mlflow_run_id=mlflow_run_id)
        return self._run

    def evaluate(self) -> TrainingRun:
        """Compare the candidate with the champion on the held-out days, once for a flag and champion."""
        run = self._run
        if run.evaluation is not None:
            return run
        champion_version = self._registry.aliases(*self.key).get(CHAMPION)
        with tempfile.TemporaryDirectory() as scratch:
            candidate = self._load_candidate(run, Path(scratch) / "candidate")
            champion = (
                None if champion_version is None else self._load_version(champion_version, Path(scratch) / "champion")
            )
            rows = self.rows.of(self.lake, self.flag, run.data)
            settings = self._section(PromotionSettings)
            tries = 1 + self._store.count_evaluations(self.flag, run.data)
            rng = np.random.default_rng(_SEED)
            evaluation, answers = evaluate(candidate, champion, rows, settings, rng, tries)
            evaluation["champion_version"] = champion_version
            folder = Path(scratch) / "evaluation"
            folder.mkdir()
            left_out = self._registry.run_file(str(run.mlflow_run_id), LEFT_OUT, Path(scratch))
            facts = facts_of(self.flag, run, self._tracking, left_out)
            write_evaluation(folder, candidate, rows, evaluation, answers, facts)
            metrics = {name: metric["value"] for name, metric in evaluation["candidate"]["metrics"].items()}
            defined = {name: value for name, value in metrics.items() if value is not None}
            log_evaluation(self._tracking, str(run.mlflow_run_id), defined, folder)
        for reason in evaluation["reasons"]:
            self.log(("promoted: " if evaluation["promote"] else "not promoted: ") + reason)
        self._store.advance(self.flag.id, "evaluated", evaluation=evaluation)
        return self._run

    def register(self) -> TrainingRun:
        """Register the candidate; make it the champion if the promotion rule accepts it, and the challenger otherwise.

        The alias is moved last: before that the version is not served; after it only the flag remains to be marked as done.
        If a person has decided against the version meanwhile, no alias is moved.

        Raises
        ------
        ChampionChangedError
            If the present champion is not the one that it was compared with; the next attempt compares again.
        FlagTakenError
            If another run has finished the flag.
        """
        run = self._run
        evaluation: Mapping[str, Any] = run.evaluation or {}
        registered = self._registry.register(*self.key, str(run.mlflow_run_id), artifact=MODEL, flag_id=self.flag.id)
        current = self._registry.aliases(*self.key).get(CHAMPION)
        compared, reasons = evaluation["champion_version"], evaluation["reasons"]
        opposing = None if current == registered.version else self._find_opposing_decision(run, registered.version)
        action: Action = "promoted" if evaluation["promote"] and opposing is None else "rejected"
        if opposing is not None:
            reasons = [f"a person has decided against it meanwhile ({opposing.action}): {opposing.reason}", *reasons]
        elif action == "promoted":
            if current not in (compared, registered.version):
                self._store.advance(self.flag.id, "trained", evaluation=None)
                raise ChampionChangedError(f"champion was version {compared}, now it is {current}: compare again")
            self._promote(run, registered.version)
        elif current != registered.version:
            self._registry.set_alias(*self.key, CHALLENGER, registered.version)
        self._store.finish(
            self.flag,
            action=action,
            reason="; ".join(reasons),
            version=registered.version,
            champion_before=compared if action == "promoted" else current,
        )
        self.log(f"version {registered.version} of {registered_name(*self.key)}: {action}")
        return self._run

    def _find_opposing_decision(self, run: TrainingRun, version: str) -> Decision | None:
        """Find a decision of a person since this training began, maybe after a run of it that moved an alias and was killed."""
        return DecisionStore(self.database).against(*self.key, version, run.created_us)

    def _promote(self, run: TrainingRun, version: str) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            candidate = self._load_candidate(run, Path(scratch))
            baseline = capture_baseline(self.database, self.lake, self.flag, run.data, candidate)
        evaluation = run.evaluation or {}
        probation = probation_at_promotion(evaluation, self._section(PromotionSettings))
        if probation is not None:
            evaluation = probation.add_to(evaluation)
        self._store.advance(
            self.flag.id, run.state, baseline_id=baseline.id, model_version=version, evaluation=evaluation
        )
        self._registry.set_alias(*self.key, CHAMPION, version)
        # A challenger that waited for promotion has lost to this version.
        self._registry.delete_alias(*self.key, CHALLENGER)

    def _load_candidate(self, run: TrainingRun, folder: Path) -> NativePredictor:
        model_folder = self._registry.run_folder(str(run.mlflow_run_id), MODEL, folder)
        return load_native_predictor(model_folder, self._trust)

    def _load_version(self, number: str, folder: Path) -> NativePredictor:
        model_folder = self._registry.download(*self.key, number, folder)
        return load_native_predictor(model_folder, self._trust)

    def _section(self, section: type[S]) -> S:
        return settings_of_model(self._project.settings, self.flag.model_id, section)

    @cached_property
    def _project(self) -> Any:
        project = ProjectStore(self.database).get(self.flag.project_id)
        if project is None:
            raise LookupError(f"project {self.flag.project_id} does not exist any more")
        return project

    @property
    def _run(self) -> TrainingRun:
        run = self._store.of_flag(self.flag.id)
        if run is None:
            raise LookupError(f"flag {self.flag.id} has no training set yet: materialise training_set first")
        return run

    @property
    def _spec(self) -> TrainingSpec:
        return self._section(TrainingSpec)

    @property
    def _store(self) -> TrainingRunStore:
        return TrainingRunStore(self.database)

    @cached_property
    def _registry(self) -> Registry:
        return Registry(self.settings.storage.mlflow)

    @property
    def _tracking(self) -> Tracking:
        return Tracking(self.settings.storage.mlflow, self.settings.storage.mlflow_artifacts)

    @property
    def _trust(self) -> Trust:
        return Trust.of(self.settings.predict)

    @property
    def _experiment(self) -> str:
        return registered_name(*self.key)
