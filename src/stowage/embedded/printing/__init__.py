"""What `kubectl get` shows: the cells of every kind, column by column. Formats only; serves nothing."""
