"""Partitions of models that do not exist any more are removed, by the sensor that adds them and by a resync."""

import pytest

from guard_pipelines.partitions import MODELS
from guard_pipelines.resync import resync
from guard_store.projects.store import ProjectStore
from tests.support.pipeline_projects import force, make_project, send_days
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

NAME = str(MODELS.name)


@pytest.mark.parametrize("by", ["sensor", "resync"])
def test_partitions_of_models_that_are_gone_are_removed(pipelines: Pipelines, by: str) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 5)
    force(pipelines.database, 5)
    ProjectStore(pipelines.database).create("q", "Q")
    store(pipelines.database, [event("q", "has-events", "2013-01-01T12:00:00Z", {"x": 0.0})])
    pipelines.instance.add_dynamic_partitions(NAME, ["p/m", "q/has-events", "q/never-seen", "no-such-project/m"])
    if by == "sensor":
        pipelines.tick_retrain()
    else:
        written = resync(pipelines.instance, pipelines.database, pipelines.settings)
        assert sorted(written.removed) == ["no-such-project/m", "q/never-seen"]
        assert str(written).endswith("0 model partitions, removed 2 without a model")
    assert sorted(pipelines.instance.get_dynamic_partitions(NAME)) == ["p/m", "q/has-events"]


def test_they_are_removed_without_a_training_to_request(pipelines: Pipelines) -> None:
    pipelines.instance.add_dynamic_partitions(NAME, ["no-such-project/m"])
    assert pipelines.tick_retrain() == []
    assert pipelines.instance.get_dynamic_partitions(NAME) == []
