"""A plain client for the embedded API server and the real one, and the servers themselves."""

import asyncio
import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stowage.embedded import server

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass
class Client:
    """One request at a time; a new connection each."""

    host: str
    port: int
    token: str
    certificate: str = ""
    user: str = ""
    """In whose name to ask."""

    def __call__(
        self, method: str, path: str, body: Any = None, media: str = "application/json"
    ) -> tuple[int, Any]:
        """Status code and JSON."""
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls(), timeout=20)
        headers = self._headers() | {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = media
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if text[:1] in {b"{", b"["} else text.decode()

    @contextlib.contextmanager
    def lines(self, path: str) -> Iterator[Iterator[Any]]:
        """The events of a watch."""
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls(), timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=self._headers())
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            yield map(json.loads, answer)

    def _headers(self) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.token}" if self.token else "", "Impersonate-User": self.user}
        return {name: value for name, value in given.items() if value}

    def tls(self) -> ssl.SSLContext:
        if self.certificate:
            return ssl.create_default_context(cadata=self.certificate)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


@contextlib.contextmanager
def embedded(
    settings: server.Settings | None = None, nodes: int = 0, controllers: bool = False
) -> Iterator[server.Running]:
    """The embedded API server in a thread of its own."""
    started = threading.Event()
    found: list[server.Running] = []
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with (
            server.serve(settings or server.Settings()) as running,
            server.simulate(running, nodes, controllers),
        ):
            found.append(running)
            started.set()
            await stop.wait()

    def thread() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()
            loop.close()

    serving = threading.Thread(target=thread)
    serving.start()
    try:
        started.wait()
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        serving.join()


def client(running: server.Running) -> Client:
    host, port = running.url.removeprefix("https://").rsplit(":", 1)
    return Client(host, int(port), running.token, running.certificate.decode())
