"""Service behind the version routes: versions joined from registry, training runs and decisions; decisions by people.

Decisions by the pipelines are made in `ml.retraining.promotion`.
"""

import json
import tempfile
from pathlib import Path

from guard_core.ttl_cache import TtlCache
from guard_store.db.database import Database
from guard_store.retraining.champions import make_champion
from guard_store.retraining.decisions import CHAMPION_ACTIONS, Action, Actor, DecisionStore, write_decision
from guard_store.retraining.probations import without_probation
from guard_store.retraining.registry import CHALLENGER, CHAMPION, ModelVersion, Registry
from guard_store.retraining.shadow import ShadowStore
from guard_store.retraining.training_runs import TrainingRunStore
from ml.retraining.training.curves import CURVES
from ml.retraining.training.log_run import EVALUATION
from serving.http.paging import Page
from serving.http.problems import Conflict, NotFound
from serving.retraining.versions.schemas import Comparison, Curves, DecisionView, ShadowView, VersionDetail, VersionView

_MAX_ROWS = 1_000
_FILES_S, _MAX_FILES = 3_600, 300


class VersionService:
    """Read versions from the registry, and record decisions about them."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        trainings: TrainingRunStore,
        decisions: DecisionStore,
        shadow: ShadowStore,
    ) -> None:
        self._database = database
        self._registry = registry
        self._trainings = trainings
        self._decisions = decisions
        self._shadow = shadow
        # The files of a run do not change once they are written.
        self._files: TtlCache[tuple[str, str], str] = TtlCache(_FILES_S, _MAX_FILES)

    def decisions(self, project_id: str, model_id: str, limit: int) -> Page[DecisionView]:
        """Return the newest decisions about a model, newest first."""
        return Page.whole(
            map(DecisionView.of, self._decisions.newest(project_id, model_id, limit)), empty="no_decisions"
        )

    def shadow(self, project_id: str, model_id: str, limit: int) -> Page[ShadowView]:
        """Return the newest comparisons between challenger and champion, by local day."""
        return Page.whole(
            map(ShadowView.of, self._shadow.of_model(project_id, model_id, limit)), empty="no_comparisons"
        )

    def versions(self, project_id: str, model_id: str) -> list[VersionView]:
        """Return all versions, newest first."""
        runs = {run.mlflow_run_id: run for run in self._trainings.newest(project_id, model_id, _MAX_ROWS)}
        versions = self._registry.versions(project_id, model_id)
        made_champion = self._decisions.last(project_id, model_id, *CHAMPION_ACTIONS)
        return [VersionView.of(version, runs.get(version.run_id), made_champion) for version in versions]

    def detail(self, project_id: str, model_id: str, number: str) -> VersionDetail:
        """Return a version with its cards, its evaluation and the decisions about it.

        Raises
        ------
        NotFound
            If there is no such version.
        """
        version = self._version(project_id, model_id, number)
        view = self._view(version)
        run = self._trainings.of_run(version.run_id) if version.run_id else None
        decisions = self._decisions.newest(project_id, model_id, _MAX_ROWS, version=number)
        return VersionDetail(
            **view.model_dump(),
            evaluation=None if run is None or run.evaluation is None else without_probation(run.evaluation),
            decisions=[DecisionView.of(decision) for decision in decisions],
            model_card=self._read_file(version, f"{EVALUATION}/model_card.md"),
            data_card=self._read_file(version, f"{EVALUATION}/data_card.md"),
        )

    def curves(self, project_id: str, model_id: str, number: str) -> Curves:
        """Return the curves of a version, and of the model that it was compared with.

        Raises
        ------
        NotFound
            If there is no such version.
        """
        content = self._read_file(self._version(project_id, model_id, number), f"{EVALUATION}/{CURVES}")
        return Curves(state="no_curves") if content is None else Curves(state="ok", **json.loads(content))

    def compare(self, project_id: str, model_id: str, a: str, b: str) -> Comparison:
        """Compare two versions metric by metric.

        Raises
        ------
        NotFound
            If one of them does not exist.
        """
        first, second = (self._view(self._version(project_id, model_id, number)) for number in (a, b))
        metrics: dict[str, dict[str, float | None]] = {}
        for name in [*(first.metrics or {}), *(second.metrics or {})]:
            values = [(view.metrics or {}).get(name, {}).get("value") for view in (first, second)]
            is_comparable = None not in values
            metrics[name] = {
                "a": values[0],
                "b": values[1],
                "difference": values[1] - values[0] if is_comparable else None,
            }
        return Comparison(a=first, b=second, same_days=_days(first) == _days(second) is not None, metrics=metrics)

    def promote(self, project_id: str, model_id: str, number: str, reason: str, actor: Actor) -> VersionView:
        """Make a version the champion.

        Raises
        ------
        NotFound
            If there is no such version.
        Conflict
            If the version is already the champion.
        """
        version = self._version(project_id, model_id, number)
        aliases = self._registry.aliases(project_id, model_id)
        if aliases.get(CHAMPION) == number:
            raise Conflict(f"Version {number} is the champion already.")
        return self._make_champion(version, "promoted", reason, actor)

    def reject(self, project_id: str, model_id: str, number: str, reason: str, actor: Actor) -> VersionView:
        """Reject a version: record the decision, and remove the alias `challenger` if the version has it.

        Raises
        ------
        NotFound
            If there is no such version.
        Conflict
            If the version is the champion.
        """
        version = self._version(project_id, model_id, number)
        aliases = self._registry.aliases(project_id, model_id)
        if aliases.get(CHAMPION) == number:
            raise Conflict(f"Version {number} is the champion: roll back, or promote another one.")
        with self._database.write() as connection:
            write_decision(
                connection,
                project_id,
                model_id,
                "rejected",
                reason=reason,
                actor=actor,
                version=number,
                champion_before=aliases.get(CHAMPION),
            )
            if aliases.get(CHALLENGER) == number:
                self._registry.delete_alias(project_id, model_id, CHALLENGER)
        return self._view(self._version(version.project_id, version.model_id, number))

    def roll_back(self, project_id: str, model_id: str, reason: str, actor: Actor) -> VersionView:
        """Make the predecessor of the present champion the champion again; a second rollback goes back one more version.

        Raises
        ------
        Conflict
            If the present champion has no predecessor.
        """
        champion = self._registry.aliases(project_id, model_id).get(CHAMPION)
        # Only promotions count: the rollback that made this version champion would lead back to the version it replaced.
        previous = None if champion is None else self._champion_before(project_id, model_id, champion)
        if previous is None:
            raise Conflict(f"Model {model_id!r} has no champion before the present one.")
        version = self._version(project_id, model_id, previous)
        return self._make_champion(version, "rolled_back", reason, actor)

    def _make_champion(self, version: ModelVersion, action: Action, reason: str, actor: Actor) -> VersionView:
        key = version.project_id, version.model_id
        make_champion(
            self._database,
            self._registry,
            key,
            version.version,
            action,
            reason=reason,
            actor=actor,
            champion_before=self._registry.aliases(*key).get(CHAMPION),
        )
        return self._view(self._version(*key, version.version))

    def _champion_before(self, project_id: str, model_id: str, number: str) -> str | None:
        promotion = self._decisions.last(project_id, model_id, "promoted", version=number)
        if promotion is not None:
            return promotion.champion_before
        # A training that was killed after it moved the alias has recorded no decision.
        run = self._trainings.of_version(project_id, model_id, number)
        evaluation = None if run is None else run.evaluation
        return None if evaluation is None else evaluation["champion_version"]

    def _version(self, project_id: str, model_id: str, number: str) -> ModelVersion:
        version = self._registry.version(project_id, model_id, number)
        if version is None:
            raise NotFound(f"Model {model_id!r} has no version {number}.")
        return version

    def _view(self, version: ModelVersion) -> VersionView:
        run = self._trainings.of_run(version.run_id) if version.run_id else None
        made_champion = self._decisions.last(version.project_id, version.model_id, *CHAMPION_ACTIONS)
        return VersionView.of(version, run, made_champion)

    def _read_file(self, version: ModelVersion, path: str) -> str | None:
        if version.run_id is None:
            return None
        key = version.run_id, path
        content = self._files.get(key)
        if content is None:
            with tempfile.TemporaryDirectory() as scratch:
                file = self._registry.run_file(*key, Path(scratch))
                content = None if file is None else file.read_text(encoding="utf-8")
            if content is not None:
                self._files.put(key, content)
        return content


def _days(view: VersionView) -> tuple[str, str] | None:
    return None if view.data is None else (view.data["held_first_day"], view.data["held_last_day"])
