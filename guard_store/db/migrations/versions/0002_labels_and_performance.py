"""Labels and performance; events are keyed by their id.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0002'
down_revision: str | Sequence[str] | None = '0001'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.String(length=128).with_variant(sa.String(length=128, collation='C'), 'postgresql')
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('labels',
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('project_id', _ID, nullable=False),
    sa.Column('event_id', _ID, nullable=False),
    sa.Column('observed_us', sa.BigInteger(), nullable=False),
    sa.Column('value_hash', sa.String(length=32), nullable=False),
    sa.Column('y_true', sa.Text(), nullable=False),
    sa.Column('received_us', sa.BigInteger(), nullable=False),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.Column('waiting', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_labels')),
    sa.UniqueConstraint('project_id', 'event_id', 'observed_us', 'value_hash', name=op.f('uq_labels_project_id_event_id_observed_us_value_hash'))
    )
    with op.batch_alter_table('labels', schema=None) as batch_op:
        batch_op.create_index('ix_labels_waiting', ['seq'], unique=False, sqlite_where=sa.text('waiting'), postgresql_where=sa.text('waiting'))

    op.create_table('performance',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('dimension', sa.String(length=16), nullable=False),
    sa.Column('value', sa.String(length=128), nullable=False),
    sa.Column('task', sa.String(length=16), nullable=True),
    sa.Column('events', sa.BigInteger(), nullable=False),
    sa.Column('labelled', sa.BigInteger(), nullable=False),
    sa.Column('report', sa.JSON(), nullable=False),
    sa.Column('baseline_id', sa.String(length=32), nullable=True),
    sa.Column('lake_version', sa.BigInteger(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('run_id', sa.String(length=64), nullable=True),
    sa.Column('computed_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['baseline_id'], ['baselines.id'], name=op.f('fk_performance_baseline_id')),
    sa.PrimaryKeyConstraint('project_id', 'model_id', 'day', 'dimension', 'value', name=op.f('pk_performance'))
    )
    op.create_table('performance_references',
    sa.Column('baseline_id', sa.String(length=32), nullable=False),
    sa.Column('labelled', sa.BigInteger(), nullable=False),
    sa.Column('reference', sa.JSON(), nullable=False),
    sa.Column('computed_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['baseline_id'], ['baselines.id'], name=op.f('fk_performance_references_baseline_id')),
    sa.PrimaryKeyConstraint('baseline_id', name=op.f('pk_performance_references'))
    )
    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.add_column(sa.Column('performance_revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False))

    _collate_event_ids('"C"')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_constraint('uq_events_project_id_event_id', type_='unique')
        batch_op.drop_constraint('pk_events', type_='primary')
        batch_op.drop_column('seq')
        batch_op.create_primary_key('pk_events', ['project_id', 'event_id'])


def downgrade() -> None:
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_constraint('pk_events', type_='primary')
        batch_op.add_column(sa.Column('seq', _ROW_NUMBER, sa.Identity(), nullable=False))
        batch_op.create_primary_key('pk_events', ['seq'])
        batch_op.create_unique_constraint('uq_events_project_id_event_id', ['project_id', 'event_id'])
    _collate_event_ids('"default"')
    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.drop_column('performance_revision')

    op.drop_table('performance_references')
    op.drop_table('performance')
    with op.batch_alter_table('labels', schema=None) as batch_op:
        batch_op.drop_index('ix_labels_waiting', sqlite_where=sa.text('waiting'), postgresql_where=sa.text('waiting'))

    op.drop_table('labels')


def _collate_event_ids(collation: str) -> None:
    if op.get_bind().dialect.name == 'postgresql':
        ids = ('project_id', 'event_id', 'model_id')
        changes = ', '.join(f'ALTER COLUMN {name} TYPE varchar(128) COLLATE {collation}' for name in ids)
        op.execute(f'ALTER TABLE events {changes}')
