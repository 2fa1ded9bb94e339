"""After the year: calls of language models by two users, and a month of sample costs, from stand-ins of both servers.

- `checks`: what the calls and the sample costs left behind
- `language_model`: a stand-in for a server of language models
- `sample_costs`: a stand-in for AWS Cost Explorer
- `sending`: the calls of both users
- `stand_ins`: the server of both stand-ins, and the settings that lead to it
"""
