"""Migrations of the schema: one file for each change, in `versions/`.

- `env`: runs the migrations on Alembic's behalf
"""
