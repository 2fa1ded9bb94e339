"""Learning a model from labelled rows. Answering with it belongs to ml.predictor; schedules do not belong here."""
