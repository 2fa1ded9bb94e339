"""How long tools and research are remembered: inputs of steps by their own setting, calls of others as long as the ledger."""

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.db.database import Database
from guard_store.research.steps import ResearchStepStore
from guard_store.research.tool_calls import ToolCallStore


def sweep_research(database: Database, settings: Settings) -> int:
    """Delete what is older than the settings allow; returns how many steps."""
    now = now_us()
    if settings.retention.log_days is not None:
        ToolCallStore(database).sweep(now - settings.retention.log_days * DAY_US)
    return ResearchStepStore(database).sweep(now - settings.retention.research_days * DAY_US)
