"""Tables of the rows that clients send, events and labels, and of counts of rejected rows.

Only their schema belongs here; `step` writes them, and the other modules of the package read them.
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

# No foreign keys: ingestion checks the project once per batch, instead of the database once per row.
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
    PrimaryKeyConstraint(
        "event_id", "project_id"
    ),  # keys are compared from the left: the column that differs most is first
    Index(None, "project_id", "model_id", "ts_us"),
    # Only predictions of registered models can be traced; other events do not pay for this index.
    Index(
        "ix_events_traced",
        "request_id",
        sqlite_where=text("model_version IS NOT NULL"),
        postgresql_where=text("model_version IS NOT NULL"),
    ),
)

# Every version of a label is kept; the one observed last (among those, the one stored last) is used.
labels = Table(
    "labels",
    metadata,
    Column("seq", RowNumber, primary_key=True, autoincrement=True),
    Column("project_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("observed_us", BigInteger, nullable=False),
    Column("value_hash", String(32), nullable=False),  # hash of `y_true`, which may be too long for an index
    Column("y_true", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
    Column("waiting", Boolean, nullable=False),  # until it is counted on the day of its event
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
