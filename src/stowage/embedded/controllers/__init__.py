"""Controllers enough that workloads live: one module a concern, each reconciles by key.

They adopt no orphans, and their only Events are of what is refused to them; nodes, volumes, endpoints and
autoscaling have none.
"""
