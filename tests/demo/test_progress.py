"""Progress: plain lines for a file, a rewritten status line for a terminal, seconds of each phase."""

import io

import pytest

from demo.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_whole_lines_and_not_every_update() -> None:
    out = io.StringIO()
    progress = Progress(out)
    progress.say("first")
    for n in range(1000):
        progress.update(f"{n} done")
    assert [line.split("s  ")[1] for line in out.getvalue().splitlines()] == ["first"]
    assert "\r" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_terminal_sees_every_update_and_a_clean_line_after_it() -> None:
    out = Terminal()
    progress = Progress(out)
    progress.update("7 done")
    progress.say("all done")
    assert "7 done" in out.getvalue()
    assert out.getvalue().rpartition("\r")[2].endswith("s  all done\n")


def test_a_phase_that_fails_keeps_its_seconds() -> None:
    progress = Progress(io.StringIO())
    with pytest.raises(ZeroDivisionError), progress.phase("send", "sending"):
        _ = 1 / 0
    assert list(progress.seconds) == ["send"]
