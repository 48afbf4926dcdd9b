"""What a server is known by, and signs with: made once, and kept with the objects, so that clients and tokens
outlive the process where those do. No resource shows it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Final

from stowage.embedded.storage import store

_TABLE: Final = "keys"
"""No plural of a served resource is that, without a group."""


def kept(objects: store.Store, name: str, make: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """What is kept under a name; made now where nothing is."""
    found = objects.get(_TABLE, ("", name))
    if found is None:
        # With a UID as all objects have one: the controllers see it pass.
        made = {"metadata": {"name": name, "uid": str(uuid.uuid4())}, "data": dict(make())}
        found = objects.put(_TABLE, made)
    data: Mapping[str, str] = found.read()["data"]
    return data
