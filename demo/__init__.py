"""The demo: a year of real flights, sent through the client to the real processes, with every number checked.

- `alerts`: threads of messages, read from the API
- `calls`: calls of language models and sample costs, after the year
- `checks`: checks of the results against a second count with pandas
- `comparison`: the January model against the champion
- `refusals`: what the promotion rule refused, and whether it was right to
- `days`: waits until local days are processed
- `failure`: the error of a demo that cannot go on
- `flights`: flights and weather as one table of departures
- `phases`: the order of the demo
- `pictures`: pictures of the pages for the README
- `processes`: starts and stops `ml-guard up`
- `progress`: progress on the terminal
- `replay`: replays one step: events, labels, waiting
- `report`: tables on the terminal, summary in `demo.json`
- `sending`: sends events, labels and prediction requests in threads
- `steps`: the year in steps
- `validation`: validates a running installation with generated events; not part of the demo's year

It sends data only through the SDK, calls language models over HTTP, and controls the processes only through the command `ml-guard`.
No call leaves the machine: language models and AWS are stand-ins, in a thread of the demo.
"""
