"""Who asks: API keys, bearer tokens, roles and project scopes."""
