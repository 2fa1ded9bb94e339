"""Ready models: a schema, and predictors that answer rows. Learning them belongs to ml.retraining.training."""
