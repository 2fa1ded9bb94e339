"""Logs of a process that is idle: packages with a line for each look at the database are quiet."""

import logging

import pytest

from guard_core.logging import configure_logging


@pytest.mark.parametrize("name", ["alembic.runtime.migration", "guard_store.db.database._Pool"])
def test_schema_and_pool_log_nothing_below_a_warning(name: str) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        configure_logging("INFO")
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger("guard_store.db.database").isEnabledFor(logging.INFO)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
