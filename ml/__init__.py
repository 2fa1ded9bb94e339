"""Computation: statistics, models and text processing as functions over Arrow, numpy and files.

Neither Dagster nor HTTP nor a database belongs here.

`drift`, `evaluate`, `train`: the command-line scripts.

- `alerting`: conditions of alert policies.
- `charts`: charts as inline SVG, for pages and reports.
- `costs`: expected daily costs, anomalies and month forecasts.
- `drift`: the drift check as a script
- `encodings`: the encoding of text files.
- `environment`: defaults of the environment variables that native libraries read when they are loaded.
- `evaluate`: evaluation as a script
- `knowledge`: documents, chunks, embeddings, retrieval by words, extracted answers and their claims.
- `monitoring`: column profiles, distances, drift verdicts, model performance.
- `retraining`: the retrain rule, training, promotion and predictors.
- `scripts`: exit code, signals and messages of a script's process.
- `tables`: rows of files as typed tables, for the scripts.
- `train`: training as a script
"""
