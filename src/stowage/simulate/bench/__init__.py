"""How fast the engine is: workload files in, pods per second, work counters and memory out.

`workload` reads the files and makes objects of their templates, `measure` times one workload in this
process, `run` gives each a process of its own, `reference` times the real kube-scheduler on the same.
"""
