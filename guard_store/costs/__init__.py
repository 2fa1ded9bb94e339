"""What each local day of a project has cost: at AWS, by service and tag, and in calls of language models.

Amounts are decimals, exact, in the currency that was charged; currencies are never added to each other. What the sums mean
(forecast, anomaly) is `ml.costs`.
"""
