"""The audit ledger: one chain of rows over everything that was asked, and the proof that none was changed since.

What a row says is `entry`, how it joins the chain `append`, the proof `verify` and `checkpoints`, reading it `store`, forgetting `retention`.
"""
