"""One module a plugin, in-tree ones and ours.

The framework, the cluster and the api enter; a plugin knows no other plugin.
"""
