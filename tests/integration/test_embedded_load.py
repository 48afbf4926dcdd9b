"""Many pods on the embedded API server: what one costs does not grow with how many there are."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import time
from collections.abc import Iterator

import pytest

from tests.integration import embedded_client
from tests.integration.embedded_client import Client

pytestmark = pytest.mark.slow

PODS = "/api/v1/namespaces/default/pods"
COUNT = 5_000


@contextlib.contextmanager
def one_connection(client: Client) -> Iterator[http.client.HTTPSConnection]:
    connection = http.client.HTTPSConnection(client.host, client.port, context=client.tls(), timeout=20)
    with contextlib.closing(connection):
        yield connection


def create(connection: http.client.HTTPSConnection, client: Client, name: str) -> None:
    container = {"name": "a", "image": "b", "resources": {"requests": {"cpu": "100m"}}}
    pod = {"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": [container]}}
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    connection.request("POST", PODS, json.dumps(pod), headers)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()


def watch(client: Client) -> list[str]:
    """The names of all pods that come, in order."""
    with client.lines(f"{PODS}?watch=1&timeoutSeconds=120") as lines:
        return [each["object"]["metadata"]["name"] for each in itertools.islice(lines, COUNT)]


def test_five_thousand_pods_are_made_listed_and_watched_at_an_even_pace() -> None:
    with (
        embedded_client.embedded(controllers=True) as running,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        client = embedded_client.client(running)
        watching = [pool.submit(watch, client) for _ in range(2)]
        names = [f"p-{i}" for i in range(COUNT)]
        spent = []
        with one_connection(client) as connection:
            for each in (names[: COUNT // 2], names[COUNT // 2 :]):
                began = time.process_time()
                for name in each:
                    create(connection, client, name)
                spent.append(time.process_time() - began)
        for seen in watching:
            assert seen.result(60) == names
        # Were a pod as dear as there are pods already, the second half would cost three times the first.
        assert spent[1] < 2 * spent[0]
        assert spent[0] + spent[1] < COUNT * 0.01
        began = time.process_time()
        assert len(client("GET", PODS)[1]["items"]) == COUNT
        assert time.process_time() - began < 2
        stored = running.registry.objects.entries("pods")
        assert sum(len(each.body) for each in stored) < COUNT * 2_000
