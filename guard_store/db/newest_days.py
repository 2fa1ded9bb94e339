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

    The first of the days is found by the index, model by model: numbering the days of all models would read every row of a
    table that grows with each day.

    Parameters
    ----------
    table : has `project_id`, `model_id` and `day`.
    project_id : only this project; None for all.
    conditions : select the rows that count as days, at most one for each.
    """
    c = table.c
    every_model = select(c.project_id, c.model_id).distinct()
    if project_id is not None:
        every_model = every_model.where(c.project_id == project_id)
    models = every_model.subquery()
    is_of_model = and_(c.project_id == models.c.project_id, c.model_id == models.c.model_id)
    counted = select(c.day).where(is_of_model, *conditions).order_by(c.day.desc()).offset(days - 1).limit(1)
    first_day = func.coalesce(counted.correlate(models).scalar_subquery(), "")  # a model of fewer days: all of them
    # Without this word, SQLite finds the first day again for each row.
    starts = select(*models.c, first_day.label("first_day")).cte("starts").prefix_with("MATERIALIZED")
    is_new = and_(c.project_id == starts.c.project_id, c.model_id == starts.c.model_id, c.day >= starts.c.first_day)
    return select(*columns).join(starts, is_new).where(*conditions).order_by(c.project_id, c.model_id, c.day)
