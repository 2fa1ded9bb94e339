"""What is kept: settings, tables and migrations, the event store, the news, the lake and the results.

Nothing here knows Dagster, HTTP or statistics.
"""
