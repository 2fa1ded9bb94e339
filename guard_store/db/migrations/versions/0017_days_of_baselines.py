"""How the days of a baseline differ, so that newer days can be compared with them.

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0017'
down_revision: str | Sequence[str] | None = '0016'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('baselines', sa.Column('days', sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('baselines') as batch:
        batch.drop_column('days')
