"""Service behind the kind routes: the kinds of a model's columns, learned by the pipelines or set by an analyst."""

from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.kinds import KindStore
from serving.http.paging import Page, decode_cursor, page_of
from serving.monitoring.kinds.schemas import KindView


class KindService:
    """List and set the kinds of columns."""

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
