"""A cluster at a glance, live: its nodes, what waits, the last decisions and why, the pace.

Reads the API server and the scheduler's decisions, or judges the decisions of another scheduler
(`shadow`), and writes nothing.
"""
