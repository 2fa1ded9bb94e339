"""The retrain rule, training, the promotion rule, and the predictors that answer rows."""
