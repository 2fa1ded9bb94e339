"""Auditable research: search, fetch, summarize, risk_check, each a tool call with its ledger entry.

- `arguments`: arguments of the tools
- `endpoints`: routes
- `evaluation`: quality of researches of known topics
- `material`: passages and sources read
- `replay`: repeats a research from its stored steps
- `risk`: risk score, itemised
- `run`: the steps of one research
- `schemas`: requests and responses
- `service`: a research from policy check to response
- `streaming`: server-sent events
- `summaries`: findings from passages
- `tools`: the tools of research
- `web_search`: SearXNG, Brave and Tavily
"""
