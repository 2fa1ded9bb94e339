"""What is computed: profiles, drift statistics, verdicts. Pure functions over Arrow and numpy.

Nothing here knows Dagster, HTTP or a database.
"""

import os

# ONNX Runtime's wheels send telemetry to their maker unless this is set before it is imported, which only this room does.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
