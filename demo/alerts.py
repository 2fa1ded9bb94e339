"""What people would have been told: the threads of messages, read back from the API once all of them have gone out."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ml_guard import MLGuardClient

from demo.progress import Progress
from demo.sending import MODEL_ID

Json = dict[str, Any]
Threads = Mapping[str, Sequence[Json]]

_PATIENCE_S = 30.0
_POLL_S = 0.5


def threads_of(client: MLGuardClient, project_id: str, progress: Progress) -> Threads:
    """The messages of each incident about the model, oldest first, when none of them waits any more."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        found = _read(client, project_id)
        waiting = sum(message["state"] == "waiting" for thread in found.values() for message in thread)
        if not waiting or time.monotonic() > deadline:
            return found
        progress.update(f"{waiting} messages are on their way")
        time.sleep(_POLL_S)


def wrong_threads(threads: Threads, *, until_autumn: bool) -> list[str]:
    """Complaints where a message has not gone out, or no thread tells of a drift, a retraining and its resolution."""
    unsent = [m["id"] for thread in threads.values() for m in thread if m["state"] != "sent"]
    complaints = [f"{len(unsent)} messages of alerts have not gone out, first {unsent[0]}"] if unsent else []
    for name, thread in threads.items():
        if [message["seq"] for message in thread] != sorted({message["seq"] for message in thread}):
            complaints.append(f"the messages of incident {name} are not in order")
    if until_autumn and not any(_is_whole(thread) for thread in threads.values()):
        complaints.append("no thread of messages tells of a drift, a retraining and its resolution")
    return complaints


def most_telling(threads: Threads) -> Sequence[Json]:
    """The shortest thread from a drift through a retraining to its resolution, else the first that has ended."""
    whole = sorted((thread for thread in threads.values() if _is_whole(thread)), key=len)
    ended = [thread for thread in threads.values() if _has_ended(thread)]
    return next(iter([*whole, *ended]), [])


def summary_of(threads: Threads) -> Json:
    """The threads by their titles."""
    return {
        "incidents": len(threads),
        "messages": sum(map(len, threads.values())),
        "threads": [[message["title"] for message in thread] for thread in threads.values()],
    }


def shown(thread: Sequence[Json]) -> str:
    """A thread as the person at the terminal reads it."""
    blocks = [f"{message['title']}\n{_indented(message['text'])}" for message in thread]
    return "\n\n".join(["One incident, as people were told of it:", *blocks])


def _read(client: MLGuardClient, project_id: str) -> Threads:
    """Incidents in the order in which they began."""
    found: dict[str, Sequence[Json]] = {}
    for alert in reversed(client.alerts(project_id=project_id, model_id=MODEL_ID)):
        if alert["incident_id"] not in found:
            found[alert["incident_id"]] = client.alert(alert["id"])["deliveries"]
    return {name: thread for name, thread in found.items() if thread}


def _is_whole(thread: Sequence[Json]) -> bool:
    steps = ("drift", "retraining started", "new champion", "drift ended")
    return _has_ended(thread) and all(_tells(thread, step) for step in steps)


def _has_ended(thread: Sequence[Json]) -> bool:
    return str(thread[-1]["title"]).startswith("[RESOLVED]")


def _tells(thread: Sequence[Json], what: str) -> bool:
    return any(what in message["title"] for message in thread)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())
