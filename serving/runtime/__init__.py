"""The server process: uvicorn's protocol with limits, the interpreter's settings."""
