"""The gateway to language models.

- `calls`: one paid call: budget, settlement, metrics
- `chat`: the OpenAI-compatible routes
- `evaluations`: sampled answers as events, and users' feedback as their labels
- `findings`: findings of the content policies over HTTP
- `policy`: the content policy
- `prices`: prices of models
- `prompts`: versioned prompt templates
- `protocols`: protocols of callers and servers, translated to and from chat completions
- `upstreams`: servers of language models
- `usage`: usage and budgets over HTTP

Questions and research call it from `serving.assistant`.
"""
