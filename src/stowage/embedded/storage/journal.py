"""Keeps the store's objects in one SQLite file, so that what was answered is there after a kill -9."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  kind TEXT, namespace TEXT, name TEXT, revision INTEGER, body BLOB, PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER);
INSERT OR IGNORE INTO clock VALUES (1, 0);
"""
_BUSY_SECONDS = 1.0
"""How long another process may still be ending that has the file."""


class Row(NamedTuple):
    """An object as it is kept; the body is JSON without kind and apiVersion."""

    kind: str
    namespace: str
    name: str
    revision: int
    body: bytes


class UnusableError(Exception):
    """The file cannot be used; the message says why, and what to do."""


class Journal:
    """One write is one transaction, synced to disk when the call returns. sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """UnusableError."""
        try:
            self._open(path)
        except OSError as error:
            raise UnusableError(f"{path} cannot be written: {error.strerror}") from error
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise UnusableError(f"{path} cannot be used: {error}") from error
            why = "is in use by another `stowage cluster`; end that one, or name another file with --data"
            raise UnusableError(f"{path} {why}") from error
        except sqlite3.DatabaseError as error:
            why = "is no file that `stowage cluster --data` has made; name another one"
            raise UnusableError(f"{path} {why}") from error

    def _open(self, path: Path) -> None:
        # Secrets and keys are in it: for its owner only. SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        # One process at a time: a second server on the same file would serve what it does not know.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.executescript(_SCHEMA)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All writes of the block are one transaction; none of them is kept where it fails."""
        with self._db:
            self._db.execute("BEGIN")
            yield

    def revision(self) -> int:
        """The revision of the last write."""
        (revision,) = self._db.execute("SELECT revision FROM clock").fetchone()
        return int(revision)

    def rows(self) -> Iterator[Row]:
        """Everything that is kept."""
        for row in self._db.execute("SELECT kind, namespace, name, revision, body FROM objects"):
            yield Row(*row)

    def put(self, row: Row) -> None:
        with self._one():
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", row)
            self._db.execute("UPDATE clock SET revision = ?", (row.revision,))

    def remove(self, row: Row) -> None:
        with self._one():
            self._db.execute("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?", row[:3])
            self._db.execute("UPDATE clock SET revision = ?", (row.revision,))

    def _one(self) -> contextlib.AbstractContextManager[None]:
        """The transaction that is under way, or one of its own."""
        return contextlib.nullcontext() if self._db.in_transaction else self.together()

    def close(self) -> None:
        self._db.close()
