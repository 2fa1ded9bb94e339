"""Settings of a project, one file a section; `project` combines the sections, and lets a model override its project.

- `audit`: what a project's audit trail keeps in addition to the ledger
- `drift`: how a model's drift is evaluated
- `drift_methods`: the methods that can decide a verdict, and their default thresholds
- `evaluation`: which answers of language models become events
- `labels`: what the labels of a model mean
- `promotion`: what a candidate must reach to be promoted
- `predict`: how a project's models answer `/predict`
- `project`: all settings of a project, and those of one model
- `retrain`: when retraining of a model is recommended
- `section`: the base class of all sections, and the error that names a wrong field
- `tools`: which tools a project allows
- `training`: what is trained, on which rows and with which algorithms
"""
