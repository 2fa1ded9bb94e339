"""`python -m demo`: parse the arguments, run the phases, stop the processes; the exit code is 0 only if all checks passed."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from ml_guard import MLGuardError

from demo.calls.stand_ins import StandIns
from demo.failure import DemoFailedError
from demo.flights import DAYS, MissingDataError
from demo.phases import Options, run
from demo.processes import Processes
from demo.progress import Progress
from demo.report import write_summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, print its result, and return the exit code."""
    parsed = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    options = Options(days=parsed.days, api_key=parsed.api_key, project_id=parsed.project)
    progress = Progress()
    failures = ["interrupted"]
    summary: dict[str, object] = {}
    try:
        with StandIns(parsed.project) as stand_ins:
            processes = Processes(parsed.home, parsed.port, parsed.dagster_port, stand_ins.settings)
            try:
                failures = run(options, processes, progress, summary)
            finally:
                if not (parsed.keep and not failures):
                    progress.say("stopping the processes")
                    processes.stop()
    except (DemoFailedError, MissingDataError, MLGuardError) as error:
        failures = [str(error)]
    except KeyboardInterrupt:
        failures = ["interrupted"]
    _finish(parsed.home / "demo.json", {"ok": not failures, "failures": failures, **summary}, progress)
    return 1 if failures else 0


def _finish(path: Path, summary: dict[str, object], progress: Progress) -> None:
    write_summary(path, {**summary, "seconds": progress.seconds})
    for failure in summary["failures"]:  # type: ignore[attr-defined]
        progress.say(f"FAILED: {failure}")
    progress.say(f"{'everything held' if summary['ok'] else 'not everything held'}; the numbers are in {path}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="A year of real flights through the whole of ML Guard, every number checked."
    )
    parser.add_argument("--days", type=_days, default=DAYS, help="only the first days of the year (at least 4)")
    parser.add_argument(
        "--keep", action="store_true", help="leave the processes running at the end, without a language model"
    )
    parser.add_argument(
        "--home", type=Path, default=_setting("HOME", ".guard"), help="default: ML_GUARD_HOME or .guard"
    )
    parser.add_argument("--port", type=int, default=_setting("PORT", "8000"), help="default: ML_GUARD_PORT or 8000")
    parser.add_argument(
        "--dagster-port",
        type=int,
        default=_setting("DAGSTER_PORT", "3000"),
        help="default: ML_GUARD_DAGSTER_PORT or 3000",
    )
    parser.add_argument("--api-key", default="demo-key", help="an admin key, where the home has keys of its own")
    parser.add_argument("--project", default="flights", help="id of the project that the flights go to")
    return parser


def _days(text: str) -> int:
    days = int(text)
    if not 4 <= days <= DAYS:
        raise argparse.ArgumentTypeError(f"must be between 4 and {DAYS}")
    return days


def _setting(name: str, default: str) -> str:
    return os.environ.get(f"ML_GUARD_{name}", default)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
