"""Recorded scenarios against the engine: what kube-scheduler answered, and whether we answer the same.

`scenarios` reads them, `compare` judges a step (apart from the engine, on the recording's own terms),
`run` does both for many, `totals` counts. Nothing here is used by the engine.
"""
