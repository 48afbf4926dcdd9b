"""The engine without an API server: dumps, traces, what-if and capacity.

Everything below it enters; nothing of a live cluster does.
"""
