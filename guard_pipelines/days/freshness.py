"""How old the daily assets may get before the operator is told.

A backfill of old days looks fresh too; that the newest day is there is checked in `checks/progress.py`.
"""

from datetime import timedelta

import dagster as dg

# The daily schedule runs whether there is news or not, so a whole day without a run means that the daemon is down.
DAILY_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
