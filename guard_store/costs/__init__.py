"""Costs of projects by local day: AWS costs by service and tag, and calls of language models.

- `allocation`: allocation of an AWS account's costs to projects
- `explorer`: AWS Cost Explorer
- `language_models`: costs of language models, computed from their usage
- `open_days`: the first day whose costs must be read again
- `pull`: reads local days of projects from AWS
- `request_limit`: daily limit of requests to AWS
- `rows`: costs of a day as values
- `store`: costs by project, local day and source
- `tables`: tables of costs

Amounts are exact decimals in the currency that was charged; currencies are never added to each other. Forecasts and anomalies
are `ml.costs`.
"""
