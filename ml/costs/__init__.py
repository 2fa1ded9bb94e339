"""Statistics of daily cost series. Amounts are approximate floats here; exact amounts are stored elsewhere.

`usual`: the expected cost of a day, by level and weekday.
`anomaly`: days that cost unusually much or little.
`forecast`: the cost of a whole month.
"""
