"""Pages of one model.

- `versions`: versions, one version, two versions compared
"""
