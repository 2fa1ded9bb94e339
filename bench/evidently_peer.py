"""Evidently's data drift preset on the same two files; runs in a separate environment that has only Evidently's packages."""

import json
import resource
import sys
import time

import pandas as pd
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset

REPEATS = 2


def main() -> None:
    """Print a JSON list of measurements in the shape of `bench.measure.Measurement`."""
    reference_path, current_path = sys.argv[1:]
    measurements = []
    for _ in range(REPEATS):
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        reference = Dataset.from_pandas(pd.read_parquet(reference_path))
        current = Dataset.from_pandas(pd.read_parquet(current_path))
        snapshot = Report([DataDriftPreset()]).run(reference_data=reference, current_data=current)
        drifted = snapshot.dict()["metrics"][0]["value"]["count"]
        wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
        measurements.append({"cpu_s": cpu_s, "wall_s": wall_s, "peak_mb": after.ru_maxrss / 1024, "result": drifted})
    sys.stdout.write(json.dumps(measurements) + "\n")


if __name__ == "__main__":
    main()
