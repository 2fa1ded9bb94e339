"""Prompts: versioned templates from `prompts/*.yaml`, validated before use.

- `book`: templates by name and version, and the lock file
- `endpoints`: routes
- `template`: one template: reading, validating, rendering
"""
