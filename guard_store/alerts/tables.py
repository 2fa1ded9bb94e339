"""Tables of alerts: policies, incidents, alerts and their history, the outbox of messages, and facts.

Only their schema belongs here; the other modules of the package read and write them.
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
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from guard_store.db.metadata import Id, RowNumber, metadata

REPORT = "report"
"""State of a thread that is no incident but the one message with a monthly report."""

alert_policies = Table(
    "alert_policies",
    metadata,
    Column("project_id", Id, primary_key=True),
    Column("name", Id, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
)

# The last evaluation of a model's policies: its day, the number of changes of that day, and a digest of the policies.
alert_looks = Table(
    "alert_looks",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("policies", String(32), nullable=False),
    Column("looked_us", BigInteger, nullable=False),
)

# Alerts of a model that are open at the same time; their messages are one thread.
# '' stands for no model, or for no project if all projects are affected.
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("model_id", Id, nullable=False),
    Column("state", String(16), nullable=False),  # open, resolved, report
    Column("thread", Text),  # subject of the first message
    Column("messages", Integer, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("resolved_us", BigInteger),
    Index(
        "ix_incidents_one_open",
        "project_id",
        "model_id",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("incident_id", String(32), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("project_id", Id, nullable=False),
    Column("model_id", Id, nullable=False),
    Column("subject", String(256), nullable=False),  # the condition; a model has at most one open alert per subject
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # open, resolved
    Column("summary", Text, nullable=False),
    Column("details", JSON, nullable=False),
    Column("day", String(10)),
    Column("since_day", String(10)),
    Column("value", Float),
    Column("told_value", Float),
    Column("told_us", BigInteger),
    Column("routes", JSON, nullable=False),  # that were notified
    Column("opened_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("resolved_us", BigInteger),
    Column("acknowledged_us", BigInteger),
    Column("acknowledged_by", String(128)),
    Column("acknowledged_reason", Text),
    Column("muted_until_us", BigInteger),
    Column("expires_us", BigInteger),
    Index(
        "ix_alerts_one_open",
        "project_id",
        "model_id",
        "subject",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index(None, "opened_us", "id"),
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("seq", RowNumber, primary_key=True, autoincrement=True),
    Column("alert_id", String(32), ForeignKey("alerts.id"), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("action", String(16), nullable=False),  # opened, updated, noted, acknowledged, muted, unmuted, resolved
    Column("text", Text, nullable=False),
    Column("day", String(10)),
    Column("announced", Boolean, nullable=False),  # whether a message was written
    Column("key_id", String(128)),
    Column("request_id", String(128)),
)

# The outbox. The id is sent with each attempt, so that a receiver can detect repetitions.
alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("incident_id", String(32), ForeignKey("incidents.id"), nullable=False),
    Column("route", Id, nullable=False),
    Column("seq", Integer, nullable=False),  # order within the incident
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, sent, dead
    Column("attempts", Integer, nullable=False),
    Column("newest_attempts", JSON, nullable=False),  # the newest attempts: time and error
    Column("lease", String(32)),
    Column("lease_until_us", BigInteger),
    Column("sent_us", BigInteger),
    UniqueConstraint("incident_id", "route", "seq"),
    Index(
        "ix_alert_messages_waiting",
        "route",
        "due_us",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_alert_messages_state", "state", "created_us"),
)

# Facts; those that are not folded yet are turned into alerts by `fold`.
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
    Column("subject", String(256)),  # null: the dedup_key
    Column("day", String(10)),
    Column("folded_us", BigInteger),
    Index(
        "ix_alert_events_waiting",
        "created_us",
        sqlite_where=text("folded_us IS NULL"),
        postgresql_where=text("folded_us IS NULL"),
    ),
)
