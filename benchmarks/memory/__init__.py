"""How much memory the scheduler takes for a cluster, its first list included.

`cluster` writes nodes and running pods of a real one's size straight into etcd, where the real API server
finds them; `run` starts the scheduler on it and reads its peak, `__main__` prints it.
"""
