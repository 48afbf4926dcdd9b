"""The objects: in memory, in a file, out of a dump, and until they expire."""
