"""What projects cost, at AWS and in calls of language models: by local day, by prediction, by the end of the month."""
