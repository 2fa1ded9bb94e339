"""Learning a model from labelled rows. Answering with it belongs to ml.retraining.predictor; schedules do not belong here."""
