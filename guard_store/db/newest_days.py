"""The newest days of every model, in one statement for all of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select


def select_newest_days(
    table: Table,
    columns: Sequence[ColumnElement[Any]],
    days: int,
    project_id: str | None,
    *conditions: ColumnElement[bool],
) -> Select[Any]:
    """Select columns of the newest days of every model, ordered by project, model and day.

    Parameters
    ----------
    table : has `project_id`, `model_id` and `day`.
    project_id : only this project; None for all.
    conditions : select the rows that count as days, at most one for each.
    """
    c = table.c
    key = [c.project_id, c.model_id, c.day]
    age = func.row_number().over(partition_by=key[:2], order_by=c.day.desc()).label("age")
    all_days = select(*key, age).where(*conditions)
    if project_id is not None:
        all_days = all_days.where(c.project_id == project_id)
    aged = all_days.subquery()
    is_same_day = and_(*(aged.c[column.name] == column for column in key))
    return select(*columns).join(aged, is_same_day).where(aged.c.age <= days, *conditions).order_by(*key)
