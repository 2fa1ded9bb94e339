"""The prompt registry: versioned templates from `prompts/*.yaml`, validated before use.

- `endpoints`: routes
- `registry`: templates by name and version, and the lock file
- `template`: one template: reading, validating, rendering
"""
