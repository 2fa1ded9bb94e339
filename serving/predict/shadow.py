"""Shadow predictions: the challenger scores live traffic, and is compared with the champion.

Scoring runs in its own thread, and drops rows rather than delay an answer.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from guard_core.days import local_days, now_us
from guard_core.project_settings.predict import PredictSettings
from guard_core.project_settings.project import settings_of_model
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import CHALLENGER
from guard_store.retraining.shadow import ShadowStore, ShadowSum
from ml.monitoring.performance.labels import as_numbers, label_key
from serving.predict import metrics
from serving.predict.pool import Key, LoadedModel, ModelPool, ModelUnavailableError

if TYPE_CHECKING:
    from ml.monitoring.performance.tasks import Target
    from ml.retraining.predictor.schema import ModelSchema

_log = logging.getLogger(__name__)
_MAX_WAITING = 1_000  # requests
_FLUSH_S = 2.0
_END = None


@dataclass(frozen=True, slots=True)
class _Offer:
    champion: LoadedModel
    rows: Sequence[Mapping[str, Any]]
    predictions: Sequence[Any]
    probabilities: Sequence[float] | None


class Shadow:
    """Compares challenger and champion for projects with the setting `predict.shadow`."""

    def __init__(self, settings: Settings, database: Database, pool: ModelPool) -> None:
        self._projects = ProjectStore(database)
        self._store = ShadowStore(database)
        self._pool = pool
        self._project_settings: TtlCache[Key, tuple[bool, str]] = TtlCache(settings.server.key_cache_s)
        self._offers: queue.Queue[_Offer | None] = queue.Queue(_MAX_WAITING)
        self._sums: dict[tuple[str, str, str, str, str], ShadowSum] = defaultdict(ShadowSum)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Start comparing."""
        self._thread.start()

    async def stop(self) -> None:
        """Compare the queued rows and write the sums."""
        if self._thread.ident is not None:
            await asyncio.to_thread(self._offers.put, _END)
            await asyncio.to_thread(self._thread.join)

    def offer(
        self,
        champion: LoadedModel,
        rows: Sequence[Mapping[str, Any]],
        predictions: Sequence[Any],
        probabilities: Sequence[float] | None,
    ) -> None:
        """Queue predictions of the champion for comparison; does nothing without a challenger or if the queue is full."""
        challenger = self._pool.version_of((champion.project_id, champion.model_id), CHALLENGER)
        if challenger is None or challenger == champion.version or self._offers.full():
            return
        self._offers.put_nowait(_Offer(champion, rows, predictions, probabilities))

    def _run(self) -> None:
        flushed_at = time.monotonic()
        while True:
            try:
                offer = self._offers.get(timeout=_FLUSH_S)
            except queue.Empty:
                self._flush()
                continue
            if offer is _END:
                self._flush()
                return
            try:
                self._compare(offer)
            except Exception:  # noqa: BLE001 - the thread must survive every failure, none of which affects the champion
                _log.exception("the comparison with a challenger failed")
            if time.monotonic() - flushed_at > _FLUSH_S:
                self._flush()
                flushed_at = time.monotonic()

    def _compare(self, offer: _Offer) -> None:
        champion = offer.champion
        key = champion.project_id, champion.model_id
        is_enabled, timezone = self._settings_of(key)
        version = self._pool.version_of(key, CHALLENGER)
        if not is_enabled or version is None:
            return
        day = local_days(timezone).of(now_us()).isoformat()
        sums = self._sums[*key, day, champion.version, version]
        sums.rows += len(offer.rows)
        try:
            challenger = self._pool.get(key, version).predictor
        except (ModelUnavailableError, LookupError):
            sums.failed += len(offer.rows)
            return
        valid = [i for i, row in enumerate(offer.rows) if not challenger.schema.check_row(row)]
        scores = challenger.scores([offer.rows[i] for i in valid]) if valid else np.empty((0, 1))
        finite = np.flatnonzero(np.isfinite(scores).reshape(len(scores), -1).all(axis=1))
        valid = [valid[place] for place in finite]
        sums.failed += len(offer.rows) - len(valid)
        if not valid:
            return
        probabilities = None if offer.probabilities is None else [offer.probabilities[i] for i in valid]
        answers = [offer.predictions[i] for i in valid], probabilities
        _add_differences(sums, champion.predictor.schema.target, answers, challenger.schema, scores[finite])
        metrics.count_shadow(len(valid))

    def _settings_of(self, key: Key) -> tuple[bool, str]:
        """Return whether shadow predictions are enabled for a model, and the time zone of its project."""
        cached = self._project_settings.get(key)
        if cached is None:
            project = self._projects.get(key[0])
            settings = settings_of_model(project.settings if project else {}, key[1], PredictSettings)
            timezone = project.timezone if project else "UTC"
            cached = settings.shadow, timezone
            self._project_settings.put(key, cached)
        return cached

    def _flush(self) -> None:
        sums, self._sums = self._sums, defaultdict(ShadowSum)
        try:
            self._store.add(sums)
        except Exception:  # noqa: BLE001 - losing these sums is better than losing the thread
            _log.exception("%d rows of shadow comparisons are lost", sum(total.rows for total in sums.values()))


def _add_differences(
    sums: ShadowSum,
    target: "Target",
    answers: tuple[Sequence[Any], Sequence[float] | None],
    schema: "ModelSchema",
    scores: NDArray[np.floating],
) -> None:
    """Add by how much a challenger's predictions, and its probabilities for the champion's target, differ from the champion's answers.

    Parameters
    ----------
    answers : the champion's predictions and probabilities.
    schema, scores : of the challenger.
    """
    predictions, _ = schema.answers(scores)
    sums.differing += sum(
        label_key(prediction) != label_key(answer) for prediction, answer in zip(predictions, answers[0], strict=True)
    )
    if not schema.has_answers_for(target):
        return
    probabilities = schema.probabilities(scores, target)
    if probabilities is None or answers[1] is None:
        sums.difference += float(np.abs(as_numbers(predictions) - as_numbers(answers[0])).sum())
    else:
        sums.difference += float(np.abs(probabilities - answers[1]).sum())
