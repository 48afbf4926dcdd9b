"""A small Kubernetes API server with simulated kubelets and controllers, for where there is no cluster.

Here enters what serves the REST dialect and makes workloads live; nothing that schedules. Only the
command line imports it.
"""
