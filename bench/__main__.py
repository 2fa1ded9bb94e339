"""`make bench`: run all benchmarks, or the given subjects, and write docs/benchmarks.md.

Only the order of the subjects and the page belong here; each subject is measured in its own module.
"""

import argparse
import os
import platform
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path

PAGE = Path("docs/benchmarks.md")
SUBJECTS = {
    "profiles": "A day's Parquet file to drift verdicts",
    "ingestion": "Events over HTTP, acknowledged when durable",
    "lake": "Database to lake",
    "predict": "One row predicted over HTTP",
    "gateway": "The gateway in front of a language model",
    "latency": "From a closed day to its verdict, in the running system",
    "pages": "The pages, with a year of 50 models",
    "training": "Trained models beside scikit-learn, LightGBM and CatBoost",
    "first_verdict": "From a fresh clone to the first verdict",
}
PACKAGES = ("deltalake", "mlflow", "msgspec", "numpy", "onnxruntime", "pyarrow", "uvicorn")
INTRODUCTION = """# Benchmarks

Made by `make bench` (one subject alone: `make bench ARGS=profiles`). Every comparison was measured side by side in one run on
one machine; seconds depend on the machine, ratios less so. CPU seconds are those of all threads, after imports."""


def main() -> None:
    """Run the benchmarks and write the page; sections of subjects that were not run remain unchanged."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], help="subjects to run; all by default")
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    sections = _sections(PAGE.read_text() if PAGE.exists() else "")
    for subject in chosen:
        print(f"… {SUBJECTS[subject]}", flush=True)
        run: Callable[[], str] = import_module(f"bench.{subject}").run
        sections[SUBJECTS[subject]] = f"{_machine()}\n\n{run()}"
        print(sections[SUBJECTS[subject]], flush=True)
        _write(sections)


def _write(sections: dict[str, str]) -> None:
    parts = [f"## {title}\n\n{sections[title]}" for title in SUBJECTS.values() if title in sections]
    PAGE.write_text("\n\n".join([INTRODUCTION, *parts]) + "\n")


def _sections(page: str) -> dict[str, str]:
    parts = page.split("\n## ")[1:]
    return {title: body.strip() for title, body in (part.split("\n", 1) for part in parts)}


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"*{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}.*"


if __name__ == "__main__":
    main()
