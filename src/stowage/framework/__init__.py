"""The contracts between the engine and its plugins: extension points, status, profiles, registry.

Knows the table, and no plugin.
"""
