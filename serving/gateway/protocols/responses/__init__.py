"""OpenAI's Responses, for callers and for servers, translated to and from chat completions.

- `answer`: whole answers
- `events`: a server's stream as chunks of a chat completion
- `ids`: ids of stored responses, sealed for their project
- `items`: items of the input and messages of a chat
- `output`: items of the output and the message of a choice
- `parts`: parts of a content
- `protocol`: what the gateway calls
- `reasoning`: items of reasoning and the `reasoning_details` of a message
- `request`: requests
- `tools`: tools, their choice and their calls
- `writer`: chunks of a chat completion as events
"""
