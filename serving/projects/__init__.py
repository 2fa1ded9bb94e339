"""Projects over HTTP: created and changed by admins, read by analysts.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: changes a project and invalidates its days
- `settings`: which results a change of settings affects
"""
