"""Latencies of calls of language models.

Revision ID: 0020
Revises: 0019
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0020'
down_revision: str | Sequence[str] | None = '0019'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('usage_latencies',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=False),
    sa.Column('key_id', sa.String(length=128), nullable=False),
    sa.Column('end_user', sa.String(length=128), nullable=False),
    sa.Column('model', sa.String(length=256), nullable=False),
    sa.Column('bucket', sa.SmallInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'project_id', 'key_id', 'end_user', 'model', 'bucket', name=op.f('pk_usage_latencies')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    op.drop_table('usage_latencies')
