"""Bodies of requests that a project keeps; which days have lost their events, or their rows of the lake, to retention.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0006'
down_revision: str | Sequence[str] | None = '0005'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('ledger_bodies',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False),
    sa.Column('request_id', sa.String(length=128), nullable=True),
    sa.Column('project_id', sa.String(length=128), nullable=True),
    sa.Column('request', sa.Text(), nullable=False),
    sa.Column('response', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_ledger_bodies'))
    )
    op.create_index(op.f('ix_ledger_bodies_at_us'), 'ledger_bodies', ['at_us'], unique=False)
    op.create_index(op.f('ix_ledger_bodies_request_id'), 'ledger_bodies', ['request_id'], unique=False)
    op.add_column('day_news', sa.Column('events_gone_us', sa.BigInteger(), nullable=True))
    op.add_column('day_news', sa.Column('lake_gone_us', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('day_news', 'lake_gone_us')
    op.drop_column('day_news', 'events_gone_us')
    op.drop_index(op.f('ix_ledger_bodies_request_id'), table_name='ledger_bodies')
    op.drop_index(op.f('ix_ledger_bodies_at_us'), table_name='ledger_bodies')
    op.drop_table('ledger_bodies')
