"""Inputs of research steps, kept for some days for replays."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from guard_store.db.database import Database
from guard_store.research.tables import research_steps


@dataclass(frozen=True, slots=True)
class ResearchStep:
    """One call of a tool by a research.

    Attributes
    ----------
    input : JSON text, as filtered by the content policy; `input_hash` and `output_hash` are in the ledger too.
    knowledge_version : version of the knowledge base that it read; None if it read none.
    made_us : when the research ended, the same for all of its steps.
    """

    call_id: str
    request_id: str
    place: int
    project_id: str | None
    key_id: str | None
    tool: str
    input: str
    input_hash: str
    output_hash: str
    knowledge_version: int | None
    made_us: int


class ResearchStepStore:
    """Stores steps by request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, steps: Sequence[ResearchStep]) -> None:
        """Store the steps of a research."""
        if steps:
            with self._database.write() as connection:
                connection.execute(insert(research_steps), [asdict(step) for step in steps])

    def of(self, request_id: str) -> list[ResearchStep]:
        """Return the steps of a request in their order; if callers used its id again, those of the newest request."""
        c = research_steps.c
        statement = select(research_steps).where(c.request_id == request_id).order_by(c.made_us.desc(), c.place)
        with self._database.read() as connection:
            steps = [ResearchStep(**row._mapping) for row in connection.execute(statement)]
        return [step for step in steps if step.made_us == steps[0].made_us]

    def delete(self, request_id: str, project_id: str | None = None) -> int:
        """Delete the steps of a request, of one project or of all; return how many."""
        chosen = research_steps.c.request_id == request_id
        if project_id is not None:
            chosen &= research_steps.c.project_id == project_id
        with self._database.write() as connection:
            return connection.execute(delete(research_steps).where(chosen)).rowcount

    def sweep(self, before_us: int) -> int:
        """Delete the steps of research that ended before an instant; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(research_steps).where(research_steps.c.made_us < before_us)).rowcount
