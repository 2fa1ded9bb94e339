"""The server process.

- `http_protocol`: uvicorn's HTTP protocol, with limits on headers
- `interpreter`: performance settings of the interpreter
"""
