"""Kinds of columns: learned once, kept, and overridden with all of the model's days asked for again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from guard_core.columns import feature_column
from guard_core.settings import Settings
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.kinds import KindStore
from guard_store.projects.store import ProjectStore
from tests.support.stored_events import event, store


def test_what_was_learned_first_is_kept(database: Database) -> None:
    kinds = KindStore(database)
    kinds.learn("p", "m", {"feature_x": "numeric"})
    kinds.learn("p", "m", {"feature_x": "categorical", "y_pred": "categorical"})
    assert kinds.of("p", "m") == {"feature_x": "numeric", "y_pred": "categorical"}
    assert kinds.of("p", "other") == {}


def test_many_learners_at_once_agree(database: Database) -> None:
    def learn(kind: str) -> None:
        KindStore(database).learn("p", "m", {f"feature_{n}": kind for n in range(50)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(learn, ["numeric", "categorical", "boolean", "text"]))
    assert len(KindStore(database).of("p", "m")) == 50


def test_override_wins_and_asks_for_all_days_of_the_model(database: Database, settings: Settings) -> None:
    ProjectStore(database).create("p", "P")
    store(database, [event("p", "m", "2024-05-01T12:00:00Z"), event("p", "m", "2024-05-02T12:00:00Z")])
    day_states = DayStateStore(database)
    for stage in ("lake", "profile", "drift"):
        day_states.mark(stage, day_states.due_at_stage(stage, ["2024-05-01", "2024-05-02"], settings))
    kinds = KindStore(database)
    kinds.learn("p", "m", {"feature_zip": "numeric"})
    changed = kinds.override("p", "m", feature_column("zip"), "categorical", request_id="request-9")
    assert (changed.kind, changed.source) == ("categorical", "override")
    kinds.learn("p", "m", {"feature_zip": "numeric"})
    assert kinds.of("p", "m") == {"feature_zip": "categorical"}
    assert [
        (item.day, item.request_id) for item in day_states.due_at_stage("lake", ["2024-05-01", "2024-05-02"], settings)
    ] == [
        ("2024-05-01", "request-9"),
        ("2024-05-02", "request-9"),
    ]


def test_unknown_kind_is_named_with_the_known_ones(database: Database) -> None:
    with pytest.raises(ValueError, match=r"kind of 'feature_x' is 'number'; it must be one of numeric, categorical"):
        KindStore(database).override("p", "m", "feature_x", "number")


def test_many_features_are_learned_at_once(database: Database) -> None:
    names = {f"feature_{n}": "numeric" for n in range(50_000)}
    KindStore(database).learn("p", "m", names)
    assert KindStore(database).of("p", "m").keys() == names.keys()
