"""Writes src/stowage/embedded/columns.json anew: the columns in which the real API server shows each kind.

`python -m tests.reference.record_columns`, from the project's root, with the real server built. One line a
kind of types.json that can be listed; each column has the fields that its definition has on the wire.
"""

import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

from stowage.embedded import schema
from stowage.embedded.http import measured, tables
from stowage.embedded.writing import subresources
from tests import control_plane

OUT = Path("src/stowage/embedded/columns.json")
CONTROLLERS = "/api/v1/namespaces/default/replicationcontrollers"
HEADERS = {"Authorization": "Bearer admin-token"}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

MEASURED = [
    {"name": name, "type": "string", "format": format, "description": "", "priority": 0}
    for name, format in (("Name", "name"), ("Cpu", ""), ("Memory", ""), ("Window", ""))
]
"""Of metrics.k8s.io, which the real server does not serve."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, control_plane.running(Path(folder)) as plane:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context)
        _create_scaled(connection)
        rows = {f"{kind}.{measured.GROUP}": MEASURED for kind in ("NodeMetrics", "PodMetrics")}
        for resource in schema.builtin():
            if "list" in resource.verbs and resource.group != measured.GROUP:
                rows[tables.key(resource)] = _columns(connection, resource)
        rows[tables.key(subresources.SCALE)] = _asked(connection, f"{CONTROLLERS}/a/scale")
    lines = (f"{json.dumps(kind)}:{_packed(rows[kind])}" for kind in sorted(rows))
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _columns(connection: http.client.HTTPSConnection, resource: schema.Resource) -> list[dict[str, Any]]:
    root = "apis" if resource.group else "api"
    path = f"/{root}/{resource.group_version}/{resource.plural}?limit=1"
    return _asked(connection, path)


def _asked(connection: http.client.HTTPSConnection, path: str) -> list[dict[str, Any]]:
    connection.request("GET", path, headers=HEADERS | {"Accept": TABLE})
    found: list[dict[str, Any]] = json.loads(connection.getresponse().read())["columnDefinitions"]
    return found


def _create_scaled(connection: http.client.HTTPSConnection) -> None:
    """What has a Scale."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    made = {"metadata": {"name": "a"}, "spec": {"selector": {"a": "b"}, "template": template}}
    connection.request("POST", CONTROLLERS, json.dumps(made), HEADERS | {"Content-Type": "application/json"})
    connection.getresponse().read()


def _packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
