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
    LargeBinary,
    MetaData,
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


def _count(name: str) -> Column[int]:
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
    Column("project_id", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
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
    _count("events"),
    _count("late"),
    _count("duplicates"),
    _count("labels"),
    _count("revision"),  # +1 with each transaction that stored events or labels of the day
    _count("changes"),  # +1 with each of those and with each changed setting: a stage is done only if it did not move
    _count("lake_revision"),
    _count("profile_revision"),
    _count("drift_revision"),
    _count("performance_revision"),
    _count("retrain_revision"),
    Column("failed_revision", BigInteger),
    _count("attempts"),
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
    _count("count"),
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

aggregates = Table(
    "aggregates",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("dimension", String(16), primary_key=True),
    Column("value", String(128), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("lake_version", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("run_id", String(64)),
    Column("computed_us", BigInteger, nullable=False),
)

baselines = Table(
    "baselines",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(128), nullable=False),
    Column("model_id", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("start_day", String(10), nullable=False),
    Column("end_day", String(10), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("design_effects", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("from_day", String(10)),  # none: of all days; else `previous_id` is that of the days before
    Column("previous_id", String(32)),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String(128)),
    Column("request_id", String(128)),
    UniqueConstraint("project_id", "model_id", "version"),
    Index(
        "ix_baselines_one_active",
        "project_id",
        "model_id",
        unique=True,
        sqlite_where=text("active"),
        postgresql_where=text("active"),
    ),
)

drift_reports = Table(
    "drift_reports",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("state", String(24), nullable=False),
    Column("baseline_id", String(32), ForeignKey("baselines.id")),
    Column("window_days", Integer, nullable=False),
    Column("report", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("run_id", String(64)),
    Column("computed_us", BigInteger, nullable=False),
)

performance = Table(
    "performance",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("dimension", String(16), primary_key=True),
    Column("value", String(128), primary_key=True),
    Column("task", String(16)),  # binary, multiclass, regression; unknown before there are labels
    Column("events", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("report", JSON, nullable=False),
    Column("baseline_id", String(32), ForeignKey("baselines.id")),
    Column("lake_version", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("run_id", String(64)),
    Column("computed_us", BigInteger, nullable=False),
)

# What performance was in a baseline's window, and how its scores are calibrated.
performance_references = Table(
    "performance_references",
    metadata,
    Column("baseline_id", String(32), ForeignKey("baselines.id"), primary_key=True),
    Column("labelled", BigInteger, nullable=False),
    Column("reference", JSON, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
)

retrain_evaluations = Table(
    "retrain_evaluations",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("recommended", Boolean, nullable=False),
    Column("result", JSON, nullable=False),
    Column("flag_id", String(32)),
    Column("run_id", String(64)),
    Column("computed_us", BigInteger, nullable=False),
)

retrain_flags = Table(
    "retrain_flags",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(128), nullable=False),
    Column("model_id", String(128), nullable=False),
    Column("day", String(10), nullable=False),
    Column("as_of_us", BigInteger, nullable=False),  # training uses nothing that was not known then
    Column("state", String(16), nullable=False),  # open, training, done, failed, dismissed
    Column("reasons", JSON, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String(128)),
    Column("request_id", String(128)),
    Column("acknowledged_us", BigInteger),
    Column("acknowledged_by", String(128)),
    Column("acknowledged_reason", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_us", BigInteger, nullable=False),  # not to be tried before
    Column("dagster_run_id", String(64)),
    Column("error", Text),
    Column("changed_us", BigInteger, nullable=False),
    Index(None, "project_id", "model_id", "day"),
    Index(
        "ix_retrain_flags_one_active",
        "project_id",
        "model_id",
        unique=True,
        sqlite_where=text("state IN ('open', 'training')"),
        postgresql_where=text("state IN ('open', 'training')"),
    ),
)

training_runs = Table(
    "training_runs",
    metadata,
    Column("flag_id", String(32), ForeignKey("retrain_flags.id"), primary_key=True),
    Column("project_id", String(128), nullable=False),
    Column("model_id", String(128), nullable=False),
    Column("state", String(16), nullable=False),  # prepared, trained, evaluated, registered
    Column("dagster_run_id", String(64)),
    Column("mlflow_run_id", String(64), index=True),
    Column("model_version", String(16)),
    Column("data", JSON, nullable=False),
    Column("evaluation", JSON),
    Column("baseline_id", String(32), ForeignKey("baselines.id")),
    Column("created_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Index(None, "project_id", "model_id", "model_version"),
)

model_decisions = Table(
    "model_decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", String(128), nullable=False),
    Column("model_id", String(128), nullable=False),
    Column("action", String(16), nullable=False),  # promoted, rejected, rolled_back, forced, acknowledged, dismissed
    Column("version", String(16)),
    Column("champion_before", String(16)),
    Column("reason", Text, nullable=False),
    Column("details", JSON, nullable=False),
    Column("key_id", String(128)),  # none: decided by the gate
    Column("role", String(16)),
    Column("request_id", String(128)),
    Column("decided_us", BigInteger, nullable=False),
    Index(None, "project_id", "model_id", "decided_us"),
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

# What a challenger would have answered, beside what the champion has: sums of a local day.
shadow_tallies = Table(
    "shadow_tallies",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("champion", String(16), primary_key=True),
    Column("challenger", String(16), primary_key=True),
    _count("rows"),
    _count("differing"),
    _count("failed"),
    Column("difference", Float, nullable=False, server_default=text("0")),
    Column("changed_us", BigInteger, nullable=False),
)
