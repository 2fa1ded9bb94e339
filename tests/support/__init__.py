"""What several tests share.

- `alert_facts`: facts, and the alerts that follow
- `api`: the documented routes, a valid request to each, and the form of errors
- `assistant`: questions and researches, and checks of their answers
- `aws`: AWS on this machine, with seeded costs
- `browser`: Chromium for tests of pages
- `clients`: the app, clients of it with a key each, and a wait for what it does in the background
- `event_requests`: events as a client sends them, in each format
- `event_rows`: events as rows of the store
- `gateway`: calls of models, their policies, and the accounts of what they cost
- `generated_tables`: random tables as files, and what pandas reads of them
- `html_pages`: what a page loads from elsewhere, and what it runs
- `judged_days`: a model with a baseline, and days that the judge has judged
- `ledger`: rows of the ledger
- `mlflow_stores`: closes the stores that MLflow keeps open
- `model_days`: a model with a few processed days
- `model_history`: verdicts and performance of its days
- `pages`: signed-in readers of the pages, and the token of their forms
- `paths`: where the checkout is
- `pipeline_projects`: days whose labels depend on their features
- `pipelines`: the pipelines on one database, with real ticks and a Dagster instance
- `postgresql`: a PostgreSQL server for tests
- `sample_knowledge`: the sample knowledge base, built once
- `server`: real `ml-guard` processes
- `settings`: settings by names of variables
- `source_tree`: modules of the tree, read without importing them
- `stored_events`: events stored through the writer
- `upstream`: an OpenAI-compatible server
"""
