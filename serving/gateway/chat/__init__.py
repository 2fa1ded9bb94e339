"""The OpenAI-compatible routes: chat, embeddings, models; under the content policy, budgets and the ledger.

- `answers`: answers of upstreams, whole and in pieces
- `borders`: values split over neighbouring parts or messages
- `deltas`: one choice of a stream, delta by delta
- `dialects`: choices of a stream in the dialects of other servers
- `endpoints`: routes
- `checks`: whole requests and responses under the content policy
- `logprobs`: log probabilities of released text
- `schemas`: requests
- `service`: chat and embeddings from policy check to settlement
- `stream`: a streamed response under the content policy
- `texts`: texts in the JSON of a request or response
- `vocabulary`: fields and values of the protocols themselves
"""
