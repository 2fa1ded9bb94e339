"""Folds facts and sends messages as a server does, in a child process for each line read, whose process id it prints.

Forked, because importing everything anew for each start would take most of the test's time.
"""

import asyncio
import os
import sys
from functools import partial

from guard_core.settings import load_settings
from guard_store.alerts.fold import fold
from guard_store.db.database import Database
from serving.alerts import delivery
from serving.alerts.routes import senders


async def run() -> None:
    """Send until killed."""
    settings = load_settings()
    service = delivery.DeliveryService(settings, Database(settings.storage.database))
    await service.start()
    await asyncio.sleep(3600)


def main() -> None:
    """Fork a sender for each line of standard input."""
    delivery._POLL_S = 0.02
    delivery._LEASE_MARGIN_S = -0.7  # type: ignore[assignment]
    vars(delivery)["fold"] = partial(fold, gather_s=0)
    senders(load_settings())
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(run())
            os._exit(0)
        print(pid, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main()
