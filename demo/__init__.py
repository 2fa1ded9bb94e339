"""The demo: a year of real flights, sent through the client to the real processes, and every number checked.

- `alerts`: threads of messages, read back from the API
- `checks`: what must hold at the end, counted a second time with pandas
- `comparison`: the January model against the champion
- `days`: waits until local days are processed
- `failure`: the error of a demo whose result does not hold
- `flights`: flights and weather as one table of departures
- `phases`: the demo phase by phase
- `processes`: starts and stops `ml-guard up`
- `progress`: progress on the terminal
- `replay`: replays one step: events, labels, waiting
- `report`: table of drift, summary in `demo.json`
- `sending`: sends events, labels and prediction requests in threads
- `steps`: the year in steps

It uses the SDK and the command `ml-guard`, nothing from inside the other rooms.
"""
