"""How long tools and research are remembered: inputs of steps by their own setting, calls of others as long as the ledger."""

from guard_store.database import Database
from guard_store.local_days import now_us
from guard_store.research_steps import ResearchStepStore
from guard_store.settings import Settings
from guard_store.tool_calls import ToolCallStore

_DAY_US = 86_400 * 1_000_000


def sweep_research(database: Database, settings: Settings) -> int:
    """Delete what is older than the settings allow; returns how many steps."""
    now = now_us()
    if settings.log_retention_days is not None:
        ToolCallStore(database).sweep(now - settings.log_retention_days * _DAY_US)
    return ResearchStepStore(database).sweep(now - settings.research_retention_days * _DAY_US)
