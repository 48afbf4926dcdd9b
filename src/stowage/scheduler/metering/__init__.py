"""What is counted and timed, and the families it is told in."""
