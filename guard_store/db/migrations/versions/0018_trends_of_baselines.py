"""The columns of a baseline that have a trend over its days.

Revision ID: 0018
Revises: 0017
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0018'
down_revision: str | Sequence[str] | None = '0017'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('baselines', sa.Column('trends', sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('baselines') as batch:
        batch.drop_column('trends')
