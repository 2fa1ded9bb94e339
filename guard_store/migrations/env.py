"""Alembic's entry: runs the migrations on the connection that `guard_store.migrate` hands over."""

from alembic import context

from guard_store import (
    alert_tables,  # noqa: F401 - declares its tables
    cost_tables,  # noqa: F401 - declares its tables
    gate_tables,
    research_tables,  # noqa: F401 - declares its tables
    result_tables,  # noqa: F401 - declares its tables
    retrain_tables,  # noqa: F401 - declares its tables
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=gate_tables.ledger.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transaction_per_migration=False,
)
context.run_migrations()
