"""The resource of assets, checks and sensors: settings, database and lake, opened for each execution and closed after it.

No I/O at import; heavy packages are imported when they are used.
"""

import logging
from typing import TYPE_CHECKING, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from guard_core.logging import configure_logging
from guard_core.settings import Settings, load_settings
from guard_store.db.database import Database
from guard_store.db.migrate import is_current, migrate

T = TypeVar("T")

if TYPE_CHECKING:
    from guard_pipelines.retraining.training_data import TrainingRows
    from guard_store.knowledge.store import KnowledgeStore
    from guard_store.lake.store import Lake


class Guard(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Settings from the environment, the migrated database and the lake."""

    upgrades: bool = Field(default=True, description="Whether to bring the database to the newest schema first.")

    _settings: Settings | None = PrivateAttr(default=None)
    _database: Database | None = PrivateAttr(default=None)
    _training_rows: "TrainingRows | None" = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Open the database and bring it to the newest schema."""
        self._settings = load_settings()
        if not logging.getLogger().handlers:
            configure_logging(self._settings.server.log_level)
        self._database = Database(self._settings.storage.database)
        if self.upgrades and not is_current(self._database):
            migrate(self._database)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Release the rows of a training and close the database."""
        self._training_rows = None
        if self._database is not None:
            self._database.close()

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return _require_open(self._settings)

    @property
    def database(self) -> Database:
        """The operational database."""
        return _require_open(self._database)

    @property
    def lake(self) -> "Lake":
        """The lake."""
        from guard_store.lake.store import Lake

        return Lake(self.settings.storage.lake)

    @property
    def knowledge(self) -> "KnowledgeStore":
        """The tables of the knowledge base."""
        from guard_store.knowledge.store import KnowledgeStore

        return KnowledgeStore(self.settings.storage.lake)

    @property
    def training_rows(self) -> "TrainingRows":
        """The rows of the run's training, shared by its steps."""
        from guard_pipelines.retraining.training_data import TrainingRows

        if self._training_rows is None:
            self._training_rows = TrainingRows()
        return self._training_rows


def _require_open(part: T | None) -> T:
    if part is None:
        raise RuntimeError("Guard is not set up; hand it to Dagster as the resource `guard`")
    return part
