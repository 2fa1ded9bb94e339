"""The process of a command-line script: its exit code, also of a crash, and its signals.

Arguments and output belong to the scripts; defaults of environment variables are in `environment.py`.
"""

import signal
import sys
import traceback
from collections.abc import Callable

EXIT_CRASH = 3


def run(main: Callable[[], int]) -> None:
    """Exit with the code of a script; a crash prints its traceback and exits with a code that no result has."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` closes the pipe early, which is no error
    try:
        code = main()
    except Exception:  # noqa: BLE001 - Python itself would exit with 1, which is a result
        traceback.print_exc()
        code = EXIT_CRASH
    sys.exit(code)
