"""Tables of the results of each local day, and of baselines and kinds of columns.

Only their schema belongs here; the other modules of the package read and write them.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from guard_store.db.metadata import metadata

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
    Column("days", JSON),  # null: captured before days were compared
    Column("trends", JSON),  # null: captured before trends were tested
    Column("active", Boolean, nullable=False),
    Column("from_day", String(10)),  # null: applies to all days; otherwise `previous_id` applies to earlier days
    Column("previous_id", String(32)),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String(128)),
    Column("request_id", String(128)),
    UniqueConstraint("project_id", "model_id", "version"),
    Index("ix_baselines_created_us", "created_us"),  # the newest ones without reading all profiles
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
    Index("ix_drift_reports_state", "project_id", "model_id", "day", "state"),  # verdicts without reading reports
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

# Performance in a baseline's window, and the calibration of its scores.
performance_references = Table(
    "performance_references",
    metadata,
    Column("baseline_id", String(32), ForeignKey("baselines.id"), primary_key=True),
    Column("labelled", BigInteger, nullable=False),
    Column("reference", JSON, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
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
