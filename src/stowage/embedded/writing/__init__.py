"""What becomes of a write: defaults, admission, validation, patches, field managers, deletion."""
