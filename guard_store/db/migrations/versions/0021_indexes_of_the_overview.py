"""Indexes for the overview: the newest baselines, and the verdicts of days, without reading profiles and reports.

Revision ID: 0021
Revises: 0020
"""

from collections.abc import Sequence

from alembic import op


revision: str = '0021'
down_revision: str | Sequence[str] | None = '0020'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index('ix_baselines_created_us', 'baselines', ['created_us'])
    op.create_index('ix_drift_reports_state', 'drift_reports', ['project_id', 'model_id', 'day', 'state'])


def downgrade() -> None:
    op.drop_index('ix_drift_reports_state', 'drift_reports')
    op.drop_index('ix_baselines_created_us', 'baselines')
