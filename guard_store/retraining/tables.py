"""Tables of retraining: results of the rule, flags, trainings, decisions about models, and shadow sums.

Only their schema belongs here; the other modules of the package read and write them.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from guard_store.db.metadata import count_of, metadata

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
    Column("key_id", String(128)),  # null: decided by the rule
    Column("role", String(16)),
    Column("request_id", String(128)),
    Column("decided_us", BigInteger, nullable=False),
    Index(None, "project_id", "model_id", "decided_us"),
)

# Comparisons of a challenger's predictions with the champion's, summed by local day.
shadow_tallies = Table(
    "shadow_tallies",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("champion", String(16), primary_key=True),
    Column("challenger", String(16), primary_key=True),
    count_of("rows"),
    count_of("differing"),
    count_of("failed"),
    Column("difference", Float, nullable=False, server_default=text("0")),
    Column("changed_us", BigInteger, nullable=False),
)
