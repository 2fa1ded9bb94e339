"""Predictions: selects the model, checks the request against it, predicts, and records.

HTTP is `endpoints`; loading versions is `pool`; storing events is `recorder`.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from guard_core.days import microseconds, now_us
from guard_core.ids import new_event_ids
from guard_core.settings import Settings
from guard_core.suggestions import suggest
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.db.last_known import LastKnown
from guard_store.ingest.journal import JournalFullError
from guard_store.ingest.rows import EventRow
from guard_store.monitoring.model_ids import ModelIdStore
from guard_store.projects.store import ProjectStore
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.http.problems import NotFound, Unavailable, Unprocessable
from serving.http.unknown_names import unknown_project
from serving.ingest.events.service import EventService, allow_any
from serving.predict import metrics
from serving.predict.pool import Key, LoadedModel, ModelPool, ModelUnavailableError
from serving.predict.recorder import Recorder
from serving.predict.schemas import (
    Instance,
    ManyPredictions,
    ModelSelector,
    OnePrediction,
    Prediction,
    PredictRequest,
    read_request,
)
from serving.predict.shadow import Shadow

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

T = TypeVar("T")

_ENDPOINT = "predict"
_INLINE_ROWS = 32  # more would block the event loop for too long
_MAX_EXPLAINED = 100
_ERRORS_LISTED = 100
_NAMES_LISTED = 20
_FIRST_POLL_S = 20.0
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class PredictionResult:
    """The predictions of one model version for the rows of a request, and their events."""

    loaded: LoadedModel
    event_ids: Sequence[str]
    predictions: Sequence[Any]
    probabilities: Sequence[float] | None
    explanations: Sequence[Any] | None
    rows: Sequence[EventRow]


class PredictService:
    """Predicts with the champions of all models."""

    def __init__(self, settings: Settings, database: Database, events: EventService) -> None:
        self._settings = settings
        self._events = events
        self._projects = ProjectStore(database)
        self._model_ids = ModelIdStore(database)
        self._only_project = LastKnown(
            self._find_only_project,
            ttl_s=settings.server.key_cache_s,
            outage_s=settings.server.outage_s,
            what="the only project",
        )
        # Of its own: requests of other routes that wait for a database that hangs hold every thread of the loop's executor.
        self._threads = ThreadPoolExecutor(thread_name_prefix="predict")
        self.pool = ModelPool(settings)
        self.recorder = Recorder(settings, events.writer)
        self.shadow = Shadow(settings, database, self.pool)

    async def start(self) -> None:
        """Start recording, polling the registry and comparing challengers."""
        await self.recorder.start()
        self.pool.start()
        self.shadow.start()

    async def stop(self) -> None:
        """Stop polling and comparing, and store the journal."""
        await asyncio.to_thread(self.pool.stop)
        await self.shadow.stop()
        await self.recorder.stop()
        self._threads.shutdown(wait=False)

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body, decompressed."""
        return self._settings.server.max_body_bytes

    async def predict(
        self, body: bytes, principal: Principal, request_id: str
    ) -> tuple[PredictRequest, PredictionResult]:
        """Predict the rows of a body; the result must be recorded (`record`) before the answer is sent.

        Raises
        ------
        Unprocessable
            If the request is invalid, or several models match it.
        NotFound
            If no model matches it.
        Unavailable
            If the model cannot be served now.
        Forbidden
            If the caller may not use the project.
        """
        started_at, received_us = time.perf_counter(), now_us()
        request = read_request(body, self._settings.predict.max_instances, self._settings.ingest.max_value_length)
        if request.explain and len(request.instances) > _MAX_EXPLAINED:
            raise Unprocessable(f"explain: at most {_MAX_EXPLAINED} rows are explained at once.")
        if not self.pool.has_polled():  # right after the start
            await asyncio.to_thread(self.pool.wait_for_first_poll, _FIRST_POLL_S)
        key = await self._find_key(request.selector, principal)
        await self._check_instants(request, key[0], received_us)
        loaded = await self._load(key, request.selector)
        self._check_features(request, loaded)
        rows = [instance.features for instance in request.instances]
        predictor = loaded.predictor
        if predictor.format == "onnx" and len(rows) <= _INLINE_ROWS:
            scores = predictor.scores(rows)
        else:
            scores = await self._in_thread(predictor.scores, rows)
        _require_finite(scores, request)
        predictions, probabilities = predictor.schema.answers(scores)
        explanations = None
        if request.explain:
            explanations = await self._in_thread(_explain, predictor, rows)
        latency_ms = (time.perf_counter() - started_at) * 1000
        new_ids = iter(new_event_ids(sum(instance.event_id is None for instance in request.instances)))
        ids = [instance.event_id or next(new_ids) for instance in request.instances]
        recorded: Sequence[float | None] = probabilities or [None] * len(rows)
        events = [
            _row(loaded, instance, event_id, prediction, score, received_us, latency_ms, request_id)
            for instance, event_id, prediction, score in zip(request.instances, ids, predictions, recorded, strict=True)
        ]
        result = PredictionResult(loaded, ids, predictions, probabilities, explanations, events)
        metrics.count_answers(len(rows), time.perf_counter() - started_at)
        self.shadow.offer(loaded, rows, predictions, probabilities)
        return request, result

    async def _find_key(self, selector: ModelSelector, principal: Principal) -> Key:
        """Return the selected model; a project or model without a name must be the only one."""
        project_id = selector.project_id or principal.project_id or (await self._only_project.find((None,)))[None]
        principal.require("analyst", project_id)
        if selector.model_id is not None:
            return project_id, selector.model_id

        def find_matches() -> list[Key]:
            return [key for key in self.pool.registered_models() if key[0] == project_id]

        keys = find_matches()
        if not keys:  # it may have been registered since the last poll
            await asyncio.to_thread(self.pool.poll_soon)
            keys = find_matches()
        if len(keys) == 1:
            return keys[0]
        if not keys:
            raise await asyncio.to_thread(self._unknown_model_problem, project_id, None)
        raise _ambiguous("model", "models", [key[1] for key in keys])

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _find_only_project(self, _: Collection[None]) -> dict[None, str]:
        """Return the id of the only project: a model of another project never answers in place of one that has none yet."""
        projects = self._projects.page(limit=_NAMES_LISTED)
        if not projects:
            raise self._no_model_problem("make a project with POST /api/v1/projects, and send it events and labels.")
        if len(projects) > 1:
            raise _ambiguous("project_id", "projects", [project.id for project in projects])
        return {None: projects[0].id}

    def _unknown_model_problem(self, project_id: str, model_id: str | None) -> NotFound | Unavailable:
        registered = [key[1] for key in self.pool.registered_models() if key[0] == project_id]
        if registered and model_id is not None:
            listed, suggestion = _list_names(registered), suggest(model_id, registered)
            return NotFound(f"model: no model {model_id!r} is registered; these are: {listed}.{suggestion}")
        if self._projects.get(project_id) is None:
            return unknown_project(self._projects, project_id)
        return self._no_model_problem(self._training_advice(project_id, model_id))

    def _training_advice(self, project_id: str, model_id: str | None) -> str:
        stored = self._model_ids.of_project(project_id)
        if not stored:
            return "send events to POST /api/v1/events/batch and labels to POST /api/v1/labels, which a training needs."
        named = model_id if model_id in stored else stored[0]
        return f"POST /api/v1/projects/{project_id}/models/{named}/retrain trains one."

    def _no_model_problem(self, advice: str) -> NotFound | Unavailable:
        problems = self.pool.problems()
        if "registry" in problems:
            return Unavailable(f"No model is loaded yet: {problems['registry']}.", retry_after_s=5)
        return NotFound(f"No model is registered yet: {advice}")

    async def _load(self, key: Key, selector: ModelSelector) -> LoadedModel:
        if selector.version is None and selector.alias == "champion":
            champion = self.pool.champion(key)
            if champion is not None:
                return champion
        version = selector.version or self.pool.version_of(key, selector.alias)
        if version is None:
            await asyncio.to_thread(self.pool.poll_soon)
            version = self.pool.version_of(key, selector.alias)
        if version is None:
            problems = self.pool.problems()
            if "registry" in problems:
                raise Unavailable(f"{key[0]}/{key[1]} is not loaded: {problems['registry']}.", retry_after_s=5)
            if key not in self.pool.registered_models():
                raise await asyncio.to_thread(self._unknown_model_problem, *key)
            raise NotFound(
                f"{key[0]}/{key[1]} has no {selector.alias}: GET /api/v1/projects/{key[0]}/models/{key[1]}/versions."
            )
        try:
            return await asyncio.to_thread(self.pool.get, key, version)
        except LookupError as error:
            if key not in self.pool.registered_models():
                raise await asyncio.to_thread(self._unknown_model_problem, *key) from error
            raise NotFound(f"{key[0]}/{key[1]}: {error}.") from error
        except ModelUnavailableError as error:
            raise Unavailable(
                f"{key[0]}/{key[1]} version {version} cannot be served: {error}", retry_after_s=30
            ) from error

    def _check_features(self, request: PredictRequest, loaded: LoadedModel) -> None:
        check = loaded.predictor.schema.check_row
        errors: list[dict[str, Any]] = []
        invalid = 0
        for index, instance in enumerate(request.instances):
            problems = check(instance.features)
            invalid += bool(problems)
            for problem in problems if len(errors) < _ERRORS_LISTED else ():
                path = "features" if request.single else f"instances[{index}].features"
                errors.append({"field": f"{path}.{problem.name}", "reason": problem.reason})
        if errors:
            metrics.count_invalid(invalid)
            summary = "; ".join(f"{error['field']} {error['reason']}" for error in errors[:3])
            more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
            raise Unprocessable(
                f"The features do not fit version {loaded.version} of {loaded.model_id}: {summary}{more}.",
                errors=errors,
            )

    async def _check_instants(self, request: PredictRequest, project_id: str, received_us: int) -> None:
        first_us = (await self._events.find_first_us((project_id,), allow_any)).get(project_id)
        if first_us is None:
            raise await self._events.unknown_project(project_id)
        last_us = received_us + self._settings.ingest.future_skew_s * SECOND_US
        for index, instance in enumerate(request.instances):
            if instance.timestamp is None:
                continue
            t = microseconds(instance.timestamp)
            if not first_us <= t <= last_us:
                field = "timestamp" if request.single else f"instances[{index}].timestamp"
                reason = self._events.too_early if t < first_us else "is in the future: check the sender's clock"
                raise Unprocessable(f"{field} {reason}.", errors=[{"field": field, "reason": reason}])

    def record(self, result: PredictionResult, entry: AuditEntry) -> None:
        """Write the events of a result and the entry of its request to the journal, which survives a crash.

        Raises
        ------
        Unavailable
            If that is not possible now; the answer must not be sent.
        """
        loaded = result.loaded
        entry.project_id, entry.status = loaded.project_id, 200
        entry.note(model=f"{loaded.model_id}/{loaded.version}")
        entry.details["rows"] = len(result.rows)
        entry.note_outage(self._events.silent_s)
        try:
            self.recorder.record(result.rows, entry.row())
        except JournalFullError as error:
            metrics.count_unrecorded(len(result.rows))
            raise Unavailable(
                f"Nothing was answered, because it could not be recorded: {error}.", retry_after_s=5
            ) from error
        entry.committed = True


def make_response(
    request: PredictRequest, result: PredictionResult, request_id: str
) -> OnePrediction | ManyPredictions:
    """Make the response to a request."""
    version = result.loaded.version
    if request.single:
        return OnePrediction(**_prediction(result, 0), model_version=version, request_id=request_id)
    predictions = [Prediction(**_prediction(result, index)) for index in range(len(result.predictions))]
    return ManyPredictions(predictions, version, request_id)


def _require_finite(scores: NDArray[np.floating], request: PredictRequest) -> None:
    """Refuse rows without a finite output, as of an ONNX model in which the product of an extreme number overflows float32."""
    finite = np.isfinite(scores)
    if finite.all():
        return
    rows = np.flatnonzero(~finite.reshape(len(scores), -1).all(axis=1)).tolist()
    reason = "are so large that the model's output is not a finite number"
    errors = [
        {"field": "features" if request.single else f"instances[{row}].features", "reason": reason}
        for row in rows[:_ERRORS_LISTED]
    ]
    metrics.count_invalid(len(rows))
    raise Unprocessable(f"{errors[0]['field']} {reason}.", errors=errors)


def _explain(predictor: "Predictor", rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the base of each row's explanation, and the effects of its features, the largest first."""
    from ml.retraining.predictor.explain import METHOD, Explainer

    explainer, explanations = Explainer(predictor), []
    for row in rows:
        explanation = explainer.explain(row)
        ranked = sorted(explanation.effects.items(), key=lambda effect: -abs(effect[1]))
        features = [{"feature": name, "value": row[name], "effect": effect} for name, effect in ranked]
        explanations.append({"method": METHOD, "base": explanation.base, "features": features})
    return explanations


def _prediction(result: PredictionResult, index: int) -> dict[str, Any]:
    fields = {"prediction": result.predictions[index], "event_id": result.event_ids[index]}
    if result.probabilities is not None:
        fields["probability"] = result.probabilities[index]
    if result.explanations is not None:
        fields["explanation"] = result.explanations[index]
    return fields


def _ambiguous(field: str, plural: str, names: Sequence[str]) -> Unprocessable:
    listed = _list_names(names)
    return Unprocessable(
        f"{field}: is needed, because there are several {plural}: {listed}.",
        errors=[{"field": field, "reason": f"is needed: {listed}"}],
    )


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_LISTED} more" if len(names) > _NAMES_LISTED else ""
    return ", ".join(names[:_NAMES_LISTED]) + more


def _row(
    loaded: LoadedModel,
    instance: Instance,
    event_id: str,
    prediction: Any,
    probability: float | None,
    received_us: int,
    latency_ms: float,
    request_id: str,
) -> EventRow:
    return EventRow(
        loaded.project_id,
        event_id,
        loaded.model_id,
        received_us if instance.timestamp is None else microseconds(instance.timestamp),
        received_us,
        _ENDPOINT,
        latency_ms,
        _json(prediction).decode(),
        probability,
        _json(instance.features).decode(),
        request_id,
        loaded.version,
        instance.segment,
    )
