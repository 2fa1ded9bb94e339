"""Questions, research and its tools, over the knowledge base.

- `knowledge`: search of the knowledge base
- `query`: questions and answers with citations
- `research`: research in steps
- `tools`: tool calls, of our tools and of other agents
"""
