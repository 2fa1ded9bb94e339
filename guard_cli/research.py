"""`ml-guard research`: evaluate research on known topics, or replay a request from its recorded steps; no server is needed."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guard_cli.database import open_database
from guard_cli.knowledge import knowledge_in_memory, read_evaluation
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import (
    FILE,
    example,
    json_option,
    print_answer,
    print_json,
    print_note,
    print_table,
)
from guard_core.settings import Settings, load_settings

if TYPE_CHECKING:  # help must not wait for the server's modules
    import pyarrow as pa

    from serving.assistant.research.evaluation import ResearchResult, ResearchShares, Topics

_DIFFERS, _NOT_FOUND = 1, 2
# Labels of the table's rows, by measure.
_MEASURES = {
    "recall": "quoted, of the expected sources",
    "precision": "expected, of the quoted sources",
    "declined": "without findings, of the topics that no source treats",
    "risks": "with exactly the expected risks, of all topics",
}


@click.group()
def research() -> None:
    """Evaluate research, and replay a research request."""


@research.command("evaluate", epilog=example("ml-guard research evaluate --topics topics.yaml --json"))
@click.option("--topics", type=FILE, metavar="FILE", help="YAML; default: the topics of the sample corpus.")
@json_option
def evaluate(topics: Path | None, *, as_json: bool) -> None:
    """Research topics with known sources and risks.

    Nothing but the configured sources is read: no language model is called, and no page is fetched.
    """
    from serving.assistant.research.evaluation import SAMPLE_TOPICS, load_topics, measure_research

    settings = load_settings()
    expected, chunks = read_evaluation(topics or SAMPLE_TOPICS, load_topics, settings)
    results = asyncio.run(_research_all(settings, chunks, expected))
    _print_evaluation(results, measure_research(results), as_json=as_json)


async def _research_all(settings: Settings, rows: "pa.Table", topics: "Topics") -> "list[ResearchResult]":
    from serving.assistant.research.evaluation import research_all

    async with knowledge_in_memory(settings, rows) as knowledge:
        return await research_all(topics, settings, knowledge)


def _print_evaluation(results: "Sequence[ResearchResult]", shares: "ResearchShares", *, as_json: bool) -> None:
    measures = asdict(shares)
    wrong = [result for result in results if not result.is_right]
    if as_json:
        print_json(
            {
                "topics": len(results),
                "shares": {name: None if math.isnan(share) else share for name, share in measures.items()},
                "wrong": [
                    {"topic": result.expected.topic, "sources": sorted(result.sources), "risks": sorted(result.risks)}
                    for result in wrong
                ],
            }
        )
        return
    print_answer(f"{len(results)} topics")
    print_table(["measure", "share"], [[title, f"{measures[name]:.3f}"] for name, title in _MEASURES.items()])
    for result in wrong:
        quoted, risks = ", ".join(sorted(result.sources)) or "nothing", ", ".join(sorted(result.risks)) or "none"
        print_note(f"not as expected: {result.expected.topic}: quotes {quoted}; risks: {risks}")


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
