"""Research that can be audited: search, fetch, summarize, risk_check, each a tool call with its entry in the ledger.

- `arguments`: arguments of the tools
- `endpoints`: routes
- `material`: passages and sources that a research has read
- `replay`: a research repeated from its stored steps
- `risk`: risk score, itemised
- `run`: the steps of one research
- `schemas`: requests and responses
- `service`: a research from its policy check to its response
- `streaming`: server-sent events
- `summaries`: findings from passages
- `tools`: the tools of research
- `web_search`: SearXNG, Brave and Tavily
"""
