"""`ml-guard research`: take a research again from what was kept of it; no server is needed."""

import asyncio

from guard_cli.keys import open_database
from guard_cli.on_record import on_record
from guard_cli.terminal import remark, say, say_table
from guard_core.settings import Settings
from serving.app import services_of
from serving.assistant.research.replay import Replayed, replay

_DIFFERS, _NOT_FOUND = 1, 2


def again(settings: Settings, request_id: str) -> int:
    """Take the steps again; exit code 1 where one differs, 2 where nothing is kept of the request."""
    with open_database(settings) as database:
        done, version = asyncio.run(replay(services_of(settings, database), database, request_id))
        if not done:
            remark(f"ml-guard: nothing is kept of a research {request_id!r}: it was never made, or is forgotten")
            return _NOT_FOUND
        on_record(database, "research replay", done[0].step.project_id, replayed=request_id, end=done[-1].state)
    say_table(["step", "tool", "result", ""], [_cells(one) for one in done])
    before = done[0].step.knowledge_version
    if version != before:
        say(f"the knowledge base has version {version} now, had {before}: results can differ for that alone")
    if done[-1].state == "differs":
        say(f"step {done[-1].step.place + 1} ({done[-1].step.tool}) is the first that differs: {done[-1].why}")
        return _DIFFERS
    say("all steps came out the same")
    return 0


def _cells(one: Replayed) -> list[str]:
    return [str(one.step.place + 1), one.step.tool, one.state, one.why if one.state == "skipped" else ""]
