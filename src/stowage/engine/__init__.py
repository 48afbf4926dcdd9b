"""Plans, the cycle, dry run, explanation: the one engine behind every answer.

Knows the framework's contracts and the table; knows no plugin and does no I/O.
"""
