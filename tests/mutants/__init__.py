"""Deliberate errors, one for each clause of the list of traps, and whether the tests notice them."""
