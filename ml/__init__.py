"""What is computed: profiles, drift statistics, verdicts. Pure functions over Arrow and numpy.

Nothing here knows Dagster, HTTP or a database.
"""

import os

# ONNX Runtime's wheels send telemetry to their maker unless this is set before it is imported, which only this room does.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# OpenMP's threads spin while they wait for each other: where they share their cores, a training takes ten times as long.
# To be set before scikit-learn is imported, which only this room does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
