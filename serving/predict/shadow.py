"""The challenger's answers to live traffic, beside the champion's: never sent, only compared.

Scoring happens in a thread of its own and gives up rows rather than keep an answer waiting.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guard_core.days import local_days, now_us
from guard_core.project_settings.predict import PredictSettings
from guard_core.project_settings.project import settings_of_model
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import CHALLENGER
from guard_store.retraining.shadow import ShadowStore, ShadowSum
from serving.predict import metrics
from serving.predict.pool import Key, Loaded, ModelPool, ModelUnavailableError

_log = logging.getLogger(__name__)
_MAX_WAITING = 1_000  # requests
_FLUSH_S = 2.0
_END = None


@dataclass(frozen=True, slots=True)
class _Offer:
    champion: Loaded
    rows: Sequence[Mapping[str, Any]]
    predictions: Sequence[Any]
    probabilities: Sequence[float] | None


class Shadow:
    """Compares where a project's settings ask for it: `predict.shadow`."""

    def __init__(self, settings: Settings, database: Database, pool: ModelPool) -> None:
        self._projects = ProjectStore(database)
        self._store = ShadowStore(database)
        self._pool = pool
        self._wanted: TtlCache[Key, tuple[bool, str]] = TtlCache(settings.server.key_cache_s)
        self._offers: queue.Queue[_Offer | None] = queue.Queue(_MAX_WAITING)
        self._sums: dict[tuple[str, str, str, str, str], ShadowSum] = defaultdict(ShadowSum)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to compare."""
        self._thread.start()

    async def stop(self) -> None:
        """Compare what waits and write the sums."""
        if self._thread.ident is not None:
            await asyncio.to_thread(self._offers.put, _END)
            await asyncio.to_thread(self._thread.join)

    def offer(
        self,
        champion: Loaded,
        rows: Sequence[Mapping[str, Any]],
        predictions: Sequence[Any],
        probabilities: Sequence[float] | None,
    ) -> None:
        """Offer an answer of the champion to be compared with; costs nothing where there is no challenger."""
        challenger = self._pool.version_of((champion.project_id, champion.model_id), CHALLENGER)
        if challenger is None or challenger == champion.version or self._offers.full():
            return
        self._offers.put_nowait(_Offer(champion, rows, predictions, probabilities))

    def _run(self) -> None:
        flushed = time.monotonic()
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
            except Exception:  # noqa: BLE001 - the thread outlives every failure; the champion's answers are not touched by it
                _log.exception("a challenger could not be compared")
            if time.monotonic() - flushed > _FLUSH_S:
                self._flush()
                flushed = time.monotonic()

    def _compare(self, offer: _Offer) -> None:
        champion = offer.champion
        key = champion.project_id, champion.model_id
        wanted, timezone = self._is_wanted(key)
        version = self._pool.version_of(key, CHALLENGER)
        if not wanted or version is None:
            return
        day = local_days(timezone).of(now_us()).isoformat()
        sums = self._sums[*key, day, champion.version, version]
        sums.rows += len(offer.rows)
        try:
            challenger = self._pool.get(key, version).predictor
        except (ModelUnavailableError, LookupError):
            sums.failed += len(offer.rows)
            return
        fitting = [i for i, row in enumerate(offer.rows) if not challenger.schema.check_row(row)]
        sums.failed += len(offer.rows) - len(fitting)
        if not fitting:
            return
        predictions, probabilities = challenger.predict([offer.rows[i] for i in fitting])
        sums.differing += sum(mine != offer.predictions[i] for i, mine in zip(fitting, predictions, strict=True))
        if probabilities is not None and offer.probabilities is not None:
            pairs = zip(fitting, probabilities, strict=True)
            sums.difference += sum(abs(mine - offer.probabilities[i]) for i, mine in pairs)
        elif probabilities is None:
            pairs_of_numbers = zip(fitting, predictions, strict=True)
            sums.difference += sum(abs(float(mine) - float(offer.predictions[i])) for i, mine in pairs_of_numbers)
        metrics.shadowed(len(fitting))

    def _is_wanted(self, key: Key) -> tuple[bool, str]:
        wanted = self._wanted.get(key)
        if wanted is None:
            project = self._projects.get(key[0])
            settings = settings_of_model(project.settings if project else {}, key[1], PredictSettings)
            timezone = project.timezone if project else "UTC"
            wanted = settings.shadow, timezone
            self._wanted.put(key, wanted)
        return wanted

    def _flush(self) -> None:
        sums, self._sums = self._sums, defaultdict(ShadowSum)
        try:
            self._store.add(sums)
        except Exception:  # noqa: BLE001 - sums are worth less than the thread: counted again from here
            _log.exception("%d rows of shadow comparisons are lost", sum(one.rows for one in sums.values()))
