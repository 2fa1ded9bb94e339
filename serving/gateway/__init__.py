"""The way to language models: upstreams with retries and fallbacks, prices, tokens, and the gate that every paid call passes.

Routes and what their bodies mean belong to the domains (`chat`, `query`); rules of text are `serving.gateway.policy`.
"""
