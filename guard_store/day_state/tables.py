"""Table of day states: what each local day has received, and how far it is processed.

Only their shape belongs here; `store` reads and writes them.
"""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from guard_store.db.metadata import count_of, metadata

day_states = Table(
    "day_news",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    count_of("events"),
    count_of("late"),
    count_of("duplicates"),
    count_of("labels"),
    count_of("revision"),  # +1 with each transaction that stored events or labels of the day
    count_of("changes"),  # +1 with each of those and with each changed setting: a stage is done only if it did not move
    count_of("lake_revision"),
    count_of("profile_revision"),
    count_of("drift_revision"),
    count_of("performance_revision"),
    count_of("retrain_revision"),
    Column("failed_revision", BigInteger),
    count_of("attempts"),
    Column("error", Text),
    Column("request_id", String(128)),
    Column("changed_us", BigInteger, nullable=False),
    Column("events_gone_us", BigInteger),  # since when its events may be deleted: the lake's rows are all there is
    Column("lake_gone_us", BigInteger),  # since when its rows of the lake are deleted: its results are all there is
    Index(None, "day"),
)
