"""Retraining: flags, trainings and decisions; baselines that hold from a day on.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0003'
down_revision: str | Sequence[str] | None = '0002'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


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
    sa.Column('due_us', sa.BigInteger(), nullable=False),
    sa.Column('dagster_run_id', sa.String(length=64), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retrain_flags'))
    )
    with op.batch_alter_table('retrain_flags', schema=None) as batch_op:
        batch_op.create_index('ix_retrain_flags_one_active', ['project_id', 'model_id'], unique=True, sqlite_where=sa.text("state IN ('open', 'training')"), postgresql_where=sa.text("state IN ('open', 'training')"))
        batch_op.create_index(batch_op.f('ix_retrain_flags_project_id_model_id_day'), ['project_id', 'model_id', 'day'], unique=False)

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

    op.create_table('shadow_tallies',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('champion', sa.String(length=16), nullable=False),
    sa.Column('challenger', sa.String(length=16), nullable=False),
    sa.Column('rows', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('differing', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('failed', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('difference', sa.Float(), server_default=sa.text('0'), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'model_id', 'day', 'champion', 'challenger', name=op.f('pk_shadow_tallies'))
    )
    with op.batch_alter_table('baselines', schema=None) as batch_op:
        batch_op.add_column(sa.Column('from_day', sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column('previous_id', sa.String(length=32), nullable=True))

    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.add_column(sa.Column('retrain_revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False))

    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_traced', ['request_id'], unique=False, sqlite_where=sa.text('model_version IS NOT NULL'), postgresql_where=sa.text('model_version IS NOT NULL'))



def downgrade() -> None:
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_traced', sqlite_where=sa.text('model_version IS NOT NULL'), postgresql_where=sa.text('model_version IS NOT NULL'))

    with op.batch_alter_table('day_news', schema=None) as batch_op:
        batch_op.drop_column('retrain_revision')

    with op.batch_alter_table('baselines', schema=None) as batch_op:
        batch_op.drop_column('previous_id')
        batch_op.drop_column('from_day')

    with op.batch_alter_table('training_runs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_training_runs_project_id_model_id_model_version'))
        batch_op.drop_index(batch_op.f('ix_training_runs_mlflow_run_id'))

    op.drop_table('shadow_tallies')
    op.drop_table('training_runs')
    with op.batch_alter_table('retrain_flags', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_retrain_flags_project_id_model_id_day'))
        batch_op.drop_index('ix_retrain_flags_one_active', sqlite_where=sa.text("state IN ('open', 'training')"), postgresql_where=sa.text("state IN ('open', 'training')"))

    op.drop_table('retrain_flags')
    op.drop_table('retrain_evaluations')
    with op.batch_alter_table('model_decisions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_model_decisions_project_id_model_id_decided_us'))

    op.drop_table('model_decisions')
    op.drop_table('alert_events')
