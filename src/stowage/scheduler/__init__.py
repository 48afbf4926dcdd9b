"""The live scheduler: the queue of pending pods, and what becomes of them.

Knows the engine, the framework's contracts and the table; knows no plugin.
"""
