"""Labels, performance, retrain flags, training runs, decisions on models, alert events.

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
    op.create_table('alert_events',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=True),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('dedup_key', sa.String(length=256), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_events')),
    sa.UniqueConstraint('dedup_key', name=op.f('uq_alert_events_dedup_key'))
    )
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

    op.create_table('model_decisions',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=True),
    sa.Column('champion_before', sa.String(length=16), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('key_id', sa.String(length=128), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=True),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.Column('decided_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_decisions'))
    )
    with op.batch_alter_table('model_decisions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_model_decisions_project_id_model_id_decided_us'), ['project_id', 'model_id', 'decided_us'], unique=False)

    op.create_table('retrain_evaluations',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('recommended', sa.Boolean(), nullable=False),
    sa.Column('result', sa.JSON(), nullable=False),
    sa.Column('flag_id', sa.String(length=32), nullable=True),
    sa.Column('run_id', sa.String(length=64), nullable=True),
    sa.Column('computed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'model_id', 'day', name=op.f('pk_retrain_evaluations'))
    )
    op.create_table('retrain_flags',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('as_of_us', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False),
    sa.Column('forced', sa.Boolean(), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=True),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.Column('acknowledged_us', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_by', sa.String(length=128), nullable=True),
    sa.Column('acknowledged_reason', sa.Text(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retrain_flags'))
    )
    with op.batch_alter_table('retrain_flags', schema=None) as batch_op:
        batch_op.create_index('ix_retrain_flags_one_active', ['project_id', 'model_id'], unique=True, sqlite_where=sa.text("state IN ('open', 'training')"), postgresql_where=sa.text("state IN ('open', 'training')"))
        batch_op.create_index(batch_op.f('ix_retrain_flags_project_id_model_id_day'), ['project_id', 'model_id', 'day'], unique=False)

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
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('computed_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['baseline_id'], ['baselines.id'], name=op.f('fk_performance_references_baseline_id')),
    sa.PrimaryKeyConstraint('baseline_id', name=op.f('pk_performance_references'))
    )
    op.create_table('training_runs',
    sa.Column('flag_id', sa.String(length=32), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('dagster_run_id', sa.String(length=64), nullable=True),
    sa.Column('mlflow_run_id', sa.String(length=64), nullable=True),
    sa.Column('model_version', sa.String(length=16), nullable=True),
    sa.Column('data', sa.JSON(), nullable=False),
    sa.Column('evaluation', sa.JSON(), nullable=True),
    sa.Column('baseline_id', sa.String(length=32), nullable=True),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['baseline_id'], ['baselines.id'], name=op.f('fk_training_runs_baseline_id')),
    sa.ForeignKeyConstraint(['flag_id'], ['retrain_flags.id'], name=op.f('fk_training_runs_flag_id')),
    sa.PrimaryKeyConstraint('flag_id', name=op.f('pk_training_runs'))
    )
    with op.batch_alter_table('training_runs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_training_runs_mlflow_run_id'), ['mlflow_run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_training_runs_project_id_model_id_model_version'), ['project_id', 'model_id', 'model_version'], unique=False)

    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.add_column(sa.Column('performance_revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
        batch_op.add_column(sa.Column('retrain_revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False))

    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_traced', ['request_id'], unique=False, sqlite_where=sa.text('model_version IS NOT NULL'), postgresql_where=sa.text('model_version IS NOT NULL'))
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
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_traced', sqlite_where=sa.text('model_version IS NOT NULL'), postgresql_where=sa.text('model_version IS NOT NULL'))

    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.drop_column('retrain_revision')
        batch_op.drop_column('performance_revision')

    with op.batch_alter_table('training_runs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_training_runs_project_id_model_id_model_version'))
        batch_op.drop_index(batch_op.f('ix_training_runs_mlflow_run_id'))

    op.drop_table('training_runs')
    op.drop_table('performance_references')
    op.drop_table('performance')
    with op.batch_alter_table('retrain_flags', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_retrain_flags_project_id_model_id_day'))
        batch_op.drop_index('ix_retrain_flags_one_active', sqlite_where=sa.text("state IN ('open', 'training')"), postgresql_where=sa.text("state IN ('open', 'training')"))

    op.drop_table('retrain_flags')
    op.drop_table('retrain_evaluations')
    with op.batch_alter_table('model_decisions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_model_decisions_project_id_model_id_decided_us'))

    op.drop_table('model_decisions')
    with op.batch_alter_table('labels', schema=None) as batch_op:
        batch_op.drop_index('ix_labels_waiting', sqlite_where=sa.text('waiting'), postgresql_where=sa.text('waiting'))

    op.drop_table('labels')
    op.drop_table('alert_events')


def _collate_event_ids(collation: str) -> None:
    if op.get_bind().dialect.name == 'postgresql':
        ids = ('project_id', 'event_id', 'model_id')
        changes = ', '.join(f'ALTER COLUMN {name} TYPE varchar(128) COLLATE {collation}' for name in ids)
        op.execute(f'ALTER TABLE events {changes}')
