"""What all packages share: no database, no HTTP, no statistics.

- `alerting`: the pure rules of alerts
- `columns`: column names of the lake, and kinds of columns
- `days`: local days of a time zone
- `formats`: numbers, days and instants as people read them
- `ids`: patterns of ids, and new ids
- `logging`: structured logs
- `names`: display names of metrics and statistics
- `page_addresses`: addresses of the pages that messages link to
- `project_settings`: the settings of one project
- `settings`: the settings of an installation
- `suggestions`: the most similar name to a misspelt one
- `ttl_cache`: a cache with a time to live
- `units`: units of time and money
- `validation`: messages of errors that pydantic finds
"""
