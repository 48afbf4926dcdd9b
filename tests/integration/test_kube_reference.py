"""`stowage.kube` against the real API server: what it answers is what we expect of it."""

import asyncio
import contextlib
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stowage.kube import client as clients
from stowage.kube import connection, errors, events, informer, leases, resources, series, watch
from tests import control_plane
from tests.unit.kube import certificates

pytestmark = [pytest.mark.reference, pytest.mark.slow]

NAMESPACES = resources.Resource("", "v1", "Namespace", "namespaces", False, dict[str, Any])
ACCOUNTS = resources.Resource("", "v1", "ServiceAccount", "serviceaccounts", True, dict[str, Any])
ROLE_BINDINGS = resources.Resource(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False, dict[str, Any]
)
PODS = resources.PODS.plain()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    folder = tmp_path_factory.mktemp("controlplane")
    authority = certificates.Authority(folder)
    authority.issue("admin", "/O=system:masters/CN=somebody")
    with control_plane.running(folder, flags=f"--client-ca-file={authority.pem}") as started:
        yield started


@contextlib.asynccontextmanager
async def client_of(kubeconfig: str) -> AsyncIterator[clients.Client]:
    async with asyncio.timeout(60), clients.Client(connection.from_kubeconfig(kubeconfig)) as client:
        yield client


@contextlib.asynccontextmanager
async def namespace(client: clients.Client) -> AsyncIterator[str]:
    """A namespace of its own for a test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i"}], **spec},
    }


def binding(name: str, node: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}


# --------------------------------------------------------------------------- requests
async def test_objects_are_created_read_changed_and_deleted(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        made = await client.create(resources.PODS, pod("a"), ns)
        assert made.spec.containers[0].name == "c"
        with pytest.raises(errors.Conflict) as taken:
            await client.create(resources.PODS, pod("a"), ns)
        assert taken.value.exists

        whole = await client.get(PODS, "a", ns)
        await client.update(
            PODS, {**whole, "metadata": whole["metadata"] | {"labels": {"app": "y"}}}, "a", ns
        )
        with pytest.raises(errors.Conflict, match="the object has been modified") as stale:
            await client.update(PODS, whole, "a", ns)
        assert not stale.value.exists

        with pytest.raises(errors.Conflict):
            await client.delete(PODS, "a", ns, uid="another")
        await client.delete(PODS, "a", ns, uid=made.metadata.uid, grace_period=0)
        with pytest.raises(errors.NotFound):
            await client.get(PODS, "a", ns)


async def test_what_breaks_a_rule_says_which(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        with pytest.raises(errors.Invalid) as caught:
            await client.create(resources.PODS, pod("a", restartPolicy="Sometimes"), ns)
        assert [cause.field for cause in caught.value.causes] == ["spec.restartPolicy"]


@pytest.mark.parametrize(
    ("how", "body"),
    [
        (clients.Patch.MERGE, {"metadata": {"labels": {"app": None, "b": "c"}}}),
        (clients.Patch.STRATEGIC, {"metadata": {"labels": {"app": None, "b": "c"}}}),
        (
            clients.Patch.JSON,
            [
                {"op": "remove", "path": "/metadata/labels/app"},
                {"op": "add", "path": "/metadata/labels/b", "value": "c"},
            ],
        ),
    ],
    ids=["merge", "strategic", "json"],
)
async def test_objects_are_patched(plane: control_plane.ControlPlane, how: clients.Patch, body: Any) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        await client.create(PODS, pod("a"), ns)
        patched = await client.patch(resources.PODS, body, "a", ns, how=how)
    assert patched.metadata.labels == {"b": "c"}


async def test_who_applies_what_another_owns_is_told(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:

        async def apply(manager: str, value: str, **params: str) -> None:
            meta = {"name": "a", "labels": {"app": value}}
            await client.patch(
                PODS,
                {**pod("a"), "metadata": meta},
                "a",
                ns,
                how=clients.Patch.APPLY,
                params={"fieldManager": manager, **params},
            )

        await apply("one", "x")
        with pytest.raises(errors.Conflict, match='conflict with "one"'):
            await apply("two", "y")
        await apply("two", "y", force="true")
        assert (await client.get(resources.PODS, "a", ns)).metadata.labels == {"app": "y"}


async def test_a_pod_is_bound_once(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        await client.create(PODS, pod("a"), ns)
        await client.create(resources.BINDINGS, binding("a", "n1"), ns, "a")
        with pytest.raises(errors.Conflict, match="already assigned to node"):
            await client.create(resources.BINDINGS, binding("a", "n2"), ns, "a")
        status = {"status": {"phase": "Running"}}
        bound = await client.patch(resources.POD_STATUS, status, "a", ns, how=clients.Patch.STRATEGIC)
    assert (bound.spec.node_name, bound.status.phase) == ("n1", "Running")


# ------------------------------------------------------------------------ connections
async def test_a_client_certificate_is_an_identity(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    config = yaml.safe_load(Path(plane.kubeconfig).read_text())
    config["users"] = [
        {
            "name": "admin",
            "user": {
                "client-certificate-data": certificates.inline(plane.folder / "admin.pem"),
                "client-key-data": certificates.inline(plane.folder / "admin.key"),
            },
        }
    ]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    async with client_of(str(path)) as client:
        await client.list_page(resources.NODES)


async def test_a_wrong_token_is_no_identity(plane: control_plane.ControlPlane) -> None:
    async with clients.Client(account_connection(plane, "wrong")) as client:
        with pytest.raises(errors.Unauthorized):
            await client.list_page(resources.NODES)


def account_connection(plane: control_plane.ControlPlane, token: str) -> connection.Connection:
    context = ssl.create_default_context(cafile=str(plane.folder / "certs" / "apiserver.crt"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    server = f"https://127.0.0.1:{plane.port}"
    return connection.fixed(connection.Access(server, tls=context, authorization=f"Bearer {token}"))


async def test_a_kind_that_is_forbidden_or_lacking_is_refused_until_it_is_not(
    plane: control_plane.ControlPlane,
) -> None:
    unknown = resources.Resource("stowage.example", "v1", "Nothing", "nothings", False, dict[str, Any])
    async with client_of(plane.kubeconfig) as admin, namespace(admin) as ns:
        await admin.create(ACCOUNTS, {"metadata": {"name": "reader"}}, ns)
        token = await admin.create(ACCOUNTS.sub("token", dict[str, Any]), {"spec": {}}, ns, "reader")
        server = account_connection(plane, token["status"]["token"])
        async with clients.Client(server) as client:
            source = informer.Informer(client, [watch.Source(resources.NODES), watch.Source(unknown)])
            async with following(source):
                refused = [await source.news.get() for _ in range(2)]
                assert {(str(news.kind), news.what) for news in refused} == {
                    ("nodes", informer.What.REFUSED),
                    ("nothings.stowage.example", informer.What.REFUSED),
                }
                assert all(isinstance(news.error, errors.Forbidden) for news in refused)
                await admin.create(
                    ROLE_BINDINGS,
                    {
                        "metadata": {"name": ns},
                        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": ns}],
                        "roleRef": {
                            "apiGroup": "rbac.authorization.k8s.io",
                            "kind": "ClusterRole",
                            "name": "cluster-admin",
                        },
                    },
                )
                listed = await source.news.get()
        assert (str(listed.kind), listed.what) == ("nodes", informer.What.LISTED)
        async with contextlib.aclosing(watch.follow(admin, watch.Source(unknown))) as changes:
            assert (await anext(changes)).mark is watch.Mark.LISTING
            assert isinstance((await anext(changes)).error, errors.NotFound)


# ------------------------------------------------------------------------ list and watch
@contextlib.asynccontextmanager
async def following(source: informer.Informer) -> AsyncIterator[None]:
    run = asyncio.create_task(source.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def take(source: informer.Informer, count: int) -> list[str]:
    """The next news, each as what happened and the object's name."""
    async with asyncio.timeout(30):
        news = [await source.news.get() for _ in range(count)]
    return [f"{item.what.name} {item.head.name}".strip() for item in news]


async def test_a_selection_is_followed(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        for name in "abcde":
            await client.create(PODS, pod(name), ns)
        fields = "status.phase!=Succeeded,status.phase!=Failed"
        source = informer.Informer(
            client, [watch.Source(resources.PODS, ns, labels="app=x", fields=fields, page=2)]
        )
        async with following(source):
            assert await take(source, 6) == [*(f"ADDED {name}" for name in "abcde"), "LISTED"]
            await client.create(resources.BINDINGS, binding("a", "n1"), ns, "a")
            assert await take(source, 1) == ["CHANGED a"]
            # A pod that ends leaves the selection.
            ended = {"status": {"phase": "Succeeded"}}
            await client.patch(resources.POD_STATUS, ended, "a", ns, how=clients.Patch.MERGE)
            assert await take(source, 1) == ["REMOVED a"]
            # A deletion is a change (its timestamp) and then the end.
            await client.delete(PODS, "b", ns, grace_period=0)
            assert await take(source, 2) == ["CHANGED b", "REMOVED b"]
    assert source.counts["pods"] == watch.Counts(lists=1, watches=1)


async def test_a_cached_list_brings_all(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        for name in "abc":
            await client.create(PODS, pod(name), ns)
        source = informer.Informer(client, [watch.Source(resources.PODS, ns, consistent=False)])
        async with following(source):
            # What the cache did not have yet comes by the watch.
            assert sorted(await take(source, 4)) == ["ADDED a", "ADDED b", "ADDED c", "LISTED"]


class Proxy:
    """Between a client and the API server; can be frozen, as a network that swallows everything."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.cut()
            while self._writers:  # until each connection's task has ended
                await asyncio.sleep(0)

    def freeze(self) -> None:
        self._open.clear()

    def thaw(self) -> None:
        """Let new connections through; what was open stays lost."""
        self.cut()
        self._open.set()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back))
                group.create_task(self._pass(there, writer))
        except* OSError:
            pass
        finally:
            self._writers -= {writer, back}
            writer.close()
            back.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionError("closed")


async def test_nothing_is_missed_when_a_watch_is_cut_or_stalls(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    proxy = Proxy(plane.port)
    async with client_of(plane.kubeconfig) as admin, namespace(admin) as ns, proxy.serving() as port:
        path = tmp_path / "kubeconfig"
        path.write_text(Path(plane.kubeconfig).read_text().replace(f":{plane.port}", f":{port}"))
        async with client_of(str(path)) as client:
            source = informer.Informer(client, [watch.Source(resources.PODS, ns, stall=1.0)])
            async with following(source):
                assert await take(source, 1) == ["LISTED"]
                proxy.cut()
                await admin.create(PODS, pod("a"), ns)
                assert await take(source, 1) == ["ADDED a"]
                proxy.freeze()
                await admin.create(PODS, pod("b"), ns)
                await admin.create(PODS, pod("c"), ns)
                await admin.delete(PODS, "a", ns, grace_period=0)
                broken = source.counts["pods"].broken
                while source.counts["pods"].broken == broken:  # until it is noticed
                    await asyncio.sleep(0.01)
                proxy.thaw()
                assert await take(source, 4) == ["ADDED b", "ADDED c", "CHANGED a", "REMOVED a"]
    assert source.counts["pods"].lists == 1


async def test_an_api_server_that_forgot_makes_a_relist(tmp_path: Path) -> None:
    # A server's cache begins at the revision at which it starts: a watch from before is answered 410.
    with control_plane.running(tmp_path) as plane:
        async with client_of(plane.kubeconfig) as client:
            for name in "ab":
                await client.create(PODS, pod(name), "default")
            source = informer.Informer(client, [watch.Source(resources.PODS, "default")])
            async with following(source):
                assert await take(source, 3) == ["ADDED a", "ADDED b", "LISTED"]
                for number in range(10):
                    await client.create(NAMESPACES, {"metadata": {"name": f"n{number}"}})
                await asyncio.to_thread(plane.stop)
                await asyncio.to_thread(plane.start)
                assert await take(source, 3) == ["CHANGED a", "CHANGED b", "LISTED"]
                await client.delete(PODS, "a", "default", grace_period=0)
                assert await take(source, 2) == ["CHANGED a", "REMOVED a"]
    assert source.counts["pods"].lists >= 2


# ------------------------------------------------------------------------ leases and Events
async def test_of_two_candidates_one_leads_and_the_other_takes_over(
    plane: control_plane.ControlPlane,
) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:

        def candidate(identity: str) -> leases.Election:
            times = {"lease_duration": 3.0, "renew_deadline": 2.0, "retry_period": 0.2}
            return leases.Election(client, leases.Settings(identity, "test", ns, **times))

        one, two, three = candidate("one"), candidate("two"), candidate("three")
        await one.acquire()
        renewing = asyncio.create_task(one.renew())
        standby = asyncio.create_task(two.acquire())
        held = await client.get(resources.LEASES, "test", ns)
        while (await client.get(resources.LEASES, "test", ns))["spec"]["renewTime"] == held["spec"][
            "renewTime"
        ]:
            await asyncio.sleep(0.05)
        assert not standby.done()
        assert two.candidate.leader == "one"

        # One dies: two waits for the Lease to expire. Two stops: three need not wait.
        renewing.cancel()
        await standby
        assert not one.holds()
        await two.release()
        await three.acquire()
        held = await client.get(resources.LEASES, "test", ns)
        await asyncio.gather(renewing, return_exceptions=True)
    assert held["spec"]["holderIdentity"] == "three"
    assert held["spec"]["leaseTransitions"] == 2


async def test_events_arrive_as_series(plane: control_plane.ControlPlane) -> None:
    async with client_of(plane.kubeconfig) as client, namespace(client) as ns:
        made = await client.create(PODS, pod("a"), ns)
        meta = made["metadata"]
        regarding = series.Reference("v1", "Pod", ns, "a", meta["uid"], meta["resourceVersion"])
        recorder = events.Recorder(client, "stowage", "stowage-test")
        sending = asyncio.create_task(recorder.run())
        for _ in range(3):
            recorder.record(regarding, "Warning", "FailedScheduling", "Scheduling", "0/3 nodes are available")
            await recorder.flush()
        recorder.record(regarding, "Normal", "Scheduled", "Binding", "Successfully assigned")
        await recorder.flush()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        written = await client.list_all(resources.EVENTS.plain(), ns)
    found = {event["reason"]: event for event in written}
    assert set(found) == {"FailedScheduling", "Scheduled"}
    failed = found["FailedScheduling"]
    assert failed["series"]["count"] == 2
    assert failed["regarding"]["uid"] == meta["uid"]
    assert (failed["reportingController"], failed["action"]) == ("stowage", "Scheduling")
    assert "series" not in found["Scheduled"]
    assert (recorder.written, recorder.dropped) == (3, 0)
