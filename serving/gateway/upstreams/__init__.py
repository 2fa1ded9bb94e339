"""Upstreams, the servers of language models: retries, fallbacks, reading their responses.

- `breaker`: circuit breaker
- `decoding`: JSON as servers send it
- `events`: server-sent events of a stream
- `pauses`: waits between retries
- `pools`: servers and keys that share calls by weight
- `problems`: problem details of upstream errors
- `rate_limits`: how long servers ask to be left alone
- `reading`: responses, whole or streamed, and their usage
- `upstream`: a server with one key, and its responses
- `upstreams`: sends a request to the first upstream that answers
"""
