"""Tool calls that were decided for others, and inputs of research steps.

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0008'
down_revision: str | Sequence[str] | None = '0007'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('tool_calls',
    sa.Column('key_id', sa.String(length=128), nullable=False),
    sa.Column('call_id', sa.String(length=128), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=True),
    sa.Column('tool', sa.String(length=128), nullable=False),
    sa.Column('arguments_hash', sa.String(length=64), nullable=False),
    sa.Column('allowed', sa.Boolean(), nullable=False),
    sa.Column('rule', sa.String(length=128), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('checked_us', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=True),
    sa.Column('latency_us', sa.BigInteger(), nullable=True),
    sa.Column('result_hash', sa.String(length=64), nullable=True),
    sa.Column('recorded_us', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('key_id', 'call_id', name=op.f('pk_tool_calls'))
    )
    with op.batch_alter_table('tool_calls', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tool_calls_checked_us'), ['checked_us'], unique=False)

    op.create_table('research_steps',
    sa.Column('call_id', sa.String(length=32), nullable=False),
    sa.Column('request_id', sa.String(length=128), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.String(length=128), nullable=True),
    sa.Column('key_id', sa.String(length=128), nullable=True),
    sa.Column('tool', sa.String(length=128), nullable=False),
    sa.Column('input', sa.Text(), nullable=False),
    sa.Column('input_hash', sa.String(length=64), nullable=False),
    sa.Column('output_hash', sa.String(length=64), nullable=False),
    sa.Column('knowledge_version', sa.BigInteger(), nullable=True),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('call_id', name=op.f('pk_research_steps'))
    )
    with op.batch_alter_table('research_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_research_steps_made_us'), ['made_us'], unique=False)
        batch_op.create_index(batch_op.f('ix_research_steps_request_id'), ['request_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('research_steps', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_research_steps_request_id'))
        batch_op.drop_index(batch_op.f('ix_research_steps_made_us'))

    op.drop_table('research_steps')
    with op.batch_alter_table('tool_calls', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_tool_calls_checked_us'))

    op.drop_table('tool_calls')
