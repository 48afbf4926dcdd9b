"""The `stowage` command: arguments in, text and exit codes out; the logic is elsewhere."""
