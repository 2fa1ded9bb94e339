"""Copies of models in the home folder: cleared when nothing asks for them, and never under a worker that reads one."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guard_core.ids import registered_name
from guard_core.settings import Settings
from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry, RegistryUnavailableError
from ml.retraining.predictor.load import Predictor, load_predictor
from ml.retraining.predictor.trust import Trust
from serving.predict import model_files
from serving.predict.pool import ModelPool
from tests.serving.predict.registered import MODEL_ID, register
from tests.support.settings import settings_of

KEY = ("flights", MODEL_ID)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[str]]:
    """Three versions; no database is needed."""
    settings = settings_of(home=tmp_path_factory.mktemp("home"))
    return settings, [register(settings, "flights", level=level, champion=False) for level in (1, 2, 3)]


@pytest.fixture
def versions(registered: tuple[Settings, list[str]]) -> list[str]:
    """The third is champion."""
    settings, versions = registered
    registry = Registry(settings.storage.mlflow)
    registry.delete_alias(*KEY, CHALLENGER)
    registry.set_alias(*KEY, CHAMPION, versions[-1])
    return versions


@pytest.fixture
def settings(registered: tuple[Settings, list[str]]) -> Settings:
    """Nothing is downloaded yet."""
    shutil.rmtree(registered[0].storage.models, ignore_errors=True)
    return registered[0]


def copies(settings: Settings) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in (settings.storage.models / registered_name(*KEY)).iterdir())


def age(settings: Settings, seconds: float) -> None:
    for path in (settings.storage.models / registered_name(*KEY)).iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def test_what_no_alias_means_goes_a_day_after_it_was_last_read(settings: Settings, versions: list[str]) -> None:
    one, two, three = versions
    registry = Registry(settings.storage.mlflow)
    registry.set_alias(*KEY, CHALLENGER, two)
    worker = ModelPool(settings)
    for version in versions:
        worker.get(KEY, version)
    ModelPool(settings).poll()
    assert copies(settings) == versions, "all of them were read today"
    (settings.storage.models / registered_name(*KEY) / ".9-half-a-download").mkdir()
    age(settings, 90_000)
    ModelPool(settings).poll()
    assert copies(settings) == [two, three]

    assert worker.get(KEY, one).version == one, "who has it in memory goes on"
    registry.set_alias(*KEY, CHAMPION, one)
    worker.poll()
    later = ModelPool(settings)
    later.poll()
    assert [pool.champion(KEY).version for pool in (worker, later)] == [one, one]  # type: ignore[union-attr]
    assert copies(settings) == versions
    age(settings, 90_000)
    later.poll()
    assert copies(settings) == versions, "once an hour is enough"
    ModelPool(settings).poll()
    assert copies(settings) == [one, two]


def test_a_copy_that_is_read_again_stays_another_day(settings: Settings, versions: list[str]) -> None:
    ModelPool(settings).get(KEY, versions[0])
    age(settings, 90_000)
    ModelPool(settings).get(KEY, versions[0])
    ModelPool(settings).poll()
    assert versions[0] in copies(settings)


def test_a_registry_that_is_away_clears_nothing(
    settings: Settings, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool(settings)
    pool.get(KEY, versions[0])
    age(settings, 90_000)

    def away(_: Registry) -> None:
        raise RegistryUnavailableError("away")

    monkeypatch.setattr(Registry, "all_aliases", away)
    pool.poll()
    assert copies(settings) == versions[:1]
    monkeypatch.setattr(Registry, "all_aliases", lambda _: {})
    pool.poll()
    assert copies(settings) == versions[:1], "and one that has no models yet may be the wrong one"


def test_a_copy_that_another_worker_clears_while_it_is_read_is_downloaded_again(
    settings: Settings, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "_is_old", lambda _: True)
    cleared: list[int] = []

    def cleared_first(folder: Path, trust: Trust) -> Predictor:
        if not cleared:
            cleared.append(model_files.ModelFiles(settings.storage.models).sweep({KEY: {CHAMPION: versions[-1]}}))
        return load_predictor(folder, trust)

    monkeypatch.setattr("ml.retraining.predictor.load.load_predictor", cleared_first)
    assert ModelPool(settings).get(KEY, versions[0]).version == versions[0]
    assert cleared == [1]


def test_of_workers_that_clear_at_once_one_does(
    settings: Settings, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in versions:
        ModelPool(settings).get(KEY, version)
    monkeypatch.setattr(model_files, "_is_old", lambda folder: not folder.name.startswith("."))
    workers = [model_files.ModelFiles(settings.storage.models) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        cleared = list(pool.map(lambda files: files.sweep({KEY: {CHAMPION: versions[-1]}}), workers))
    assert copies(settings) == versions[-1:]
    assert sum(cleared) == 2
