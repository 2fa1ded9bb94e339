"""A sender killed again and again while it folds and sends: nothing lost, order kept, twice only what a kill hit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

from guard_core.settings import Settings
from guard_store.db.database import Database
from tests.serving.alerts.receivers import http_receiver, mail_server, route_to_hooks, route_to_mailbox
from tests.support.alert_facts import Facts
from tests.support.paths import ROOT

KILLS = 6
MODELS = 6


def test_a_killed_sender_loses_nothing_and_repeats_only_what_the_kill_hit(
    database: Database, settings: Settings
) -> None:
    with http_receiver() as hooks, mail_server() as mailbox:
        routes = {"hook": route_to_hooks(hooks), "mail": route_to_mailbox(mailbox)}
        facts = _incidents(database, routes)
        moods = ["ok", "lie", "ok", "ok", "refuse", "ok", "ok", "close"]
        hooks.moods = list(moods)
        env = {
            **os.environ,
            "ML_GUARD_HOME": str(settings.storage.home),
            "ML_GUARD_DATABASE_URL": settings.storage.database,
            "ML_GUARD_ALERT_ROUTES": json.dumps(routes),
            "ML_GUARD_ALERT_TIMEOUT_S": "1",
            "ML_GUARD_ALERT_RETRY_S": "1",
        }
        command = [sys.executable, "-m", "tests.serving.alerts.forking_sender"]
        parent = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert parent.stdin is not None
        assert parent.stdout is not None
        for kill in range(KILLS + 1):
            parent.stdin.write("\n")
            parent.stdin.flush()
            pid = int(parent.stdout.readline())
            if kill < KILLS:
                before = len(hooks.requests) + mailbox.attempts
                _until(lambda n=before: len(hooks.requests) + mailbox.attempts > n + 2 or _all_sent(facts))
                time.sleep(random.Random(kill).random() * 0.03)  # noqa: S311 - not always at the same point
            else:
                _until(lambda: _all_sent(facts))
            os.kill(pid, signal.SIGKILL)
        parent.kill()
        parent.communicate()

        messages = facts.messages()
        assert len(messages) == 2 * MODELS * 4, "each fact was folded once"
        mails = [str(one["X-ML-Guard-Delivery"]) for one in mailbox.mails]
        for route, arrived in (("hook", hooks.taken), ("mail", mails)):
            written = [message for message in messages if message.route == route]
            counted = Counter(arrived)
            assert set(counted) == {message.id for message in written}, "nothing is lost"
            repeated = sum(counted.values()) - len(counted)
            assert repeated <= KILLS + (moods.count("lie") if route == "hook" else 0)
            first = {name: place for place, name in reversed(list(enumerate(arrived)))}
            for model in {message.model_id for message in written}:
                places = [first[m.id] for m in sorted(written, key=lambda m: m.seq) if m.model_id == model]
                assert places == sorted(places), "an incident is told in its order"


def _incidents(database: Database, routes: dict[str, str]) -> Facts:
    """Three messages of each model on each route, and facts of a fourth that nobody has folded."""
    facts = Facts(database, routes=tuple(routes))
    for n, at in enumerate(("2013-03-05T12:00:00Z", "2013-03-06T12:00:00Z", "2013-03-07T12:00:00Z")):
        for model in range(MODELS):
            facts.drift(f"2013-03-{n + 1:02d}", value=2.0**n, model=f"m{model}", message=f"Drift, {n}.")
        facts.fold(at)
    for model in range(MODELS):
        facts.drift("2013-03-04", op="clears", message="It is in order.", model=f"m{model}")
    return facts


def _all_sent(facts: Facts) -> bool:
    messages = facts.messages()
    return len(messages) == 2 * MODELS * 4 and {message.state for message in messages} == {"sent"}


def _until(done: object, seconds: float = 30) -> None:
    assert callable(done)
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
