"""The scheduling queue: pods that are ready, that pause and that wait, and what wakes them."""
