"""The tables that every call of a model writes are one tree each on SQLite, not a table and an index beside it.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


revision: str = '0010'
down_revision: str | Sequence[str] | None = '0009'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEYED_BY_TEXT = ('budget_spans', 'reservations', 'usage')


def upgrade() -> None:
    # They are those of the calls that are being made now: a look at all of them is as fast.
    with op.batch_alter_table('reservations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reservations_expires_us'))
    _lay_anew(with_rowid=False, seq=(sa.BigInteger(), sa.Integer()))


def downgrade() -> None:
    _lay_anew(with_rowid=True, seq=(sa.Integer(), sa.BigInteger()))
    with op.batch_alter_table('reservations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reservations_expires_us'), ['expires_us'], unique=False)


def _lay_anew(*, with_rowid: bool, seq: tuple[sa.types.TypeEngine[int], sa.types.TypeEngine[int]]) -> None:
    if op.get_bind().dialect.name != 'sqlite':
        return
    for name in _KEYED_BY_TEXT:
        with op.batch_alter_table(name, recreate='always', table_kwargs={'sqlite_with_rowid': with_rowid}):
            pass
    # An INTEGER key is the number of the row itself; a BIGINT one is an index.
    with op.batch_alter_table('ledger', recreate='always') as batch_op:
        batch_op.alter_column('seq', existing_type=seq[0], type_=seq[1], existing_nullable=False)
