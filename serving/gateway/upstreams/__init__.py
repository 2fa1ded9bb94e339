"""Upstreams, the servers of language models: retries, fallbacks, reading their responses.

- `breaker`: circuit breaker
- `decoding`: JSON as servers send it
- `events`: server-sent events of a stream
- `pauses`: waits between retries
- `problems`: problem details of upstream errors
- `reading`: responses, whole or streamed, and their usage
- `upstreams`: sends a request to the first upstream that answers
"""
