"""Training of a model on labelled rows, and its evaluation. Schedules do not belong here.

`trained`: the result of a training, or why there is none.
`files`: labelled rows of a file, split in time.
`features`: features, labels and schema of a training table.
`repeats`: rows that repeat others.
`suspects`: features that tell the label, ids, texts and times.
`candidates`: the pipelines that compete.
`custom`: models of a custom builder, tried before a training.
`validation`: candidates on later rows, and the choice among them.
`thresholds`: the probability from which a binary model predicts the positive class.
`train`: a training from rows to the final fit.
`held_out`: answers and importance on the held-out window.
`evaluate`: the evaluation of a candidate, and its files.
`cards`: model card and data card.
`curves`: curves of an evaluation as data.
`plots`: plots of an evaluation.
`terminal_table`: an evaluation as a table for a terminal.
`onnx_export`: export of a pipeline to ONNX.
`run_facts`: parameters, source and signature of a training in MLflow.
`log_run`: logging of a training to MLflow.
"""
