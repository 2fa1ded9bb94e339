"""How good a model's predictions are: measured from labels, estimated without them, and the two compared."""
