"""When it runs: the Dagster code location. Thin: reads, calls one function of `ml`, writes.

What is computed belongs to `ml`, what is kept to `guard_store`.
"""

import warnings

# Ranges of days in one run are what the news sensor lives on; the lock file keeps the version that was tested.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of function `asset` is currently in beta")
