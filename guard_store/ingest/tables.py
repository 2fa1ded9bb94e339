"""Tables of what clients send: events and labels; and how many rows were rejected.

Only their shape belongs here; `store` reads and writes them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from guard_store.db.metadata import Id, RowNumber, count_of, metadata

# No foreign key from here on: ingestion checks the project once a batch, not the database once a row.
events = Table(
    "events",
    metadata,
    Column("project_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("model_id", Id, nullable=False),
    Column("ts_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("endpoint", String(128)),
    Column("latency_ms", Float),
    Column("y_pred", Text),
    Column("y_proba", Float),
    Column("features", Text, nullable=False),
    Column("request_id", String(128)),
    Column("model_version", String(128)),
    Column("segment", String(128)),
    PrimaryKeyConstraint("event_id", "project_id"),  # compared from the left: ids differ, projects hardly do
    Index(None, "project_id", "model_id", "ts_us"),
    # Only predictions that we have made ourselves can be traced; others do not pay for it.
    Index(
        "ix_events_traced",
        "request_id",
        sqlite_where=text("model_version IS NOT NULL"),
        postgresql_where=text("model_version IS NOT NULL"),
    ),
)

# Every version of a label is kept; the one observed last (of those, the one stored last) counts.
labels = Table(
    "labels",
    metadata,
    Column("seq", RowNumber, primary_key=True, autoincrement=True),
    Column("project_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("observed_us", BigInteger, nullable=False),
    Column("value_hash", String(32), nullable=False),  # of `y_true`, which may be too long for an index
    Column("y_true", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
    Column("waiting", Boolean, nullable=False),  # until the day of its event has been told
    UniqueConstraint("project_id", "event_id", "observed_us", "value_hash"),
    Index("ix_labels_waiting", "seq", sqlite_where=text("waiting"), postgresql_where=text("waiting")),
)

rejections = Table(
    "rejections",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("field", String(160), primary_key=True),
    count_of("count"),
)
