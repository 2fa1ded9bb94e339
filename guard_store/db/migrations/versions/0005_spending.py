"""Budgets, what they have counted, calls that are being made, and usage by local day.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0005'
down_revision: str | Sequence[str] | None = '0004'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('budgets',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('scope', sa.String(length=16), nullable=False),
    sa.Column('scope_id', sa.String(length=128), nullable=False),
    sa.Column('measure', sa.String(length=16), nullable=False),
    sa.Column('period', sa.String(length=16), nullable=False),
    sa.Column('soft', sa.BigInteger(), nullable=True),
    sa.Column('hard', sa.BigInteger(), nullable=True),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_budgets')),
    sa.UniqueConstraint('scope', 'scope_id', 'measure', 'period', name=op.f('uq_budgets_scope_scope_id_measure_period'))
    )
    op.create_table('budget_spans',
    sa.Column('budget_id', sa.String(length=32), nullable=False),
    sa.Column('span', sa.String(length=10), nullable=False),
    sa.Column('spent', sa.BigInteger(), nullable=False),
    sa.Column('reserved', sa.BigInteger(), nullable=False),
    sa.Column('warned', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('budget_id', 'span', name=op.f('pk_budget_spans'))
    )
    op.create_table('reservations',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reservations'))
    )
    with op.batch_alter_table('reservations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reservations_expires_us'), ['expires_us'], unique=False)

    op.create_table('usage',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('key_id', sa.String(length=128), nullable=False),
    sa.Column('end_user', sa.String(length=128), nullable=False),
    sa.Column('model', sa.String(length=256), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.Column('tokens_in', sa.BigInteger(), nullable=False),
    sa.Column('tokens_cached', sa.BigInteger(), nullable=False),
    sa.Column('tokens_out', sa.BigInteger(), nullable=False),
    sa.Column('tokens_reasoning', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('unpriced', sa.BigInteger(), nullable=False),
    sa.Column('estimated', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'project_id', 'key_id', 'end_user', 'model', name=op.f('pk_usage'))
    )


def downgrade() -> None:
    op.drop_table('usage')
    with op.batch_alter_table('reservations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reservations_expires_us'))

    op.drop_table('reservations')
    op.drop_table('budget_spans')
    op.drop_table('budgets')
