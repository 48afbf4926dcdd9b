"""The cluster as a table: one row a node, columns for what scheduling reads, pods counted by kind.

Holds state and answers questions about it; does no I/O and knows no plugin.
"""
