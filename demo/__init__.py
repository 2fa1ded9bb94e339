"""The demo: a year of real flights, sent through the client to the real processes, with every number checked.

- `alerts`: threads of messages, read from the API
- `call_checks`: what calls of language models and sample costs left behind
- `calls`: calls of language models by two users
- `checks`: checks of the results against a second count with pandas
- `comparison`: the January model against the champion
- `days`: waits until local days are processed
- `failure`: the error of a demo that cannot go on
- `flights`: flights and weather as one table of departures
- `language_model`: a stand-in for a server of language models
- `pictures`: pictures of the pages for the README
- `phases`: the order of the demo
- `processes`: starts and stops `ml-guard up`
- `progress`: progress on the terminal
- `replay`: replays one step: events, labels, waiting
- `report`: tables on the terminal, summary in `demo.json`
- `sample_costs`: a stand-in for AWS Cost Explorer
- `sending`: sends events, labels and prediction requests in threads
- `stand_ins`: the server of both stand-ins, and the settings that lead to it
- `steps`: the year in steps
- `validation`: validates a running installation with generated events; not part of the demo's year

After the year come calls of language models by two users, and a month of sample costs.

It sends data only through the SDK, calls language models over HTTP, and controls the processes only through the command `ml-guard`.
No call leaves the machine: language models and AWS are stand-ins, in a thread of the demo.
"""
