"""Studies: how often methods are wrong, and how soon they are right, on data whose truth is known. Each prints its tables.

- `days`: false alarms and delay of the drift verdicts where days differ
- `drift`: false alarms, power and outliers of the drift verdicts
- `estimate`: bias and coverage of estimated performance
- `performance`: false alarms and delay of the performance rule
- `policy`: false findings and recall of the content policy
- `policy_texts`: the generated texts of that study
- `promotion`: false promotions and power of the promotion rule, false blocks of its guards
"""
