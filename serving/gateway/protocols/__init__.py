"""The protocols that callers and servers of language models speak, each translated to and from OpenAI's chat completions.

- `chat`: OpenAI's chat completions, the protocol in which policy and usage are applied
- `data_urls`: data URLs, in which chat completions hold images and files
- `fields`: fields of requests of several protocols
- `messages`: Anthropic's Messages
- `protocol`: what every protocol does
- `registry`: all protocols by name
- `responses`: OpenAI's Responses
"""
