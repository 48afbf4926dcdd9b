"""The paths that name no resource: health, version, metrics, discovery, OpenAPI."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stowage.embedded import errors, registry, schema
from stowage.embedded.http import discovery, monitoring, openapi, request

HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})
"""These answer everybody."""
_AGGREGATED: Final = "as=APIGroupDiscoveryList"
_AGGREGATED_TYPE: Final = b"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TEXT: Final = b"text/plain; charset=utf-8"
JSON: Final = b"application/json"
_encode = msgspec.json.Encoder().encode


class NoPageError(Exception):
    """The path belongs to no API: the answer is no Status."""


class Fixed:
    def __init__(self, reg: registry.Registry, watched: monitoring.Monitoring) -> None:
        self._reg, self._monitoring = reg, watched

    def answer(self, asked: request.Request) -> tuple[bytes, bytes]:
        """Body and media type. NoPageError, ApiError 405."""
        if asked.method not in {"GET", "HEAD"}:
            raise errors.no_such_verb()
        path, resources = asked.path.rstrip("/"), self._reg.catalog.all()
        if path in HEALTH:
            return b"ok", TEXT
        if path == "/metrics":
            return self._monitoring.text(), monitoring.MEDIA
        found: Any = None
        if path == "/version":
            found = discovery.VERSION
        elif path in {"/api", "/apis"}:
            if _AGGREGATED in asked.headers.get("accept", ""):
                return _encode(discovery.aggregated(resources, core=path == "/api")), _AGGREGATED_TYPE
            found = discovery.legacy() if path == "/api" else discovery.groups(resources)
        elif path == "/openapi/v3":
            found = openapi.index(resources)
        else:
            found = _versioned(path, resources)
        if found is None:
            raise NoPageError
        return _encode(found), JSON


def _versioned(path: str, resources: list[schema.Resource]) -> Any:
    """/api/VERSION, /apis/GROUP, /apis/GROUP/VERSION, and the OpenAPI document of each."""
    documented = path.startswith("/openapi/v3/")
    parts = path.removeprefix("/openapi/v3").strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2 and not documented:
        known = discovery.versions(resources).get(parts[1])
        return {"kind": "APIGroup", "apiVersion": "v1"} | discovery.group(parts[1], known) if known else None
    wanted = "/".join(parts[1:])
    if (parts[0], len(parts)) not in {("api", 2), ("apis", 3)}:
        return None
    mine = [each for each in resources if each.group_version == wanted]
    if not mine:
        return None
    return openapi.document(mine) if documented else discovery.resource_list(wanted, mine)
