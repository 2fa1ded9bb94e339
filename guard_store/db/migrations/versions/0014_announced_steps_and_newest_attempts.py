"""Columns of alerts are named by the glossary: a step is announced, a message has newest attempts.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

from alembic import op


revision: str = '0014'
down_revision: str | Sequence[str] | None = '0013'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.alter_column('alert_history', 'told', new_column_name='announced')
    op.alter_column('alert_messages', 'tries', new_column_name='newest_attempts')


def downgrade() -> None:
    op.alter_column('alert_messages', 'newest_attempts', new_column_name='tries')
    op.alter_column('alert_history', 'announced', new_column_name='told')
