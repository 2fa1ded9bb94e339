"""The server process.

- `http_protocol`: uvicorn's HTTP protocol with limits
- `interpreter`: settings of the interpreter
"""
