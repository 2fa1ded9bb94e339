"""The newest tick of each sensor.

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0015'
down_revision: str | Sequence[str] | None = '0014'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('sensor_ticks',
    sa.Column('sensor', sa.String(length=128), nullable=False),
    sa.Column('ticked_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('sensor', name=op.f('pk_sensor_ticks'))
    )


def downgrade() -> None:
    op.drop_table('sensor_ticks')
