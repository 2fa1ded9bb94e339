"""Results of models over HTTP: metrics, drift, performance, baselines, column kinds."""
