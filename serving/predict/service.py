"""From a request to the champion's answer: which model, do its features fit, what does it say, is it on record.

HTTP is `endpoints`; which versions are loaded is `pool`; storing is `recorder`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from guard_core.days import microseconds, now_us
from guard_core.ids import new_event_ids
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.ingest.journal import JournalFullError
from guard_store.ingest.rows import EventRow
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.http.problems import NotFound, Unavailable, Unprocessable
from serving.ingest.events.service import EventService, unknown_project
from serving.predict import metrics
from serving.predict.explain import METHOD, explain
from serving.predict.pool import Key, Loaded, ModelPool, ModelUnavailableError
from serving.predict.recorder import Recorder
from serving.predict.schemas import (
    Instance,
    ManyPredictions,
    OnePrediction,
    Prediction,
    PredictRequest,
    Wanted,
    read_request,
)
from serving.predict.shadow import Shadow

_ENDPOINT = "predict"
_INLINE_ROWS = 32  # more would keep other requests waiting
_MAX_EXPLAINED = 100
_ERRORS_LISTED = 100
_FIRST_LOOK_S = 20.0
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model version has said about the rows of a request."""

    loaded: Loaded
    event_ids: Sequence[str]
    predictions: Sequence[Any]
    probabilities: Sequence[float] | None
    explanations: Sequence[Any] | None
    rows: Sequence[EventRow]


class PredictService:
    """Answers with the champions of all models."""

    def __init__(self, settings: Settings, database: Database, events: EventService) -> None:
        self._settings = settings
        self._events = events
        self.pool = ModelPool(settings)
        self.recorder = Recorder(settings, events.writer)
        self.shadow = Shadow(settings, database, self.pool)

    async def start(self) -> None:
        """Begin to follow the registry and to record."""
        await self.recorder.start()
        self.pool.start()
        self.shadow.start()

    async def stop(self) -> None:
        """Stop following, store what waits."""
        await asyncio.to_thread(self.pool.stop)
        await self.shadow.stop()
        await self.recorder.stop()

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a body at most, decompressed."""
        return self._settings.server.max_body_bytes

    async def answer(self, body: bytes, principal: Principal, request_id: str) -> tuple[PredictRequest, Answer]:
        """Predict the rows of a body; they must be recorded before the answer goes out.

        Raises
        ------
        Unprocessable, NotFound, Unavailable, Forbidden
            Where the request is wrong, there is no such model, or it cannot be served or recorded now.
        """
        began, received_us = time.perf_counter(), now_us()
        request = read_request(body, self._settings.predict.max_instances, self._settings.ingest.max_value_length)
        if request.explain and len(request.instances) > _MAX_EXPLAINED:
            raise Unprocessable(f"explain: at most {_MAX_EXPLAINED} rows are explained at once.")
        if not self.pool.has_looked():  # right after the start
            await asyncio.to_thread(self.pool.wait_for_look, _FIRST_LOOK_S)
        key = await self._key(request.wanted, principal)
        await self._check_instants(request, key[0], received_us)
        loaded = await self._loaded(key, request.wanted)
        self._check_features(request, loaded)
        rows = [instance.features for instance in request.instances]
        predictor = loaded.predictor
        if predictor.format == "onnx" and len(rows) <= _INLINE_ROWS:
            predictions, probabilities = predictor.predict(rows)
        else:
            predictions, probabilities = await asyncio.to_thread(predictor.predict, rows)
        explanations = None
        if request.explain:
            explanations = await asyncio.to_thread(lambda: [explain(predictor, row) for row in rows])
        latency_ms = (time.perf_counter() - began) * 1000
        made = iter(new_event_ids(sum(instance.event_id is None for instance in request.instances)))
        ids = [instance.event_id or next(made) for instance in request.instances]
        scores: Sequence[float | None] = probabilities or [None] * len(rows)
        told = zip(request.instances, ids, predictions, scores, strict=True)
        events = [_row(loaded, *one, received_us, latency_ms, request_id) for one in told]
        answer = Answer(loaded, ids, predictions, probabilities, explanations, events)
        metrics.answered(len(rows), time.perf_counter() - began)
        self.shadow.offer(loaded, rows, predictions, probabilities)
        return request, answer

    async def _key(self, wanted: Wanted, principal: Principal) -> Key:
        """The model that is meant; where less than both names is given, there must be only one that fits."""
        project_id = wanted.project_id or principal.project_id
        if project_id is not None:
            principal.require("analyst", project_id)
        if project_id is not None and wanted.model_id is not None:
            return project_id, wanted.model_id

        def fitting() -> list[Key]:
            return [
                key
                for key in self.pool.registered()
                if (project_id is None or key[0] == project_id) and wanted.model_id in (None, key[1])
            ]

        keys = fitting()
        if not keys:  # it may have been registered this second
            await asyncio.to_thread(self.pool.look_again)
            keys = fitting()
        if len(keys) == 1:
            return keys[0]
        if not keys:
            raise self._no_model()
        field = "model" if wanted.model_id is None else "project_id"
        names = ", ".join(f"{key[0]}/{key[1]}" for key in keys[:20])
        raise Unprocessable(
            f"{field}: is needed, because several models fit: {names}.",
            errors=[{"field": field, "reason": f"is needed: {names}"}],
        )

    def _no_model(self) -> NotFound | Unavailable:
        problems = self.pool.problems()
        if "registry" in problems:
            return Unavailable(f"No model is loaded yet: {problems['registry']}.", retry_after_s=5)
        return NotFound(
            "No model is registered yet: POST /api/v1/projects/{project}/models/{model}/retrain trains one."
        )

    async def _loaded(self, key: Key, wanted: Wanted) -> Loaded:
        if wanted.version is None and wanted.alias == "champion":
            found = self.pool.champion(key)
            if found is not None:
                return found
        version = wanted.version or self.pool.version_of(key, wanted.alias)
        if version is None:
            await asyncio.to_thread(self.pool.look_again)
            version = self.pool.version_of(key, wanted.alias)
        if version is None:
            problems = self.pool.problems()
            if "registry" in problems:
                raise Unavailable(f"{key[0]}/{key[1]} is not loaded: {problems['registry']}.", retry_after_s=5)
            raise NotFound(
                f"{key[0]}/{key[1]} has no {wanted.alias}: GET /api/v1/projects/{key[0]}/models/{key[1]}/versions."
            )
        try:
            return await asyncio.to_thread(self.pool.get, key, version)
        except LookupError as error:
            raise NotFound(f"{key[0]}/{key[1]}: {error}.") from error
        except ModelUnavailableError as error:
            raise Unavailable(
                f"{key[0]}/{key[1]} version {version} cannot be served: {error}", retry_after_s=30
            ) from error

    def _check_features(self, request: PredictRequest, loaded: Loaded) -> None:
        check = loaded.predictor.schema.check_row
        errors: list[dict[str, Any]] = []
        bad = 0
        for index, instance in enumerate(request.instances):
            problems = check(instance.features)
            bad += bool(problems)
            for problem in problems if len(errors) < _ERRORS_LISTED else ():
                path = "features" if request.single else f"instances[{index}].features"
                errors.append({"field": f"{path}.{problem.name}", "reason": problem.reason})
        if errors:
            metrics.invalid(bad)
            listed = "; ".join(f"{error['field']} {error['reason']}" for error in errors[:3])
            more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
            raise Unprocessable(
                f"The features do not fit version {loaded.version} of {loaded.model_id}: {listed}{more}.", errors=errors
            )

    async def _check_instants(self, request: PredictRequest, project_id: str, received_us: int) -> None:
        first_us = (await self._events.find_first_us((project_id,), _allowed)).get(project_id)
        if first_us is None:
            raise unknown_project(project_id)
        last_us = received_us + self._settings.ingest.future_skew_s * SECOND_US
        for index, instance in enumerate(request.instances):
            if instance.timestamp is not None and not first_us <= microseconds(instance.timestamp) <= last_us:
                field = "timestamp" if request.single else f"instances[{index}].timestamp"
                reason = f"is before {self._settings.ingest.first_day} or in the future"
                raise Unprocessable(f"{field} {reason}.", errors=[{"field": field, "reason": reason}])

    def record(self, answer: Answer, entry: AuditEntry) -> None:
        """Write an answer's rows and the request's entry to the journal, where this process cannot lose them.

        Raises
        ------
        Unavailable
            Where that is not possible now: the answer must not go out.
        """
        loaded = answer.loaded
        entry.project_id, entry.status = loaded.project_id, 200
        entry.note(model=f"{loaded.model_id}/{loaded.version}")
        entry.details["rows"] = len(answer.rows)
        try:
            self.recorder.record(answer.rows, entry.row())
        except JournalFullError as error:
            metrics.turned_away(len(answer.rows))
            raise Unavailable(
                f"Nothing was answered, because it could not be recorded: {error}.", retry_after_s=5
            ) from error
        entry.committed = True


def answer_body(request: PredictRequest, answer: Answer, request_id: str) -> OnePrediction | ManyPredictions:
    """The answer as it is sent."""
    version = answer.loaded.version
    if request.single:
        return OnePrediction(**_prediction(answer, 0), model_version=version, request_id=request_id)
    predictions = [Prediction(**_prediction(answer, index)) for index in range(len(answer.predictions))]
    return ManyPredictions(predictions, version, request_id)


def _prediction(answer: Answer, index: int) -> dict[str, Any]:
    fields = {"prediction": answer.predictions[index], "event_id": answer.event_ids[index]}
    if answer.probabilities is not None:
        fields["probability"] = answer.probabilities[index]
    if answer.explanations is not None:
        fields["explanation"] = {"method": METHOD, "features": answer.explanations[index]}
    return fields


def _allowed(_: str) -> None:
    """The caller's right was checked before."""


def _row(
    loaded: Loaded,
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
