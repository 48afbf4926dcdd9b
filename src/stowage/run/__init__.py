"""What `stowage run` starts: a cluster and a scheduler as processes of their own, a workload, the page.

Or, for a real cluster, the page beside a shadow of its scheduler, which only reads.
"""
