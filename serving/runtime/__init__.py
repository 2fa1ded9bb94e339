"""The server process.

- `accepting_loop`: uvloop that accepts all connections that wait
- `http_protocol`: uvicorn's HTTP protocol, with limits on headers
- `interpreter`: performance settings of the interpreter
"""
