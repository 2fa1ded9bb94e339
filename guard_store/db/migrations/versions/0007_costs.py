"""Costs: pulls of a day, their lines, and how often AWS was asked.

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0007'
down_revision: str | Sequence[str] | None = '0006'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('cost_pulls',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('source', sa.String(length=8), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('basis', sa.String(length=16), nullable=False),
    sa.Column('estimated', sa.Boolean(), nullable=False),
    sa.Column('pulled_us', sa.BigInteger(), nullable=True),
    sa.Column('tried_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'day', 'source', name=op.f('pk_cost_pulls'))
    )
    op.create_table('costs',
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('source', sa.String(length=8), nullable=False),
    sa.Column('service', sa.String(length=256), nullable=False),
    sa.Column('label', sa.String(length=256), nullable=False),
    sa.Column('currency', sa.String(length=8), nullable=False),
    sa.Column('unblended', sa.String(length=64), nullable=False),
    sa.Column('amortised', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'day', 'source', 'service', 'label', 'currency', name=op.f('pk_costs'))
    )
    op.create_table('aws_cost_requests',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('requests', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_aws_cost_requests'))
    )


def downgrade() -> None:
    op.drop_table('aws_cost_requests')
    op.drop_table('costs')
    op.drop_table('cost_pulls')
