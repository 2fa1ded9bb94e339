"""Benchmarks: CPU and wall seconds, measured side by side with other tools in one run, with ratios.

- `cbpe`: CBPE beside NannyML's
- `dle`: DLE beside NannyML's
- `evidently_peer`: Evidently's data drift preset, run by its own interpreter
- `first_verdict`: from a fresh clone to a newcomer's first verdict
- `gateway`: latency that the gateway adds, beside LiteLLM's proxy
- `gateway_stub`: the language model server behind both
- `injection`: training and measurement of the classifier of prompt injection
- `ingestion`: events acknowledged over HTTP
- `ingestion_server`: variants of the app that the ingestion benchmark compares
- `lake`: a day of events from the database into the lake, beside pandas
- `latency`: seconds from a closed day's events to its verdict
- `measure`: CPU seconds, wall seconds and peak memory of a piece of work
- `nannyml_peer`: NannyML's CBPE and DLE, run by its own interpreter
- `pages`: seconds and bytes of the pages on a year of 50 models
- `pages_store`: generates that store
- `predict`: one row over HTTP, beside `mlflow models serve`
- `prices`: generated prices whose mix drifts
- `profiles`: a day against a stored baseline, beside Evidently
- `servers`: starts the servers under test
- `training`: models of ML Guard's training beside scikit-learn, LightGBM and CatBoost
- `studies`: how often methods are wrong, on data whose truth is known
"""
