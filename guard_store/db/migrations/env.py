"""Alembic's environment: runs the migrations on the connection passed by `guard_store.db.migrate`."""

from alembic import context

from guard_store.db.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transaction_per_migration=False,
)
context.run_migrations()
