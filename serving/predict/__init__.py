"""`/predict`: the champion's answers, each recorded as an event."""
