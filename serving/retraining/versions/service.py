"""Versions as the registry, the trainings and the decisions know them; and decisions of people about them."""

import tempfile
from pathlib import Path

from guard_store.retraining import alert_facts
from guard_store.retraining.decisions import Action, Actor, write_decision
from guard_store.retraining.registry import CHALLENGER, CHAMPION, ModelVersion
from ml.retraining.training.log_run import EVALUATION
from serving.http.problems import Conflict, NotFound
from serving.retraining.versions.schemas import Comparison, DecisionView, VersionDetail, VersionView
from serving.services import Services

_MANY = 1_000


def versions(services: Services, project_id: str, model_id: str) -> list[VersionView]:
    """All versions, newest first."""
    runs = {run.mlflow_run_id: run for run in services.trainings.newest(project_id, model_id, _MANY)}
    found = services.registry.versions(project_id, model_id)
    return [VersionView.of(version, runs.get(version.run_id)) for version in found]


def detail(services: Services, project_id: str, model_id: str, number: str) -> VersionDetail:
    """One version with all that is known of it.

    Raises
    ------
    NotFound
        Where there is no such version.
    """
    version = _version(services, project_id, model_id, number)
    view = _view(services, version)
    run = services.trainings.of_run(version.run_id) if version.run_id else None
    decisions = services.decisions.newest(project_id, model_id, _MANY, version=number)
    return VersionDetail(
        **view.model_dump(),
        evaluation=None if run is None or run.evaluation is None else dict(run.evaluation),
        decisions=[DecisionView.of(decision) for decision in decisions],
        model_card=_file(services, version, f"{EVALUATION}/model_card.md"),
        data_card=_file(services, version, f"{EVALUATION}/data_card.md"),
    )


def compare(services: Services, project_id: str, model_id: str, a: str, b: str) -> Comparison:
    """Two versions side by side.

    Raises
    ------
    NotFound
        Where one of them does not exist.
    """
    first, second = (_view(services, _version(services, project_id, model_id, number)) for number in (a, b))
    metrics: dict[str, dict[str, float | None]] = {}
    for name in [*(first.metrics or {}), *(second.metrics or {})]:
        values = [(one.metrics or {}).get(name, {}).get("value") for one in (first, second)]
        known = None not in values
        metrics[name] = {"a": values[0], "b": values[1], "difference": values[1] - values[0] if known else None}
    return Comparison(a=first, b=second, same_days=_days(first) == _days(second) is not None, metrics=metrics)


def promote(services: Services, project_id: str, model_id: str, number: str, reason: str, actor: Actor) -> VersionView:
    """Make a version the champion.

    Raises
    ------
    NotFound, Conflict
        Where there is no such version, or it is the champion already.
    """
    version = _version(services, project_id, model_id, number)
    aliases = services.registry.aliases(project_id, model_id)
    if aliases.get(CHAMPION) == number:
        raise Conflict(f"Version {number} is the champion already.")
    return _make_champion(services, version, "promoted", reason, actor)


def reject(services: Services, project_id: str, model_id: str, number: str, reason: str, actor: Actor) -> VersionView:
    """Take the challenger's alias from a version.

    Raises
    ------
    NotFound, Conflict
        Where there is no such version, or it is the champion.
    """
    version = _version(services, project_id, model_id, number)
    aliases = services.registry.aliases(project_id, model_id)
    if aliases.get(CHAMPION) == number:
        raise Conflict(f"Version {number} is the champion: roll back, or promote another one.")
    with services.database.write() as connection:
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
            services.registry.delete_alias(project_id, model_id, CHALLENGER)
    return _view(services, _version(services, version.project_id, version.model_id, number))


def roll_back(services: Services, project_id: str, model_id: str, reason: str, actor: Actor) -> VersionView:
    """Make the champion that the present one has replaced the champion again; once more goes one further back.

    Raises
    ------
    Conflict
        Where the present champion is the first one.
    """
    now = services.registry.aliases(project_id, model_id).get(CHAMPION)
    # A rollback to this version does not count: it would lead back to what was worse.
    before = None if now is None else _champion_before(services, project_id, model_id, now)
    if before is None:
        raise Conflict(f"Model {model_id!r} has no champion before the present one.")
    version = _version(services, project_id, model_id, before)
    return _make_champion(services, version, "rolled_back", reason, actor)


def _make_champion(services: Services, version: ModelVersion, action: Action, reason: str, actor: Actor) -> VersionView:
    """Record and move in one: where the registry fails, nothing is recorded."""
    key = version.project_id, version.model_id
    aliases = services.registry.aliases(*key)
    with services.database.write() as connection:
        write_decision(
            connection,
            *key,
            action,
            reason=reason,
            actor=actor,
            version=version.version,
            champion_before=aliases.get(CHAMPION),
        )
        alert_facts.write_decided_fact(
            connection,
            *key,
            action,
            reason=reason,
            version=version.version,
            champion=aliases.get(CHAMPION),
            request_id=actor.request_id,
        )
        services.registry.set_alias(*key, CHAMPION, version.version)
    if aliases.get(CHALLENGER) == version.version:
        services.registry.delete_alias(*key, CHALLENGER)
    return _view(services, _version(services, *key, version.version))


def _champion_before(services: Services, project_id: str, model_id: str, number: str) -> str | None:
    made = services.decisions.last(project_id, model_id, "promoted", version=number)
    if made is not None:
        return made.champion_before
    # A training that was killed after it had moved the alias has not recorded its decision.
    run = services.trainings.of_version(project_id, model_id, number)
    evaluation = None if run is None else run.evaluation
    return None if evaluation is None else evaluation["champion_version"]


def _version(services: Services, project_id: str, model_id: str, number: str) -> ModelVersion:
    found = services.registry.version(project_id, model_id, number)
    if found is None:
        raise NotFound(f"Model {model_id!r} has no version {number}.")
    return found


def _view(services: Services, version: ModelVersion) -> VersionView:
    run = services.trainings.of_run(version.run_id) if version.run_id else None
    return VersionView.of(version, run)


def _days(view: VersionView) -> tuple[str, str] | None:
    return None if view.data is None else (view.data["held_first_day"], view.data["held_last_day"])


def _file(services: Services, version: ModelVersion, path: str) -> str | None:
    if version.run_id is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        found = services.registry.run_file(version.run_id, path, Path(scratch))
        return None if found is None else found.read_text(encoding="utf-8")
