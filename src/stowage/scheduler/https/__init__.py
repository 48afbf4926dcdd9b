"""What the scheduler answers over HTTPS, and who may ask."""
