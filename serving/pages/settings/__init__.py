"""Settings of the installation and of its projects: analysts read them, admins change them.

Every change calls the endpoint of its JSON route, and so needs the same role and has the same effect.

- `fields`: settings of a section as rows of a table
- `installation`: projects, API keys and alert routes
- `policies`: forms of alert policies
- `project`: name, time zone, drift thresholds with a preview, alert policies
"""
