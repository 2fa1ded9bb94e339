"""Serves the real app on an inherited socket, in a child process for each line read, whose process id it prints.

Forked, because importing everything anew for each of twenty starts would take most of the test's time.
"""

import os
import socket
import sys

import uvicorn

from guard_core.days import local_days
from serving.app import create_app


def main() -> None:
    """Fork a server for each line of standard input."""
    local_days("America/New_York")
    listener = socket.socket(fileno=int(sys.argv[1]))
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            config = uvicorn.Config(
                create_app(), loop="uvloop", http="httptools", lifespan="on", access_log=False, log_config=None
            )
            uvicorn.Server(config).run(sockets=[listener])
            os._exit(0)
        print(pid, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main()
