"""Stowage: a Kubernetes scheduling system in which a plugin answers for all nodes at once."""
