"""Controllers enough that workloads live: one module a concern, each reconciles by key.

They adopt no orphans and record no Events; nodes, volumes, endpoints and autoscaling have none.
"""
