"""What a project may set: drift, the retrain rule, `/predict`, tools; and how a model overrides its project."""
