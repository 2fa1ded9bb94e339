"""What each local day of a project has cost: at AWS, by service and tag, and in calls of language models.

- `allocation`: which part of an AWS account's costs belongs to a project
- `explorer`: AWS Cost Explorer
- `language_models`: costs of language models, from their usage
- `open_days`: from which day on costs are read again
- `pull`: reads local days of projects from AWS
- `requests`: daily limit of requests to AWS
- `rows`: costs of a day as values
- `store`: costs by project, local day and source
- `tables`: tables of costs

Amounts are decimals, exact, in the currency that was charged; currencies are never added to each other. What the sums mean
(forecast, anomaly) is `ml.costs`.
"""
