"""`ml-guard research`: replay a research request from its recorded steps; no server is needed."""

import asyncio

import click

from guard_cli.database import open_database
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import example, print_answer, print_note, print_table
from guard_core.settings import Settings, load_settings

_DIFFERS, _NOT_FOUND = 1, 2


@click.group()
def research() -> None:
    """Replay a research request."""


@research.command("replay", epilog=example("ml-guard research replay 0b5c4c1e8f6b4d0f"))
@click.argument("request_id")
def replay_command(request_id: str) -> int:
    """Run the steps of the answer with this REQUEST_ID again.

    The exit code is 1 if a step differs, 2 if nothing is kept of the request.
    """
    return replay_research(load_settings(), request_id)


def replay_research(settings: Settings, request_id: str) -> int:
    """Run the recorded steps again, print how each result compares, and return the exit code."""
    from serving.app import Services
    from serving.assistant.research.replay import replay

    with open_database(settings) as database:
        services = Services(settings, database)
        steps, version = asyncio.run(replay(services.knowledge, services.tools, database, request_id))
        if not steps:
            print_note(f"ml-guard: nothing is kept of a research {request_id!r}: it was never made, or is forgotten")
            return _NOT_FOUND
        write_ledger_entry(
            database, "research replay", steps[0].step.project_id, replayed=request_id, end=steps[-1].state
        )
    rows = [
        [str(item.step.place + 1), item.step.tool, item.state, item.why if item.state == "skipped" else ""]
        for item in steps
    ]
    print_table(["step", "tool", "result", ""], rows)
    recorded_version, last = steps[0].step.knowledge_version, steps[-1]
    if version != recorded_version:
        print_answer(
            f"the knowledge base has version {version} now, had {recorded_version}: results can differ for that alone"
        )
    if last.state == "differs":
        print_answer(f"step {last.step.place + 1} ({last.step.tool}) is the first that differs: {last.why}")
        return _DIFFERS
    print_answer("all steps came out the same")
    return 0
