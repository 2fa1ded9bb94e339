"""The amount of the newest call that a budget refused.

Revision ID: 0019
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0019'
down_revision: str | Sequence[str] | None = '0018'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('budget_spans', sa.Column('refused', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('budget_spans', 'refused')  # in place: a batch would lay the table anew, with row ids
