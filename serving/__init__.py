"""Who may ask: the FastAPI app, one folder a domain; what is kept and what is computed live in other rooms.

Nothing here knows Dagster.
"""
