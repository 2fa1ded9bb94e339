"""The protocols that callers and servers of language models speak, each translated to and from OpenAI's chat completions.

- `chat`: OpenAI's chat completions, the protocol in which policy and usage are applied
- `fields`: fields of requests of several protocols
- `protocol`: what every protocol does
- `registry`: all protocols by name
"""
