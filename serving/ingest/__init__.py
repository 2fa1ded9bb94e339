"""Events and labels over HTTP.

- `answers`: what the routes of events and labels share
- `arrow`: rows of an Arrow IPC stream
- `events`: events
- `formats`: JSON, NDJSON and Arrow batches
- `labels`: labels
- `row_schema`: validates rows, and locates errors row by row
- `windows`: earliest instant that each project accepts

Storing them is `guard_store.ingest`.
"""
