"""Random request sequences to the embedded API server and to the real one; what they answer is equal."""
