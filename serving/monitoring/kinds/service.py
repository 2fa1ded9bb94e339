"""Service behind the kind routes: the kinds of a model's columns, learned by the pipelines or set by an analyst."""

from guard_core.columns import feature_name
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.kinds import KindStore
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound
from serving.monitoring.kinds.schemas import KindView


class KindService:
    """List, set and forget the kinds of columns."""

    def __init__(self, kinds: KindStore, day_states: DayStateStore) -> None:
        self._kinds = kinds
        self._day_states = day_states

    def page(self, project_id: str, model_id: str, cursor: str | None, limit: int) -> Page[KindView]:
        """Return a page of the kinds of the model's features and of its predictions."""
        after = decode_cursor(cursor, str, "")
        kinds = [kind for kind in self._kinds.list(project_id, model_id) if kind.feature > after]
        return page_of(
            kinds[: limit + 1],
            limit,
            position=lambda kind: kind.feature,
            item=KindView.of,
            state=lambda: (
                "not_processed" if self._day_states.list(project_id, model_id, "", "~", limit=1) else "no_events"
            ),
        )

    def override(self, project_id: str, model_id: str, column: str, kind: str, request_id: str) -> KindView:
        """Set the kind of a column, in place of the learned one; all days of the model are processed again."""
        return KindView.of(self._kinds.override(project_id, model_id, column, kind, request_id=request_id))

    def forget(self, project_id: str, model_id: str, column: str, request_id: str) -> None:
        """Forget the kind of a column; all days of the model are processed again, and learn it anew.

        Raises
        ------
        NotFound
            If the column has no kind.
        """
        if not self._kinds.forget(project_id, model_id, column, request_id=request_id):
            raise NotFound(
                f"Model {model_id!r} has no kind of {feature_name(column)[:80]!r}: GET …/kinds lists those that it has."
            )
