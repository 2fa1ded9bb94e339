"""Anthropic's Messages, for callers and for servers.

- `answers`: whole answers, to and from chat completions
- `events`: a server's stream, as chunks of chat completions
- `protocol`: the protocol as a whole
- `request_from_chat`: requests of chat completions, for a server of Messages
- `request_to_chat`: requests of Messages, for a server of chat completions
- `schemas`: what a request must have, and may not ask for
- `writer`: chunks of chat completions, as a stream for a caller of Messages
"""
