"""Requests and answers: who asks and may, paths and verbs, watches, tables, discovery, OpenAPI."""
