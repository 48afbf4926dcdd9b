"""Extenders that are real HTTP servers: what they are asked, and what the scheduler makes of answers."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import test_utils, web

from stowage.framework import config
from stowage.kube import errors, informer, resources, watch
from stowage.scheduler import driver
from stowage.scheduler.extension import extender, extenders, whole
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod
from tests.unit.kube import certificates, fakes
from tests.unit.scheduler.test_driver import SCHEDULER, Scheduler, Server

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
Reply = Callable[[dict[str, Any]], Any]


class Extender:
    """Answers by verb, with JSON or with a response; notes what it was asked."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = replies
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        verb = request.path.rpartition("/")[2]
        question = await request.json()
        self.asked.append((verb, question))
        if self.before is not None:
            await self.before()
        answer = self.replies[verb](question)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    def questions(self, verb: str) -> list[dict[str, Any]]:
        return [question for asked, question in self.asked if asked == verb]


class Consulting(Scheduler):
    """A scheduler whose news are told as JSON, as watches bring them."""

    def __init__(self, made: Any, written: config.Configuration) -> None:
        self.driver = driver.Driver(made, written, lambda: True, seed=1)
        self._versions = 0

    def tell(self, *built: PodBuilder | NodeBuilder, what: informer.What = informer.What.ADDED) -> None:
        for each in built:
            if isinstance(each, PodBuilder):
                each.spec(schedulerName=SCHEDULER)
            kind = whole.of(type(each.done()))
            raw = {**each.raw, "metadata": {**each.raw["metadata"], "managedFields": [{"manager": "m"}]}}
            item: Any = kind.decode(json.dumps(raw).encode())
            self._versions += 1
            head = watch.Head(
                item.metadata.namespace, item.metadata.name, item.metadata.uid, str(self._versions)
            )
            self.driver.cache.apply(informer.News(what, resources.of(type(each.done())), head, item))

    async def attempt(self) -> None:
        await self.driver.consult()
        await self.settle()


@contextlib.asynccontextmanager
async def world(server: Server, *asked: Extender, **fields: Any) -> AsyncIterator[Consulting]:
    """A scheduler with these extenders, all configured by ``fields``."""
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(fakes.server_of(each.handle)) for each in asked]
        entries = [
            {"urlPrefix": url, "nodeCacheCapable": True, "weight": 1, **verbs(each), **fields}
            for url, each in zip(urls, asked, strict=True)
        ]
        written = config.load(f"{HEAD}extenders: {json.dumps(entries)}\n").config
        made = await stack.enter_async_context(fakes.client_of(server.handle))
        scheduler = Consulting(made, written)
        stack.push_async_callback(scheduler.driver._extenders.close)
        yield scheduler


def verbs(asked: Extender) -> dict[str, str]:
    return {f"{verb}Verb": verb for verb in asked.replies}


def said(server: Server, name: str = "p") -> dict[str, Any]:
    """The condition of a pod that was written last."""
    found: dict[str, Any] = server.sent("PATCH", f"/{name}/status")[-1]["status"]["conditions"][0]
    return found


def bound(server: Server, name: str = "p") -> list[str]:
    return [body["target"]["name"] for body in server.sent("POST", f"/{name}/binding")]


async def test_a_filter_narrows_the_nodes_by_name() -> None:
    server, asked = Server(), Extender(filter=lambda _: {"nodenames": ["b"], "failedNodes": {"a": "no"}})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_node("c"), make_pod("p").label(app="x"))
        await scheduler.attempt()
    [question] = asked.questions("filter")
    assert (question["Nodes"], sorted(question["NodeNames"])) == (None, ["a", "b", "c"])
    assert question["Pod"]["metadata"]["labels"] == {"app": "x"}
    assert "managedFields" not in question["Pod"]["metadata"]
    assert bound(server) == ["b"]


async def test_whole_nodes_go_to_who_does_not_know_them() -> None:
    server = Server()
    asked = Extender(filter=lambda question: {"Nodes": {"items": question["Nodes"]["items"][:1]}})
    async with world(server, asked, nodeCacheCapable=False) as scheduler:
        node = make_node("a")
        node.raw["metadata"]["annotations"] = {"example.com/ours": "to read"}
        scheduler.tell(node, make_node("b"), make_pod("p"))
        await scheduler.attempt()
    [question] = asked.questions("filter")
    assert question["NodeNames"] is None
    assert question["Nodes"]["items"][0]["metadata"]["annotations"] == {"example.com/ours": "to read"}
    assert bound(server) == ["a"]


async def test_one_narrows_what_the_one_before_left() -> None:
    server = Server()
    first = Extender(filter=lambda _: {"NodeNames": ["a", "b"]})
    second = Extender(filter=lambda question: {"NodeNames": question["NodeNames"][1:]})
    async with world(server, first, second) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_node("c"), make_pod("p"))
        await scheduler.attempt()
    assert second.questions("filter")[0]["NodeNames"] == ["a", "b"]
    assert bound(server) == ["b"]


async def test_points_are_weighted_and_added_to_the_scores() -> None:
    server = Server()
    first = Extender(prioritize=lambda _: [{"host": "a", "score": 9}, {"Host": "b", "Score": 1}])
    second = Extender(prioritize=lambda _: [{"Host": "b", "Score": 10}, {"Host": "unknown", "Score": 10}])
    async with world(server, first, second, weight=3) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_node("c"), make_pod("p"))
        await scheduler.attempt()
    assert bound(server) == ["b"]  # 3 * 10 * (1 + 10) against 3 * 10 * 9; all else is equal


async def test_who_fails_to_give_points_gives_none() -> None:
    server = Server()
    broken = Extender(prioritize=lambda _: web.Response(status=500))
    other = Extender(prioritize=lambda _: [{"Host": "b", "Score": 1}])
    async with world(server, broken, other) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
        await scheduler.attempt()
    assert bound(server) == ["b"]


async def test_a_pod_that_extenders_refuse_says_why_and_is_woken_by_anything() -> None:
    server = Server()
    asked = Extender(filter=lambda _: {"NodeNames": [], "FailedNodes": {"a": "not you", "b": "not you"}})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_node("c").taint("t", "NoSchedule"))
        scheduler.tell(make_pod("p"))
        await scheduler.attempt()
        assert said(server)["message"].startswith(
            "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 not you. "
        )
        assert scheduler.place("p") == "unschedulable"
        node = make_node("a")
        node.raw["metadata"]["annotations"] = {"example.com/new": "x"}
        scheduler.tell(node, what=informer.What.CHANGED)
        assert scheduler.place("p") == "backoff"


@pytest.mark.parametrize(
    ("field", "tried"),
    [("FailedNodes", True), ("FailedAndUnresolvableNodes", False)],
    ids=["it may", "never"],
)
async def test_preemption_is_tried_where_an_extender_says_that_it_may_help(field: str, tried: bool) -> None:
    server = Server()
    asked = Extender(filter=lambda _: {"NodeNames": [], field: {"a": "x"}})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_pod("low").on("a"), make_pod("p").priority(5))
        await scheduler.attempt()
    # The filters have nothing against the node: evicting makes no difference to them.
    found = 'expected at least one victim pod on node "a"' in said(server)["message"]
    assert found == tried


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda _: {"Error": "out of order"}, "out of order"),
        (lambda _: web.Response(status=503), "failed filter with extender at URL {url}/filter, code 503"),
        (
            lambda _: {"NodeNames": ["elsewhere"]},
            'extender "{url}" claims a filtered node "elsewhere" which is not found in the input node list',
        ),
        (lambda _: web.Response(text="<html>"), "answer of extender at URL {url}/filter: "),
    ],
    ids=["error", "status", "unknown node", "no JSON"],
)
async def test_a_failing_filter_fails_the_attempt(reply: Reply, message: str) -> None:
    server, asked = Server(), Extender(filter=reply)
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
        url = scheduler.driver._extenders._all[0].written.url_prefix
        assert scheduler.place("p") == "backoff"
    assert said(server)["reason"] == "SchedulerError"
    assert said(server)["message"].startswith(message.format(url=url))


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: web.Response(status=503),
        lambda _: web.Response(text="<html>"),
        lambda _: {"NodeNames": ["elsewhere"]},
    ],
    ids=["status", "no JSON", "unknown node"],
)
@pytest.mark.parametrize("ignorable", [False, True], ids=["counts", "ignored"])
async def test_a_password_in_its_url_is_told_nobody(
    reply: Reply, ignorable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server, asked = Server(), Extender(filter=reply)
    async with fakes.server_of(asked.handle) as url:
        prefix = url.replace("://", "://user:s3cret@")
        async with world(server, asked, urlPrefix=prefix, ignorable=ignorable) as scheduler:
            scheduler.tell(make_node("a"), make_pod("p"))
            await scheduler.attempt()
    assert asked.questions("filter")
    fields = "".join(str(record.__dict__) for record in caplog.records)
    assert "[redacted]@127.0.0.1" in fields
    assert "s3cret" not in fields + str(server.asked)


@pytest.mark.parametrize(
    "tls", [{"caData": "bm9uZQ=="}, {"insecure": True, "caFile": "x"}], ids=["CA", "insecure"]
)
def test_nor_is_it_where_its_certificates_are_no_good(tls: dict[str, Any]) -> None:
    entry = {"urlPrefix": "https://user:s3cret@example.com", "tlsConfig": tls}
    written = config.load(f"{HEAD}extenders: {json.dumps([entry])}\n").config
    with pytest.raises(errors.ConfigurationError) as raised:
        extenders.check(written.extenders)
    assert str(raised.value).startswith("extender https://[redacted]@example.com: ")


async def test_one_that_may_be_ignored_is_when_it_fails() -> None:
    server = Server()
    broken = Extender(filter=lambda _: {"Error": "out of order"})
    other = Extender(filter=lambda _: {"NodeNames": ["b"]})
    async with world(server, broken, other, ignorable=True) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
        await scheduler.attempt()
    assert bound(server) == ["b"]


async def test_one_that_does_not_answer_in_time_has_failed() -> None:
    server, asked = Server(), Extender(filter=lambda _: {})
    never = asyncio.Event()

    async def wait() -> None:
        await never.wait()

    asked.before = wait
    async with world(server, asked, httpTimeout="50ms") as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
        never.set()
    assert said(server)["message"].endswith('/filter": no answer in time')


async def test_an_answer_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extender, "LONGEST", 1000)
    server, asked = Server(), Extender(filter=lambda _: web.Response(text="x" * 1001))
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
    assert "is longer than 1000 bytes" in said(server)["message"]


async def test_only_pods_that_ask_for_its_resource_are_its_business() -> None:
    server, asked = Server(), Extender(filter=lambda _: {"NodeNames": ["b"]})
    managed = [{"name": "example.com/gpu", "ignoredByScheduler": True}]
    async with world(server, asked, managedResources=managed) as scheduler:
        scheduler.tell(make_node("b"), make_pod("plain"))
        await scheduler.attempt()
        assert not asked.asked
        scheduler.tell(make_pod("asking").request(**{"example.com/gpu": "1"}))
        await scheduler.attempt()  # no node has any, and the scheduler does not mind
    assert len(asked.questions("filter")) == 1
    assert (bound(server, "plain"), bound(server, "asking")) == (["b"], ["b"])


async def test_a_nominated_node_that_it_refuses_is_no_answer_for_the_others() -> None:
    server = Server()
    asked = Extender(filter=lambda question: {"NodeNames": [n for n in question["NodeNames"] if n != "a"]})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p").nominated("a"))
        await scheduler.attempt()
    assert [sorted(each["NodeNames"]) for each in asked.questions("filter")] == [["a"], ["a", "b"]]
    assert bound(server) == ["b"]


async def test_news_wait_while_an_extender_is_asked() -> None:
    server, asked = Server(), Extender(filter=lambda question: {"NodeNames": question["NodeNames"]})
    async with world(server, asked) as scheduler:
        following = asyncio.create_task(scheduler.driver._follow())

        async def meanwhile() -> None:
            head = watch.Head("", "a", "")
            gone = informer.News(informer.What.REMOVED, resources.NODES, head)
            await scheduler.driver._informer.news.put(gone)
            await fakes.settled()
            assert scheduler.driver.engine.cluster.node_count == 1

        asked.before = meanwhile
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
        await fakes.settled()
        assert scheduler.driver.engine.cluster.node_count == 0
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert bound(server) == ["a"]


# -------------------------------------------------------------------- preemption


def crowded(scheduler: Consulting) -> None:
    """Two nodes, each full with a pod of low priority; evicting on node a costs less."""
    scheduler.tell(make_node("a"), make_node("b"))
    scheduler.tell(make_pod("low-a").cpu("4").on("a"), make_pod("low-b").cpu("4").priority(1).on("b"))
    scheduler.tell(make_pod("p").cpu("4").priority(9))


async def test_it_leaves_some_candidates_for_preemption() -> None:
    server = Server()
    asked = Extender(
        preempt=lambda question: {"nodeNameToMetaVictims": {"b": question["NodeNameToMetaVictims"]["b"]}}
    )
    async with world(server, asked) as scheduler:
        crowded(scheduler)
        await scheduler.attempt()
    [question] = asked.questions("preempt")
    assert question["NodeNameToVictims"] is None
    assert question["NodeNameToMetaVictims"] == {
        "a": {"Pods": [{"UID": "uid-default-low-a"}], "NumPDBViolations": 0},
        "b": {"Pods": [{"UID": "uid-default-low-b"}], "NumPDBViolations": 0},
    }
    assert server.sent("DELETE", "/low-b")
    assert not server.sent("DELETE", "/low-a")


async def test_without_a_say_the_cheaper_node_is_chosen() -> None:
    server = Server()
    asked = Extender(preempt=lambda question: {"NodeNameToMetaVictims": question["NodeNameToMetaVictims"]})
    async with world(server, asked) as scheduler:
        crowded(scheduler)
        await scheduler.attempt()
    assert server.sent("DELETE", "/low-a")
    assert not server.sent("DELETE", "/low-b")


async def test_whole_victims_go_to_who_does_not_know_them() -> None:
    server = Server()
    asked = Extender(preempt=lambda _: {"NodeNameToMetaVictims": {}})
    async with world(server, asked, nodeCacheCapable=False) as scheduler:
        crowded(scheduler)
        await scheduler.attempt()
    [question] = asked.questions("preempt")
    assert question["NodeNameToVictims"]["a"]["Pods"][0]["spec"]["nodeName"] == "a"
    assert said(server)["message"].endswith(" preemption: no candidate node for preemption")
    assert not server.sent("DELETE", "/low-a")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"x": {"Pods": [{"UID": "u"}]}}, 'preemption: nodeinfo not found for node name "x"'),
        ({"a": {"Pods": []}}, 'preemption: expected at least one victim pod on node "a"'),
        (
            {"a": {"Pods": [{"UID": "uid-default-low-b"}]}},
            "pod (UID: &{uid-default-low-b}) on node: a, but the pod is not found on that node",
        ),
    ],
    ids=["unknown node", "no victims", "pod elsewhere"],
)
async def test_victims_that_cannot_be_are_an_error(reply: dict[str, Any], message: str) -> None:
    server = Server()
    asked = Extender(preempt=lambda _: {"NodeNameToMetaVictims": reply})
    async with world(server, asked) as scheduler:
        crowded(scheduler)
        await scheduler.attempt()
    assert said(server)["message"].endswith(message)
    assert not server.sent("DELETE", "/low-a")


# -------------------------------------------------------------------------- bind


async def test_the_one_that_binds_binds() -> None:
    server, asked = Server(), Extender(bind=lambda _: {})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
    assert asked.questions("bind") == [
        {"PodName": "p", "PodNamespace": "default", "PodUID": "uid-default-p", "Node": "a"}
    ]
    assert not bound(server)
    assert scheduler.driver.cache.assumed == {"uid-default-p": "a"}


async def test_a_pod_that_it_fails_to_bind_is_tried_again() -> None:
    server, asked = Server(), Extender(bind=lambda _: {"error": "no such rack"})
    async with world(server, asked) as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
        assert (scheduler.place("p"), scheduler.used("a")) == ("backoff", 0)
    assert said(server)["message"] == "no such rack"
    assert not bound(server)


async def test_where_it_may_be_ignored_the_plugin_binds() -> None:
    server, asked = Server(), Extender(bind=lambda _: web.Response(status=500))
    async with world(server, asked, ignorable=True) as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
    assert bound(server) == ["a"]


async def test_a_binding_whose_answer_was_lost_is_looked_up() -> None:
    server = Server(get=lambda _: web.json_response(make_pod("p").on("a").raw))
    asked = Extender(bind=lambda _: {})

    async def wait() -> None:
        await asyncio.Event().wait()

    asked.before = wait
    async with world(server, asked, httpTimeout="50ms") as scheduler:
        scheduler.tell(make_node("a"), make_pod("p"))
        await scheduler.attempt()
    assert scheduler.driver.cache.assumed == {"uid-default-p": "a"}
    assert not server.sent("PATCH", "/p/status")


# --------------------------------------------------------------------------- TLS


@contextlib.asynccontextmanager
async def over_tls(asked: Extender, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The URL of an extender over TLS."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", asked.handle)
    server = test_utils.TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    try:
        yield f"https://127.0.0.1:{server.port}"
    finally:
        await server.close()


@pytest.mark.parametrize("inline", [True, False], ids=["data", "files"])
async def test_certificates_prove_both_sides(tmp_path: Path, inline: bool) -> None:
    authority = certificates.Authority(tmp_path)
    certificate, key = authority.issue("client", "/CN=scheduler")
    files = {"ca": authority.pem, "cert": certificate, "key": key}
    tls = {
        f"{name}{'Data' if inline else 'File'}": certificates.inline(path) if inline else str(path)
        for name, path in files.items()
    }
    server, asked = Server(), Extender(filter=lambda _: {"NodeNames": ["b"]})
    async with over_tls(asked, authority.server()) as url:
        fields = {"urlPrefix": url, "enableHTTPS": True, "tlsConfig": tls}
        async with world(server, asked, **fields) as scheduler:
            scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
            await scheduler.attempt()
    assert bound(server) == ["b"]


@pytest.mark.parametrize(
    ("fields", "works"),
    [({"enableHTTPS": True}, True), ({}, False)],
    ids=["HTTPS without a CA verifies nobody", "a plain https URL verifies"],
)
async def test_who_is_trusted_without_a_ca(tmp_path: Path, fields: dict[str, Any], works: bool) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificates.Authority(tmp_path).issue("server", "/CN=server"))
    server, asked = Server(), Extender(filter=lambda _: {"NodeNames": ["b"]})
    async with over_tls(asked, context) as url, world(server, asked, urlPrefix=url, **fields) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
        await scheduler.attempt()
    assert bool(bound(server)) == works


def test_certificates_that_are_none_are_one_sentence() -> None:
    entry = {"urlPrefix": "https://e", "enableHTTPS": True, "tlsConfig": {"caFile": "/there/is/none"}}
    [written] = config.load(f"{HEAD}extenders: [{json.dumps(entry)}]\n").config.extenders
    with pytest.raises(errors.ConfigurationError, match=r"^extender https://e: tlsConfig: "):
        extender.Extender(written)
