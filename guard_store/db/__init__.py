"""The operational database, SQLite or PostgreSQL, and code that several stores share.

- `arrow_reader`: results of queries as Arrow batches
- `conditions`: conditions that most tables share
- `damage`: whether an error means that the file of a SQLite database is damaged
- `database`: connections and transactions
- `day_results`: base classes of stores of results by local day
- `last_known`: values that are used further while the database cannot be read
- `metadata`: metadata of all tables, types of ids
- `migrate`: brings the schema up to date
- `migrations`: Alembic's environment and revisions
- `newest_days`: the newest days of every model
- `sqlite_arrow`: the process that reads SQLite as Arrow
- `upsert`: INSERT … ON CONFLICT for both engines
"""
