"""Which conditions of an alert policy hold on a day."""
