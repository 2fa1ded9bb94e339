"""Tables of day states, the rows that each local day has received and how far each stage has processed them; and of ticks.

Databases keep the names that they were made with (`day_news`, `events_gone_us`); the code has those of the glossary.

Only their schema belongs here; `store`, `invalidation`, `ticks` and the writer of events read and write them.
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
    count_of(
        "changes"
    ),  # +1 with each of those and each invalidation: a stage is done only if it did not change meanwhile
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
    # Since when retention may delete the events of the day (its rows in the lake stay), and its rows in the lake.
    Column("events_gone_us", BigInteger, key="events_expired_us"),
    Column("lake_gone_us", BigInteger, key="lake_expired_us"),
    Index(None, "day"),
)

sensor_ticks = Table(
    "sensor_ticks",
    metadata,
    Column("sensor", String(128), primary_key=True),
    Column("ticked_us", BigInteger, nullable=False),  # the newest tick
)
