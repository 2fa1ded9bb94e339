"""Alert policies, incidents and alerts, their history, the outbox of messages; facts are folded into them.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0009'
down_revision: str | Sequence[str] | None = '0008'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.String(length=128).with_variant(sa.String(length=128, collation='C'), 'postgresql')


def upgrade() -> None:
    op.create_table('alert_looks',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('changes', sa.BigInteger(), nullable=False),
    sa.Column('policies', sa.String(length=32), nullable=False),
    sa.Column('looked_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'model_id', name=op.f('pk_alert_looks'))
    )
    op.create_table('alert_policies',
    sa.Column('project_id', _ID, nullable=False),
    sa.Column('name', _ID, nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.PrimaryKeyConstraint('project_id', 'name', name=op.f('pk_alert_policies'))
    )
    op.create_table('incidents',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project_id', _ID, nullable=False),
    sa.Column('model_id', _ID, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('thread', sa.Text(), nullable=True),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('opened_us', sa.BigInteger(), nullable=False),
    sa.Column('resolved_us', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incidents'))
    )
    with op.batch_alter_table('incidents', schema=None) as batch_op:
        batch_op.create_index('ix_incidents_one_open', ['project_id', 'model_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.create_table('alert_messages',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('incident_id', sa.String(length=32), nullable=False),
    sa.Column('route', _ID, nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('due_us', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('tries', sa.JSON(), nullable=False),
    sa.Column('lease', sa.String(length=32), nullable=True),
    sa.Column('lease_until_us', sa.BigInteger(), nullable=True),
    sa.Column('sent_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_alert_messages_incident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_messages')),
    sa.UniqueConstraint('incident_id', 'route', 'seq', name=op.f('uq_alert_messages_incident_id_route_seq'))
    )
    with op.batch_alter_table('alert_messages', schema=None) as batch_op:
        batch_op.create_index('ix_alert_messages_state', ['state', 'created_us'], unique=False)
        batch_op.create_index('ix_alert_messages_waiting', ['route', 'due_us'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.create_table('alerts',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('incident_id', sa.String(length=32), nullable=False),
    sa.Column('project_id', _ID, nullable=False),
    sa.Column('model_id', _ID, nullable=False),
    sa.Column('subject', sa.String(length=256), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=True),
    sa.Column('since_day', sa.String(length=10), nullable=True),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('told_value', sa.Float(), nullable=True),
    sa.Column('told_us', sa.BigInteger(), nullable=True),
    sa.Column('routes', sa.JSON(), nullable=False),
    sa.Column('opened_us', sa.BigInteger(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.Column('resolved_us', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_us', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_by', sa.String(length=128), nullable=True),
    sa.Column('acknowledged_reason', sa.Text(), nullable=True),
    sa.Column('muted_until_us', sa.BigInteger(), nullable=True),
    sa.Column('expires_us', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_alerts_incident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alerts'))
    )
    with op.batch_alter_table('alerts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alerts_incident_id'), ['incident_id'], unique=False)
        batch_op.create_index('ix_alerts_one_open', ['project_id', 'model_id', 'subject'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.create_index(batch_op.f('ix_alerts_opened_us_id'), ['opened_us', 'id'], unique=False)

    op.create_table('alert_history',
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('alert_id', sa.String(length=32), nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=True),
    sa.Column('told', sa.Boolean(), nullable=False),
    sa.Column('key_id', sa.String(length=128), nullable=True),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.ForeignKeyConstraint(['alert_id'], ['alerts.id'], name=op.f('fk_alert_history_alert_id')),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_alert_history'))
    )
    with op.batch_alter_table('alert_history', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_history_alert_id'), ['alert_id'], unique=False)

    with op.batch_alter_table('alert_events', schema=None) as batch_op:
        batch_op.add_column(sa.Column('op', sa.String(length=8), server_default=sa.text("'fires'"), nullable=False))
        batch_op.add_column(sa.Column('subject', sa.String(length=256), nullable=True))
        batch_op.add_column(sa.Column('day', sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column('folded_us', sa.BigInteger(), nullable=True))
        batch_op.create_index('ix_alert_events_waiting', ['created_us'], unique=False, sqlite_where=sa.text('folded_us IS NULL'), postgresql_where=sa.text('folded_us IS NULL'))
    # What was known before is told as it was: on its page, not by a message of today.
    op.execute("UPDATE alert_events SET folded_us = created_us")


def downgrade() -> None:
    with op.batch_alter_table('alert_events', schema=None) as batch_op:
        batch_op.drop_index('ix_alert_events_waiting', sqlite_where=sa.text('folded_us IS NULL'), postgresql_where=sa.text('folded_us IS NULL'))
        batch_op.drop_column('folded_us')
        batch_op.drop_column('day')
        batch_op.drop_column('subject')
        batch_op.drop_column('op')

    with op.batch_alter_table('alert_history', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alert_history_alert_id'))

    op.drop_table('alert_history')
    with op.batch_alter_table('alerts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alerts_opened_us_id'))
        batch_op.drop_index('ix_alerts_one_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index(batch_op.f('ix_alerts_incident_id'))

    op.drop_table('alerts')
    with op.batch_alter_table('alert_messages', schema=None) as batch_op:
        batch_op.drop_index('ix_alert_messages_waiting', sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
        batch_op.drop_index('ix_alert_messages_state')

    op.drop_table('alert_messages')
    with op.batch_alter_table('incidents', schema=None) as batch_op:
        batch_op.drop_index('ix_incidents_one_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table('incidents')
    op.drop_table('alert_policies')
    op.drop_table('alert_looks')
