"""Progress on the terminal: a status line that is rewritten on a TTY, otherwise a plain line every few seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_PLAIN_EVERY_S = 5.0


class Progress:
    """Print the phases with their duration, and the status of the current one."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._tty = self._out.isatty()
        self._started = time.monotonic()
        self._last_plain = 0.0
        self._status = ""
        self._phases = 0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, title: str) -> Iterator[None]:
        """Announce a phase, and record its seconds under `name` even if it fails."""
        self._phases += 1
        self.say(f"{self._phases}. {title}")
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - start, 2)

    def say(self, text: str) -> None:
        """Print a permanent line."""
        self._clear()
        print(f"{self._elapsed()}  {text}", file=self._out, flush=True)
        self._last_plain = time.monotonic()

    def update(self, text: str) -> None:
        """Show a status in place of the previous one."""
        if self._tty:
            self._clear()
            self._status = f"{self._elapsed()}  … {text}"
            self._out.write(self._status)
            self._out.flush()
        elif time.monotonic() - self._last_plain >= _PLAIN_EVERY_S:
            self.say(f"… {text}")

    def show(self, block: str) -> None:
        """Print a block of text as it is."""
        self._clear()
        print(f"\n{block}\n", file=self._out, flush=True)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"

    def _clear(self) -> None:
        if self._status:
            self._out.write("\r" + " " * len(self._status) + "\r")
            self._status = ""
