"""Tools of agents: each has typed arguments and a policy, and is called through one executor that puts every call on record.

Ours are registered in `serving.assistant.research.tools`; those of others are decided and recorded by `/api/v1/tools/check` and `/api/v1/tools/record`.
"""
