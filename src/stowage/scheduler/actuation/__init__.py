"""What is carried out and written: bindings and what precedes them, evictions, conditions, events."""
