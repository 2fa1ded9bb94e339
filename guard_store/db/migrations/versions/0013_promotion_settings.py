"""The section `gate` of a project's settings is called `promotion`, as its rule is.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


revision: str = '0013'
down_revision: str | Sequence[str] | None = '0012'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_projects = sa.table('projects', sa.column('id', sa.String), sa.column('settings', sa.JSON))


def upgrade() -> None:
    _rename('gate', 'promotion')


def downgrade() -> None:
    _rename('promotion', 'gate')


def _rename(old: str, new: str) -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(_projects)).all():
        settings = _renamed(row.settings, old, new)
        if 'models' in settings:
            settings['models'] = {name: _renamed(of_model, old, new) for name, of_model in settings['models'].items()}
        if settings != row.settings:
            connection.execute(_projects.update().where(_projects.c.id == row.id).values(settings=settings))


def _renamed(sections: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: section for name, section in sections.items()}
