"""Events and labels over HTTP.

- `accepted_instants`: earliest accepted instant of each project
- `answers`: parameters and responses of the routes of events and labels
- `arrow`: rows of an Arrow IPC stream
- `batches`: reads and stores a request of many rows
- `events`: events
- `formats`: JSON, NDJSON and Arrow batches
- `labels`: labels
- `repeated_names`: names that come twice in an object of JSON
- `row_schema`: validates rows, and locates errors row by row

Storing them is `guard_store.ingest`.
"""
