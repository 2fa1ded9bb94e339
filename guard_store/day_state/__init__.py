"""What each local day has received and how far each stage has processed it.

- `day_state`: the state of one local day as a value
- `invalidation`: what makes processed days due again
- `store`: reads, marks and fails days
- `tables`: table of day states
"""
