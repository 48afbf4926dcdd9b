"""The tools with a page: one package each, which do not import one another."""
