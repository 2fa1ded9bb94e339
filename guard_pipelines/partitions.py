"""The one partitions definition: a key is a local date, whichever zone a project lives in.

Keys are cut in UTC only because Dagster wants one zone; projects ahead of UTC close a day while it still runs there, hence
the day that is not over yet. Which instants a key stands for is said by `guard_store.local_days`.
"""

import dagster as dg

from guard_store.settings import load_settings

DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().first_day.isoformat(), end_offset=1)
