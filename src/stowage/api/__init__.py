"""Kubernetes objects, quantities, selectors and the arithmetic of pod resources.

Pure: nothing of Stowage's other rooms enters, and no I/O.
"""
