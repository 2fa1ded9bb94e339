"""What several tests share.

- `alert_facts`: facts, and the alerts that follow
- `aws`: AWS on this machine, with seeded costs
- `clients`: clients of the app, each with a key
- `event_requests`: events as a client sends them
- `event_rows`: events as rows of the store
- `model_days`: a model with a few processed days
- `paths`: where the checkout is
- `pipeline_projects`: days whose labels depend on their features
- `pipelines`: the pipelines on one database, with real ticks
- `postgresql`: a PostgreSQL server for tests
- `sample_knowledge`: the sample knowledge base, built once
- `server`: real `ml-guard` processes
- `settings`: settings by names of variables
- `source_tree`: modules of the tree, read without importing them
- `stored_events`: events stored through the writer
- `upstream`: an OpenAI-compatible server
"""
