"""Results of each local day, and the baselines with which they are compared.

- `aggregates`: metrics and profiles
- `baselines`: stored reference windows
- `drift_reports`: drift reports
- `kinds`: kinds of columns
- `model_ids`: ids of the models of which anything is stored
- `performance`: performance of days and of baselines
- `tables`: tables of results
"""
