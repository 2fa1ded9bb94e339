"""What a project may set, a file for each section; `project` puts the sections together and lets a model override its project.

- `audit`: what a project's audit trail keeps beside the ledger
- `drift`: how a model's drift is judged
- `drift_methods`: the methods that may decide, and the effects at which they warn and call drift by default
- `gate`: what a candidate has to reach to be promoted
- `predict`: how a project's models answer `/predict`
- `project`: the whole settings of a project, and those of one model
- `retrain`: when retraining of a model is recommended
- `section`: the base class of a project's settings, and the one error that names a wrong field
- `tools`: which tools a project allows
- `training`: what is trained, on which rows and with what
"""
