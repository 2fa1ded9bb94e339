"""`ml-guard import`: a model's own history from files to its first verdicts.

- `checking`: rows checked without a server
- `files`: files, folders and S3 prefixes as one table
- `importing`: the command: project, events, labels, baseline, verdicts
- `instants`: a column of times as instants
- `mapping`: which column is the time, the prediction, the label, …
- `requests`: requests to the server, and waiting for its pipelines
- `rows`: the table as events and labels of the contract
"""
