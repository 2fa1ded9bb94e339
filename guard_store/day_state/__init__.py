"""The state of each local day: the rows it has received, and how far each stage has processed them.

- `day_state`: the state of one local day as a value
- `invalidation`: makes processed days due again
- `store`: reads, marks and fails days
- `tables`: tables of day states and ticks
- `ticks`: the newest tick of each sensor
"""
