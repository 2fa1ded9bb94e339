"""The key of an event begins with its own id: ids differ from each other, projects hardly do, and an index compares from the left.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

from alembic import op


revision: str = '0011'
down_revision: str | Sequence[str] | None = '0010'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _key_by('event_id', 'project_id')


def downgrade() -> None:
    _key_by('project_id', 'event_id')


def _key_by(*columns: str) -> None:
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_constraint('pk_events', type_='primary')
        batch_op.create_primary_key('pk_events', list(columns))
