"""A backlog of pods on a real API server, drained by the real kube-scheduler and by ours in turn.

`load` is a lean generator of requests that shares no code with our client: it fills the cluster and
measures what the server can bind alone. `subject` starts a scheduler and watches it, `run` makes the
measurements of a workload, `__main__` prints them.
"""
