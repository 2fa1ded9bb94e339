"""The messages of alerts, as threads, read from the API once all of them are sent.

Checking and formatting threads belongs here; sending messages is `serving.alerts`.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ml_guard import MLGuardClient

from demo.progress import Progress
from demo.sending import MODEL_ID

Json = dict[str, Any]
Threads = Mapping[str, Sequence[Json]]

_TIMEOUT_S = 30.0
_POLL_S = 0.5


def threads_of(client: MLGuardClient, project_id: str, progress: Progress) -> Threads:
    """Return the messages of each incident of the model, oldest first, as soon as none of them is waiting."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        threads = _read(client, project_id)
        waiting = sum(message["state"] == "waiting" for thread in threads.values() for message in thread)
        if not waiting or time.monotonic() > deadline:
            return threads
        progress.update(f"{waiting} messages are on their way")
        time.sleep(_POLL_S)


def check_threads(threads: Threads, *, until_autumn: bool) -> list[str]:
    """Check that every message was sent, and that one thread covers a drift, a retraining and its resolution."""
    unsent = [m["id"] for thread in threads.values() for m in thread if m["state"] != "sent"]
    complaints = [f"{len(unsent)} messages of alerts have not gone out, first {unsent[0]}"] if unsent else []
    for name, thread in threads.items():
        if [message["seq"] for message in thread] != sorted({message["seq"] for message in thread}):
            complaints.append(f"the messages of incident {name} are not in order")
    if until_autumn and not any(_is_whole(thread) for thread in threads.values()):
        complaints.append("no thread of messages tells of a drift, a retraining and its resolution")
    return complaints


def select_thread(threads: Threads) -> Sequence[Json]:
    """Select the shortest thread from a drift through a retraining to its resolution, or else the first that has ended."""
    whole = sorted((thread for thread in threads.values() if _is_whole(thread)), key=len)
    ended = [thread for thread in threads.values() if _has_ended(thread)]
    return next(iter([*whole, *ended]), [])


def summary_of(threads: Threads) -> Json:
    """Summarize the threads by the titles of their messages."""
    return {
        "incidents": len(threads),
        "messages": sum(map(len, threads.values())),
        "threads": [[message["title"] for message in thread] for thread in threads.values()],
    }


def format_thread(thread: Sequence[Json]) -> str:
    """Format a thread for the terminal."""
    blocks = [f"{message['title']}\n{_indented(message['text'])}" for message in thread]
    return "\n\n".join(["The messages of one incident:", *blocks])


def _read(client: MLGuardClient, project_id: str) -> Threads:
    """Read the incidents in the order in which they began."""
    threads: dict[str, Sequence[Json]] = {}
    for alert in reversed(client.alerts(project_id=project_id, model_id=MODEL_ID)):
        if alert["incident_id"] not in threads:
            threads[alert["incident_id"]] = client.alert(alert["id"])["deliveries"]
    return {name: thread for name, thread in threads.items() if thread}


def _is_whole(thread: Sequence[Json]) -> bool:
    steps = ("drift", "retraining started", "new champion", "drift ended")
    return _has_ended(thread) and all(_mentions(thread, step) for step in steps)


def _has_ended(thread: Sequence[Json]) -> bool:
    return str(thread[-1]["title"]).startswith("[RESOLVED]")


def _mentions(thread: Sequence[Json], what: str) -> bool:
    return any(what in message["title"] for message in thread)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())
