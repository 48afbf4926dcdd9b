"""The client of a Kubernetes API server: connection, requests, list-watch, informers, leases, Events.

Asynchronous, and without an opinion about scheduling: what may enter is what any controller would
need. Objects come and go as the structs of `stowage.api` or as plain dicts; nothing is cached but
what a relist needs to tell what has gone.
"""
