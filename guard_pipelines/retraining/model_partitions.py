"""Which partitions of models are out of date: the project does not exist, or the model has neither events nor flags.

`sensors` and `resync` add the partitions of flagged models, and remove these.
"""

from collections.abc import Sequence
from functools import cache

from dagster import DagsterInstance

from guard_pipelines.partitions import MODELS, model_of_key
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.retraining.flags import FlagStore


def partitions_without_model(instance: DagsterInstance, database: Database) -> Sequence[str]:
    """Return the partitions whose model does not exist any more."""
    keys = instance.get_dynamic_partitions(str(MODELS.name))
    if not keys:
        return []
    projects, flagged = set(ProjectStore(database).ids()), set(FlagStore(database).models())

    @cache
    def models_with_events(project_id: str) -> set[str]:
        return {model.model_id for model in DayStateStore(database).models(project_id)}

    def exists(project_id: str, model_id: str) -> bool:
        is_used = (project_id, model_id) in flagged or model_id in models_with_events(project_id)
        return project_id in projects and is_used

    return [key for key in keys if not exists(*model_of_key(key))]
