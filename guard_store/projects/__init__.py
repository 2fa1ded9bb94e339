"""Projects and their settings.

- `store`: projects, their time zones and settings
- `tables`: table of projects
"""
