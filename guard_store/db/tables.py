"""The tables of the operational database, the same on SQLite and PostgreSQL.

Only their shape belongs here; `migrations/` makes them, one module each reads and writes them.
Instants are int64 microseconds since the epoch (UTC); a `day` is a project's local date as `YYYY-MM-DD`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for a column that is exactly INTEGER PRIMARY KEY.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

# An id is compared byte by byte: a language's rules of order would cost PostgreSQL a tenth of each insert.
Id = String(128).with_variant(String(128, collation="C"), "postgresql")


def count_of(name: str) -> Column[int]:
    """A column that counts, from 0."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


projects = Table(
    "projects",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("project_id", String(128), ForeignKey("projects.id")),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
)

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

day_news = Table(
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

rejections = Table(
    "rejections",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("field", String(160), primary_key=True),
    count_of("count"),
)

feature_kinds = Table(
    "feature_kinds",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("feature", String(160), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)

# Facts that a person may want to know; `alerts` makes alerts of those that are not folded yet.
alert_events = Table(
    "alert_events",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(128), nullable=False),
    Column("model_id", String(128)),
    Column("kind", String(32), nullable=False),
    Column("dedup_key", String(256), nullable=False, unique=True),
    Column("severity", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("details", JSON, nullable=False),
    Column("request_id", String(128)),
    Column("created_us", BigInteger, nullable=False),
    Column("op", String(8), nullable=False, server_default=text("'fires'")),  # fires, notes, clears
    Column("subject", String(256)),  # none: the dedup_key
    Column("day", String(10)),
    Column("folded_us", BigInteger),
    Index(
        "ix_alert_events_waiting",
        "created_us",
        sqlite_where=text("folded_us IS NULL"),
        postgresql_where=text("folded_us IS NULL"),
    ),
)
