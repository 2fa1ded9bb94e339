"""Records of research and of tools.

- `steps`: inputs of research steps
- `tables`: tables of steps and calls
- `tool_calls`: decisions about calls of external tools, and their outcomes
"""
