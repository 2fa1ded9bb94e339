"""Migrations of the schema: one file for each change, in `versions/`."""
